using System.Reflection;
using System.Text.Json.Serialization;
using Microsoft.Win32.SafeHandles;
using TicketRush.Multiprocessing.Native;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing;

/// <summary>
/// Work that runs in a process of its own: a static method with its arguments, or a subclass that overrides <see cref="Run"/>.
/// <code>
/// using var worker = new ChildProcess(Count, 1_000_000) { Name = "counter", Daemon = true };
/// worker.Start();
/// if (!worker.Join(TimeSpan.FromSeconds(10))) worker.Kill();
/// Console.WriteLine(worker.ExitCode);
/// </code>
/// <para>
/// The child is this program started again, and shares nothing with its parent but what it gets as arguments: a copy of each, as JSON,
/// except for what this library shares between processes. The program has to begin with
/// <see cref="ProcessEntry.Run(JsonSerializerContext[])"/>.
/// A subclass travels like an argument, with its own properties; it needs a [JsonSerializable] entry in one of the program's contexts.
/// </para>
/// <para>
/// When this process ends in order, it terminates its daemons and then waits for its other children. When it is killed, the daemons die
/// with it and the others go on.
/// </para>
/// </summary>
public class ChildProcess : IDisposable
{
    private static int _count;

    private readonly MethodInfo? _target;
    private readonly object?[] _positional = [];
    private readonly Lock _gate = new();
    private int[] _identity;
    private string? _name;
    private bool _daemon;
    private byte[]? _authKey;
    private volatile Child? _child;
    private bool _isHere, _isClosed;

    /// <summary>A process that runs a method.</summary>
    /// <param name="target">
    /// A static method, or a lambda that captures nothing. It may return a task, which is waited for. An int, as from Main, is the exit
    /// code; any other result is dropped.
    /// </param>
    /// <param name="arguments">What it is called with. Others can be given by name (<see cref="Named"/>) or left to their defaults.</param>
    /// <exception cref="ArgumentException">It cannot run in another process, or has fewer parameters than there are arguments.</exception>
    public ChildProcess(Delegate target, params object?[]? arguments)
        : this()
    {
        _target = Target.Check(target);
        _positional = arguments ?? [null];
        var most = _target.GetParameters().Length;
        if (_positional.Length > most)
            throw new ArgumentException($"{_target.Name} takes {most} arguments, and {_positional.Length} were given.", nameof(arguments));
    }

    /// <summary>A process whose work is in an override of <see cref="Run"/>.</summary>
    protected ChildProcess()
    {
        _identity = [.. CurrentProcess.Identity, Interlocked.Increment(ref _count)];
        _daemon = CurrentProcess.IsDaemon;
    }

    /// <summary>
    /// What it is called in messages: the type's name with a number, "ChildProcess-1", and for a child of a child "ChildProcess-1:2", until
    /// it is given another.
    /// </summary>
    /// <exception cref="ArgumentException">The name is null or empty.</exception>
    [JsonIgnore]
    public string Name
    {
        get => Open(_name ?? $"{GetType().Name}-{string.Join(':', _identity)}");
        set
        {
            ArgumentException.ThrowIfNullOrEmpty(value);
            _name = Open(value);
        }
    }

    /// <summary>
    /// A daemon is terminated when its parent ends, dies with a parent that is killed, and may not have children. A child is one unless
    /// told otherwise if its parent is one (which then could not start it).
    /// </summary>
    /// <exception cref="InvalidOperationException">It is set after the start.</exception>
    [JsonIgnore]
    public bool Daemon
    {
        get => Open(_daemon);
        set
        {
            if (Open(_child) is not null || _isHere)
                throw Misuse(nameof(Daemon), "it has been started, and is a daemon from the start or never.");
            _daemon = value;
        }
    }

    /// <summary>The child's <see cref="CurrentProcess.AuthKey"/>: this process's, unless another is set before the start.</summary>
    [JsonIgnore]
    public byte[] AuthKey
    {
        get => Open(_authKey is { } key ? [.. key] : CurrentProcess.AuthKey);
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            _authKey = Open<byte[]>([.. value]);
        }
    }

    /// <summary>Arguments by the name of their parameter; to be filled before the start.</summary>
    [JsonIgnore]
    public Dictionary<string, object?> Named { get; } = [];

    /// <summary>The process id; null before the start.</summary>
    [JsonIgnore]
    public int? Pid => Open(_isHere ? CurrentProcess.Pid : _child?.Id);

    /// <summary>
    /// Null while it has not ended. Otherwise what it exited with, or, if a signal ended it, the signal's number as a negative one: -9 was
    /// killed, 137 has exited with 137.
    /// </summary>
    [JsonIgnore]
    public int? ExitCode => Open(_child)?.ExitCode;

    /// <summary>It has been started and has not ended. A stopped process is alive.</summary>
    [JsonIgnore]
    public bool IsAlive => Open(_isHere || _child is { } child && !child.CheckEnded());

    /// <summary>Signalled when the process has ended: to wait for it together with others. It belongs to this object.</summary>
    /// <exception cref="InvalidOperationException">It has not been started.</exception>
    [JsonIgnore]
    public WaitHandle Sentinel => StartedChild(nameof(Sentinel)).Ended;

    /// <summary>Readable when the process has ended.</summary>
    internal SafeFileHandle SentinelDescriptor => StartedChild(nameof(Sentinel)).Descriptor;

    internal bool HasEnded => _child is { } child && child.CheckEnded();

    /// <summary>The children of this process that run, in the order in which they were started.</summary>
    public static IReadOnlyList<ChildProcess> ActiveChildren() => Children.Active();

    /// <summary>
    /// What the process does. A subclass overrides it. Called directly, it runs here, in the caller's process.
    /// </summary>
    public virtual void Run()
    {
        if (_target is not null) Target.Invoke(_target, Target.Bind(_target, _positional, Named));
    }

    /// <summary>Starts the process, and does not wait until it is under way: about 40 ms later it is.</summary>
    /// <exception cref="InvalidOperationException">
    /// It has been started before; or this process is a daemon, or its program did not begin with
    /// <see cref="ProcessEntry.Run(JsonSerializerContext[])"/>.
    /// </exception>
    /// <exception cref="ArgumentException">The arguments do not fit the target.</exception>
    /// <exception cref="NotSupportedException">An argument's type is one that no context knows how to write.</exception>
    /// <exception cref="IOException">The system did not start it.</exception>
    public void Start()
    {
        lock (_gate)
        {
            if (Open(_child) is not null || _isHere) throw Misuse(nameof(Start), "it has been started before; a process is started once.");
            ProcessEntry.DemandCalled();
            if (CurrentProcess.IsDaemon) throw Misuse(nameof(Start), "daemonic processes are not allowed to have children.");
            _child = new Launch
            {
                ParentId = CurrentProcess.Pid,
                ParentName = CurrentProcess.Name,
                Name = Name,
                IsDaemon = _daemon,
                Identity = _identity,
                AuthKey = AuthKey,
                Target = (MemberInfo?)_target ?? GetType(),
                Arguments = _target is null ? [this] : Target.Bind(_target, _positional, Named),
            }.Start();
        }

        Children.Add(this);
    }

    /// <summary>Waits until the process has ended. How it ended is in <see cref="ExitCode"/>.</summary>
    /// <exception cref="InvalidOperationException">
    /// It has not been started; or it ended without having come to ProcessEntry.Run, so that its target never ran.
    /// </exception>
    public void Join() => Join(Timeout.InfiniteTimeSpan);

    /// <summary>Waits until the process has ended, but no longer than the time given.</summary>
    /// <param name="timeout">Zero and less only look; <see cref="Timeout.InfiniteTimeSpan"/> waits without limit.</param>
    /// <returns>True when it has ended.</returns>
    /// <exception cref="InvalidOperationException">
    /// It has not been started; or it ended without having come to ProcessEntry.Run, so that its target never ran.
    /// </exception>
    public bool Join(TimeSpan timeout)
    {
        var child = StartedChild(nameof(Join));
        return child.Join(timeout) && CheckEntered(child);
    }

    /// <summary>Waits until the process has ended.</summary>
    /// <param name="cancellation">Ends the waiting, not the process.</param>
    /// <returns>A task that is complete when the process has ended.</returns>
    /// <exception cref="OperationCanceledException">The waiting was cancelled.</exception>
    /// <exception cref="InvalidOperationException">
    /// It has not been started; or it ended without having come to ProcessEntry.Run, so that its target never ran.
    /// </exception>
    public async Task JoinAsync(CancellationToken cancellation = default)
    {
        var child = StartedChild(nameof(JoinAsync));
        await child.Ending.WaitAsync(cancellation).ConfigureAwait(false);
        CheckEntered(child);
    }

    /// <summary>
    /// Asks it to end, by SIGTERM: it ends at once unless it handles that signal. Its own daemons die with it, its other children go on.
    /// Nothing happens when it has ended.
    /// </summary>
    /// <exception cref="InvalidOperationException">It has not been started.</exception>
    public void Terminate() => StartedChild(nameof(Terminate)).Signal(Programs.Terminate);

    /// <summary>Ends it, by SIGKILL, even when it is stopped. Its own daemons die with it. Nothing happens when it has ended.</summary>
    /// <exception cref="InvalidOperationException">It has not been started.</exception>
    public void Kill() => StartedChild(nameof(Kill)).Signal(Programs.Kill);

    /// <summary>
    /// Gives back what the object holds of the system. Afterwards every member says that it is closed; closing it again does nothing.
    /// </summary>
    /// <exception cref="InvalidOperationException">It runs.</exception>
    public void Close()
    {
        lock (_gate)
        {
            if (_isClosed) return;
            if (IsAlive) throw Misuse(nameof(Close), "it is still running. Terminate, kill or join it first.");
            _isClosed = true;
            _child?.Dispose();
        }
    }

    /// <summary>Closes the object if the process has ended. One that runs goes on, and the object with it.</summary>
    public void Dispose()
    {
        lock (_gate)
            if (_isClosed || !IsAlive) Close();
        GC.SuppressFinalize(this);
    }

    /// <summary>In the child: the object is the process that it stands for.</summary>
    internal void Become(Launch launch)
    {
        (_isHere, _name, _daemon, _identity) = (true, launch.Name, launch.IsDaemon, launch.Identity);

        // Its own children are counted from one.
        _count = 0;
    }

    internal void Signal(int signal) => _child?.Signal(signal);

    internal bool Wait(TimeSpan timeout) => _child is not { } child || child.Join(timeout);

    private T Open<T>(T value) => !_isClosed ? value : throw new ObjectDisposedException(GetType().Name, "The process object is closed.");

    private Child StartedChild(string call)
    {
        if (_isHere) throw Misuse(call, "it is the process that is running here.");
        return Open(_child) ?? throw Misuse(call, "it has not been started.");
    }

    private bool CheckEntered(Child child)
    {
        if (child.HasEntered || child.ExitCode is not >= 0) return true;
        throw Misuse(nameof(Join),
            $"its program ended with exit code {child.ExitCode} and never came to ProcessEntry.Run, so the target did not run. "
            + "Main has to call it first thing, whatever the arguments and the environment are.");
    }

    private InvalidOperationException Misuse(string call, string why) => new($"{call}: process {Name}: {why}");
}
