using System.Runtime.CompilerServices;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>
/// A lock that is one word of shared memory: zero, or its owner and a bit that says that somebody may be asleep on it.
/// <para>
/// Taking and releasing it is one store each, so at every instruction it is either held by the process that dies there or it is
/// not, and a word that is held by a dead owner is given to the next who asks. A wake that is lost because the waker, or the woken,
/// died first costs the others one slice of sleep.
/// </para>
/// </summary>
internal static unsafe class OwnerWord
{
    public const uint Sleepers = 0x8000_0000;

    private static readonly int Spins = Environment.ProcessorCount > 1 ? 60 : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryTake(uint* word, uint me) => Interlocked.CompareExchange(ref *word, me, 0) == 0;

    /// <summary>Takes the word, also from a dead owner, or waits for it until the deadline. Looks at least once.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; noticed within one slice.</exception>
    public static LockResult Take(Arena arena, uint* word, uint me, Deadline deadline, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        for (var spin = 0; spin < Spins; spin++)
        {
            var seen = Volatile.Read(ref *word);
            if (seen == 0 && TryTake(word, me)) return LockResult.Acquired;

            // Others sleep already: to spin here would only take the turn from them and keep the word's cache line from its owner.
            if ((seen & Sleepers) != 0) break;
            Thread.SpinWait(8);
        }

        var mine = me;
        while (true)
        {
            var seen = Volatile.Read(ref *word);
            if (seen == 0)
            {
                if (Interlocked.CompareExchange(ref *word, mine, 0) == 0) return LockResult.Acquired;
                continue;
            }

            if (!arena.IsAlive(new(seen & ~Sleepers)))
            {
                // The bit stays set for those who sleep: they were waiting for the dead one.
                if (Interlocked.CompareExchange(ref *word, me | Sleepers, seen) == seen) return LockResult.Abandoned;
                continue;
            }

            cancellation.ThrowIfCancellationRequested();
            var time = deadline.NextSleep();
            if (time <= 0) return LockResult.TimedOut;
            if ((seen & Sleepers) == 0 && Interlocked.CompareExchange(ref *word, seen | Sleepers, seen) != seen) continue;

            // From here on this one cannot know whether others sleep too, so it says so for them when it takes the word.
            mine = me | Sleepers;
            Libc.Sleep(word, seen | Sleepers, time);
        }
    }

    /// <returns>False when nobody held it.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Release(uint* word)
    {
        var seen = Interlocked.Exchange(ref *word, 0);
        if ((seen & Sleepers) != 0) Libc.Wake(word, 1);
        return seen != 0;
    }
}
