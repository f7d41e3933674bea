namespace TicketRush.Journal.Postgres;

/// <summary>
/// Sale time: the database's clock, carried on by this machine's monotonic one. It follows what it sees of the database's as long as that
/// is within a second of what it expects. A step (somebody sets the clock, or a standby takes over whose clock is another) would end every
/// hold at once, or none for as long as it was: it is not followed but made up for, a twentieth faster or slower. It never runs back. For
/// every thread.
/// </summary>
/// <param name="ticks">The monotonic clock, in milliseconds; the machine's when null.</param>
internal sealed class PostgresClock(Func<long>? ticks = null)
{
    public const int StepMs = 1_000, SlewPart = 20;

    private readonly Func<long> _ticks = ticks ?? (() => Environment.TickCount64);
    private readonly Lock _gate = new();
    private long _offset = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - (ticks ?? (() => Environment.TickCount64))();
    private long _last, _slewedAt, _behind;
    private bool _isSet;

    /// <summary>What to give to <see cref="Observe"/> as the moment of asking.</summary>
    public long Ticks => _ticks();

    /// <summary>What sale time is more than <see cref="Ticks"/>.</summary>
    public long Offset => Volatile.Read(ref _offset);

    /// <summary>How far the database's time is ahead of sale time, and is yet to be made up for; 0 but for a step.</summary>
    public long BehindMs => Volatile.Read(ref _behind);

    public long NowMs
    {
        get
        {
            var now = _ticks() + Volatile.Read(ref _offset);
            for (var last = Volatile.Read(ref _last); ;)
            {
                if (now <= last) return last;
                var found = Interlocked.CompareExchange(ref _last, now, last);
                if (found == last) return now;
                last = found;
            }
        }
    }

    /// <summary>Goes on from where another process of this machine was, whatever the database has given.</summary>
    /// <param name="offset">Its <see cref="Offset"/>.</param>
    public void Seed(long offset)
    {
        lock (_gate)
        {
            if (!_isSet) _slewedAt = _ticks();
            _isSet = true;
            Volatile.Write(ref _offset, offset);
            Volatile.Write(ref _last, 0);
        }
    }

    /// <summary>Takes in a time that the database gave between a moment and now.</summary>
    /// <param name="databaseMs">What it gave.</param>
    /// <param name="askedAt">When it was asked, by <see cref="Ticks"/>.</param>
    public void Observe(long databaseMs, long askedAt)
    {
        lock (_gate)
        {
            // Read in here: who comes second must not bring an earlier moment than who was first.
            var now = _ticks();

            // It lies between these two, so what is between them already is right.
            var (lowest, highest) = (databaseMs - now, databaseMs - Math.Min(askedAt, now));
            if (!_isSet)
            {
                (_isSet, _slewedAt) = (true, now);
                Volatile.Write(ref _offset, lowest);

                // What was said before was this machine's clock, which may be ahead.
                Volatile.Write(ref _last, 0);
                return;
            }

            var off = Math.Clamp(_offset, lowest, highest) - _offset;
            var most = Math.Min(now - _slewedAt, StepMs) / SlewPart;
            if (Math.Abs(off) <= StepMs) (most, _slewedAt) = (StepMs, now);
            else _slewedAt = Math.Max(_slewedAt + most * SlewPart, now - StepMs);
            var made = Math.Clamp(off, -most, most);
            Volatile.Write(ref _offset, _offset + made);
            Volatile.Write(ref _behind, off - made);
        }
    }
}
