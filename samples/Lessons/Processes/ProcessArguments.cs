using System.Text.Json.Serialization;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>A child gets its work as arguments: by position, by name, or left to their defaults.</summary>
internal static class ProcessArguments
{
    public static void Run()
    {
        ChildProcess[] sellers =
        [
            new(Sell, "ann", 2) { Name = "by position" },
            new(Sell, "bob") { Name = "by name", Named = { ["tier"] = "balcony", ["count"] = 3 } },
            new(Sell, "cy") { Name = "by default" },
            new(Sell, "dee", 4, "box") { Name = "all three" },
            new(Deliver, new Order("eve", 5)) { Name = "a record" },
        ];

        // Start them all, then join them all. A Join right after each Start would let only one run at a time.
        foreach (var seller in sellers) seller.Start();
        foreach (var seller in sellers) seller.Join();
        foreach (var seller in sellers) Console.WriteLine($"{seller.Name}: exit code {seller.ExitCode}");

        // What does not fit is refused here, before any process exists, as the compiler would refuse the call.
        using var wrong = new ChildProcess(Sell, "fay") { Named = { ["row"] = 7 } };
        try
        {
            wrong.Start();
        }
        catch (ArgumentException refused)
        {
            Console.WriteLine($"refused: {refused.Message}");
        }
    }

    private static void Sell(string buyer, int count = 1, string tier = "standing") =>
        Console.WriteLine($"  {CurrentProcess.Name}: {count} x {tier} for {buyer}");

    private static void Deliver(Order order) => Console.WriteLine($"  {CurrentProcess.Name}: {order.Count} to {order.Buyer}");
}

/// <summary>A type of our own is an argument too, once the program's context knows it.</summary>
internal sealed record Order(string Buyer, int Count);

[JsonSerializable(typeof(Order))]
internal sealed partial class ProcessArgumentsJson : JsonSerializerContext;
