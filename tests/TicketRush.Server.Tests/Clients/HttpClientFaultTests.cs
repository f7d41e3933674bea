using System.Net;
using System.Net.Http.Headers;
using System.Text;
using TicketRush.Client;

namespace TicketRush.Server.Tests.Clients;

/// <summary>What the HTTP client tells its caller when the server, or what stands in front of it, fails it.</summary>
public sealed class HttpClientFaultTests
{
    private const string Lost = "lost", Mute = "mute", Portal = "portal", Proxy403 = "403", Proxy429 = "429", Proxy502 = "502";
    private const string Hold =
        """
        {"id":"7d1f6c8e-2a34-4a0f-9b55-1c0e4f0d8a21","state":"held","expiresAt":"2026-11-21T13:36:45Z","extensions":0,"items":[],"total":1,
         "currency":"CNY","sequence":4,"at":"2026-11-21T13:26:45Z","hash":"h"}
        """;

    [Theory]

    // Nobody knows what became of the first try, and the last answer speaks of its own try alone.
    [InlineData(Lost, "BUSY", null)]
    [InlineData(Lost, "RATE_LIMITED", null)]
    [InlineData(Lost, "UNAUTHORIZED", null)]
    [InlineData(Lost, Proxy403, null)]
    [InlineData(Lost, Proxy429, null)]
    [InlineData(Mute, "BUSY", null)]
    [InlineData(Portal, "BUSY", null)]
    [InlineData(Proxy502, "BUSY", null)]
    [InlineData("OUTCOME_UNKNOWN", "SALE_STOPPED", null)]
    [InlineData("INTERNAL", "DISK_FULL", null)]
    [InlineData(Portal, Portal, null)]
    [InlineData(Proxy502, Proxy502, null)]

    // The sale looked for the id before it refused.
    [InlineData(Lost, "SOLD_OUT", "SOLD_OUT")]

    // Nothing was started by any try.
    [InlineData("BUSY", "BUSY", "BUSY")]
    [InlineData(Proxy429, Proxy429, "RATE_LIMITED")]
    [InlineData("BUSY", Proxy403, "HTTP_403")]
    public async Task What_may_have_happened_is_never_called_refused(string first, string then, string? refused)
    {
        using var server = new Made(count => count == 1 ? first : then);
        using var http = new HttpClient(server) { BaseAddress = new("http://made.up") };
        var shop = new RushHttpClient(http, "key", Hurried);
        var holding = shop.HoldAsync("spring", Guid.NewGuid(), new("ann", new Item("floor", 1)));
        if (refused is null) await Assert.ThrowsAsync<RushUnknownException>(() => holding);
        else Assert.Equal(refused, (await Assert.ThrowsAsync<RushRefusedException>(() => holding)).Code);
        Assert.Single(server.Paths.Distinct());
    }

    [Fact]
    public async Task What_changes_nothing_is_refused_whatever_was_lost_before()
    {
        using var server = new Made(count => count == 1 ? Lost : "BUSY");
        using var http = new HttpClient(server) { BaseAddress = new("http://made.up") };
        var shop = new RushHttpClient(http, "key", Hurried);
        Assert.Equal("BUSY", (await Assert.ThrowsAsync<RushRefusedException>(() => shop.AvailabilityAsync("spring"))).Code);
    }

    [Theory]
    [InlineData(Mute)]
    [InlineData(Lost)]
    [InlineData(Portal)]
    public async Task A_try_that_comes_to_nothing_leaves_time_for_another(string first)
    {
        using var server = new Made(count => count == 1 ? first : "");
        using var http = new HttpClient(server) { BaseAddress = new("http://made.up") };
        var shop = new RushHttpClient(http, "key", new() { AnswerMax = TimeSpan.FromSeconds(1) });
        Assert.Equal("held", (await shop.HoldAsync("spring", Guid.NewGuid(), new("ann", new Item("floor", 1)))).State);
        Assert.Equal(2, server.Paths.Count);
    }

    [Fact]
    public async Task No_try_outlasts_the_time_that_was_given()
    {
        using var server = new Made(_ => Mute);
        using var http = new HttpClient(server) { BaseAddress = new("http://made.up") };
        var shop = new RushHttpClient(http, "key", new() { For = TimeSpan.FromSeconds(1), AnswerMax = TimeSpan.FromMinutes(1) });
        await Assert.ThrowsAsync<RushUnknownException>(() => shop.SalesAsync().WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task A_server_that_asks_for_no_pause_is_not_asked_in_a_loop()
    {
        using var server = new Made(_ => "BUSY") { After = TimeSpan.Zero };
        using var http = new HttpClient(server) { BaseAddress = new("http://made.up") };
        var retry = new RushRetry { For = TimeSpan.FromMilliseconds(500), Pause = TimeSpan.FromMilliseconds(50) };
        await Assert.ThrowsAsync<RushRefusedException>(() => new RushHttpClient(http, "key", retry).SalesAsync());
        Assert.InRange(server.Paths.Count, 2, 10);
    }

    [Fact]
    public void A_crowd_that_is_told_the_same_time_does_not_come_at_the_same_time()
    {
        var retry = new RushRetry();
        var pauses = Enumerable.Range(0, 100).Select(_ => retry.PauseAfter(0, TimeSpan.FromSeconds(2))).ToArray();
        Assert.All(pauses, pause => Assert.InRange(pause.TotalSeconds, 2, 2.5));
        Assert.True(pauses.Distinct().Count() > 50);
        Assert.True(pauses.Max() - pauses.Min() > TimeSpan.FromMilliseconds(100));
    }

    [Fact]
    public async Task Cancelled_it_says_by_whom()
    {
        using var server = new Made(_ => Mute);
        using var http = new HttpClient(server) { BaseAddress = new("http://made.up") };
        using var stop = new CancellationTokenSource(50);
        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new RushHttpClient(http).SalesAsync(stop.Token));
        Assert.Equal(stop.Token, cancelled.CancellationToken);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("é")]
    [InlineData("a\n")]
    public void A_key_that_no_header_carries_is_not_sent(string key)
    {
        using var http = new HttpClient { BaseAddress = new("http://made.up") };
        Assert.Throws<ArgumentException>(() => { _ = new RushHttpClient(http).ExtendAsync("spring", Guid.NewGuid(), key); });
    }

    private static RushRetry Hurried => new()
    {
        For = TimeSpan.FromSeconds(1),
        Pause = TimeSpan.FromMilliseconds(10),
        PauseMax = TimeSpan.FromMilliseconds(100),
        AnswerMax = TimeSpan.FromMilliseconds(200),
    };

    /// <summary>Answers each request with a code of the API, or as something in between would.</summary>
    private sealed class Made(Func<int, string> answer) : HttpMessageHandler
    {
        public List<string> Paths { get; } = [];

        public TimeSpan? After { get; init; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Paths.Add(request.RequestUri!.PathAndQuery);
            var said = answer(Paths.Count);
            if (said == Lost) throw new HttpRequestException("Lost.");
            if (said == Mute) await Task.Delay(Timeout.Infinite, cancellationToken);
            var response = said switch
            {
                "" => Message(200, "application/json", Hold),
                Portal => Message(200, "text/html", "<html>Log in</html>"),
                Proxy403 or Proxy429 or Proxy502 => Message(int.Parse(said), "text/html", "<html>No</html>"),
                _ => Message(503, "application/problem+json", $$"""{"code":"{{said}}","detail":"d"}"""),
            };
            if (After is { } after) response.Headers.RetryAfter = new RetryConditionHeaderValue(after);
            return response;
        }

        private static HttpResponseMessage Message(int status, string type, string text) =>
            new((HttpStatusCode)status) { Content = new StringContent(text, Encoding.UTF8, type) };
    }
}
