namespace TicketRush.Multiprocessing.Pools;

/// <summary>A result that is waited for, and the callbacks that are to see it before whoever waits does.</summary>
internal sealed class PendingResult<T>(Action<T>? callback, Action<Exception>? errorCallback)
{
    private readonly TaskCompletionSource<T> _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<T> Task => _source.Task;

    public void Complete(T result, Exception? failure)
    {
        // On the thread pool: a callback that takes its time must not keep a worker waiting for its next task.
        if (failure is null ? callback is null : errorCallback is null) Set(result, failure);
        else ThreadPool.QueueUserWorkItem(_ => CallBack(result, failure));
    }

    private void CallBack(T result, Exception? failure)
    {
        try
        {
            if (failure is null) callback!(result);
            else errorCallback!(failure);
        }
        catch (Exception thrown)
        {
            _source.TrySetException(thrown);
            return;
        }

        Set(result, failure);
    }

    private void Set(T result, Exception? failure)
    {
        if (failure is null) _source.TrySetResult(result);
        else _source.TrySetException(failure);
    }
}
