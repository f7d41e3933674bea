using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Queues;

/// <summary>What the children of the tests of queues do.</summary>
internal static class QueueTargets
{
    public static void PutRange(SharedQueue<int> queue, int from, int count)
    {
        for (var i = from; i < from + count; i++) queue.Put(i);
    }

    public static void PutForever(SharedQueue<int> queue, int producer)
    {
        for (var i = 0; ; i++) queue.Put((producer << 22) | i);
    }

    public static void PutBlocks(SharedQueue<byte[]> queue, int count)
    {
        for (var i = 0; i < count; i++) queue.Put(new byte[1024]);
    }

    public static void PutTicket(SharedQueue<Ticket> queue, int id) => queue.Put(new(id, $"S{id}"));

    public static void Swallow(SharedQueue<int> queue, SharedEvent ready)
    {
        ready.Set();
        while (true) queue.Get();
    }

    public static void GetAndStay(SharedQueue<int> queue, SharedEvent ready)
    {
        ready.Set();
        queue.Get();
        Kids.Sleep();
    }

    public static void Sum(SharedQueue<int> queue, SharedValue<long> sum)
    {
        for (int item; (item = queue.Get(Kids.Patience)) >= 0;) Interlocked.Add(ref sum.Ref, item);
    }

    public static void Answer(SharedSimpleQueue<string> questions, SharedSimpleQueue<string> answers)
    {
        answers.Put($"{questions.IsEmpty}");
        answers.Put(questions.Get(Kids.Patience).ToUpperInvariant());
    }

    public static void Work(SharedJoinableQueue<int> queue, SharedValue<long> sum)
    {
        while (true)
        {
            Interlocked.Add(ref sum.Ref, queue.Get());
            queue.TaskDone();
        }
    }

    public static void TakeAndStay(SharedJoinableQueue<int> queue, int count, SharedEvent ready)
    {
        for (var i = 0; i < count; i++) queue.Get();
        ready.Set();
        Kids.Sleep();
    }

    public static void CountEach(SharedJoinableQueue<int> queue, SharedArray<long> times)
    {
        while (true)
        {
            var lease = queue.GetLease();
            Interlocked.Increment(ref times[lease.Item]);
            lease.Done();
        }
    }
}
