using System.Text.Json.Serialization;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>Every process has its own copy of every variable. What is to be seen by others is shared on purpose.</summary>
internal static class DataIsolation
{
    private static int _n = 100;

    public static void Run()
    {
        // A child does not even start with what its parent has by then: it is the program from its beginning, with _n = 100.
        _n = 50;
        using var shared = new SharedValue<int>(100);
        Console.WriteLine($"parent: n = {_n}, shared = {shared.Value}");

        var children = Enumerable.Range(0, 4).Select(_ => new ChildProcess(Subtract, shared)).ToArray();
        foreach (var child in children) child.Start();
        foreach (var child in children) child.Join();

        Console.WriteLine($"parent: n = {_n}, shared = {shared.Value}");
    }

    private static void Subtract(SharedValue<int> shared)
    {
        _n -= 1;

        // To read and to write are two steps, and another child could come between them.
        using (shared.Lock.Enter()) shared.Value -= 1;

        Console.WriteLine($"  {CurrentProcess.Name}: n = {_n}");
    }
}

[JsonSerializable(typeof(SharedValue<int>))]
internal sealed partial class DataIsolationJson : JsonSerializerContext;
