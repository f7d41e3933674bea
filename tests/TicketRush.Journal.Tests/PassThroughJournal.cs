namespace TicketRush.Journal.Tests;

/// <summary>A journal that does what another does, but for what a test makes of it.</summary>
internal abstract class PassThroughJournal(IJournal journal) : IJournal
{
    public Tail Tail => journal.Tail;

    public bool HasNews => journal.HasNews;

    public long NowMs => journal.NowMs;

    public void Read(IBatchReader reader) => journal.Read(reader);

    public virtual void ReadBatches(EntryReader reader, int most) => journal.ReadBatches(reader, most);

    public virtual void TakeTurn(IBatchReader reader) => journal.TakeTurn(reader);

    public bool TryTakeTurn(IBatchReader reader) => journal.TryTakeTurn(reader);

    public virtual int Reserve(int length) => journal.Reserve(length);

    public virtual void Append(BatchBuffer batch, long timeMs) => journal.Append(batch, timeMs);

    public void Confirm() => journal.Confirm();

    public void ReleaseTurn() => journal.ReleaseTurn();

    public virtual void Rewind() => journal.Rewind();

    public void Dispose() => journal.Dispose();
}
