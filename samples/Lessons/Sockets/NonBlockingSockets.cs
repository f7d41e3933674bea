using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Lessons;

/// <summary>A socket that does not wait: it says that it would have to. And one that waits only so long.</summary>
internal static class NonBlockingSockets
{
    public static void Run()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();

        // Nobody has called, and a socket that must not wait has nothing to give back: this is Python's BlockingIOError.
        Console.WriteLine($"accept, blocking {listener.Blocking}: {ErrorOf(() => listener.Accept())}");

        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.LocalEndPoint!);
        using var accepted = listener.Accept();
        Console.WriteLine("accept, after a client has connected: there it is");

        accepted.Blocking = false;
        Console.WriteLine($"receive, blocking {accepted.Blocking}: {ErrorOf(() => accepted.Receive(new byte[1]))}");

        // Between waiting for ever and not at all: a limit. It is the socket's, and holds for every call until it is changed.
        accepted.Blocking = true;
        Console.WriteLine($"timeout, as it comes: {accepted.ReceiveTimeout} ms, which is for ever");
        accepted.ReceiveTimeout = 100;
        Console.WriteLine($"timeout, read back: {accepted.ReceiveTimeout} ms");
        var watch = Stopwatch.StartNew();
        Console.WriteLine($"receive, with the timeout: {ErrorOf(() => accepted.Receive(new byte[1]))}");
        Console.WriteLine($"waited that long: {watch.ElapsedMilliseconds >= 100}");

        client.Send([42]);
        var buffer = new byte[1];
        Console.WriteLine($"receive, after the client has sent: {accepted.Receive(buffer)} byte, {buffer[0]}");
    }

    private static SocketError ErrorOf(Action call)
    {
        try
        {
            call();
        }
        catch (SocketException failed)
        {
            return failed.SocketErrorCode;
        }

        throw new UnreachableException("The call was expected to fail.");
    }
}
