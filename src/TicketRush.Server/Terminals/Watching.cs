using Microsoft.AspNetCore.Connections;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;

namespace TicketRush.Server.Terminals;

/// <summary>
/// What one connection watches. Each watch reads the sale's journal for itself, from the beginning up to the durable end and then on, and
/// pushes every entry behind the asked sequence that concerns the key: in order, none left out, at the pace at which the connection reads.
/// Whoever comes back asks for what is behind the last that it has.
/// <para>
/// The journal is read from the beginning because an entry that ends a hold names nobody: whose it was stands in an earlier one.
/// </para>
/// </summary>
internal sealed class Watching(TerminalServices services, ConnectionContext connection, RespWriter writer) : IAsyncDisposable
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(20);

    // A read waits for a disk or a database on a thread of the pool, and all watches of the process read at once after a start.
    private static readonly SemaphoreSlim Reading = new(4);

    private static readonly TerminalError TooLarge = new(
        "TOO_MANY_HOLDS", "The server remembers no more holds for those who watch; its --terminal-watched-holds says how many.");

    private readonly SemaphoreSlim _output = new(1);
    private readonly Dictionary<string, (Watch Watch, Place Place)> _watches = new(StringComparer.Ordinal);
    private readonly List<Place> _begun = [], _left = [];
    private readonly List<Task> _running = [];
    private bool _hasWatched;
    private long _flushingSince;

    public bool IsWatching => Volatile.Read(ref _count) > 0;

    /// <summary>Since when a push waits for its reader, by the tick count; 0 when none does.</summary>
    public long FlushingSince => Volatile.Read(ref _flushingSince);

    private int _count;

    /// <summary>The output for one who writes to it. Nobody waits where nothing was ever watched.</summary>
    public async ValueTask<Turn> EnterAsync()
    {
        if (!_hasWatched) return default;
        await _output.WaitAsync();
        return new(_output);
    }

    /// <summary>Watches a sale from the moment of <see cref="Start"/>. With the output.</summary>
    public TerminalError? TryAdd(string sale, long after, Caller caller)
    {
        lock (_watches)
        {
            if (_watches.ContainsKey(sale)) return TerminalError.Invalid("This sale is watched here already; UNWATCH it first.");
            var watch = new Watch(sale, after, caller);
            if (_watches.Count >= services.Limits.WatchesPerConnection || PlaceFor(watch) is not { } place)
            {
                return new(
                    "TOO_MANY_WATCHES", "As many sales are watched as may be, by this connection, with keys of this name, or in all.");
            }

            _watches.Add(sale, (watch, place));
            Volatile.Write(ref _count, _watches.Count);
            return null;
        }
    }

    /// <returns>False when it was not watched.</returns>
    public bool Remove(string sale)
    {
        lock (_watches)
        {
            if (!_watches.Remove(sale, out var ended)) return false;
            Volatile.Write(ref _count, _watches.Count);
            ended.Watch.Stop.Cancel();

            // The place is free for all when its reader has ended, or readers that hang would be more than there are places. Who watches
            // another sale instead waits for that reader, not for the place.
            _left.RemoveAll(place => place.HasEnded);
            _left.Add(ended.Place);
            return true;
        }
    }

    /// <summary>Ends all watches, and says so to who watched. With the output.</summary>
    public void EndAll(TerminalError why)
    {
        foreach (var sale in Watched())
        {
            if (Remove(sale)) writer.Ended(sale, why);
        }
    }

    /// <summary>Begins to push what was added, now that the reply to the request is on its way.</summary>
    public void Start()
    {
        if (_begun.Count == 0) return;
        _hasWatched = true;
        _running.RemoveAll(task => task.IsCompleted);
        foreach (var place in _begun) _running.Add(Task.Run(() => ServeAsync(place)));
        _begun.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var sale in Watched()) Remove(sale);

        // What was added and never begun gives its place back as the others do.
        Start();
        await Task.WhenAll(_running);
        _output.Dispose();
    }

    private string[] Watched()
    {
        lock (_watches) return [.. _watches.Keys];
    }

    private Place? PlaceFor(Watch watch)
    {
        var at = _left.FindIndex(left => left.TryTake(watch));
        if (at >= 0)
        {
            var taken = _left[at];
            _left.RemoveAt(at);
            return taken;
        }

        if (!services.TryBeginWatch(watch.Name)) return null;
        var place = new Place(services, watch);
        _begun.Add(place);
        return place;
    }

    private async Task ServeAsync(Place place)
    {
        try
        {
            while (place.Next() is { } watch) await RunAsync(watch);
        }
        finally
        {
            place.End();
        }
    }

    private async Task RunAsync(Watch watch)
    {
        using var reader = new Reader(watch, services);
        try
        {
            using var journal = await ReadAsync(watch, () => services.Store.OpenToRead(watch.Sale));
            while (!watch.Stop.IsCancellationRequested)
            {
                if (!journal.HasNews)
                {
                    await Task.Delay(LookEvery, watch.Stop.Token);
                    continue;
                }

                // Without the output: while a journal keeps its reader waiting, the connection is answered.
                await ReadAsync(watch, () =>
                {
                    journal.ReadBatches(reader, most: Reader.BatchesMax);
                    return true;
                });
                if (reader.IsEmpty) continue;
                if (!await WriteAsync(watch, reader)) return;
            }
        }
        catch (OperationCanceledException)
        {
            // The watch, or the connection, has ended.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JournalDamagedException or NewerFormatException
            or JournalRefusedException or ConnectionAbortedException)
        {
            // The client resumes behind the last entry that it has, when the journal can be read again.
            connection.Abort(new ConnectionAbortedException("What it watches cannot be read."));
        }
        catch
        {
            // A defect here. A watch that says nothing more would look like a sale in which nothing happens.
            connection.Abort(new ConnectionAbortedException("What it watches was lost by a defect."));
            throw;
        }
    }

    private static async Task<T> ReadAsync<T>(Watch watch, Func<T> read)
    {
        await Reading.WaitAsync(watch.Stop.Token);
        try
        {
            return read();
        }
        finally
        {
            Reading.Release();
        }
    }

    /// <summary>Pushes what was read. One batch at a time: what it has for this connection is on its way before more is read.</summary>
    /// <returns>False when the watch has ended.</returns>
    private async Task<bool> WriteAsync(Watch watch, Reader reader)
    {
        await _output.WaitAsync(watch.Stop.Token);
        try
        {
            if (watch.Stop.IsCancellationRequested) return false;
            reader.WriteTo(writer);
            if (reader.IsFull)
            {
                // Who is told may watch again at once, and has the room.
                reader.Dispose();
                Forget(watch);
                services.TurnedAway.Add(TooLarge.Code);
                writer.Ended(watch.Sale, TooLarge);
            }

            writer.Hand();
            Volatile.Write(ref _flushingSince, Environment.TickCount64);
            var flushed = await connection.Transport.Output.FlushAsync();
            Volatile.Write(ref _flushingSince, 0);
            return !flushed.IsCompleted && !reader.IsFull;
        }
        finally
        {
            _output.Release();
        }
    }

    private void Forget(Watch watch)
    {
        lock (_watches)
        {
            if (!_watches.TryGetValue(watch.Sale, out var there) || there.Watch != watch) return;
            _watches.Remove(watch.Sale);
            _left.Add(there.Place);
            Volatile.Write(ref _count, _watches.Count);
        }
    }

    /// <summary>The output while somebody writes.</summary>
    internal readonly struct Turn(SemaphoreSlim output) : IDisposable
    {
        public void Dispose() => output?.Release();
    }

    /// <summary>One of the places for readers, of which there are so many. It is given back when its reader has ended and nobody waits for
    /// it.</summary>
    private sealed class Place(TerminalServices services, Watch first)
    {
        private readonly Lock _gate = new();
        private readonly string _name = first.Name;
        private Watch? _next = first;
        private bool _hasEnded;

        public bool HasEnded
        {
            get
            {
                lock (_gate) return _hasEnded;
            }
        }

        /// <summary>Reads for this watch next, and no more for one that waited and was ended meanwhile.</summary>
        /// <returns>False when the place has been given back, or is for keys of another name.</returns>
        public bool TryTake(Watch watch)
        {
            lock (_gate)
            {
                if (_hasEnded || watch.Name != _name) return false;
                _next = watch;
                return true;
            }
        }

        /// <returns>Null when nobody waits; then the place is given back.</returns>
        public Watch? Next()
        {
            lock (_gate)
            {
                var next = _next;
                _next = null;
                if (next is null) End();
                return next;
            }
        }

        public void End()
        {
            lock (_gate)
            {
                if (_hasEnded) return;
                _hasEnded = true;
                services.EndWatch(_name);
            }
        }
    }

    /// <param name="After">The last sequence that the client has.</param>
    private sealed record Watch(string Sale, long After, Caller Caller)
    {
        /// <summary>Of the key, as the journal has it.</summary>
        public string Name => Caller.Key!.Name;

        public CancellationTokenSource Stop { get; } = new();
    }

    private readonly record struct Pushed(
        long Sequence, EntryKind Kind, long TimeMs, long Of, long FirstTicket, int Places, long Amount, long UntilMs);

    /// <summary>Picks what concerns the key out of a journal.</summary>
    private sealed class Reader(Watch watch, TerminalServices services) : EntryReader, IDisposable
    {
        // A quiet stretch of the journal is passed quickly; a busy one pauses after each batch.
        public const int BatchesMax = 64;

        // So many holds are asked for at once, and so many entries are kept room for.
        private const int HoldsStep = 64, PushedKept = 256;

        private readonly string _name = watch.Name;
        private readonly bool _isEverybodys = !watch.Caller.Key!.Role.SeesOnlyItsOwn();
        private readonly List<Pushed> _pushed = [];

        // By hold: the sequence that placed it.
        private readonly Dictionary<HoldId, long> _placed = [];
        private int _room, _holds;
        private ushort _by;

        /// <summary>There is no room for another hold; what came behind was not looked at.</summary>
        public bool IsFull { get; private set; }

        public bool IsEmpty => !IsEnough;

        protected override bool IsEnough => _pushed.Count > 0 || IsFull;

        public void WriteTo(RespWriter writer)
        {
            foreach (var entry in _pushed)
            {
                writer.Push(10);
                writer.Bulk("entry"u8);
                writer.Bulk(watch.Sale);
                writer.Integer(entry.Sequence);
                writer.Bulk(NameOf(entry.Kind));
                writer.Integer(entry.TimeMs);
                writer.Integer(entry.Of);
                writer.Integer(entry.FirstTicket);
                writer.Integer(entry.Places);
                writer.Integer(entry.Amount);
                writer.Integer(entry.UntilMs);
            }

            _pushed.Clear();
            if (_pushed.Capacity > PushedKept) _pushed.Capacity = PushedKept;
        }

        public void Dispose()
        {
            services.ForgetHolds(_holds);
            _holds = 0;
            _placed.Clear();
            _placed.TrimExcess();
        }

        protected override void OnEntry(in Entry entry, long sequence, long timeMs)
        {
            if (IsFull) return;
            if (entry.Kind == EntryKind.KeyNamed && entry.Name == _name) _by = entry.By;
            if (!Concerns(entry, sequence, out var placed) || sequence <= watch.After) return;
            _pushed.Add(new(
                sequence, entry.Kind, timeMs, placed, entry.FirstTicket,
                entry.Kind == EntryKind.Refunded ? (int)UInt128.PopCount(entry.Tickets) : entry.Lines.Places,
                entry.Amount != 0 ? entry.Amount : entry.Lines.Amount, entry.UntilMs));
        }

        private bool Concerns(in Entry entry, long sequence, out long placed)
        {
            placed = 0;
            switch (entry.Kind)
            {
                case EntryKind.KeyNamed:
                    return false;

                case EntryKind.Planned or EntryKind.Opened or EntryKind.Paused or EntryKind.Closed or EntryKind.Numbered:
                    return true;

                case EntryKind.Held or EntryKind.HeldPlaces or EntryKind.Purchased or EntryKind.PurchasedPlaces or EntryKind.Waited:
                    if (!_isEverybodys && (entry.By == 0 || entry.By != _by)) return false;
                    return TryPlace(entry.Hold, placed = sequence);

                case EntryKind.Exchanged:
                    if (!_placed.ContainsKey(entry.Of)) return false;
                    return TryPlace(entry.Hold, placed = sequence);

                default:
                    return _placed.TryGetValue(entry.Hold, out placed);
            }
        }

        private bool TryPlace(HoldId hold, long sequence)
        {
            if (_room == 0 && !services.TryRememberHolds(HoldsStep)) IsFull = true;
            else if (_room == 0) (_room, _holds) = (HoldsStep, _holds + HoldsStep);
            if (IsFull) return false;
            if (_placed.TryAdd(hold, sequence)) _room--;
            else _placed[hold] = sequence;
            return true;
        }

        private static ReadOnlySpan<byte> NameOf(EntryKind kind) => kind switch
        {
            EntryKind.Planned => "planned"u8,
            EntryKind.Opened => "opened"u8,
            EntryKind.Paused => "paused"u8,
            EntryKind.Closed => "closed"u8,
            EntryKind.Held or EntryKind.HeldPlaces => "held"u8,
            EntryKind.Extended => "extended"u8,
            EntryKind.Paid => "paid"u8,
            EntryKind.Released => "released"u8,
            EntryKind.Expired => "expired"u8,
            EntryKind.Refunded => "refunded"u8,
            EntryKind.PaymentRefused => "payment-refused"u8,
            EntryKind.Purchased or EntryKind.PurchasedPlaces => "purchased"u8,
            EntryKind.Exchanged => "exchanged"u8,
            EntryKind.Waited => "waited"u8,
            EntryKind.Left => "left"u8,
            EntryKind.Offered => "offered"u8,
            EntryKind.Numbered => "numbered"u8,
            _ => "other"u8,
        };
    }
}
