using System.Collections.Concurrent;

namespace TicketRush.Journal;

/// <summary>
/// Completes answered submissions on the thread pool, in chunks, and on one thread fewer than there are processors: the
/// sequencer must not wait for a processor behind the callers that it has just answered. (With as many threads as processors
/// it did, for a whole slice of the scheduler at times; and one hop for each caller cost more than the decision.)
/// </summary>
internal sealed class Answers : IThreadPoolWorkItem
{
    private const int ChunkSize = 64;

    private static readonly int ThreadsMax = Math.Max(1, Environment.ProcessorCount - 1);
    private static readonly ConcurrentQueue<(Submission Submission, Outcome Outcome)[]> Chunks = new();
    private static readonly Answers Work = new();

    private static int _threads;
    private static int _done;
    private static int _doneAtLastLook;

    /// <summary>
    /// The outcomes are given now, not looked up when the pool comes to them: a batch that is answered Unknown may still be
    /// under way, and its submissions must not be seen to become Done before the flush.
    /// </summary>
    public static void Send(ReadOnlySpan<Submission> submissions, Outcome? all = null)
    {
        while (submissions.Length > 0)
        {
            var chunk = new (Submission, Outcome)[Math.Min(ChunkSize, submissions.Length)];
            for (var i = 0; i < chunk.Length; i++) chunk[i] = (submissions[i], all ?? submissions[i].Outcome);
            submissions = submissions[chunk.Length..];
            Chunks.Enqueue(chunk);
            if (TryEnter(ThreadsMax)) ThreadPool.UnsafeQueueUserWorkItem(Work, preferLocal: false);
        }
    }

    /// <summary>
    /// To be called every now and then, by one thread: when somebody's continuation blocks its thread, another goes on with
    /// the rest.
    /// </summary>
    public static void Look()
    {
        var done = Volatile.Read(ref _done);
        if (!Chunks.IsEmpty && done == _doneAtLastLook && TryEnter(int.MaxValue)) ThreadPool.UnsafeQueueUserWorkItem(Work, preferLocal: false);
        _doneAtLastLook = done;
    }

    public void Execute()
    {
        do
        {
            while (Chunks.TryDequeue(out var chunk))
            {
                foreach (var (submission, outcome) in chunk) submission.Complete(outcome);
                Interlocked.Increment(ref _done);
            }

            Interlocked.Decrement(ref _threads);
        }
        while (!Chunks.IsEmpty && TryEnter(ThreadsMax)); // Or a chunk that came between the two would lie there.
    }

    private static bool TryEnter(int most)
    {
        while (true)
        {
            var threads = Volatile.Read(ref _threads);
            if (threads >= most) return false;
            if (Interlocked.CompareExchange(ref _threads, threads + 1, threads) == threads) return true;
        }
    }
}
