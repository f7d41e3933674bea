using System.Collections.Concurrent;
using TicketRush.Engine;

namespace TicketRush.Journal;

/// <summary>A sale of this process: its sequencer, or why it could not be opened.</summary>
public sealed record OpenSale(string Name, Sequencer? Sequencer, Exception? Error)
{
    internal long OpenedAt { get; } = Environment.TickCount64;

    public SequencerStatus Status => Sequencer?.Status ?? new(SequencerStatusKind.Stopped, Error!.Message) { Cause = Error };
}

/// <summary>
/// The sales of a store that this process has open. One thread looks after all of them; a quiet sale costs it a
/// comparison, and no thread of its own.
/// </summary>
public sealed class Sales : IAsyncDisposable
{
    /// <summary>Sales in one store at the most.</summary>
    public const int Max = 2_000;

    private const int RetryOpenMs = 5_000;

    private static readonly TimeSpan TickEvery = TimeSpan.FromMilliseconds(20);

    private readonly ISaleStore _store;
    private readonly Action<string, SequencerStatus>? _onStatus;
    private readonly SequencerOptions _options;
    private readonly ConcurrentDictionary<string, OpenSale> _open = new(StringComparer.Ordinal);
    private readonly Lock _opening = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _watch;
    private readonly SalesMeter _meter;
    private Sequencer[] _watched = [];

    /// <param name="onStatus">Told which sale changed its status, and to what.</param>
    public Sales(ISaleStore store, Action<string, SequencerStatus>? onStatus = null, SequencerOptions? options = null)
    {
        (_store, _onStatus, _options) = (store, onStatus, options ?? new());
        _meter = new(() => _open.Values);
        _watch = new Thread(Watch) { IsBackground = true, Name = "sales watch" };
        _watch.Start();
    }

    public Identities Identities => _store.Identities;

    /// <summary>Every sale of the store, opened; those that other processes made meanwhile too.</summary>
    public IReadOnlyList<OpenSale> All() => [.. _store.Sales().Select(name => Find(name)).OfType<OpenSale>()];

    /// <summary>The sales that this process has open by now; unlike <see cref="All"/> it asks no store.</summary>
    public ICollection<OpenSale> Opened() => _open.Values;

    /// <summary>The sale of that name when this process has it open by now; unlike <see cref="Find"/> it asks no store.</summary>
    public OpenSale? Opened(string name) => _open.GetValueOrDefault(name);

    /// <summary>The sale of that name; null when there is none. Opens it when needed, which reads its whole journal.</summary>
    public OpenSale? Find(string name)
    {
        if (_open.TryGetValue(name, out var open) && !IsWorthAnotherTry(open)) return open;
        if (!PlanCheck.IsId(name) || !_store.Has(name)) return null;

        lock (_opening)
        {
            if (_open.TryGetValue(name, out open) && !IsWorthAnotherTry(open)) return open;
            open = Open(name);
            if (open.Sequencer is not null) Volatile.Write(ref _watched, [.. _watched, open.Sequencer]);
            return _open[name] = open;
        }
    }

    /// <param name="by">The name of the key that creates it, for its journal.</param>
    /// <returns>False when there is a sale of that name already.</returns>
    /// <exception cref="InvalidOperationException">There are as many sales as there may be.</exception>
    public bool TryCreate(string name, Plan plan, string? by = null)
    {
        if (_store.Has(name)) return false;
        if (_store.Sales().Count() >= Max) throw new InvalidOperationException($"There are {Max} sales, and no more are allowed.");
        return _store.TryCreate(name, plan, by);
    }

    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested) return;

        // The watch goes first: a tick must not meet a journal that is gone.
        await _stop.CancelAsync();
        _watch.Join();
        _meter.Dispose();
        await Task.WhenAll(_open.Values.Select(sale => sale.Sequencer?.DisposeAsync().AsTask() ?? Task.CompletedTask));
    }

    // A sale that could not be opened may have been put right; but reading a damaged file for every request would be an attack.
    private static bool IsWorthAnotherTry(OpenSale open) =>
        open.Sequencer is null && Environment.TickCount64 - open.OpenedAt > RetryOpenMs;

    private OpenSale Open(string name)
    {
        IJournal? journal = null;
        try
        {
            journal = _store.Open(name);
            var options = _options with { OnStatus = status => _onStatus?.Invoke(name, status), Metrics = _meter.Of(name) };
            return new(name, new(journal, options), null);
        }
        catch (Exception e)
        {
            // Whatever is wrong with one sale, a defect of ours included, must not keep the others from being sold.
            journal?.Dispose();
            _onStatus?.Invoke(name, new(SequencerStatusKind.Stopped, e.Message) { Cause = e });
            return new(name, null, e);
        }
    }

    private void Watch()
    {
        while (!_stop.Token.WaitHandle.WaitOne(TickEvery))
        {
            foreach (var sequencer in Volatile.Read(ref _watched)) sequencer.Tick();
        }
    }
}
