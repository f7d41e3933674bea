using System.Net;
using System.Net.Sockets;

namespace Lessons;

/// <summary>A socket is a file to the system: it has a number. And to its program: it can be read and written by lines.</summary>
internal static class SocketAsFile
{
    public static void Run()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(listener.LocalEndpoint);
        using var server = listener.AcceptSocket();

        // Python's fileno(). The number is this process's name for the socket, and means nothing to another process.
        Console.WriteLine($"client: descriptor {client.Handle}, server: descriptor {server.Handle}");
        Console.WriteLine($"two descriptors: {client.Handle != server.Handle}");
        if (OperatingSystem.IsLinux())
            Console.WriteLine($"the system calls it {File.ResolveLinkTarget($"/proc/self/fd/{client.Handle}", false)!.Name}");

        // Python's makefile(). The writer collects until it is flushed, so that a line is one packet and not one for each word.
        using (var stream = new NetworkStream(client, ownsSocket: false))
        using (var writer = new StreamWriter(stream) { NewLine = "\n" })
        {
            writer.Write("two tickets ");
            writer.WriteLine("for ann");
            Console.WriteLine($"arrived before the flush: {server.Available} bytes");
            writer.Flush();
            writer.WriteLine("one ticket for bob");
        }

        // The writer is gone, the socket is not: it does not own it. What it still held, it has written at its end.
        client.Shutdown(SocketShutdown.Send);

        // TCP carries bytes, not lines: the reader puts them together, however they arrive, until the other side has ended.
        using var reader = new StreamReader(new NetworkStream(server, ownsSocket: false));
        while (reader.ReadLine() is { } line) Console.WriteLine($"line: {line}");
        Console.WriteLine("the end of the file is the end of what the other side sends");

        // The number goes back to the system, which gives it to the next file that is opened. The safe handle knows that it is gone.
        var handle = client.SafeHandle;
        client.Dispose();
        Console.WriteLine($"closed: {handle.IsClosed}");
    }
}
