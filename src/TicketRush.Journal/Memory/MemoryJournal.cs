using TicketRush.Engine;

namespace TicketRush.Journal.Memory;

/// <summary>What the writers of one journal in memory share. Lives and dies with the process: for tests and measurements.</summary>
public sealed class MemoryStore(TimeProvider? clock = null)
{
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly long _startMs = (clock ?? TimeProvider.System).GetUtcNow().ToUnixTimeMilliseconds();
    private readonly long _startTicks = (clock ?? TimeProvider.System).GetTimestamp();

    internal SemaphoreSlim Turn { get; } = new(1);

    internal List<byte[]> Batches { get; } = [];

    internal long Sequence;

    internal long NowMs => _startMs + (long)_clock.GetElapsedTime(_startTicks).TotalMilliseconds;

    public MemoryJournal Open() => new(this);
}

/// <summary>A journal in memory, with the same batches as every other.</summary>
public sealed class MemoryJournal(MemoryStore store) : IJournal
{
    private Tail _tail;
    private int _read;

    public Tail Tail => _tail;

    public bool HasNews => Volatile.Read(ref store.Sequence) > _tail.Sequence;

    public long NowMs => Math.Max(store.NowMs, _tail.TimeMs);

    public void Read(IBatchReader reader) => Read(reader, int.MaxValue);

    public void ReadBatches(EntryReader reader, int most) => Read(reader, most);

    private void Read(IBatchReader reader, int most)
    {
        for (; most > 0 && reader is not EntryReader { IsEnough: true }; most--)
        {
            byte[] batch;
            lock (store.Batches)
            {
                if (_read == store.Batches.Count) return;
                batch = store.Batches[_read];
            }

            if (!BatchHeader.TryRead(batch, out var header) || !header.Verifies(batch) || header.Previous != _tail.Hash)
                throw new JournalDamagedException("The journal in memory was overwritten.", _tail.Sequence + 1, _tail.Offset);
            reader.OnBatch(header, batch.AsSpan(BatchHeader.Size, header.EntriesLength));
            _tail = new(header.LastSequence, header.TimeMs, header.Hash, _tail.Offset + header.Length);
            _read++;
        }
    }

    public void TakeTurn(IBatchReader reader)
    {
        store.Turn.Wait();
        BeginTurn(reader);
    }

    public bool TryTakeTurn(IBatchReader reader)
    {
        if (!store.Turn.Wait(0)) return false;
        BeginTurn(reader);
        return true;
    }

    public int Reserve(int length) => length;

    public void Append(BatchBuffer batch, long timeMs)
    {
        var tail = _tail;
        var bytes = batch.Seal(ref tail, timeMs).ToArray();
        lock (store.Batches) store.Batches.Add(bytes);
        (_tail, _read) = (tail, _read + 1);
        Volatile.Write(ref store.Sequence, tail.Sequence);
    }

    public void Confirm()
    {
        // All of it is in the same memory.
    }

    public void ReleaseTurn() => store.Turn.Release();

    public void Rewind() => (_tail, _read) = (default, 0);

    public void Dispose()
    {
    }

    private void BeginTurn(IBatchReader reader)
    {
        try
        {
            Read(reader);
        }
        catch
        {
            store.Turn.Release();
            throw;
        }
    }
}
