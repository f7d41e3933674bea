using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>The processes of an arena: who lives, and what number each has in the words of locks.</summary>
internal sealed unsafe class Slots
{
    public const long Bytes = (long)Owner.SlotCount * Slot.Size;

    // An EOWNERDEAD comes a few milliseconds before the process is gone as a whole, so a check that finds one waits this long for
    // the rest. What takes longer (a core being written, say) is asked again at the next check.
    private const int EndWaitMs = 20;

    private readonly Slot* _slots;
    private readonly int* _used;
    private readonly int _self = Environment.ProcessId;
    private readonly long _namespace = Libc.PidNamespace();

    /// <param name="slots">The table.</param>
    /// <param name="used">How many slots at the table's start were ever claimed; only grows.</param>
    public Slots(Slot* slots, int* used)
    {
        _slots = slots;
        _used = used;
    }

    /// <summary>This process; nobody until <see cref="Claim"/>.</summary>
    public Owner Self { get; private set; }

    /// <summary>How many slots may be in use; the rest never were.</summary>
    public int Used => Volatile.Read(ref *_used);

    /// <summary>Once, by whoever makes the arena.</summary>
    public void Initialize()
    {
        for (var i = 0; i < Owner.SlotCount; i++) Libc.MakeRobustMutex(_slots[i].Mutex);
    }

    /// <summary>Takes a free slot for this process, and holds it to the end by a thread of its own.</summary>
    /// <exception cref="InvalidOperationException">As many processes as there may be are attached.</exception>
    public void Claim()
    {
        using var done = new ManualResetEventSlim();
        new Thread(
            () =>
            {
                Self = TryClaim();
                done.Set();

                // The mutex is given back by the kernel when this thread ends, and by nothing else. It must end with the process.
                if (!Self.IsNone) Thread.Sleep(Timeout.Infinite);
            },
            maxStackSize: 128 * 1024)
        {
            IsBackground = true,
            Name = "TicketRush.Multiprocessing: alive",
        }.Start();
        done.Wait();
        if (Self.IsNone) throw new InvalidOperationException($"{Owner.SlotCount} processes share objects already, and no more can.");
    }

    /// <summary>
    /// Whether the process still runs, or is stopped. One that just died may be called alive, for at most a few milliseconds; one
    /// that lives is never called dead. About 30 ns.
    /// </summary>
    public bool IsAlive(Owner owner)
    {
        if (owner == Self) return true;
        var slot = _slots + owner.Slot;
        if (Volatile.Read(ref slot->Generation) != owner.Generation) return false;
        if (Volatile.Read(ref slot->State) is Slot.Free or Slot.Dead) return false;

        if (!TryLock(slot)) return true;
        var alive = slot->Generation == owner.Generation && !Bury(slot);
        Libc.MutexUnlock(slot->Mutex);
        return alive;
    }

    /// <summary>
    /// Clears up after a process that ended, if nobody did: calls back while no other can do the same, then frees the slot.
    /// When the caller dies in the middle the next does it again from the start.
    /// </summary>
    /// <param name="owner">Who ended.</param>
    /// <param name="clear">False when it could not do everything now; the slot stays as it is for the next attempt.</param>
    /// <returns>False when it is not gone, or not all is cleared up; it may be by another at this moment.</returns>
    public bool Sweep(Owner owner, Func<Owner, bool> clear)
    {
        if (owner == Self) return false;
        var slot = _slots + owner.Slot;
        if (Volatile.Read(ref slot->Generation) != owner.Generation || Volatile.Read(ref slot->State) == Slot.Free) return true;
        if (!TryLock(slot)) return false;
        try
        {
            if (slot->Generation != owner.Generation || slot->State == Slot.Free) return true;
            if (!Bury(slot) || !clear(owner)) return false;
            Volatile.Write(ref slot->State, Slot.Free);
            return true;
        }
        finally
        {
            Libc.MutexUnlock(slot->Mutex);
        }
    }

    /// <summary>Every process whose slot is not free.</summary>
    public IEnumerable<Owner> All()
    {
        for (var i = 0; i < Used; i++)
            if (Occupant(i) is { IsNone: false } owner) yield return owner;
    }

    /// <summary>Whether the slot was not yet given back after that process, be it alive or not.</summary>
    public bool IsOccupiedBy(Owner owner) => Occupant(owner.Slot) == owner;

    /// <param name="pid">A process that was not waited for yet, so that the number is its own, be it alive or not.</param>
    /// <returns>Nobody when no process of this arena has that number.</returns>
    public Owner Find(int pid)
    {
        for (var i = 0; i < Used; i++)
        {
            var occupant = Occupant(i);
            if (occupant.IsNone || _slots[i].Pid != pid || _slots[i].PidNamespace != _namespace) continue;

            // Another who looked may have found it dying. One that has long been dead and had the same number began at another time.
            if (Volatile.Read(ref _slots[i].State) == Slot.Alive || _slots[i].StartTime == Libc.StartTime(pid)) return occupant;
        }

        return default;
    }

    /// <summary>Stores what this process will say that it ended with. The last call counts.</summary>
    public void SetExitCode(int code) => Volatile.Write(ref _slots[Self.Slot].ExitCode, (1L << 32) | (uint)code);

    /// <returns>False when the process has stored none, or its slot has been given to another since.</returns>
    public bool TryGetExitCode(Owner owner, out int code)
    {
        var slot = _slots + owner.Slot;
        var stored = Volatile.Read(ref slot->ExitCode);
        code = (int)stored;
        return stored != 0 && Volatile.Read(ref slot->Generation) == owner.Generation;
    }

    private Owner Occupant(int index)
    {
        var slot = _slots + index;
        var generation = Volatile.Read(ref slot->Generation);
        return Volatile.Read(ref slot->State) == Slot.Free ? default : new(index, generation);
    }

    private Owner TryClaim()
    {
        for (var i = 0; i < Owner.SlotCount; i++)
        {
            var slot = _slots + i;
            if (Volatile.Read(ref slot->State) != Slot.Free || !TryLock(slot)) continue;
            if (slot->State != Slot.Free)
            {
                Libc.MutexUnlock(slot->Mutex);
                continue;
            }

            // Whoever dies before the last of these stores leaves a free slot, whose mutex the next claimer can take.
            for (int used; (used = Used) <= i;) Interlocked.CompareExchange(ref *_used, i + 1, used);
            Volatile.Write(ref slot->ExitCode, 0);
            slot->Pid = _self;
            slot->StartTime = Libc.StartTime(_self);
            slot->PidNamespace = _namespace;
            Volatile.Write(ref slot->Generation, Owner.After(slot->Generation));
            Volatile.Write(ref slot->State, Slot.Alive);
            return new(i, slot->Generation);
        }

        return default;
    }

    private static bool TryLock(Slot* slot)
    {
        var result = Libc.MutexTryLock(slot->Mutex);

        // Consistent at once: a mutex that is unlocked otherwise could never be locked again. What its last holder left is in the state.
        if (result == Libc.OwnerDead) Libc.MutexConsistent(slot->Mutex);
        return result is 0 or Libc.OwnerDead;
    }

    /// <summary>With the mutex: makes the slot's process dead as soon as it is gone as a whole.</summary>
    private bool Bury(Slot* slot)
    {
        if (slot->State is Slot.Dead or Slot.Free) return true;

        // Only the process itself holds the mutex while it lives, and the caller has it: the process ended. But the mutex's holder
        // was one of its threads; another might at this moment still be on its way out of a critical section.
        Volatile.Write(ref slot->State, Slot.Dying);
        if (slot->PidNamespace != _namespace)
        {
            // Its number means nothing here. The kernel has told all its threads to end, which takes them well under this.
            Thread.Sleep(EndWaitMs / 2);
        }
        else if (!Libc.WaitForEnd(slot->Pid, slot->StartTime, EndWaitMs))
        {
            return false;
        }

        Volatile.Write(ref slot->State, Slot.Dead);
        return true;
    }
}
