using System.Diagnostics;
using TicketRush.Engine;

namespace TicketRush.Journal;

/// <summary>
/// The one loop that touches a sale. It takes a turn at the journal, catches up with what others decided, decides whatever
/// has arrived, makes it durable with one flush, and only then answers. While one flush is on its way the next batch
/// gathers, so the batch grows with the load and nobody tunes it.
/// <para>
/// <see cref="SubmitAsync"/>, <see cref="Snapshot"/>, <see cref="Status"/> and <see cref="Tick"/> are for every thread. A
/// thread of its own runs the loop while there is work, and goes when there was none for a while.
/// </para>
/// </summary>
public sealed class Sequencer : IBatchReader, IAsyncDisposable
{
    // Room that is asked for beyond the commands at hand: a header, and an empty turn's chance to notice that the disk is full.
    private const int RoomMin = 4096;

    private readonly IJournal _journal;
    private readonly SequencerOptions _options;
    private readonly Inbox _inbox;
    private readonly Answers _answers = new();
    private readonly BatchBuffer _batch = new();
    private readonly Entry[] _ahead = new Entry[16];

    private Sale _sale = new();
    private Receipts _receipts = new();
    private Entry _entry;

    private volatile SaleSnapshot? _snapshot;
    private volatile SequencerStatus _status = SequencerStatus.Selling;

    // The batch between decision and answer; whoever takes it from here answers it.
    private readonly Lock _inFlightGate = new();
    private Submission[] _inFlight = new Submission[64];
    private int _inFlightCount;
    private long _writingSince;

    private long _waitingSince;
    private long _oldest;
    private int _wanted;
    private long _retryAt;
    private bool _rebuild;

    private readonly Lock _threadGate = new();
    private readonly ManualResetEventSlim _wake = new(false, spinCount: 20);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Thread? _thread;
    private int _signalled;
    private volatile bool _stopping;

    private long _batches, _entries;
    private readonly SequencerFigures _figures = new();

    /// <summary>Opens a sale: reads its whole journal, up to the durable end.</summary>
    /// <exception cref="JournalDamagedException">The journal is not what was written.</exception>
    /// <exception cref="NewerFormatException">The journal was written by a newer program.</exception>
    public Sequencer(IJournal journal, SequencerOptions? options = null)
    {
        _journal = journal;
        _options = options ?? new();
        _inbox = new(_options.InboxMax);
        journal.Read(this);

        // What a dead writer left behind the durable end may be complete, and the sale's very first entry may be there. Who is
        // alive and in a turn will see to that; waiting for somebody frozen would keep every other sale from being opened.
        var since = Stopwatch.GetTimestamp();
        while (!journal.TryTakeTurn(this))
        {
            journal.Read(this);
            if (journal.Tail.Sequence > 0 || Stopwatch.GetElapsedTime(since) > _options.TurnWaitMax)
            {
                Publish();
                return;
            }

            Thread.Sleep(1);
        }

        journal.ReleaseTurn();
        Publish();
    }

    /// <summary>The sale as of the last durable entry; null before the first.</summary>
    public SaleSnapshot? Snapshot => _snapshot;

    public SequencerStatus Status => _status;

    /// <summary>Sale time now.</summary>
    public long NowMs => _journal.NowMs;

    /// <summary>Batches and entries that this sequencer appended.</summary>
    public (long Batches, long Entries) Appended => (Volatile.Read(ref _batches), Volatile.Read(ref _entries));

    /// <summary>What this sequencer has done since it was opened, and how long it takes; for dashboards and metrics.</summary>
    public SequencerFigures Figures => _figures;

    /// <summary>Commands that wait for the next batch.</summary>
    public int InboxDepth => _inbox.Count;

    /// <summary>
    /// Asks for a decision. It comes when everything it rests on is durable, in order of arrival; the submission then holds
    /// the reply. What goes wrong is an <see cref="Outcome"/>.
    /// </summary>
    /// <exception cref="ArgumentException">The command lacks what its kind needs: a mistake in the calling program.</exception>
    public ValueTask<Outcome> SubmitAsync(Submission submission)
    {
        Submit([submission]);
        return submission.Answer;
    }

    /// <summary>
    /// Asks for several decisions, in this order: as <see cref="SubmitAsync"/> for each, but they come into the inbox together. Each is
    /// answered by its <see cref="Submission.Answer"/>.
    /// </summary>
    /// <exception cref="ArgumentException">A command lacks what its kind needs. None of them was submitted.</exception>
    public void Submit(ReadOnlySpan<Submission> submissions)
    {
        foreach (var submission in submissions)
        {
            if (!submission.Command.IsComplete)
                throw new ArgumentException($"A command {submission.Command.Kind} lacks something.", nameof(submissions));
        }

        var now = Stopwatch.GetTimestamp();
        foreach (var submission in submissions) submission.Start(now);
        var refused = _status.RefusedWith;
        var taken = refused is null && !_stopping ? _inbox.Add(submissions) : 0;
        if (taken > 0)
        {
            Wake();

            // Taken while the loop was ending: either it saw these, or this thread sees that it ended.
            if (_ended.Task.IsCompleted) DrainBusy();
        }

        foreach (var submission in submissions[taken..]) AnswerNow(submission, refused ?? Outcome.Busy);
    }

    /// <summary>
    /// To be called every 20 ms or so, by any thread but always the same: notices entries of other writers, holds that run
    /// out, turns and flushes that do not come, and when to try again after a failure. Costs nothing when nothing is to do.
    /// </summary>
    public void Tick()
    {
        _answers.Tick();
        if (_stopping) return;
        if (HasPassed(ref _waitingSince, _options.TurnWaitMax))
        {
            // Somebody holds the turn and does not move. Nothing is stolen from them; who waits here has not been started.
            GiveUpOnTurn();
            DrainBusy();
        }

        if (HasPassed(ref _writingSince, _options.FlushWaitMax))
        {
            AnswerInFlight(Outcome.Unknown);
            DrainBusy();
        }

        if (IsTimeToLook()) Wake();
    }

    /// <summary>Decides what has arrived, then ends. Nothing that was taken goes without an answer.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stopping) return;
        _stopping = true;
        Wake();
        try
        {
            await _ended.Task.WaitAsync(_options.StopWaitMax);
        }
        catch (TimeoutException)
        {
            // Somebody frozen holds the turn. The thread waits in the kernel and ends with the process; the journal is its.
            DrainBusy();
            AnswerInFlight(Outcome.Unknown);
            return;
        }

        _journal.Dispose();
    }

    void IBatchReader.OnBatch(in BatchHeader header, ReadOnlySpan<byte> entries)
    {
        var sequence = header.FirstSequence;
        for (var left = header.Count; left > 0;)
        {
            // Some entries at once, so that their cache misses overlap.
            var count = Math.Min(left, _ahead.Length);
            for (var i = 0; i < count; i++)
            {
                entries = entries[EntryCodec.Decode(entries, ref _ahead[i])..];
                _sale.Prefetch(_ahead[i]);
            }

            for (var i = 0; i < count; i++) _sale.Apply(_ahead[i], sequence++);
            left -= count;
        }

        if (entries.Length > 0) throw new InvalidDataException($"{entries.Length} bytes follow the last entry of the batch");
        _receipts.Add(header.FirstSequence, header.TimeMs, header.Hash);
    }

    private void Run()
    {
        while (true)
        {
            _wake.Reset();
            Interlocked.Exchange(ref _signalled, 0);
            Turn();
            if (!_inbox.IsEmpty) continue;

            if (_stopping)
            {
                _ended.TrySetResult();
                DrainBusy();
                return;
            }

            if (_wake.Wait(_options.ThreadIdle)) continue;
            lock (_threadGate)
            {
                if (Volatile.Read(ref _signalled) != 0) continue;
                _thread = null;
                return;
            }
        }
    }

    /// <summary>Take a turn, catch up, decide, append, flush, answer.</summary>
    private void Turn()
    {
        var isIntact = true;
        try
        {
            if (_status.IsFinal)
            {
                foreach (var submission in _inbox.Drain()) AnswerNow(submission, Outcome.Stopped);
                return;
            }

            if (_rebuild) Rebuild();
            if (_journal.HasNews) _journal.Read(this);
            if (!_inbox.IsEmpty || IsExpiryDue() || _snapshot is null || _status.Kind != SequencerStatusKind.Selling)
            {
                TakeTurn();
                isIntact = false;
                try
                {
                    DecideAndAppend();
                }
                finally
                {
                    _journal.ReleaseTurn();
                }
            }

            Publish();
            AnswerInFlight(null);
        }
        catch (Exception e)
        {
            Fail(e, isIntact);
        }
    }

    private void TakeTurn()
    {
        Volatile.Write(ref _waitingSince, Stopwatch.GetTimestamp());
        _journal.TakeTurn(this);
        _figures.Turn(Stopwatch.GetElapsedTime(_waitingSince), _options.Metrics);
        Volatile.Write(ref _waitingSince, 0);
        if (_status.Kind is SequencerStatusKind.TurnTaken or SequencerStatusKind.Failing) SetStatus(SequencerStatus.Selling);
    }

    private void DecideAndAppend()
    {
        Volatile.Write(ref _writingSince, Stopwatch.GetTimestamp());

        // One time for the whole batch; the journal sees to it that it is never before the last entry's.
        var nowMs = _journal.NowMs;
        var taken = _inbox.Take(_options.BatchMax);
        KeepInFlight(taken);
        var expiries = nowMs >= _sale.NextExpiryMs ? _options.ExpiriesMax : 0;
        _batch.Clear();

        // Room is made when the first entry needs it: refusals write nothing, not even zeros.
        _wanted = Math.Min((taken.Length + expiries) * EntryCodec.ShortMax + RoomMin, _options.BatchLength);
        var room = expiries > 0 || _status.Kind == SequencerStatusKind.DiskFull ? Reserve(_wanted) : 0;

        // Expiries come before the first decision that could depend on them, but a landslide must not keep the buyers waiting.
        for (; expiries > 0 && _batch.Length + BatchHeader.SectorSize <= room && _sale.TryExpire(nowMs, ref _entry); expiries--)
        {
            // Numbers for a whole train are long; they are asked for again when there is no room now.
            if (_entry.Kind == EntryKind.Numbered && _batch.LengthWith(_entry) > room && !MakeRoom(nowMs, ref room)) break;
            Record();
        }

        Offer(nowMs, ref room);

        SetOldest();
        const int Ahead = 8;
        for (var i = 0; i < Math.Min(Ahead, taken.Length); i++) _sale.Prefetch(taken[i].Command);

        for (var i = 0; i < taken.Length; i++)
        {
            if (i + Ahead < taken.Length) _sale.Prefetch(taken[i + Ahead].Command);

            // Its caller has gone elsewhere by now; a purchase that nobody waits for any more must not succeed.
            taken[i].Outcome = taken[i].SubmittedAt < _oldest ? Drop(taken[i]) : Decide(taken[i], nowMs, ref room);
        }

        Append(nowMs);

        // A repetition, a refusal or what was looked up may rest on what another wrote, and perhaps nobody has said that to be durable.
        if (taken.Length > 0) _journal.Confirm();
        Volatile.Write(ref _writingSince, 0);
        Describe(taken, nowMs);
    }

    private void SetOldest() => _oldest = Stopwatch.GetTimestamp() - (long)(_options.CommandAgeMax.TotalSeconds * Stopwatch.Frequency);

    private static Outcome Drop(Submission submission)
    {
        submission.Reply.Clear();
        return Outcome.Busy;
    }

    private Outcome Decide(Submission submission, long nowMs, ref int room)
    {
        // Offers that a full disk kept from being made come before anybody else's wish; what was decided before is told all the same.
        var mayGive = Offer(nowMs, ref room);
        while (true)
        {
            var verdict = _sale.Decide(submission.Command, nowMs, ref _entry, ref submission.Reply);
            if (!mayGive && verdict is not (Verdict.Repeat or Verdict.Found)) return Outcome.DiskFull;
            if (verdict is Verdict.Refused) return Outcome.Refused;
            if (verdict is not (Verdict.Entry or Verdict.ExpireFirst or Verdict.NameFirst))
                return submission.Reply.Refusal == Refusal.None ? Outcome.Done : Outcome.Refused;

            if (_batch.LengthWith(_entry) > room && !MakeRoom(nowMs, ref room)) return Outcome.DiskFull;
            Record();
            if (verdict == Verdict.ExpireFirst && !Offer(nowMs, ref room)) return Outcome.DiskFull;
            if (verdict != Verdict.Entry) continue;

            submission.Reply.Sequence = _journal.Tail.Sequence + _batch.Count;
            Offer(nowMs, ref room);
            return submission.Reply.Refusal == Refusal.None ? Outcome.Done : Outcome.Refused;
        }
    }

    /// <summary>Places that came back go to those who wait for them, before anything else is decided.</summary>
    private bool Offer(long nowMs, ref int room)
    {
        while (_sale.TryOffer(nowMs, ref _entry))
        {
            if (_batch.LengthWith(_entry) > room && !MakeRoom(nowMs, ref room)) return false;
            Record();
        }

        return true;
    }

    /// <summary>The entry takes effect at once, for those behind it in the batch; nobody is told before it is durable.</summary>
    private void Record()
    {
        _batch.Add(_entry);
        _sale.Apply(_entry, _journal.Tail.Sequence + _batch.Count);
    }

    /// <summary>A batch as long as it may be goes out, and another begins in the same turn.</summary>
    private bool MakeRoom(long nowMs, ref int room)
    {
        Append(nowMs);
        Volatile.Write(ref _writingSince, Stopwatch.GetTimestamp());
        SetOldest(); // The flush may have taken its time.
        room = Reserve(Math.Max(_wanted, _batch.LengthWith(_entry)));
        return _batch.LengthWith(_entry) <= room;
    }

    private int Reserve(int wanted)
    {
        var room = _journal.Reserve(wanted);
        TellRoom(isFull: room < wanted);
        return room;
    }

    private void TellRoom(bool isFull)
    {
        if (!isFull)
        {
            if (_status.Kind == SequencerStatusKind.DiskFull) SetStatus(SequencerStatus.Selling);
            return;
        }

        RetryLater();
        SetStatus(new(SequencerStatusKind.DiskFull, "The disk is full. Selling goes on by itself when there is room."));
    }

    private void RetryLater() =>
        Volatile.Write(ref _retryAt, Stopwatch.GetTimestamp() + (long)(_options.RetryAfter.TotalSeconds * Stopwatch.Frequency));

    private void Append(long nowMs)
    {
        if (_batch.Count == 0) return;

        var first = _journal.Tail.Sequence + 1;
        var since = Stopwatch.GetTimestamp();
        _journal.Append(_batch, nowMs); // When it throws nobody knows what is durable: see Fail.
        _figures.Batch(_batch.Count, Stopwatch.GetElapsedTime(since), _options.Metrics);
        _receipts.Add(first, nowMs, _journal.Tail.Hash);
        Volatile.Write(ref _batches, _batches + 1);
        Volatile.Write(ref _entries, _entries + _batch.Count);
        _batch.Clear();
    }

    private void Describe(ReadOnlySpan<Submission> decided, long nowMs)
    {
        var tail = _journal.Tail;
        foreach (var submission in decided)
        {
            var sequence = submission.Reply.Sequence;
            _figures.Decided(submission.Outcome, submission.Reply.Refusal);
            if (sequence == 0) (submission.TimeMs, submission.Hash) = (nowMs, default);
            else (submission.TimeMs, submission.Hash) = _receipts.Of(sequence);

            if (submission.Reply.Orders is { } orders)
            {
                for (var i = 0; i < orders.Length; i++) orders[i] = orders[i] with { TimeMs = _receipts.Of(orders[i].Sequence).TimeMs };
            }
        }
    }

    /// <summary>
    /// Memory may be ahead of the disk, or behind it: what was decided in this turn is unknown until the journal is read
    /// again from the start. Until then the sale is stopped and says so.
    /// </summary>
    /// <param name="isIntact">The turn did not even come: memory is what was read, whole batches, and goes on from there. After a database
    /// was away, every server would read every busy journal anew.</param>
    private void Fail(Exception e, bool isIntact)
    {
        Volatile.Write(ref _waitingSince, 0);
        Volatile.Write(ref _writingSince, 0);
        var isReachedLater = e is IOException or UnauthorizedAccessException;
        _rebuild |= !isIntact || !isReachedLater;
        RetryLater();
        SetStatus(isReachedLater
            ? new(SequencerStatusKind.Failing, e.Message)
            : new(SequencerStatusKind.Stopped, e is JournalDamagedException or NewerFormatException or JournalRefusedException
                ? e.Message
                : "A broken invariant: " + e) { Cause = e });
        AnswerInFlight(e is TurnLostException ? Outcome.Busy : Outcome.Unknown);
        foreach (var submission in _inbox.Drain()) AnswerNow(submission, Outcome.Stopped);
    }

    private void Rebuild()
    {
        _journal.Rewind();
        _sale = new();
        _receipts = new();
        _batch.Clear();
        _journal.Read(this);
        _rebuild = false;
    }

    private void Publish()
    {
        // A sale that is being rebuilt, or is partly caught up, is nobody's business yet. A second in which holds were to run
        // out may pass without an entry, when all of them were paid: the next one must be known, or every tick looks again.
        if (_snapshot is { } last && last.Sequence >= _journal.Tail.Sequence
            && (last.Sequence > _journal.Tail.Sequence || last.NextExpiryMs == _sale.NextExpiryMs))
            return;

        _snapshot = SaleSnapshot.Of(_sale, _journal.Tail, _snapshot);
    }

    private void KeepInFlight(ReadOnlySpan<Submission> taken)
    {
        lock (_inFlightGate)
        {
            if (_inFlight.Length < taken.Length) _inFlight = new Submission[taken.Length];
            taken.CopyTo(_inFlight);
            _inFlightCount = taken.Length;
        }
    }

    private void AnswerInFlight(Outcome? outcome)
    {
        lock (_inFlightGate)
        {
            var answered = _inFlight.AsSpan(0, _inFlightCount);
            _inFlightCount = 0;
            if (outcome is { } all) _figures.Answered(all, answered.Length);
            if (outcome == Outcome.Busy)
            {
                foreach (var submission in answered) submission.Reply.Clear();
            }

            _answers.Send(answered, outcome);
            answered.Clear();
        }
    }

    private void DrainBusy()
    {
        foreach (var submission in _inbox.Drain()) AnswerNow(submission, Outcome.Busy);
    }

    private void AnswerNow(Submission submission, Outcome outcome)
    {
        _figures.Answered(outcome, 1);
        submission.Reply.Clear();
        _answers.Send([submission], outcome);
    }

    private bool IsTimeToLook() => _status.Kind switch
    {
        SequencerStatusKind.Stopped => false,

        // The turn may have come while Tick was still saying that it does not: then nobody waits for it who would take that back.
        SequencerStatusKind.TurnTaken => Volatile.Read(ref _waitingSince) == 0,
        SequencerStatusKind.Failing or SequencerStatusKind.DiskFull => Stopwatch.GetTimestamp() >= Volatile.Read(ref _retryAt),
        _ => _journal.HasNews || IsExpiryDue() || _snapshot is null,
    };

    private bool IsExpiryDue() => _snapshot is { NextExpiryMs: < long.MaxValue } snapshot && snapshot.NextExpiryMs <= _journal.NowMs;

    // Nearly always nothing is under way, and the clock is not even read.
    private static bool HasPassed(ref long since, TimeSpan most) =>
        Volatile.Read(ref since) is not 0 and var start && Stopwatch.GetElapsedTime(start) > most;

    private void Wake()
    {
        if (Volatile.Read(ref _signalled) != 0 || Interlocked.Exchange(ref _signalled, 1) != 0) return;

        lock (_threadGate)
        {
            _wake.Set();
            if (_thread is not null) return;
            _thread = new Thread(Run) { IsBackground = true, Name = "sequencer" };
            _thread.Start();
        }
    }

    // The loop writes the status too: whatever it has said meanwhile stands.
    private void GiveUpOnTurn()
    {
        var selling = _status;
        if (selling.Kind != SequencerStatusKind.Selling) return;
        var taken = new SequencerStatus(SequencerStatusKind.TurnTaken, "Another process holds the turn and does not answer.");
        if (Interlocked.CompareExchange(ref _status, taken, selling) == selling) _options.OnStatus?.Invoke(taken);
    }

    private void SetStatus(SequencerStatus status)
    {
        var before = _status;
        _status = status;
        if (before.Kind != status.Kind) _options.OnStatus?.Invoke(status);
    }
}

public enum SequencerStatusKind
{
    Selling,

    /// <summary>Another process holds the turn and does not move.</summary>
    TurnTaken,
    DiskFull,

    /// <summary>The journal could not be written or flushed; it is tried again.</summary>
    Failing,

    /// <summary>Damaged, replaced, newer, or a defect of ours: for good.</summary>
    Stopped,
}

public sealed record SequencerStatus(SequencerStatusKind Kind, string Reason)
{
    public static SequencerStatus Selling { get; } = new(SequencerStatusKind.Selling, "");

    public Exception? Cause { get; init; }

    internal bool IsFinal => Kind == SequencerStatusKind.Stopped;

    /// <summary>How a command is answered that is not even queued; null when it is.</summary>
    internal Outcome? RefusedWith => Kind switch
    {
        SequencerStatusKind.TurnTaken => Outcome.Busy,
        SequencerStatusKind.Failing or SequencerStatusKind.Stopped => Outcome.Stopped,
        _ => null,
    };
}

/// <summary>The bounds of a sequencer. The defaults suit every sale; tests make them small.</summary>
public sealed record SequencerOptions
{
    /// <summary>Commands that may wait; the next is answered Busy at once.</summary>
    public int InboxMax { get; init; } = 65_536;

    /// <summary>Commands decided in one turn.</summary>
    public int BatchMax { get; init; } = 8_192;

    /// <summary>Bytes for which room is made in advance; a longer batch goes out in parts, in one turn.</summary>
    public int BatchLength { get; init; } = 1024 * 1024;

    /// <summary>Holds that run out, recorded before a batch's first decision.</summary>
    public int ExpiriesMax { get; init; } = 1_000;

    /// <summary>A command that has waited longer when its turn comes is dropped undecided, and answered Busy.</summary>
    public TimeSpan CommandAgeMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>When the turn has not come for so long, who waits is answered Busy.</summary>
    public TimeSpan TurnWaitMax { get; init; } = TimeSpan.FromSeconds(1.5);

    /// <summary>When a flush takes longer, its batch is answered Unknown.</summary>
    public TimeSpan FlushWaitMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long to wait before a failed journal is tried again.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How long disposing waits for the turn that decides what is left.</summary>
    public TimeSpan StopWaitMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the thread waits for more work before it goes.</summary>
    public TimeSpan ThreadIdle { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Where batches, flushes and turns are measured; nowhere without.</summary>
    internal SaleMetrics? Metrics { get; init; }

    /// <summary>Told when the status changes, by whatever thread changed it.</summary>
    public Action<SequencerStatus>? OnStatus { get; init; }
}
