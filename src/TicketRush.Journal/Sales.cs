using System.Collections.Concurrent;
using TicketRush.Engine;

namespace TicketRush.Journal;

/// <summary>A sale of this process: its sequencer, or why it could not be opened.</summary>
public sealed class OpenSale(string name, Sequencer? sequencer, Exception? error)
{
    internal const int RetryOpenMs = 5_000, RetryGoneMs = 250;

    private volatile Sequencer? _sequencer = sequencer;

    // When it was opened, or last looked for.
    private long _triedAt = Environment.TickCount64;

    public string Name => name;

    /// <summary>Another one when the sale had gone and has come back.</summary>
    public Sequencer? Sequencer
    {
        get => _sequencer;
        internal set => _sequencer = value;
    }

    public Exception? Error => error;

    public SequencerStatus Status => Sequencer?.Status ?? new(SequencerStatusKind.Stopped, Error!.Message) { Cause = Error };

    /// <summary>It was moved away or deleted while it was open. When it comes back it is opened again.</summary>
    public bool IsGone => Sequencer?.Status.Cause is JournalGoneException;

    /// <summary>How often it may be looked for again: a journal that is there and no good costs more than one that is not.</summary>
    internal int RetryMs { get; set; } = sequencer is null ? RetryOpenMs : RetryGoneMs;

    /// <summary>Whether it may be opened again; true once in a while.</summary>
    internal bool TryBeginAgain()
    {
        var (tried, now) = (Volatile.Read(ref _triedAt), Environment.TickCount64);
        return now - tried > RetryMs && Interlocked.CompareExchange(ref _triedAt, now, tried) == tried;
    }
}

/// <summary>
/// The sales of a store that this process has open. One thread looks after all of them; a quiet sale costs it a
/// comparison, and no thread of its own.
/// </summary>
public sealed class Sales : IAsyncDisposable
{
    /// <summary>Sales in one store at the most.</summary>
    public const int Max = 2_000;

    // Who asked the sequencer of a sale that has gone has his answer by then.
    private static readonly TimeSpan GoneKept = TimeSpan.FromMinutes(1);

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
    public IReadOnlyList<OpenSale> All()
    {
        var names = _store.Sales().ToArray();
        foreach (var one in _open)
        {
            // What could not be opened and has been taken away is no trouble any more.
            if (one.Value.Sequencer is null && !names.Contains(one.Key, StringComparer.Ordinal)) _open.TryRemove(one);
        }

        return [.. names.Select(name => Look(name, isThere: true)).OfType<OpenSale>()];
    }

    /// <summary>The sales that this process has open by now; unlike <see cref="All"/> it asks no store.</summary>
    public ICollection<OpenSale> Opened() => _open.Values;

    /// <summary>The sale of that name when this process has it open by now; unlike <see cref="Find"/> it asks no store.</summary>
    public OpenSale? Opened(string name) => _open.GetValueOrDefault(name);

    /// <summary>The sale of that name; null when there is none. Opens it when needed, which reads its whole journal.</summary>
    /// <exception cref="NotKnownNowException">It is not open here, and whether there is one cannot be told in this moment.</exception>
    public OpenSale? Find(string name) => Look(name, isThere: false);

    /// <param name="by">The name of the key that creates it, for its journal.</param>
    /// <returns>False when there is a sale of that name already.</returns>
    /// <exception cref="InvalidOperationException">There are as many sales as there may be.</exception>
    public bool TryCreate(string name, Plan plan, string? by = null)
    {
        try
        {
            if (_store.Has(name)) return false;
        }
        catch (NotKnownNowException)
        {
            // The store makes no second one.
        }

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

    private OpenSale? Look(string name, bool isThere)
    {
        if (_open.TryGetValue(name, out var open) && !IsWorthAnotherTry(open)) return open;
        if (!isThere && !IsThere(name, open)) return open?.Sequencer is null ? null : open;

        // Another may be opening one for a while, from a database that is away: who knows how it stands need not wait for that.
        if (open is null) _opening.Enter();
        else if (!_opening.TryEnter()) return open;
        try
        {
            // Another was first.
            if (_open.TryGetValue(name, out var now) && now != open) return now;
            var gone = open?.Sequencer;
            if (gone is not null && !open!.IsGone) return open;
            open?.RetryMs = OpenSale.RetryOpenMs;
            var opened = Open(name, open?.Error);
            if (opened.Sequencer is not { } found)
            {
                if (gone is not null) return open;
                return opened.Error is FileNotFoundException && open is null ? null : _open[name] = opened;
            }

            // What is there now may be an older copy, and this process has told people of what is not in it.
            if (gone is not null && (found.Snapshot?.Sequence ?? 0) < (gone.Snapshot?.Sequence ?? 0))
            {
                _ = EndAsync(found, TimeSpan.Zero);
                return open;
            }

            Volatile.Write(ref _watched, [.. _watched.Where(one => one != gone), found]);
            if (gone is null) return _open[name] = opened;

            // For everybody who has it, too.
            open!.RetryMs = OpenSale.RetryGoneMs;
            open.Sequencer = found;
            _ = EndAsync(gone, GoneKept);
            _onStatus?.Invoke(name, found.Status);
            return open;
        }
        finally
        {
            _opening.Exit();
        }
    }

    private bool IsThere(string name, OpenSale? open)
    {
        try
        {
            return PlanCheck.IsId(name) && _store.Has(name);
        }
        catch (NotKnownNowException) when (open?.Sequencer is not null)
        {
            return false;
        }
    }

    // A sale that could not be opened may have been put right; but reading a damaged file for every request would be an attack.
    private static bool IsWorthAnotherTry(OpenSale open) =>
        (open.Sequencer is null || open.IsGone) && open.TryBeginAgain();

    private static async Task EndAsync(Sequencer sequencer, TimeSpan after)
    {
        try
        {
            await Task.Delay(after);
            await sequencer.DisposeAsync();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // Nobody asks it any more.
        }
    }

    private OpenSale Open(string name, Exception? before)
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

            // It is tried every few seconds; once is enough to be told.
            if (before?.Message != e.Message) _onStatus?.Invoke(name, new(SequencerStatusKind.Stopped, e.Message) { Cause = e });
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
