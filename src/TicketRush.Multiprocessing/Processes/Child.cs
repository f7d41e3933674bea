using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing.Processes;

/// <summary>A started child, from the parent's side: its descriptor, its end of the control socket, and how it ended.</summary>
internal sealed class Child : IDisposable
{
    /// <summary>How long the end of a child may wait for what it held to be cleared up; then that goes on beside.</summary>
    private static readonly TimeSpan SweepMost = TimeSpan.FromMilliseconds(100), SweepPauseMost = TimeSpan.FromMinutes(1);

    private const int YieldsMost = 50;

    private readonly Lock _gate = new();
    private readonly SafeFileHandle _control;
    private readonly ManualResetEvent _ended = new(initialState: false);
    private readonly TaskCompletionSource _ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private SharedObject[] _kept;
    private bool _hasEntered;
    private int? _exitCode;

    /// <param name="id">Its process id.</param>
    /// <param name="descriptor">The process's.</param>
    /// <param name="control">This end of the socket.</param>
    /// <param name="kept">Handles on what it was given, to be disposed of when it has its own.</param>
    public Child(int id, SafeFileHandle descriptor, SafeFileHandle control, SharedObject[] kept)
    {
        (Id, Descriptor, _control, _kept) = (id, descriptor, control, kept);
        if (kept.Length > 0) Starter.Watch(control, Hear);
        Starter.Watch(descriptor, () => CheckEnded());
    }

    public int Id { get; }

    /// <summary>Readable when the child has ended.</summary>
    public SafeFileHandle Descriptor { get; }

    /// <summary>Signalled when the child has ended.</summary>
    public WaitHandle Ended => _ended;

    public Task Ending => _ending.Task;

    /// <summary>It came as far as the entry call.</summary>
    public bool HasEntered => _hasEntered;

    /// <summary>Null while it runs.</summary>
    public int? ExitCode => CheckEnded() ? _exitCode : null;

    /// <summary>
    /// Whether it has ended. Whoever finds that out first takes the exit status: the thread that watches, or a caller who saw the
    /// descriptor readable before that thread came to it.
    /// </summary>
    public bool CheckEnded()
    {
        lock (_gate)
        {
            if (_exitCode is not null) return true;
            if (Descriptors.Poll([new((int)Descriptor.DangerousGetHandle(), Descriptors.Readable)], 0) == 0) return false;

            // Before anybody is told, and while its id still means nobody else.
            Sweep();
            var exitCode = Programs.Reap(Descriptor);
            Launch.Hear(_control, ref _hasEntered);
            _control.Dispose();
            LetGo();
            _exitCode = exitCode;

            // Still in the lock: whoever sees the exit code may dispose of the event.
            _ended.Set();
            _ending.SetResult();
            return true;
        }
    }

    public bool Join(TimeSpan timeout)
    {
        if (CheckEnded()) return true;
        if (timeout != Timeout.InfiniteTimeSpan && timeout <= TimeSpan.Zero) return false;

        // A wait handle takes no more than 2^31 - 1 ms at once.
        var start = Stopwatch.GetTimestamp();
        var most = TimeSpan.FromMilliseconds(int.MaxValue);
        while (true)
        {
            var left = timeout == Timeout.InfiniteTimeSpan ? timeout : timeout - Stopwatch.GetElapsedTime(start);
            if (timeout != Timeout.InfiniteTimeSpan && left <= TimeSpan.Zero) return CheckEnded();
            if (_ended.WaitOne(left > most ? most : left)) return true;
        }
    }

    public void Signal(int signal)
    {
        lock (_gate)
            if (_exitCode is null) Programs.Signal(Descriptor, signal);
    }

    private void Hear()
    {
        lock (_gate)
        {
            if (_exitCode is not null) return;
            if (Launch.Hear(_control, ref _hasEntered)) Starter.Watch(_control, Hear);
            else LetGo();
        }
    }

    private void LetGo()
    {
        foreach (var shared in _kept) shared.Dispose();
        _kept = [];
    }

    // Whoever waits for something that it held need not find out for himself, which takes up to a slice of sleep.
    private void Sweep()
    {
        if (!Arena.Exists) return;
        var arena = Arena.Current;
        var owner = arena.Slots.Find(Id);
        if (owner.IsNone) return;

        // Somebody else may be at it at this moment, and will be done soon, or die and leave it to the next who looks.
        var deadline = Deadline.After(SweepMost);
        for (var tries = 0; !arena.Sweep(owner); tries++)
        {
            if (deadline.HasPassed)
            {
                _ = SweepLaterAsync(arena, owner);
                return;
            }

            if (tries < YieldsMost) Thread.Yield();
            else Thread.Sleep(1);
        }
    }

    // A process that is stopped in the midst of a change is in the way. Everybody who waits looks for himself meanwhile.
    private static async Task SweepLaterAsync(Arena arena, Owner owner)
    {
        for (var pause = SweepMost; pause < SweepPauseMost; pause *= 2)
        {
            await Task.Delay(pause).ConfigureAwait(false);
            if (arena.Sweep(owner)) return;
        }
    }

    public void Dispose()
    {
        lock (_gate) _ended.Dispose();
        Descriptor.Dispose();
    }
}
