using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging.Console;
using TicketRush.Journal;
using TicketRush.Journal.Files;
using TicketRush.Journal.Postgres;
using TicketRush.Server.Access;
using TicketRush.Server.Api;
using TicketRush.Server.Board;
using TicketRush.Server.Live;
using TicketRush.Server.Pages;
using TicketRush.Server.Terminals;
using TicketRush.Server.Upgrades;
using BadHttpRequestException = Microsoft.AspNetCore.Http.BadHttpRequestException;

namespace TicketRush.Server;

/// <summary>The server: what it is made of, and what it serves.</summary>
public static class RushServer
{
    /// <summary>Opens every sale of the data directory and builds the server; it does not listen yet.</summary>
    /// <exception cref="IOException">The data directory cannot be used.</exception>
    public static WebApplication Build(ServerOptions options, Action<WebApplicationBuilder>? configure = null)
    {
        options.Check();
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => Limit(kestrel, options)).UseUrls(options.Urls);
        builder.Logging.ClearProviders();
        if (options.JsonLogs)
            builder.Logging.AddJsonConsole(
                console => (console.UseUtcTimestamp, console.TimestampFormat) = (true, "yyyy-MM-ddTHH:mm:ss.fffZ"));
        else builder.Logging.AddSimpleConsole(console => (console.SingleLine, console.TimestampFormat) = (true, "HH:mm:ss "));

        // To standard error: what a program reads from standard output is the ready line alone.
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Logging
            .AddFilter("Microsoft", LogLevel.Warning)

            // What Kestrel calls an error is mostly a client that went away; nobody may fill the log by leaving.
            .AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Critical);

        // What is being answered when the signal comes is answered before the process ends.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(30));
        builder.Services.AddSingleton(options);
        builder.Services.AddAccess(options);
        builder.Services.AddTelemetry();
        builder.Services.AddUpgrades();
        builder.Services.AddSingleton(_ => OpenStore(options.DataDirectory, options.Journal));
        builder.Services.AddSingleton(services => OpenSales(services));
        builder.Services.AddHostedService<NewSales>();
        builder.Services.AddSingleton<LiveUpdates>();
        builder.Services.AddTerminals(options);
        builder.Services.AddBoard(options);
        builder.Services.AddPages();
        builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, ApiJson.Api));
        builder.Services.AddOpenApi(Description.Write);
        configure?.Invoke(builder);

        var app = builder.Build();
        app.UseDrain();
        app.UseProxies(options.Limits);
        app.UseSecurityHeaders();
        app.UseExceptionHandler(
            new ExceptionHandlerOptions { ExceptionHandler = AnswerException, SuppressDiagnosticsCallback = IsClientsFault });
        app.UseStatusCodePages(AnswerStatus);
        app.UseRouting();
        app.UseAccess();

        var api = app.MapGroup("/api");
        api.MapSales();
        api.MapHolds();
        api.MapOrders();
        api.MapPlaces();
        api.MapKeys();
        api.MapSession();
        api.MapLive();
        app.MapPages();
        app.MapHealth();
        app.MapDescription();

        if (RuntimeFloor.Warning(Environment.Version) is { } warning) Log.OldRuntime(app.Logger, warning);

        // Read now: a server that listens can sell, and knows who may.
        app.Services.GetRequiredService<KeyRing>().OnUnreadable = reason => Log.KeysUnreadable(app.Logger, reason);
        if (app.Services.GetRequiredService<ISaleStore>() is PostgresStore database)
            database.OnWarning = warning => Log.Database(app.Logger, warning);
        app.Services.GetRequiredService<Sales>().All();
        return app;
    }

    /// <summary>The database that is named, or the directory when none is.</summary>
    public static ISaleStore OpenStore(string data, string? journal) =>
        journal is null ? new DataDirectory(data) : PostgresStore.Open(PostgresOptions.Parse(journal, data));

    private static void Limit(KestrelServerOptions kestrel, ServerOptions options)
    {
        kestrel.AddServerHeader = false;
        var limits = kestrel.Limits;
        limits.MaxConcurrentConnections = options.ConnectionsMax;
        limits.MaxConcurrentUpgradedConnections = 0;

        // The body's own bound is in Body; this one counts the framing of chunks too, and stops what is beyond all measure.
        limits.MaxRequestBodySize = 2 * Body.PlanBytesMax;
        limits.MaxRequestBufferSize = 64 * 1024;
        limits.MaxRequestHeaderCount = 64;
        limits.MaxRequestHeadersTotalSize = 16 * 1024;
        limits.MaxRequestLineSize = 4 * 1024;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        limits.KeepAliveTimeout = TimeSpan.FromSeconds(120);
        limits.MinRequestBodyDataRate = new(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
        limits.MinResponseDataRate = new(bytesPerSecond: 240, gracePeriod: TimeSpan.FromSeconds(5));
        limits.Http2.MaxStreamsPerConnection = 100;
    }

    private static Sales OpenSales(IServiceProvider services)
    {
        var log = services.GetRequiredService<ILoggerFactory>().CreateLogger("TicketRush.Sales");
        return new(services.GetRequiredService<ISaleStore>(), (sale, status) =>
        {
            if (status.Kind == SequencerStatusKind.Selling) Log.Selling(log, sale);
            else if (status.Kind == SequencerStatusKind.Stopped) Log.Stopped(log, sale, status.Reason);
            else Log.Waiting(log, sale, status.Reason);
        });
    }

    private static void MapHealth(this WebApplication app)
    {
        app.MapGet("/health/live", () => TypedResults.Text("live")).WithTags("Health").WithSummary("The process runs");
        app.MapGet("/health/ready", (Sales sales, IHostApplicationLifetime lifetime) =>
        {
            // What is open here: to open a sale takes as long as its journal is long, and who asks this waits half a second.
            var all = sales.Opened().Where(sale => !sale.IsGone).OrderBy(sale => sale.Name, StringComparer.Ordinal).ToArray();
            var stopped = all.Where(sale => sale.Status.Kind is SequencerStatusKind.Stopped or SequencerStatusKind.Failing)
                .Select(sale => sale.Name);
            var leaving = lifetime.ApplicationStopping.IsCancellationRequested;

            // One broken sale is no reason to take the server, and with it the others, out of service.
            return new JsonAnswer<HealthAnswer>(
                new(leaving ? "stopping" : "ready", all.Length, [.. stopped]),
                ApiJson.Default.HealthAnswer) { StatusCode = leaving ? 503 : 200 };
        }).Answers<HealthAnswer>().WithTags("Health").WithSummary("The server can sell");
    }

    private static bool IsClientsFault(ExceptionHandlerSuppressDiagnosticsContext context) =>
        context.Exception is BadHttpRequestException or OperationCanceledException or NotKnownNowException;

    private static Task AnswerException(HttpContext http)
    {
        SecurityHeaders.Set(http);
        var problem = http.Features.Get<IExceptionHandlerFeature>()?.Error switch
        {
            BadHttpRequestException bad => Problems.BadRequest(
                bad.StatusCode == 413 ? "BODY_TOO_LARGE" : "INVALID_REQUEST", bad.Message, bad.StatusCode),
            NotKnownNowException => Problems.NotKnownNow(),
            _ => Problems.BadRequest("INTERNAL", "Something went wrong here. Ask again with the same id.", 500),
        };
        return problem.ExecuteAsync(http);
    }

    private static Task AnswerStatus(StatusCodeContext context)
    {
        var http = context.HttpContext;
        return (http.Response.StatusCode switch
        {
            404 => Problems.BadRequest("NOT_FOUND", $"There is nothing at {http.Request.Path}.", 404),
            405 => Problems.BadRequest("METHOD_NOT_ALLOWED", $"{http.Request.Method} is not allowed here; see /openapi/v1.json.", 405),
            415 => Problems.BadRequest("UNSUPPORTED_MEDIA_TYPE", "The body must be JSON, and Content-Type application/json say so.", 415),
            var status => Problems.BadRequest("INVALID_REQUEST", "The request cannot be served as it is.", status),
        }).ExecuteAsync(http);
    }
}
