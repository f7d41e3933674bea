using System.Buffers;
using System.Text;
using TicketRush.Journal;
using TicketRush.Server.Api;

namespace TicketRush.Server.Live;

/// <summary>
/// Shows everybody who watches a sale its latest snapshot. One loop walks round all viewers: whoever has not seen the newest gets it, so
/// nobody is sent what is out of date, and nothing is kept for the slow.
/// <para>
/// The walk has a pace, because selling comes first: a viewer hears at most ten times a second, and all of them together as often as
/// <see cref="SendsPerSecond"/> says. The more watch, the less often each hears; what each hears is the newest.
/// </para>
/// </summary>
internal sealed class LiveUpdates : IDisposable
{
    /// <summary>Updates sent in a second, to all viewers together. A send costs about as much as a small request.</summary>
    public const int SendsPerSecond = 3_000;

    private const int TickMs = 20;
    private const int SendsPerTick = SendsPerSecond * TickMs / 1000;

    /// <summary>A viewer hears of a sale at most ten times a second.</summary>
    private const int MessageEveryMs = 100;

    /// <summary>A quiet viewer hears this often that the connection lives: proxies cut what is silent for a minute.</summary>
    private const int StillHereEveryMs = 20_000;

    private static readonly byte[] StillHere = ": still here\n\n"u8.ToArray();

    private readonly ServerOptions _options;
    private readonly CancellationToken _stopping;
    private readonly Timer _timer;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Channel> _channels = new(StringComparer.Ordinal);
    private readonly Dictionary<UInt128, int> _networks = [];
    private Viewer[] _viewers = new Viewer[64];
    private int _count;
    private int _next;
    private int _walking;

    public LiveUpdates(ServerOptions options, IHostApplicationLifetime lifetime)
    {
        (_options, _stopping) = (options, lifetime.ApplicationStopping);
        _timer = new(_ => Tick(), null, TickMs, TickMs);
    }

    /// <summary>Viewers at this moment.</summary>
    public int Count => Volatile.Read(ref _count);

    public void Dispose() => _timer.Dispose();

    /// <summary>Watches a sale for as long as the connection lives. The answer's headers are sent, and the present snapshot.</summary>
    /// <returns>False at once when there are as many viewers as may be, in all or from this network.</returns>
    public async Task<bool> TryWatchAsync(OpenSale sale, HttpContext http, UInt128 network)
    {
        if (!TryAdd(sale, http, network, out var viewer)) return false;
        try
        {
            // Viewers would stay for ever; a server that stops waits for nobody who only looks on.
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, _stopping);
            await viewer.EndAsync(ended.Token);
            return true;
        }
        finally
        {
            Remove(viewer);
        }
    }

    private void Tick()
    {
        // On a busy machine a tick may come while the last one is still walking.
        if (Interlocked.Exchange(ref _walking, 1) != 0) return;
        try
        {
            Tick(Environment.TickCount64);
        }
        finally
        {
            Volatile.Write(ref _walking, 0);
        }
    }

    private void Tick(long nowMs)
    {
        lock (_gate)
        {
            foreach (var channel in _channels.Values) channel.Look(nowMs);

            // Where the last walk ended this one goes on, so that everybody's turn comes.
            var sends = SendsPerTick;
            for (var walked = 0; walked < _count && sends > 0; walked++)
            {
                if (_next >= _count) _next = 0;
                if (_viewers[_next++].TrySend(nowMs)) sends--;
            }
        }
    }

    private bool TryAdd(OpenSale sale, HttpContext http, UInt128 network, out Viewer viewer)
    {
        viewer = null!;
        lock (_gate)
        {
            var here = _networks.GetValueOrDefault(network);
            if (_count >= _options.ViewersMax || here >= _options.ViewersPerNetwork || _stopping.IsCancellationRequested) return false;
            if (!_channels.TryGetValue(sale.Name, out var channel)) _channels[sale.Name] = channel = new(sale);
            channel.Viewers++;
            _networks[network] = here + 1;
            if (_count == _viewers.Length) Array.Resize(ref _viewers, _count * 2);
            viewer = new(channel, http, network, _count);
            _viewers[_count++] = viewer;
        }

        return true;
    }

    private void Remove(Viewer viewer)
    {
        lock (_gate)
        {
            var last = _viewers[--_count];
            _viewers[last.Place = viewer.Place] = last;
            _viewers[_count] = null!;
            if (--viewer.Channel.Viewers == 0) _channels.Remove(viewer.Channel.Name);
            if (--_networks[viewer.Network] == 0) _networks.Remove(viewer.Network);
        }
    }

    /// <summary>What there is to be seen of a sale, written once for all its viewers. Only the loop touches it.</summary>
    private sealed class Channel(OpenSale sale)
    {
        private SaleSnapshot? _snapshot;
        private string? _state;

        public long WrittenAt { get; private set; }

        /// <summary>Nothing has happened since the newest event was written.</summary>
        public bool IsCurrent { get; private set; }

        public string Name => sale.Name;

        public int Viewers { get; set; }

        /// <summary>The newest event, as it goes to the wire. Replaced, never changed.</summary>
        public byte[] Newest { get; private set; } = [];

        public void Look(long nowMs)
        {
            // The state can change without an entry, when an opening or closing time comes.
            var (snapshot, state) = (sale.Sequencer!.Snapshot!, SaleEndpoints.StateOf(sale));
            IsCurrent = snapshot == _snapshot && state == _state;
            if (IsCurrent || (Newest.Length > 0 && nowMs - WrittenAt < MessageEveryMs)) return;
            (_snapshot, _state, WrittenAt, IsCurrent) = (snapshot, state, nowMs, true);
            var json = SaleEndpoints.WriteAvailability(sale.Name, state, snapshot);
            Newest = [.. Encoding.ASCII.GetBytes($"id: {snapshot.Sequence}\nevent: availability\ndata: "), .. json, .. "\n\n"u8];
        }
    }

    private sealed class Viewer(Channel channel, HttpContext http, UInt128 network, int place)
    {
        private readonly Lock _gate = new();
        private readonly long _cameAt = Environment.TickCount64;
        private byte[]? _seen;
        private long _sentAt;
        private Task? _flushing;
        private bool _ended;

        public Channel Channel => channel;

        public UInt128 Network => network;

        public int Place { get; set; } = place;

        /// <returns>Whether something was sent.</returns>
        public bool TrySend(long nowMs)
        {
            var newest = channel.Newest;
            var isNews = newest != _seen;
            if (!isNews && nowMs - _sentAt < StillHereEveryMs) return false;

            // Who has just come, perhaps from a purchase of its own, is not shown what was before that.
            if (_seen is null && !channel.IsCurrent && channel.WrittenAt < _cameAt) return false;
            lock (_gate)
            {
                // Who has not taken the last one gets nothing until it has, and then the newest.
                if (_ended || _flushing is { IsCompleted: false }) return false;
                (_seen, _sentAt) = (newest, nowMs);
                try
                {
                    http.Response.BodyWriter.Write(isNews ? newest : StillHere);
                    var flush = http.Response.BodyWriter.FlushAsync();
                    _flushing = flush.IsCompletedSuccessfully ? null : flush.AsTask();
                }
                catch (Exception)
                {
                    // It went in this very moment. Whatever one connection throws, the walk goes on for the others: nobody above catches,
                    // and the process sells.
                    _ended = true;
                }

                return true;
            }
        }

        /// <summary>Waits until the viewer has gone; nothing is written any more when this returns.</summary>
        public async Task EndAsync(CancellationToken ended)
        {
            var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using (ended.UnsafeRegister(static gone => ((TaskCompletionSource)gone!).SetResult(), gone)) await gone.Task;
            Task? flushing;
            lock (_gate) (_ended, flushing) = (true, _flushing);
            if (flushing is null) return;

            // A server that stops must not wait for one who does not read.
            http.Abort();
            await flushing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
