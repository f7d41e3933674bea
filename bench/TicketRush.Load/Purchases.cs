using System.Diagnostics;
using TicketRush.Journal.Files;

namespace TicketRush.Load;

internal static class Purchases
{
    private const int Capacity = 20_000_000;

    public static async Task RunAsync(Run run)
    {
        (int Callers, bool Flush)[] cases = [(1, true), (64, true), (512, true), (512, false), (4096, true), (4096, false)];
        var results = cases.ToDictionary(which => which, _ => new List<CrowdResult>());
        var bare = new List<double>();

        // Flush and no flush in turn, so that a machine that gets slower gets slower for both.
        for (var i = 0; i < run.Runs; i++)
        {
            run.Report.Progress($"run {i + 1} of {run.Runs}: the disk alone");
            bare.Add(BareFlushes(run));
            foreach (var which in cases)
            {
                run.Report.Progress($"run {i + 1} of {run.Runs}: {which.Callers} callers, flush {(which.Flush ? "on" : "off")}");
                using var scratch = run.Scratch();
                var sequencer = await Crowd.OpenAsync(scratch.Path, Capacity, which.Flush);
                results[which].Add(await Crowd.BuyAsync(sequencer, which.Callers, run.Time));
                await sequencer.DisposeAsync();
                sequencer = null;
                GC.Collect();
            }
        }

        run.Report.Row(
            "the disk alone, 512 bytes at a time", ("flushes/s", Median.Of(bare)), ("min", bare.Min()), ("max", bare.Max()),
                ("flush", "fdatasync"));
        foreach (var (which, all) in results)
        {
            run.Report.Row(
                $"{which.Callers} callers, flush {(which.Flush ? "fdatasync" : "off")}",
                ("purchases/s", PerSecond(which)), ("min", all.Min(one => one.PerSecond)), ("max", all.Max(one => one.PerSecond)),
                ("batch", Median.Of(all.Select(one => one.Batch))), ("p50 ms", Median.Of(all.Select(one => one.P50))),
                ("p99 ms", Median.Of(all.Select(one => one.P99))), ("p999 ms", Median.Of(all.Select(one => one.P999))));
        }

        run.Report.Aim("512 callers, purchases/s", PerSecond((512, true)), 850_000);
        run.Report.Aim("4,096 callers, purchases/s", PerSecond((4096, true)), 1_200_000);
        run.Report.Aim("512 callers, of no flush", PerSecond((512, true)) / PerSecond((512, false)), 0.65);
        run.Report.Aim("4,096 callers, of no flush", PerSecond((4096, true)) / PerSecond((4096, false)), 0.65);
        run.Report.Aim("512 callers, p99 ms", Median.Of(results[(512, true)].Select(one => one.P99)), 2, atLeast: false);
        run.Report.Aim("1 caller, purchases/s", PerSecond((1, true)), 10_000);
        run.Report.Row("1 caller, of the disk alone", ("is", PerSecond((1, true)) / Median.Of(bare)));

        double PerSecond((int, bool) which) => Median.Of(results[which].Select(one => one.PerSecond));
    }

    /// <summary>
    /// What the disk gives to a loop that writes one sector over zeros and flushes it, with no thread to wake and nothing to decide.
    /// </summary>
    private static double BareFlushes(Run run)
    {
        const int Sector = 512, Room = 8 * 1024 * 1024;
        using var scratch = run.Scratch();
        using var file = File.OpenHandle(Path.Combine(scratch.Path, "bare"), FileMode.Create, FileAccess.ReadWrite);
        RandomAccess.Write(file, new byte[Room], 0);
        RandomAccess.FlushToDisk(file);

        var sector = new byte[Sector];
        Random.Shared.NextBytes(sector);
        var (count, since) = (0, Stopwatch.GetTimestamp());
        for (; Stopwatch.GetElapsedTime(since) < run.Time; count++)
        {
            RandomAccess.Write(file, sector, (long)count * Sector % Room);
            Platform.Current.FlushData(file);
        }

        return count / Stopwatch.GetElapsedTime(since).TotalSeconds;
    }
}
