using System.Net;
using System.Net.Sockets;

namespace TicketRush.Testing;

public enum CommitFate
{
    /// <summary>Everything passes.</summary>
    Passes,

    /// <summary>The database commits, and its answer never leaves: the connection is cut instead.</summary>
    AnswerIsCut,

    /// <summary>The database commits, and its answer never leaves: the connection stays, and nothing comes on it.</summary>
    AnswerIsSwallowed,

    /// <summary>The batch never reaches the database: the connection is cut instead.</summary>
    BatchIsCut,
}

/// <summary>
/// Stands between a server and its database and loses one batch or its answer when it is told to. It knows a batch by the mark in its header, and the
/// answer to a commit by its tag.
/// </summary>
internal sealed class CommitProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly IPEndPoint _server;
    private readonly List<TcpClient> _connections = [];
    private int _fate, _lost;

    public CommitProxy(int port)
    {
        _server = new(IPAddress.Loopback, port);
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>What happens to the next batch, on whatever connection it comes; once.</summary>
    public CommitFate Next
    {
        set => Volatile.Write(ref _fate, (int)value);
    }

    /// <summary>Batches or answers that were lost so far.</summary>
    public int Lost => Volatile.Read(ref _lost);

    public void Dispose()
    {
        _listener.Dispose();
        lock (_connections)
        {
            foreach (var connection in _connections) connection.Dispose();
        }
    }

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

    private async Task ServeAsync(TcpClient client)
    {
        var server = new TcpClient { NoDelay = true };
        client.NoDelay = true;
        lock (_connections) _connections.AddRange([client, server]);
        try
        {
            await server.ConnectAsync(_server);
            await Task.WhenAny(
                PassAsync(client, server, "RSHB"u8.ToArray(), CommitFate.BatchIsCut),
                PassAsync(server, client, "COMMIT\0"u8.ToArray(), CommitFate.AnswerIsCut, CommitFate.AnswerIsSwallowed));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // Somebody left.
        }
        finally
        {
            client.Dispose();
            server.Dispose();
        }
    }

    private async Task PassAsync(TcpClient from, TcpClient to, byte[] mark, params CommitFate[] fates)
    {
        var buffer = new byte[256 * 1024];
        var (source, target) = (from.GetStream(), to.GetStream());
        while (await source.ReadAsync(buffer) is > 0 and var length)
        {
            var fate = (CommitFate)Volatile.Read(ref _fate);
            if (fates.Contains(fate) && buffer.AsSpan(0, length).IndexOf(mark) >= 0
                && Interlocked.CompareExchange(ref _fate, (int)CommitFate.Passes, (int)fate) == (int)fate)
            {
                Interlocked.Increment(ref _lost);
                if (fate != CommitFate.AnswerIsSwallowed) return;
                await Task.Delay(Timeout.Infinite);
            }

            await target.WriteAsync(buffer.AsMemory(0, length));
        }
    }
}
