using System.Net;
using System.Net.Sockets;

namespace TicketRush.Server.Tests.Clients;

/// <summary>A relay that cuts each connection after a random number of bytes, in either direction, in the middle of whatever is
/// there.</summary>
internal sealed class CuttingRelay : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Random _random;
    private readonly int _most;
    private int _connections, _muted;

    public CuttingRelay(int to, int seed, int most)
    {
        (_random, _most) = (new(seed), most);
        _listener.Start();
        _ = Task.Run(async () =>
        {
            while (true) _ = PassAsync(await _listener.AcceptSocketAsync(), to);
        });
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public int Cuts { get; private set; }

    /// <summary>From now on it passes on everything.</summary>
    public bool IsKind { get; set; }

    /// <summary>From now on nothing comes through the connections that there are, in either direction, and none of them ends: the machine
    /// at the other end has lost its power. New ones are as they were.</summary>
    public void Mute() => Volatile.Write(ref _muted, Volatile.Read(ref _connections));

    public void Dispose() => _listener.Dispose();

    private async Task PassAsync(Socket client, int to)
    {
        var number = Interlocked.Increment(ref _connections);
        using (client)
        {
            using var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, to);
                int left;
                lock (_random) left = _random.Next(1, _most);
                await Task.WhenAny(CopyAsync(client, server), CopyAsync(server, client));
                Cuts++;

                async Task CopyAsync(Socket from, Socket into)
                {
                    var buffer = new byte[4_096];
                    while (IsKind || left > 0)
                    {
                        var read = await from.ReceiveAsync(buffer);
                        if (read == 0) return;
                        if (number <= Volatile.Read(ref _muted)) continue;
                        var passed = IsKind ? read : Math.Min(read, Interlocked.Add(ref left, -read) + read);
                        if (passed > 0) await into.SendAsync(buffer.AsMemory(0, passed));
                    }
                }
            }
            catch (SocketException)
            {
                // Cut from the other side.
            }
        }
    }
}
