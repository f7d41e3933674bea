using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing.Connections;

/// <summary>
/// What ends a thread's wait for descriptors from within this process: a token that is cancelled, a connection that is closed, a
/// <see cref="WaitHandle"/> that is set. Closing a descriptor does not wake those who poll it, and shutting the socket down would also end
/// it for the other processes that have the same end open. They are lent out, so there are only as many as there ever were blocked threads.
/// </summary>
internal sealed class Wakeup : IDisposable
{
    private static readonly ConcurrentBag<Wakeup> Idle = [];

    private readonly SafeFileHandle _event = SocketCalls.NewEvent();

    public static Wakeup Rent() => Idle.TryTake(out var wakeup) ? wakeup : new();

    /// <summary>Nobody may call <see cref="Signal"/> any more: the next to rent it would be woken for nothing.</summary>
    public void Return()
    {
        SocketCalls.ResetEvent(_event);
        Idle.Add(this);
    }

    public void Signal() => SocketCalls.SetEvent(_event);

    public void Reset() => SocketCalls.ResetEvent(_event);

    /// <summary>Of one that was made and not rented. Nobody may call <see cref="Signal"/> any more.</summary>
    public void Dispose() => _event.Dispose();

    /// <summary>
    /// Waits until one of the handles is ready, the time is over or <see cref="Signal"/> was called; <paramref name="seen"/> is then what
    /// each of them has to tell, 0 for nothing.
    /// </summary>
    /// <returns>Whether one of the handles is ready.</returns>
    public bool Wait(ReadOnlySpan<SafeHandle> handles, short what, Deadline deadline, Span<short> seen)
    {
        var count = handles.Length + 1;
        var watched = count <= 16 ? stackalloc Descriptors.Watched[count] : new Descriptors.Watched[count];
        var held = 0;
        var heldEvent = false;
        try
        {
            // Held until the poll is over, so that a number cannot come to mean another file meanwhile.
            for (; held < handles.Length; held++)
            {
                var added = false;
                handles[held].DangerousAddRef(ref added);
                watched[held] = new((int)handles[held].DangerousGetHandle(), what);
            }

            _event.DangerousAddRef(ref heldEvent);
            watched[held] = new((int)_event.DangerousGetHandle(), Descriptors.Readable);
            while (true)
            {
                if (Descriptors.Poll(watched, deadline.MillisecondsLeft) == 0 && !deadline.HasPassed) continue;

                var any = false;
                for (var i = 0; i < handles.Length; i++)
                {
                    seen[i] = watched[i].Happened;
                    any |= seen[i] != 0;
                    if ((seen[i] & Descriptors.Invalid) != 0) throw new ObjectDisposedException(null, "A descriptor waited for is closed.");
                }

                return any;
            }
        }
        finally
        {
            if (heldEvent) _event.DangerousRelease();
            while (held > 0) handles[--held].DangerousRelease();
        }
    }

    /// <summary>Waits for one handle; a token that is cancelled ends the wait with false.</summary>
    public static bool Wait(SafeHandle handle, short what, Deadline deadline, CancellationToken stop, CancellationToken closing)
    {
        var wakeup = Rent();
        try
        {
            using var onStop = stop.UnsafeRegister(static w => ((Wakeup)w!).Signal(), wakeup);
            using var onClosing = closing.UnsafeRegister(static w => ((Wakeup)w!).Signal(), wakeup);
            short seen = 0;
            return wakeup.Wait([handle], what, deadline, new(ref seen));
        }
        finally
        {
            wakeup.Return();
        }
    }
}
