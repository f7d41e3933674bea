using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace TicketRush.Load;

/// <summary>Runs wrk and reads what it says.</summary>
internal static partial class Wrk
{
    private const string Program = "/usr/bin/wrk";

    public static bool IsThere(Run run)
    {
        if (File.Exists(Program)) return true;
        run.Report.Skip("wrk is not installed (on Debian: apt-get install wrk)");
        return false;
    }

    /// <exception cref="InvalidOperationException">The server refused.</exception>
    public static async Task<(double PerSecond, double P99)> RunAsync(string url, int connections, TimeSpan time, string? script = null)
    {
        var start = new ProcessStartInfo(Program) { RedirectStandardOutput = true };
        foreach (var arg in new[] { "-t1", $"-c{connections}", $"-d{Math.Max(1, (int)time.TotalSeconds)}s", "--latency" }) start.ArgumentList.Add(arg);
        if (script is not null)
        {
            start.ArgumentList.Add("-s");
            start.ArgumentList.Add(script);
        }

        start.ArgumentList.Add(url);
        using var wrk = Process.Start(start)!;
        var output = await wrk.StandardOutput.ReadToEndAsync();
        await wrk.WaitForExitAsync();
        if (output.Contains("Non-2xx", StringComparison.Ordinal))
            throw new InvalidOperationException("wrk was refused:\n" + output[..Math.Min(output.Length, 2000)]);

        var rate = double.Parse(RatePattern().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
        var tail = TailPattern().Match(output);
        var unit = tail.Groups[2].Value switch { "us" => 0.001, "s" => 1000.0, _ => 1.0 };
        return (rate, double.Parse(tail.Groups[1].Value, CultureInfo.InvariantCulture) * unit);
    }

    [GeneratedRegex(@"Requests/sec:\s+([\d.]+)")]
    private static partial Regex RatePattern();

    [GeneratedRegex(@"99%\s+([\d.]+)(us|ms|s)")]
    private static partial Regex TailPattern();
}
