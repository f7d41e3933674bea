using System.Text.Json.Serialization;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>
/// The kitchen once more, without a sign for the end: the cooks wait until all that was cooked is eaten, main waits for the cooks, and the
/// guests, who would sit there for ever, are daemons that go when main does.
/// </summary>
internal static class JoinableQueue
{
    private const int DishesEach = 2;

    public static void Run()
    {
        using var counter = new SharedJoinableQueue<string>();

        // Not part of the recipe: a guest who takes a dish and is killed over it.
        SomebodyIsKilledOverTheSoup(counter);

        ChildProcess[] cooks = [NewCook("yang", "pork bones"), NewCook("wang", "pickled fish"), NewCook("hu", "pig's feet")];
        ChildProcess[] guests = [NewGuest("xu"), NewGuest("ye")];
        foreach (var process in cooks.Concat(guests)) process.Start();
        foreach (var cook in cooks) cook.Join();

        Console.WriteLine($"main: all is eaten {counter.Join(TimeSpan.Zero)}, guests at the table {guests.Count(guest => guest.IsAlive)}");

        // Done is said once for each item. Once more would end the waiting of others too early, so it is an error.
        try
        {
            counter.TaskDone();
        }
        catch (InvalidOperationException refused)
        {
            Console.WriteLine($"main: {refused.Message}");
        }

        ChildProcess NewCook(string name, string dish) => new(Cook, dish, counter) { Name = name };
        ChildProcess NewGuest(string name) => new(Eat, counter) { Name = name, Daemon = true };
    }

    private static void Cook(string dish, SharedJoinableQueue<string> counter)
    {
        for (var number = 1; number <= DishesEach; number++)
        {
            Thread.Sleep(Random.Shared.Next(10, 50));
            Console.WriteLine($"  {CurrentProcess.Name} has cooked {dish} {number}");
            counter.Put($"{dish} {number}");
        }

        counter.Join();
    }

    private static void Eat(SharedJoinableQueue<string> counter)
    {
        while (true)
        {
            var dish = counter.Get();
            Thread.Sleep(Random.Shared.Next(10, 50));
            Console.WriteLine($"  {CurrentProcess.Name} has eaten {dish}");

            // Taken is not done. Whoever waits in Join waits for this.
            counter.TaskDone();
        }
    }

    private static void SomebodyIsKilledOverTheSoup(SharedJoinableQueue<string> counter)
    {
        counter.Put("soup");
        using var isTaken = new SharedEvent();
        using var guest = new ChildProcess(Stare, counter, isTaken) { Name = "he" };
        guest.Start();
        isTaken.Wait();
        guest.Kill();
        guest.Join();

        // In Python it would be gone, and Join would wait for its TaskDone for ever.
        Console.WriteLine($"main: he is gone, and {counter.Count} dish is back on the counter");
    }

    private static void Stare(SharedJoinableQueue<string> counter, SharedEvent isTaken)
    {
        Console.WriteLine($"  {CurrentProcess.Name} has taken the {counter.Get()}");
        isTaken.Set();
        Thread.Sleep(Timeout.Infinite);
    }
}

[JsonSerializable(typeof(SharedJoinableQueue<string>))]
internal sealed partial class JoinableQueueJson : JsonSerializerContext;
