using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using TicketRush.Journal.Audit;
using TicketRush.Server;
using TicketRush.Server.Access;

namespace TicketRush.Cli.Tests.Samples;

/// <summary>The sample shops sell exactly what they were asked to, whatever is lost on the way.</summary>
public sealed partial class ShopTests
{
    private const string Office = "the office key of the sample tests";

    private const string Plan = """
        {"name":"Concert","timeZone":"UTC","currency":"EUR","paymentKind":"external","tiers":[{"id":"floor","name":"Floor","capacity":12,"price":4500}]}
        """;

    [Theory]
    [InlineData("csharp")]
    [InlineData("python")]
    public async Task A_shop_whose_replies_get_lost_sells_every_customer_exactly_what_was_asked(string language)
    {
        var directory = Directory.CreateTempSubdirectory("rush-shop-");
        try
        {
            await using var app = await ServeAsync(directory.FullName);
            var url = new Uri(app.Urls.Single());
            var key = KeyRing.Open(directory.FullName).Add("sample-shop", Role.Shop).Secret;
            using var proxy = new LossyProxy(url);

            var numbers = new List<int>();
            for (var customer = 0; customer < 3; customer++)
            {
                var (code, output, error) = await RunAsync(language, proxy.Url, key, directory.FullName, "spring", $"customer-{customer}",
                    "floor", "3");
                Assert.True(code == 0, $"{code}: {output} {error}");
                Assert.Contains($"Took 13500 EUR from customer-{customer}", output, StringComparison.Ordinal);
                numbers.AddRange(Numbers().Matches(output[output.IndexOf("Tickets for", StringComparison.Ordinal)..])
                    .Select(match => int.Parse(match.Value)).Skip(1));
            }

            Assert.Equal(Enumerable.Range(1, 9), numbers.Order());
            Assert.True(proxy.Lost >= 3, $"only {proxy.Lost} replies were lost");

            // A refusal is an answer: it is said, and not tried for ever.
            var (refused, _, said) = await RunAsync(language, proxy.Url, key, directory.FullName, "spring", "late", "floor", "6");
            Assert.Equal(1, refused);
            Assert.Contains("NOT_ENOUGH", said, StringComparison.Ordinal);
            Assert.Empty(Directory.GetFiles(directory.FullName, "*.id"));

            using var auditor = new Auditor(Path.Combine(directory.FullName, "spring.rush"));
            var audited = auditor.Verify();
            Assert.Equal((AuditVerdict.Good, 3L, 9L, 3L), (audited.Verdict, audited.Orders, audited.Pools[0].Sold, audited.Pools[0].Free));
            Assert.All(auditor.Orders(), order => Assert.Equal("sample-shop", order.By));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    // The control: a shop that takes a new id for each attempt sells more than its customers wanted, through the same proxy.
    [Fact]
    public async Task A_shop_that_made_a_new_id_for_each_attempt_would_sell_too_much()
    {
        var directory = Directory.CreateTempSubdirectory("rush-shop-");
        try
        {
            await using var app = await ServeAsync(directory.FullName);
            using var proxy = new LossyProxy(new(app.Urls.Single()));
            for (var customer = 0; customer < 2; customer++)
            {
                while (true)
                {
                    try
                    {
                        using var client = Client(proxy.Url);
                        using var answer = await client.PutAsync($"/api/sales/spring/orders/{Guid.NewGuid()}", Json($$"""{"buyer":"c{{customer}}","items":[{"tier":"floor","quantity":1}],"reference":"r"}"""));
                        if (answer.IsSuccessStatusCode) break;
                    }
                    catch (HttpRequestException)
                    {
                        // Its customer presses again, and it asks for something new.
                    }
                }
            }

            using var auditor = new Auditor(Path.Combine(directory.FullName, "spring.rush"));
            Assert.True(auditor.Verify().Orders > 2);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task<WebApplication> ServeAsync(string directory)
    {
        var app = RushServer.Build(new() { DataDirectory = directory, Urls = ["http://127.0.0.1:0"], OfficeKey = Office });
        await app.StartAsync();
        using var office = Client(new(app.Urls.Single()));
        (await office.PutAsync("/api/sales/spring", Json(Plan))).EnsureSuccessStatusCode();
        (await office.PostAsync("/api/sales/spring/open", null)).EnsureSuccessStatusCode();
        return app;
    }

    private static HttpClient Client(Uri url) =>
        new() { BaseAddress = url, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", Office) } };

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private static async Task<(int Code, string Output, string Error)> RunAsync(string language, Uri url, string key, string directory,
        params string[] arguments)
    {
        var samples = Path.Combine(Root(), "samples");
        var start = language == "python"
            ? new ProcessStartInfo(Python(), [Path.Combine(samples, "shop-python", "shop.py"), .. arguments])
            : new ProcessStartInfo("dotnet", [CSharp(samples), .. arguments]);
        start.WorkingDirectory = directory;
        (start.Environment["RUSH_URL"], start.Environment["RUSH_KEY"]) = (url.GetLeftPart(UriPartial.Authority), key);
        return await SampleProgram.RunAsync(start);
    }

    private static string CSharp(string samples)
    {
        var built = Path.Combine(samples, "shop-csharp", "bin", new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name, "net10.0",
            "shop.dll");
        if (!File.Exists(built)) Assert.Skip("needs the sample: dotnet build samples/shop-csharp -c Release");
        return built;
    }

    private static string Python()
    {
        var found = Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(folder => Path.Combine(folder, "python3"))
            .FirstOrDefault(File.Exists);
        if (found is null) Assert.Skip("needs python3: apt-get install python3");
        return found;
    }

    internal static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "TicketRush.slnx"))) directory = directory.Parent;
        return directory.FullName;
    }

    [GeneratedRegex(@"\d+")]
    private static partial Regex Numbers();
}
