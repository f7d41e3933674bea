using System.Buffers;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>
/// One of the places of a pool where a worker works: a thread that hands it one chunk at a time, and has another sit down when it ends.
/// </summary>
internal sealed class Seat
{
    /// <summary>How many workers in a row may end before they were ready, in the whole pool, until there is no point in another.</summary>
    private const int FailedStartsMost = 16;

    /// <summary>How many workers may end while a chunk was on its way to them, until it is the chunk that is to blame.</summary>
    private const int ReturnsMost = 3;

    private const int KeptBuffer = 1 << 20;

    private readonly SeatedPool _pool;
    private ArrayBufferWriter<byte> _message = new();

    public Seat(SeatedPool pool, WorkerProcess first)
    {
        (_pool, Worker) = (pool, first);
        new Thread(() => Run(first)) { IsBackground = true, Name = "Pool" }.Start();
    }

    /// <summary>Who sits here, until another takes the place; null when nobody will any more.</summary>
    public WorkerProcess? Worker { get; private set; }

    private void Run(WorkerProcess first)
    {
        for (var worker = first; worker is not null; worker = Next())
        {
            Worker = worker;
            if (TryBegin(worker)) Serve(worker);
            worker.Retire();
        }

        Worker = null;
        _pool.Leave();
    }

    private WorkerProcess? Next()
    {
        while (!_pool.Backlog.IsOver)
        {
            try
            {
                return _pool.Crew.Take();
            }
            catch (Exception why)
            {
                // Whatever it was: an exception that left this thread would end the program.
                NoteFailedStart(why);
            }
        }

        return null;
    }

    private bool TryBegin(WorkerProcess worker)
    {
        switch (worker.Exchange([], out var reply))
        {
            case Exchanged.Replied when reply.Length == 0:
                _pool.NoteReady();
                return true;
            case Exchanged.Replied:
                var failure = Failure.Read(reply);
                _pool.Backlog.Break(new InvalidOperationException($"Its initialiser failed in a worker: {failure.Message}", failure));
                return false;
            default:
                var exitCode = worker.AwaitEnd();
                NoteFailedStart(worker.Misuse ?? new WorkerLostException(worker.Pid, exitCode, "before it was ready"));
                return false;
        }
    }

    private void NoteFailedStart(Exception why)
    {
        var count = _pool.CountFailedStart();
        if (count >= FailedStartsMost) _pool.Backlog.Break(new InvalidOperationException($"No worker can be had: {why.Message}", why));

        // Whatever the system is short of, others may be about to give back.
        else Thread.Sleep(10 * count);
    }

    private void Serve(WorkerProcess worker)
    {
        while (_pool.Backlog.TryTake(worker, out var chunk))
            if (!TryRun(worker, chunk)) return;
    }

    /// <returns>False when the worker has ended, or has had its tasks.</returns>
    private bool TryRun(WorkerProcess worker, Chunk chunk)
    {
        if (_message.Capacity > KeptBuffer) _message = new();
        else _message.ResetWrittenCount();
        try
        {
            chunk.Write(_message);
        }
        catch (Exception notWritten)
        {
            chunk.Fail(notWritten);
            return true;
        }

        switch (worker.Exchange(_message.WrittenSpan, out var reply))
        {
            case Exchanged.Replied:
                worker.TasksDone += chunk.Count;
                chunk.Answer(reply);
                return _pool.MaxTasks is not { } most || worker.TasksDone < most;
            case Exchanged.NotTaken when ++chunk.Returns <= ReturnsMost:
                worker.AwaitEnd();
                _pool.Backlog.PutBack(chunk);
                return false;
            default:
                var lost = new WorkerLostException(
                    worker.Pid, worker.AwaitEnd(), chunk.Count == 1 ? "while it had the task" : $"while it had {chunk.Count} tasks");
                if (_pool.Backlog.WhyOver() is { } over) chunk.Fail(over);
                else if (++chunk.Losses <= _pool.Retries) _pool.Backlog.PutBack(chunk);
                else chunk.Fail(lost);
                return false;
        }
    }
}
