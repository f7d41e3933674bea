using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;
using TicketRush.Journal;
using TicketRush.Journal.Files;
using TicketRush.Pages.Tests.Hosting;

namespace TicketRush.Pages.Tests;

/// <summary>The pages that nobody wants to see, in a real browser: each says what is the matter, and looks as calm as the others.</summary>
[Trait("Browser", "true")]
public sealed class ErrorTests(Browser browser) : IClassFixture<Browser>
{
    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public async Task Every_page_that_says_no_explains_itself(bool chinese, bool dark)
    {
        await using var site = await Site.StartAsync(
            map: app => app.MapGet("/throws", string () => throw new InvalidOperationException("a secret of the machine")));
        await File.WriteAllTextAsync(Path.Combine(site.Directory, "broken.rush"), "no journal");
        var sale = await site.OpenSaleAsync(Site.Plan(holdSeconds: 1, perBuyer: 50));
        await using var tab = await browser.OpenAsync(site, new(chinese, Phone: true, Script: true, dark));
        var page = tab.Page;

        await GoAsync("/nothing/here", 404, "There is nothing here", "这里什么也没有", "not-found");
        await GoAsync($"/sales/{sale}/holds/{Guid.NewGuid()}", 404, "There is nothing here", "这里什么也没有", "not-found");
        await GoAsync("/sales/broken", 503, "Not available", "暂不可用", "stopped");
        await GoAsync("/throws", 500, "Something went wrong here", "服务器出错", "error");
        Assert.DoesNotContain("secret", await page.ContentAsync(), StringComparison.Ordinal);

        // The cookie that the form belongs to is gone; then there is another one.
        await ChooseAsync();
        await page.Context.ClearCookiesAsync();
        await page.Locator("button.primary").ClickAsync();
        await IsAsync("The cookie is missing", "缺少 Cookie", "cookie-missing");
        await ChooseAsync();
        await page.Context.ClearCookiesAsync();
        var other = await page.Context.NewPageAsync();
        await other.GotoAsync("/find");
        await page.Locator("button.primary").ClickAsync();
        await IsAsync("This form has gone stale", "表单已失效", "stale");

        // A hold that ran out unpaid: the next one has to wait, and the page says how long.
        await ChooseAsync();
        await page.Locator("button.primary").ClickAsync();
        await Assertions.Expect(page.Locator("main .notice")).ToBeVisibleAsync();

        // The page rounds down: what it calls over may be kept for less than a second more.
        await Site.UntilAsync(
            () => Task.FromResult(site.Sales.Find(sale)!.Sequencer!.Snapshot!.Pools.Sum(pool => pool.Held) == 0), "the hold has run out");
        await ChooseAsync();
        await page.Locator("button.primary").ClickAsync();
        await IsAsync("A short pause", "请稍作等待", "lapsed");

        // Another server is in its turn and does not move.
        await page.Context.ClearCookiesAsync();
        await ChooseAsync();
        using (var frozen = new DataDirectory(site.Directory).Open(sale))
        {
            var reader = new NoReader();
            frozen.Read(reader);
            frozen.TakeTurn(reader);
            await page.Locator("button.primary").ClickAsync();
            await IsAsync("Many people are asking at this moment", "当前请求较多", "busy");
            frozen.ReleaseTurn();
        }

        async Task GoAsync(string path, int status, string english, string inChinese, string picture)
        {
            var answer = await page.GotoAsync(path);
            Assert.Equal(status, answer!.Status);
            await IsAsync(english, inChinese, picture);
        }

        async Task IsAsync(string english, string inChinese, string picture)
        {
            await Assertions.Expect(tab.Heading).ToHaveTextAsync(chinese ? inChinese : english);
            await tab.IsGoodAsync(picture);
        }

        async Task ChooseAsync()
        {
            await page.GotoAsync($"/sales/{sale}/choose");
            await page.Locator("select[name='q.floor']").SelectOptionAsync("1");
        }
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task Who_asks_too_often_waits_on_a_calm_page_and_then_goes_on(bool chinese, bool dark)
    {
        await using var site = await Site.StartAsync(options => options with { Limits = options.Limits with { SessionPerMinute = 30 } });
        var sale = await site.OpenSaleAsync();
        await using var tab = await browser.OpenAsync(site, new(chinese, Phone: true, Script: true, dark));
        IResponse? answer;
        do answer = await tab.Page.GotoAsync($"/sales/{sale}/choose");
        while (answer!.Status == StatusCodes.Status200OK);
        Assert.Equal(429, answer.Status);
        await tab.IsGoodAsync("too-often");
        await Assertions.Expect(tab.Page.Locator("select[name='q.floor']")).ToBeVisibleAsync(new() { Timeout = 30_000 });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_office_shows_its_key_again_and_what_was_filled_in_is_done(bool chinese)
    {
        await using var site = await Site.StartAsync(options => options with { KeyAgainAfter = TimeSpan.Zero });
        var sale = await site.OpenSaleAsync();
        await using var tab = await browser.OpenAsync(site, new(chinese, Phone: true, Script: true));
        var page = tab.Page;
        await page.GotoAsync($"/office/sales/{sale}/change");
        await page.Locator("input[name=key]").FillAsync(Site.Key);
        await page.Locator("main button.primary").ClickAsync();
        await page.Locator("main input[name=name]").FillAsync("Another name");
        await page.Locator("form.plan .button.primary").ClickAsync();
        await Assertions.Expect(page.Locator("input[name=_key]")).ToBeVisibleAsync();
        await tab.IsGoodAsync("key-again");
        await page.Locator("input[name=_key]").FillAsync("not the key");
        await page.Locator("main button.primary").ClickAsync();
        await Assertions.Expect(page.Locator(".problem")).ToBeVisibleAsync();
        await tab.IsGoodAsync("key-again-wrong");
        await page.Locator("input[name=_key]").FillAsync(Site.Key);
        await page.Locator("main button.primary").ClickAsync();
        await Assertions.Expect(tab.Heading).ToHaveTextAsync("Another name");
    }

    private sealed class NoReader : IBatchReader
    {
        public void OnBatch(in BatchHeader header, ReadOnlySpan<byte> entries)
        {
        }
    }
}
