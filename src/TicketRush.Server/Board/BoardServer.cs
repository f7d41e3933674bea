using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;
using TicketRush.Server.Upgrades;

namespace TicketRush.Server.Board;

/// <summary>
/// What is free, as small datagrams to whoever subscribed, or to a multicast group: at most ten changes a second of a sale, and its state
/// again each second, so that who has lost one is right again soon. Nothing is waited for and nothing is sent twice; each datagram has its
/// number, by which a loss is seen. Drafts are not there for anybody, as over HTTP.
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
    private const int FailedEveryMs = 60_000;

    private readonly Sales _sales;
    private readonly BoardLimits _limits;
    private readonly ServerSecret _secret;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly RateLimits.Table _read;
    private readonly RateLimits.Table _requests;
    private readonly Socket _socket;
    private readonly IPEndPoint? _group;
    private readonly string _server = RandomNumberGenerator.GetHexString(16, lowercase: true);

    // Channels stay when the last subscriber goes, so that their numbers go on: who comes back would take smaller ones for late.
    private readonly Dictionary<string, Channel> _channels = new(StringComparer.Ordinal);
    private readonly Dictionary<UInt128, int> _networks = [];
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _leave = new();
    private Task _serving = Task.CompletedTask;
    private int _subscriptions;
    private int _leftOut;
    private long _followedAt = long.MinValue / 2;
    private long _failedAt = long.MinValue / 2;

    internal BoardServer(
        Sales sales, BoardEndpoint endpoint, BoardLimits limits, ListenSockets sockets, ServerSecret secret, TimeProvider time,
        ILoggerFactory logs)
    {
        (_sales, _limits, _secret, _time, _log) = (sales, limits, secret, time, logs.CreateLogger("TicketRush.Board"));
        _read = new(limits.RequestsPerMinute * 10, 10_000, time);
        _requests = new(limits.RequestsPerMinute, 10_000, time);
        if (endpoint.IsMulticast)
        {
            // On this network only: a router passes on what is allowed more hops.
            _group = endpoint.Reached;
            _socket = new(_group.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            var isV6 = _group.AddressFamily == AddressFamily.InterNetworkV6;
            _socket.SetSocketOption(isV6 ? SocketOptionLevel.IPv6 : SocketOptionLevel.IP, SocketOptionName.MulticastTimeToLive, 1);
            _socket.Bind(new IPEndPoint(isV6 ? IPAddress.IPv6Any : IPAddress.Any, 0));
        }
        else
        {
            _socket = sockets.BindDatagrams(endpoint.Bound);
        }

        Address = $"{endpoint.Host}:{(endpoint.IsMulticast ? endpoint.Port : ((IPEndPoint)_socket.LocalEndPoint!).Port)}";
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
        _leave.Dispose();
        _socket.Dispose();
    }

    /// <summary>
    /// Ends, and sends who subscribed here to the successor, who listens at the same socket: each gets a proof of its address, which makes
    /// it subscribe once more. Who passes that over is back when it renews its subscription.
    /// </summary>
    internal async Task LeaveAsync()
    {
        // First nothing more is received here, or the answers to this could be.
        await _leave.CancelAsync();
        await _serving;
        lock (_gate)
        {
            foreach (var (name, channel) in _channels)
            {
                foreach (var end in channel.Until.Keys) TrySend(BoardDatagrams.Prove(Token(end, name, Minute)), end);
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, _leave.Token);
        var stop = ending.Token;
        _serving = Task.WhenAll(
            Task.Run(() => EveryAsync(TimeSpan.FromMilliseconds(EveryMs), SendAll, stop), CancellationToken.None),
            _group is null ? Task.Run(() => ReceiveAsync(stop), CancellationToken.None) : Task.CompletedTask);
        await _serving;
    }

    /// <summary>Does it again and again, whatever becomes of one time.</summary>
    private async Task EveryAsync(TimeSpan time, Action act, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(time);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                try
                {
                    act();
                }
                catch (Exception e)
                {
                    Failed(e);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

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
            catch (SocketException e)
                when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.ConnectionRefused or SocketError.MessageSize)
            {
                // A subscriber's machine said that nobody listens there any more: its lease will run out. Or what came is far too long.
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e)
            {
                // One datagram must not end the board for all; and what fails each time must not keep a processor.
                Failed(e);
                await Task.Delay(EveryMs, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private long Minute => _time.GetUtcNow().ToUnixTimeSeconds() / 60;

    // Not the time of day, which may be set.
    private TimeSpan LeaseNow => _time.GetElapsedTime(0);

    private string Token(IPEndPoint end, string sale, long minute) => BoardDatagrams.Token(_secret, end, sale, minute);

    private void Take(ReadOnlySpan<byte> request, IPEndPoint from)
    {
        // Reading costs more than sending. A network that somebody subscribed from is read all the same, for what is below.
        var network = RateLimits.NetworkOf(from.Address);
        if (!IsSubscribed(network) && !_read.TryTake(network, out _)) return;
        if (!BoardDatagrams.TryReadRequest(request, out var sale, out var token) || !PlanCheck.IsId(sale)) return;

        // Who proves its address is not counted: others could send so many in its name that it was not heard any more.
        var minute = Minute;
        var right = Token(from, sale, minute);
        var isProved = BoardDatagrams.IsSame(token, right);
        if (!isProved && !BoardDatagrams.IsSame(token, Token(from, sale, minute - 1)))
        {
            // Never longer than what came: an address that was made up gains nobody anything.
            var proof = BoardDatagrams.Prove(right);
            if (proof.Length <= request.Length && _requests.TryTake(network, out _)) TrySend(proof, from);
            return;
        }

        if (_sales.Opened(sale) is { Sequencer.Snapshot: not null } open && !AccessMiddleware.IsDraft(open)
            && TrySubscribe(open, from, network) && !isProved)
        {
            // Its proof is about to be too old: who renews in time never has to ask for one like a stranger.
            TrySend(BoardDatagrams.Prove(right), from);
        }
    }

    private bool IsSubscribed(UInt128 network)
    {
        lock (_gate) return _networks.ContainsKey(network);
    }

    private bool TrySubscribe(OpenSale sale, IPEndPoint from, UInt128 network)
    {
        var until = LeaseNow + _limits.Lease;
        lock (_gate)
        {
            var channel = ChannelOf(sale);
            if (!channel.Until.ContainsKey(from))
            {
                var here = _networks.GetValueOrDefault(network);
                if (_subscriptions >= _limits.Subscriptions || here >= _limits.SubscriptionsPerNetwork) return false;
                _networks[network] = here + 1;
                _subscriptions++;

                // Who has just come sees the present state at the next look.
                channel.IsDue = true;
            }

            channel.Until[from] = until;
            return true;
        }
    }

    private Channel ChannelOf(OpenSale sale)
    {
        if (!_channels.TryGetValue(sale.Name, out var channel)) _channels[sale.Name] = channel = new(sale);
        return channel;
    }

    private void SendAll()
    {
        var (now, leaseNow) = (Environment.TickCount64, LeaseNow);
        lock (_gate)
        {
            if (_group is not null && now - _followedAt >= HeartbeatMs)
            {
                _followedAt = now;
                Follow(now);
            }

            foreach (var channel in _channels.Values)
            {
                if (_group is null) Expire(channel, leaseNow);
                if (_group is null ? channel.Until.Count == 0 : !channel.IsFollowed) continue;
                try
                {
                    Send(channel, now);
                }
                catch (Exception e)
                {
                    // What is wrong with one sale keeps no other from being shown.
                    Failed(e);
                }
            }
        }
    }

    /// <summary>Chooses what the group is sent: sales that are not closed, or have not been for a lease's time.</summary>
    private void Follow(long now)
    {
        var open = new List<Channel>();
        foreach (var sale in _sales.Opened())
        {
            if (sale.Sequencer?.Snapshot is null || AccessMiddleware.IsDraft(sale)) continue;
            var isClosed = SaleEndpoints.StateOf(sale) == "closed";
            if (isClosed && !(_channels.TryGetValue(sale.Name, out var known) && known.IsFollowed)) continue;
            var channel = ChannelOf(sale);
            channel.ClosedAt = !isClosed ? null : channel.ClosedAt ?? now;
            if (now - channel.ClosedAt > _limits.Lease.TotalMilliseconds) channel.IsFollowed = false;
            else open.Add(channel);
        }

        // A sale that has been shown is not put out by one whose name comes first.
        open.Sort((a, b) => a.IsFollowed == b.IsFollowed ? string.CompareOrdinal(a.Sale.Name, b.Sale.Name)
            : b.IsFollowed.CompareTo(a.IsFollowed));
        for (var i = 0; i < open.Count; i++) open[i].IsFollowed = i < _limits.GroupSales;

        var leftOut = Math.Max(open.Count - _limits.GroupSales, 0);
        if (leftOut > 0 && _leftOut == 0) Log.BoardLeavesOut(_log, _limits.GroupSales, leftOut);
        _leftOut = leftOut;
    }

    private void Expire(Channel channel, TimeSpan now)
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
        var datagrams = BoardDatagrams.Write(
            channel.Sale.Name, _server, state, snapshot, tier => SaleEndpoints.FreeOf(snapshot, plan.PoolNamed(plan.Tiers[tier].Pool)),
            ref channel.Next);
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

    private void Failed(Exception e)
    {
        var (now, before) = (Environment.TickCount64, Volatile.Read(ref _failedAt));
        if (now - before < FailedEveryMs || Interlocked.CompareExchange(ref _failedAt, now, before) != before) return;
        Log.BoardFailed(_log, e);
    }

    /// <summary>One sale, its subscribers, and how far they have been told.</summary>
    private sealed class Channel(OpenSale sale)
    {
        public long Next = 1;

        public OpenSale Sale => sale;

        public Dictionary<IPEndPoint, TimeSpan> Until { get; } = [];

        /// <summary>Whether the group is sent it.</summary>
        public bool IsFollowed { get; set; }

        /// <summary>When the group was first told that it is closed.</summary>
        public long? ClosedAt { get; set; }

        public SaleSnapshot? Snapshot { get; set; }

        public string? State { get; set; }

        public long SentAt { get; set; }

        public bool IsDue { get; set; } = true;
    }
}
