namespace TicketRush.Multiprocessing.Pools;

/// <summary>What the seats of a pool have in common.</summary>
internal sealed class SeatedPool
{
    /// <summary>How long the end of a pool that could not be made may take: longer than its workers have before they are killed.</summary>
    private static readonly TimeSpan EndMost = TimeSpan.FromSeconds(10);

    private readonly TaskCompletionSource _allLeft = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Seat[] _seats;
    private int _left, _ready, _failedStarts;

    /// <exception cref="IOException">The system did not start a worker; those started before have ended.</exception>
    public SeatedPool(int workers, WorkerStart? start, ProcessPoolOptions options)
    {
        (Size, MaxTasks, Retries) = (workers, options.MaxTasksPerChild, options.Retries);
        Backlog = new();
        Crew = new(start, options.WorkerName, options.Spares, Backlog.LookAgain);
        var first = new WorkerProcess?[workers];
        try
        {
            for (var i = 0; i < workers; i++) first[i] = Crew.Take();
        }
        catch
        {
            Crew.Terminate();
            foreach (var worker in first) worker?.Retire();
            Crew.Join(Deadline.After(EndMost));
            throw;
        }

        _left = workers;
        _seats = [.. first.Select(worker => new Seat(this, worker!))];
    }

    public Backlog Backlog { get; }
    public Crew Crew { get; }
    public int? MaxTasks { get; }
    public int Retries { get; }

    /// <summary>Complete when nobody works any more.</summary>
    public Task AllLeft => _allLeft.Task;

    public IReadOnlyList<int> WorkerIds => [.. _seats.Select(seat => seat.Worker?.Pid).OfType<int>()];

    /// <summary>How many seats there are, also while they are still being made.</summary>
    public int Size { get; }

    /// <summary>A worker is ready. Spares are started when all are, so as not to hold them up.</summary>
    public void NoteReady()
    {
        Volatile.Write(ref _failedStarts, 0);
        if (Interlocked.Increment(ref _ready) >= Size) Crew.Refill();
    }

    public int CountFailedStart() => Interlocked.Increment(ref _failedStarts);

    public void Leave()
    {
        if (Interlocked.Decrement(ref _left) > 0) return;
        Crew.Dismiss();
        _allLeft.SetResult();
    }
}
