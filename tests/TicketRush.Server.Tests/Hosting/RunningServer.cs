using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Server.Access;
using TicketRush.Server.Board;
using TicketRush.Server.Terminals;

// Many tests mostly wait, for a timeout or for a second to pass.
[assembly: CollectionBehavior(MaxParallelThreads = 6)]

namespace TicketRush.Server.Tests.Hosting;

/// <summary>The real server on a real port, over a directory of its own unless one is given.</summary>
public sealed class RunningServer : IAsyncLifetime
{
    // Random, so that terminals may prove it.
    public const string Key = "5d1c0f7ba93e4862d07f1b5ca8e6394217fd60b2c95e3a84d1f07b6c29ae5831";

    private static int s_sales;

    private readonly bool _ownsDirectory;
    private readonly ServerOptions _options;
    private readonly Action<WebApplicationBuilder>? _configure;
    private readonly Action<WebApplication>? _map;
    private WebApplication? _app;

    public RunningServer()
        : this(null)
    {
    }

    internal RunningServer(
        string? directory, bool allowTestPayments = true, string? officeKey = Key, Action<WebApplicationBuilder>? configure = null,
        BuyerLimits? limits = null, bool demo = true,
        Action<WebApplication>? map = null, TerminalLimits? terminals = null, string endpoint = "127.0.0.1:0",
        BoardEndpoint? board = null, BoardLimits? boardLimits = null, string? journal = null)
    {
        _ownsDirectory = directory is null;
        (_configure, _map) = (configure, map);
        Directory = directory ?? System.IO.Directory.CreateTempSubdirectory("rush-server-").FullName;
        _options = new()
        {
            DataDirectory = Directory,
            Journal = journal,
            Urls = ["http://127.0.0.1:0"],
            OfficeKey = officeKey,
            AllowTestPayments = allowTestPayments,
            Demo = demo,
            Limits = limits ?? Generous,
            Terminals = terminals is not null && TerminalEndpoint.TryParse(endpoint, out var parsed) ? parsed : null,
            TerminalLimits = terminals ?? new(),
            Board = board,
            BoardLimits = boardLimits ?? new(),
        };
    }

    /// <summary>Limits of a network that a test on one machine does not meet; those of a session are as they come.</summary>
    internal static BuyerLimits Generous { get; } =
        new() { NetworkHolds = 100_000, WrongKeysPerMinute = 100_000, NetworkPerMinute = 1_000_000, NewSessionsPerMinute = 100_000 };

    public string Directory { get; }

    public WebApplication App => _app!;

    public Uri Url { get; private set; } = null!;

    /// <summary>The port at which terminals are listened for.</summary>
    internal int TerminalPort => int.Parse(
        App.Services.GetRequiredService<TerminalListener>().Address.Split(':')[^1], System.Globalization.CultureInfo.InvariantCulture);

    public HttpClient Client { get; private set; } = null!;

    /// <summary>Everything that was logged, with its exceptions.</summary>
    public ConcurrentQueue<string> Logged { get; } = [];

    internal static async Task<RunningServer> StartAsync(
        string? directory = null, bool allowTestPayments = true, string? officeKey = Key, Action<WebApplicationBuilder>? configure = null,
        BuyerLimits? limits = null, bool demo = true,
        Action<WebApplication>? map = null, TerminalLimits? terminals = null, string endpoint = "127.0.0.1:0",
        BoardEndpoint? board = null, BoardLimits? boardLimits = null, string? journal = null)
    {
        var server = new RunningServer(
            directory, allowTestPayments, officeKey, configure, limits, demo, map, terminals, endpoint, board, boardLimits, journal);
        await server.InitializeAsync();
        return server;
    }

    public async ValueTask InitializeAsync()
    {
        _app = RushServer.Build(_options, builder =>
        {
            builder.Logging.AddProvider(new Recorder(Logged));
            _configure?.Invoke(builder);
        });
        _map?.Invoke(_app);
        await _app.StartAsync();
        Url = new(_app.Urls.Single());
        Client = new(
            new SocketsHttpHandler { AllowAutoRedirect = false, MaxConnectionsPerServer = 1_000, UseCookies = false }) { BaseAddress = Url,
            Timeout = TimeSpan.FromSeconds(60) };
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.DisposeAsync();
        if (_ownsDirectory) System.IO.Directory.Delete(Directory, recursive: true);
    }

    internal Task<Answer> GetAsync(string path, params (string, string)[] headers) => SendAsync("GET", path, null, Key, headers);

    internal Task<Answer> PutAsync(string path, string json, params (string, string)[] headers) =>
        SendAsync("PUT", path, json, Key, headers);

    internal Task<Answer> PostAsync(string path, string? json = null, params (string, string)[] headers) =>
        SendAsync("POST", path, json, Key, headers);

    internal Task<Answer> DeleteAsync(string path) => SendAsync("DELETE", path, null, Key);

    internal async Task<Answer> SendAsync(
        string method, string path, string? json, string? key, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (json is not null) request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        if (key is not null) request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {key}");
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await SendAsync(request);
    }

    internal async Task<Answer> SendAsync(HttpRequestMessage request)
    {
        using var response = await Client.SendAsync(request);
        var answer = await Answer.OfAsync(response);
        if (answer is { MediaType: "application/problem+json", Text.Length: > 0 }) Documented.Check(App, request, answer);
        return answer;
    }

    /// <summary>Makes a sale and opens it.</summary>
    /// <returns>Its path, such as /api/sales/s1.</returns>
    internal async Task<string> OpenSaleAsync(string? plan = null)
    {
        var sale = await CreateSaleAsync(plan);
        (await PostAsync($"{sale}/open")).Is(200);
        return sale;
    }

    internal async Task<string> CreateSaleAsync(string? plan = null)
    {
        var sale = NewSale();
        (await PutAsync(sale, plan ?? Plans.Concert())).Is(200);
        return sale;
    }

    internal static string NewSale() => $"/api/sales/s{Interlocked.Increment(ref s_sales)}";

    internal async Task<long> SequenceAsync(string sale) => (await GetAsync(sale)).Is(200).Json.GetProperty("sequence").GetInt64();

    internal string JournalOf(string sale) => Path.Combine(Directory, sale[(sale.LastIndexOf('/') + 1)..] + ".rush");

    private sealed class Recorder(ConcurrentQueue<string> logged) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            logged.Enqueue($"{formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
