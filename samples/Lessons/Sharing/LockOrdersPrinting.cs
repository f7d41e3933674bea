using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>Three processes and one printer: without a lock their lines mix, with it each finishes what it began.</summary>
internal static class LockOrdersPrinting
{
    private const int Workers = 3;

    public static void Run()
    {
        // The lock is made here, once, and handed to every child. A lock made in each child would be another lock in each.
        using var printer = new SharedLock();
        using var everybodyIsHere = new SharedBarrier(Workers);

        Console.WriteLine("without a lock:");
        Together(worker => new(PrintAtOnce, everybodyIsHere, worker));

        Console.WriteLine("with the lock:");
        Together(worker => new(PrintInTurn, printer, everybodyIsHere, worker));
    }

    private static void Together(Func<int, ChildProcess> make)
    {
        var workers = Enumerable.Range(0, Workers).Select(make).ToArray();
        foreach (var worker in workers) worker.Start();
        foreach (var worker in workers) worker.Join();
    }

    private static void PrintAtOnce(SharedBarrier everybodyIsHere, int worker)
    {
        // They begin together, or else the first might be done before the last has started, and nothing would mix.
        everybodyIsHere.Wait();
        Print(worker);
    }

    private static void PrintInTurn(SharedLock printer, SharedBarrier everybodyIsHere, int worker)
    {
        everybodyIsHere.Wait();

        // Released at the closing brace, also by an exception. Who comes first is left open; that nobody comes between is not.
        using (printer.Enter())
        {
            Print(worker);
        }
    }

    private static void Print(int worker)
    {
        Console.WriteLine($"  {worker}: process {CurrentProcess.Pid} is running");
        Thread.Sleep(50);
        Console.WriteLine($"  {worker}: process {CurrentProcess.Pid} is done");
    }
}
