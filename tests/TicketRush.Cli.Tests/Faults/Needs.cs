using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using TicketRush.Testing;

namespace TicketRush.Cli.Tests.Faults;

/// <summary>What a fault needs of the machine. A test that cannot have it is skipped, and says what is missing.</summary>
internal static class Needs
{
    public static void Strace()
    {
        Linux();
        if (Environment.GetEnvironmentVariable("PATH")!.Split(':').All(folder => !File.Exists(Path.Combine(folder, "strace"))))
            Assert.Skip("needs strace: apt-get install strace");
    }

    public static void Linux()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("needs Linux: signals, its file locks and its tools");
    }

    public static void Postgres()
    {
        if (PostgresServer.Missing is { } why) Assert.Skip(why);
    }

    public static void Haproxy()
    {
        if (!File.Exists("/usr/sbin/haproxy")) Assert.Skip("needs haproxy: apt-get install haproxy");
    }

    public static void RedisCli()
    {
        if (Environment.GetEnvironmentVariable("PATH")!.Split(':').All(folder => !File.Exists(Path.Combine(folder, "redis-cli"))))
            Assert.Skip("needs redis-cli: apt-get install redis-tools");
    }

    /// <returns>The library to preload.</returns>
    public static string FakeTime()
    {
        Linux();
        var found = Directory.EnumerateDirectories("/usr/lib")
            .Select(folder => Path.Combine(folder, "faketime", "libfaketime.so.1")).FirstOrDefault(File.Exists);
        if (found is null) Assert.Skip("needs libfaketime: apt-get install libfaketime");
        return found;
    }
}

/// <summary>How often a storm repeats: all of it with RUSH_FULL=1, a tenth otherwise.</summary>
internal static class Storm
{
    public static int Of(int full) => IsFull ? full : Math.Max(1, full / 10);

    public static bool IsFull => Environment.GetEnvironmentVariable("RUSH_FULL") == "1";
}

internal static class Until
{
    /// <summary>Asks again and again. The bound is generous: it is there to end a hang, not to measure.</summary>
    public static async Task TrueAsync(Func<Task<bool>> isTrue, string what, double seconds = 30)
    {
        var since = Stopwatch.GetTimestamp();
        while (!await isTrue())
        {
            if (Stopwatch.GetElapsedTime(since).TotalSeconds > seconds) Assert.Fail($"After {seconds} s still not so: {what}.");
            await Task.Delay(10);
        }
    }

    public static Task TrueAsync(Func<bool> isTrue, string what, double seconds = 30) =>
        TrueAsync(() => Task.FromResult(isTrue()), what, seconds);
}

/// <summary>A port to serve at that is known beforehand.</summary>
internal static class FreePort
{
    /// <summary>
    /// One that no client is given for itself: who asks again and again for a port of its own range, where nobody listens, meets itself.
    /// </summary>
    public static int For(SocketType type)
    {
        while (true)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, type, ProtocolType.Unspecified);
            try
            {
                var port = Random.Shared.Next(20_000, 30_000);
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken.
            }
        }
    }
}

/// <summary>A small disk of its own that can be filled; unmounted however the test ends.</summary>
internal sealed class SmallDisk : IDisposable
{
    private SmallDisk(string path) => Path = path;

    public string Path { get; }

    private string Filler => System.IO.Path.Combine(Path, "filler");

    public static SmallDisk Mount(int kilobytes)
    {
        Needs.Linux();
        if (Environment.UserName != "root") Assert.Skip("needs root: mount -t tmpfs");
        var path = Directory.CreateTempSubdirectory("rush-disk-").FullName;
        if (Run("mount", "-t", "tmpfs", "-o", $"size={kilobytes}k", "tmpfs", path) is { Length: > 0 } error)
        {
            Directory.Delete(path);
            Assert.Skip($"needs to mount a tmpfs: {error}");
        }

        return new(path);
    }

    /// <summary>Takes all the room there is, and gives back so many bytes of it.</summary>
    public void Fill(int except = 0)
    {
        using var filler = new FileStream(Filler, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        filler.Seek(0, SeekOrigin.End);
        var page = new byte[4096];
        try
        {
            while (true) filler.Write(page);
        }
        catch (IOException)
        {
            filler.SetLength(filler.Length / 4096 * 4096 - except);
        }
    }

    public void Free() => File.Delete(Filler);

    public void Dispose()
    {
        if (Run("umount", Path).Length > 0) Run("umount", "-l", Path);
        Directory.Delete(Path);
    }

    private static string Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? "" : error + $" (exit code {process.ExitCode})";
    }
}
