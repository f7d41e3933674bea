using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace TicketRush.Multiprocessing.Tests.Processes;

/// <summary>
/// The children of one test, and a directory in which they leave what they have to say. At the end the children are killed and the
/// directory is gone, however the test went.
/// </summary>
internal sealed partial class Kids : IDisposable
{
    /// <summary>How long anything may take before a test gives up; a machine may be slow.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly List<ChildProcess> _children = [];
    private readonly List<Process> _roots = [];
    private readonly string _directory = Directory.CreateTempSubdirectory("kids-").FullName;

    /// <summary>The path of a file for a child to write to.</summary>
    public string File(string name) => Path.Combine(_directory, name);

    public ChildProcess Start(Delegate target, params object?[] arguments) => Start(new ChildProcess(target, arguments));

    public T Start<T>(T child)
        where T : ChildProcess
    {
        child.Start();
        return Keep(child);
    }

    /// <summary>Sees to the end of a child that somebody else has started.</summary>
    public T Keep<T>(T child)
        where T : ChildProcess
    {
        _children.Add(child);
        return child;
    }

    /// <summary>Runs this program as one of <see cref="Roots"/>: a process of its own, that no test framework is part of.</summary>
    public Process StartRoot(params string[] arguments)
    {
        var command = RootCommand(arguments);
        return StartProgram(command[0], command[1..]);
    }

    /// <summary>How <see cref="StartRoot"/> does it, as a shell would be told.</summary>
    public static string[] RootCommand(params string[] arguments) => [Environment.ProcessPath!, .. HostArguments(), "root", .. arguments];

    public Process StartProgram(string path, params string[] arguments)
    {
        var start = new ProcessStartInfo(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        var process = Process.Start(start)!;
        _roots.Add(process);
        return process;
    }

    /// <summary>Waits for a program's end.</summary>
    /// <returns>What it exited with, and what it printed on both streams.</returns>
    public static (int ExitCode, string Output) Finish(Process process)
    {
        Task<string>[] output = [process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync()];
        Assert.True(process.WaitForExit(Patience), "The program did not end.");
        Assert.True(Task.WaitAll(output, Patience), "Somebody still has the program's output open.");
        return (process.ExitCode, output[0].Result + output[1].Result);
    }

    /// <summary>Waits until a child has written a file, whole: children write by <see cref="Say"/>.</summary>
    public string Read(string name)
    {
        Until(() => System.IO.File.Exists(File(name)), $"Nobody wrote {name}.");
        return System.IO.File.ReadAllText(File(name));
    }

    /// <summary>In a child: writes a file that appears at once with all that is in it.</summary>
    public static void Say(string path, string text)
    {
        System.IO.File.WriteAllText(path + ".new", text);
        System.IO.File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>
    /// In a child: adds a line to a file that others add to. Appending alone is looking for the end and writing there, and two find the
    /// same end.
    /// </summary>
    public static void AddLine(string path, string line)
    {
        for (var start = Stopwatch.GetTimestamp(); ; Thread.Sleep(1))
        {
            try
            {
                using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.None);
                file.Write(Encoding.UTF8.GetBytes(line + "\n"));
                return;
            }
            catch (IOException) when (Stopwatch.GetElapsedTime(start) < Patience)
            {
                // Another is adding its own.
            }
        }
    }

    public static void Until(Func<bool> condition, string otherwise = "It did not come to pass.")
    {
        var start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Patience) Assert.Fail(otherwise);
            Thread.Sleep(2);
        }
    }

    /// <summary>In a child: stays until somebody ends it.</summary>
    public static void Sleep() => Thread.Sleep(Timeout.Infinite);

    /// <summary>Whether a process is there, running or stopped. One that has ended and that nobody asked about is not.</summary>
    public static bool IsRunning(int pid)
    {
        try
        {
            var status = System.IO.File.ReadAllText($"/proc/{pid}/stat");
            return status[status.LastIndexOf(')') + 2] is not 'Z' and not 'X';
        }
        catch (IOException)
        {
            return false;
        }
    }

    public static void Terminate(int pid) => Assert.Equal(0, SendSignal(pid, 15));

    public static void Interrupt(int pid) => Assert.Equal(0, SendSignal(pid, 2));

    /// <summary>Ends it if it is still there.</summary>
    public static void Kill(int pid) => SendSignal(pid, 9);

    public static void Stop(int pid) => Assert.Equal(0, SendSignal(pid, 19));

    /// <summary>A second descriptor for an open file, one that programs started from here inherit unless somebody sees to it.</summary>
    public static SafeFileHandle Inheritable(SafeFileHandle file) =>
        new(DuplicateDescriptor((int)file.DangerousGetHandle()), ownsHandle: true);

    public void Dispose()
    {
        foreach (var child in _children)
        {
            // Also of those that the test has closed.
            child.Signal(9);
            child.Wait(Patience);
        }

        foreach (var root in _roots)
        {
            root.Kill();
            root.Dispose();
        }

        Directory.Delete(_directory, recursive: true);
    }

    private static string[] HostArguments() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(Kids).Assembly.Location] : [];

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int DuplicateDescriptor(int number);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int pid, int signal);
}
