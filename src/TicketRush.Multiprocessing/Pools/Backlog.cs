using System.Diagnostics.CodeAnalysis;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>The chunks of a pool that no worker has yet, and whether there may be more.</summary>
internal sealed class Backlog
{
    private readonly object _gate = new();
    private readonly LinkedList<Chunk> _waiting = new();
    private int _streams;
    private bool _isClosed, _isTerminated;
    private Exception? _broken;

    /// <summary>Nothing waits, and nothing will.</summary>
    public bool IsOver
    {
        get
        {
            lock (_gate) return IsOverInGate;
        }
    }

    public bool IsClosed
    {
        get
        {
            lock (_gate) return _isClosed;
        }
    }

    private bool IsOverInGate => _isTerminated || _broken is not null || _isClosed && _streams == 0 && _waiting.Count == 0;

    /// <exception cref="InvalidOperationException">The pool is closed or broken.</exception>
    /// <exception cref="ObjectDisposedException">The pool is terminated.</exception>
    public void Add(params ReadOnlySpan<Chunk> chunks)
    {
        lock (_gate)
        {
            CheckOpen(_isClosed);
            AddInGate(chunks);
        }
    }

    /// <summary>
    /// From here to <see cref="EndStream"/> chunks are added by <see cref="AddToStream"/>, also when the pool is closed meanwhile.
    /// </summary>
    public void BeginStream()
    {
        lock (_gate)
        {
            CheckOpen(_isClosed);
            _streams++;
        }
    }

    public void AddToStream(Chunk chunk)
    {
        try
        {
            lock (_gate)
            {
                CheckOpen(isClosed: false);
                AddInGate(chunk);
            }
        }
        catch
        {
            chunk.Drop();
            throw;
        }
    }

    public void EndStream()
    {
        lock (_gate)
        {
            _streams--;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Before all others: a worker ended that had it.</summary>
    public void PutBack(Chunk chunk)
    {
        Exception? over;
        lock (_gate)
        {
            over = Over();
            if (over is null)
            {
                _waiting.AddFirst(chunk);
                Monitor.Pulse(_gate);
            }
        }

        if (over is not null) chunk.Fail(over);
    }

    /// <summary>Waits for a chunk for a worker.</summary>
    /// <returns>False when there will be none, or the worker has ended meanwhile.</returns>
    public bool TryTake(WorkerProcess worker, [MaybeNullWhen(false)] out Chunk chunk)
    {
        lock (_gate)
        {
            while (true)
            {
                chunk = null;
                if (IsOverInGate) return false;
                if (worker.HasEnded)
                {
                    // The wake may have been for a chunk, which another need not wait for.
                    Monitor.Pulse(_gate);
                    return false;
                }

                if (_waiting.First is { } first)
                {
                    _waiting.RemoveFirst();
                    chunk = first.Value;
                    if (!chunk.IsDropped) return true;
                    chunk.Drop();
                    continue;
                }

                Monitor.Wait(_gate);
            }
        }
    }

    /// <summary>Has everybody who waits look again, for a worker may be the one that ended.</summary>
    public void LookAgain()
    {
        lock (_gate) Monitor.PulseAll(_gate);
    }

    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Whatever waits fails; what the workers have, fails with them.</summary>
    public void Terminate() => End(() => _isClosed = _isTerminated = true);

    /// <summary>No worker can be had: whatever waits fails, and so does whatever is still to come.</summary>
    public void Break(Exception why) => End(() => _broken ??= why);

    /// <summary>What a task that cannot be run any more fails with; null while tasks are run.</summary>
    public Exception? WhyOver()
    {
        lock (_gate) return Over();
    }

    private void End(Action state)
    {
        Chunk[] dropped;
        Exception why;
        lock (_gate)
        {
            state();
            why = Over()!;
            dropped = [.. _waiting];
            _waiting.Clear();
            Monitor.PulseAll(_gate);
        }

        // Outside the gate: it is not known what they do.
        foreach (var chunk in dropped) chunk.Fail(why);
    }

    private Exception? Over() =>
        _isTerminated ? new OperationCanceledException("The pool was terminated before the task had ended.")
        : _broken is { } why ? new InvalidOperationException($"The pool is broken: {why.Message}", why)
        : null;

    private void CheckOpen(bool isClosed)
    {
        ObjectDisposedException.ThrowIf(_isTerminated, typeof(ProcessPool));
        if (Over() is { } why) throw why;
        if (isClosed) throw new InvalidOperationException("The pool is closed: it takes no more tasks.");
    }

    private void AddInGate(params ReadOnlySpan<Chunk> chunks)
    {
        foreach (var chunk in chunks) _waiting.AddLast(chunk);
        if (chunks.Length == 1) Monitor.Pulse(_gate);
        else Monitor.PulseAll(_gate);
    }
}
