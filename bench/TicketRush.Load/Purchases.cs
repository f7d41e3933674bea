namespace TicketRush.Load;

internal static class Purchases
{
    private const int Capacity = 20_000_000;

    public static async Task RunAsync(Run run)
    {
        (int Callers, bool Flush)[] cases = [(1, true), (64, true), (512, true), (512, false), (4096, true), (4096, false)];
        var results = cases.ToDictionary(which => which, _ => new List<CrowdResult>());

        // Flush and no flush in turn, so that a machine that gets slower gets slower for both.
        for (var i = 0; i < run.Runs; i++)
        {
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

        double PerSecond((int, bool) which) => Median.Of(results[which].Select(one => one.PerSecond));
    }
}
