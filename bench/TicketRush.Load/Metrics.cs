using OpenTelemetry;
using OpenTelemetry.Metrics;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Files;

namespace TicketRush.Load;

/// <summary>What the metrics of the sales path cost: without instruments, with instruments that nobody listens to, and collected every
/// second.</summary>
internal static class Metrics
{
    private const int Callers = 512;
    private const int Capacity = 20_000_000;

    public static async Task RunAsync(Run run)
    {
        string[] cases = ["no instruments", "nobody listens", "collected every second"];
        var rates = cases.ToDictionary(which => which, _ => new List<double>());
        var costs = cases.ToDictionary(which => which, _ => new List<double>());

        // In turn, so that a machine that gets slower gets slower for all.
        for (var i = -1; i < run.Runs; i++)
        {
            foreach (var which in cases)
            {
                run.Report.Progress($"run {Math.Max(i + 1, 0)} of {run.Runs}: {which}");
                var (perSecond, cost) = await MeasureAsync(run, which != cases[0], which == cases[2]);
                if (i < 0) continue; // A warm-up of all.
                rates[which].Add(perSecond);
                costs[which].Add(cost);
            }
        }

        foreach (var which in cases)
        {
            run.Report.Row(
                $"{Callers} callers, {which}", ("purchases/s", Median.Of(rates[which])), ("min", rates[which].Min()),
                ("max", rates[which].Max()),
                ("processor ns each", Median.Of(costs[which])));
        }

        // By the processor time that each took: rates on a shared machine swing by more than what is to be seen here.
        run.Report.Aim(
            "processor time, collected, of no instruments",
            Median.Of(costs[cases[2]].Zip(costs[cases[0]], (with, without) => with / without)), 1.03, atLeast: false);
    }

    private static async Task<(double PerSecond, double Cost)> MeasureAsync(Run run, bool instruments, bool collected)
    {
        using var scratch = run.Scratch();
        using var provider = collected
            ? Sdk.CreateMeterProviderBuilder().AddMeter(SalesMeter.Name)
                .AddReader(new PeriodicExportingMetricReader(new Nowhere(), exportIntervalMilliseconds: 1_000)).Build()
            : null;
        var directory = new DataDirectory(scratch.Path);
        directory.TryCreate("load", Crowd.Plan(Capacity));
        var sales = instruments ? new Sales(directory) : null;
        var sequencer = sales?.Find("load")!.Sequencer ?? new Sequencer(directory.Open("load"));
        await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } });
        var (before, measured) = (TimeSpan.Zero, default(CrowdResult));
        var buying = Crowd.BuyAsync(sequencer, Callers, run.Time);
        await Task.Delay(Crowd.WarmUp);
        before = Environment.CpuUsage.TotalTime;
        measured = await buying;
        var cost = (Environment.CpuUsage.TotalTime - before).TotalNanoseconds / measured.Done;
        if (sales is not null) await sales.DisposeAsync();
        else await sequencer.DisposeAsync();
        return (measured.PerSecond, cost);
    }

    /// <summary>Walks through what was measured, as a sender would, and sends it nowhere.</summary>
    private sealed class Nowhere : BaseExporter<Metric>
    {
        public override ExportResult Export(in Batch<Metric> batch)
        {
            foreach (var metric in batch)
            {
                foreach (ref readonly var point in metric.GetMetricPoints()) _ = point.EndTime;
            }

            return ExportResult.Success;
        }
    }
}
