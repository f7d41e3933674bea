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

        var live = new List<double>();
        var pages = Paths.ToDictionary(path => path, _ => (Rates: new List<double>(), Ratios: new List<double>()));
        for (var i = -1; i < run.Runs; i++)
        {
            run.Report.Progress($"run {Math.Max(i + 1, 0)} of {run.Runs}");
            var bare = await Wrk.RunAsync(url + "/health/live", 64, run.Time);
            foreach (var path in Paths)
            {
                var page = await Wrk.RunAsync(url + path, 64, run.Time);
                if (i < 0) continue; // A warm-up of all.
                pages[path].Rates.Add(page.PerSecond);
                pages[path].Ratios.Add(page.PerSecond / bare.PerSecond);
            }

            if (i >= 0) live.Add(bare.PerSecond);
        }

        run.Report.Row("/health/live", ("requests/s", Median.Of(live)), ("min", live.Min()), ("max", live.Max()));
        foreach (var (path, page) in pages)
        {
            var bytes = (await shop.Http.GetByteArrayAsync(path)).Length;
            run.Report.Row(path, ("requests/s", Median.Of(page.Rates)), ("min", page.Rates.Min()), ("max", page.Rates.Max()), ("bytes", bytes));
            run.Report.Aim($"{path}, of /health/live", Median.Of(page.Ratios), 0.60);
        }

        await app.StopAsync();
    }
}
