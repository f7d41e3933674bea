using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;

namespace TicketRush.Server.Board;

/// <summary>
/// What is free, as small datagrams to whoever subscribed, or to a multicast group: at most ten changes a second of a sale, and its state
/// again each second, so that who has lost one is right again soon. Nothing is waited for and nothing is sent twice; each datagram has its
/// number, by which a loss is seen.
/// <para>
/// An address is served only after it has shown that it receives what is sent there, and what it is sent before that is never longer than
/// what it sent: nobody can have the board flood somebody else.
/// </para>
/// </summary>
public sealed class BoardServer : BackgroundService
{
    private const int EveryMs = 100;
    private const int HeartbeatMs = 1_000;
    private const int RequestMax = 512;

    private readonly Sales _sales;
    private readonly BoardLimits _limits;
    private readonly RateLimits.Table _requests;
    private readonly byte[] _secret = RandomNumberGenerator.GetBytes(32);
    private readonly Socket _socket;
    private readonly IPEndPoint? _group;

    private readonly Dictionary<string, Channel> _channels = new(StringComparer.Ordinal);
    private readonly Dictionary<UInt128, int> _networks = [];
    private readonly Lock _gate = new();
    private int _subscriptions;

    internal BoardServer(Sales sales, BoardEndpoint endpoint, BoardLimits limits, TimeProvider time)
    {
        (_sales, _limits) = (sales, limits);
        _requests = new(limits.RequestsPerMinute, 10_000, time);
        var address = endpoint.Address;
        _socket = new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        if (endpoint.IsMulticast)
        {
            // On this network only: a router passes on what is allowed more hops.
            _group = new(address, endpoint.Port);
            _socket.SetSocketOption(address.AddressFamily == AddressFamily.InterNetworkV6 ? SocketOptionLevel.IPv6 : SocketOptionLevel.IP, SocketOptionName.MulticastTimeToLive, 1);
            _socket.Bind(new IPEndPoint(address.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, 0));
        }
        else
        {
            _socket.Bind(new IPEndPoint(address, endpoint.Port));
        }

        Address = endpoint.IsMulticast ? $"{endpoint.Host}:{endpoint.Port}" : $"{endpoint.Host}:{((IPEndPoint)_socket.LocalEndPoint!).Port}";
    }

    /// <summary>Where it is listened for subscribers, or the group; a port of 0 has become a real one.</summary>
    public string Address { get; }

    public int Subscriptions
    {
        get
        {
            lock (_gate) return _subscriptions;
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _socket.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
        Task.Run(() => SendAsync(stoppingToken), CancellationToken.None),
        _group is null ? Task.Run(() => ReceiveAsync(stoppingToken), CancellationToken.None) : Task.CompletedTask);

    private async Task ReceiveAsync(CancellationToken stop)
    {
        var buffer = new byte[RequestMax + 1];
        var anybody = new IPEndPoint(_socket.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var got = await _socket.ReceiveFromAsync(buffer, SocketFlags.None, anybody, stop);
                if (got.ReceivedBytes <= RequestMax) Take(buffer.AsSpan(0, got.ReceivedBytes), (IPEndPoint)got.RemoteEndPoint);
            }
            catch (SocketException)
            {
                // A subscriber's machine said that nobody listens there any more. Its lease will run out.
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private void Take(ReadOnlySpan<byte> request, IPEndPoint from)
    {
        var network = RateLimits.NetworkOf(from.Address);
        if (!_requests.TryTake(network, out _) || !BoardDatagrams.TryRead(request, out var sale, out var token) || !PlanCheck.IsId(sale)) return;

        var minute = Environment.TickCount64 / 60_000;
        var right = BoardDatagrams.Token(_secret, from, sale, minute);
        if (!IsSame(token, right) && !IsSame(token, BoardDatagrams.Token(_secret, from, sale, minute - 1)))
        {
            // Never longer than what came: an address that was made up gains nobody anything.
            var proof = BoardDatagrams.Prove(right);
            if (proof.Length <= request.Length) TrySend(proof, from);
            return;
        }

        if (_sales.Find(sale) is { Sequencer.Snapshot: not null } open) Subscribe(open, from, network);
    }

    private static bool IsSame(string given, string right) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(right));

    private void Subscribe(OpenSale sale, IPEndPoint from, UInt128 network)
    {
        var until = Environment.TickCount64 + (long)_limits.Lease.TotalMilliseconds;
        lock (_gate)
        {
            if (!_channels.TryGetValue(sale.Name, out var channel)) channel = new(sale);
            if (!channel.Until.ContainsKey(from))
            {
                var here = _networks.GetValueOrDefault(network);
                if (_subscriptions >= _limits.Subscriptions || here >= _limits.SubscriptionsPerNetwork) return;
                _networks[network] = here + 1;
                _subscriptions++;
                _channels[sale.Name] = channel;

                // Who has just come sees the present state at the next look.
                channel.IsDue = true;
            }

            channel.Until[from] = until;
        }
    }

    private async Task SendAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(EveryMs));
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                var now = Environment.TickCount64;
                if (_group is not null) FollowAll();
                lock (_gate)
                {
                    foreach (var (name, channel) in _channels)
                    {
                        if (_group is null) Expire(channel, now);
                        if (_group is null && channel.Until.Count == 0) _channels.Remove(name);
                        else Send(channel, now);
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private void FollowAll()
    {
        foreach (var sale in _sales.Opened().OrderBy(sale => sale.Name, StringComparer.Ordinal).Take(_limits.GroupSales))
        {
            lock (_gate)
            {
                if (sale.Sequencer?.Snapshot is not null && !_channels.ContainsKey(sale.Name)) _channels[sale.Name] = new(sale);
            }
        }
    }

    private void Expire(Channel channel, long now)
    {
        foreach (var (end, until) in channel.Until)
        {
            if (until > now) continue;
            channel.Until.Remove(end);
            _subscriptions--;
            var network = RateLimits.NetworkOf(end.Address);
            if (--_networks[network] == 0) _networks.Remove(network);
        }
    }

    private void Send(Channel channel, long now)
    {
        if (channel.Sale.Sequencer?.Snapshot is not { } snapshot) return;
        var state = SaleEndpoints.StateOf(channel.Sale);
        var isNews = snapshot != channel.Snapshot || state != channel.State;
        if (!isNews && !channel.IsDue && now - channel.SentAt < HeartbeatMs) return;

        (channel.Snapshot, channel.State, channel.SentAt, channel.IsDue) = (snapshot, state, now, false);
        var plan = snapshot.Plan;
        var datagrams = BoardDatagrams.Write(channel.Sale.Name, state, snapshot, tier => SaleEndpoints.FreeOf(snapshot, plan.PoolNamed(plan.Tiers[tier].Pool)), ref channel.Next);
        foreach (var datagram in datagrams)
        {
            if (_group is not null) TrySend(datagram, _group);
            else foreach (var end in channel.Until.Keys) TrySend(datagram, end);
        }
    }

    private void TrySend(byte[] datagram, IPEndPoint to)
    {
        try
        {
            _socket.SendTo(datagram, to);
        }
        catch (SocketException)
        {
            // Lost, as datagrams may be.
        }
    }

    /// <summary>One sale, its subscribers, and how far they have been told.</summary>
    private sealed class Channel(OpenSale sale)
    {
        public long Next = 1;

        public OpenSale Sale => sale;

        public Dictionary<IPEndPoint, long> Until { get; } = [];

        public SaleSnapshot? Snapshot { get; set; }

        public string? State { get; set; }

        public long SentAt { get; set; }

        public bool IsDue { get; set; } = true;
    }
}

/// <summary>Where the board is subscribed to, or the multicast group that it is sent to: <c>HOST:PORT</c>.</summary>
public sealed record BoardEndpoint(string Host, int Port)
{
    internal IPAddress Address => Host switch { "*" => IPAddress.Any, "localhost" => IPAddress.Loopback, _ => IPAddress.Parse(Host.Trim('[', ']')) };

    public bool IsMulticast => Address.AddressFamily == AddressFamily.InterNetwork ? (Address.GetAddressBytes()[0] & 0xf0) == 0xe0 : Address.IsIPv6Multicast;

    public static bool TryParse(string text, out BoardEndpoint endpoint)
    {
        endpoint = null!;
        var colon = text.LastIndexOf(':');
        if (colon < 1 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)) return false;
        var host = text[..colon];
        if (host is not ("*" or "localhost") && !IPAddress.TryParse(host.Trim('[', ']'), out _)) return false;
        endpoint = new(host, port);
        return !endpoint.IsMulticast || port > 0;
    }
}
