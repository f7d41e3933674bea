using System.Text.Json.Serialization;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>
/// A flag that processes and their threads can wait for. Everyone who waits when it is set goes on, even if it is cleared at once; until
/// it is cleared nobody waits. Setting it takes no lock and waits for nobody's answer, so a waiter that died or is stopped holds up
/// nothing.
/// </summary>
[JsonConverter(typeof(SharedObjectConverter))]
public sealed unsafe class SharedEvent : SharedObject
{
    // One word: bit 0 is the flag, bit 1 says that somebody may be asleep, the rest counts how often it was set.
    private const uint Flag = 1, Sleepers = 2, Once = 4;

    static SharedEvent() => SharedObjectConverter.Register(static (reference, _) => new SharedEvent(reference));

    /// <summary>Makes an event that is not set.</summary>
    public SharedEvent()
        : base(BlockKind.Event, 64, 64) => Publish();

    internal SharedEvent(SharedReference reference)
        : base(BlockKind.Event, reference)
    {
    }

    /// <summary>Whether it is set at this moment.</summary>
    public bool IsSet => (Volatile.Read(ref *Word) & Flag) != 0;

    private uint* Word => (uint*)Contents;

    /// <summary>Sets it and wakes everyone who waits. Does nothing when it is set.</summary>
    public void Set()
    {
        var word = Word;
        while (true)
        {
            var seen = Volatile.Read(ref *word);
            if ((seen & Flag) != 0) return;
            if (Interlocked.CompareExchange(ref *word, (seen + Once & ~Sleepers) | Flag, seen) != seen) continue;
            if ((seen & Sleepers) != 0) Libc.Wake(word, int.MaxValue);
            return;
        }
    }

    /// <summary>Lets those who wait from now on wait until it is set again.</summary>
    public void Clear() => Interlocked.And(ref *Word, ~Flag);

    /// <summary>Waits until it is set.</summary>
    /// <param name="timeout">
    /// At most how long, on the monotonic clock. None, or <see cref="Timeout.InfiniteTimeSpan"/>: for ever. Zero, or less: not at all.
    /// </param>
    /// <param name="cancellation">Ends the wait; noticed within 40 ms.</param>
    /// <returns>False when the time was up.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public bool Wait(TimeSpan? timeout = null, CancellationToken cancellation = default) =>
        IsSet || Wait(Deadline.After(timeout), cancellation);

    /// <summary>
    /// As <see cref="Wait(TimeSpan?, CancellationToken)"/>, on a thread of the library's own, not one of the thread pool.
    /// </summary>
    public ValueTask<bool> WaitAsync(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        if (IsSet) return new(true);
        var deadline = Deadline.After(timeout);
        return new(WaiterThreads.Run(() => Wait(deadline, cancellation)));
    }

    internal static void Awaken(byte* contents)
    {
        // The dead one may have set it and not come to wake the others.
        if ((Volatile.Read(ref *(uint*)contents) & Flag) != 0) Libc.Wake((uint*)contents, int.MaxValue);
    }

    private bool Wait(Deadline deadline, CancellationToken cancellation)
    {
        var word = Word;
        var first = Volatile.Read(ref *word);
        while (true)
        {
            var seen = Volatile.Read(ref *word);

            // The count too: it may have been set and cleared while this one slept.
            if ((seen & Flag) != 0 || (seen ^ first) >= Once) return true;
            cancellation.ThrowIfCancellationRequested();
            var time = deadline.NextSleep();
            if (time <= 0) return false;
            if ((seen & Sleepers) == 0 && Interlocked.CompareExchange(ref *word, seen | Sleepers, seen) != seen) continue;
            Libc.Sleep(word, seen | Sleepers, time);
        }
    }
}
