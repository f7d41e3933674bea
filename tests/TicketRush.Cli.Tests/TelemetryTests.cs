using System.Diagnostics;
using System.Net;
using System.Text;

namespace TicketRush.Cli.Tests;

public sealed class TelemetryTests
{
    [Fact]
    public async Task With_the_usual_variables_the_metrics_go_to_a_collector()
    {
        using var collector = new HttpListener();
        var port = Random.Shared.Next(20_000, 60_000);
        collector.Prefixes.Add($"http://127.0.0.1:{port}/");
        collector.Start();
        var directory = Directory.CreateTempSubdirectory("rush-otlp-");
        var start = new ProcessStartInfo("dotnet",
            [Path.Combine(AppContext.BaseDirectory, "rush.dll"), "serve", "--demo", "--json", "--data", directory.FullName, "--urls",
            "http://127.0.0.1:0"]) { RedirectStandardOutput = true };
        start.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{port}";
        start.Environment["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        start.Environment["OTEL_METRIC_EXPORT_INTERVAL"] = "200";
        start.Environment["OTEL_SERVICE_NAME"] = "the-hall";
        start.Environment["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment=test";
        using var process = Process.Start(start)!;
        try
        {
            var seen = "";
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            while (!seen.Contains("ticketrush.decisions", StringComparison.Ordinal))
            {
                var context = await collector.GetContextAsync().WaitAsync(limit.Token);
                Assert.Equal("/v1/metrics", context.Request.Url!.AbsolutePath);
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body, limit.Token);
                seen += Encoding.Latin1.GetString(body.ToArray());
                context.Response.Close();
            }

            Assert.Contains("the-hall", seen, StringComparison.Ordinal);
            Assert.Contains("deployment.environment", seen, StringComparison.Ordinal);
            Assert.Contains("ticketrush.places", seen, StringComparison.Ordinal);
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
            directory.Delete(recursive: true);
        }
    }
}
