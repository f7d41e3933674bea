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
}
