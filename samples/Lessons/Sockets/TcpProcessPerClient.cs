using System.Net;
using System.Net.Sockets;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>A chat server with a process for each client: one who keeps silent keeps nobody else waiting.</summary>
internal static class TcpProcessPerClient
{
    public static void Run()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();

        // Ann calls first and says nothing. A server that serves one after the other would now wait for her.
        using var ann = Call(listener);
        using var talkToAnn = Serve(listener);
        using var bob = Call(listener);
        using var talkToBob = Serve(listener);

        Console.WriteLine($"bob: {bob.Ask("hello")}");
        Console.WriteLine($"ann: {ann.Ask("good morning")}");
        Console.WriteLine($"bob: {bob.Ask("two tickets")}");

        bob.Dispose();
        talkToBob.Join();
        Console.WriteLine($"ann, after bob has gone: {ann.Ask("still here")}");
        ann.Dispose();
        talkToAnn.Join();
        Console.WriteLine($"two processes: {talkToAnn.Pid != talkToBob.Pid}; exit codes {talkToAnn.ExitCode} and {talkToBob.ExitCode}");
    }

    private static ChildProcess Serve(TcpListener listener)
    {
        // The accepted socket goes to the child as an argument, and is closed here: the connection ends when its last owner closes it,
        // and a server that kept a copy of each would run out of descriptors.
        using var client = listener.AcceptSocket();
        var talk = new ChildProcess(Talk, client, $"{client.RemoteEndPoint}");
        talk.Start();
        return talk;
    }

    private static void Talk(Socket client, string address)
    {
        using var stream = new NetworkStream(client, ownsSocket: true);
        using var reader = new StreamReader(stream);
        using var writer = new StreamWriter(stream) { AutoFlush = true };
        while (reader.ReadLine() is { } line) writer.WriteLine(line.ToUpperInvariant());
        Console.WriteLine($"  process {CurrentProcess.Pid}: {address} has gone");
    }

    private static Caller Call(TcpListener listener) => new((IPEndPoint)listener.LocalEndpoint);

    private sealed class Caller : IDisposable
    {
        private readonly TcpClient _client = new();
        private readonly StreamReader _reader;
        private readonly StreamWriter _writer;

        public Caller(IPEndPoint server)
        {
            _client.Connect(server);
            _reader = new(_client.GetStream());
            _writer = new(_client.GetStream()) { AutoFlush = true };
        }

        public string? Ask(string line)
        {
            _writer.WriteLine(line);
            return _reader.ReadLine();
        }

        public void Dispose() => _client.Dispose();
    }
}
