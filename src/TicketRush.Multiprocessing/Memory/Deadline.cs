using System.Diagnostics;

namespace TicketRush.Multiprocessing;

/// <summary>Until when a wait may last, on the monotonic clock: stepping the wall clock neither shortens nor lengthens it.</summary>
internal readonly struct Deadline
{
    /// <summary>
    /// No sleep is longer than this. Whoever wakes looks whether what it waits for was lost by the death of the process that should
    /// have woken it, so this bounds how long a death goes unnoticed where nobody watches the process.
    /// </summary>
    public const long SliceNanoseconds = 40_000_000;

    private readonly long _ticks;

    private Deadline(long ticks) => _ticks = ticks;

    public static Deadline Never => new(long.MaxValue);

    public static Deadline Now => default;

    public bool IsNever => _ticks == long.MaxValue;

    public bool HasPassed => _ticks != long.MaxValue && (_ticks == 0 || Stopwatch.GetTimestamp() >= _ticks);

    public TimeSpan Left => IsNever ? Timeout.InfiniteTimeSpan
        : HasPassed ? TimeSpan.Zero
        : TimeSpan.FromTicks((long)((_ticks - Stopwatch.GetTimestamp()) * (Int128)TimeSpan.TicksPerSecond / Stopwatch.Frequency) + 1);

    /// <summary>As poll takes it: −1 for ever; rounded up, so that the wait never ends before the time.</summary>
    public int MillisecondsLeft => IsNever ? -1 : (int)Math.Clamp(Math.Ceiling(Left.TotalMilliseconds), 0, int.MaxValue);

    public static Deadline Earlier(Deadline one, Deadline other) => one._ticks < other._ticks ? one : other;

    /// <param name="timeout">None and <see cref="Timeout.InfiniteTimeSpan"/> never end; any other that is not positive has passed
    /// already.</param>
    public static Deadline After(TimeSpan? timeout)
    {
        if (timeout is not { } time || time == Timeout.InfiniteTimeSpan) return Never;
        if (time <= TimeSpan.Zero) return Now;
        var ticks = Stopwatch.GetTimestamp() + (time.Ticks * (Int128)Stopwatch.Frequency / TimeSpan.TicksPerSecond);
        return ticks >= long.MaxValue ? Never : new((long)ticks);
    }

    /// <summary>The later of this and that many milliseconds from now.</summary>
    public Deadline AtLeast(int milliseconds)
    {
        if (IsNever) return this;
        var grace = Stopwatch.GetTimestamp() + (milliseconds * Stopwatch.Frequency / 1000);
        return grace > _ticks ? new(grace) : this;
    }

    /// <summary>How long the next sleep may be; not positive when the time is up.</summary>
    public long NextSleep()
    {
        if (IsNever) return SliceNanoseconds;
        if (_ticks == 0) return 0;
        var left = (_ticks - Stopwatch.GetTimestamp()) * (1_000_000_000 / Stopwatch.Frequency);
        return Math.Min(left, SliceNanoseconds);
    }
}
