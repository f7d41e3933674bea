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
            DataDirectory = scratch.Path, Urls = ["http://127.0.0.1:0"], OfficeKey = Shop.Key, ViewersMax = Count, ViewersPerNetwork = Count,
        });
        await app.StartAsync();
        var url = app.Urls.First();
        using var shop = new Shop(url);
        await shop.MakeSaleAsync();
        await SellAsync(); // A warm-up.

        List<double> alone = [], watched = [], ratios = [], events = [];
        for (var i = 0; i < run.Runs; i++)
        {
            run.Report.Progress($"run {i + 1} of {run.Runs}: nobody looks");
            alone.Add(await SellAsync());

            run.Report.Progress($"run {i + 1} of {run.Runs}: {Count} viewers come");
            using var onlookers = Self.Start("onlookers", url, Count.ToString(CultureInfo.InvariantCulture));
            if (await onlookers.StandardOutput.ReadLineAsync() != "here") throw new InvalidOperationException("The viewers did not come.");
            var (before, start) = (await AskAsync(onlookers), Stopwatch.GetTimestamp());

            run.Report.Progress($"run {i + 1} of {run.Runs}: {Count} viewers look");
            watched.Add(await SellAsync());
            var after = await AskAsync(onlookers);
            events.Add((after.Events - before.Events) / Stopwatch.GetElapsedTime(start).TotalSeconds);
            if (after.Here < Count) throw new InvalidOperationException($"Only {after.Here} of {Count} viewers are still there.");
            ratios.Add(watched[^1] / alone[^1]);
            onlookers.StandardInput.Close();
            await onlookers.WaitForExitAsync();

            // The next run begins when the server has noticed that they are gone.
            await Task.Delay(2_000);
        }

        run.Report.Row("nobody looks", ("purchases/s", Median.Of(alone)), ("min", alone.Min()), ("max", alone.Max()));
        run.Report.Row($"{Count} viewers", ("purchases/s", Median.Of(watched)), ("min", watched.Min()), ("max", watched.Max()), ("events/s", Median.Of(events)));
        run.Report.Aim("with viewers, of without", Median.Of(ratios), 0.80);
        await app.StopAsync();

        async Task<double> SellAsync() =>
            (await Wrk.RunAsync(url, Connections, run.Time, await Shop.WriteScriptAsync(scratch.Path, "/api/sales/load/orders/"))).PerSecond;
    }

    private static async Task<(long Events, int Here)> AskAsync(Process onlookers)
    {
        await onlookers.StandardInput.WriteLineAsync("?");
        await onlookers.StandardInput.FlushAsync();
        var said = (await onlookers.StandardOutput.ReadLineAsync())!.Split(' ');
        return (long.Parse(said[0], CultureInfo.InvariantCulture), int.Parse(said[1], CultureInfo.InvariantCulture));
    }
}
