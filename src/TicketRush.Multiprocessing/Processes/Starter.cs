using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using System.Runtime.InteropServices;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing.Processes;

/// <summary>
/// The one thread of a process that starts its children, and that waits for descriptors on everybody's behalf. It never ends: the kernel
/// takes the end of the thread that started a child for the death of the parent, and kills the daemons.
/// </summary>
internal static class Starter
{
    private static readonly ConcurrentQueue<Action> Requests = new();
    private static readonly List<(SafeHandle Descriptor, Action Ready)> Watches = [];

    [ThreadStatic]
    private static bool _isStarter;

    private static readonly (SafeFileHandle Bell, SafeFileHandle Ear) Wake = Begin();

    /// <summary>Does it on the thread, and waits until it is done.</summary>
    public static T Do<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Request(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception failure)
            {
                done.SetException(failure);
            }
        });
        return done.Task.GetAwaiter().GetResult();
    }

    /// <summary>Calls back on the thread, once, when the descriptor is readable or hung up; open until then, whoever closes it.</summary>
    public static void Watch(SafeHandle descriptor, Action ready)
    {
        var added = false;
        descriptor.DangerousAddRef(ref added);

        // The thread itself, called back, must not ring its own bell: when many others have rung, that waits for the thread to listen.
        if (_isStarter) Watches.Add((descriptor, ready));
        else Request(() => Watches.Add((descriptor, ready)));
    }

    private static void Request(Action action)
    {
        Requests.Enqueue(action);
        Descriptors.Send(Wake.Bell, [1], []);
    }

    private static (SafeFileHandle, SafeFileHandle) Begin()
    {
        var ends = Descriptors.Pair(packets: true);
        new Thread(() => Loop(ends.Item2), maxStackSize: 256 * 1024) { IsBackground = true, Name = "Child processes" }.Start();
        return ends;
    }

    private static void Loop(SafeFileHandle ear)
    {
        _isStarter = true;
        var watched = new Descriptors.Watched[1];
        Span<byte> heard = stackalloc byte[1];
        while (true)
        {
            Array.Resize(ref watched, 1 + Watches.Count);
            watched[0] = new((int)ear.DangerousGetHandle(), Descriptors.Readable);
            for (var i = 0; i < Watches.Count; i++)
                watched[i + 1] = new((int)Watches[i].Descriptor.DangerousGetHandle(), Descriptors.Readable);
            Descriptors.Poll(watched, -1);

            for (var i = Watches.Count - 1; i >= 0; i--)
            {
                if (watched[i + 1].Happened == 0) continue;
                var (descriptor, ready) = Watches[i];
                Watches.RemoveAt(i);
                ready();
                descriptor.DangerousRelease();
            }

            if (watched[0].Happened == 0) continue;
            Descriptors.Receive(ear, heard, out _);
            if (Requests.TryDequeue(out var request)) request();
        }
    }
}
