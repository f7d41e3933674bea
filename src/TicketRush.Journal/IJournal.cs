namespace TicketRush.Journal;

/// <summary>
/// The journal of one sale as one of its writers sees it. Several writers, in several processes or on several machines, may
/// have the same journal open; they take turns.
/// <para>
/// <see cref="HasNews"/> and <see cref="NowMs"/> may be called by any thread; everything else by one thread at a time, the
/// sequencer's. What a reader is given is durable, always.
/// </para>
/// </summary>
public interface IJournal : IDisposable
{
    /// <summary>How far this writer has read or written.</summary>
    Tail Tail { get; }

    /// <summary>Whether others have made durable what this writer has not read yet. Cheap.</summary>
    bool HasNews { get; }

    /// <summary>
    /// Sale time: never jumps, never runs back, and is the same for all writers of the journal; in a turn, not before the
    /// last entry's.
    /// </summary>
    long NowMs { get; }

    /// <summary>Gives the batches from the tail to the durable end. Needs no turn.</summary>
    /// <exception cref="JournalDamagedException">What is there is not what was written.</exception>
    /// <exception cref="NewerFormatException">It was written by a newer program.</exception>
    void Read(IBatchReader reader);

    /// <summary>As <see cref="Read"/>, but so many batches at the most, and none after the reader has enough. The next call goes on
    /// there; until it is through, there is news.</summary>
    void ReadBatches(EntryReader reader, int most);

    /// <summary>
    /// Waits for the exclusive right to append, makes durable what a dead writer left behind complete, cuts off what it left
    /// torn, and reads up to the end. When this throws, the turn is not held.
    /// </summary>
    /// <exception cref="IOException">The journal cannot be read or made durable now; later it may.</exception>
    /// <exception cref="JournalDamagedException">What is there is not what was written.</exception>
    /// <exception cref="NewerFormatException">It was written by a newer program.</exception>
    void TakeTurn(IBatchReader reader);

    /// <summary>Like <see cref="TakeTurn"/>, but waits for nobody.</summary>
    /// <returns>False when another has the turn.</returns>
    bool TryTakeTurn(IBatchReader reader);

    /// <summary>In a turn: makes room for a batch.</summary>
    /// <returns>The length of the longest batch that there is room for; less than asked for when the disk is full.</returns>
    int Reserve(int length);

    /// <summary>
    /// In a turn: writes the batch behind the tail and makes it durable. When this throws, nobody knows whether it is: the
    /// writer must <see cref="Rewind"/> and read everything again.
    /// </summary>
    /// <exception cref="TurnLostException">Nothing of this turn is in the journal, nor ever will be.</exception>
    /// <exception cref="IOException">Writing or flushing failed.</exception>
    void Append(BatchBuffer batch, long timeMs);

    /// <summary>
    /// In a turn, before anybody is told anything that rests on what others have written: sees to it that all that was read is durable
    /// for certain. Costs nothing behind a batch of one's own.
    /// </summary>
    /// <exception cref="IOException">Nobody can tell whether it is; then as after <see cref="Append"/>.</exception>
    void Confirm();

    void ReleaseTurn();

    /// <summary>Starts over: the next read gives the first batch again.</summary>
    void Rewind();
}

public interface IBatchReader
{
    /// <param name="entries">The encoded entries; valid during the call.</param>
    void OnBatch(in BatchHeader header, ReadOnlySpan<byte> entries);
}

/// <summary>A journal that is not what was written. The sale stops; nothing repairs it silently.</summary>
public sealed class JournalDamagedException(string message, long sequence, long offset) : Exception(message)
{
    /// <summary>The first sequence that cannot be read.</summary>
    public long Sequence => sequence;

    /// <summary>Where the first bad batch begins.</summary>
    public long Offset => offset;
}

/// <summary>A turn that another took before its first batch was written: what was decided in it is known not to have happened.</summary>
public sealed class TurnLostException(string message) : IOException(message);

/// <summary>A journal that a newer program wrote: not damaged, and not for this program to sell from.</summary>
public sealed class NewerFormatException(string message) : Exception(message);

/// <summary>
/// A journal that may not be used as it is: replaced under a running sale, on a network file system, or no journal at all.
/// </summary>
public class JournalRefusedException(string message) : Exception(message);

/// <summary>The journal was moved away or deleted while this process was selling from it. It may come back.</summary>
public sealed class JournalGoneException(string message) : JournalRefusedException(message);
