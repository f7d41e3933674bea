using System.Text.RegularExpressions;
using Microsoft.Playwright;
using TicketRush.Pages.Tests.Hosting;

namespace TicketRush.Pages.Tests;

/// <summary>The staff work, in a real browser, with and without a script; and every page of the office is looked at.</summary>
[Trait("Browser", "true")]
public sealed class OfficeTests(Site site, Browser browser) : IClassFixture<Site>, IClassFixture<Browser>
{
    [Theory]
    [InlineData(false, false, true, false)]
    [InlineData(true, true, false, false)]
    [InlineData(true, false, false, true)]
    [InlineData(false, true, true, true)]
    public async Task A_sale_is_made_opened_sold_from_refunded_and_closed(bool chinese, bool phone, bool script, bool dark)
    {
        var sale = $"o{Guid.NewGuid():N}"[..12];
        await using var tab = await SignInAsync(new(chinese, phone, script, dark));
        var page = tab.Page;
        await tab.IsGoodAsync("office");

        // Everything that is wrong is said at once, beside its field.
        await page.GotoAsync("/office/new");
        await tab.IsGoodAsync("office-new");
        await FillAsync(page, ("sale", "Not A Name"), ("name", "School play"), ("startsAt", "tomorrow"), ("pools[0].capacity", "many"),
            ("tiers[0].name", "Seat"), ("tiers[0].price", "12.345"));
        await page.Locator("form.plan .button.primary").ClickAsync();
        await Assertions.Expect(page.Locator(".field.wrong")).ToHaveCountAsync(4);
        if (chinese) Assert.DoesNotMatch("must|write|such", await page.Locator(".problem").InnerTextAsync());
        await tab.IsGoodAsync("office-new-wrong");

        await FillAsync(page, ("sale", sale), ("startsAt", "2027-05-01T18:00"), ("pools[0].capacity", "20"), ("pools[0].blocked", "1"),
            ("tiers[0].price", "12.50"));
        await page.Locator("form.plan .button.primary").ClickAsync();
        await page.WaitForURLAsync(new Regex($"/office/sales/{sale}"));
        await page.Locator("form[action$='/open'] button").ClickAsync();
        await Assertions.Expect(page.Locator(".notice")).ToBeVisibleAsync();
        await tab.IsGoodAsync("dashboard");

        // Sell at the counter.
        await page.GotoAsync($"/office/sales/{sale}/counter");
        await page.Locator("input[name='q.standard']").FillAsync("3");
        await FillAsync(page, ("buyer", "Ann"), ("reference", "cash 1"));
        await tab.IsGoodAsync("counter");
        await page.Locator("form[action$='/counter'] .button.primary").ClickAsync();
        await page.WaitForURLAsync(new Regex("/orders/[0-9]+$"));
        var number = page.Url[(page.Url.LastIndexOf('/') + 1)..];
        await tab.IsGoodAsync("order-desk");

        // Refund one of three.
        await page.Locator("input[name=ticket]").First.CheckAsync();
        await page.Locator("form[action$='/refund'] .button.danger").ClickAsync();
        await Assertions.Expect(page.Locator(".notice")).ToContainTextAsync("¥12.50");
        await Assertions.Expect(page.Locator("input[name=ticket]")).ToHaveCountAsync(2);
        await tab.IsGoodAsync("order-desk-refunded");

        // Found by number, by ticket, and by the name that the counter gave; and not by another.
        foreach (var (field, value) in new[] { ("number", number), ("ticket", "2"), ("buyer", "Ann") })
        {
            await page.GotoAsync($"/office/sales/{sale}/orders");
            await FillAsync(page, (field, value));
            await page.Locator("form[action$='/orders'] .button.primary").ClickAsync();
            await Assertions.Expect(field == "buyer" ? page.Locator("tbody tr") : page.Locator("h2.big")).ToContainTextAsync(number);
        }

        await tab.IsGoodAsync("orders");
        await page.GotoAsync($"/office/sales/{sale}/orders");
        await FillAsync(page, ("buyer", "Bob"));
        await page.Locator("form[action$='/orders'] .button.primary").ClickAsync();
        await Assertions.Expect(page.Locator(".problem")).ToBeVisibleAsync();

        // Block, pause, change, close.
        await page.GotoAsync($"/office/sales/{sale}");
        await page.Locator("input[name=blocked]").FillAsync("5");
        await page.Locator("form[action$='/block'] button").ClickAsync();
        await Assertions.Expect(page.Locator("input[name=blocked]")).ToHaveValueAsync("5");
        await page.Locator("form[action$='/pause'] button").ClickAsync();
        await Assertions.Expect(page.Locator("form[action$='/open']")).ToHaveCountAsync(1);
        await page.GotoAsync($"/office/sales/{sale}/change");
        await FillAsync(page, ("name", "School play, second night"), ("tiers[0].price", "13"));
        await tab.IsGoodAsync("office-change");
        await page.Locator("form.plan .button.primary").ClickAsync();
        await Assertions.Expect(tab.Heading).ToHaveTextAsync("School play, second night");
        await page.Locator("form[action$='/close'] button").ClickAsync();
        await Assertions.Expect(page.Locator("form[action$='/close']")).ToHaveCountAsync(0);

        // The journal says who it was.
        var orders = await site.Office.GetStringAsync($"/api/sales/{sale}/orders");
        Assert.Contains("\"office\"", orders, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_payment_is_taken_at_the_counter_for_what_somebody_holds_on_a_phone()
    {
        var sale = await site.OpenSaleAsync(Site.Plan(payment: "external"));
        await using var buyer = await browser.OpenAsync(site, new(Chinese: true, Phone: true, Script: true));
        await buyer.Page.GotoAsync($"/sales/{sale}/choose");
        await buyer.Page.Locator("select[name='q.floor']").SelectOptionAsync("2");
        await buyer.Page.Locator("button.primary").ClickAsync();
        var code = await buyer.Page.Locator(".counter .code").InnerTextAsync();
        await buyer.IsGoodAsync("hold-counter");

        await using var staff = await SignInAsync(new(Chinese: false, Phone: false, Script: true));
        await staff.Page.GotoAsync($"/office/sales/{sale}/counter");
        await FillAsync(staff.Page, ("code", code));
        await staff.Page.Locator("form[action$='/take'] button").ClickAsync();
        await Assertions.Expect(staff.Page.Locator("tfoot")).ToContainTextAsync("¥760");
        await staff.IsGoodAsync("take");
        await FillAsync(staff.Page, ("reference", "card 77"));
        await staff.Page.Locator("form[action$='/take'] button").ClickAsync();
        await staff.Page.WaitForURLAsync(new Regex("/orders/[0-9]+$"));

        // The buyer's page turns into the order by itself.
        await Assertions.Expect(buyer.Page.Locator(".ticket")).ToHaveCountAsync(2);
    }

    [Fact]
    public async Task Keys_are_made_shown_once_used_and_revoked()
    {
        await using var tab = await SignInAsync(new(Chinese: false, Phone: false, Script: false));
        await tab.Page.GotoAsync("/office/keys");
        await FillAsync(tab.Page, ("name", "box-1"));
        await tab.Page.Locator("form[action='/office/keys'] .button.primary").ClickAsync();
        var secret = await tab.Page.Locator(".notice .code").InnerTextAsync();
        await tab.IsGoodAsync("keys");
        await tab.Page.GotoAsync("/office/keys");
        await Assertions.Expect(tab.Page.Locator(".notice .code")).ToHaveCountAsync(0);

        await using var desk = await SignInAsync(new(Chinese: true, Phone: true, Script: true), secret);
        await desk.IsGoodAsync("office-staff");
        await Assertions.Expect(desk.Page.Locator("a[href='/office/new']")).ToHaveCountAsync(0);
        await desk.Page.GotoAsync("/office/keys");
        await Assertions.Expect(desk.Heading).ToHaveTextAsync("您的密钥无此权限");
        await desk.IsGoodAsync("forbidden");

        await tab.Page.Locator("tr", new() { HasText = "box-1" }).Locator("button").ClickAsync();
        await Assertions.Expect(tab.Page.Locator("tr", new() { HasText = "box-1" }).Locator(".badge")).ToHaveTextAsync("Revoked");
        await desk.Page.GotoAsync("/office");
        await Assertions.Expect(desk.Page.Locator("input[name=key]")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task A_wrong_key_does_not_sign_in()
    {
        await using var tab = await browser.OpenAsync(site, new(Chinese: false, Phone: true, Script: true));
        await tab.Page.GotoAsync("/office");
        await tab.IsGoodAsync("sign-in");
        await tab.Page.Locator("input[name=key]").FillAsync("not the key");
        await tab.Page.Locator("main button.primary").ClickAsync();
        await Assertions.Expect(tab.Page.Locator(".problem")).ToBeVisibleAsync();
        await tab.IsGoodAsync("sign-in-wrong");
    }

    private static async Task FillAsync(IPage page, params (string Name, string Value)[] fields)
    {
        foreach (var (name, value) in fields) await page.Locator($"main input[name='{name}']:not([type=hidden])").FillAsync(value);
    }

    private async Task<Tab> SignInAsync(Look look, string key = Site.Key)
    {
        var tab = await browser.OpenAsync(site, look);
        await tab.Page.GotoAsync("/office");
        await tab.Page.Locator("input[name=key]").FillAsync(key);
        await tab.Page.Locator("main button.primary").ClickAsync();
        await tab.Page.WaitForURLAsync(new Regex("/office$"));
        return tab;
    }
}
