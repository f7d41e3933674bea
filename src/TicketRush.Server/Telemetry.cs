using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using TicketRush.Server.Api;

namespace TicketRush.Server;

/// <summary>
/// Metrics over OTLP, when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> (or that of the metrics) is set; the other usual variables hold too.
/// Without it the instruments are there for whoever listens, and nothing is collected.
/// </summary>
internal static class Telemetry
{
    private static readonly string[] Meters =
        ["TicketRush.Sales", "TicketRush.Server", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime"];

    public static void AddTelemetry(this IServiceCollection services)
    {
        services.AddSingleton<TurnedAway>();
        string?[] endpoints = [
            Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT"),
            Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT")];
        var isOff = string.Equals(Environment.GetEnvironmentVariable("OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase)
            || Environment.GetEnvironmentVariable("OTEL_METRICS_EXPORTER") == "none";
        if (isOff || endpoints.All(string.IsNullOrEmpty)) return;

        // Made when the host starts, and flushed when it stops.
        services.AddHostedService<Exporter>();
    }

    private sealed class Exporter(TurnedAway turnedAway) : IHostedService
    {
        private MeterProvider? _provider;

        public Task StartAsync(CancellationToken cancellationToken)
        {
            _ = turnedAway; // Its instruments exist from now on.
            var builder = Sdk.CreateMeterProviderBuilder()
                .ConfigureResource(resource => OpenTelemetry.Resources.ResourceBuilderExtensions.AddService(
                resource, Environment.GetEnvironmentVariable("OTEL_SERVICE_NAME") is { Length: > 0 } name ? name : "ticketrush"));
            _provider = builder.AddMeter(Meters).AddOtlpExporter().Build();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken)
        {
            _provider?.Dispose();
            return Task.CompletedTask;
        }
    }
}

/// <summary>Counts what is answered with a problem, by code.</summary>
internal sealed class TurnedAway : IDisposable
{
    private readonly Meter _meter = new("TicketRush.Server");
    private readonly Counter<long> _count;

    public TurnedAway() =>
        _count = _meter.CreateCounter<long>("ticketrush.turned_away", "{request}", "Requests that were answered with a problem, by code.");

    public void Add(ProblemAnswer problem) => Add(problem.Code);

    public void Add(string code) => _count.Add(1, new KeyValuePair<string, object?>("code", code));

    public void Dispose() => _meter.Dispose();
}
