using System.Buffers.Binary;
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

    /// <summary>
    /// The batch reaches the database and the commit does not, and the connection stays: its sender was frozen between the two.
    /// </summary>
    CommitIsHeld,

    /// <summary>The next answer that says "on" says something else: a setting of this session is another's.</summary>
    SettingIsAnothers,
}

/// <summary>
/// Stands between a server and its database and loses one batch or its answer when it is told to. It knows a batch by the mark in its
/// header, and the answer to a commit by its tag.
/// </summary>
internal sealed class CommitProxy : IDisposable
{
    // A column of an answer.
    private static readonly byte[] On = [0, 0, 0, 2, (byte)'o', (byte)'n'];

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly IPEndPoint _server;
    private readonly List<TcpClient> _connections = [];
    private int _fate, _lost, _accepted;

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

    /// <summary>Connections that were opened so far.</summary>
    public int Accepted => Volatile.Read(ref _accepted);

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
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                Interlocked.Increment(ref _accepted);
                _ = ServeAsync(client);
            }
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
                PassAsync(client, server, ("RSHB"u8.ToArray(), [CommitFate.BatchIsCut, CommitFate.CommitIsHeld])),
                PassAsync(
                    server, client, ("COMMIT\0"u8.ToArray(), [CommitFate.AnswerIsCut, CommitFate.AnswerIsSwallowed]),
                    (On, [CommitFate.SettingIsAnothers])));
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

    private async Task PassAsync(TcpClient from, TcpClient to, params (byte[] Mark, CommitFate[] Fates)[] marks)
    {
        var buffer = new byte[256 * 1024];
        var (source, target) = (from.GetStream(), to.GetStream());
        while (await source.ReadAsync(buffer) is > 0 and var length)
        {
            var fate = (CommitFate)Volatile.Read(ref _fate);
            var mark = marks.FirstOrDefault(one => one.Fates.Contains(fate)).Mark;
            if (mark is not null && buffer.AsSpan(0, length).IndexOf(mark) is >= 0 and var at
                && Interlocked.CompareExchange(ref _fate, (int)CommitFate.Passes, (int)fate) == (int)fate)
            {
                Interlocked.Increment(ref _lost);
                if (fate is CommitFate.AnswerIsCut or CommitFate.BatchIsCut) return;
                if (fate == CommitFate.SettingIsAnothers) buffer[at + mark.Length - 1]++;
                else
                {
                    if (fate == CommitFate.CommitIsHeld)
                    {
                        // It may have come in parts.
                        int first;
                        while ((first = FirstStatement(buffer.AsSpan(0, length))) < 0)
                            length += await source.ReadAtLeastAsync(buffer.AsMemory(length), 1);
                        await target.WriteAsync(buffer.AsMemory(0, first));
                    }

                    await Task.Delay(Timeout.Infinite);
                }
            }

            await target.WriteAsync(buffer.AsMemory(0, length));
        }
    }

    /// <summary>The length of the messages up to the one that executes; -1 when it is not there as a whole.</summary>
    internal static int FirstStatement(ReadOnlySpan<byte> messages)
    {
        const int Head = 5;
        for (var at = 0; at + Head <= messages.Length;)
        {
            var type = messages[at];
            at += 1 + BinaryPrimitives.ReadInt32BigEndian(messages[(at + 1)..]);
            if (type == 'E') return at <= messages.Length ? at : -1;
        }

        return -1;
    }
}
