using System.Text.Json.Serialization;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>
/// Three cooks and two guests, with a queue between them: nobody waits for anybody in particular. A consumer cannot see that nothing
/// will follow, so it is told.
/// </summary>
internal static class ProducersAndConsumers
{
    private const int DishesEach = 2;

    public static void Run()
    {
        using var counter = new SharedQueue<Dish>(codec: ItemCodec.Json(ProducersAndConsumersJson.Default.Dish));

        ChildProcess[] cooks = [NewCook("yang", "pork bones"), NewCook("wang", "pickled fish"), NewCook("hu", "pig's feet")];
        ChildProcess[] guests = [NewGuest("xu"), NewGuest("ye")];
        foreach (var process in cooks.Concat(guests)) process.Start();

        // The end comes after everything else, so every cook has to be done before it is put: and once for each guest, who takes it away.
        foreach (var cook in cooks) cook.Join();
        foreach (var _ in guests) counter.Put(Dish.End);
        foreach (var guest in guests) guest.Join();

        Console.WriteLine($"main: {cooks.Length * DishesEach} cooked, {guests.Sum(guest => guest.ExitCode)} eaten, {counter.Count} left");

        ChildProcess NewCook(string name, string dish) => new(Cook, dish, counter) { Name = name };
        ChildProcess NewGuest(string name) => new(Eat, counter) { Name = name };
    }

    private static void Cook(string name, SharedQueue<Dish> counter)
    {
        for (var number = 1; number <= DishesEach; number++)
        {
            Thread.Sleep(Random.Shared.Next(10, 50));
            Console.WriteLine($"  {CurrentProcess.Name} has cooked {name} {number}");
            counter.Put(new(name, number));
        }
    }

    private static int Eat(SharedQueue<Dish> counter)
    {
        var eaten = 0;
        while (counter.Get() is var dish && dish != Dish.End)
        {
            Thread.Sleep(Random.Shared.Next(10, 50));
            Console.WriteLine($"  {CurrentProcess.Name} has eaten {dish.Name} {dish.Number}");
            eaten++;
        }

        return eaten;
    }
}

internal sealed record Dish(string Name, int Number)
{
    /// <summary>No dish, but the sign that there will be none.</summary>
    public static Dish End { get; } = new("end", 0);
}

[JsonSerializable(typeof(SharedQueue<Dish>))]
[JsonSerializable(typeof(Dish))]
internal sealed partial class ProducersAndConsumersJson : JsonSerializerContext;
