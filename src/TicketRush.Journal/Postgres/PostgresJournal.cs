using System.Diagnostics;
using Npgsql;

namespace TicketRush.Journal.Postgres;

/// <summary>
/// A sale's journal in a database, shared by any number of servers on any number of machines. The turn is the lock of the sale's row: it is
/// taken with the database's time, the batch goes in with the tail in one statement and one commit, and the lock goes with that commit, or
/// with the connection of a server that died. Who stands still in a turn loses it to the database's clock, and finds at its commit that it
/// has.
/// <para>
/// A commit that was not answered cleanly is settled before anybody is told anything: on a new connection, behind the row's lock, where the
/// old transaction has either happened or never will.
/// </para>
/// </summary>
public sealed class PostgresJournal : IJournal
{
    // What a watch reads ahead of its reader: enough that a round trip is not paid for each small batch.
    private const int AheadMax = 16, AheadBytes = 256 * 1024;

    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromMilliseconds(25);

    private readonly PostgresPool _pool;
    private readonly PostgresOptions _options;
    private readonly SaleNews _news;
    private readonly PostgresWatch _watch;
    private readonly Witness _witness;
    private readonly Tail _start;
    private readonly string _name;

    private readonly Queue<(long First, byte[] Batch)> _ahead = new();

    private Tail _tail;
    private long _sequence = -1;
    private long _certain;
    private int _lastLength = AheadBytes;
    private int _waits;
    private bool _isShared;
    private PostgresSession? _session;
    private volatile bool _isDisposed;

    internal PostgresJournal(PostgresPool pool, PostgresWatch watch, SaleNews news, string name, ReadOnlySpan<byte> header, Witness witness)
    {
        (_pool, _options, _watch, _news, _name, _witness) = (pool, pool.Options, watch, news, name, witness);
        _start = _tail = new(0, 0, ChainHash.Read(header), header.Length);
    }

    public Tail Tail => _tail;

    public bool HasNews => _news.Sequence > Volatile.Read(ref _sequence);

    public long NowMs => Math.Max(_watch.Clock.NowMs, _tail.TimeMs);

    public void Read(IBatchReader reader) => Persist("read", () => Reading(_pool, (session, durable) => CatchUp(session, durable, reader)));

    public void ReadBatches(EntryReader reader, int most)
    {
        // What was read with the last ones may be all that is asked for: then the database is not.
        if (_ahead.Count == 0 && most > 0 && !reader.IsEnough)
            Persist("read", () => Reading(_pool.ForWatches!, ReadAhead));
        for (; most > 0 && !reader.IsEnough && _ahead.TryPeek(out var next); _ahead.Dequeue())
        {
            // It may have been read in a turn since.
            if (next.First <= _tail.Sequence) continue;
            Give(next.First, next.Batch, reader);
            most--;
        }

        Volatile.Write(ref _sequence, _tail.Sequence);
        _witness.Advance(_tail);
    }

    private bool Reading(PostgresPool pool, Action<PostgresSession, Tail> read)
    {
        _witness.Refresh();
        var session = pool.Rent();
        try
        {
            var askedAt = _watch.Clock.Ticks;
            var row = session.Find(_news.Sale);
            _watch.Clock.Observe(row.NowMs, askedAt);
            read(session, row.Tail);
        }
        catch
        {
            pool.Discard(session);
            throw;
        }

        pool.Return(session);
        return true;
    }

    private void ReadAhead(PostgresSession session, Tail durable)
    {
        CheckPast(durable);
        _news.Advance(durable.Sequence);
        if (_tail.Sequence >= durable.Sequence) return;
        var most = Math.Clamp(AheadBytes / _lastLength, 1, AheadMax);
        _ahead.Clear();
        var (longest, kept, isEnough) = (1, 0, false);
        var count = session.ReadBatches(
            _news.Sale, _tail.Sequence,
            (first, bytes) =>
            {
                // Long ones may follow short ones: what is too much is asked for again, with fewer at a time.
                longest = Math.Max(longest, bytes.Length);
                isEnough |= kept > 0 && kept + bytes.Length > AheadBytes;
                if (isEnough) return;
                kept += bytes.Length;
                _ahead.Enqueue((first, bytes.ToArray()));
            },
            most);
        if (count == 0) throw Damaged("it was acknowledged and is not there");
        _lastLength = longest;
    }

    public void TakeTurn(IBatchReader reader) => Persist("take the turn of", () => TryTake(wait: true, reader));

    public bool TryTakeTurn(IBatchReader reader)
    {
        var isTaken = false;
        Persist("take the turn of", () =>
        {
            isTaken = TryTake(wait: false, reader);
            return true;
        });
        return isTaken;
    }

    /// <summary>A row of the database is as long as any batch; whether its disk is full shows at the commit.</summary>
    public int Reserve(int length) => Math.Max(length, BatchHeader.LengthMax);

    public void Append(BatchBuffer batch, long timeMs)
    {
        var (before, after) = (_tail, _tail);
        batch.Seal(ref after, timeMs);

        // The commit of a first batch has ended the turn; a second one goes in if nobody came between.
        var isFirst = _session is not null;
        var session = _session ?? Retake(before);
        _session = null;
        if (!TryWrite(session, before, after, batch.Bytes)) Settle(before, after, batch.Bytes, isFirst);

        _tail = after;
        _certain = after.Sequence;
        Volatile.Write(ref _sequence, after.Sequence);
        _witness.Advance(after);
        _watch.Tell(_news, after.Sequence);
    }

    /// <summary>
    /// What others have committed is seen before it is durable where their wait for a standby was broken off; so something is committed
    /// behind it. Behind the row's lock that is the end of all that was read.
    /// </summary>
    public void Confirm()
    {
        if (_tail.Sequence <= _certain) return;
        bool? isSo = null;
        try
        {
            isSo = TryConfirm();
        }
        catch (IOException)
        {
            // What it says does not matter.
        }

        if (!(isSo ?? UntilKnown("keeps what others have written", TryConfirm))) throw Overtaken();
        _certain = _tail.Sequence;
    }

    public void ReleaseTurn()
    {
        // The sale may be quiet from here on.
        _witness.Advance(_tail);
        if (_session is not { } session) return;
        _session = null;
        try
        {
            session.Rollback();
        }
        catch (IOException)
        {
            // Then the lock goes with the connection.
            _pool.Discard(session);
            return;
        }

        _pool.Return(session);
    }

    public void Rewind()
    {
        _tail = _start;
        _ahead.Clear();
        Volatile.Write(ref _sequence, -1);
    }

    public void Dispose()
    {
        _isDisposed = true;
        ReleaseTurn();
        _witness.Dispose();
    }

    /// <summary>
    /// Tries until it is done, or the database was not to be reached for a while: one that restarts, or that another takes the place of,
    /// stops a sale no longer than that takes. Waiting for the lock is no failure, whatever it takes.
    /// </summary>
    private void Persist(string what, Func<bool> isDone)
    {
        for (var since = Stopwatch.GetTimestamp(); ; Thread.Sleep(TryAgainAfter))
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            try
            {
                if (isDone()) return;
                since = Stopwatch.GetTimestamp();
            }
            catch (IOException e)
            {
                if (Stopwatch.GetElapsedTime(since) > _options.ReconnectMax)
                    throw new IOException($"Cannot {what} {_name} in {_options.Name}. {e.Message}", e);
            }
        }
    }

    private bool TryTake(bool wait, IBatchReader reader)
    {
        _witness.Refresh();
        var session = _pool.Rent();
        try
        {
            // Whoever shares a sale finds something new at nearly every turn: it comes with the lock.
            var askedAt = _watch.Clock.Ticks;
            SaleRow row;
            var isLocked = !wait ? session.TryLock(_news.Sale, out row)
                : _isShared ? session.Lock(_news.Sale, _tail.Sequence, (first, bytes) => Give(first, bytes.Span, reader), out row)
                : session.Lock(_news.Sale, out row);
            if (!isLocked)
            {
                // Nobody who moves has the turn for so long. Who does not has lost it to the database's bound, or stands where there is
                // none.
                if (wait && ++_waits * PostgresSession.LockWaitMs >= 2 * _options.TurnIdleMax.TotalMilliseconds)
                    EndFrozen(session);
                _pool.Return(session);
                return false;
            }

            _waits = 0;
            _watch.Clock.Observe(row.NowMs, askedAt);
            CatchUp(session, row.Tail, reader);
            _isShared = _tail.Sequence > _certain;
        }
        catch
        {
            _pool.Discard(session);
            throw;
        }

        _session = session;
        return true;
    }

    private void EndFrozen(PostgresSession session)
    {
        try
        {
            session.EndFrozen(2 * _options.TurnIdleMax);
        }
        catch (IOException e) when (e.InnerException is PostgresException { IsTransient: false })
        {
            // An engine that lacks it, or does not let us: then who waits waits until the frozen one's connection breaks.
            _watch.Warnings.Once(
                $"{_options.Name} does not let a server end a turn that stands still in the middle of a statement: "
                + e.InnerException.Message);
        }
    }

    /// <summary>
    /// Gives what others have written up to a tail that is known to be durable, and holds it against what was known before.
    /// </summary>
    private void CatchUp(PostgresSession session, in Tail durable, IBatchReader reader)
    {
        CheckPast(durable);
        while (_tail.Sequence < durable.Sequence)
        {
            if (session.ReadBatches(_news.Sale, _tail.Sequence, (first, bytes) => Give(first, bytes.Span, reader)) == 0)
                throw Damaged("it was acknowledged and is not there");
        }

        if (_tail.Sequence == durable.Sequence && _tail != durable) throw Damaged("the sale's row names another end");
        Volatile.Write(ref _sequence, _tail.Sequence);
        _news.Advance(durable.Sequence);
        _witness.Advance(_tail);
    }

    // The hash is looked at also where nothing is new: a past of the same length is another past all the same.
    private void CheckPast(in Tail durable)
    {
        var isAnother = durable.Sequence == _tail.Sequence && durable.Hash != _tail.Hash;
        if (durable.Sequence < Math.Max(_tail.Sequence, _witness.Sequence) || isAnother || !_witness.Allows(_tail) || !_witness.Allows(durable))
            throw Behind(durable);
    }

    private void Give(long first, ReadOnlySpan<byte> batch, IBatchReader reader)
    {
        if (!BatchHeader.TryRead(batch, out var header)) throw Damaged("no batch begins there");
        if (header.Format > BatchHeader.CurrentFormat)
        {
            throw new NewerFormatException(
                $"{_name} goes on at sequence {first} in format {header.Format}; this program knows formats up to "
                + $"{BatchHeader.CurrentFormat}.");
        }

        if (header.Length != batch.Length || !header.Verifies(batch)) throw Damaged("its bytes do not have its hash");
        if (first != _tail.Sequence + 1 || header.FirstSequence != first || header.Previous != _tail.Hash)
            throw Damaged("it does not continue the batch before it");
        if (!_witness.Allows(header)) throw Behind(new(header.FirstSequence - 1, 0, header.Previous, 0));
        try
        {
            reader.OnBatch(header, batch.Slice(BatchHeader.Size, header.EntriesLength));
        }
        catch (InvalidDataException e)
        {
            throw Damaged(e.Message);
        }

        _tail = new(header.LastSequence, header.TimeMs, header.Hash, _tail.Offset + header.Length);
    }

    private PostgresSession Retake(in Tail expected)
    {
        var session = _pool.Rent();
        try
        {
            for (var since = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(since) < _options.SettleMax;)
            {
                if (!session.Lock(_news.Sale, out var row)) continue;
                if (row.Tail == expected) return session;
                throw Overtaken();
            }

            throw new IOException($"The turn of {_name} did not come back.");
        }
        catch
        {
            _pool.Discard(session);
            throw;
        }
    }

    /// <returns>False when nobody knows: the connection is gone, and with it, sooner or later, the transaction.</returns>
    private bool TryWrite(PostgresSession session, in Tail before, in Tail after, ReadOnlyMemory<byte> batch)
    {
        try
        {
            if (session.Write(_news.Sale, before, after, batch))
            {
                _pool.Return(session);
                return true;
            }
        }
        catch (IOException)
        {
            // What it says does not matter: the journal will.
        }

        _pool.Discard(session);
        return false;
    }

    /// <summary>
    /// Finds out what became of a batch, and writes it again when it never came to be and nobody has come between. Behind the row's lock
    /// there is no third possibility: the transaction that held it is over.
    /// </summary>
    /// <exception cref="TurnLostException">It did not come to be, and the turn's batches before it neither.</exception>
    /// <exception cref="IOException">It did not come to be; or nobody can tell, for the database cannot be reached.</exception>
    private void Settle(Tail before, Tail after, ReadOnlyMemory<byte> batch, bool isFirst)
    {
        Interlocked.Increment(ref _watch.Unsettled);
        if (UntilKnown("has committed a batch", () => TrySettle(before, after, batch)))
        {
            Interlocked.Increment(ref _watch.Settled);
            return;
        }

        // What went before it in the turn, if anything did, is there all the same.
        var lost = $"The turn of {_name} was lost before its batch was committed, and another server has taken it since.";
        throw isFirst ? new TurnLostException(lost) : new IOException(lost);
    }

    private bool UntilKnown(string what, Func<bool?> isSo)
    {
        IOException? last = null;
        for (var since = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(since) < _options.SettleMax; Thread.Sleep(TryAgainAfter))
        {
            try
            {
                if (isSo() is { } known) return known;
            }
            catch (IOException e)
            {
                last = e;
            }
        }

        throw new IOException($"Nobody can tell whether {_options.Name} {what} of {_name}. {last?.Message}", last);
    }

    /// <returns>Whether the batch is there for good; null when it cannot be told yet.</returns>
    private bool? TrySettle(Tail before, Tail after, ReadOnlyMemory<byte> batch) => Settling(_pool.Rent(), session =>
    {
        if (!session.Lock(_news.Sale, out var row)) return null;
        var isThere = row.Tail == after || session.HashOf(_news.Sale, before.Sequence + 1) == after.Hash;
        if (!isThere && row.Tail != before) return false;
        return (isThere ? session.Confirm(_news.Sale) : session.Write(_news.Sale, before, after, batch)) ? true : null;
    });

    /// <returns>False when another server has been there since; null when it cannot be told yet.</returns>
    private bool? TryConfirm()
    {
        var locked = _session;
        _session = null;
        return Settling(locked ?? _pool.Rent(), session =>
        {
            if (locked is null)
            {
                if (!session.Lock(_news.Sale, out var row)) return null;
                if (row.Tail != _tail) return false;
            }

            return session.Confirm(_news.Sale) ? true : null;
        });
    }

    // Not even a rollback is owed to a connection whose commit was not clean.
    private bool? Settling(PostgresSession session, Func<PostgresSession, bool?> isSo)
    {
        bool? known = null;
        try
        {
            known = isSo(session);
        }
        finally
        {
            if (known is true) _pool.Return(session);
            else _pool.Discard(session);
        }

        return known;
    }

    private IOException Overtaken() => new($"Another server took the turn of {_name} between two batches of one turn.");

    private JournalRefusedException Behind(in Tail durable) => new(
        $"{_options.Name} has lost entries of {_name} that this machine has seen, and that are acknowledged as far as it can know: it ends "
        + $"at, or is another past from, sequence {durable.Sequence}, and sequence {Math.Max(_tail.Sequence, _witness.Sequence)} was seen. "
        + "Nothing is sold from it here. Bring back a server that has them; or, if they are lost for good, stop all servers, delete "
        + $"{(_witness.Path.Length > 0 ? _witness.Path : "the witnesses")} on each, and know that receipts beyond it are void.");

    private JournalDamagedException Damaged(string what) => new(
        $"{_name} in {_options.Name} is damaged at sequence {_tail.Sequence + 1}: {what}. Nothing is sold from it until it is restored.",
        _tail.Sequence + 1, _tail.Offset);
}
