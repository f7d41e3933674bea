namespace TicketRush.Client;

/// <summary>
/// One command on its way, once. It has a place in the pipeline from the beginning until it was answered, failed, or is dropped because
/// nobody waits for it any more: so what is asked in vain while there is no server is bounded too.
/// </summary>
internal sealed class TerminalCall(byte[] frame, SemaphoreSlim room)
{
    private readonly TaskCompletionSource<object?> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isForgotten;
    private int _hasLeft;

    public byte[] Frame => frame;

    public Task<object?> Answer => _answer.Task;

    /// <summary>On how many connections it was sent, or may have been. More than one: its answer is one of several.</summary>
    public int Sends { get; private set; }

    /// <summary>When it was sent last, by the tick count.</summary>
    public long SentAt { get; private set; }

    public bool IsForgotten => _isForgotten;

    /// <summary>It goes out on a connection now.</summary>
    public void Send()
    {
        Sends++;
        SentAt = Environment.TickCount64;
    }

    public void Complete(object? reply)
    {
        Leave();
        _answer.TrySetResult(reply);
    }

    public void Fail(Exception e)
    {
        Leave();

        // Nobody would observe it.
        if (_isForgotten) _answer.TrySetCanceled();
        else _answer.TrySetException(e);
    }

    /// <summary>Nobody waits for it any more. It may be on its way all the same, so its reply is still expected on this
    /// connection.</summary>
    public void Forget() => _isForgotten = true;

    /// <summary>Gives its place in the pipeline to another.</summary>
    public void Leave()
    {
        if (Interlocked.Exchange(ref _hasLeft, 1) == 0) room.Release();
    }
}
