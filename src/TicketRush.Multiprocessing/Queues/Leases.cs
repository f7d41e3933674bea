using System.Runtime.InteropServices;

namespace TicketRush.Multiprocessing;

/// <summary>
/// The items of a joinable queue that were taken and are not done. An entry belongs to the process that took the item until that says
/// that it is done; the entry of one that ended is returned, and the next consumer gets it before anything that is still in the ring.
/// <para>
/// All of it happens in the consumers' gate. An item goes from the ring into an entry by the store of the ring's head: an entry that was
/// filled from where the head still stands is none, and who finds the gate abandoned takes it back. Everything else is one store of the
/// entry's owner. The counters are counted anew then.
/// </para>
/// </summary>
internal sealed unsafe class Leases
{
    /// <summary>How many items may be taken and not done, and how many bytes of the block the table of them has.</summary>
    public const int Max = 4096, Bytes = Max * 32;

    private const uint ReturnedMark = OwnerWord.Sleepers; // No owner has that bit.

    private readonly Arena _arena;
    private readonly Ring _ring;
    private readonly byte* _contents;
    private readonly QueueState* _state;
    private readonly Entry* _entries;
    private readonly uint _me;

    public Leases(Arena arena, Ring ring)
    {
        _arena = arena;
        _ring = ring;
        _state = ring.State;
        _contents = (byte*)_state;
        _entries = (Entry*)(_contents + QueueState.Size);
        _me = arena.Self.Word;
    }

    /// <summary>What is taken and not done, and has not been returned, is not waiting.</summary>
    public int Returned => Volatile.Read(ref _state->Returned);

    /// <summary>Whether nothing waits and nothing is taken.</summary>
    public bool AllDone => _state->Leased == 0 && _ring.Count == 0;

    /// <summary>Takes what was returned first, else the ring's first item.</summary>
    /// <returns>Its bytes; null when there is none.</returns>
    /// <exception cref="InvalidOperationException">As many as <see cref="Max"/> are taken.</exception>
    public byte* Take(out int length, out ulong next, out LeaseId lease)
    {
        next = 0;
        if (_state->Returned > 0 && Oldest(ReturnedMark) is var index and >= 0)
        {
            var again = _entries + index;
            again->Ticket = ++_state->Ticket;
            Volatile.Write(ref again->Owner, _me);
            _state->Returned--;
            (length, lease) = (again->Length, new(index, again->Ticket));
            return _arena.At(again->Part);
        }

        lease = default;
        var bytes = _ring.Front(out length, out next);
        if (bytes == null) return null;

        index = FreeEntry();
        var entry = _entries + index;
        if (entry->Part == 0 || _arena.PartBytes(entry->Part) < length)
        {
            var old = entry->Part;
            entry->Part = _arena.AllocatePart(_contents, Math.Max(length, 64));
            if (old != 0) _arena.FreePart(old);
        }

        var copy = _arena.At(entry->Part);
        new ReadOnlySpan<byte>(bytes, length).CopyTo(new(copy, length));
        (entry->Length, entry->Position, entry->Ticket) = (length, _state->Head, ++_state->Ticket);
        Volatile.Write(ref entry->Owner, _me);
        _state->Leased++;
        _ring.Advance(next);
        lease = new(index, entry->Ticket);
        return copy;
    }

    /// <summary>Ends this process's lease, or its oldest.</summary>
    /// <param name="lease">Which; null is the oldest.</param>
    /// <param name="done">False puts the item back in front of all others.</param>
    /// <returns>False when there is no such lease.</returns>
    public bool End(LeaseId? lease, bool done)
    {
        var index = lease is { } given
            ? _entries[given.Index].Owner == _me && _entries[given.Index].Ticket == given.Ticket ? given.Index : -1
            : Oldest(_me);
        if (index < 0) return false;
        Volatile.Write(ref _entries[index].Owner, done ? 0 : ReturnedMark);
        if (done) _state->Leased--;
        else _state->Returned++;
        return true;
    }

    /// <summary>Without the gate: whether some process ended that had taken an item.</summary>
    public bool AnyDead()
    {
        for (var i = 0; i < Volatile.Read(ref _state->LeasesUsed); i++)
        {
            var owner = Volatile.Read(ref _entries[i].Owner);
            if (owner is not (0 or ReturnedMark) && !_arena.IsAlive(new(owner))) return true;
        }

        return false;
    }

    /// <summary>Returns the items of processes that ended.</summary>
    public int ReturnDead()
    {
        var returned = 0;
        for (var i = 0; i < _state->LeasesUsed; i++)
        {
            var owner = _entries[i].Owner;
            if (owner is 0 or ReturnedMark || _arena.IsAlive(new(owner))) continue;
            Volatile.Write(ref _entries[i].Owner, ReturnedMark);
            _state->Returned++;
            returned++;
        }

        return returned;
    }

    /// <summary>When the gate was found abandoned.</summary>
    public void Repair()
    {
        int leased = 0, returned = 0;
        var parts = new HashSet<long>();
        for (var i = 0; i < _state->LeasesUsed; i++)
        {
            var entry = _entries + i;
            if (entry->Owner != 0 && entry->Position == _state->Head) entry->Owner = 0;
            if (entry->Owner != 0) leased++;
            if (entry->Owner == ReturnedMark) returned++;
            parts.Add(entry->Part);
        }

        (_state->Leased, _state->Returned) = (leased, returned);
        _arena.FreeParts(_contents, parts.Contains);
    }

    public static bool Clear(Arena arena, byte* contents, Owner dead)
    {
        var ring = new Ring(arena, contents, QueueState.Size + Bytes);
        var leases = new Leases(arena, ring);
        var result = ring.EnterGet(Deadline.Now);
        if (result == LockResult.TimedOut) return false;
        if (result == LockResult.Abandoned) leases.Repair();
        leases.ReturnDead();
        ring.LeaveGet(madeRoom: false);
        WaitWord.Signal(&ring.State->Done, int.MaxValue);
        return true;
    }

    private int Oldest(uint owner)
    {
        var oldest = -1;
        for (var i = 0; i < _state->LeasesUsed; i++)
            if (_entries[i].Owner == owner && (oldest < 0 || _entries[i].Ticket < _entries[oldest].Ticket)) oldest = i;
        return oldest;
    }

    private int FreeEntry()
    {
        for (var i = 0; i < _state->LeasesUsed; i++)
            if (_entries[i].Owner == 0) return i;
        if (_state->LeasesUsed == Max)
        {
            throw new InvalidOperationException(
                $"{Max} items of the queue are taken and not done, and no more can be: TaskDone is called for each.");
        }

        return _state->LeasesUsed++;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public uint Owner;
        public int Length;
        public long Ticket;

        /// <summary>Where the ring's head stood.</summary>
        public ulong Position;

        /// <summary>Where the item's bytes are; kept for the entry's next item.</summary>
        public long Part;
    }
}

/// <summary>An entry and which of its uses.</summary>
internal readonly record struct LeaseId(int Index, long Ticket);
