using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Journal;
using TicketRush.Server;
using TicketRush.Server.Api;

namespace TicketRush.Load;

internal static class Http
{
    public static async Task RunAsync(Run run)
    {
        if (!Wrk.IsThere(run)) return;
        using var scratch = run.Scratch();
        await using var app = RushServer.Build(new() { DataDirectory = scratch.Path, Urls = ["http://127.0.0.1:0"], OfficeKey = Shop.Key });
        app.MapMethods("/noop/{id}", ["PUT"], NoOp).ExcludeFromDescription();
        await app.StartAsync();
        var url = app.Urls.First();
        using var shop = new Shop(url);
        await shop.MakeSaleAsync();

        foreach (var connections in new[] { 64, 256 })
        {
            List<double> purchases = [], noops = [], p99 = [], batches = [], ratios = [];
            for (var i = -1; i < run.Runs; i++)
            {
                run.Report.Progress($"{connections} connections, run {Math.Max(i + 1, 0)} of {run.Runs}");
                var noop = await PutAsync(scratch.Path, url, "/noop/", connections, run.Time);
                var before = Appended(app);
                var purchase = await PutAsync(scratch.Path, url, "/api/sales/load/orders/", connections, run.Time);
                var after = Appended(app);
                if (i < 0) continue; // A warm-up of both.

                batches.Add((double)(after.Entries - before.Entries) / (after.Batches - before.Batches));
                noops.Add(noop.PerSecond);
                purchases.Add(purchase.PerSecond);
                p99.Add(purchase.P99);
                ratios.Add(purchase.PerSecond / noop.PerSecond);
            }

            run.Report.Row($"{connections} connections, no-op PUT", ("requests/s", Median.Of(noops)), ("min", noops.Min()),
                ("max", noops.Max()));
            run.Report.Row(
                $"{connections} connections, purchase", ("requests/s", Median.Of(purchases)), ("min", purchases.Min()),
                    ("max", purchases.Max()),
                ("p99 ms", Median.Of(p99)), ("batch", Median.Of(batches)), ("flush", "fdatasync"));
            run.Report.Aim($"{connections} connections, of the no-op", Median.Of(ratios), 0.85);
        }

        await app.StopAsync();
    }

    private static async Task<(double PerSecond, double P99)> PutAsync(string directory, string url, string prefix, int connections,
        TimeSpan time) =>
        await Wrk.RunAsync(url, connections, time, await Shop.WriteScriptAsync(directory, prefix));

    private static (long Batches, long Entries) Appended(WebApplication app) =>
        app.Services.GetRequiredService<Sales>().Find("load")!.Sequencer!.Appended;

    /// <summary>Reads the same body as strictly, and answers one of the same shape, and does nothing else.</summary>
    private static async Task<IResult> NoOp(string id, HttpRequest request)
    {
        var order = await request.ReadFromJsonAsync(ApiJson.Api.OrderRequest);
        return TypedResults.Json(
            new OrderAnswer(
                id, "paid", false, [new(order!.Items[0].Tier, 1, 100)], [new(1_000_000, "standing", 100, "valid")], 100, "EUR", 1_000_000,
                "2027-01-01T00:00:00.000Z", "0000000000000000000000000000000000000000000000000000000000000000"),
            ApiJson.Api.OrderAnswer);
    }
}
