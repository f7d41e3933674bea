using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Journal;
using TicketRush.Server;
using TicketRush.Server.Api;

namespace TicketRush.Load;

internal static partial class Http
{
    private const string Key = "office-key-of-the-load-program";

    // The same requests for both: another id each, another buyer each, the same bytes but for those.
    private const string Script = """
        local n = 0
        local seed = SEED
        request = function()
          n = n + 1
          local id = string.format("%016x%016x", seed, n)
          local buyer = string.format("buyer-%08x", n)
          local body = '{"buyer":"' .. buyer .. '","items":[{"tier":"standing","quantity":1}],"reference":"r"}'
          return wrk.format(METHOD, PREFIX .. id, nil, body)
        end
        """;

    public static async Task RunAsync(Run run)
    {
        if (!File.Exists("/usr/bin/wrk"))
        {
            run.Report.Skip("wrk is not installed (on Debian: apt-get install wrk)");
            return;
        }

        using var scratch = run.Scratch();
        await using var app = RushServer.Build(new() { DataDirectory = scratch.Path, Urls = ["http://127.0.0.1:0"], OfficeKey = Key });
        app.MapMethods("/noop/{id}", ["PUT"], NoOp).ExcludeFromDescription();
        await app.StartAsync();
        var url = app.Urls.First();
        await MakeSaleAsync(url);

        foreach (var connections in new[] { 64, 256 })
        {
            List<double> purchases = [], noops = [], p99 = [], batches = [], ratios = [];
            for (var i = -1; i < run.Runs; i++)
            {
                run.Report.Progress($"{connections} connections, run {Math.Max(i + 1, 0)} of {run.Runs}");
                var noop = await WrkAsync(scratch.Path, url, "/noop/", connections, run.Time);
                var before = Appended(app);
                var purchase = await WrkAsync(scratch.Path, url, "/api/sales/load/orders/", connections, run.Time);
                var after = Appended(app);
                if (i < 0) continue; // A warm-up of both.

                batches.Add((double)(after.Entries - before.Entries) / (after.Batches - before.Batches));
                noops.Add(noop.PerSecond);
                purchases.Add(purchase.PerSecond);
                p99.Add(purchase.P99);
                ratios.Add(purchase.PerSecond / noop.PerSecond);
            }

            run.Report.Row($"{connections} connections, no-op PUT", ("requests/s", Median.Of(noops)), ("min", noops.Min()), ("max", noops.Max()));
            run.Report.Row(
                $"{connections} connections, purchase", ("requests/s", Median.Of(purchases)), ("min", purchases.Min()), ("max", purchases.Max()),
                ("p99 ms", Median.Of(p99)), ("batch", Median.Of(batches)), ("flush", "fdatasync"));
            run.Report.Aim($"{connections} connections, of the no-op", Median.Of(ratios), 0.85);
        }

        await app.StopAsync();
    }

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

    private static async Task MakeSaleAsync(string url)
    {
        using var http = new HttpClient { BaseAddress = new(url) };
        http.DefaultRequestHeaders.Authorization = new("Bearer", Key);
        var plan = """
            {"name":"Load","timeZone":"UTC","currency":"EUR","paymentKind":"none",
             "tiers":[{"id":"standing","name":"Standing","capacity":20000000,"price":100}],"rules":{"perBuyer":1000000}}
            """;
        (await http.PutAsync("/api/sales/load", new StringContent(plan, null, "application/json"))).EnsureSuccessStatusCode();
        (await http.PostAsync("/api/sales/load/open", null)).EnsureSuccessStatusCode();
    }

    private static async Task<(double PerSecond, double P99)> WrkAsync(string directory, string url, string prefix, int connections, TimeSpan time)
    {
        var script = Path.Combine(directory, "wrk.lua");
        await File.WriteAllTextAsync(
            script,
            $"PREFIX = \"{prefix}\"\nMETHOD = \"PUT\"\nwrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.headers[\"Authorization\"] = \"Bearer {Key}\"\n"
            + $"SEED = {Random.Shared.Next()}\n" + Script);
        using var wrk = Process.Start(new ProcessStartInfo("/usr/bin/wrk")
        {
            ArgumentList =
            {
                "-t1", $"-c{connections}", $"-d{Math.Max(1, (int)time.TotalSeconds)}s", "--latency", "-s", script, url,
            },
            RedirectStandardOutput = true,
        })!;
        var output = await wrk.StandardOutput.ReadToEndAsync();
        await wrk.WaitForExitAsync();
        if (output.Contains("Non-2xx", StringComparison.Ordinal))
            throw new InvalidOperationException("wrk was refused:\n" + output[..Math.Min(output.Length, 2000)]);

        var rate = double.Parse(RatePattern().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
        var tail = TailPattern().Match(output);
        var unit = tail.Groups[2].Value switch { "us" => 0.001, "s" => 1000.0, _ => 1.0 };
        return (rate, double.Parse(tail.Groups[1].Value, CultureInfo.InvariantCulture) * unit);
    }

    [GeneratedRegex(@"Requests/sec:\s+([\d.]+)")]
    private static partial Regex RatePattern();

    [GeneratedRegex(@"99%\s+([\d.]+)(us|ms|s)")]
    private static partial Regex TailPattern();
}
