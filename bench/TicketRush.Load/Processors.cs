using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TicketRush.Load;

/// <summary>
/// How far apart two processors are: what it takes one to hand a word to another and get it back. The host of a virtual machine moves its
/// processors about; when they end up in different halves of the real one, that takes four times as long, and so does a lock that goes to
/// and fro between threads. Figures from before and after such a move are of two machines.
/// </summary>
internal static partial class Processors
{
    private const int TripsMax = 20_000, LooksEvery = 256;

    // On a busy machine each trip may last as long as the system lets others work.
    private static readonly TimeSpan TimeMax = TimeSpan.FromMilliseconds(50);

    // Its own cache line, with nothing else in it.
    private static readonly long[] Word = new long[32];

    private static bool _isOver;

    /// <returns>Nanoseconds for a round trip; 0 where there is one processor.</returns>
    public static double RoundTrip()
    {
        if (Environment.ProcessorCount < 2) return 0;
        (Word[16], _isOver) = (0, false);
        var nanoseconds = 0.0;
        var there = new Thread(() =>
        {
            Stay(1);
            for (long i = 0; Hand(2 * i + 1); i++)
            {
                // Until the other has had enough.
            }
        });
        var here = new Thread(() =>
        {
            Stay(0);
            Hand(0);
            var (trips, since) = (0L, Stopwatch.GetTimestamp());
            while (trips < TripsMax && (trips % LooksEvery != 0 || Stopwatch.GetElapsedTime(since) < TimeMax)) Hand(2 * ++trips);
            nanoseconds = Stopwatch.GetElapsedTime(since).TotalNanoseconds / trips;
            Volatile.Write(ref _isOver, true);
        });
        there.Start();
        here.Start();
        here.Join();
        there.Join();
        return nanoseconds;
    }

    // Compiled once and for all: what is compiled again while it runs looks like a machine that moves.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool Hand(long number)
    {
        while (Volatile.Read(ref Word[16]) != number)
        {
            if (Volatile.Read(ref _isOver)) return false;
        }

        Volatile.Write(ref Word[16], number + 1);
        return true;
    }

    // Where it is not allowed they are where the system puts them, which mostly is apart too.
    private static void Stay(int processor)
    {
        if (!OperatingSystem.IsLinux()) return;
        var mask = 1UL << processor;
        _ = SetAffinity(0, sizeof(ulong), ref mask);
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nint size, ref ulong mask);
}
