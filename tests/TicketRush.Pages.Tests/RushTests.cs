using System.Text.Json;
using System.Text.RegularExpressions;
using TicketRush.Journal.Audit;
using TicketRush.Pages.Tests.Hosting;

namespace TicketRush.Pages.Tests;

public sealed class RushTests
{
    private const int Buyers = 1_000;
    private const int Places = 100;
    private const int PerBuyer = 4;

    // Method: a thousand browsers without scripts, each a session of its own, press at once for a tenth as many places. Some take more than
    // one order, some press twice, some give back, some leave theirs to run out. Whatever they are shown is one of the pages that explain.
    [Fact]
    public async Task A_thousand_browsers_race_for_a_hundred_places_and_every_page_explains_itself()
    {
        var seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        await using var site = await Site.StartAsync();
        var sale = await site.OpenSaleAsync(Site.Plan(capacity: Places / 2, perOrder: 2, perBuyer: PerBuyer));
        var results = new List<(int Tickets, List<string> Unexplained)>();
        using var room = new SemaphoreSlim(100);
        var racing = Enumerable.Range(0, Buyers).Select(async i =>
        {
            await room.WaitAsync();
            try
            {
                using var visitor = site.Visitor(i % 2 == 0 ? "en" : "zh");
                return await RaceAsync(visitor, sale, new(unchecked(seed + i)));
            }
            finally
            {
                room.Release();
            }
        });
        results.AddRange(await Task.WhenAll(racing));

        Assert.Empty(results.SelectMany(result => result.Unexplained));
        Assert.All(results, result => Assert.InRange(result.Tickets, 0, PerBuyer));
        var shown = results.Sum(result => result.Tickets);
        Assert.True(shown > 0, "Nobody got anything: the race shows nothing.");
        Assert.DoesNotContain(site.Logged, line => line.Contains("xception", StringComparison.Ordinal));

        // What buyers were shown is what the journal says, read by one that shares no code with the server.
        using var office = site.Visitor();
        var page = "";
        using var now = JsonDocument.Parse(await site.Office.GetStringAsync($"/api/sales/{sale}/availability"));
        var left = now.RootElement.GetProperty("tiers").EnumerateArray().Select(tier => tier.GetProperty("available").GetInt32())
            .Where(count => count > 0).Select(count => $"{count} left").ToArray();

        // It is rendered ten times a second at the most.
        await Site.UntilAsync(
            async () =>
            {
                page = (await office.LookAsync($"/sales/{sale}")).Text;
                return left.All(count => page.Contains(count, StringComparison.Ordinal));
            },
            "what is left, on the page");
        await site.App.StopAsync();
        var audit = new Auditor(Path.Combine(site.Directory, sale + ".rush")).Verify();
        Assert.Equal(AuditVerdict.Good, audit.Verdict);
        Assert.Equal(shown, audit.Tickets);
        Assert.All(audit.Pools, pool => Assert.InRange(pool.Sold + pool.Held, 0, Places / 2));
        foreach (var pool in audit.Pools.Where(pool => pool.Free > 0)) Assert.Contains($"{pool.Free} left", page, StringComparison.Ordinal);
    }

    private static async Task<(int Tickets, List<string> Unexplained)> RaceAsync(Visitor visitor, string sale, Random random)
    {
        var (tickets, unexplained) = (0, new List<string>());
        for (var wishes = random.Next(1, 4); wishes > 0; wishes--)
        {
            var choose = Explained(await visitor.LookAsync($"/sales/{sale}/choose"));
            if (choose.Status != 200 || !choose.Html.Contains("name=\"id\"", StringComparison.Ordinal)) break;

            var wanted = ($"q.{(random.Next(2) == 0 ? "floor" : "balcony")}", random.Next(1, 4).ToString());
            var hold = Explained(await visitor.SubmitAsync(choose, $"/sales/{sale}/holds", wanted));
            if (random.Next(3) == 0) hold = Explained(await visitor.SubmitAsync(choose, $"/sales/{sale}/holds", wanted));
            if (!Regex.IsMatch(hold.Path, "/holds/[0-9a-f-]{36}$")) continue;

            switch (random.Next(6))
            {
                case 0:
                    Explained(await visitor.SubmitAsync(hold, hold.Path + "/release"));
                    break;
                case 1:
                    break; // It runs out.
                default:
                    var order = Explained(await visitor.SubmitAsync(hold, hold.Path + "/pay"));
                    if (random.Next(3) == 0) order = Explained(await visitor.SubmitAsync(hold, hold.Path + "/pay"));
                    tickets += Regex.Count(order.Html, "class=\"ticket\"");
                    break;
            }
        }

        return (tickets, unexplained);

        Visitor.Seen Explained(Visitor.Seen page)
        {
            // Pages, orders and kind refusals; a wait. Never an error that says nothing.
            var explains = page.Status switch
            {
                200 => true,
                409 or 422 => page.Html.Contains("class=\"problem\"", StringComparison.Ordinal),
                429 or 503 => page.Html.Contains("data-again", StringComparison.Ordinal) && page.Headers.RetryAfter is not null,
                _ => false,
            };
            if (!explains) unexplained.Add($"{page.Status} {page.Path} {page.Title}");
            return page;
        }
    }
}
