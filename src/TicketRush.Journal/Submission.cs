using System.Threading.Tasks.Sources;
using TicketRush.Engine;

namespace TicketRush.Journal;

/// <summary>What became of a command. Zero is nothing yet.</summary>
public enum Outcome : byte
{
    None = 0,

    /// <summary>It is durable, now or since it was asked first; or a question was answered. The reply says the rest.</summary>
    Done = 1,

    /// <summary>Decided, and not a success. A refused payment is durable too: its reply has a sequence.</summary>
    Refused = 2,

    /// <summary>Not started: too many wait, or the turn did not come in time.</summary>
    Busy = 3,

    /// <summary>Not started: the journal has no room. Selling goes on by itself when there is.</summary>
    DiskFull = 4,

    /// <summary>Not started: the sale is stopped, and <see cref="Sequencer.Status"/> says why.</summary>
    Stopped = 5,

    /// <summary>Nobody knows. Asking again with the same id will tell.</summary>
    Unknown = 6,
}

/// <summary>
/// One command on its way through a sequencer, and its answer. May be used again once it was answered; not one whose outcome
/// is Unknown, which the sequencer may still hold.
/// </summary>
public sealed class Submission : IValueTaskSource<Outcome>
{
    // The completion already runs on the thread pool (see Answers), so going on inline costs nobody a thread.
    private ManualResetValueTaskSourceCore<Outcome> _source = new() { RunContinuationsAsynchronously = false };

    public Command Command;
    public Reply Reply;

    /// <summary>The chain hash of the batch that the reply's sequence is in: with it, the receipt.</summary>
    public ChainHash Hash { get; internal set; }

    /// <summary>Sale time of the reply's sequence; of the decision, when it has none.</summary>
    public long TimeMs { get; internal set; }

    /// <summary>What becomes of it, once it was submitted. To be awaited once.</summary>
    public ValueTask<Outcome> Answer => new(this, _source.Version);

    internal Outcome Outcome { get; set; }

    internal long SubmittedAt { get; set; }

    internal void Start(long timestamp)
    {
        _source.Reset();
        (Outcome, SubmittedAt) = (Outcome.None, timestamp);
    }

    internal void Complete(Outcome outcome) => _source.SetResult(outcome);

    Outcome IValueTaskSource<Outcome>.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<Outcome>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<Outcome>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
