using System.Net;
using System.Net.Sockets;

namespace TicketRush.Cli.Tests.Samples;

/// <summary>
/// Stands between a shop and the server and loses things, one connection each way in turn: the reply, so that what was asked has happened
/// and nobody was told; half of the reply; the request.
/// </summary>
internal sealed class LossyProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly IPEndPoint _server;
    private int _connections, _lost;

    public LossyProxy(Uri server)
    {
        _server = new(IPAddress.Loopback, server.Port);
        _listener.Start();
        Url = new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _ = AcceptAsync();
    }

    public Uri Url { get; }

    /// <summary>Replies that the server gave and no shop got whole.</summary>
    public int Lost => Volatile.Read(ref _lost);

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is ObjectDisposedException or SocketException)
        {
            // The test is over.
        }
    }

    // One request a connection; whichever way it ends, the client has to come again.
    private async Task ServeAsync(TcpClient client)
    {
        var fate = Interlocked.Increment(ref _connections) % 4;
        using (client)
        {
            try
            {
                if (fate == 1) return;
                using var server = new TcpClient();
                await server.ConnectAsync(_server);
                _ = client.GetStream().CopyToAsync(server.GetStream());
                var buffer = new byte[64 * 1024];
                var length = await server.GetStream().ReadAsync(buffer);
                if (fate is 2 or 3) Interlocked.Increment(ref _lost);
                if (fate != 2) await client.GetStream().WriteAsync(buffer.AsMemory(0, fate == 3 ? length / 2 : length));
                client.Client.Shutdown(SocketShutdown.Send);
                await Task.Delay(50);
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
            {
                // Somebody left: that is what this is for.
            }
        }
    }
}
