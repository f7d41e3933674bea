using System.Text.Json.Serialization;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>Processes have no variables in common. What one has to tell another it can put into a queue that both were given.</summary>
internal static class QueueBetweenProcesses
{
    public static void Run()
    {
        using var queue = new SharedQueue<string>();
        using var teller = new ChildProcess(Tell, queue) { Name = "teller" };
        using var listener = new ChildProcess(Listen, queue) { Name = "listener" };

        // The listener may well be first. It waits.
        listener.Start();
        teller.Start();
        Console.WriteLine("main: both are started");

        teller.Join();
        listener.Join();
        Console.WriteLine($"main: {queue.Count} left in the queue");
    }

    private static void Tell(SharedQueue<string> queue)
    {
        // It is in the queue when Put returns: the teller may end at once, and nothing is lost.
        Console.WriteLine($"  {CurrentProcess.Name}: puts a line");
        queue.Put("row 7 is free");
    }

    private static void Listen(SharedQueue<string> queue) => Console.WriteLine($"  {CurrentProcess.Name}: got \"{queue.Get()}\"");
}

[JsonSerializable(typeof(SharedQueue<string>))]
internal sealed partial class QueueBetweenProcessesJson : JsonSerializerContext;
