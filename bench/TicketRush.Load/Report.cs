using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TicketRush.Load;

/// <summary>What every measurement is given.</summary>
internal sealed record Run(Report Report, int Runs, TimeSpan Time, string Directory)
{
    /// <summary>A directory of its own, gone when disposed.</summary>
    public Scratch Scratch() => new(System.IO.Path.Combine(Directory, $"rush-load-{Environment.ProcessId}-{Guid.NewGuid():N}"));
}

/// <summary>This program once more, whether it was started by its own name or by dotnet.</summary>
internal static class Self
{
    public static Process Start(params string[] args)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(Self).Assembly.Location);
        foreach (var arg in args) start.ArgumentList.Add(arg);
        return Process.Start(start)!;
    }
}

internal sealed class Scratch : IDisposable
{
    public Scratch(string path) => Path = System.IO.Directory.CreateDirectory(path).FullName;

    public string Path { get; }

    public void Dispose() => System.IO.Directory.Delete(Path, recursive: true);
}

/// <summary>Prints rows for people, or as JSON, and says at the end whether the aims were reached.</summary>
internal sealed class Report(string name, bool json)
{
    private readonly List<double> _roundTrips = [];
    private int _missed;
    private bool _skipped, _leftOut;

    public void Machine()
    {
        var cpu = File.Exists("/proc/cpuinfo")
            ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(
                ':')[1].Trim()
            : null;

        // The class library does not tell whether SHA-256 has instructions of its own; its speed does.
        var block = new byte[1 << 20];
        SHA256.HashData(block);
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < 16; i++) SHA256.HashData(block);
        var sha = 16 / Stopwatch.GetElapsedTime(start).TotalSeconds;

        Row(
            "machine",
            ("cpu", cpu ?? RuntimeInformation.ProcessArchitecture.ToString()), ("cores", Environment.ProcessorCount),
            ("memory GiB", GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 30), ("system", RuntimeInformation.OSDescription),
            ("runtime", RuntimeInformation.FrameworkDescription), ("avx2", Avx2.IsSupported), ("SHA-256 MiB/s", Math.Round(sha)));
    }

    public void Row(string what, params (string Name, object Value)[] figures)
    {
        if (json)
        {
            var row = new JsonObject { ["measurement"] = name, ["row"] = what };
            foreach (var (figure, value) in figures) row[figure] = JsonSerializer.SerializeToNode(value);
            Console.WriteLine(row.ToJsonString());
            return;
        }

        Console.WriteLine($"{what,-34} " + string.Join("  ", figures.Select(figure => $"{figure.Name} {Write(figure.Value)}")));
    }

    /// <summary>A figure against what it should reach.</summary>
    public void Aim(string what, double value, double aim, bool atLeast = true)
    {
        var reached = atLeast ? value >= aim : value <= aim;
        if (!reached) _missed++;
        Row($"aim: {what}", ("is", value), (atLeast ? "at least" : "at most", aim), ("reached", reached));
    }

    /// <summary>The machine lacks what this measurement needs: nothing was measured, and nothing reached.</summary>
    public void Skip(string why)
    {
        _skipped = true;
        Row("skipped", ("why", why));
    }

    /// <summary>The machine lacks what a part of this measurement needs: the rest was measured.</summary>
    public void LeaveOut(string what, string why)
    {
        _leftOut = true;
        Row("skipped", (what, why));
    }

    /// <summary>To be called before each run, when nothing else is under way: it looks at the machine too.</summary>
    public void Progress(string text)
    {
        _roundTrips.Add(Processors.RoundTrip());
        if (!json && !Console.IsErrorRedirected) Console.Error.Write($"\r{text,-78}\r");
    }

    public int End()
    {
        if (_skipped) return 1;

        if (_roundTrips.Count > 0)
            Row("between two processors, ns", ("median", Median.Of(_roundTrips)), ("min", _roundTrips.Min()), ("max", _roundTrips.Max()));
        if (json) return 0;
        var every = _leftOut ? "Every aim that was measured" : "Every aim";
        Console.WriteLine(_missed == 0 ? $"{every} was reached." : $"{_missed} aim{(_missed == 1 ? " was" : "s were")} missed.");
        return 0;
    }

    private static string Write(object value) => value switch
    {
        double number when Math.Abs(number) >= 1000 => number.ToString("N0", CultureInfo.InvariantCulture),
        double number => number.ToString("0.###", CultureInfo.InvariantCulture),
        long number => number.ToString("N0", CultureInfo.InvariantCulture),
        int number => number.ToString("N0", CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}

/// <summary>Medians with their spread.</summary>
internal static class Median
{
    public static double Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
