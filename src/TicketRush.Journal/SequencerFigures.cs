using TicketRush.Engine;

namespace TicketRush.Journal;

/// <summary>
/// What a sequencer counts of itself: a few additions for each decision, written by its loop alone but for the answers that
/// other threads give. Everybody may read; what is read together need not be of one moment.
/// </summary>
public sealed class SequencerFigures
{
    private readonly long[] _answered = new long[(int)Outcome.Unknown + 1];
    private readonly long[] _refused = new long[byte.MaxValue + 1];
    private long _flushes, _flushTicks, _lastFlushTicks, _turns, _turnTicks;

    /// <summary>Commands that were answered so.</summary>
    public long Answers(Outcome outcome) => Volatile.Read(ref _answered[(int)outcome]);

    /// <summary>Commands that the sale refused so, refused payments among them.</summary>
    public long Refused(Refusal refusal) => Volatile.Read(ref _refused[(int)refusal]);

    /// <summary>Batches that were written and flushed.</summary>
    public long Flushes => Volatile.Read(ref _flushes);

    /// <summary>How long writing and flushing took, all batches together.</summary>
    public TimeSpan FlushTime => new(Volatile.Read(ref _flushTicks));

    public TimeSpan LastFlush => new(Volatile.Read(ref _lastFlushTicks));

    /// <summary>Turns that were taken.</summary>
    public long Turns => Volatile.Read(ref _turns);

    /// <summary>How long they were waited for, all together.</summary>
    public TimeSpan TurnWait => new(Volatile.Read(ref _turnTicks));

    internal void Decided(Outcome outcome, Refusal refusal)
    {
        if (outcome == Outcome.Refused) Volatile.Write(ref _refused[(int)refusal], _refused[(int)refusal] + 1);

        // These two are the loop's alone; to the others every thread adds.
        if (outcome is Outcome.Done or Outcome.Refused) Volatile.Write(ref _answered[(int)outcome], _answered[(int)outcome] + 1);
        else Answered(outcome, 1);
    }

    internal void Answered(Outcome outcome, int count) => Interlocked.Add(ref _answered[(int)outcome], count);

    internal void Batch(int entries, TimeSpan took, SaleMetrics? metrics)
    {
        Volatile.Write(ref _flushes, _flushes + 1);
        Volatile.Write(ref _flushTicks, _flushTicks + took.Ticks);
        Volatile.Write(ref _lastFlushTicks, took.Ticks);
        metrics?.Batch(entries, took);
    }

    internal void Turn(TimeSpan waited, SaleMetrics? metrics)
    {
        Volatile.Write(ref _turns, _turns + 1);
        Volatile.Write(ref _turnTicks, _turnTicks + waited.Ticks);
        metrics?.Turn(waited);
    }
}
