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

    private readonly SemaphoreSlim _output = new(1);
    private readonly Dictionary<string, Watch> _watches = new(StringComparer.Ordinal);
    private readonly List<Watch> _begun = [];
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
    public TerminalError? TryAdd(string sale, long after, Caller caller, long told)
    {
        if (_watches.ContainsKey(sale)) return TerminalError.Invalid("This sale is watched here already; UNWATCH it first.");
        if (_watches.Count >= services.Limits.WatchesPerConnection || !services.TryBeginWatch())
            return new("TOO_MANY_WATCHES", "As many sales are watched as can be served, here or in all.");

        var watch = new Watch(sale, after, told, caller);
        _watches.Add(sale, watch);
        _begun.Add(watch);
        Volatile.Write(ref _count, _watches.Count);
        return null;
    }

    /// <returns>False when it was not watched.</returns>
    public bool Remove(string sale)
    {
        if (!_watches.Remove(sale, out var watch)) return false;
        Volatile.Write(ref _count, _watches.Count);
        watch.Stop.Cancel();
        if (_begun.Remove(watch)) services.EndWatch();
        return true;
    }

    public void EndAll()
    {
        foreach (var sale in _watches.Keys.ToArray()) Remove(sale);
    }

    /// <summary>Begins to push what was added, now that the reply to the request is on its way.</summary>
    public void Start()
    {
        if (_begun.Count == 0) return;
        _hasWatched = true;
        _running.RemoveAll(task => task.IsCompleted);
        foreach (var watch in _begun) _running.Add(Task.Run(() => RunAsync(watch)));
        _begun.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        EndAll();
        await Task.WhenAll(_running);
        _output.Dispose();
    }

    private async Task RunAsync(Watch watch)
    {
        try
        {
            using var journal = services.Store.OpenToRead(watch.Sale);
            var reader = new Reader(watch, writer);
            while (!watch.Stop.IsCancellationRequested)
            {
                if (!journal.HasNews)
                {
                    await Task.Delay(LookEvery, watch.Stop.Token);
                    continue;
                }

                // One batch at a time: what it has for this connection must be read before more is written.
                await _output.WaitAsync(watch.Stop.Token);
                try
                {
                    if (watch.Stop.IsCancellationRequested) return;
                    await Reading.WaitAsync(watch.Stop.Token);
                    try
                    {
                        journal.ReadBatches(reader, most: Reader.BatchesMax);
                    }
                    finally
                    {
                        Reading.Release();
                    }

                    if (!reader.HasWritten) continue;
                    reader.HasWritten = false;
                    writer.Hand();
                    Volatile.Write(ref _flushingSince, Environment.TickCount64);
                    var flushed = await connection.Transport.Output.FlushAsync();
                    Volatile.Write(ref _flushingSince, 0);
                    if (flushed.IsCompleted) return;
                }
                finally
                {
                    _output.Release();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The watch, or the connection, has ended.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JournalDamagedException or NewerFormatException or JournalRefusedException
            or ConnectionAbortedException)
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
        finally
        {
            services.EndWatch();
        }
    }

    /// <summary>The output while somebody writes.</summary>
    internal readonly struct Turn(SemaphoreSlim output) : IDisposable
    {
        public void Dispose() => output?.Release();
    }

    /// <param name="After">The last sequence that the client has.</param>
    /// <param name="Told">How far the sale had come when it was asked.</param>
    private sealed record Watch(string Sale, long After, long Told, Caller Caller)
    {
        public CancellationTokenSource Stop { get; } = new();
    }

    /// <summary>Picks what concerns the key out of a journal.</summary>
    private sealed class Reader : EntryReader
    {
        // A quiet stretch of the journal is passed quickly; a busy one pauses after each batch.
        public const int BatchesMax = 64;

        private readonly Watch _watch;
        private readonly RespWriter _writer;
        private readonly string _name;
        private readonly bool _isEverybodys;

        // By hold: the sequence that placed it.
        private readonly Dictionary<HoldId, long> _placed = [];
        private ushort _by;

        public Reader(Watch watch, RespWriter writer)
        {
            (_watch, _writer, _name) = (watch, writer, watch.Caller.Key!.Name);
            _isEverybodys = !watch.Caller.Key.Role.SeesOnlyItsOwn();
        }

        public bool HasWritten { get; set; }

        protected override bool IsEnough => HasWritten;

        protected override void OnEntry(in Entry entry, long sequence, long timeMs)
        {
            if (entry.Kind == EntryKind.KeyNamed && entry.Name == _name) _by = entry.By;
            if (!Concerns(entry, sequence, out var placed) || sequence <= _watch.After) return;

            HasWritten = true;
            _writer.Push(10);
            _writer.Bulk("entry"u8);
            _writer.Bulk(_watch.Sale);
            _writer.Integer(sequence);
            _writer.Bulk(NameOf(entry.Kind));
            _writer.Integer(timeMs);
            _writer.Integer(placed);
            _writer.Integer(entry.FirstTicket);
            _writer.Integer(entry.Kind == EntryKind.Refunded ? (int)UInt128.PopCount(entry.Tickets) : entry.Lines.Places);
            _writer.Integer(entry.Amount != 0 ? entry.Amount : entry.Lines.Amount);
            _writer.Integer(entry.UntilMs);
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
                    _placed[entry.Hold] = placed = sequence;
                    return true;

                case EntryKind.Exchanged:
                    if (!_placed.ContainsKey(entry.Of)) return false;
                    _placed[entry.Hold] = placed = sequence;
                    return true;

                default:
                    return _placed.TryGetValue(entry.Hold, out placed);
            }
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
