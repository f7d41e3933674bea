using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>Ending a child from outside, and what becomes of the lock that it had.</summary>
internal static class IsAliveAndTerminate
{
    public static void Run()
    {
        using var till = new SharedLock();
        using var isInside = new SharedEvent();
        using var seller = new ChildProcess(KeepTheTill, till, isInside) { Name = "seller" };
        seller.Start();
        isInside.Wait();
        Console.WriteLine($"inside: alive {seller.IsAlive}, the till is taken {till.IsTaken}");

        // A signal, no more: it does not wait, so the process may still be seen alive right after it.
        seller.Terminate();
        Console.WriteLine($"terminated: maybe alive, maybe not: {seller.IsAlive}");
        seller.Join();
        Console.WriteLine($"joined: alive {seller.IsAlive}, exit code {seller.ExitCode}");

        // No clean-up ran in the child, and in Python this would wait for ever. Here the lock is ours, with a warning:
        // whatever the till holds may have been left half counted.
        Console.WriteLine($"the till: {till.Acquire(TimeSpan.FromSeconds(5))}");
        till.Release();
        Console.WriteLine($"once more: {till.Acquire(TimeSpan.FromSeconds(5))}");
        till.Release();

        // SIGTERM can be handled and refused. SIGKILL cannot.
        using var sleeper = new ChildProcess(Sleep);
        sleeper.Start();
        sleeper.Kill();
        sleeper.Join();
        Console.WriteLine($"killed: alive {sleeper.IsAlive}, exit code {sleeper.ExitCode}");
    }

    private static void KeepTheTill(SharedLock till, SharedEvent isInside)
    {
        using (till.Enter())
        {
            isInside.Set();
            Thread.Sleep(Timeout.Infinite);
        }
    }

    private static void Sleep() => Thread.Sleep(Timeout.Infinite);
}
