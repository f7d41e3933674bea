using TicketRush.Multiprocessing.Connections;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>The processes of a pool: those that work, those that wait to, and those that are about to end.</summary>
internal sealed class Crew(WorkerStart? start, string name, int spares, Action ended)
{
    /// <summary>How long a worker that was asked to end may take; then it is killed.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly HashSet<WorkerProcess> _all = [];
    private readonly Queue<WorkerProcess> _spares = new();
    private int _started;
    private bool _isClosed;

    /// <summary>A process that has not begun yet: a spare, or a new one. Null when the crew is dismissed.</summary>
    /// <exception cref="IOException">The system did not start it.</exception>
    public WorkerProcess? Take()
    {
        lock (_gate)
        {
            if (_isClosed) return null;
            while (_spares.TryDequeue(out var spare))
            {
                if (!spare.HasEnded) return spare;
                spare.Retire();
            }

            return Start();
        }
    }

    /// <summary>Starts as many spares as there should be.</summary>
    public void Refill() => ThreadPool.QueueUserWorkItem(_ =>
    {
        lock (_gate)
        {
            try
            {
                while (!_isClosed && _spares.Count < spares) _spares.Enqueue(Start());
            }
            catch (Exception)
            {
                // The next worker that is needed will be started then, and it will be said if that cannot be.
            }
        }
    });

    /// <summary>No process is needed any more; those that wait for work end.</summary>
    public void Dismiss()
    {
        lock (_gate)
        {
            _isClosed = true;
            while (_spares.TryDequeue(out var spare)) spare.Retire();
            LetGo();
        }
    }

    /// <summary>Ends all: at once those that do not handle SIGTERM, in a moment the others.</summary>
    public void Terminate()
    {
        Dismiss();
        Signal(Programs.Terminate);
        Task.Delay(Grace).ContinueWith(_ => Signal(Programs.Kill), TaskScheduler.Default);
    }

    /// <summary>Waits until all have ended.</summary>
    /// <returns>False when the time was up.</returns>
    public bool Join(Deadline limit)
    {
        Task[] ends;
        lock (_gate) ends = [.. _all.Select(worker => worker.Ended)];
        return Task.WaitAll(ends, limit.Left);
    }

    private WorkerProcess Start()
    {
        var worker = WorkerProcess.Start(start, $"{name}-{++_started}");
        _all.Add(worker);
        worker.Ended.ContinueWith(
            _ =>
            {
                lock (_gate)
                {
                    _all.Remove(worker);
                    LetGo();
                }

                ended();
            },
            TaskScheduler.Default);
        return worker;
    }

    // A worker that is on its way still reads what it is started with.
    private void LetGo()
    {
        if (_isClosed && _all.Count == 0) start?.Dispose();
    }

    private void Signal(int signal)
    {
        lock (_gate)
            foreach (var worker in _all) worker.Signal(signal);
    }
}
