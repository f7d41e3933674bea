using TicketRush.Journal;

namespace TicketRush.Load;

internal static class Refusals
{
    public static async Task RunAsync(Run run)
    {
        foreach (var callers in new[] { 64, 512, 4096 })
        {
            var results = new List<CrowdResult>();
            long written = 0;
            for (var i = 0; i < run.Runs; i++)
            {
                run.Report.Progress($"run {i + 1} of {run.Runs}: {callers} callers");
                using var scratch = run.Scratch();
                var sequencer = await Crowd.OpenAsync(scratch.Path, capacity: 0);
                var before = (sequencer.Appended.Entries, Bytes(scratch.Path));
                results.Add(await Crowd.BuyAsync(sequencer, callers, run.Time, Outcome.Refused));
                written += sequencer.Appended.Entries - before.Entries + Bytes(scratch.Path) - before.Item2;
                await sequencer.DisposeAsync();
            }

            var perSecond = Median.Of(results.Select(one => one.PerSecond));
            run.Report.Row(
                $"{callers} callers, SOLD_OUT", ("refusals/s", perSecond), ("min", results.Min(one => one.PerSecond)),
                    ("max", results.Max(one => one.PerSecond)),
                ("p50 ms", Median.Of(results.Select(one => one.P50))), ("p99 ms", Median.Of(results.Select(one => one.P99))),
                    ("bytes written", written));
            if (callers > 64) run.Report.Aim($"{callers} callers, refusals/s", perSecond, 1_500_000);
            run.Report.Aim($"{callers} callers, bytes written", written, 0, atLeast: false);
        }
    }

    private static long Bytes(string directory) => Directory.EnumerateFiles(directory, "*.rush").Sum(file => new FileInfo(file).Length);
}
