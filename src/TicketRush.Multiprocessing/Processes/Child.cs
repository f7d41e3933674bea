using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing.Processes;

/// <summary>A started child, from the parent's side: its descriptor, its end of the control socket, and how it ended.</summary>
internal sealed class Child : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SafeFileHandle _control;
    private readonly ManualResetEvent _ended = new(initialState: false);
    private readonly TaskCompletionSource _ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int? _exitCode;

    public Child(int id, SafeFileHandle descriptor, SafeFileHandle control)
    {
        (Id, Descriptor, _control) = (id, descriptor, control);
        Starter.Watch(descriptor, () => CheckEnded());
    }

    /// <summary>Once, right after it has ended and before anybody who waits for that is told.</summary>
    public static Action<int>? Swept { get; set; }

    public int Id { get; }

    /// <summary>Readable when the child has ended.</summary>
    public SafeFileHandle Descriptor { get; }

    /// <summary>Signalled when the child has ended.</summary>
    public WaitHandle Ended => _ended;

    public Task Ending => _ending.Task;

    /// <summary>It came as far as the entry call.</summary>
    public bool HasEntered { get; private set; }

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

            // Its id still means it here: what it held in shared memory is found by that.
            Swept?.Invoke(Id);
            if (!Programs.TryReap(Descriptor, out var exitCode)) return false;
            HasEntered = Launch.HasEntered(_control);
            _control.Dispose();
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

    public void Dispose()
    {
        lock (_gate) _ended.Dispose();
        Descriptor.Dispose();
    }
}
