namespace TicketRush.Journal;

/// <summary>
/// Commands that wait for the next batch, in the order in which they came. Bounded. A list under a lock: the lock is held
/// for nanoseconds.
/// </summary>
internal sealed class Inbox(int capacity)
{
    private readonly Lock _gate = new();
    private Submission[] _waiting = new Submission[64];
    private Submission[] _taken = new Submission[64];
    private int _count;

    /// <summary>Adds them behind each other.</summary>
    /// <returns>How many there was room for.</returns>
    public int Add(ReadOnlySpan<Submission> submissions)
    {
        lock (_gate)
        {
            var count = Math.Min(submissions.Length, capacity - _count);
            if (_waiting.Length < _count + count) Array.Resize(ref _waiting, Math.Max(_waiting.Length * 2, _count + count));
            submissions[..count].CopyTo(_waiting.AsSpan(_count));
            _count += count;
            return count;
        }
    }

    public int Count
    {
        get
        {
            lock (_gate) return _count;
        }
    }

    public bool IsEmpty
    {
        get
        {
            lock (_gate) return _count == 0;
        }
    }

    /// <summary>Takes the longest waiting; what it gives is good until the next call.</summary>
    public Span<Submission> Take(int most)
    {
        lock (_gate)
        {
            var count = Math.Min(_count, most);
            if (count == _count)
            {
                (_waiting, _taken) = (_taken, _waiting);
                _count = 0;
                return _taken.AsSpan(0, count);
            }

            // Only under a flood: a batch's worth is taken and the rest moves up.
            if (_taken.Length < count) _taken = new Submission[count];
            _waiting.AsSpan(0, count).CopyTo(_taken);
            _waiting.AsSpan(count, _count - count).CopyTo(_waiting);
            _waiting.AsSpan(_count - count, count).Clear();
            _count -= count;
            return _taken.AsSpan(0, count);
        }
    }

    /// <summary>Takes all of it, for good: for a thread that is not the sequencer's.</summary>
    public Submission[] Drain()
    {
        lock (_gate)
        {
            var drained = _waiting.AsSpan(0, _count).ToArray();
            _waiting.AsSpan(0, _count).Clear();
            _count = 0;
            return drained;
        }
    }
}
