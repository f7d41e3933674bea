namespace TicketRush.Journal;

/// <summary>
/// Decided submissions on their way back to who waits for them, completed some at a time on threads of the pool: a hop for
/// each caller would cost more than the decision did. One thread fewer than there are processors gives the answers, so that
/// the sequencer finds one free when its flush returns. Whoever blocks the thread that it is answered on is left behind with
/// it at the second <see cref="Tick"/>, and another thread answers the others.
/// </summary>
internal sealed class Answers
{
    private const int ChunkSize = 64;

    private static readonly int WorkersMax = Math.Max(1, Environment.ProcessorCount - 1);

    private readonly Lock _gate = new();
    private readonly Queue<Chunk> _waiting = new();
    private readonly List<Worker> _workers = [];

    /// <summary>Answers each with its own outcome, or all with the same.</summary>
    public void Send(ReadOnlySpan<Submission> submissions, Outcome? all = null)
    {
        while (submissions.Length > 0)
        {
            var chunk = new Chunk(submissions[..Math.Min(ChunkSize, submissions.Length)], all);
            submissions = submissions[chunk.Length..];
            lock (_gate)
            {
                _waiting.Enqueue(chunk);
                StartWorker();
            }
        }
    }

    /// <summary>To be called every 20 ms or so, always by the same thread: goes on without workers that have not moved since.</summary>
    public void Tick()
    {
        lock (_gate)
        {
            for (var i = _workers.Count - 1; i >= 0; i--)
            {
                if (!_workers[i].StandsStill()) continue;
                _waiting.Enqueue(_workers[i].Chunk);
                _workers.RemoveAt(i);
                StartWorker();
            }
        }
    }

    private void StartWorker()
    {
        if (_workers.Count >= WorkersMax || _waiting.Count == 0) return;
        var worker = new Worker(this, _waiting.Dequeue());
        _workers.Add(worker);
        ThreadPool.UnsafeQueueUserWorkItem(worker, preferLocal: false);
    }

    /// <returns>False when the worker is to end: nothing waits, or it was left behind.</returns>
    private bool TryGiveWork(Worker worker)
    {
        lock (_gate)
        {
            if (!_workers.Contains(worker)) return false;
            if (_waiting.TryDequeue(out var chunk))
            {
                worker.Chunk = chunk;
                return true;
            }

            _workers.Remove(worker);
            return false;
        }
    }

    private sealed class Worker(Answers answers, Chunk chunk) : IThreadPoolWorkItem
    {
        private Chunk? _chunkAtTick;
        private int _givenAtTick;

        public Chunk Chunk { get; set; } = chunk;

        public void Execute()
        {
            do Chunk.Give();
            while (answers.TryGiveWork(this));
        }

        public bool StandsStill()
        {
            var (chunk, given) = (Chunk, Chunk.Given);
            if (chunk == _chunkAtTick && given == _givenAtTick) return true;
            (_chunkAtTick, _givenAtTick) = (chunk, given);
            return false;
        }
    }

    /// <summary>Some answers, each of which is given once, even when a second thread goes on with those that a first left.</summary>
    private sealed class Chunk
    {
        // The outcome is looked up now, not when a thread comes to it: a batch that is answered Unknown may still be under
        // way, and its submissions must not be seen to become Done before the flush.
        private readonly (Submission Submission, Outcome Outcome)[] _answers;
        private int _given;

        public Chunk(ReadOnlySpan<Submission> submissions, Outcome? all)
        {
            _answers = new (Submission, Outcome)[submissions.Length];
            for (var i = 0; i < submissions.Length; i++) _answers[i] = (submissions[i], all ?? submissions[i].Outcome);
        }

        public int Length => _answers.Length;

        public int Given => Volatile.Read(ref _given);

        public void Give()
        {
            int next;
            while ((next = Interlocked.Increment(ref _given) - 1) < _answers.Length)
                _answers[next].Submission.Complete(_answers[next].Outcome);
        }
    }
}
