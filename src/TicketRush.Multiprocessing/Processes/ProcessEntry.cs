using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using TicketRush.Multiprocessing.Native;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing;

/// <summary>
/// The call that a program which has child processes begins with. A child is the same program started again: there, this call runs what
/// the child was started for, and the rest of the program is not reached.
/// <code>
/// ProcessEntry.Run(AppJson.Default);
///
/// using var worker = new ChildProcess(Work, 42);
/// worker.Start();
/// worker.Join();
/// </code>
/// </summary>
public static class ProcessEntry
{
    private static bool _isCalled;

    /// <summary>
    /// To be called first thing in Main. In a child it does not return: it runs the child's target and ends the process, without
    /// waiting for threads that the target leaves behind. Where those matter, give the program to
    /// <see cref="Run(Func{int}, JsonSerializerContext[])"/>.
    /// </summary>
    /// <param name="contexts">
    /// How the types of arguments are written. Numbers, strings, times, arrays of them, sockets, connections and whatever is shared
    /// need none.
    /// </param>
    public static void Run(params JsonSerializerContext[] contexts)
    {
        if (Enter(contexts) is { } launch) Exit(RunTarget(launch));
    }

    /// <summary>
    /// All that Main does: it runs the program, or in a child the child's target. The child's process lives on while it has foreground
    /// threads, as every .NET process does.
    /// </summary>
    /// <param name="program">The program, with its exit code.</param>
    /// <param name="contexts">
    /// How the types of arguments are written. Numbers, strings, times, arrays of them, sockets, connections and whatever is shared
    /// need none.
    /// </param>
    /// <returns>The exit code, for Main to return.</returns>
    public static int Run(Func<int> program, params JsonSerializerContext[] contexts)
    {
        ArgumentNullException.ThrowIfNull(program);
        return Enter(contexts) is { } launch ? RunTarget(launch) : program();
    }

    /// <summary>As <see cref="Run(Func{int}, JsonSerializerContext[])"/>, for a Main that is asynchronous.</summary>
    /// <param name="program">The program, with its exit code.</param>
    /// <param name="contexts">How the types of arguments are written.</param>
    /// <returns>The exit code, for Main to return.</returns>
    public static async Task<int> RunAsync(Func<Task<int>> program, params JsonSerializerContext[] contexts)
    {
        ArgumentNullException.ThrowIfNull(program);
        return Enter(contexts) is { } launch ? RunTarget(launch) : await program().ConfigureAwait(false);
    }

    /// <summary>Ends this process, root or child, with an exit code of which the system keeps the lowest 8 bits.</summary>
    /// <param name="code">0 says that all is well.</param>
    [DoesNotReturn]
    public static void Exit(int code = 0) => Environment.Exit(code);

    /// <summary>Ends this process with exit code 1, after it has said why on standard error.</summary>
    /// <param name="message">Why.</param>
    [DoesNotReturn]
    public static void Exit(string message)
    {
        Console.Error.WriteLine(message);
        Exit(1);
    }

    /// <exception cref="InvalidOperationException">The program has not begun with <see cref="Run(JsonSerializerContext[])"/>.</exception>
    internal static void DemandCalled()
    {
        if (_isCalled) return;
        throw new InvalidOperationException(
            "This program has not called ProcessEntry.Run. A child process is this program started again, and that call at the top of "
            + "Main is where the child turns off to its own work: call it first thing in Main, before anything else happens.");
    }

    private static Launch? Enter(JsonSerializerContext[] contexts)
    {
        ArgumentNullException.ThrowIfNull(contexts);
        if (_isCalled) throw new InvalidOperationException("ProcessEntry.Run is called once, first thing in Main.");
        _isCalled = true;
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture is not (Architecture.X64 or Architecture.Arm64))
        {
            throw new PlatformNotSupportedException(
                $"TicketRush.Multiprocessing runs on Linux, x64 and arm64: it needs futexes, robust mutexes and process descriptors, which "
                + $"{RuntimeInformation.OSDescription} ({RuntimeInformation.ProcessArchitecture}) does not offer.");
        }

        Argument.Use(contexts);
        Launch? launch;
        try
        {
            launch = Launch.Take();
        }
        catch (Exception failure)
        {
            // A child that cannot read what it is to do is not a second root.
            Report(failure);
            Environment.Exit(1);
            throw;
        }

        if (launch is null)
        {
            // Rather now than at the first start, with a child that nobody could wait for.
            Programs.Open(CurrentProcess.Pid).Dispose();
            Children.EndDaemonsOnTermination();
            return null;
        }

        CurrentProcess.Become(launch);
        if (launch.IsDaemon) EndWithParent(launch);
        return launch;
    }

    private static void EndWithParent(Launch launch)
    {
        Programs.DieWithParent();
        if (Programs.ParentId() != launch.ParentId) Programs.Die();

        // Where the kernel was kept from that promise (a sandbox), the parent's end of the socket still closes with it.
        Starter.Watch(launch.Control!, Programs.Die);
    }

    private static int RunTarget(Launch launch)
    {
        try
        {
            if (launch.Target is MethodInfo method) return Target.Invoke(method, launch.Arguments);
            var process = (ChildProcess)launch.Arguments[0]!;
            process.Become(launch);
            process.Run();
            return 0;
        }
        catch (Exception failure)
        {
            Report(failure);
            return 1;
        }
    }

    private static void Report(Exception failure) =>
        Report($"Process {CurrentProcess.Name} ({CurrentProcess.Pid}) failed:{Environment.NewLine}{failure}");

    /// <summary>Says it on standard error, if anybody reads that.</summary>
    internal static void Report(string what)
    {
        try
        {
            Console.Error.WriteLine(what);
            Console.Error.Flush();
        }
        catch (IOException)
        {
            // Nobody reads standard error. The exit code still says it.
        }
    }
}
