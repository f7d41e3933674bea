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
        var state = (QueueState*)Memory(queue);
        var lease = Memory(queue) + QueueState.Size;
        *(uint*)lease = _dead;
        *(int*)(lease + 4) = 4;
        *(long*)(lease + 8) = 1;
        *(ulong*)(lease + 16) = state->Head;
        *(long*)(lease + 24) = Arena.Current.AllocatePart(Memory(queue), 64);
        (state->LeasesUsed, state->Leased, state->GetGate) = (1, 1, _dead);
        Assert.Equal(7, queue.Get());
        Assert.True(queue.IsEmpty);
        queue.TaskDone();
        Assert.True(queue.Join(TimeSpan.Zero));
        Assert.False(queue.TryGet(out _, TimeSpan.FromMilliseconds(200)));
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
        var arena = Arena.Current;
        long lost;
        uint* gate;
        using (var any = new SharedBarrier(50_000))
        {
            lost = any.Reference.At;
            gate = (uint*)(Memory(any) - Block.Size - lost + 24);
        }

        // The list is lost as a whole, as it may be when its head is.
        var heads = (long*)((byte*)gate + 40);
        for (var i = 0; i < 128; i++) heads[i] = 0;
        *gate = _dead;
        using (new SharedLock()) { }
        using var again = new SharedBarrier(50_000);
        Assert.Equal(lost, again.Reference.At);
        Assert.Equal(0, again.Waiting);
    }

    public void Dispose() => _kids.Dispose();

    private static byte* Memory(SharedObject shared) => Arena.Current.At(shared.Reference.At);
}
