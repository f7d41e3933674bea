using System.Diagnostics;
using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Sync;

/// <summary>Locks, in one process and between several, with holders that die and holders that are only stopped.</summary>
public sealed class LockTests : IDisposable
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(100);
    private readonly Kids _kids = new();

    [Fact]
    [Trait("Case", "22")]
    public void A_lock_is_taken_once_and_released_once()
    {
        using var theLock = new SharedLock();
        Assert.Equal(LockResult.Acquired, theLock.Acquire());
        Assert.True(theLock.IsTaken);
        Assert.False(theLock.TryAcquire());
        theLock.Release();
        Assert.False(theLock.IsTaken);
        Assert.Throws<SynchronizationLockException>(theLock.Release);
        Assert.True(theLock.TryAcquire());
    }

    [Fact]
    [Trait("Case", "23")]
    public void Any_process_and_any_thread_may_release_a_lock()
    {
        using var theLock = new SharedLock();
        theLock.Acquire();
        _kids.Start(SyncTargets.Release, theLock).Join();
        Assert.Equal(LockResult.Acquired, theLock.Acquire(TimeSpan.Zero));

        var thread = new Thread(theLock.Release);
        thread.Start();
        thread.Join();
        Assert.True(theLock.TryAcquire());
    }

    [Fact]
    [Trait("Case", "24")]
    public void A_recursive_lock_is_released_as_often_as_it_was_taken()
    {
        using var theLock = new SharedRLock();
        for (var i = 0; i < 3; i++) Assert.Equal(LockResult.Acquired, theLock.Acquire());
        Assert.False(OnThread(() => theLock.TryAcquire()));
        theLock.Release();
        theLock.Release();
        Assert.False(OnThread(() => theLock.TryAcquire()));
        theLock.Release();
        Assert.Throws<SynchronizationLockException>(theLock.Release);
        Assert.True(OnThread(() => theLock.TryAcquire()));
    }

    [Fact]
    [Trait("Case", "24")]
    public void A_recursive_lock_is_released_by_nobody_but_its_thread()
    {
        using var theLock = new SharedRLock();
        theLock.Acquire();
        OnThread(() => Assert.Throws<SynchronizationLockException>(theLock.Release));
        var child = _kids.Start(SyncTargets.TryRelease, theLock);
        child.Join();
        Assert.Equal(3, child.ExitCode);
        Assert.True(theLock.IsHeldByCurrentThread);
    }

    [Fact]
    [Trait("Case", "27")]
    public void A_wait_ends_with_its_time_and_a_negative_time_is_none()
    {
        using var theLock = new SharedLock();
        theLock.Acquire();
        var clock = Stopwatch.StartNew();
        Assert.Equal(LockResult.TimedOut, theLock.Acquire(Short));
        Assert.True(clock.Elapsed >= Short, $"It took {clock.Elapsed}.");

        clock.Restart();
        Assert.Equal(LockResult.TimedOut, theLock.Acquire(TimeSpan.FromSeconds(-30)));
        Assert.False(theLock.TryAcquire());
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"It took {clock.Elapsed}.");
        Assert.Throws<TimeoutException>(() => theLock.Enter(Short));
    }

    [Fact]
    [Trait("Case", "28")]
    public void A_scope_releases_the_lock_also_when_it_is_left_by_an_exception()
    {
        using var theLock = new SharedLock();
        using var recursive = new SharedRLock();
        Assert.Throws<InvalidDataException>((Action)(() =>
        {
            using (theLock.Enter())
            using (recursive.Enter())
            {
                Assert.True(theLock.IsTaken);
                throw new InvalidDataException();
            }
        }));
        Assert.False(theLock.IsTaken);
        Assert.False(recursive.IsHeldByCurrentThread);
    }

    [Fact]
    [Trait("Case", "29")]
    public void Signals_neither_end_nor_extend_a_wait()
    {
        using var theLock = new SharedLock();
        using var ready = new SharedEvent();
        using var handled = new SharedValue<int>();
        using var waited = new SharedValue<long>();
        theLock.Acquire();
        var child = _kids.Start(SyncTargets.WaitThroughSignals, theLock, ready, handled, waited);
        Assert.True(ready.Wait(Kids.Patience));
        for (var i = 0; i < 10; i++)
        {
            child.Signal(28); // SIGWINCH
            Thread.Sleep(20);
        }

        child.Join();
        Assert.True(handled.Value > 0);
        Assert.InRange(waited.Value, 1000, 20_000);
    }

    [Fact]
    public async Task An_asynchronous_wait_gets_the_lock_and_a_cancelled_one_does_not()
    {
        using var theLock = new SharedLock();
        theLock.Acquire();
        var waits = Enumerable.Range(0, 20).Select(_ => theLock.AcquireAsync().AsTask()).ToArray();
        using var cancellation = new CancellationTokenSource();
        var cancelled = theLock.AcquireAsync(cancellation: cancellation.Token).AsTask();
        cancellation.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled.WaitAsync(Kids.Patience));
        for (var i = 0; i < waits.Length; i++)
        {
            theLock.Release();
            var done = await Task.WhenAny(waits).WaitAsync(Kids.Patience);
            Assert.Equal(LockResult.Acquired, await done);
            waits = [.. waits.Where(wait => wait != done)];
            i = -1;
            if (waits.Length == 0) break;
        }

        Assert.True(theLock.IsTaken);
        Assert.Equal(LockResult.TimedOut, await theLock.AcquireAsync(Short));
    }

    [Fact]
    public void Two_processes_and_two_threads_lose_no_update()
    {
        using var theLock = new SharedLock();
        using var counter = new SharedValue<long>();
        var children = Enumerable.Range(0, 2).Select(_ => _kids.Start(SyncTargets.Add, theLock, counter, 200_000)).ToArray();
        var threads = Enumerable.Range(0, 2).Select(_ => new Thread(() => SyncTargets.Add(theLock, counter, 200_000))).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
        foreach (var child in children) child.Join();
        Assert.Equal(800_000, counter.Value);
    }

    [Fact]
    [Trait("Case", "D1")]
    public async Task A_killed_holder_s_lock_is_granted_as_abandoned()
    {
        using var theLock = new SharedLock();
        var child = Holder(theLock);
        var waiting = Task.Factory.StartNew(() => theLock.Acquire(Kids.Patience), TaskCreationOptions.LongRunning);
        Assert.Equal(LockResult.TimedOut, theLock.Acquire(Short));
        Assert.False(waiting.IsCompleted);
        child.Kill();
        Assert.Equal(LockResult.Abandoned, await waiting.WaitAsync(TimeSpan.FromSeconds(10)));

        // Abandoned once: whoever comes next gets a lock that was released.
        theLock.Release();
        Assert.Equal(LockResult.Acquired, theLock.Acquire());
    }

    [Fact]
    [Trait("Case", "D1")]
    public void A_killed_holder_s_lock_is_granted_to_who_only_tries()
    {
        using var theLock = new SharedLock();
        var child = Holder(theLock);
        child.Kill();
        child.Join();
        Assert.True(theLock.TryAcquire(out var abandoned));
        Assert.True(abandoned);
    }

    [Fact]
    [Trait("Case", "D1")]
    public void A_lock_whose_holder_ended_in_order_is_abandoned_too()
    {
        using var theLock = new SharedLock();
        _kids.Start(SyncTargets.HoldAndExit, theLock).Join();
        using var scope = theLock.Enter(Kids.Patience);
        Assert.True(scope.Abandoned);
    }

    [Fact]
    [Trait("Case", "D1")]
    public void A_killed_holder_s_recursive_lock_is_granted_whole()
    {
        using var theLock = new SharedRLock();
        using var ready = new SharedEvent();
        var child = _kids.Start(SyncTargets.HoldRecursive, theLock, ready);
        Assert.True(ready.Wait(Kids.Patience));
        Assert.False(theLock.TryAcquire());
        child.Kill();
        Assert.Equal(LockResult.Abandoned, theLock.Acquire(Kids.Patience));
        theLock.Release();
        Assert.True(OnThread(() => theLock.TryAcquire()));
    }

    [Fact]
    [Trait("Case", "D14")]
    public void A_stopped_holder_s_lock_is_never_stolen()
    {
        using var theLock = new SharedLock();
        var child = Holder(theLock);
        Kids.Stop(child.Pid!.Value);
        Assert.Equal(LockResult.TimedOut, theLock.Acquire(TimeSpan.FromSeconds(1.5)));
        Assert.False(theLock.TryAcquire());

        // The same holder killed is another matter, also while it is stopped.
        child.Kill();
        Assert.Equal(LockResult.Abandoned, theLock.Acquire(Kids.Patience));
    }

    [Fact]
    [Trait("Storm", "true")]
    [Trait("Case", "D1")]
    public void In_a_storm_of_kills_every_half_done_change_is_announced()
    {
        using var theLock = new SharedLock();
        using var pair = new SharedArray<long>(2);
        int halves = 0, abandoned = 0;
        for (var round = 0; round < (Environment.GetEnvironmentVariable("RUSH_FULL") == "1" ? 200 : 20); round++)
        {
            using var ready = new SharedEvent();
            var child = _kids.Start(SyncTargets.AddToBoth, theLock, pair, ready);
            Assert.True(ready.Wait(Kids.Patience));
            Thread.Sleep(round % 5);
            child.Kill();
            child.Join();
            var result = theLock.Acquire(Kids.Patience);
            Assert.NotEqual(LockResult.TimedOut, result);
            if (result == LockResult.Abandoned) abandoned++;
            if (pair[0] != pair[1])
            {
                Assert.Equal(LockResult.Abandoned, result);
                Assert.Equal(pair[0], pair[1] + 1);
                halves++;
                pair[1] = pair[0];
            }

            theLock.Release();
            child.Dispose();
        }

        Assert.True(pair[0] > 0);
        TestContext.Current.TestOutputHelper?.WriteLine($"{abandoned} abandoned, {halves} half done, {pair[0]} done");
    }

    [Fact]
    public void A_handle_that_was_disposed_of_says_so_and_a_reference_to_what_is_gone_is_noticed()
    {
        var theLock = new SharedLock();
        var reference = theLock.Reference;
        var other = new SharedLock(reference);
        theLock.Dispose();
        theLock.Dispose();
        Assert.Throws<ObjectDisposedException>(() => theLock.Acquire());
        Assert.True(other.TryAcquire());
        other.Dispose();
        Assert.Throws<ObjectDisposedException>(() => new SharedLock(reference));
    }

    // Goal: who takes a dead holder's lock has it alone, at every moment.
    // Method: the holder dies on a thread with the number of one of ours; the word is taken, as by another thread of this process that
    // has not come further yet.
    [Fact]
    [Trait("Case", "24")]
    [Trait("Case", "D1")]
    public void A_dead_holder_s_thread_number_gives_nobody_the_lock()
    {
        using var theLock = new SharedRLock();
        using var ready = new SharedEvent();
        bool wasReady = false, isHeld = true, isTaken = true;

        // The child's thread has the number that this one has here; numbers below 80 may be in use there.
        SyncTargets.OnThreadFrom(80, number =>
        {
            var child = _kids.Start(SyncTargets.HoldOnThread, theLock, ready, number);
            wasReady = ready.Wait(Kids.Patience);
            child.Kill();
            child.Join();
            if (!wasReady || TakeWord(theLock) != LockResult.Abandoned) return;
            (isHeld, isTaken) = (theLock.IsHeldByCurrentThread, theLock.TryAcquire());
        });
        Assert.True(wasReady);
        Assert.False(isHeld);
        Assert.False(isTaken);

        static unsafe LockResult TakeWord(SharedRLock theLock)
        {
            var arena = Arena.Current;
            var word = (uint*)arena.At(theLock.Reference.At);
            return OwnerWord.Take(arena, word, arena.Self.Word, Deadline.After(Kids.Patience));
        }
    }

    [Fact]
    public async Task A_wait_that_outlives_its_handle_takes_nothing_of_the_next_object()
    {
        Task<LockResult> wait;
        using (var theLock = new SharedLock())
        {
            theLock.Acquire();
            wait = theLock.AcquireAsync(TimeSpan.FromSeconds(2)).AsTask();
            Thread.Sleep(100);
        }

        // Of the same size: without the waiter it would lie where the lock lay.
        using var value = new SharedValue<int>(0, withLock: false);
        using var next = new SharedLock();
        using var after = new SharedEvent();
        Assert.False(wait.IsCompleted);
        await wait;
        Assert.False(next.IsTaken);
        Assert.False(after.IsSet);
        Assert.True(next.TryAcquire());
    }

    public void Dispose() => _kids.Dispose();

    private static T OnThread<T>(Func<T> what) => Task.Factory.StartNew(what, TaskCreationOptions.LongRunning).GetAwaiter().GetResult();

    private ChildProcess Holder(SharedLock theLock)
    {
        using var ready = new SharedEvent();
        var child = _kids.Start(SyncTargets.Hold, theLock, ready);
        Assert.True(ready.Wait(Kids.Patience));
        return child;
    }
}
