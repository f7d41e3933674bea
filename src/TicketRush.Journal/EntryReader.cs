using TicketRush.Engine;

namespace TicketRush.Journal;

/// <summary>Reads a journal entry by entry, for who only looks on: it keeps no sale. Not for several threads.</summary>
public abstract class EntryReader : IBatchReader
{
    private Entry _entry;

    /// <summary>Asked after each batch: whether the reader has as much as it can take for now.</summary>
    protected internal virtual bool IsEnough => false;

    void IBatchReader.OnBatch(in BatchHeader header, ReadOnlySpan<byte> entries)
    {
        for (var i = 0; i < header.Count; i++)
        {
            // A kind sets what it needs: nothing of another's entry may show in this one.
            _entry = default;
            entries = entries[EntryCodec.Decode(entries, ref _entry)..];
            OnEntry(_entry, header.FirstSequence + i, header.TimeMs);
        }
    }

    /// <summary>An entry that is durable.</summary>
    /// <param name="timeMs">Sale time.</param>
    protected abstract void OnEntry(in Entry entry, long sequence, long timeMs);
}
