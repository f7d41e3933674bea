using System.Diagnostics;
using System.Runtime.InteropServices;
using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Sync;

/// <summary>What the children of the tests of locks and their like do.</summary>
internal static class SyncTargets
{
    public static void Hold(SharedLock sharedLock, SharedEvent ready)
    {
        sharedLock.Acquire();
        ready.Set();
        Kids.Sleep();
    }

    public static void HoldRecursive(SharedRLock sharedLock, SharedEvent ready)
    {
        sharedLock.Acquire();
        sharedLock.Acquire();
        ready.Set();
        Kids.Sleep();
    }

    public static void HoldOnThread(SharedRLock sharedLock, SharedEvent ready, int number) =>
        OnThread(number, () => HoldRecursive(sharedLock, ready));

    /// <summary>
    /// On a thread of that number; a young process gives numbers out from below, so it is found by keeping those before it.
    /// </summary>
    private static void OnThread(int number, Action what) => OnThreadFrom(number, at =>
    {
        if (at != number) throw new InvalidOperationException($"Thread {number} is in use.");
        what();
    });

    /// <summary>On a thread of that number or, where it is in use, of a later one.</summary>
    public static void OnThreadFrom(int number, Action<int> what)
    {
        var next = new Thread(
            () =>
            {
                var at = Environment.CurrentManagedThreadId;
                if (at < number) OnThreadFrom(number, what);
                else what(at);
            },
            128 * 1024);
        next.Start();
        next.Join();
    }

    public static void HoldAndExit(SharedLock sharedLock) => sharedLock.Acquire();

    public static void Release(SharedLock sharedLock) => sharedLock.Release();

    public static int TryRelease(SharedRLock sharedLock)
    {
        try
        {
            sharedLock.Release();
            return 0;
        }
        catch (SynchronizationLockException)
        {
            return 3;
        }
    }

    public static void WaitThroughSignals(SharedLock sharedLock, SharedEvent ready, SharedValue<int> handled, SharedValue<long> waitedMs)
    {
        using var registration = PosixSignalRegistration.Create(
            (PosixSignal)28 /* SIGWINCH */, _ => Interlocked.Increment(ref handled.Ref));
        ready.Set();
        var clock = Stopwatch.StartNew();
        var result = sharedLock.Acquire(TimeSpan.FromSeconds(1));
        waitedMs.Value = result == LockResult.TimedOut ? clock.ElapsedMilliseconds : -1;
    }

    public static void Add(SharedLock sharedLock, SharedValue<long> counter, int times)
    {
        for (var i = 0; i < times; i++)
            using (sharedLock.Enter()) counter.Value++;
    }

    public static void AddToBoth(SharedLock sharedLock, SharedArray<long> pair, SharedEvent ready)
    {
        ready.Set();
        while (true)
        {
            using var scope = sharedLock.Enter();
            if (scope.Abandoned) pair[1] = pair[0];
            pair[0]++;
            pair[1]++;
        }
    }

    public static void HoldPermits(SharedSemaphore semaphore, int count, SharedEvent ready)
    {
        for (var i = 0; i < count; i++) semaphore.Acquire();
        ready.Set();
        Kids.Sleep();
    }

    public static void HoldBoundedPermits(SharedBoundedSemaphore semaphore, int count, SharedEvent ready)
    {
        for (var i = 0; i < count; i++) semaphore.Acquire();
        ready.Set();
        Kids.Sleep();
    }

    public static void WaitForCondition(SharedCondition condition, SharedValue<int> entered, SharedValue<int> woken, int milliseconds)
    {
        using (condition.Enter())
        {
            entered.Value++;
            if (condition.Wait(TimeSpan.FromMilliseconds(milliseconds))) woken.Value++;
        }
    }

    public static void WaitForEvent(SharedEvent theEvent, SharedEvent ready, SharedValue<int> woken)
    {
        ready.Set();
        if (theEvent.Wait(Kids.Patience)) Interlocked.Increment(ref woken.Ref);
    }

    public static void WaitAtBarrier(SharedBarrier barrier) => barrier.Wait(Kids.Patience);

    public static void Lockstep(SharedBarrier barrier, SharedArray<long> passes, int me, int count)
    {
        for (var pass = 1; pass <= count; pass++)
        {
            passes[me] = pass;
            barrier.Wait(Kids.Patience);
            foreach (var other in passes.AsSpan())
                if (other != pass) throw new InvalidOperationException($"One is at {other} in pass {pass}.");
            barrier.Wait(Kids.Patience);
        }
    }
}
