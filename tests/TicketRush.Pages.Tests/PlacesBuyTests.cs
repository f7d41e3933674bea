using System.Text.RegularExpressions;
using Microsoft.Playwright;
using TicketRush.Pages.Tests.Hosting;

namespace TicketRush.Pages.Tests;

/// <summary>A person picks a seat, takes the best, travels, exchanges and waits, in a real browser; and every page on the way is looked
/// at.</summary>
[Trait("Browser", "true")]
public sealed class PlacesBuyTests(Site site, Browser browser) : IClassFixture<Site>, IClassFixture<Browser>
{
    public static TheoryData<bool, bool, bool> Looks => new(Look.Together.Select(look => (look.Chinese, look.Phone, look.Script)));

    [Theory]
    [MemberData(nameof(Looks))]
    public async Task Somebody_picks_seats_in_a_section_and_has_them_on_the_ticket(bool chinese, bool phone, bool script)
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Hall());
        await using var tab = await browser.OpenAsync(site, new(chinese, phone, script));
        var page = tab.Page;
        await page.GotoAsync($"/sales/{sale}");
        await tab.IsGoodAsync("hall-sale");
        await page.Locator($"a[href='/sales/{sale}/choose']").ClickAsync();
        await tab.IsGoodAsync("hall-choose");

        await page.Locator(".sections a", new() { HasText = "stalls" }).ClickAsync();
        await tab.IsGoodAsync("hall-seats");

        // Nobody gets a place for a wheelchair who did not ask, and nobody picks one.
        await Assertions.Expect(page.Locator("input[value='stalls-3-1']")).ToBeDisabledAsync();
        await page.Locator("form#pick .button.primary").ClickAsync();
        await Assertions.Expect(page.Locator(".problem")).ToBeVisibleAsync();
        await tab.IsGoodAsync("hall-seats-nothing");

        foreach (var seat in new[] { "stalls-2-2", "stalls-2-3" }) await page.Locator($"label:has(input[value='{seat}'])").ClickAsync();
        await page.Locator("select[name='q.student']").SelectOptionAsync("1");
        if (script)
        {
            await Assertions.Expect(page.Locator("[data-list]")).ToContainTextAsync("3");
            await Assertions.Expect(page.Locator("[data-sum]")).ToContainTextAsync("570");
        }

        await tab.IsGoodAsync("hall-seats-chosen");
        await page.Locator("form#pick .button.primary").ClickAsync();
        await page.WaitForURLAsync(new Regex("/holds/"));
        await Assertions.Expect(page.Locator("tfoot")).ToContainTextAsync("¥570");
        await Assertions.Expect(page.Locator(".places li")).ToHaveTextAsync(chinese
            ? [new Regex("stalls区 2排2座"), new Regex("学生\\s*stalls区 2排3座")]
            : [new Regex("stalls, row 2, seat 2"), new Regex("student 学生\\s*stalls, row 2, seat 3")]);
        await tab.IsGoodAsync("hall-hold");

        await page.Locator("form[action$='/pay'] button").ClickAsync();
        await page.WaitForURLAsync(new Regex("/orders/"));
        await Assertions.Expect(page.Locator(".ticket .seat").First).ToContainTextAsync(chinese ? "2排2座" : "row 2, seat 2");
        await tab.IsGoodAsync("hall-order");
    }

    [Fact]
    public async Task The_best_seats_are_side_by_side_in_the_middle()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Hall());
        await using var tab = await browser.OpenAsync(site, new(Chinese: false, Phone: true, Script: false));
        await tab.Page.GotoAsync($"/sales/{sale}/choose");
        await tab.Page.Locator("select[name='q.stalls']").SelectOptionAsync("3");
        await tab.Page.Locator("form#best .button.primary").ClickAsync();
        await tab.Page.WaitForURLAsync(new Regex("/holds/"));
        var seats = await tab.Page.Locator(".places li b").AllInnerTextsAsync();
        Assert.Equal(3, seats.Count);
        Assert.All(seats, seat => Assert.StartsWith("stalls, row 1, seat ", seat));

        // With a wheelchair: its place, and the one beside it.
        await tab.Page.GotoAsync($"/sales/{sale}/choose");
        await tab.Page.Locator("select[name='q.stalls']").SelectOptionAsync("2");
        await tab.Page.Locator("select[name=wheelchair]").SelectOptionAsync("1");
        await tab.Page.Locator("form#best .button.primary").ClickAsync();
        await tab.Page.WaitForURLAsync(new Regex("/holds/"));
        Assert.Equal(["stalls, row 3, seat 1", "stalls, row 3, seat 2"], await tab.Page.Locator(".places li b").AllInnerTextsAsync());
    }

    [Theory]
    [InlineData(false, true, true)]
    [InlineData(true, true, false)]
    [InlineData(true, false, true)]
    [InlineData(false, false, false)]
    public async Task Somebody_travels_changes_the_journey_before_and_after_paying(bool chinese, bool phone, bool script)
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Train());
        await using var tab = await browser.OpenAsync(site, new(chinese, phone, script));
        var page = tab.Page;
        await page.GotoAsync($"/sales/{sale}");
        await tab.IsGoodAsync("train-sale");
        await page.GotoAsync($"/sales/{sale}/choose");
        await tab.IsGoodAsync("train-choose");

        await page.Locator("select[name=from]").SelectOptionAsync("nanjing");
        await page.Locator("select[name=to]").SelectOptionAsync("nanjing");
        await page.Locator("form.stops button").ClickAsync();
        await Assertions.Expect(page.Locator(".problem")).ToBeVisibleAsync();
        await page.Locator("select[name=to]").SelectOptionAsync("shanghai");
        await page.Locator("form.stops button").ClickAsync();
        await Assertions.Expect(page.Locator("form#journey .price").First).ToHaveTextAsync("¥113.50");

        // Two tickets want two passengers.
        await page.Locator("select[name='q.second']").SelectOptionAsync("2");
        await page.Locator("input[name='p.0']").FillAsync("张三");
        await page.Locator("form#journey .button.primary").ClickAsync();
        await Assertions.Expect(page.Locator(".problem")).ToBeVisibleAsync();
        await Assertions.Expect(page.Locator("input[name='p.0']")).ToHaveValueAsync("张三");
        await tab.IsGoodAsync("train-choose-wrong");
        await page.Locator("input[name='p.1']").FillAsync("李四");
        await page.Locator("form#journey .button.primary").ClickAsync();
        await page.WaitForURLAsync(new Regex("/holds/"));
        await Assertions.Expect(page.Locator(".places")).ToContainTextAsync(chinese ? "01车 1A号" : "Coach 01, seat 1A");
        await Assertions.Expect(page.Locator(".places .journey")).ToContainTextAsync("11:16");
        await tab.IsGoodAsync("train-hold");

        // Another journey for it, before it is paid: the places are never without an owner.
        await page.Locator("a[href*='choose?of=']").ClickAsync();
        await tab.IsGoodAsync("train-exchange");
        await page.Locator("select[name=from]").SelectOptionAsync("beijing");
        await page.Locator("form.stops button").ClickAsync();
        await page.Locator("input[name='p.0']").FillAsync("张三");
        await page.Locator("input[name='p.1']").FillAsync("李四");
        await page.Locator("form#journey .button.primary").ClickAsync();
        await page.WaitForURLAsync(new Regex("/holds/"));
        await Assertions.Expect(page.Locator("tfoot")).ToContainTextAsync("¥1,107");
        await page.Locator("form[action$='/pay'] button").ClickAsync();
        await page.WaitForURLAsync(new Regex("/orders/"));
        await tab.IsGoodAsync("train-order");

        // And one of the two after: first class, whose number comes later.
        await page.Locator("a[href*='choose?of=']").ClickAsync();
        await page.Locator("input[name=ticket]").Last.CheckAsync();
        await page.Locator("select[name='q.second']").SelectOptionAsync("0");
        await page.Locator("select[name='q.first']").SelectOptionAsync("1");
        await page.Locator("input[name='p.0']").FillAsync("李四");
        await tab.IsGoodAsync("train-exchange-order");
        await page.Locator("form#journey .button.primary").ClickAsync();
        await page.WaitForURLAsync(new Regex("/orders/"));
        await Assertions.Expect(page.Locator(".ticket")).ToHaveCountAsync(1);
        await Assertions.Expect(page.Locator(".ticket .seat").First).ToHaveTextAsync(chinese ? "座位号稍后分配" : "seat number comes later");
        await tab.IsGoodAsync("train-order-exchanged");

        await page.GotoAsync($"/sales/{sale}/free?tier=second");
        await tab.IsGoodAsync("train-free");
        await page.Locator(".matrix a").Last.ClickAsync();
        await Assertions.Expect(page.Locator("form#journey")).ToBeVisibleAsync();
    }

    [Theory]
    [InlineData(false, true, true)]
    [InlineData(true, true, false)]
    public async Task Somebody_waits_and_gets_what_comes_back(bool chinese, bool phone, bool script)
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Hall());
        var taken = Guid.NewGuid();
        await HoldAsync(sale, taken, "balcony", 6, "ann");
        await using var tab = await browser.OpenAsync(site, new(chinese, phone, script));
        var page = tab.Page;
        await page.GotoAsync($"/sales/{sale}/choose");
        await page.Locator("select[name='q.balcony']").SelectOptionAsync("2");
        await page.Locator("form#best .button.primary").ClickAsync();
        await tab.IsGoodAsync("wait-refused");
        await page.Locator(".problem a").ClickAsync();
        await Assertions.Expect(page.Locator("input[name=n]")).ToHaveValueAsync("2");
        await Assertions.Expect(page.Locator("select[name=tier]")).ToHaveValueAsync("balcony");
        await tab.IsGoodAsync("wait-join");
        await page.Locator("form[action$='/waitlist'] .button.primary").ClickAsync();
        await page.WaitForURLAsync(new Regex("/holds/"));
        await Assertions.Expect(page.Locator(".lead")).ToHaveTextAsync(chinese ? "您排在最前。" : "Nobody is before you.");
        await tab.IsGoodAsync("wait-waiting");
        await page.GotoAsync("/find");
        await Assertions.Expect(page.Locator(".kept .badge")).ToHaveTextAsync(chinese ? "候补中" : "On the waitlist");
        await page.Locator(".kept a").ClickAsync();

        // Another one waits behind, and leaves.
        await using var other = await browser.OpenAsync(site, new(chinese, phone, script));
        await other.Page.GotoAsync($"/sales/{sale}/waitlist?tier=balcony&n=2");
        await other.Page.Locator("form[action$='/waitlist'] .button.primary").ClickAsync();
        await Assertions.Expect(other.Page.Locator(".lead")).ToContainTextAsync("1");
        await other.Page.Locator("form[action$='/release'] button").ClickAsync();
        await Assertions.Expect(other.Heading).ToHaveTextAsync(chinese ? "您已退出候补" : "You left the waitlist");
        await other.IsGoodAsync("wait-left");

        // It comes back, and the page turns into the hold by itself: with the script, and by the browser's own refresh without.
        (await site.Office.DeleteAsync($"/api/sales/{sale}/holds/{taken}")).EnsureSuccessStatusCode();
        await Assertions.Expect(page.Locator("[data-left]")).ToBeVisibleAsync(new() { Timeout = 25_000 });
        await Assertions.Expect(page.Locator(".places li")).ToHaveCountAsync(2);
        await tab.IsGoodAsync("wait-offered");
    }

    [Fact]
    public async Task Seats_are_picked_with_the_keyboard_alone()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Hall());
        await HoldSeatAsync(sale, "stalls-1-2");
        await using var tab = await browser.OpenAsync(site, new(Chinese: false, Phone: false, Script: true));
        var page = tab.Page;
        await page.GotoAsync($"/sales/{sale}/choose?pool=stalls&section=stalls");
        await page.Locator(".seats").FocusAsync();
        await page.Keyboard.PressAsync("Tab");
        await FocusedIsAsync("stalls-1-1");

        // Over what is taken, down, and to the end of the row.
        await page.Keyboard.PressAsync("ArrowRight");
        await FocusedIsAsync("stalls-1-3");
        await page.Keyboard.PressAsync("ArrowDown");
        await FocusedIsAsync("stalls-2-3");
        await page.Keyboard.PressAsync("Space");
        await page.Keyboard.PressAsync("ArrowRight");
        await page.Keyboard.PressAsync("Space");
        await Assertions.Expect(page.Locator("[data-list]")).ToHaveTextAsync("Row 2 3 · Row 2 4");
        await page.Keyboard.PressAsync("End");
        await FocusedIsAsync("stalls-2-8");
        await tab.IsGoodAsync("hall-keyboard");

        // One more tab is out of the seats, however many there are.
        await page.Keyboard.PressAsync("Tab");
        Assert.Equal("q.student", await page.EvaluateAsync<string>("document.activeElement.name"));
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Enter");
        await page.WaitForURLAsync(new Regex("/holds/"));
        await Assertions.Expect(page.Locator(".places li")).ToHaveCountAsync(2);

        async Task FocusedIsAsync(string seat) => Assert.Equal(seat, await page.EvaluateAsync<string>("document.activeElement.value"));
    }

    [Fact]
    public async Task A_seat_that_somebody_else_takes_is_crossed_out_while_one_looks_and_said()
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Hall());
        await using var tab = await browser.OpenAsync(site, new(Chinese: false, Phone: true, Script: true));
        var page = tab.Page;
        await page.GotoAsync($"/sales/{sale}/choose?pool=stalls&section=stalls");
        await Assertions.Expect(page.Locator("form#pick .live")).ToBeVisibleAsync();
        await page.Locator("label:has(input[value='stalls-1-3'])").ClickAsync();
        var hold = await HoldSeatAsync(sale, "stalls-1-3");
        await Assertions.Expect(page.Locator("input[value='stalls-1-3']")).ToBeDisabledAsync();
        await Assertions.Expect(page.Locator("[data-said]")).ToHaveTextAsync("Somebody else has just taken Row 1 3");
        await Assertions.Expect(page.Locator("[data-list]")).ToHaveTextAsync("no seat yet");
        await tab.IsGoodAsync("hall-live");
        (await site.Office.DeleteAsync($"/api/sales/{sale}/holds/{hold}")).EnsureSuccessStatusCode();
        await Assertions.Expect(page.Locator("input[value='stalls-1-3']")).ToBeEnabledAsync();

        // Without the live news the sale itself says so, and what is left stays chosen.
        await page.Context.SetOfflineAsync(false);
        await page.RouteAsync("**/live*", route => route.AbortAsync());
        await page.ReloadAsync();
        foreach (var seat in new[] { "stalls-1-3", "stalls-1-4" }) await page.Locator($"label:has(input[value='{seat}'])").ClickAsync();
        await HoldSeatAsync(sale, "stalls-1-3");
        await page.Locator("form#pick .button.primary").ClickAsync();
        await Assertions.Expect(page.Locator(".problem")).ToContainTextAsync("stalls, row 1, seat 3 is gone");
        await Assertions.Expect(page.Locator("input[value='stalls-1-4']")).ToBeCheckedAsync();
    }

    [Theory]
    [InlineData("hall-2000", "stalls", "stalls", true, false)]
    [InlineData("stadium-60000", "lower-side", "S106", false, true)]
    [InlineData("train-16-coaches", "second", "05", true, true)]
    public async Task Plans_of_real_size_are_pages_of_bounded_size(string plan, string pool, string section, bool chinese, bool dark)
    {
        var sale = await site.OpenSaleAsync(PlacesPlans.Sample(plan));
        await using var tab = await browser.OpenAsync(site, new(chinese, Phone: true, Script: true, dark));
        await tab.Page.GotoAsync($"/sales/{sale}/choose");
        await tab.IsGoodAsync($"{plan}-choose");
        Assert.InRange(await tab.Page.EvaluateAsync<int>("document.querySelectorAll('*').length"), 100, 2_500);
        await tab.Page.GotoAsync($"/sales/{sale}/choose?pool={pool}&section={section}");
        await Assertions.Expect(tab.Page.Locator(".seats input").First).ToBeAttachedAsync();
        Assert.InRange(await tab.Page.Locator(".seats input").CountAsync(), 50, Server.Pages.Sections.SeatsOnPage);
        await tab.IsGoodAsync($"{plan}-seats");
        if (plan != "train-16-coaches") return;
        await tab.Page.GotoAsync($"/sales/{sale}/free");
        await tab.IsGoodAsync($"{plan}-free");
    }

    private async Task<Guid> HoldSeatAsync(string sale, string seat)
    {
        var id = Guid.NewGuid();
        await HoldAsync(sale, id, "stalls", 1, "ann", $",\"seats\":[\"{seat}\"]");
        return id;
    }

    private async Task HoldAsync(string sale, Guid id, string tier, int quantity, string buyer, string more = "")
    {
        var body = $$"""{"buyer":"{{buyer}}","items":[{"tier":"{{tier}}","quantity":{{quantity}}{{more}}}]}""";
        var answer = await site.Office.PutAsync($"/api/sales/{sale}/holds/{id}", Site.Json(body));
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }
}
