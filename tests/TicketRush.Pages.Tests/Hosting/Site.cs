using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using TicketRush.Journal;
using TicketRush.Journal.Files;
using TicketRush.Journal.Tests;
using TicketRush.Server;

[assembly: CollectionBehavior(MaxParallelThreads = 3)]

namespace TicketRush.Pages.Tests.Hosting;

/// <summary>The real server on a real port, as <c>rush serve --demo</c> runs it, over a directory of its own.</summary>
public sealed class Site : IAsyncLifetime
{
    public const string Key = "the office key of the page tests";

    private static int s_sales;

    private readonly Func<ServerOptions, ServerOptions>? _change;
    private readonly FaultyPlatform? _platform;
    private readonly Action<WebApplication>? _map;
    private WebApplication? _app;

    public Site()
        : this(null)
    {
    }

    internal Site(Func<ServerOptions, ServerOptions>? change, FaultyPlatform? platform = null, Action<WebApplication>? map = null) =>
        (_change, _platform, _map) = (change, platform, map);

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("rush-pages-").FullName;

    public WebApplication App => _app!;

    public Uri Url { get; private set; } = null!;

    /// <summary>With the office key.</summary>
    public HttpClient Office { get; private set; } = null!;

    public ConcurrentQueue<string> Logged { get; } = [];

    internal Sales Sales => App.Services.GetRequiredService<Sales>();

    /// <param name="platform">What its journals are written with.</param>
    /// <param name="map">Adds what a test asks for.</param>
    internal static async Task<Site> StartAsync(
        Func<ServerOptions, ServerOptions>? change = null, FaultyPlatform? platform = null, Action<WebApplication>? map = null)
    {
        var site = new Site(change, platform, map);
        await site.InitializeAsync();
        return site;
    }

    public async ValueTask InitializeAsync()
    {
        var options = new ServerOptions
        {
            DataDirectory = Directory, Urls = ["http://127.0.0.1:0"], OfficeKey = Key, AllowTestPayments = true, Demo = true,
            Limits = new() { NetworkPerMinute = 1_000_000, SessionPerMinute = 100_000, NewSessionsPerMinute = 100_000,
                WrongKeysPerMinute = 100_000 },
        };
        _app = RushServer.Build(_change?.Invoke(options) ?? options, builder =>
        {
            builder.Logging.AddProvider(new Recorder(Logged));
            if (_platform is not null)
                {
                builder.Services.AddSingleton<ISaleStore>(_ =>
                    new DataDirectory(Directory, new FileJournalOptions { Platform = _platform }));
            }
        });
        _map?.Invoke(_app);
        await _app.StartAsync();
        Url = new(_app.Urls.Single());
        Office = new(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = Url };
        Office.DefaultRequestHeaders.Add("Authorization", $"Bearer {Key}");
    }

    public async ValueTask DisposeAsync()
    {
        Office.Dispose();
        await App.DisposeAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    /// <summary>A browser without a script: it keeps cookies, follows redirects, sends what a form has.</summary>
    internal Visitor Visitor(string language = "en") => new(Url, language);

    internal static string Plan(
        int capacity = 100, string payment = "test", int holdSeconds = 600, int perOrder = 6, int perBuyer = 6,
            string name = "Spring Concert 春季音乐会",
        string? opensAt = null, string? closesAt = null, int extensions = 1) => $$"""
        {
          "name": "{{name}}", "venue": "The Hall", "startsAt": "2027-04-18T19:30", "timeZone": "Asia/Shanghai", "currency": "CNY",
              "paymentKind": "{{payment}}",
          {{(opensAt is null ? "" : $"\"opensAt\": \"{opensAt}\",")}} {{(closesAt is null ? "" : $"\"closesAt\": \"{closesAt}\",")}}
          "tiers": [{ "id": "floor", "name": "Floor 池座", "capacity": {{capacity}}, "price": 38000 },
                    { "id": "balcony", "name": "Balcony 楼座", "capacity": {{capacity}}, "price": 58050 }],
          "rules": { "holdSeconds": {{holdSeconds}}, "extensions": {{extensions}}, "perOrder": {{perOrder}}, "perBuyer": {{perBuyer}} }
        }
        """;

    /// <summary>Makes a sale and opens it.</summary>
    /// <returns>Its name.</returns>
    internal async Task<string> OpenSaleAsync(string? plan = null)
    {
        var sale = await CreateSaleAsync(plan);
        (await Office.PostAsync($"/api/sales/{sale}/open", null)).EnsureSuccessStatusCode();
        return sale;
    }

    internal async Task<string> CreateSaleAsync(string? plan = null)
    {
        var sale = $"s{Interlocked.Increment(ref s_sales)}";
        var made = await Office.PutAsync($"/api/sales/{sale}", Json(plan ?? Plan()));
        Assert.True(made.IsSuccessStatusCode, await made.Content.ReadAsStringAsync());
        return sale;
    }

    /// <summary>A shop buys, over the API.</summary>
    internal async Task BuyAsync(string sale, int quantity, string tier = "floor", string buyer = "ann")
    {
        var body = $$"""{"buyer":"{{buyer}}","items":[{"tier":"{{tier}}","quantity":{{quantity}}}],"reference":"r"}""";
        var answer = await Office.PutAsync($"/api/sales/{sale}/orders/{Guid.NewGuid()}", Json(body));
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    internal static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    /// <summary>Waits for what must come soon; how soon depends on how busy the machine is.</summary>
    internal static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        for (var until = Environment.TickCount64 + 20_000; !await condition();)
        {
            Assert.True(Environment.TickCount64 < until, $"It did not come: {what}.");
            await Task.Delay(20);
        }
    }

    private sealed class Recorder(ConcurrentQueue<string> logged) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?,
            string> formatter) =>
            logged.Enqueue($"{formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
