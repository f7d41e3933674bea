using Microsoft.AspNetCore.Builder;
using TicketRush.Server;

namespace TicketRush.Load;

/// <summary>The pages that everybody looks at in a rush, against an answer of four bytes on the same server.</summary>
internal static class Pages
{
    private static readonly string[] Paths = ["/", "/sales/load"];

    public static async Task RunAsync(Run run)
    {
        if (!Wrk.IsThere(run)) return;
        using var scratch = run.Scratch();
        await using var app = RushServer.Build(new() { DataDirectory = scratch.Path, Urls = ["http://127.0.0.1:0"], OfficeKey = Shop.Key });
        await app.StartAsync();
        var url = app.Urls.First();
        using var shop = new Shop(url);
        await shop.MakeSaleAsync();

        // wrk may be what is slowest here: how much of the processors an answer takes tells the rest.
        var live = (Rates: new List<double>(), Costs: new List<double>());
        var pages = Paths.ToDictionary(path => path, _ => (Rates: new List<double>(), Costs: new List<double>(), Ratios: new List<double>()));
        for (var i = -1; i < run.Runs; i++)
        {
            run.Report.Progress($"run {Math.Max(i + 1, 0)} of {run.Runs}");
            var bare = await MeasureAsync(url + "/health/live", run);
            foreach (var path in Paths)
            {
                var page = await MeasureAsync(url + path, run);
                if (i < 0) continue; // A warm-up of all.
                pages[path].Rates.Add(page.PerSecond);
                pages[path].Costs.Add(page.Cost);
                pages[path].Ratios.Add(page.PerSecond / bare.PerSecond);
            }

            if (i < 0) continue;
            live.Rates.Add(bare.PerSecond);
            live.Costs.Add(bare.Cost);
        }

        run.Report.Row(
            "/health/live", ("requests/s", Median.Of(live.Rates)), ("min", live.Rates.Min()), ("max", live.Rates.Max()), ("server's µs", Median.Of(live.Costs)));
        foreach (var (path, page) in pages)
        {
            var bytes = (await shop.Http.GetByteArrayAsync(path)).Length;
            run.Report.Row(path, ("requests/s", Median.Of(page.Rates)), ("min", page.Rates.Min()), ("max", page.Rates.Max()), ("server's µs", Median.Of(page.Costs)), ("bytes", bytes));
            run.Report.Aim($"{path}, of /health/live", Median.Of(page.Ratios), 0.60);
        }

        await app.StopAsync();
    }

    /// <returns>Requests a second, and microseconds of processor time that each took in this process, which is the server's.</returns>
    private static async Task<(double PerSecond, double Cost)> MeasureAsync(string url, Run run)
    {
        var (before, start) = (Environment.CpuUsage.TotalTime, System.Diagnostics.Stopwatch.GetTimestamp());
        var measured = await Wrk.RunAsync(url, 64, run.Time);
        var requests = measured.PerSecond * System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds;
        return (measured.PerSecond, (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / requests);
    }
}
