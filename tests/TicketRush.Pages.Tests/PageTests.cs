using TicketRush.Journal;
using TicketRush.Journal.Files;
using TicketRush.Pages.Tests.Hosting;

namespace TicketRush.Pages.Tests;

/// <summary>What pages say and do, without a browser: what is sent, to whom, and what a form does.</summary>
public sealed class PageTests(Site site) : IClassFixture<Site>
{
    [Theory]
    [InlineData("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans")]
    [InlineData("en-GB,en;q=0.9", "en")]
    [InlineData("de,fr;q=0.9", "en")]
    [InlineData("de, zh;q=0.2, en;q=0.1", "zh-Hans")]
    [InlineData("en;q=0, zh;q=0.1", "zh-Hans")]
    [InlineData("zh;q=zzz, en;q=0.5", "en")]
    [InlineData("", "en")]
    public async Task The_language_is_the_browsers(string accepts, string lang)
    {
        using var visitor = site.Visitor(accepts.Length == 0 ? "*" : accepts);
        Assert.Contains($"<html lang=\"{lang}\">", (await visitor.LookAsync("/")).Html, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Statement", "S17")]
    public async Task What_the_office_typed_is_text_and_never_markup()
    {
        var sale = await site.OpenSaleAsync(Site.Plan(name: "<script>alert(1)</script>&amp;'"));
        using var visitor = site.Visitor();
        foreach (var path in new[] { "/", $"/sales/{sale}", $"/sales/{sale}/choose", "/find" })
        {
            // The list is rendered twice a second at the most.
            Visitor.Seen page = null!;
            await Site.UntilAsync(
                async () => (page = (await visitor.LookAsync(path)).Is(200)).Html
                    .Contains("&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;", StringComparison.Ordinal), path);
            Assert.DoesNotContain("<script>alert", page.Html, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task Every_page_has_the_headers_that_keep_it_to_itself()
    {
        var sale = await site.OpenSaleAsync();
        using var visitor = site.Visitor();
        foreach (var path in new[] { "/", $"/sales/{sale}", $"/sales/{sale}/choose", "/find", "/office/sign-in", "/nothing" })
        {
            var page = await visitor.LookAsync(path);
            var policy = page.Headers.GetValues("Content-Security-Policy").Single();
            foreach (var rule in new[] { "default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'",
                "script-src 'self'", "style-src 'self'" })
                Assert.Contains(rule, policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.Equal("nosniff", page.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.Equal("no-referrer", page.Headers.GetValues("Referrer-Policy").Single());
            Assert.DoesNotContain(" style=", page.Html, StringComparison.Ordinal);
            Assert.DoesNotContain(" onclick=", page.Html, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    public async Task Pages_with_ids_are_kept_by_no_cache_and_public_ones_are_asked_for_again()
    {
        var sale = await site.OpenSaleAsync();
        using var visitor = site.Visitor();
        Assert.True((await visitor.LookAsync($"/sales/{sale}")).Headers.CacheControl!.NoCache);
        var choose = (await visitor.LookAsync($"/sales/{sale}/choose")).Is(200);
        Assert.True(choose.Headers.CacheControl!.NoStore);
        var hold = (await visitor.SubmitAsync(choose, $"/sales/{sale}/holds", ("q.floor", "1"))).Is(200);
        Assert.True(hold.Headers.CacheControl!.NoStore);
        Assert.True((await visitor.SubmitAsync(hold, hold.Path + "/pay")).Is(200).Headers.CacheControl!.NoStore);
    }

    [Fact]
    public async Task A_public_page_that_has_not_changed_is_not_sent_again()
    {
        var sale = await site.OpenSaleAsync();
        using var first = await site.Office.GetAsync($"/sales/{sale}");
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/sales/{sale}");
        request.Headers.TryAddWithoutValidation("If-None-Match", first.Headers.ETag!.ToString());
        using var second = await site.Office.SendAsync(request);
        Assert.Equal(304, (int)second.StatusCode);

        await site.BuyAsync(sale, 5);
        await Site.UntilAsync(async () => (await site.Office.GetStringAsync($"/sales/{sale}"))
            .Contains("95 left", StringComparison.Ordinal), "95 left");
    }

    [Fact]
    public async Task Assets_are_kept_for_ever_and_their_address_says_what_is_in_them()
    {
        var html = await site.Office.GetStringAsync("/");
        foreach (System.Text.RegularExpressions.Match asset in System.Text.RegularExpressions.Regex.Matches(html, "/assets/[^\"]+"))
        {
            using var answer = await site.Office.GetAsync(asset.Value);
            Assert.Equal(200, (int)answer.StatusCode);
            Assert.Contains("immutable", answer.Headers.GetValues("Cache-Control").Single(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_draft_is_the_offices_alone()
    {
        var sale = await site.CreateSaleAsync(Site.Plan(name: "Not yet announced"));
        using var visitor = site.Visitor();
        (await visitor.LookAsync($"/sales/{sale}")).Is(404);
        (await visitor.LookAsync($"/sales/{sale}/choose")).Is(404);
        Assert.DoesNotContain("Not yet announced", (await visitor.LookAsync("/")).Html, StringComparison.Ordinal);
        Assert.DoesNotContain("Not yet announced", (await visitor.LookAsync("/find")).Html, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_form_that_is_sent_twice_is_one_purchase()
    {
        var sale = await site.OpenSaleAsync();
        using var visitor = site.Visitor();
        var choose = await visitor.LookAsync($"/sales/{sale}/choose");
        var holds = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ =>
            visitor.SubmitAsync(choose, $"/sales/{sale}/holds", ("q.floor", "2"))));
        Assert.Single(holds.Select(hold => hold.Is(200).Path).Distinct());
        var orders = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => visitor.SubmitAsync(holds[0], holds[0].Path + "/pay")));
        Assert.Single(orders.Select(order => order.Is(200).Path).Distinct());
        Assert.Contains("\"sold\":2", await site.Office.GetStringAsync($"/api/sales/{sale}/availability"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Time_is_added_once_for_a_form_that_is_sent_twice()
    {
        var sale = await site.OpenSaleAsync(Site.Plan(extensions: 2));
        using var visitor = site.Visitor();
        var hold = await visitor.SubmitAsync(await visitor.LookAsync($"/sales/{sale}/choose"), $"/sales/{sale}/holds", ("q.floor", "1"));
        await visitor.SubmitAsync(hold, hold.Path + "/extend");
        var twice = (await visitor.SubmitAsync(hold, hold.Path + "/extend")).Is(200);
        Assert.Equal("1", twice.FormOf(hold.Path + "/extend").Single(field => field.Name == "n").Value);
    }

    [Fact]
    public async Task Given_back_is_free_at_once()
    {
        var sale = await site.OpenSaleAsync(Site.Plan(capacity: 1));
        using var visitor = site.Visitor();
        var hold = await visitor.SubmitAsync(await visitor.LookAsync($"/sales/{sale}/choose"), $"/sales/{sale}/holds", ("q.floor", "1"));
        Assert.Contains("You gave these tickets back", (await visitor.SubmitAsync(hold, hold.Path + "/release")).Is(200).Text,
            StringComparison.Ordinal);
        Assert.Contains("\"held\":0", await site.Office.GetStringAsync($"/api/sales/{sale}/availability"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_browser_without_a_script_asks_for_a_sale_again_by_itself_until_it_is_over()
    {
        var sale = await site.OpenSaleAsync(Site.Plan(opensAt: DateTimeOffset.UtcNow.AddSeconds(3).ToString("yyyy-MM-ddTHH:mm:ss'Z'")));
        using var visitor = site.Visitor();
        var again = $"<noscript><meta http-equiv=\"refresh\" content=\"30;url=/sales/{sale}\"";
        var early = (await visitor.LookAsync($"/sales/{sale}")).Is(200);
        Assert.Contains("opens by itself", early.Text, StringComparison.Ordinal);
        Assert.Contains(again, early.Html, StringComparison.Ordinal);
        await Site.UntilAsync(
            async () => (await visitor.LookAsync($"/sales/{sale}")).Html.Contains($"/sales/{sale}/choose", StringComparison.Ordinal),
            "the opening");
        (await site.Office.PostAsync($"/api/sales/{sale}/close", null)).EnsureSuccessStatusCode();
        await Site.UntilAsync(
            async () => !(await visitor.LookAsync($"/sales/{sale}")).Html.Contains(again, StringComparison.Ordinal), "the end");
    }

    [Fact]
    public async Task Sold_out_says_what_may_come_back()
    {
        var sale = await site.OpenSaleAsync(Site.Plan(capacity: 2));
        using var visitor = site.Visitor();
        await visitor.SubmitAsync(await visitor.LookAsync($"/sales/{sale}/choose"), $"/sales/{sale}/holds", ("q.floor", "2"),
            ("q.balcony", "2"));
        await Site.UntilAsync(
            async () => (await visitor.LookAsync($"/sales/{sale}"))
                .Text.Contains("4 tickets are being held by people who have not paid yet", StringComparison.Ordinal), "what may come back");

        // There is nothing to choose: the choosing page leads back here.
        Assert.Equal($"/sales/{sale}", (await visitor.LookAsync($"/sales/{sale}/choose")).Path);
    }

    [Fact]
    public async Task Whoever_was_slower_is_told_kindly_and_can_choose_again()
    {
        var sale = await site.OpenSaleAsync(Site.Plan(capacity: 3));
        using var visitor = site.Visitor();
        var choose = await visitor.LookAsync($"/sales/{sale}/choose");
        await site.BuyAsync(sale, 2);
        var refused = (await visitor.SubmitAsync(choose, $"/sales/{sale}/holds", ("q.floor", "2"))).Is(409);
        Assert.Contains("Only 1 of these is left.", refused.Text, StringComparison.Ordinal);
        (await visitor.SubmitAsync(refused, $"/sales/{sale}/holds", ("q.floor", "1"))).Is(200);
    }

    [Fact]
    public async Task A_price_that_changed_meanwhile_is_shown_before_anything_is_kept()
    {
        var sale = await site.OpenSaleAsync();
        using var visitor = site.Visitor();
        using var earlier = site.Visitor();
        var choose = await visitor.LookAsync($"/sales/{sale}/choose");
        var before = await earlier.LookAsync($"/sales/{sale}/choose");
        var hold = (await earlier.SubmitAsync(before, $"/sales/{sale}/holds", ("q.floor", "2"))).Is(200);
        using var read = await site.Office.GetAsync($"/api/sales/{sale}");
        using var change = new HttpRequestMessage(HttpMethod.Put, $"/api/sales/{sale}") { Content = Site.Json(Site.Plan()
            .Replace("38000", "39000", StringComparison.Ordinal)) };
        change.Headers.TryAddWithoutValidation("If-Match", read.Headers.ETag!.ToString());
        using var changed = await site.Office.SendAsync(change);
        Assert.True(changed.IsSuccessStatusCode, await changed.Content.ReadAsStringAsync());

        var asked = (await visitor.SubmitAsync(choose, $"/sales/{sale}/holds", ("q.floor", "1"))).Is(409);
        Assert.Contains("¥390", asked.Text, StringComparison.Ordinal);

        // Whose form was served before the change, and whose answer was lost, comes to what it has, at the price that it agreed to.
        var again = (await earlier.SubmitAsync(before, $"/sales/{sale}/holds", ("q.floor", "2"))).Is(200);
        Assert.Equal(hold.Path, again.Path);
        Assert.Contains("¥760", again.Text, StringComparison.Ordinal);
        Assert.Contains("\"held\":2", await site.Office.GetStringAsync($"/api/sales/{sale}/availability"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Anothers_hold_and_order_are_not_there()
    {
        var sale = await site.OpenSaleAsync();
        using var ann = site.Visitor();
        using var bob = site.Visitor();
        await bob.LookAsync("/find");
        var hold = (await ann.SubmitAsync(await ann.LookAsync($"/sales/{sale}/choose"), $"/sales/{sale}/holds", ("q.floor", "1"))).Is(200);
        var unknown = (await bob.LookAsync($"/sales/{sale}/holds/{Guid.NewGuid()}")).Is(404);
        Assert.Equal(unknown.Html, (await bob.LookAsync(hold.Path)).Is(404).Html);
        var order = (await ann.SubmitAsync(hold, hold.Path + "/pay")).Is(200);
        Assert.Equal(unknown.Html, (await bob.LookAsync(order.Path)).Is(404).Html);
    }

    [Fact]
    public async Task Codes_and_links_that_are_a_little_wrong_open_nothing()
    {
        var (sale, other) = (await site.OpenSaleAsync(), await site.OpenSaleAsync());
        using var ann = site.Visitor();
        var hold = await ann.SubmitAsync(await ann.LookAsync($"/sales/{sale}/choose"), $"/sales/{sale}/holds", ("q.floor", "1"));
        var order = await ann.SubmitAsync(hold, hold.Path + "/pay");
        var code = System.Text.RegularExpressions.Regex.Match(order.Html, "data-copied>([^<]+)<").Groups[1].Value;
        var link = System.Text.RegularExpressions.Regex.Match(order.Html, "value=\"(http[^\"]+)\"").Groups[1].Value;
        using var bob = site.Visitor();
        (await bob.LookAsync(new Uri(link).AbsolutePath)).Is(200);
        (await bob.LookAsync($"/sales/{sale}/orders/{code}")).Is(200);
        (await bob.LookAsync($"/sales/{sale}/orders/{code.ToLowerInvariant().Replace("0", "o", StringComparison.Ordinal)}")).Is(200);
        (await bob.LookAsync($"/sales/{other}/orders/{code}")).Is(404);

        for (var at = code.IndexOf('-') + 1; at < code.Length; at++)
        {
            if (code[at] == '-') continue;
            var wrong = code[..at] + (code[at] == '7' ? '8' : '7') + code[(at + 1)..];
            (await bob.LookAsync($"/sales/{sale}/orders/{wrong}")).Is(404);
        }

        (await bob.LookAsync(new Uri(link).AbsolutePath[..^1])).Is(404);
        (await bob.LookAsync($"/sales/{sale}/orders/{code.Split('-')[0]}")).Is(404);
    }

    [Fact]
    public async Task A_wish_that_waits_is_kept_by_a_link_that_is_good_for_its_own_browser_alone()
    {
        var sale = await site.OpenSaleAsync();
        using var ann = site.Visitor();
        var choose = await ann.LookAsync($"/sales/{sale}/choose");
        (await site.Office.PostAsync($"/api/sales/{sale}/pause", null)).EnsureSuccessStatusCode();
        var wait = (await ann.SubmitAsync(choose, $"/sales/{sale}/holds", ("q.floor", "2"))).Is(503);
        var next = wait.Headers.GetValues("Refresh").Single().Split("url=")[1];
        (await site.Office.PostAsync($"/api/sales/{sale}/open", null)).EnsureSuccessStatusCode();

        using var bob = site.Visitor();
        await bob.LookAsync("/find");
        (await bob.LookAsync(next)).Is(400);
        (await ann.LookAsync(next.Replace("q.floor=2", "q.floor=3", StringComparison.Ordinal))).Is(400);
        Assert.Contains("\"held\":0", await site.Office.GetStringAsync($"/api/sales/{sale}/availability"), StringComparison.Ordinal);

        var id = choose.FormOf($"/sales/{sale}/holds").Single(field => field.Name == "id").Value;
        Assert.Equal($"/sales/{sale}/holds/{id}", (await ann.LookAsync(next)).Is(200).Path);
        Assert.Equal($"/sales/{sale}/holds/{id}", (await ann.LookAsync(next)).Is(200).Path);
        Assert.Contains("\"held\":2", await site.Office.GetStringAsync($"/api/sales/{sale}/availability"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_fourth_hold_of_a_browser_is_refused_with_the_way_to_the_other_three()
    {
        var sale = await site.OpenSaleAsync(Site.Plan(perBuyer: 100));
        using var visitor = site.Visitor();
        for (var i = 0; i < 3; i++)
            (await visitor.SubmitAsync(await visitor.LookAsync($"/sales/{sale}/choose"), $"/sales/{sale}/holds", ("q.floor", "1"))).Is(200);
        var fourth = (await visitor.SubmitAsync(await visitor.LookAsync($"/sales/{sale}/choose"), $"/sales/{sale}/holds",
            ("q.floor", "1"))).Is(409);
        Assert.Contains("Pay or give back what you hold first", fourth.Text, StringComparison.Ordinal);
        Assert.Equal(3, System.Text.RegularExpressions.Regex.Count((await visitor.LookAsync("/find")).Html, "On hold, not paid"));
    }

    [Fact]
    public async Task When_nobody_is_answered_the_page_waits_and_asks_again_with_the_same_id()
    {
        var sale = await site.OpenSaleAsync();
        using var visitor = site.Visitor();
        var choose = await visitor.LookAsync($"/sales/{sale}/choose");
        var id = choose.FormOf($"/sales/{sale}/holds").Single(field => field.Name == "id");
        Visitor.Seen busy;
        using (var frozen = new DataDirectory(site.Directory).Open(sale))
        {
            // Another server is in its turn and does not move.
            var reader = new NoReader();
            frozen.Read(reader);
            frozen.TakeTurn(reader);
            busy = (await visitor.SubmitAsync(choose, $"/sales/{sale}/holds", ("q.floor", "2"))).Is(503);
            frozen.ReleaseTurn();
        }

        Assert.Contains("Many people are asking", busy.Text, StringComparison.Ordinal);
        Assert.Equal(id, busy.FormOf($"/sales/{sale}/holds").Single(field => field.Name == "id"));
        Assert.NotNull(busy.Headers.RetryAfter);

        // What a browser without a script does next.
        var next = busy.Headers.GetValues("Refresh").Single().Split("url=")[1];
        var hold = busy;
        await Site.UntilAsync(async () => (hold = await visitor.LookAsync(next)).Status == 200, "the hold");
        Assert.Equal($"/sales/{sale}/holds/{id.Value}", hold.Path);
    }

    [Fact]
    public async Task What_nobody_knew_settles_itself_as_not_done_when_it_was_not()
    {
        var sale = await site.OpenSaleAsync();
        using var visitor = site.Visitor();
        await visitor.LookAsync("/find");
        var id = Guid.NewGuid();
        Assert.Contains("it did not happen", (await visitor.LookAsync($"/sales/{sale}/holds/{id}?asked=yes")).Is(200).Text,
            StringComparison.Ordinal);
        (await visitor.LookAsync($"/sales/{sale}/holds/{id}")).Is(404);
    }

    [Fact]
    public async Task A_sale_whose_journal_cannot_be_read_is_said_to_be_stopped_and_not_to_be_missing()
    {
        await using var own = await Site.StartAsync();
        await File.WriteAllTextAsync(Path.Combine(own.Directory, "broken.rush"), "no journal");
        using var visitor = own.Visitor();
        Assert.Contains("Nothing that was bought is lost", (await visitor.LookAsync("/sales/broken")).Is(503).Text,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Asking_too_often_is_a_calm_page_that_asks_again_by_itself_with_what_the_form_had()
    {
        await using var strict = await Site.StartAsync(options => options with { Limits = new() { SessionPerMinute = 5 } });
        var sale = await strict.OpenSaleAsync();
        using var visitor = strict.Visitor();
        var choose = await visitor.LookAsync($"/sales/{sale}/choose");
        Visitor.Seen page;
        do page = await visitor.SubmitAsync(choose, $"/sales/{sale}/holds", ("q.floor", "1"));
        while (page.Path != $"/sales/{sale}/holds");
        page.Is(429);
        Assert.Equal(choose.FormOf($"/sales/{sale}/holds").Single(field => field.Name == "id"), page.FormOf($"/sales/{sale}/holds")
            .Single(field => field.Name == "id"));
        Assert.NotNull(page.Headers.RetryAfter);
    }

    [Fact]
    public async Task Nothing_that_pages_do_writes_an_id_a_code_or_a_session_to_the_log()
    {
        var sale = await site.OpenSaleAsync();
        using var visitor = site.Visitor();
        var hold = await visitor.SubmitAsync(await visitor.LookAsync($"/sales/{sale}/choose"), $"/sales/{sale}/holds", ("q.floor", "1"));
        await visitor.SubmitAsync(hold, hold.Path + "/pay");
        var id = hold.Path[(hold.Path.LastIndexOf('/') + 1)..];
        Assert.DoesNotContain(site.Logged, line => line.Contains(id, StringComparison.OrdinalIgnoreCase));
    }

    private sealed class NoReader : IBatchReader
    {
        public void OnBatch(in BatchHeader header, ReadOnlySpan<byte> entries)
        {
        }
    }

    [Theory]
    [InlineData(38000, "CNY", "¥380")]
    [InlineData(58050, "CNY", "¥580.50")]
    [InlineData(123456789, "EUR", "€1,234,567.89")]
    [InlineData(1200, "JPY", "JP¥1,200")]
    [InlineData(1250, "KWD", "KWD 1.250")]
    public void Amounts_are_written_as_people_write_them(long minor, string currency, string text) =>
        Assert.Equal(text, Server.Pages.Money.Say(minor, currency));

    [Theory]
    [InlineData("380", "CNY", 38000)]
    [InlineData("12.5", "EUR", 1250)]
    [InlineData("12.505", "EUR", null)]
    [InlineData("1.5", "JPY", null)]
    [InlineData("-1", "EUR", null)]
    [InlineData("1e3", "EUR", null)]
    [InlineData("", "EUR", null)]
    [InlineData("99999999999999999999999", "EUR", null)]
    public void Amounts_are_read_exactly_or_not_at_all(string text, string currency, int? minor) =>
        Assert.Equal(minor, Server.Pages.Money.TryParse(text, currency, out var read) ? (int?)read : null);
}
