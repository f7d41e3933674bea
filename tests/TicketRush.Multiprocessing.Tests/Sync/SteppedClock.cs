using System.Diagnostics;
using System.Globalization;

namespace TicketRush.Multiprocessing.Tests.Sync;

/// <summary>The program of <see cref="ClockTests"/>: waits, while it steps its own wall clock.</summary>
internal static class SteppedClock
{
    public const string Name = "stepped clock";

    private const int StepSeconds = 3600;
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(1);

    public static int Run(string shift)
    {
        using var theLock = new SharedLock();
        using var semaphore = new SharedSemaphore(0);
        using var theEvent = new SharedEvent();
        using var condition = new SharedCondition();
        using var queue = new SharedQueue<int>();
        theLock.Acquire();
        Func<bool>[] waits =
        [
            () => theLock.Acquire(Time) != LockResult.TimedOut,
            () => semaphore.Acquire(Time),
            () => theEvent.Wait(Time),
            () =>
            {
                using (condition.Enter()) return condition.Wait(Time);
            },
            () => queue.TryGet(out _, Time),
        ];

        foreach (var step in new[] { StepSeconds, -StepSeconds })
        {
            Step(shift, 0);
            var took = new TimeSpan[waits.Length];
            var threads = waits.Select((wait, i) => new Thread(() =>
            {
                var start = Stopwatch.GetTimestamp();
                if (wait()) throw new InvalidOperationException($"Wait {i} ended by something else.");
                took[i] = Stopwatch.GetElapsedTime(start);
            })).ToArray();
            var before = DateTime.UtcNow;
            foreach (var thread in threads) thread.Start();
            Thread.Sleep(200);
            Step(shift, step);

            // The control: the process does see another wall clock.
            var seen = (DateTime.UtcNow - before).TotalSeconds;
            foreach (var thread in threads) thread.Join();
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"stepped {Math.Abs(seen - step) < 60} waited {took.All(IsRight)} ({seen:f0} s; {string.Join(' ', took)})"));
        }

        return 0;
    }

    private static bool IsRight(TimeSpan took) => took >= Time && took < TimeSpan.FromSeconds(30);

    private static void Step(string shift, int seconds) =>
        File.WriteAllText(shift, seconds.ToString("+0;-0;+0", CultureInfo.InvariantCulture) + "\n");
}
