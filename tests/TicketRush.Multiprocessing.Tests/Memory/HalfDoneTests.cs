using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Memory;

// Goal: a process that dies between two stores of one change leaves nothing that the next cannot make right.
// Method: a storm of kills meets such a moment by luck, so here it is made: the memory is written as it would stand, and the gate
// is given to a process that was killed.
[Collection("Alone")]
public sealed unsafe class HalfDoneTests : IDisposable
{
    private readonly Kids _kids = new();
    private readonly uint _dead;

    public HalfDoneTests()
    {
        using var theLock = new SharedLock();
        using var ready = new SharedEvent();
        var child = _kids.Start(Sync.SyncTargets.Hold, theLock, ready);
        Assert.True(ready.Wait(Kids.Patience));
        _dead = Arena.Current.Slots.Find(child.Pid!.Value).Word;
        Assert.NotEqual(0u, _dead);
        child.Kill();
        child.Join();
    }

    [Fact]
    public void A_permit_that_stands_in_the_ledger_only_is_taken_and_comes_back()
    {
        using var semaphore = new SharedBoundedSemaphore(3);
        var memory = Memory(semaphore);
        ((int*)(memory + 64))[Arena.Current.Self.Slot] = 1; // Taken, and the value not yet lower.
        *(uint*)memory = _dead;
        Assert.True(semaphore.TryAcquire());
        Assert.Equal(1, semaphore.Value);
        semaphore.Release(2);
        Assert.Throws<SemaphoreFullException>(() => semaphore.Release());
    }

    [Fact]
    public void A_half_done_reset_of_a_barrier_is_completed()
    {
        using var barrier = new SharedBarrier(1);
        barrier.Abort();
        var memory = Memory(barrier);
        *(uint*)(memory + 8) = *(uint*)(memory + 4); // The last reset is this phase, and the phase has not ended.
        *(uint*)memory = _dead;
        Assert.Equal(0, barrier.Wait(TimeSpan.Zero));
        Assert.False(barrier.IsBroken);
    }

    [Fact]
    public void An_item_that_is_put_but_not_yet_behind_the_tail_is_not_put()
    {
        using var queue = new SharedQueue<int>();
        queue.Put(1);
        var state = (QueueState*)Memory(queue);
        *(ulong*)(Memory(queue) + QueueState.Size + 16) = ulong.MaxValue;
        state->PutGate = _dead;
        queue.Put(2);
        Assert.Equal([1, 2], [queue.Get(), queue.Get()]);
        Assert.True(queue.IsEmpty);
    }

    [Fact]
    public void An_item_that_is_in_the_ring_and_in_a_lease_is_one_item()
    {
        using var queue = new SharedJoinableQueue<int>();
        queue.Put(7);
        LeaveHalfTaken(queue);
        Assert.Equal(7, queue.Get());
        Assert.True(queue.IsEmpty);
        queue.TaskDone();
        Assert.True(queue.Join(TimeSpan.Zero));
        Assert.False(queue.TryGet(out _, TimeSpan.FromMilliseconds(200)));
    }

    [Fact]
    public void Control_without_the_repair_that_item_is_there_twice()
    {
        using var queue = new SharedJoinableQueue<int>();
        queue.Put(7);
        LeaveHalfTaken(queue);

        // Takes the abandoned gate as a queue does, and makes nothing right.
        var ring = new Ring(Arena.Current, Memory(queue), QueueState.Size + Leases.Bytes) { Repair = null };
        Assert.True(ring.EnterGet(Deadline.Never));
        ring.LeaveGet(madeRoom: false);
        Assert.Equal(7, queue.Get());
        Assert.Equal(7, queue.Get(Kids.Patience));
    }

    [Fact]
    public void A_task_that_is_done_and_still_counted_is_done()
    {
        using var queue = new SharedJoinableQueue<int>();
        queue.Put(7);
        queue.Get();
        var state = (QueueState*)Memory(queue);
        *(uint*)(Memory(queue) + QueueState.Size) = 0;
        state->GetGate = _dead;
        Assert.True(queue.Join(Kids.Patience));
    }

    [Fact]
    public void Memory_taken_off_the_list_of_free_blocks_and_not_yet_in_use_is_found_again()
    {
        var lost = LoseFreeBlocks(size: 50_000, out _);
        using (new SharedLock()) { }
        using var again = new SharedBarrier(50_000);
        Assert.Equal(lost, again.Reference.At);
        Assert.Equal(0, again.Waiting);
    }

    [Fact]
    public void Control_without_building_the_lists_anew_that_memory_stays_lost()
    {
        var arena = Arena.Current;
        var lost = LoseFreeBlocks(size: 60_000, out var gate);
        Assert.Equal(LockResult.Abandoned, OwnerWord.Take(arena, gate, arena.Self.Word, Deadline.Never));
        OwnerWord.Release(gate);
        using (var elsewhere = new SharedBarrier(60_000)) Assert.NotEqual(lost, elsewhere.Reference.At);

        // For the tests that follow.
        *gate = _dead;
        using (new SharedLock()) { }
        using var one = new SharedBarrier(60_000);
        using var other = new SharedBarrier(60_000);
        Assert.True(lost == one.Reference.At || lost == other.Reference.At);
    }

    [Fact]
    public void Control_what_a_dead_process_held_stays_until_somebody_clears_up_after_it()
    {
        var arena = Arena.Current;
        var (before, pids) = (arena.CountHeld(), new SharedQueue<int>());
        var parent = _kids.Start(MemoryTargets.HoldInChild, pids);
        var pid = pids.Get(Kids.Patience);
        var owner = arena.Slots.Find(pid);
        parent.Kill();
        parent.Join();
        pids.Dispose();
        Kids.Kill(pid);
        Kids.Until(() => !arena.IsAlive(owner));

        // Nobody watches it, and no process comes or waits: the block is held by who is dead.
        Assert.True(arena.CountHeld() > before);
        Assert.True(arena.Slots.IsOccupiedBy(owner));
        Assert.True(arena.Sweep(owner));
        Assert.Equal(before, arena.CountHeld());
        Assert.False(arena.Slots.IsOccupiedBy(owner));
    }

    [Fact]
    public void The_parent_clears_up_also_when_another_has_found_the_child_dying()
    {
        var arena = Arena.Current;
        using var theLock = new SharedLock();
        using var ready = new SharedEvent();
        var child = _kids.Start(Sync.SyncTargets.Hold, theLock, ready);
        Assert.True(ready.Wait(Kids.Patience));
        var owner = arena.Slots.Find(child.Pid!.Value);
        *(int*)(Start + 4096 + (owner.Slot * Slot.Size) + 128) = Slot.Dying;
        Assert.True(arena.IsAlive(owner));
        child.Kill();
        child.Join();
        Assert.False(arena.Slots.IsOccupiedBy(owner));
    }

    public void Dispose() => _kids.Dispose();

    private static byte* Start => Arena.Current.At(0) - Block.Size;

    /// <returns>
    /// Where a block lies that is free and in no list: the lists are lost as a whole, as they may be when their heads are.
    /// </returns>
    private long LoseFreeBlocks(int size, out uint* gate)
    {
        long lost;
        using (var any = new SharedBarrier(size)) lost = any.Reference.At;
        gate = (uint*)(Start + 24);
        var heads = (long*)((byte*)gate + 40);
        for (var i = 0; i < 128; i++) heads[i] = 0;
        *gate = _dead;
        return lost;
    }

    // As a process leaves it that dies between storing a lease and storing the ring's head.
    private void LeaveHalfTaken(SharedJoinableQueue<int> queue)
    {
        var state = (QueueState*)Memory(queue);
        var lease = Memory(queue) + QueueState.Size;
        *(uint*)lease = _dead;
        *(int*)(lease + 4) = 4;
        *(long*)(lease + 8) = 1;
        *(ulong*)(lease + 16) = state->Head;
        *(long*)(lease + 24) = Arena.Current.AllocatePart(Memory(queue), 64);
        *(int*)Arena.Current.At(*(long*)(lease + 24)) = 7;
        (state->LeasesUsed, state->Leased, state->GetGate) = (1, 1, _dead);
    }

    private static byte* Memory(SharedObject shared) => Arena.Current.At(shared.Reference.At);
}
