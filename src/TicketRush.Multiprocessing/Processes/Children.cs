using System.Diagnostics;
using System.Runtime.InteropServices;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing.Processes;

/// <summary>The running children of this process, and what becomes of them when it ends.</summary>
internal static class Children
{
    /// <summary>How long daemons that were asked to end may take; then they are killed.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    private static readonly Lock Gate = new();
    private static readonly List<ChildProcess> Started = [];
    private static bool _registered;
    private static PosixSignalRegistration? _termination;

    /// <summary>Adds one that has been started. It stays until it has ended: the object lives as long as its process.</summary>
    public static void Add(ChildProcess process)
    {
        lock (Gate)
        {
            Started.RemoveAll(one => one.HasEnded);
            Started.Add(process);
            if (_registered) return;
            _registered = true;
            AppDomain.CurrentDomain.ProcessExit += (_, _) => AtExit();
        }
    }

    public static ChildProcess[] Active()
    {
        lock (Gate)
        {
            Started.RemoveAll(one => one.HasEnded);
            return [.. Started];
        }
    }

    /// <summary>
    /// In the root: SIGTERM ends the daemons in order before it ends the process; in .NET it does not run what runs at a process's end.
    /// Handlers run from the last registered to the first: this one is the first, and stands back when another has decided to live on
    /// (a host that shuts down in its own time ends the daemons at its end).
    /// </summary>
    public static void EndDaemonsOnTermination() =>
        _termination ??= PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            if (context.Cancel) return;
            EndDaemons(Stopwatch.GetTimestamp(), TerminateDaemons());
            if (Arena.Exists) Arena.Current.RemoveNames();
        });

    private static void AtExit()
    {
        var start = Stopwatch.GetTimestamp();
        var daemons = TerminateDaemons();
        foreach (var process in Active())
            if (!process.Daemon) Await(process);
        EndDaemons(start, daemons);

        // Once more, now that they are gone: while they ran, they held what they shared.
        if (Arena.Exists) Arena.Current.RemoveNames();
    }

    private static void Await(ChildProcess process)
    {
        try
        {
            process.Join();
        }
        catch (InvalidOperationException neverBegan)
        {
            // Thrown from here it would end the program as a crash, and the others would not be waited for.
            ProcessEntry.Report(neverBegan.Message);
        }
    }

    private static List<ChildProcess> TerminateDaemons()
    {
        var daemons = Active().Where(process => process.Daemon).ToList();
        foreach (var process in daemons) process.Signal(Programs.Terminate);
        return daemons;
    }

    private static void EndDaemons(long start, List<ChildProcess> daemons)
    {
        foreach (var process in daemons)
        {
            if (process.Wait(Grace - Stopwatch.GetElapsedTime(start))) continue;
            process.Signal(Programs.Kill);
            process.Wait(Grace);
        }
    }
}
