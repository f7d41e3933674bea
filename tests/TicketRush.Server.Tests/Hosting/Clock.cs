namespace TicketRush.Server.Tests.Hosting;

/// <summary>Time that goes when it is told to.</summary>
internal sealed class Clock : TimeProvider
{
    private static readonly DateTimeOffset s_began = DateTimeOffset.UtcNow;

    private long _ticks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow() => s_began.AddTicks(Volatile.Read(ref _ticks));

    public override long GetTimestamp() => Volatile.Read(ref _ticks);

    public void Go(TimeSpan time) => Interlocked.Add(ref _ticks, time.Ticks);
}
