namespace TicketRush.Multiprocessing;

/// <summary>
/// Where asynchronous waits sleep. A wait on shared memory needs a thread that blocks in the kernel; these are the library's own, so
/// that a thousand waits do not take the thread pool from the program. One that had nothing to do for a while ends.
/// </summary>
internal static class WaiterThreads
{
    private static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(5);
    private static readonly Queue<Action> Work = [];
    private static int _idle;

    /// <summary>Runs a blocking wait; its result and its exception are the task's.</summary>
    public static Task<T> Run<T>(Func<T> wait)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Start(() =>
        {
            try
            {
                done.SetResult(wait());
            }
            catch (OperationCanceledException cancelled)
            {
                done.SetCanceled(cancelled.CancellationToken);
            }
            catch (Exception failure)
            {
                done.SetException(failure);
            }
        });
        return done.Task;
    }

    private static void Start(Action wait)
    {
        lock (Work)
        {
            Work.Enqueue(wait);
            if (Work.Count <= _idle)
            {
                Monitor.Pulse(Work);
                return;
            }
        }

        new Thread(Serve, 256 * 1024) { IsBackground = true, Name = "TicketRush.Multiprocessing: wait" }.Start();
    }

    private static void Serve()
    {
        while (true)
        {
            Action? wait;
            lock (Work)
            {
                _idle++;
                while (!Work.TryDequeue(out wait) && Monitor.Wait(Work, IdleMax)) { }
                _idle--;
                if (wait == null && !Work.TryDequeue(out wait)) return;
            }

            wait();
        }
    }
}
