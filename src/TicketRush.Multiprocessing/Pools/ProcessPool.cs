using TicketRush.Multiprocessing.Connections;
using TicketRush.Multiprocessing.Pools;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing;

/// <summary>
/// Processes that wait for work, and the ways to give it to them.
/// <code>
/// using var pool = new ProcessPool(4);
/// int[] squares = pool.Map(Square, Enumerable.Range(0, 100_000));
/// var one = pool.ApplyAsync(Square, 12);
///
/// static int Square(int number) => number * number;
/// </code>
/// <para>
/// A target is a static method, or a lambda that captures nothing, with at most three parameters. Arguments and results travel as those of
/// <see cref="ChildProcess"/> do: by the program's JSON contexts, but for text, bytes, and values without references, which are copied as
/// they lie in memory.
/// </para>
/// <para>
/// What a task throws is thrown here, with its type, its message and a <see cref="RemoteException"/> as its cause. A worker that is lost
/// with a task in hand fails that task with <see cref="WorkerLostException"/>, or it is run again
/// (<see cref="ProcessPoolOptions.Retries"/>); a task that the
/// worker had not begun goes to another; and in either case a new worker takes its place. Workers die with this process.
/// </para>
/// </summary>
public sealed class ProcessPool : IDisposable
{
    /// <summary>How many chunks a worker gets if nobody says how large they are: so many that the last is not long waited for.</summary>
    private const int ChunksPerWorker = 4;

    private readonly SeatedPool _pool;
    private readonly Backlog _backlog;

    /// <summary>Starts the workers, and does not wait until they are ready.</summary>
    /// <param name="workers">How many; as many as there are processors unless given.</param>
    /// <param name="options">What else is wanted of them.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// There is less than one worker, or than one task for each, or a negative number.
    /// </exception>
    /// <exception cref="ArgumentException">The initialiser cannot run in another process, or its arguments do not fit.</exception>
    /// <exception cref="NotSupportedException">No context knows how to write an argument of the initialiser.</exception>
    /// <exception cref="InvalidOperationException">
    /// This process is a daemon, or its program did not begin with
    /// <see cref="ProcessEntry.Run(System.Text.Json.Serialization.JsonSerializerContext[])"/>.
    /// </exception>
    /// <exception cref="IOException">The system did not start a worker. None is left.</exception>
    public ProcessPool(int? workers = null, ProcessPoolOptions? options = null)
    {
        options ??= new();
        var size = workers ?? Environment.ProcessorCount;
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1, nameof(workers));
        if (options.MaxTasksPerChild is { } most) ArgumentOutOfRangeException.ThrowIfLessThan(most, 1, nameof(options.MaxTasksPerChild));
        ArgumentOutOfRangeException.ThrowIfNegative(options.Retries);
        ArgumentOutOfRangeException.ThrowIfNegative(options.Spares);

        var initializer = options.Initializer is null ? null : Target.Check(options.Initializer);
        if (initializer is null && options.InitializerArguments.Count > 0)
            throw new ArgumentException("There are arguments for an initialiser, and there is no initialiser.", nameof(options));
        var start = initializer is null ? null
            : new WorkerStart(initializer, Target.Bind(initializer, [.. options.InitializerArguments], new Dictionary<string, object?>()));

        _pool = new(size, start, options);
        _backlog = _pool.Backlog;
    }

    /// <summary>
    /// The process ids of the workers; one that has just been lost is among them until another has taken its place. None when all have
    /// ended.
    /// </summary>
    public IReadOnlyList<int> WorkerIds => _pool.WorkerIds;

    /// <summary>Runs the target for every input, and waits for all.</summary>
    /// <param name="target">What to run.</param>
    /// <param name="inputs">They are read to the end before anything runs.</param>
    /// <param name="chunkSize">
    /// How many tasks go to a worker at a time. Unless given, so many that each worker gets four chunks: ceil(inputs / (4 × workers)).
    /// </param>
    /// <returns>The results, in the order of the inputs.</returns>
    /// <exception cref="ArgumentException">The target cannot run in another process.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The chunk size is less than 1.</exception>
    /// <exception cref="NotSupportedException">No context knows how to write an argument or the result.</exception>
    /// <exception cref="InvalidOperationException">The pool is closed, or broken because no worker can be had.</exception>
    /// <exception cref="Exception">What the first task, in the order of the inputs, failed with: after all tasks have run.</exception>
    public TOut[] Map<T, TOut>(Func<T, TOut> target, IEnumerable<T> inputs, int? chunkSize = null) =>
        MapAsync(target, inputs, chunkSize).GetAwaiter().GetResult();

    /// <summary>As <see cref="Map"/>, without waiting.</summary>
    /// <param name="target">What to run.</param>
    /// <param name="inputs">They are read to the end before anything runs.</param>
    /// <param name="chunkSize">How many tasks go to a worker at a time.</param>
    /// <param name="callback">Called once with all results, before the task is complete. What it throws, the task fails with.</param>
    /// <param name="errorCallback">Called once with the failure, in its stead.</param>
    /// <inheritdoc cref="Map"/>
    public Task<TOut[]> MapAsync<T, TOut>(
        Func<T, TOut> target, IEnumerable<T> inputs, int? chunkSize = null,
        Action<TOut[]>? callback = null, Action<Exception>? errorCallback = null) =>
        RunAll(One(target), inputs, chunkSize, callback, errorCallback);

    /// <summary>As <see cref="Map"/>, for a target with two parameters.</summary>
    /// <inheritdoc cref="Map"/>
    public TOut[] StarMap<T1, T2, TOut>(Func<T1, T2, TOut> target, IEnumerable<(T1, T2)> inputs, int? chunkSize = null) =>
        StarMapAsync(target, inputs, chunkSize).GetAwaiter().GetResult();

    /// <summary>As <see cref="Map"/>, for a target with three parameters.</summary>
    /// <inheritdoc cref="Map"/>
    public TOut[] StarMap<T1, T2, T3, TOut>(Func<T1, T2, T3, TOut> target, IEnumerable<(T1, T2, T3)> inputs, int? chunkSize = null) =>
        StarMapAsync(target, inputs, chunkSize).GetAwaiter().GetResult();

    /// <summary>As <see cref="MapAsync"/>, for a target with two parameters.</summary>
    /// <inheritdoc cref="MapAsync"/>
    public Task<TOut[]> StarMapAsync<T1, T2, TOut>(
        Func<T1, T2, TOut> target, IEnumerable<(T1, T2)> inputs, int? chunkSize = null,
        Action<TOut[]>? callback = null, Action<Exception>? errorCallback = null) =>
        RunAll(Two(target), inputs, chunkSize, callback, errorCallback);

    /// <summary>As <see cref="MapAsync"/>, for a target with three parameters.</summary>
    /// <inheritdoc cref="MapAsync"/>
    public Task<TOut[]> StarMapAsync<T1, T2, T3, TOut>(
        Func<T1, T2, T3, TOut> target, IEnumerable<(T1, T2, T3)> inputs, int? chunkSize = null,
        Action<TOut[]>? callback = null, Action<Exception>? errorCallback = null) =>
        RunAll(Three(target), inputs, chunkSize, callback, errorCallback);

    /// <summary>
    /// Runs the target for every input, and gives the results in the order of the inputs as they are asked for. Inputs are read meanwhile,
    /// sixteen chunks for each worker ahead, so there may be any number of them.
    /// </summary>
    /// <param name="target">What to run.</param>
    /// <param name="inputs">Where they fail, the results of all whole chunks before come first, and then that failure.</param>
    /// <param name="chunkSize">How many tasks go to a worker at a time. More than one is faster where tasks are short.</param>
    /// <returns>
    /// Every enumeration runs the tasks anew, and begins when its first result is asked for. A failed task ends it. One that has begun goes
    /// on to its end when the pool is closed, and <see cref="Join()"/> waits for it; one that is left early lets go of what has not begun.
    /// Enumerating throws <see cref="InvalidOperationException"/> where the pool was closed before it began, or no worker can be had.
    /// </returns>
    /// <exception cref="ArgumentException">The target cannot run in another process.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The chunk size is less than 1.</exception>
    /// <exception cref="NotSupportedException">No context knows how to write an argument or the result.</exception>
    public IEnumerable<TOut> IMap<T, TOut>(Func<T, TOut> target, IEnumerable<T> inputs, int chunkSize = 1) =>
        Stream(One(target), inputs, chunkSize, isOrdered: true);

    /// <summary>As <see cref="IMap"/>, with the results in the order in which they come.</summary>
    /// <inheritdoc cref="IMap"/>
    public IEnumerable<TOut> IMapUnordered<T, TOut>(Func<T, TOut> target, IEnumerable<T> inputs, int chunkSize = 1) =>
        Stream(One(target), inputs, chunkSize, isOrdered: false);

    /// <summary>Runs the target once, in some worker, and waits for it.</summary>
    /// <returns>Its result.</returns>
    /// <exception cref="ArgumentException">The target cannot run in another process.</exception>
    /// <exception cref="NotSupportedException">No context knows how to write an argument or the result.</exception>
    /// <exception cref="InvalidOperationException">The pool is closed, or broken because no worker can be had.</exception>
    /// <exception cref="Exception">What it failed with.</exception>
    public TOut Apply<TOut>(Func<TOut> target) => ApplyAsync(target).GetAwaiter().GetResult();

    /// <inheritdoc cref="Apply{TOut}(Func{TOut})"/>
    public TOut Apply<T, TOut>(Func<T, TOut> target, T argument) => ApplyAsync(target, argument).GetAwaiter().GetResult();

    /// <inheritdoc cref="Apply{TOut}(Func{TOut})"/>
    public TOut Apply<T1, T2, TOut>(Func<T1, T2, TOut> target, T1 first, T2 second) =>
        ApplyAsync(target, first, second).GetAwaiter().GetResult();

    /// <inheritdoc cref="Apply{TOut}(Func{TOut})"/>
    public TOut Apply<T1, T2, T3, TOut>(Func<T1, T2, T3, TOut> target, T1 first, T2 second, T3 third) =>
        ApplyAsync(target, first, second, third).GetAwaiter().GetResult();

    /// <summary>Runs the target once, in some worker.</summary>
    /// <param name="target">What to run.</param>
    /// <param name="callback">Called once with the result, before the task is complete. What it throws, the task fails with.</param>
    /// <param name="errorCallback">Called once with the failure, in its stead.</param>
    /// <inheritdoc cref="Apply{TOut}(Func{TOut})"/>
    public Task<TOut> ApplyAsync<TOut>(Func<TOut> target, Action<TOut>? callback = null, Action<Exception>? errorCallback = null) =>
        Run(Call<Nothing, TOut>.To(target, _ => Wires.None, typeof(TOut)), default, callback, errorCallback);

    /// <inheritdoc cref="ApplyAsync{TOut}(Func{TOut}, Action{TOut}, Action{Exception})"/>
    public Task<TOut> ApplyAsync<T, TOut>(
        Func<T, TOut> target, T argument, Action<TOut>? callback = null, Action<Exception>? errorCallback = null) =>
        Run(One(target), argument, callback, errorCallback);

    /// <inheritdoc cref="ApplyAsync{TOut}(Func{TOut}, Action{TOut}, Action{Exception})"/>
    public Task<TOut> ApplyAsync<T1, T2, TOut>(
        Func<T1, T2, TOut> target, T1 first, T2 second, Action<TOut>? callback = null, Action<Exception>? errorCallback = null) =>
        Run(Two(target), (first, second), callback, errorCallback);

    /// <inheritdoc cref="ApplyAsync{TOut}(Func{TOut}, Action{TOut}, Action{Exception})"/>
    public Task<TOut> ApplyAsync<T1, T2, T3, TOut>(
        Func<T1, T2, T3, TOut> target, T1 first, T2 second, T3 third,
        Action<TOut>? callback = null, Action<Exception>? errorCallback = null) =>
        Run(Three(target), (first, second, third), callback, errorCallback);

    /// <summary>Runs a target without a result once, in some worker. To wait for it, wait for the task.</summary>
    /// <exception cref="ArgumentException">The target cannot run in another process.</exception>
    /// <exception cref="NotSupportedException">No context knows how to write an argument.</exception>
    /// <exception cref="InvalidOperationException">The pool is closed, or broken because no worker can be had.</exception>
    public Task ApplyAsync(Action target) => Run(Call<Nothing, Nothing>.To(target, _ => Wires.None, typeof(void)), default);

    /// <inheritdoc cref="ApplyAsync(Action)"/>
    public Task ApplyAsync<T>(Action<T> target, T argument) =>
        Run(Call<T, Nothing>.To(target, Wires.One<T>, typeof(T), typeof(void)), argument);

    /// <inheritdoc cref="ApplyAsync(Action)"/>
    public Task ApplyAsync<T1, T2>(Action<T1, T2> target, T1 first, T2 second) =>
        Run(Call<(T1, T2), Nothing>.To(target, Wires.Two<T1, T2>, typeof(T1), typeof(T2), typeof(void)), (first, second));

    /// <inheritdoc cref="ApplyAsync(Action)"/>
    public Task ApplyAsync<T1, T2, T3>(Action<T1, T2, T3> target, T1 first, T2 second, T3 third) =>
        Run(
            Call<(T1, T2, T3), Nothing>.To(target, Wires.Three<T1, T2, T3>, typeof(T1), typeof(T2), typeof(T3), typeof(void)),
            (first, second, third));

    /// <summary>Takes no more tasks. What was given runs to its end; then the workers end. Again is harmless.</summary>
    public void Close() => _backlog.Close();

    /// <summary>
    /// Ends the workers, whatever they are at: by SIGTERM, those that handle it two seconds later by SIGKILL. Tasks that have not ended
    /// fail with <see cref="OperationCanceledException"/>. Does not wait; again is harmless.
    /// </summary>
    public void Terminate()
    {
        _backlog.Terminate();
        _pool.Crew.Terminate();
    }

    /// <summary>After <see cref="Close"/> or <see cref="Terminate"/>: waits until all workers have ended.</summary>
    /// <exception cref="InvalidOperationException">The pool is open.</exception>
    public void Join() => Join(Timeout.InfiniteTimeSpan);

    /// <summary>
    /// After <see cref="Close"/> or <see cref="Terminate"/>: waits until all workers have ended, but no longer than the time given.
    /// </summary>
    /// <returns>True when they have.</returns>
    /// <exception cref="InvalidOperationException">The pool is open.</exception>
    public bool Join(TimeSpan timeout)
    {
        if (!_backlog.IsClosed)
            throw new InvalidOperationException("Join: the pool is open, so its workers would not end. Close or terminate it first.");
        var limit = Deadline.After(timeout);
        return _pool.AllLeft.Wait(limit.Left) && _pool.Crew.Join(limit);
    }

    /// <summary>Terminates the pool, and waits until all workers have ended.</summary>
    public void Dispose()
    {
        Terminate();
        Join();
    }

    private static Call<T, TOut> One<T, TOut>(Func<T, TOut> target) => Call<T, TOut>.To(target, Wires.One<T>, typeof(T), typeof(TOut));

    private static Call<(T1, T2), TOut> Two<T1, T2, TOut>(Func<T1, T2, TOut> target) =>
        Call<(T1, T2), TOut>.To(target, Wires.Two<T1, T2>, typeof(T1), typeof(T2), typeof(TOut));

    private static Call<(T1, T2, T3), TOut> Three<T1, T2, T3, TOut>(Func<T1, T2, T3, TOut> target) =>
        Call<(T1, T2, T3), TOut>.To(target, Wires.Three<T1, T2, T3>, typeof(T1), typeof(T2), typeof(T3), typeof(TOut));

    private Task<TOut> Run<TIn, TOut>(
        Call<TIn, TOut> call, TIn input, Action<TOut>? callback = null, Action<Exception>? errorCallback = null)
    {
        var result = new PendingResult<TOut>(callback, errorCallback);
        Add(new Chunk<TIn, TOut>(call, new[] { input }, new TOut[1], Done) { Count = 1 }.Prepare());
        return result.Task;

        void Done(Chunk<TIn, TOut> done) => result.Complete(done.Results.Span[0], done.Failure);
    }

    private Task<TOut[]> RunAll<TIn, TOut>(
        Call<TIn, TOut> call, IEnumerable<TIn> inputs, int? chunkSize, Action<TOut[]>? callback, Action<Exception>? errorCallback)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (chunkSize is { } given) ArgumentOutOfRangeException.ThrowIfLessThan(given, 1, nameof(chunkSize));
        TIn[] all = [.. inputs];
        var size = Math.Max(chunkSize ?? AutomaticChunkSize(all.Length, _pool.Size, _pool.MaxTasks), 1);
        var results = new TOut[all.Length];
        var pending = new PendingResult<TOut[]>(callback, errorCallback);
        var (gate, left, failedAt, failure) = (new Lock(), (all.Length + size - 1) / size, int.MaxValue, (Exception?)null);
        var chunks = new Chunk[left];
        for (var i = 0; i < chunks.Length; i++)
        {
            var number = i;
            var (start, count) = (i * size, Math.Min(size, all.Length - (i * size)));
            var chunk = new Chunk<TIn, TOut>(call, all.AsMemory(start, count), results.AsMemory(start, count), Done) { Count = count };
            chunks[i] = chunk.Prepare();

            void Done(Chunk<TIn, TOut> done)
            {
                lock (gate)
                {
                    if (done.Failure is not null && number < failedAt) (failedAt, failure) = (number, done.Failure);
                    if (--left > 0) return;
                }

                pending.Complete(results, failure);
            }
        }

        Add(chunks);
        if (chunks.Length == 0) pending.Complete(results, null);
        return pending.Task;
    }

    private void Add(params Chunk[] chunks)
    {
        try
        {
            _backlog.Add(chunks);
        }
        catch
        {
            foreach (var chunk in chunks) chunk.Drop();
            throw;
        }
    }

    private ResultStream<TIn, TOut> Stream<TIn, TOut>(Call<TIn, TOut> call, IEnumerable<TIn> inputs, int chunkSize, bool isOrdered)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentOutOfRangeException.ThrowIfLessThan(chunkSize, 1);
        return new(_pool, call, inputs, chunkSize, isOrdered);
    }

    internal static int AutomaticChunkSize(int tasks, int workers, int? tasksPerChild)
    {
        var chunks = (long)workers * ChunksPerWorker;
        return Math.Min((int)((tasks + chunks - 1) / chunks), tasksPerChild ?? int.MaxValue);
    }
}
