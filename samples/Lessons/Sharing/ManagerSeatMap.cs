using System.Text.Json.Serialization;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>A manager keeps objects in a process of its own, for others to use. Here three sellers share a seat map.</summary>
internal static class ManagerSeatMap
{
    private const string Free = "free";
    private const int Sellers = 3;
    private const int Price = 50;

    public static void Run()
    {
        using var manager = Manager.Start();
        var seats = manager.Dictionary<string, string>();
        var sold = manager.List<string>();
        var takings = manager.Value(0);
        var till = manager.Lock();
        using var everybodyIsHere = new SharedBarrier(Sellers);

        foreach (var seat in new[] { "A1", "A2", "A3", "A4", "A5", "A6" }) seats[seat] = Free;
        Console.WriteLine($"main: {seats.Count} seats, {sold.Count} sold, kept in another process {manager.Pid != CurrentProcess.Pid}");

        var sellers = Enumerable.Range(1, Sellers)
            .Select(number => new ChildProcess(Sell, everybodyIsHere, seats, sold, takings, till) { Name = $"seller {number}" })
            .ToArray();
        foreach (var seller in sellers) seller.Start();
        foreach (var seller in sellers) seller.Join();

        var free = seats.Values.Count(buyer => buyer == Free);
        Console.WriteLine($"main: {sold.Count} sold, {sold.Distinct().Count()} different, {free} free");
        Console.WriteLine($"main: the sellers say {sellers.Sum(seller => seller.ExitCode)}, the till says {takings.Value}");

        // What goes wrong over there is thrown here.
        try
        {
            Console.WriteLine(seats["Z9"]);
        }
        catch (KeyNotFoundException unknown)
        {
            Console.WriteLine($"main: {unknown.Message}");
        }

        manager.Dispose();
        try
        {
            Console.WriteLine(seats.Count);
        }
        catch (ManagerLostException)
        {
            Console.WriteLine("main: the objects have ended with their manager");
        }
    }

    private static int Sell(
        SharedBarrier everybodyIsHere,
        ManagedDictionary<string, string> seats,
        ManagedList<string> sold,
        ManagedValue<int> takings,
        ManagedLock till)
    {
        // They begin together, or the first to be started might sell everything.
        everybodyIsHere.Wait();
        var count = 0;
        foreach (var seat in seats.Keys)
        {
            // All want every seat. To look whether it is free and to take it is one call, so only one of them gets it.
            if (!seats.TryUpdate(seat, CurrentProcess.Name, Free)) continue;
            sold.Add(seat);
            count++;

            // To read and to write are two calls. Between them others would do the same, and one of the sums would be lost.
            using (till.Enter()) takings.Value += Price;
        }

        Console.WriteLine($"  {CurrentProcess.Name} has sold {count}");
        return count;
    }
}

[JsonSerializable(typeof(ManagedDictionary<string, string>))]
[JsonSerializable(typeof(ManagedList<string>))]
[JsonSerializable(typeof(ManagedValue<int>))]
[JsonSerializable(typeof(ManagedLock))]
internal sealed partial class ManagerSeatMapJson : JsonSerializerContext;
