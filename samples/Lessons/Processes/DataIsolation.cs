using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>Every process has its own copy of every variable: what a child changes, nobody else sees.</summary>
internal static class DataIsolation
{
    private static int _n = 100;

    public static void Run()
    {
        // A child does not even start with what its parent has by then: it is the program from its beginning, with _n = 100.
        _n = 50;
        Console.WriteLine($"parent: n = {_n}");

        var children = Enumerable.Range(0, 4).Select(_ => new ChildProcess(Subtract)).ToArray();
        foreach (var child in children) child.Start();
        foreach (var child in children) child.Join();

        Console.WriteLine($"parent: n = {_n}");
    }

    private static void Subtract()
    {
        _n -= 1;
        Console.WriteLine($"  {CurrentProcess.Name}: n = {_n}");
    }
}
