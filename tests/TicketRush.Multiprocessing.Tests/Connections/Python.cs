using System.Diagnostics;

namespace TicketRush.Multiprocessing.Tests.Connections;

/// <summary>
/// CPython, the oracle of the wire format: python3 as the machine has it, and whatever other versions are installed beside it. A test
/// that needs one that is not there is skipped, and says so.
/// </summary>
internal sealed class Python
{
    private static readonly Lazy<Python[]> Installed = new(() => [.. Find().DistinctBy(p => p.Version)]);

    private static readonly System.Collections.Concurrent.ConcurrentBag<Process> Running = [];

    private Python(string path, Version version) => (Path, Version) = (path, version);

    public string Path { get; }

    public Version Version { get; }

    /// <summary>The first of 3.12 or later, which authenticate by SHA-256.</summary>
    public static Python Modern => Installed.Value.FirstOrDefault(p => p.Version >= new Version(3, 12)) ?? Skip("CPython 3.12 or later");

    /// <summary>The first of up to 3.11, which know only HMAC-MD5.</summary>
    public static Python Legacy =>
        Installed.Value.FirstOrDefault(p => p.Version < new Version(3, 12) && p.Version >= new Version(3, 8)) ?? Skip("CPython up to 3.11");

    public static Python Any => Installed.Value.FirstOrDefault() ?? Skip("python3");

    /// <summary>Ends the programs that a failed test has left behind.</summary>
    public static void EndAll()
    {
        while (Running.TryTake(out var process))
        {
            try
            {
                process.Kill();
            }
            catch (InvalidOperationException)
            {
                // It has ended, as it should.
            }
        }
    }

    /// <summary>Runs a program; it fails the test unless it ends by itself with exit code 0.</summary>
    /// <returns>What it printed.</returns>
    public async Task<string> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path) { RedirectStandardOutput = true, RedirectStandardError = true };

        // Should this process be killed before it could end it, the program ends by its own clock.
        program = "import signal; signal.alarm(90)\n" + program;
        foreach (var argument in (string[])["-c", program, .. arguments]) start.ArgumentList.Add(argument);
        var process = Process.Start(start)!;
        Running.Add(process);
        try
        {
            var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
            Assert.True(process.ExitCode == 0, $"python {Version} ended with {process.ExitCode}: {await error}");
            return (await output).Trim();
        }
        finally
        {
            process.Kill();
        }
    }

    private static Python Skip(string what)
    {
        Assert.Skip($"{what} is not installed here.");
        return null!;
    }

    private static IEnumerable<Python> Find()
    {
        var versions = System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".pyenv", "versions");
        var homes = Directory.Exists(versions) ? Directory.GetDirectories(versions) : [];
        var beside = homes.Select(h => System.IO.Path.Combine(h, "bin", "python3"));
        foreach (var path in (string[])["python3", "python3.14", "python3.13", "python3.12", "python3.11", .. beside.Order()])
        {
            Python? found = null;
            try
            {
                var start = new ProcessStartInfo(path) { RedirectStandardOutput = true, RedirectStandardError = true };
                start.ArgumentList.Add("-c");
                start.ArgumentList.Add("import sys; print('%d.%d' % sys.version_info[:2])");
                using var process = Process.Start(start)!;
                if (Version.TryParse(process.StandardOutput.ReadToEnd().Trim(), out var version)) found = new(path, version);
                process.WaitForExit();
            }
            catch (Exception error) when (error is System.ComponentModel.Win32Exception or InvalidOperationException)
            {
                // Not installed.
            }

            if (found is not null) yield return found;
        }
    }
}
