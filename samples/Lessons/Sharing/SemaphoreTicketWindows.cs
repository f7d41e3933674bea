using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>A semaphore counts: two ticket windows serve five buyers, never more than two at a time.</summary>
internal static class SemaphoreTicketWindows
{
    public static void Run()
    {
        // Bounded: giving back a window that nobody took is an error, and a buyer who is killed at a window does not keep it.
        using var windows = new SharedBoundedSemaphore(2);
        Console.WriteLine($"{windows.Value} windows are free");

        var buyers = Enumerable.Range(1, 5).Select(number => new ChildProcess(Buy, windows) { Name = $"buyer {number}" }).ToArray();
        foreach (var buyer in buyers) buyer.Start();
        foreach (var buyer in buyers) buyer.Join();

        Console.WriteLine($"{windows.Value} windows are free");
        try
        {
            windows.Release();
        }
        catch (SemaphoreFullException refused)
        {
            Console.WriteLine($"refused: {refused.Message}");
        }
    }

    private static void Buy(SharedBoundedSemaphore windows)
    {
        using (windows.Enter())
        {
            Console.WriteLine($"  {CurrentProcess.Name} is at a window");
            Thread.Sleep(60);
            Console.WriteLine($"  {CurrentProcess.Name} has a ticket");
        }
    }
}
