using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>An event is a door: everybody waits before it until somebody opens it, and then everybody goes through at once.</summary>
internal static class EventSaleOpens
{
    private const int Buyers = 3;

    public static void Run()
    {
        using var door = new SharedEvent();

        // Permits as a message: each buyer gives one for "I stand before the door", and the parent takes as many as there are buyers.
        using var waiting = new SharedSemaphore(0);

        var buyers = Enumerable.Range(1, Buyers)
            .Select(number => new ChildProcess(Queue, door, waiting) { Name = $"buyer {number}" })
            .ToArray();
        foreach (var buyer in buyers) buyer.Start();
        for (var i = 0; i < Buyers; i++) waiting.Acquire();

        Console.WriteLine($"the sale opens: door open {door.IsSet}");
        door.Set();
        foreach (var buyer in buyers) buyer.Join();

        // It stays open for those who come later, until it is closed.
        Console.WriteLine($"open: a late buyer gets in {door.Wait(TimeSpan.Zero)}");
        door.Clear();
        Console.WriteLine($"closed: a buyer gets in within 50 ms {door.Wait(TimeSpan.FromMilliseconds(50))}");
    }

    private static void Queue(SharedEvent door, SharedSemaphore waiting)
    {
        Console.WriteLine($"  {CurrentProcess.Name} waits");
        waiting.Release();
        door.Wait();
        Console.WriteLine($"  {CurrentProcess.Name} is in");
    }
}
