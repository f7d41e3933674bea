using Microsoft.Win32.SafeHandles;
using TicketRush.Multiprocessing.Native;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing;

/// <summary>The process that started this one, as seen from here: <see cref="CurrentProcess.Parent"/>.</summary>
public sealed class ParentProcess
{
    private readonly SafeFileHandle? _descriptor;
    private readonly Lazy<ManualResetEvent> _ended;

    internal ParentProcess(int id, string name)
    {
        (Pid, Name) = (id, name);
        _ended = new(Watch);
        try
        {
            _descriptor = Programs.Open(id);
        }
        catch (IOException)
        {
            // It has ended, and its id means nothing.
        }

        // A process that has lost its parent is given another: if it is still this one, so is what was opened.
        if (Programs.ParentId() == id) return;
        _descriptor?.Dispose();
        _descriptor = null;
    }

    /// <summary>Its process id.</summary>
    public int Pid { get; }

    /// <summary>What it was called when it started this process.</summary>
    public string Name { get; }

    /// <summary>It runs, or is stopped.</summary>
    public bool IsAlive => !Join(TimeSpan.Zero);

    /// <summary>Signalled when it has ended. Do not dispose of it.</summary>
    public WaitHandle Sentinel => _ended.Value;

    /// <summary>Readable when it has ended. Null if it had before this process began.</summary>
    internal SafeFileHandle? SentinelDescriptor => _descriptor;

    /// <summary>Waits until it has ended.</summary>
    public void Join() => Join(Timeout.InfiniteTimeSpan);

    /// <summary>Waits until it has ended, but no longer than the time given.</summary>
    /// <param name="timeout">Zero and less only look; <see cref="Timeout.InfiniteTimeSpan"/> waits without limit.</param>
    /// <returns>True when it has ended.</returns>
    public bool Join(TimeSpan timeout)
    {
        if (_descriptor is null) return true;
        var milliseconds = timeout == Timeout.InfiniteTimeSpan
            ? -1 : (int)Math.Clamp(Math.Ceiling(timeout.TotalMilliseconds), 0, int.MaxValue);
        return Descriptors.Poll([new((int)_descriptor.DangerousGetHandle(), Descriptors.Readable)], milliseconds) > 0;
    }

    private ManualResetEvent Watch()
    {
        var ended = new ManualResetEvent(_descriptor is null);
        if (_descriptor is not null) Starter.Watch(_descriptor, () => ended.Set());
        return ended;
    }
}
