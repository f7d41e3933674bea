using System.Text.RegularExpressions;
using Microsoft.Playwright;
using TicketRush.Journal.Audit;
using TicketRush.Journal.Tests;
using TicketRush.Pages.Tests.Hosting;

namespace TicketRush.Pages.Tests;

/// <summary>
/// A disk that does not answer, seen from a buyer's phone. Goal: nobody is told that nothing happened before that is known, nobody buys
/// twice, and every such page ends in what did happen. Method: the flush of a batch is held up in the server's journal.
/// </summary>
[Trait("Browser", "true")]
[Trait("Statement", "S27")]
public sealed class UnknownTests(Browser browser) : IClassFixture<Browser>
{
    private const float SettlesMs = 40_000;

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task While_nobody_knows_a_buyer_is_told_not_to_buy_again_and_then_sees_what_happened(bool chinese, bool script)
    {
        var disk = new StallingDisk();
        await using var site = await Site.StartAsync(platform: disk.Platform);
        var sale = await site.OpenSaleAsync();
        await using var tab = await browser.OpenAsync(site, new(chinese, Phone: true, script));
        try
        {
            var id = await ChooseAsync(tab.Page, sale);
            disk.Stall();
            await tab.Page.Locator("button.primary").ClickAsync(new() { Timeout = SettlesMs });
            await IsUnknownAsync(tab, "unknown");

            // The page asks by itself, and as long as nobody knows it says so.
            await tab.Page.WaitForURLAsync(new Regex($"/holds/{id}\\?asked=yes$"), new() { Timeout = SettlesMs });
            await IsUnknownAsync(tab, "unknown-still");
            disk.GoOn();
            await Assertions.Expect(tab.Page.Locator("[data-left]")).ToBeVisibleAsync(new() { Timeout = SettlesMs });
            await Assertions.Expect(tab.Page.Locator("tfoot")).ToContainTextAsync("¥380");

            disk.Stall();
            await tab.Page.Locator("form[action$='/pay'] button").ClickAsync(new() { Timeout = SettlesMs });
            await IsUnknownAsync(tab, "unknown-paying");
            disk.GoOn();
            await Assertions.Expect(tab.Page.Locator(".ticket")).ToHaveCountAsync(1, new() { Timeout = SettlesMs });
            Assert.Contains($"/orders/{id}", tab.Page.Url, StringComparison.Ordinal);
        }
        finally
        {
            disk.GoOn();
        }

        await site.App.StopAsync();
        var audit = new Auditor(Path.Combine(site.Directory, sale + ".rush")).Verify();
        Assert.Equal((AuditVerdict.Good, 1), (audit.Verdict, audit.Tickets));
    }

    [Fact]
    public async Task What_the_disk_lost_is_said_not_to_have_happened_and_can_be_chosen_again()
    {
        var disk = new StallingDisk();
        await using var site = await Site.StartAsync(platform: disk.Platform);
        var sale = await site.OpenSaleAsync();
        await using var tab = await browser.OpenAsync(site, new(Chinese: false, Phone: true, Script: true));
        try
        {
            await ChooseAsync(tab.Page, sale);

            // What was written is gone when the flush fails at last.
            disk.Stall(loses: Path.Combine(site.Directory, sale + ".rush"));
            await tab.Page.Locator("button.primary").ClickAsync(new() { Timeout = SettlesMs });
            await IsUnknownAsync(tab, "unknown");
            disk.GoOn();
            await Assertions.Expect(tab.Heading).ToHaveTextAsync("It did not happen", new() { Timeout = SettlesMs });
            await tab.IsGoodAsync("did-not-happen");
        }
        finally
        {
            disk.GoOn();
        }

        Assert.Contains("\"held\":0", await site.Office.GetStringAsync($"/api/sales/{sale}/availability"), StringComparison.Ordinal);
        await tab.Page.Locator("main .button.primary").ClickAsync();
        await tab.Page.Locator("select[name='q.floor']").SelectOptionAsync("1");
        await tab.Page.Locator("button.primary").ClickAsync();
        await Assertions.Expect(tab.Page.Locator("[data-left]")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task The_office_is_told_to_send_the_form_again_which_does_nothing_twice()
    {
        var disk = new StallingDisk();
        await using var site = await Site.StartAsync(platform: disk.Platform);
        var sale = await site.OpenSaleAsync();
        using var desk = site.Visitor();
        await desk.SignInAsync();
        try
        {
            var counter = (await desk.LookAsync($"/office/sales/{sale}/counter")).Is(200);
            var action = $"/office/sales/{sale}/counter";
            (string, string)[] typed = [("q.floor", "2"), ("buyer", "Ann"), ("reference", "cash 1")];
            disk.Stall();
            var unknown = (await desk.SubmitAsync(counter, action, typed)).Is(409);
            Assert.Contains("Nobody knows yet whether it happened", unknown.Text, StringComparison.Ordinal);
            disk.GoOn();
            var sold = unknown;
            await Site.UntilAsync(async () => (sold = await desk.SubmitAsync(unknown, action, typed)).Status == 200, "the order");

            var refund = $"{sold.Path}/refund";
            disk.Stall();
            var dark = (await desk.SubmitAsync(sold, refund, ("ticket", "1"), ("reason", "cannot-come"))).Is(503);
            Assert.Contains("Nobody knows yet whether it happened", dark.Text, StringComparison.Ordinal);
            disk.GoOn();
            await Site.UntilAsync(
                async () => (await desk.LookAsync(sold.Path)).Text.Contains("Refunded", StringComparison.Ordinal), "the refund");
            Assert.Contains(
                "refunded already",
                (await desk.SubmitAsync(sold, refund, ("ticket", "1"), ("reason", "other"), ("key", "k2"))).Is(409).Text,
                StringComparison.Ordinal);
        }
        finally
        {
            disk.GoOn();
        }

        await site.App.StopAsync();
        var audit = new Auditor(Path.Combine(site.Directory, sale + ".rush")).Verify();
        Assert.Equal((AuditVerdict.Good, 2), (audit.Verdict, audit.Tickets));
    }

    private static async Task<string> ChooseAsync(IPage page, string sale)
    {
        await page.GotoAsync($"/sales/{sale}/choose");
        await page.Locator("select[name='q.floor']").SelectOptionAsync("1");
        return await page.Locator("input[name=id]").InputValueAsync();
    }

    private static async Task IsUnknownAsync(Tab tab, string picture)
    {
        await Assertions.Expect(tab.Heading).ToHaveTextAsync(
            tab.Look.Chinese ? "结果尚未确定，请勿重复购买" : "We do not know yet. Please do not buy again.", new() { Timeout = SettlesMs });
        await tab.IsGoodAsync(picture);
    }

    private sealed class StallingDisk
    {
        private readonly ManualResetEventSlim _answers = new(true);

        public FaultyPlatform Platform { get; } = new();

        /// <summary>From now on no flush ends.</summary>
        /// <param name="loses">A file that is as it was before when the flush ends after all, with an error.</param>
        public void Stall(string? loses = null)
        {
            var before = loses is null ? [] : File.ReadAllBytes(loses);
            _answers.Reset();
            Platform.OnFlush = _ =>
            {
                if (_answers.IsSet) return;
                _answers.Wait(TimeSpan.FromMinutes(2));
                if (loses is null) return;
                using (var file = new FileStream(loses, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
                    file.Write(before);
                throw FaultyPlatform.Failure();
            };
        }

        public void GoOn() => _answers.Set();
    }
}
