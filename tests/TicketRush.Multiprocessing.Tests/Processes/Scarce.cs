using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TicketRush.Multiprocessing.Tests.Processes;

/// <summary>
/// A program that starts children and pools with more and more descriptors free, from none on: so each call that needs one is the first
/// to go without. Whatever is not started must be refused, and must not be left behind.
/// </summary>
internal static partial class Scarce
{
    private const int Room = 64, DescriptorLimit = 7;

    public static int Run()
    {
        // What is loaded and opened at the first use is there before descriptors are scarce.
        Try(StartChild);
        Try(StartPool);
        Try(() => throw new IOException("the first exception"));
        var limit = new Limits { Now = (ulong)Open() + Room, Most = ulong.MaxValue };
        if (GetLimits(DescriptorLimit, out var before) != 0) return 2;
        limit.Most = before.Most;
        if (SetLimits(DescriptorLimit, limit) != 0) return 3;

        var (started, refused) = (0, 0);
        var fill = new Stack<SafeFileHandle>();
        foreach (var (step, start) in (ReadOnlySpan<(int, Action)>)[(1, StartChild), (3, StartPool)])
        {
            for (var free = 0; free < Room - 4; free += step)
            {
                while (Duplicate(2) is >= 0 and var number) fill.Push(new(number, ownsHandle: true));
                for (var i = 0; i < free && fill.TryPop(out var one); i++) one.Dispose();
                if (Try(start)) started++;
                else refused++;
            }
        }

        while (fill.TryPop(out var one)) one.Dispose();
        for (var tries = 0; tries < 5000 && Children() > 0; tries++) Thread.Sleep(2);
        Console.WriteLine($"{Some(started, 10)} started, {Some(refused, 5)} refused, {Children()} left");
        return 0;
    }

    private static string Some(int count, int most) => count > most ? "some" : $"{count}";

    private static bool Try(Action start)
    {
        try
        {
            start();
            return true;
        }
        catch (Exception refused) when (refused is IOException or System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    private static void StartChild()
    {
        using var child = new ChildProcess(Kids.Sleep);
        child.Start();
        child.Kill();
        child.Join();
    }

    private static void StartPool()
    {
        using var pool = new ProcessPool(4, new() { Spares = 0 });
    }

    private static int Open() => Directory.GetFileSystemEntries("/proc/self/fd").Length;

    // Also those that have ended and were not waited for.
    private static int Children()
    {
        var self = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        return Directory.EnumerateDirectories("/proc").Where(path => char.IsAsciiDigit(path[^1])).Count(path =>
        {
            try
            {
                var status = File.ReadAllText(path + "/stat");
                return status[(status.LastIndexOf(')') + 2)..].Split(' ')[1] == self;
            }
            catch (IOException)
            {
                return false;
            }
        });
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Limits
    {
        public ulong Now, Most;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimits(int what, out Limits limits);

    [LibraryImport("libc", EntryPoint = "setrlimit")]
    private static partial int SetLimits(int what, in Limits limits);

    [LibraryImport("libc", EntryPoint = "dup")]
    private static partial int Duplicate(int number);
}
