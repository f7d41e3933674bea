namespace TicketRush.Multiprocessing;

/// <summary>How a <see cref="ProcessPool"/> treats its workers.</summary>
public sealed class ProcessPoolOptions
{
    /// <summary>
    /// Called in every worker, once, before its first task: a static method, as a <see cref="ChildProcess"/> target is one. When it
    /// throws, the pool is broken: every task fails and says so.
    /// </summary>
    public Delegate? Initializer { get; init; }

    /// <summary>What the initialiser is called with: all that can be an argument of a child process.</summary>
    public IReadOnlyList<object?> InitializerArguments { get; init; } = [];

    /// <summary>
    /// After how many tasks a worker is replaced by a new one; null as long as the pool lives. A chunk is not split, so a chunk size that
    /// is given and larger counts for more.
    /// </summary>
    public int? MaxTasksPerChild { get; init; }

    /// <summary>
    /// How many more times a chunk is run whose worker was lost in the midst of it, before its tasks fail with
    /// <see cref="WorkerLostException"/>. 0 unless set: it may have done half of its work, so only who knows that it may be done twice
    /// can say so. What a worker had not begun is always given to another.
    /// </summary>
    public int Retries { get; init; }

    /// <summary>
    /// How many processes wait, started but not initialised, to take the place of a worker; 1 unless set. Without one a lost worker, or one
    /// that had its tasks, is missed for the time that a process takes to start.
    /// </summary>
    public int Spares { get; init; } = 1;

    /// <summary>What its workers are called, with a number behind.</summary>
    public string WorkerName { get; init; } = "PoolWorker";
}
