using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>When the main process ends, its daemons are ended, and its other children are waited for.</summary>
internal static class Daemons
{
    public static void Run()
    {
        using var isUnderWay = new SharedEvent();
        using var mainIsOver = new SharedEvent();

        var clock = new ChildProcess(ShowTheTime, isUnderWay) { Name = "clock", Daemon = true };
        clock.Start();
        new ChildProcess(Sell, mainIsOver) { Name = "seller" }.Start();

        // Once it runs it is too late: the child has been told what it is.
        try
        {
            clock.Daemon = false;
        }
        catch (InvalidOperationException refused)
        {
            Console.WriteLine($"main: {refused.Message}");
        }

        isUnderWay.Wait();
        Console.WriteLine($"main: the last line, with {ChildProcess.ActiveChildren().Count} children running");
        mainIsOver.Set();
    }

    private static void ShowTheTime(SharedEvent isUnderWay)
    {
        Console.WriteLine($"  {CurrentProcess.Name}: running, daemon {CurrentProcess.IsDaemon}");

        // It could be ended at any moment, and its children would be left alone. So it may have none.
        try
        {
            using var assistant = new ChildProcess(Sell);
            assistant.Start();
        }
        catch (InvalidOperationException refused)
        {
            Console.WriteLine($"  {CurrentProcess.Name}: {refused.Message}");
        }

        isUnderWay.Set();
        Thread.Sleep(TimeSpan.FromSeconds(30));
        Console.WriteLine($"  {CurrentProcess.Name}: done");
    }

    private static void Sell(SharedEvent mainIsOver)
    {
        Console.WriteLine($"  {CurrentProcess.Name}: running, daemon {CurrentProcess.IsDaemon}");
        mainIsOver.Wait();
        Console.WriteLine($"  {CurrentProcess.Name}: done");
    }
}
