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
    public Task<bool> TryWatchAsync(OpenSale sale, HttpContext http, UInt128 network) =>
        TryWatchAsync(sale.Name, () => new SaleChannel(sale), http, network, Channel.NothingSeen);

    /// <summary>Watches the seats of a pool in the same way; on a journey, where the pool travels.</summary>
    /// <param name="since">The sequence at which the viewer knows the seats: it is told only what has changed since, where that is
    /// known.</param>
    public Task<bool> TryWatchSeatsAsync(OpenSale sale, int pool, int from, int to, long since, HttpContext http, UInt128 network) =>
        TryWatchAsync($"{sale.Name} {pool} {from} {to}", () => new SeatsChannel(sale, pool, from, to), http, network, since);

    private async Task<bool> TryWatchAsync(string name, Func<Channel> make, HttpContext http, UInt128 network, long since)
    {
        if (!TryAdd(name, make, http, network, since, out var viewer)) return false;
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

    private bool TryAdd(string name, Func<Channel> make, HttpContext http, UInt128 network, long since, out Viewer viewer)
    {
        viewer = null!;
        lock (_gate)
        {
            var here = _networks.GetValueOrDefault(network);
            if (_count >= _options.ViewersMax || here >= _options.ViewersPerNetwork || _stopping.IsCancellationRequested) return false;
            if (!_channels.TryGetValue(name, out var channel)) _channels[name] = channel = make();
            channel.Viewers++;
            _networks[network] = here + 1;
            if (_count == _viewers.Length) Array.Resize(ref _viewers, _count * 2);
            viewer = new(name, channel, http, network, since, _count);
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
            if (--viewer.Channel.Viewers == 0) _channels.Remove(viewer.Name);
            if (--_networks[viewer.Network] == 0) _networks.Remove(viewer.Network);
        }
    }

    private sealed class Viewer(string name, Channel channel, HttpContext http, UInt128 network, long since, int place)
    {
        private readonly Lock _gate = new();
        private readonly long _cameAt = Environment.TickCount64;
        private long _seen = since;
        private bool _isNew = true;
        private long _sentAt;
        private Task? _flushing;
        private bool _ended;

        public string Name => name;

        public Channel Channel => channel;

        public UInt128 Network => network;

        public int Place { get; set; } = place;

        /// <returns>Whether something was sent.</returns>
        public bool TrySend(long nowMs)
        {
            var isNews = channel.Newest > _seen;
            if (!isNews && nowMs - _sentAt < StillHereEveryMs) return false;

            // Who has just come, perhaps from a purchase of its own, is not shown what was before that. The clock stands still for some
            // milliseconds at a time: what was written at the same time may be from before.
            if (_isNew && !channel.IsCurrent && channel.WrittenAt <= _cameAt) return false;
            lock (_gate)
            {
                // Who has not taken the last one gets nothing until it has, and then the newest.
                if (_ended || _flushing is { IsCompleted: false }) return false;
                var news = isNews ? channel.NewsSince(_seen) : StillHere;
                if (isNews) _seen = channel.Newest;
                (_isNew, _sentAt) = (false, nowMs);
                try
                {
                    http.Response.BodyWriter.Write(news);
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
