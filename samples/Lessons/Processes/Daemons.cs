using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>When the main process ends, its daemons are ended, and its other children are waited for.</summary>
internal static class Daemons
{
    public static void Run()
    {
        // Both children and main meet here, so that everybody is under way before main ends.
        using var everybodyIsHere = new SharedBarrier(3);
        using var mainIsOver = new SharedEvent();

        var clock = new ChildProcess(ShowTheTime, everybodyIsHere) { Name = "clock", Daemon = true };
        clock.Start();
        new ChildProcess(Sell, everybodyIsHere, mainIsOver) { Name = "seller" }.Start();

        // Once it runs it is too late: the child has been told what it is.
        try
        {
            clock.Daemon = false;
        }
        catch (InvalidOperationException refused)
        {
            Console.WriteLine($"main: {refused.Message}");
        }

        everybodyIsHere.Wait();
        Console.WriteLine($"main: the last line, with {ChildProcess.ActiveChildren().Count} children running");
        mainIsOver.Set();
    }

    private static void ShowTheTime(SharedBarrier everybodyIsHere)
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

        everybodyIsHere.Wait();
        Thread.Sleep(TimeSpan.FromSeconds(30));
        Console.WriteLine($"  {CurrentProcess.Name}: done");
    }

    private static void Sell(SharedBarrier everybodyIsHere, SharedEvent mainIsOver)
    {
        Console.WriteLine($"  {CurrentProcess.Name}: running, daemon {CurrentProcess.IsDaemon}");
        everybodyIsHere.Wait();
        mainIsOver.Wait();
        Console.WriteLine($"  {CurrentProcess.Name}: done");
    }
}
