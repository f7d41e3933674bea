using System.IO.Compression;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Security;

/// <summary>What every answer says to a browser, and what none says to a stranger.</summary>
public sealed class AnswerTests(RunningServer server) : IClassFixture<RunningServer>
{
    private const string Secret = "SELECT * FROM keys WHERE secret='s3cr3t'";

    [Fact]
    [Trait("Statement", "S17")]
    public async Task Every_answer_tells_browsers_to_run_nothing_from_elsewhere()
    {
        await using var own = await RunningServer.StartAsync(
            map: app => app.MapGet("/throws", string () => throw new InvalidOperationException(Secret)),
            limits: RunningServer.Generous with { TrustedProxies = [System.Net.IPNetwork.Parse("127.0.0.1/32")] });
        var sale = await own.OpenSaleAsync();
        (string Method, string Path, int Status)[] asked =
        [
            ("GET", "/", 200), ("GET", sale, 200), ("GET", $"{sale}/availability", 200), ("GET", "/health/live", 200),
            ("GET", "/openapi/v1.json", 200),
            ("GET", "/nothing", 404), ("DELETE", sale, 405), ("PUT", sale, 401), ("POST", "/api/session", 200), ("GET", "/throws", 500),
        ];
        foreach (var (method, path, status) in asked)
        {
            foreach (var scheme in new[] { "http", "https" })
            {
                var answer = (await own.SendAsync(method, path, null, key: null, ("X-Forwarded-Proto", scheme))).Is(status);
                var policy = answer.Headers["Content-Security-Policy"].Single();
                string[] always = ["default-src 'none'", "frame-ancestors 'none'"],
                ofPages = ["object-src 'none'", "base-uri 'none'", "form-action 'self'"];
                var isData = path.StartsWith("/api", StringComparison.Ordinal);
                Assert.All(isData ? always : [.. always, .. ofPages], rule => Assert.Contains(rule, policy, StringComparison.Ordinal));
                Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
                Assert.Equal("nosniff", answer.Headers["X-Content-Type-Options"].Single());
                if (!isData) Assert.Equal("no-referrer", answer.Headers["Referrer-Policy"].Single());
                Assert.Equal(scheme == "https" ? ["max-age=31536000"] : [], answer.Headers["Strict-Transport-Security"]);
                Assert.Empty(answer.Headers["Server"]);
            }
        }
    }

    [Fact]
    [Trait("Statement", "S17")]
    public async Task What_is_one_buyers_is_kept_by_no_cache()
    {
        var sale = await server.OpenSaleAsync(Plans.Concert(payment: "test"));
        var ann = await Browser.OpenAsync(server);
        var id = Plans.NewId();
        foreach (var answer in new[] { await ann.HoldAsync(sale, id), await ann.GetAsync($"{sale}/holds/{id}"),
            await ann.PayAsync(sale, id), await ann.GetAsync($"{sale}/orders/{id}"), await ann.PayAsync(sale, Plans.NewId()) })
            Assert.Equal("no-store", answer.Headers["Cache-Control"].Single());
    }

    [Fact]
    [Trait("Statement", "S18")]
    public async Task Every_endpoint_with_a_body_bounds_it_and_reads_nothing_but_strict_json()
    {
        var sale = await server.OpenSaleAsync();
        var endpoints = server.App.Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<IAcceptsMetadata>() is not null).ToArray();
        Assert.True(endpoints.Length >= 6);
        foreach (var endpoint in endpoints)
        {
            var method = new HttpMethod(endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods[0]);
            var path = "/" + endpoint.RoutePattern.RawText!.TrimStart('/').Replace("api/sales/{sale}", sale[1..], StringComparison.Ordinal)
                .Replace("{id}", Plans.NewId(), StringComparison.Ordinal);
            var most = path == sale ? 256 * 1024 : 16 * 1024;
            await Expect(413, Json(new string(' ', most + 1)));
            await Expect(400, Json(new string('[', 65)));
            await Expect(400, Json("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}"));
            await Expect(400, Json("{\"nobody knows this\":1}"));
            await Expect(400, Json("null"));
            await Expect(415, new StringContent("{}", Encoding.UTF8, "text/plain"));
            await Expect(415, new StringContent("a=b", Encoding.UTF8, "application/x-www-form-urlencoded"));

            // What is compressed is not unpacked, however small it was made.
            var bomb = new MemoryStream();
            await using (var gzip = new GZipStream(bomb, CompressionLevel.SmallestSize, leaveOpen: true)) await gzip.WriteAsync(
                Encoding.UTF8.GetBytes(new string(' ', 4_000_000)));
            var packed = new ByteArrayContent(bomb.ToArray());
            packed.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            packed.Headers.ContentEncoding.Add("gzip");
            await Expect(400, packed);

            async Task Expect(int status, HttpContent content)
            {
                using var request = new HttpRequestMessage(method, path) { Content = content };
                request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {RunningServer.Key}");
                request.Headers.TryAddWithoutValidation("Idempotency-Key", "k");
                var answer = await server.SendAsync(request);
                Assert.True(
                    answer.Status == status, $"{method} {path}: {status} was expected, and this came: {answer.Status} {answer.Text}");
            }
        }

        static HttpContent Json(string text) => new StringContent(text, Encoding.UTF8, "application/json");
    }

    [Theory]
    [InlineData("10.0.12", true)]
    [InlineData("10.0.13", false)]
    [InlineData("10.1.0", false)]
    [InlineData("11.0.0", false)]
    [Trait("Statement", "S19")]
    public async Task A_runtime_with_known_holes_is_said_at_start(string version, bool warned)
    {
        Assert.Equal(warned, RuntimeFloor.Warning(Version.Parse(version)) is not null);
        await using var own = await RunningServer.StartAsync();
        Assert.Equal(Environment.Version < RuntimeFloor.Least, own.Logged.Any(line => line.Contains("holes", StringComparison.Ordinal)));
    }

    [Fact]
    [Trait("Statement", "S27")]
    public async Task An_error_of_ours_tells_its_client_nothing_but_to_ask_again_and_tells_us_all()
    {
        await using var own = await RunningServer.StartAsync(
            map: app => app.MapGet("/throws", string () => throw new InvalidOperationException(Secret)));
        var answer = (await own.GetAsync("/throws")).Is(500, "INTERNAL");
        foreach (var word in new[] { "SELECT", "s3cr3t", "InvalidOperation", "   at ", "TicketRush.Server", own.Directory, "Exception" })
            Assert.DoesNotContain(word, answer.Text, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("same id", answer.Detail, StringComparison.Ordinal);
        Assert.Contains(own.Logged, line => line.Contains(Secret, StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Statement", "S27")]
    public async Task A_journal_that_cannot_be_used_says_nothing_of_the_machine()
    {
        await using var own = await RunningServer.StartAsync();
        await File.WriteAllTextAsync(own.JournalOf("/broken"), new string('x', 10_000));
        var answer = (await own.PutAsync($"/api/sales/broken/holds/{Plans.NewId()}", Plans.Hold())).Is(503, "SALE_STOPPED");
        Assert.DoesNotContain(own.Directory, answer.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(own.Directory, (await own.GetAsync("/api/sales/broken")).Is(200).Text, StringComparison.Ordinal);
        var desk = await own.GetAsync("/office/sales/broken");
        Assert.Equal(503, desk.Status);
        Assert.DoesNotContain(own.Directory, desk.Text, StringComparison.Ordinal);
        Assert.Equal(404, (await own.GetAsync("/office/sales/nowhere")).Status);
    }

    [Fact]
    public async Task What_is_logged_names_no_buyer_no_key_no_id_and_no_address()
    {
        await using var own = await RunningServer.StartAsync(limits: RunningServer.Generous with { SessionPerMinute = 3 });
        var sale = await own.OpenSaleAsync(Plans.Concert(payment: "test"));
        var (ann, id) = (await Browser.OpenAsync(own), Plans.NewId());
        await ann.HoldAsync(sale, id);
        await ann.PayAsync(sale, id);
        for (var i = 0; i < 5; i++) await ann.GetAsync($"{sale}/orders/{id}");
        var key = (await own.PostAsync("/api/keys", """{"name":"kiosk","role":"shop"}""")).Is(200).Json;
        await own.SendAsync("GET", "/api/keys", null, key.GetProperty("key").GetString());
        await own.SendAsync("GET", "/api/keys", null, "a wrong key of somebody");

        // All that is logged, by anybody in the process.
        Assert.NotEmpty(own.Logged);
        string[] secrets = [
            id, id.Replace("-", "", StringComparison.Ordinal), ann.Cookie[11..], ann.Token, key.GetProperty("key").GetString()!,
            "a wrong key of somebody", RunningServer.Key];
        foreach (var secret in secrets)
            Assert.DoesNotContain(own.Logged, line => line.Contains(secret, StringComparison.OrdinalIgnoreCase));
    }
}
