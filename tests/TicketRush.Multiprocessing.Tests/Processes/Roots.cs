using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing.Tests.Processes;

/// <summary>Whole programs that tests start and look at from outside.</summary>
internal static class Roots
{
    /// <summary>Programs that do not begin as they should. Null for every other.</summary>
    public static int? EnterCarelessly(string name, string[] args)
    {
        switch (name)
        {
            case "forgets the entry":
                File.AppendAllText(args[0], "started\n");
                return StartOne();
            case "enters only as root":
                File.AppendAllText(args[0], "started\n");
                if (Environment.GetEnvironmentVariable("TICKETRUSH_CHILD") is null) ProcessEntry.Run();
                return StartOne();
            case "ends before the entry":
                if (Environment.GetEnvironmentVariable("TICKETRUSH_CHILD") is not null) return 0;
                ProcessEntry.Run();
                return StartOne();
            case "does not wait for what never began":
                if (Environment.GetEnvironmentVariable("TICKETRUSH_CHILD") is not null)
                {
                    Targets.AwaitFile(args[0]);
                    return 0;
                }

                ProcessEntry.Run();

                // Before the library's own, which waits for them.
                AppDomain.CurrentDomain.ProcessExit += (_, _) => new Thread(() =>
                {
                    Thread.Sleep(100);
                    Kids.Say(args[0], "");
                }) { IsBackground = true }.Start();
                new ChildProcess(Targets.Nothing) { Name = "first" }.Start();
                new ChildProcess(Targets.Nothing) { Name = "second" }.Start();
                return 7;
            case "enters by statement":
                ProcessEntry.Run(TestJson.Default);
                using (var child = new ChildProcess(Targets.Tell, args[0], new Order(7, ["A1"])))
                {
                    child.Start();
                    child.Join();
                    return child.ExitCode!.Value;
                }

            default:
                return null;
        }
    }

    public static int Run(string name, string[] args)
    {
        switch (name)
        {
            case "ends in order":
                Start(daemon: true, Targets.HandleTermination, args[0], "daemon");
                Start(daemon: false, Targets.Finish, args[0], "worker");
                Targets.AwaitFile(Path.Combine(args[0], "daemon"));
                Targets.AwaitFile(Path.Combine(args[0], "worker"));
                return 3;
            case "waits":
                Start(daemon: true, Targets.HandleTermination, args[0], "daemon");
                Start(daemon: false, Targets.HandleTermination, args[0], "worker");
                Targets.AwaitFile(Path.Combine(args[0], "daemon"));
                Targets.AwaitFile(Path.Combine(args[0], "worker"));
                Kids.Say(Path.Combine(args[0], "ready"), "");
                Kids.Sleep();
                return 0;
            case "handles termination itself":
                Start(daemon: true, Targets.HandleTermination, args[0], "daemon");
                Targets.AwaitFile(Path.Combine(args[0], "daemon"));
                using (var asked = new ManualResetEventSlim())
                using (PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
                {
                    context.Cancel = true;
                    asked.Set();
                }))
                {
                    Kids.Say(Path.Combine(args[0], "ready"), "");
                    asked.Wait();
                    Thread.Sleep(300);
                    var alive = ChildProcess.ActiveChildren().Select(one => one.IsAlive);
                    Kids.Say(Path.Combine(args[0], "while shutting down"), string.Join(' ', alive));
                    return 5;
                }

            case "storm":
                return Storm();
            case "forgets a plain argument":
                return StartForgetful(ready => new(GivenTargets.Wait, ready));
            case "forgets an argument":
                return StartForgetful(ready => new(GivenTargets.Use, new Given("gone", ready)));
            case "runs out of descriptors":
                return Scarce.Run();
            case "makes memory":
                _ = new SharedMemory(1 << 20, args[0]);
                Console.WriteLine("made");
                return 0;
            case "throws":
                using (var child = new ChildProcess(Targets.Throw) { Name = "thrower" })
                {
                    child.Start();
                    child.Join();
                    return child.ExitCode!.Value;
                }

            case "hands over":
                using (var child = new ChildProcess(Targets.Tell, args[0], new Order(1, [])))
                {
                    child.Start();
                    child.Join();
                    Kids.Say(args[1], child.ExitCode!.Value.ToString(CultureInfo.InvariantCulture));
                    return 0;
                }

            default:
                throw new ArgumentOutOfRangeException(nameof(name), name, "There is no such program.");
        }
    }

    private static int Storm()
    {
        using (var first = new ChildProcess(Targets.Nothing))
        {
            first.Start();
            first.Join();
        }

        // The console opens some of its own when it is first used, so that is after the count.
        var said = new StringBuilder();
        var before = CountDescriptors();
        foreach (var kill in (bool[])[false, true])
        {
            var children = Enumerable.Range(0, 100).Select(_ => new ChildProcess(Kids.Sleep)).ToList();
            foreach (var child in children) child.Start();
            foreach (var child in children) child.Signal(kill ? 9 : 15);
            foreach (var child in children) child.Join();
            var expected = kill ? -9 : -15;
            said.Append(CultureInfo.InvariantCulture, $"{children.Count(one => one.ExitCode == expected)} ended by {expected}, ");
            foreach (var child in children) child.Close();
        }

        // The thread that watches may be about to let go of the last.
        for (var tries = 0; tries < 1000 && CountDescriptors() > before; tries++) Thread.Sleep(2);
        var (descriptors, active) = (CountDescriptors() - before, ChildProcess.ActiveChildren().Count);
        said.Append(CultureInfo.InvariantCulture, $"{descriptors} descriptors and {active} children left");
        Console.WriteLine(said);
        return 0;
    }

    // Not the assemblies, which the runtime keeps open and loads when it likes.
    private static int CountDescriptors() => Directory.EnumerateFileSystemEntries("/proc/self/fd")
        .Count(one => File.ResolveLinkTarget(one, false)?.FullName.EndsWith(".dll", StringComparison.Ordinal) != true);

    private static int StartForgetful(Func<SharedEvent, ChildProcess> make)
    {
        Handover.Forgets = true;
        using var ready = new SharedEvent();
        using var child = make(ready);
        child.Name = "forgotten";
        child.Start();
        ready.Dispose();
        child.Join();
        return child.ExitCode!.Value;
    }

    private static int StartOne()
    {
        try
        {
            using var child = new ChildProcess(Targets.Nothing);
            child.Start();
            child.Join();
            return child.ExitCode!.Value;
        }
        catch (InvalidOperationException refused)
        {
            // A child's goes nowhere: it has told what it has to tell by not starting another.
            Console.WriteLine("refused: " + refused.Message);
            return 20;
        }
    }

    private static void Start(bool daemon, Delegate target, params object?[] args)
    {
        var child = new ChildProcess(target, args) { Daemon = daemon };
        child.Start();
    }
}
