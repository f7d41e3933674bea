using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using TicketRush.Server;

namespace TicketRush.Load;

/// <summary>Selling while thousands look on: purchases over HTTP, without viewers and with, in turn.</summary>
internal static class Viewers
{
    private const int Count = 10_000;
    private const int Connections = 64;

    public static async Task RunAsync(Run run)
    {
        if (!Wrk.IsThere(run)) return;
        using var scratch = run.Scratch();
        await using var app = RushServer.Build(new()
        {
            DataDirectory = scratch.Path, Urls = ["http://127.0.0.1:0"], OfficeKey = Shop.Key, ViewersMax = Count,
                ViewersPerNetwork = Count,
        });
        await app.StartAsync();
        var url = app.Urls.First();
        using var shop = new Shop(url);
        await shop.MakeSaleAsync();

        List<double> alone = [], watched = [], ratios = [], events = [], pausesAlone = [], pausesWatched = [];
        for (var i = -1; i < run.Runs; i++)
        {
            var name = i < 0 ? "warm-up" : $"run {i + 1} of {run.Runs}";
            run.Report.Progress($"{name}: nobody looks");
            var (without, pausesWithout) = await SellAsync();

            run.Report.Progress($"{name}: {Count} viewers come");
            using var onlookers = Self.Start("onlookers", url, Count.ToString(CultureInfo.InvariantCulture));
            if (await onlookers.StandardOutput.ReadLineAsync() != "here") throw new InvalidOperationException("The viewers did not come.");
            var (before, start) = (await AskAsync(onlookers), Stopwatch.GetTimestamp());

            run.Report.Progress($"{name}: {Count} viewers look");
            var (with, pausesWith) = await SellAsync();
            var after = await AskAsync(onlookers);
            var seen = (after.Events - before.Events) / Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (after.Here < Count) throw new InvalidOperationException($"Only {after.Here} of {Count} viewers are still there.");
            if (i >= 0)
            {
                alone.Add(without);
                watched.Add(with);
                ratios.Add(with / without);
                events.Add(seen);
                pausesAlone.Add(pausesWithout);
                pausesWatched.Add(pausesWith);
            }

            onlookers.StandardInput.Close();
            await onlookers.WaitForExitAsync();

            // The next run begins when the server has noticed that they are gone.
            await Task.Delay(2_000);
        }

        run.Report.Row("nobody looks", ("purchases/s", Median.Of(alone)), ("min", alone.Min()), ("max", alone.Max()),
            ("paused for memory", Median.Of(pausesAlone)));
        run.Report.Row($"{Count} viewers", ("purchases/s", Median.Of(watched)), ("min", watched.Min()), ("max", watched.Max()),
            ("paused for memory", Median.Of(pausesWatched)), ("events/s", Median.Of(events)));
        run.Report.Aim("with viewers, of without", Median.Of(ratios), 0.80);
        await app.StopAsync();

        // Purchases a second, and the share of the time in which the server stood still to collect garbage.
        async Task<(double PerSecond, double Paused)> SellAsync()
        {
            var (paused, start) = (GC.GetTotalPauseDuration(), Stopwatch.GetTimestamp());
            var sold = await Wrk.RunAsync(url, Connections, run.Time, await Shop.WriteScriptAsync(scratch.Path, "/api/sales/load/orders/"));
            return (sold.PerSecond, (GC.GetTotalPauseDuration() - paused) / Stopwatch.GetElapsedTime(start));
        }
    }

    private static async Task<(long Events, int Here)> AskAsync(Process onlookers)
    {
        await onlookers.StandardInput.WriteLineAsync("?");
        await onlookers.StandardInput.FlushAsync();
        var said = (await onlookers.StandardOutput.ReadLineAsync())!.Split(' ');
        return (long.Parse(said[0], CultureInfo.InvariantCulture), int.Parse(said[1], CultureInfo.InvariantCulture));
    }
}
