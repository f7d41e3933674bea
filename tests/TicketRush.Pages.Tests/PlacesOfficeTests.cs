using System.Text.RegularExpressions;
using Microsoft.Playwright;
using TicketRush.Pages.Tests.Hosting;

namespace TicketRush.Pages.Tests;

/// <summary>The office with seats and stops: plans as text, blocked places, numbers, the counter and exchanges; every page is looked
/// at.</summary>
[Trait("Browser", "true")]
public sealed class PlacesOfficeTests(Site site, Browser browser) : IClassFixture<Site>, IClassFixture<Browser>
{
    [Theory]
    [InlineData(false, false, true)]
    [InlineData(true, true, false)]
    public async Task A_sale_with_seats_is_made_from_a_sample_and_everything_wrong_is_said_with_its_line(bool chinese, bool phone,
        bool script)
    {
        var sale = $"o{Guid.NewGuid():N}"[..12];
        await using var tab = await SignInAsync(new(chinese, phone, script));
        var page = tab.Page;
        await page.GotoAsync("/office/new/text?sample=train-16-coaches");
        await Assertions.Expect(page.Locator("textarea")).ToHaveValueAsync(new Regex("beijing-west"));
        await page.GotoAsync("/office/new/text?sample=hall-2000");
        await tab.IsGoodAsync("office-text");
        var text = await page.Locator("textarea").InputValueAsync();

        // Not JSON: the line. Not a plan: every error, and where.
        await page.Locator("input[name=sale]").FillAsync(sale);
        await page.Locator("textarea").FillAsync("{\n  \"name\": \"x\",\n  oops\n}");
        await page.Locator("main .button.primary").ClickAsync();
        await Assertions.Expect(page.Locator(".problem li")).ToContainTextAsync(chinese ? "第 3 行" : "line 3");
        var wrong = text.Replace("\"aisles\": \"11,33\"", "\"aisles\": \"11,99\"", StringComparison.Ordinal).Replace("\"price\": 48000",
            "\"price\": -1", StringComparison.Ordinal);
        await page.Locator("textarea").FillAsync(wrong);
        await page.Locator("main .button.primary").ClickAsync();
        await Assertions.Expect(page.Locator(".problem li")).ToHaveCountAsync(2);
        await Assertions.Expect(page.Locator(".problem li").First).ToContainTextAsync("pools[0].rows[0].aisles");
        await tab.IsGoodAsync("office-text-wrong");

        await page.Locator("textarea").FillAsync(text);
        await page.Locator("main .button.primary").ClickAsync();
        await page.WaitForURLAsync(new Regex($"/office/sales/{sale}"));
        await tab.IsGoodAsync("office-places");

        // A row is blocked by its name, and put on sale again.
        await page.Locator("select[name=pool]").SelectOptionAsync("balcony");
        await page.Locator("input[name=names]").FillAsync("balcony-A, balcony-B-7");
        await page.Locator("button[value=block]").ClickAsync();
        await Assertions.Expect(page.Locator("tr", new() { HasText = "balcony" }).Locator("td").Last).ToHaveTextAsync("41");
        await page.Locator("input[name=names]").FillAsync("balcony-Z");
        await page.Locator("button[value=block]").ClickAsync();
        await Assertions.Expect(page.Locator(".problem")).ToContainTextAsync("balcony-Z");
        await page.Locator("select[name=pool]").SelectOptionAsync("balcony");
        await page.Locator("input[name=names]").FillAsync("balcony-A");
        await page.Locator("button[value=free]").ClickAsync();
        await Assertions.Expect(page.Locator("tr", new() { HasText = "balcony" }).Locator("td").Last).ToHaveTextAsync("1");

        // The plan that stands is read as it was written, blocked places too.
        await page.GotoAsync($"/office/sales/{sale}/change");
        await Assertions.Expect(page.Locator("textarea")).ToHaveValueAsync(new Regex("balcony-B-7"));
        await tab.IsGoodAsync("office-text-change");
        await page.Locator("main .button.primary").ClickAsync();
        await Assertions.Expect(page.Locator(".notice")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_train_is_sold_at_the_counter_exchanged_and_numbered()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Train());
        await using var tab = await SignInAsync(new(Chinese: false, Phone: false, Script: true));
        var page = tab.Page;
        await page.GotoAsync($"/office/sales/{sale}/counter");
        await page.Locator("input[name='q.first']").FillAsync("2");
        await page.Locator("select[name=to]").SelectOptionAsync("nanjing");
        await page.Locator("textarea[name=passengers]").FillAsync("Ann\nBob");
        await tab.IsGoodAsync("counter-train");
        await page.Locator("form[action$='/counter'] .button.primary").ClickAsync();
        await page.WaitForURLAsync(new Regex("/orders/[0-9]+$"));
        await Assertions.Expect(page.Locator(".picks")).ToContainTextAsync("seat number comes later");

        // One of the two goes on to a seat that is named.
        await page.Locator("a[href$='/exchange']").ClickAsync();
        await page.Locator("input[name=ticket]").First.CheckAsync();
        await page.Locator("input[name='q.first']").FillAsync("0");
        await page.Locator("input[name='q.second']").FillAsync("1");
        await page.Locator("select[name=to]").SelectOptionAsync("shanghai");
        await page.Locator("input[name=seats]").FillAsync("01-2-D");
        await page.Locator("textarea[name=passengers]").FillAsync("Ann");
        await tab.IsGoodAsync("exchange-office");
        await page.Locator("form[action$='/exchange'] .button.primary").ClickAsync();
        await page.WaitForURLAsync(new Regex("/orders/[0-9]+$"));
        await Assertions.Expect(page.Locator(".picks")).ToContainTextAsync("Coach 01, seat 2D");
        await tab.IsGoodAsync("order-desk-train");

        await page.GotoAsync($"/office/sales/{sale}");
        await tab.IsGoodAsync("dashboard-train");
        await page.Locator("form[action$='/numbers'] button").ClickAsync();
        await Assertions.Expect(page.Locator(".notice")).ToHaveTextAsync("The seats have their numbers.");
        await Assertions.Expect(page.Locator("form[action$='/numbers']")).ToHaveCountAsync(0);
        var orders = await site.Office.GetStringAsync($"/api/sales/{sale}/orders");
        Assert.Contains("02-1-", orders, StringComparison.Ordinal);
    }

    private async Task<Tab> SignInAsync(Look look)
    {
        var tab = await browser.OpenAsync(site, look);
        await tab.Page.GotoAsync("/office");
        await tab.Page.Locator("input[name=key]").FillAsync(Site.Key);
        await tab.Page.Locator("main button.primary").ClickAsync();
        await tab.Page.WaitForURLAsync(new Regex("/office$"));
        return tab;
    }
}
