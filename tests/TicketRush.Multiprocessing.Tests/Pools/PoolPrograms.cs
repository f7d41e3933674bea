using System.Runtime.InteropServices;
using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Pools;

/// <summary>Children of the tests that have pools themselves.</summary>
internal static partial class PoolPrograms
{
    private const int OpenFiles = 7;

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

    /// <summary>More workers than this process may have descriptors for.</summary>
    public static void StartTooMany(string path)
    {
        using (var warm = new ProcessPool(1)) warm.Apply(Tasks.Square, 1);
        var before = Descriptors();
        var limits = new Limits { Soft = (ulong)before + 30, Hard = (ulong)before + 30 };
        if (SetLimits(OpenFiles, limits) != 0) throw new IOException("The limit was not set.");
        var refused = false;
        try
        {
            using var pool = new ProcessPool(64);
        }
        catch (IOException)
        {
            refused = true;
        }

        Kids.Until(() => ChildProcess.ActiveChildren().Count == 0);
        for (var tries = 0; tries < 2000 && Descriptors() > before; tries++) Thread.Sleep(2);
        Kids.Say(path, $"{refused} none left, {Descriptors() - before} more descriptors");
    }

    private static int Descriptors() => System.IO.Directory.EnumerateFileSystemEntries("/proc/self/fd").Count();

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimits(int resource, in Limits limits);

    private struct Limits
    {
        public ulong Soft;
        public ulong Hard;
    }
}
