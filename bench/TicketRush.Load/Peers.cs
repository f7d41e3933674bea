using System.Diagnostics;
using TicketRush.Multiprocessing;

namespace TicketRush.Load;

/// <summary>
/// What is measured of TicketRush.Multiprocessing. Each figure comes from processes of its own, once their code is compiled.
/// </summary>
internal static class Peers
{
    private const int PoolTasks = 100_000;
    private static readonly byte[] Kibibyte = new byte[1024];

    /// <returns>Nanoseconds for an acquire and a release.</returns>
    public static double LockPair()
    {
        using var taken = new SharedLock();
        Warm(() => Pairs(taken, 10_000));
        var (count, start) = (5_000_000, Stopwatch.GetTimestamp());
        Pairs(taken, count);
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / count;
    }

    /// <returns>Nanoseconds for each addition of two processes that both add 1 under a lock.</returns>
    public static double Additions() => Add().Nanoseconds;

    /// <returns>What part of the additions, up to the moment when one of the two was done, were the other's.</returns>
    public static double SmallerShare() => Add().SmallerShare;

    /// <returns>Ints per second from one process to another.</returns>
    public static double Ints() => Drain(new SharedQueue<int>(), FeedInts, GetInts, 1_000_000);

    /// <returns>Arrays of 1 KiB per second from one process to another.</returns>
    public static double Kibibytes() => Drain(new SharedQueue<byte[]>(), FeedArrays, GetArrays, 500_000);

    /// <returns>Microseconds, the median, for 8 bytes there and back.</returns>
    public static double RoundTrip()
    {
        const int Warm = 20_000, Count = 20_000;
        var (mine, other) = Pipe.Create();
        using var child = new ChildProcess(Echo, other, Warm + Count);
        child.Start();
        other.Dispose();
        var trips = new long[Count];
        Span<byte> message = stackalloc byte[8];
        for (var i = -Warm; i < Count; i++)
        {
            var start = Stopwatch.GetTimestamp();
            mine.Send(message);
            mine.ReceiveInto(message);
            if (i >= 0) trips[i] = Stopwatch.GetTimestamp() - start;
        }

        Join(child);
        mine.Dispose();
        return Median.Of(trips.Select(trip => Stopwatch.GetElapsedTime(0, trip).TotalMicroseconds));
    }

    /// <returns>Tasks per second of a Map of 100,000.</returns>
    public static double PoolMap()
    {
        using var pool = new ProcessPool(2);
        for (var i = 0; i < 10; i++) pool.Map(Square, Enumerable.Range(0, PoolTasks));
        var start = Stopwatch.GetTimestamp();
        var results = pool.Map(Square, Enumerable.Range(0, PoolTasks));
        var rate = PoolTasks / Stopwatch.GetElapsedTime(start).TotalSeconds;
        return results[^1] == Square(PoolTasks - 1) ? rate : throw new InvalidOperationException("The pool's results are wrong.");
    }

    /// <returns>Tasks per second of an IMap of 20,000, one in each chunk.</returns>
    public static double PoolIMap()
    {
        const int Count = 20_000;
        using var pool = new ProcessPool(2);
        foreach (var _ in pool.IMap(Square, Enumerable.Range(0, Count))) { }
        var (start, last) = (Stopwatch.GetTimestamp(), 0);
        foreach (var square in pool.IMap(Square, Enumerable.Range(0, Count))) last = square;
        var rate = Count / Stopwatch.GetElapsedTime(start).TotalSeconds;
        return last == Square(Count - 1) ? rate : throw new InvalidOperationException("The pool's results are wrong.");
    }

    /// <returns>Milliseconds to start a child and see it end.</returns>
    public static double StartAndJoin()
    {
        const int Count = 10;
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < Count; i++) Run(new ChildProcess(Nothing));
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / Count;
    }

    /// <summary>
    /// Kills a lock's holder whose parent was killed before it, so that nobody watches it: only the waiter itself can find out.
    /// </summary>
    /// <returns>Milliseconds from the kill to the lock.</returns>
    public static double KilledStranger()
    {
        using var taken = new SharedLock();
        using var pids = new SharedQueue<int>();
        using var parent = new ChildProcess(HoldInChild, taken, pids);
        parent.Start();
        using var holder = Process.GetProcessById(pids.Get(TimeSpan.FromSeconds(20)));
        parent.Kill();
        parent.Join();

        var granted = 0L;
        var waiter = new Thread(() => granted = Granted(taken));
        waiter.Start();
        SomeTime();
        var start = Stopwatch.GetTimestamp();
        holder.Kill();
        waiter.Join();
        return Stopwatch.GetElapsedTime(start, granted).TotalMilliseconds;
    }

    /// <summary>Kills a lock's holder while another child of this process waits for it.</summary>
    /// <returns>Milliseconds from the kill to the lock.</returns>
    public static double KilledSibling()
    {
        using var taken = new SharedLock();
        using var pids = new SharedQueue<int>();
        using var granted = new SharedValue<long>(withLock: false);
        using var holder = new ChildProcess(Hold, taken, pids) { Daemon = true };
        holder.Start();
        pids.Get(TimeSpan.FromSeconds(20));
        using var waiter = new ChildProcess(Await, taken, pids, granted);
        waiter.Start();
        pids.Get(TimeSpan.FromSeconds(20));
        SomeTime();
        var start = Stopwatch.GetTimestamp();
        holder.Kill();
        Join(waiter);
        return Stopwatch.GetElapsedTime(start, granted.Value).TotalMilliseconds;
    }

    private static (double Nanoseconds, double SmallerShare) Add()
    {
        const int Count = 2_000_000;
        using var guard = new SharedLock();
        using var value = new SharedValue<int>(withLock: false);
        using var barrier = new SharedBarrier(2);
        using var spans = new SharedArray<long>(4, withLock: false);
        using var counts = new SharedArray<int>(2, withLock: false);
        Run([.. Enumerable.Range(0, 2).Select(who => new ChildProcess(Adder, guard, value, barrier, spans, counts, who, Count))]);
        if (value.Value != 2 * Count) throw new InvalidOperationException($"{value.Value:N0} were counted of {2 * Count:N0}.");
        var time = Stopwatch.GetElapsedTime(Math.Min(spans[0], spans[1]), Math.Max(spans[2], spans[3]));
        var whenOneWasDone = Math.Min(counts[0], counts[1]);
        return (time.TotalNanoseconds / (2 * Count), (whenOneWasDone - Count) / (double)whenOneWasDone);
    }

    private static double Drain<T>(
        SharedQueue<T> queue, Action<SharedQueue<T>, SharedEvent, int> producer, Action<SharedQueue<T>, int> get, int count)
    {
        using var go = new SharedEvent();
        using var child = new ChildProcess(producer, queue, go, count);
        child.Start();
        Warm(() => get(queue, 5_000));
        var start = Stopwatch.GetTimestamp();
        go.Set();
        get(queue, count);
        var rate = count / Stopwatch.GetElapsedTime(start).TotalSeconds;
        Join(child);
        queue.Dispose();
        return rate;
    }

    private static void FeedInts(SharedQueue<int> queue, SharedEvent go, int count)
    {
        Warm(() => PutInts(queue, 5_000));
        go.Wait();
        PutInts(queue, count);
    }

    private static void FeedArrays(SharedQueue<byte[]> queue, SharedEvent go, int count)
    {
        Warm(() => PutArrays(queue, 5_000));
        go.Wait();
        PutArrays(queue, count);
    }

    private static void PutInts(SharedQueue<int> queue, int count)
    {
        for (var i = 0; i < count; i++) queue.Put(i);
    }

    private static void GetInts(SharedQueue<int> queue, int count)
    {
        for (var i = 0; i < count; i++)
            if (queue.Get() is var got && got != i) throw new InvalidOperationException($"The queue gave {got:N0} where {i:N0} was put.");
    }

    private static void PutArrays(SharedQueue<byte[]> queue, int count)
    {
        for (var i = 0; i < count; i++) queue.Put(Kibibyte);
    }

    private static void GetArrays(SharedQueue<byte[]> queue, int count)
    {
        for (var i = 0; i < count; i++) queue.Get();
    }

    private static void Pairs(SharedLock taken, int count)
    {
        for (var i = 0; i < count; i++)
        {
            taken.Acquire();
            taken.Release();
        }
    }

    private static void Adder(
        SharedLock guard, SharedValue<int> value, SharedBarrier barrier, SharedArray<long> spans, SharedArray<int> counts, int who,
            int count)
    {
        Warm(() => Add(guard, value, 10_000));
        if (barrier.Wait() == 0) value.Value = 0;
        barrier.Wait();
        spans[who] = Stopwatch.GetTimestamp();
        Add(guard, value, count);
        spans[2 + who] = Stopwatch.GetTimestamp();
        counts[who] = value.Value;
    }

    private static void Add(SharedLock guard, SharedValue<int> value, int count)
    {
        for (var i = 0; i < count; i++)
            using (guard.Enter()) value.Value++;
    }

    private static void Echo(Connection end, int count)
    {
        Span<byte> message = stackalloc byte[8];
        for (var i = 0; i < count; i++)
        {
            end.ReceiveInto(message);
            end.Send(message);
        }
    }

    private static int Square(int number) => unchecked(number * number);

    private static void Nothing()
    {
    }

    private static void HoldInChild(SharedLock taken, SharedQueue<int> pids) => Run(new ChildProcess(Hold, taken, pids));

    private static void Hold(SharedLock taken, SharedQueue<int> pids)
    {
        taken.Acquire();
        pids.Put(Environment.ProcessId);
        Thread.Sleep(TimeSpan.FromMinutes(1));
    }

    private static void Await(SharedLock taken, SharedQueue<int> pids, SharedValue<long> granted)
    {
        pids.Put(Environment.ProcessId);
        granted.Value = Granted(taken);
    }

    private static long Granted(SharedLock taken)
    {
        var result = taken.Acquire(TimeSpan.FromSeconds(10));
        var at = Stopwatch.GetTimestamp();
        return result == LockResult.Abandoned ? at : throw new InvalidOperationException($"The lock of a killed holder was {result}.");
    }

    // Longer than it takes to fall asleep, and at any moment of the waiter's slices of sleep.
    private static void SomeTime() => Thread.Sleep(80 + Random.Shared.Next(40));

    private static void Run(params ChildProcess[] children)
    {
        foreach (var child in children) child.Start();
        foreach (var child in children)
        {
            Join(child);
            child.Dispose();
        }
    }

    private static void Join(ChildProcess child)
    {
        child.Join();
        if (child.ExitCode != 0) throw new InvalidOperationException($"{child.Name} exited with {child.ExitCode}.");
    }

    // Twice with a pause: the compiler optimises in the background what ran often enough.
    private static void Warm(Action step)
    {
        for (var i = 0; i < 50; i++) step();
        Thread.Sleep(300);
        for (var i = 0; i < 50; i++) step();
    }
}
