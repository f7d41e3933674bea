using System.Net;
using System.Net.Sockets;

namespace Lessons;

/// <summary>
/// A TCP server for many clients at once, and a class that says what to do with one of them: Python's socketserver. The server knows
/// nothing of what is said, the handler nothing of the other clients.
/// </summary>
internal static class TcpHandlerClass
{
    public static async Task Run()
    {
        await using var server = new TcpServer(client => new Shouter(client));
        Console.WriteLine("server: listening");

        // All three are connected before the first of them speaks, and the last speaks first: nobody waits for anybody's end.
        using var ann = await Visitor.ConnectAsync(server.EndPoint);
        using var bob = await Visitor.ConnectAsync(server.EndPoint);
        using var cy = await Visitor.ConnectAsync(server.EndPoint);
        foreach (var (name, visitor) in new[] { ("cy", cy), ("bob", bob), ("ann", ann), ("cy", cy) })
            Console.WriteLine($"{name}: {await visitor.AskAsync($"{name} wants a ticket")}");

        // One that goes wrong ends its own connection and no other.
        Console.WriteLine($"bob: {await bob.AskAsync("fail") ?? "hung up on"}");
        Console.WriteLine($"ann: {await ann.AskAsync("still served")}");
    }

    /// <summary>What this server does: it says everything louder.</summary>
    private sealed class Shouter(TcpClient client) : Handler(client)
    {
        protected override async Task HandleAsync(CancellationToken stop)
        {
            while (await Reader.ReadLineAsync(stop) is { } line)
            {
                if (line == "fail") throw new InvalidOperationException("this client is too much");
                await Writer.WriteLineAsync(line.ToUpperInvariant());
            }
        }
    }

    /// <summary>One client's side of the server. A subclass says what is done with it.</summary>
    private abstract class Handler(TcpClient client)
    {
        protected StreamReader Reader { get; } = new(client.GetStream());

        protected StreamWriter Writer { get; } = new(client.GetStream()) { AutoFlush = true };

        public async Task RunAsync(CancellationToken stop)
        {
            using (client)
            {
                await HandleAsync(stop);
            }
        }

        protected abstract Task HandleAsync(CancellationToken stop);
    }

    /// <summary>Accepts, and gives each client a handler of its own. It serves from its making until it is disposed of.</summary>
    private sealed class TcpServer : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _accepting;

        public TcpServer(Func<TcpClient, Handler> makeHandler)
        {
            _listener.Start();
            _accepting = AcceptAsync(makeHandler);
        }

        public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndpoint;

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _accepting;
            _listener.Dispose();
            _stop.Dispose();
            Console.WriteLine("server: closed, and no handler is left");
        }

        private async Task AcceptAsync(Func<TcpClient, Handler> makeHandler)
        {
            List<Task> serving = [];
            try
            {
                while (true)
                {
                    // Not awaited: the next client is accepted while this one is served.
                    serving.Add(ServeAsync(makeHandler(await _listener.AcceptTcpClientAsync(_stop.Token))));
                    serving.RemoveAll(one => one.IsCompleted);
                }
            }
            catch (OperationCanceledException)
            {
                await Task.WhenAll(serving);
            }
        }

        private async Task ServeAsync(Handler handler)
        {
            try
            {
                await handler.RunAsync(_stop.Token);
            }
            catch (OperationCanceledException)
            {
                // The server is closing.
            }
            catch (Exception failure) when (failure is InvalidOperationException or IOException)
            {
                Console.WriteLine($"server: a client is dropped, {failure.Message}");
            }
        }
    }

    private sealed class Visitor(TcpClient client) : IDisposable
    {
        private readonly StreamReader _reader = new(client.GetStream());
        private readonly StreamWriter _writer = new(client.GetStream()) { AutoFlush = true };

        public static async Task<Visitor> ConnectAsync(IPEndPoint server)
        {
            var client = new TcpClient();
            await client.ConnectAsync(server);
            return new(client);
        }

        /// <returns>Null when the server has hung up.</returns>
        public async Task<string?> AskAsync(string line)
        {
            await _writer.WriteLineAsync(line);
            return await _reader.ReadLineAsync();
        }

        public void Dispose() => client.Dispose();
    }
}
