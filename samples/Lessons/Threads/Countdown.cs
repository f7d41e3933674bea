namespace Lessons;

/// <summary>n = 100, and a hundred threads that each take one away. How much is left?</summary>
internal static class Countdown
{
    private const int Count = 100;

    public static void Run()
    {
        Console.WriteLine($"without a lock: n = {WithoutLock()}");
        Console.WriteLine($"with the lock: n = {WithLock()}");
        Console.WriteLine($"with one indivisible step: n = {Interlocked()}");
    }

    /// <summary>The worst case, made certain by a barrier: everybody has read n before anybody writes it, so 99 of 100 are lost.</summary>
    private static int WithoutLock()
    {
        var n = Count;
        using var everybodyHasRead = new Barrier(Count);
        Together(() =>
        {
            var read = n;
            everybodyHasRead.SignalAndWait();
            n = read - 1;
        });
        return n;
    }

    /// <summary>Read and write are one step for all others. So they come one after the other, and take a hundred times the pause.</summary>
    private static int WithLock()
    {
        var n = Count;
        var gate = new Lock();
        Together(() =>
        {
            lock (gate)
            {
                var read = n;
                Thread.Sleep(1);
                n = read - 1;
            }
        });
        return n;
    }

    /// <summary>Where all that is shared is one number, the processor can do it without a lock.</summary>
    private static int Interlocked()
    {
        var n = Count;
        Together(() => System.Threading.Interlocked.Decrement(ref n));
        return n;
    }

    private static void Together(Action work)
    {
        var threads = Enumerable.Range(0, Count).Select(_ => new Thread(() => work())).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
    }
}
