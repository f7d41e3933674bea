using System.Diagnostics;
using System.Globalization;

namespace TicketRush.Load;

/// <summary>Runs redis-benchmark and reads what it says.</summary>
internal static class RedisBenchmark
{
    public const string Program = "/usr/bin/redis-benchmark";

    public const string Buyer = "buyer-__rand_int__";

    /// <summary>
    /// Two numbers of twelve digits each: another id every time. And others in every run, for redis-benchmark draws from the time and its
    /// process id, and now and then draws again what it drew a minute ago, which would be answered and not sold.
    /// </summary>
    public static string Id => $"{Random.Shared.Next():x8}__rand_int____rand_int__";

    /// <exception cref="InvalidOperationException">It failed, or the server refused.</exception>
    public static async Task<(double PerSecond, double P99)> RunAsync(int port, string? key, int pipeline, int count,
        params string[] command)
    {
        var start = new ProcessStartInfo(Program) { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments =
        [
            "-p", port.ToString(CultureInfo.InvariantCulture), "-c", "50", "-P", pipeline.ToString(CultureInfo.InvariantCulture),
            "-n", count.ToString(CultureInfo.InvariantCulture), "-r", "2000000000", "--csv",
                .. key is null ? Array.Empty<string>() : ["--user", "office", "-a", key], .. command,
        ];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var benchmark = Process.Start(start)!;
        var (output, error) = (benchmark.StandardOutput.ReadToEndAsync(), benchmark.StandardError.ReadToEndAsync());
        await benchmark.WaitForExitAsync();
        var line = (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .LastOrDefault(text => !text.StartsWith("\"test\"", StringComparison.Ordinal));
        if (benchmark.ExitCode != 0 || line is null) throw new InvalidOperationException($"redis-benchmark failed: {await error}");

        // "test","rps","avg_latency_ms","min","p50","p95","p99","max"
        var fields = line.Split("\",\"").Select(field => field.Trim('"')).ToArray();
        return (double.Parse(fields[^7], CultureInfo.InvariantCulture), double.Parse(fields[^2], CultureInfo.InvariantCulture));
    }
}
