using System.Net.Sockets;
using System.Runtime.InteropServices;
using TicketRush.Multiprocessing.Connections;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>Waits for several things at once.</summary>
public static class Waiter
{
    /// <summary>Waits until at least one of the objects is ready, and names all that are.</summary>
    /// <param name="objects">
    /// Any mixture of: <see cref="Connection"/> and <see cref="Socket"/>, ready when there is something to receive, or the end, or for a
    /// listening socket a client; <see cref="ChildProcess"/>, ready when it has ended; <see cref="SafeHandle"/>, any descriptor that can be
    /// polled, ready when readable; <see cref="WaitHandle"/> (a child's sentinel is one), ready when set, and taken when it is one that
    /// can be taken (an event that resets itself, a semaphore; a mutex cannot be waited for here, for it would belong to another thread).
    /// </param>
    /// <param name="timeout">Zero and negative spans only look; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <param name="stop">Ends the wait.</param>
    /// <returns>Those that are ready, in the order given; none after the time.</returns>
    /// <exception cref="ArgumentException">An object is of another kind.</exception>
    /// <exception cref="ObjectDisposedException">An object is closed.</exception>
    public static IReadOnlyList<T> Wait<T>(IReadOnlyCollection<T> objects, TimeSpan timeout, CancellationToken stop = default)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(objects);
        SocketCalls.RequireLinux();
        stop.ThrowIfCancellationRequested();
        var deadline = Deadline.After(timeout);
        var all = objects.ToArray();
        var taken = new bool[all.Length];
        var (handles, owners, signals) = (new List<SafeHandle>(), new List<int>(), new List<(WaitHandle Handle, int Owner)>());
        for (var i = 0; i < all.Length; i++)
        {
            if (all[i] is Mutex) throw new ArgumentException("A Mutex cannot be waited for with others: another thread would own it.");
            if (((object)all[i] is ChildProcess child ? child.Sentinel : all[i] as WaitHandle) is { } signal)
            {
                signals.Add((signal, i));
                continue;
            }

            handles.Add(DescriptorOf(all[i]));
            owners.Add(i);
        }

        // Those that are set already are found without asking the thread pool for anything.
        var ready = false;
        foreach (var (signal, owner) in signals) ready |= taken[owner] = signal.WaitOne(0);
        if (ready) deadline = Deadline.After(TimeSpan.Zero);

        var seen = new short[handles.Count];
        using (var registrations = new Registrations())
        {
            if (!ready && !deadline.HasPassed)
            {
                foreach (var (signal, owner) in signals) registrations.Add(signal, () => Volatile.Write(ref taken[owner], true));
            }

            registrations.Wait(CollectionsMarshal.AsSpan(handles), deadline, seen, stop);
        }

        for (var i = 0; i < seen.Length; i++) taken[owners[i]] = seen[i] != 0;
        if (!taken.Contains(true)) stop.ThrowIfCancellationRequested();
        return [.. all.Where((_, i) => taken[i])];
    }

    private static SafeHandle DescriptorOf(object waited) => waited switch
    {
        Connection connection => connection.Readable
            ? connection.Handle
            : throw new ArgumentException("A connection that only sends, or can receive nothing more, has nothing to wait for."),
        Socket socket => socket.SafeHandle,
        SafeHandle handle => handle,
        _ => throw new ArgumentException(
            $"A {waited?.GetType().Name ?? "null"} cannot be waited for; connections, sockets, children, descriptors, wait handles can."),
    };

    /// <summary>The wait handles that are being waited for by the thread pool, until the wait is over.</summary>
    private sealed class Registrations : IDisposable
    {
        private readonly Wakeup _wakeup = Wakeup.Rent();
        private readonly List<(RegisteredWaitHandle Registered, ManualResetEvent Gone)> _waits = [];

        public void Add(WaitHandle handle, Action set)
        {
            var registered = ThreadPool.RegisterWaitForSingleObject(
                handle,
                (_, _) =>
                {
                    set();
                    _wakeup.Signal();
                },
                null,
                Timeout.Infinite,
                executeOnlyOnce: true);
            _waits.Add((registered, new(false)));
        }

        public void Wait(ReadOnlySpan<SafeHandle> handles, Deadline deadline, Span<short> seen, CancellationToken stop)
        {
            using var onStop = stop.UnsafeRegister(static w => ((Wakeup)w!).Signal(), _wakeup);
            _wakeup.Wait(handles, Descriptors.Readable, deadline, seen);
        }

        public void Dispose()
        {
            // Until every callback is over: one that has taken a handle must be told of, and none may wake whoever rents the wakeup next.
            foreach (var (registered, gone) in _waits)
            {
                if (registered.Unregister(gone)) gone.WaitOne();
                gone.Dispose();
            }

            _wakeup.Return();
        }
    }
}
