using System.Text.RegularExpressions;
using Microsoft.Playwright;
using TicketRush.Pages.Tests.Hosting;

namespace TicketRush.Pages.Tests;

/// <summary>A person buys, in a real browser: both languages, both widths, with and without a script; and every page on the way is looked
/// at.</summary>
[Trait("Browser", "true")]
public sealed class BuyTests(Site site, Browser browser) : IClassFixture<Site>, IClassFixture<Browser>
{
    // In the light each two of language, width and script together, or with RUSH_FULL=1 all three; in the dark all of them in two.
    public static TheoryData<bool, bool, bool, bool> Looks => new(
        [.. Look.Together.Select(look => (look.Chinese, look.Phone, look.Script, false)), (true, true, true, true), (false, false, false, true)]);

    [Theory]
    [MemberData(nameof(Looks))]
    public async Task Somebody_buys_from_the_list_to_the_printed_ticket(bool chinese, bool phone, bool script, bool dark)
    {
        var sale = await site.OpenSaleAsync(Site.Plan(name: $"Concert {Guid.NewGuid():N}"[..20]));
        var look = new Look(chinese, phone, script, dark);
        await using var tab = await browser.OpenAsync(site, look);
        var page = tab.Page;

        await page.GotoAsync("/");
        await tab.IsGoodAsync("list");
        await page.Locator($"a[href='/sales/{sale}']").ClickAsync();
        await Assertions.Expect(page.Locator("[data-tier=floor]")).ToContainTextAsync("100");
        await tab.IsGoodAsync("sale");

        await page.Locator($"a[href='/sales/{sale}/choose']").ClickAsync();
        await tab.IsGoodAsync("choose");
        await page.Locator("button.primary").ClickAsync();
        await Assertions.Expect(page.Locator(".problem")).ToBeVisibleAsync();
        await tab.IsGoodAsync("choose-nothing");

        await page.Locator("select[name='q.floor']").SelectOptionAsync("2");
        await page.Locator("select[name='q.balcony']").SelectOptionAsync("1");
        if (script) await Assertions.Expect(page.Locator("[data-sum]")).ToContainTextAsync("1,340.5");
        await page.Locator("button.primary").ClickAsync();
        await page.WaitForURLAsync(new Regex("/holds/"));
        await Assertions.Expect(page.Locator("tfoot")).ToContainTextAsync("¥1,340.50");
        await Assertions.Expect(page.Locator("[data-left]")).ToContainTextAsync(new Regex("^(9:5|10:00)"));
        await tab.IsGoodAsync("hold");

        await page.Locator("form[action$='/extend'] button").ClickAsync();
        await Assertions.Expect(page.Locator("[data-left]")).ToContainTextAsync(new Regex("^(19:|20:0)"));
        await Assertions.Expect(page.Locator("form[action$='/extend']")).ToHaveCountAsync(0);

        await page.Locator("form[action$='/pay'] button").ClickAsync();
        await page.WaitForURLAsync(new Regex("/orders/"));
        await Assertions.Expect(page.Locator(".ticket .qr svg")).ToHaveCountAsync(3);
        await tab.IsGoodAsync("order");
        await page.EmulateMediaAsync(new() { Media = Media.Print });
        await tab.IsGoodAsync("order-print");
        await page.EmulateMediaAsync(new() { Media = Media.Screen });
        var code = await page.Locator(".keys .code").InnerTextAsync();
        var link = await page.Locator("[data-link]").InputValueAsync();

        // The link opens elsewhere, where nobody is known; and so does the code.
        await using var elsewhere = await browser.OpenAsync(site, look);
        await elsewhere.Page.GotoAsync(link);
        await Assertions.Expect(elsewhere.Page.Locator(".ticket .qr svg")).ToHaveCountAsync(3);
        await elsewhere.Page.GotoAsync("/find");
        await elsewhere.IsGoodAsync("find");
        await elsewhere.Page.Locator("select[name=sale]").SelectOptionAsync(sale);
        await elsewhere.Page.Locator("input[name=code]").FillAsync("1-0000-0000");
        await elsewhere.Page.Locator("main button.primary").ClickAsync();
        await Assertions.Expect(elsewhere.Page.Locator(".problem")).ToBeVisibleAsync();
        await elsewhere.IsGoodAsync("find-nothing");
        await elsewhere.Page.Locator("input[name=code]").FillAsync(code.ToLowerInvariant());
        await elsewhere.Page.Locator("main button.primary").ClickAsync();
        await Assertions.Expect(elsewhere.Page.Locator(".ticket .qr svg")).ToHaveCountAsync(3);

        // Here it is found without a code.
        await page.GotoAsync("/find");
        await tab.IsGoodAsync("find-kept");
        await page.Locator(".kept a").ClickAsync();
        await Assertions.Expect(page.Locator(".ticket")).ToHaveCountAsync(3);
    }

    [Fact]
    public async Task A_language_is_chosen_with_a_link_and_remembered()
    {
        await using var tab = await browser.OpenAsync(site, new(Chinese: false, Phone: true, Script: false));
        await tab.Page.GotoAsync("/");
        await tab.Page.Locator("a.language").ClickAsync();
        await Assertions.Expect(tab.Heading).ToHaveTextAsync("在售场次");
        await tab.Page.GotoAsync("/find");
        await Assertions.Expect(tab.Heading).ToHaveTextAsync("查找订单");
        Assert.DoesNotContain("lang=", tab.Page.Url, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_remaining_places_change_while_somebody_looks_and_the_page_says_when_they_are_gone()
    {
        var sale = await site.OpenSaleAsync(Site.Plan(capacity: 4));
        await using var tab = await browser.OpenAsync(site, new(Chinese: false, Phone: false, Script: true));
        await tab.Page.GotoAsync($"/sales/{sale}");
        await Assertions.Expect(tab.Page.Locator(".live")).ToBeVisibleAsync();
        await site.BuyAsync(sale, 3);
        await Assertions.Expect(tab.Page.Locator("[data-tier=floor]")).ToHaveTextAsync("1 left");
        await site.BuyAsync(sale, 1, buyer: "bob");
        await Assertions.Expect(tab.Page.Locator("[data-tier=floor]")).ToHaveTextAsync("none left");
        await site.BuyAsync(sale, 4, "balcony", "cleo");
        await Assertions.Expect(tab.Page.Locator(".badge")).ToHaveTextAsync("Sold out");
        await Assertions.Expect(tab.Page.GetByText("Every ticket is paid.")).ToBeVisibleAsync();
        await tab.IsGoodAsync("sale-gone");
    }

    [Fact]
    public async Task The_clock_runs_out_and_the_page_says_so_by_itself()
    {
        var sale = await site.OpenSaleAsync(Site.Plan(holdSeconds: 3));
        await using var tab = await browser.OpenAsync(site, new(Chinese: true, Phone: true, Script: true));
        await tab.Page.GotoAsync($"/sales/{sale}/choose");
        await tab.Page.Locator("select[name='q.floor']").SelectOptionAsync("1");
        await tab.Page.Locator("button.primary").ClickAsync();
        await Assertions.Expect(tab.Heading).ToHaveTextAsync("付款时间已过");
        await tab.IsGoodAsync("hold-expired");

        // As long as the places are free, late is not too late.
        await tab.Page.Locator("form[action$='/pay'] button").ClickAsync();
        await Assertions.Expect(tab.Page.Locator(".ticket")).ToHaveCountAsync(1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Before_the_opening_the_page_waits_and_asks_by_itself_with_the_same_id(bool script)
    {
        var sale = await site.OpenSaleAsync();
        await using var tab = await browser.OpenAsync(site, new(Chinese: false, Phone: true, script));
        await tab.Page.GotoAsync($"/sales/{sale}/choose");
        (await site.Office.PostAsync($"/api/sales/{sale}/pause", null)).EnsureSuccessStatusCode();
        await tab.Page.Locator("select[name='q.floor']").SelectOptionAsync("1");
        var id = await tab.Page.Locator("input[name=id]").InputValueAsync();
        await tab.Page.Locator("button.primary").ClickAsync();
        await Assertions.Expect(tab.Heading).ToHaveTextAsync("The sale is paused");
        await tab.IsGoodAsync("wait");

        (await site.Office.PostAsync($"/api/sales/{sale}/open", null)).EnsureSuccessStatusCode();
        await tab.Page.WaitForURLAsync(new Regex($"/holds/{id}"), new() { Timeout = 30_000 });
        await Assertions.Expect(tab.Page.Locator("tfoot")).ToContainTextAsync("¥380");
    }

    [Fact]
    public async Task Nothing_here_looks_like_a_page_too()
    {
        await using var tab = await browser.OpenAsync(site, new(Chinese: false, Phone: true, Script: true));
        await tab.Page.GotoAsync("/nothing/here");
        await tab.IsGoodAsync("not-found");
        await Assertions.Expect(tab.Heading).ToHaveTextAsync("There is nothing here");
    }
}
