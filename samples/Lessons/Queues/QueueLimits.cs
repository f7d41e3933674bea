using System.Text.Json.Serialization;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>A queue with five places: first in, first out, and what happens at the sixth item and at none.</summary>
internal static class QueueLimits
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(100);

    public static void Run()
    {
        using var queue = new SharedQueue<int>(maxSize: 5);
        for (var number = 1; number <= 5; number++)
        {
            queue.Put(number);
            Console.WriteLine($"put {number}: {queue.Count} of {queue.MaxSize}");
        }

        // Try… answers at once. With a timeout it is an error when nothing has happened by then.
        Console.WriteLine($"full {queue.IsFull}, try to put 6: {queue.TryPut(6)}");
        try
        {
            queue.Put(6, Patience);
        }
        catch (QueueFullException full)
        {
            Console.WriteLine($"put 6: {full.Message}");
        }

        // Without a timeout Put waits for as long as it takes: here, for a child that takes the first.
        using var consumer = new ChildProcess(TakeOne, queue) { Name = "consumer" };
        consumer.Start();
        queue.Put(6);
        Console.WriteLine("put 6: there was room when somebody had taken one");
        consumer.Join();

        while (queue.TryGet(out var number)) Console.WriteLine($"got {number}");

        Console.WriteLine($"empty {queue.IsEmpty}, try to get: {queue.TryGet(out _)}");
        try
        {
            _ = queue.Get(Patience);
        }
        catch (QueueEmptyException empty)
        {
            Console.WriteLine($"get: {empty.Message}");
        }

        // A queue is for messages. A file stays where it is, and its path is the message.
        using var files = new SharedQueue<byte[]>();
        try
        {
            files.Put(new byte[SharedQueue<byte[]>.ItemBytesMax + 1]);
        }
        catch (ArgumentException refused)
        {
            Console.WriteLine($"put a big file: {refused.Message}");
        }
    }

    private static void TakeOne(SharedQueue<int> queue) => Console.WriteLine($"  {CurrentProcess.Name} got {queue.Get()}");
}

[JsonSerializable(typeof(SharedQueue<int>))]
internal sealed partial class QueueLimitsJson : JsonSerializerContext;
