using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Pools;

/// <summary>Children of the tests that have pools themselves.</summary>
internal static class PoolPrograms
{
    public static void HavePool(string path)
    {
        var pool = new ProcessPool(2);
        pool.Map(Tasks.PidAfterPause, Enumerable.Range(0, 10), 1);
        Kids.Until(() => ChildProcess.ActiveChildren().Count == 3);
        Kids.Say(path, string.Join(' ', ChildProcess.ActiveChildren().Select(child => child.Pid)));
        Kids.Sleep();
    }

    public static int MapWithin()
    {
        using var pool = new ProcessPool(1);
        return pool.Apply(Tasks.Square, 1);
    }

    /// <summary>So large that the first workers are ready before the last of their seats is made.</summary>
    public static int MapInLargePool()
    {
        using var pool = new ProcessPool(32, new() { Spares = 0 });
        return pool.Map(Tasks.Square, Enumerable.Range(0, 1000))[999] == 999 * 999 ? 0 : 1;
    }

    /// <summary>Pools whose workers are killed, and then the descriptors and children that are left of them.</summary>
    public static void Storm(string path)
    {
        Round();
        var before = Descriptors();
        for (var i = 0; i < 5; i++) Round();
        for (var tries = 0; tries < 2000 && Descriptors() > before; tries++) Thread.Sleep(2);
        Kids.Say(path, $"{ChildProcess.ActiveChildren().Count} children and {Descriptors() - before} more descriptors");

        static void Round()
        {
            using var pool = new ProcessPool(2, new() { Retries = 20, MaxTasksPerChild = 7 });
            using var manager = Manager.Start();
            var squares = pool.MapAsync(Tasks.SleepAndSquare, Enumerable.Range(0, 40), 2);
            for (var kills = 0; kills < 4; kills++)
            {
                Kids.Kill(pool.WorkerIds[kills % 2]);
                manager.List<int>().Add(kills);
                Thread.Sleep(20);
            }

            squares.Wait();
        }
    }

    // Without those of assemblies, which are loaded as they are needed.
    private static int Descriptors() => Directory.EnumerateFileSystemEntries("/proc/self/fd")
        .Count(one => new FileInfo(one).LinkTarget?.EndsWith(".dll", StringComparison.Ordinal) is false);
}
