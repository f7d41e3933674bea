using System.Net;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Journal.Audit;
using TicketRush.Server.Access;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Security;

/// <summary>What buyers without a key may have and do, at the limit, one beyond it, and all at once.</summary>
public sealed class BuyerLimitTests(RunningServer server) : IClassFixture<RunningServer>
{
    // Goal: whatever a crowd of browsers does at once, in any order, no place is sold twice, nobody passes a limit, and nobody gets an
    // answer that does not say what it means.
    // Method: browsers race for a tenth as many places; each presses twice, then pays, gives back or leaves it, and asks again.
    [Fact]
    [Trait("Statement", "S1")]
    [Trait("Storm", "true")]
    public async Task Browsers_that_race_for_a_tenth_as_many_places_get_each_once_within_their_limits()
    {
        var browsers = Environment.GetEnvironmentVariable("RUSH_FULL") == "1" ? 1_000 : 300;
        var places = browsers / 10;
        var seed = Environment.TickCount;
        await using var own = await RunningServer.StartAsync();
        var sale = await own.OpenSaleAsync(Plans.Concert(capacity: places, payment: "test", perOrder: 2, perBuyer: 2));
        var crowd = await Task.WhenAll(Enumerable.Range(0, browsers).Select(_ => Browser.OpenAsync(own)));
        var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var racing = crowd.Select((browser, i) => RaceAsync(browser, sale, new(unchecked(seed + i)), start.Task)).ToArray();
        start.SetResult();
        var bought = await Task.WhenAll(racing);

        var tickets = bought.SelectMany(numbers => numbers).ToArray();
        Assert.True(tickets.Length > 0 && tickets.Distinct().Count() == tickets.Length, $"seed {seed}");
        Assert.All(bought, numbers => Assert.InRange(numbers.Count, 0, 2));

        var pool = (await own.GetAsync($"{sale}/availability")).Is(200).Json.GetProperty("pools")[0];
        using var auditor = new Auditor(own.JournalOf(sale));
        var audited = auditor.Verify();
        Assert.Equal(AuditVerdict.Good, audited.Verdict);
        Assert.Equal(tickets.Length, pool.GetProperty("sold").GetInt32());
        Assert.Equal(
            (audited.Pools[0].Sold, audited.Pools[0].Held, audited.Pools[0].Free),
            (pool.GetProperty("sold").GetInt64(), pool.GetProperty("held").GetInt64(), pool.GetProperty("free").GetInt64()));
        Assert.InRange(pool.GetProperty("sold").GetInt32() + pool.GetProperty("held").GetInt32(), 1, places);
    }

    /// <summary>To look for a sale makes its store work; and a draft must not be told from nothing by what it costs.</summary>
    [Fact]
    public async Task Names_that_are_made_up_are_counted_and_drafts_like_them_and_what_is_on_sale_is_not()
    {
        await using var own = await RunningServer.StartAsync(limits: RunningServer.Generous with { NetworkPerMinute = 30 });
        var (sale, draft) = (await own.OpenSaleAsync(), await own.CreateSaleAsync());
        for (var i = 0; i < 60; i++) Assert.Equal(200, await AskAsync(sale));
        for (var i = 0; i < 10; i++) Assert.Equal((404, 404), (await AskAsync($"/api/sales/made-up-{i}"), await AskAsync(draft)));

        var answers = new List<int>();
        for (var i = 0; i < 30; i++) answers.Add(await AskAsync($"/api/sales/made-up-again-{i}"));
        Assert.Contains(429, answers);
        answers.Clear();
        for (var i = 0; i < 30; i++) answers.Add(await AskAsync(draft));
        Assert.Contains(429, answers);
        Assert.Equal(200, await AskAsync(sale));

        async Task<int> AskAsync(string path) => (await own.SendAsync("GET", $"{path}/availability", null, key: null)).Status;
    }

    [Fact]
    [Trait("Statement", "S4")]
    public async Task A_session_has_three_holds_and_no_fourth_and_one_more_for_each_that_it_pays_or_gives_back()
    {
        var sale = await server.OpenSaleAsync(Plans.Concert(payment: "test"));
        var other = await server.OpenSaleAsync(Plans.Concert(payment: "test"));
        var ann = await Browser.OpenAsync(server);
        var ids = Enumerable.Range(0, 3).Select(_ => Plans.NewId()).ToArray();

        (await ann.HoldAsync(sale, ids[0])).Is(200);
        (await ann.HoldAsync(other, ids[1])).Is(200);
        var third = (await ann.HoldAsync(sale, ids[2])).Is(200);
        (await ann.HoldAsync(sale, Plans.NewId())).Is(409, "HOLDS_LIMIT");
        (await ann.HoldAsync(other, Plans.NewId())).Is(409, "HOLDS_LIMIT");

        // Asking twice is asking once, at the limit too.
        Assert.Equal(third.Text, (await ann.HoldAsync(sale, ids[2])).Is(200).Text);

        (await ann.PayAsync(other, ids[1])).Is(200);
        (await ann.HoldAsync(sale, ids[1])).Is(200);
        (await ann.HoldAsync(sale, Plans.NewId())).Is(409, "HOLDS_LIMIT");
        (await ann.ReleaseAsync(sale, ids[0])).Is(200);
        (await ann.HoldAsync(sale, Plans.NewId())).Is(200);

        // The limit is a session's: others are not kept from anything.
        (await (await Browser.OpenAsync(server)).HoldAsync(sale, Plans.NewId())).Is(200);
    }

    [Fact]
    [Trait("Statement", "S4")]
    public async Task A_thousand_holds_of_one_session_at_once_are_three()
    {
        await using var own = await RunningServer.StartAsync(limits: RunningServer.Generous with { SessionPerMinute = 100_000 });
        var sale = await own.OpenSaleAsync(Plans.Concert(capacity: 5_000, payment: "test", perBuyer: 5_000));
        var ann = await Browser.OpenAsync(own);
        var answers = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(_ => ann.HoldAsync(sale, Plans.NewId())));

        Assert.Equal(3, answers.Count(answer => answer.Status == 200));
        Assert.All(answers.Where(answer => answer.Status != 200), answer => answer.Is(409, "HOLDS_LIMIT"));

        // The control: where a session may have more, the same crowd gets more, up to what the sale itself allows a buyer.
        await using var loose = await RunningServer.StartAsync(
            limits: RunningServer.Generous with { SessionPerMinute = 100_000, Holds = 100 });
        var second = await loose.OpenSaleAsync(Plans.Concert(capacity: 5_000, payment: "test", perBuyer: 50));
        var bob = await Browser.OpenAsync(loose);
        answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => bob.HoldAsync(second, Plans.NewId())));
        Assert.Equal(50, answers.Count(answer => answer.Status == 200));
        Assert.All(answers.Where(answer => answer.Status != 200), answer =>
            Assert.Contains(answer.Code, new[] { "BUYER_LIMIT", "HOLDS_LIMIT" }));
    }

    [Fact]
    [Trait("Statement", "S4")]
    public async Task Who_let_a_hold_run_out_waits_and_who_paid_it_elsewhere_does_not()
    {
        var clock = new Clock();
        await using var first = await RunningServer.StartAsync(configure: builder => builder.Services.AddSingleton<TimeProvider>(clock));
        await using var second = await RunningServer.StartAsync(first.Directory);
        var sale = await first.OpenSaleAsync(Plans.Concert(payment: "test", holdSeconds: 1));
        var (ann, bob) = (await Browser.OpenAsync(first), await Browser.OpenAsync(first));
        var (anns, bobs) = (Plans.NewId(), Plans.NewId());
        (await ann.HoldAsync(sale, anns)).Is(200);
        (await bob.HoldAsync(sale, bobs)).Is(200);
        (await bob.At(second).PayAsync(sale, bobs)).Is(200);
        await Plans.UntilAsync(async () => (await ann.GetAsync($"{sale}/holds/{anns}")).Is(200).State == "expired", "the end of the hold");

        var waiting = (await ann.HoldAsync(sale, Plans.NewId())).Is(429, "WAIT_AFTER_LAPSE");
        Assert.InRange(int.Parse(waiting.RetryAfter!), 40, 60);
        Assert.Equal("expired", (await ann.GetAsync($"{sale}/holds/{anns}")).Is(200).State);
        (await bob.HoldAsync(sale, Plans.NewId())).Is(200);

        clock.Go(TimeSpan.FromSeconds(30));
        (await ann.HoldAsync(sale, Plans.NewId())).Is(429, "WAIT_AFTER_LAPSE");
        clock.Go(TimeSpan.FromSeconds(31));
        (await ann.HoldAsync(sale, Plans.NewId())).Is(200);
    }

    [Fact]
    [Trait("Statement", "S4")]
    public async Task A_network_has_so_many_holds_however_many_sessions_it_makes()
    {
        await using var strict = await RunningServer.StartAsync(
            limits: RunningServer.Generous with { NetworkHolds = 4, TrustedProxies = [IPNetwork.Parse("127.0.0.1/32")] });
        var sale = await strict.OpenSaleAsync(Plans.Concert(payment: "test"));
        var one = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => From("203.0.113.7")));
        var ids = one.Select(_ => Plans.NewId()).ToArray();
        for (var i = 0; i < 4; i++) (await HoldAsync(one[i], ids[i])).Is(200);

        var refused = (await HoldAsync(one[4], ids[4])).Is(429, "NETWORK_HOLDS");
        Assert.NotNull(refused.RetryAfter);
        (await HoldAsync(one[0], Plans.NewId())).Is(429, "NETWORK_HOLDS");
        (await HoldAsync(one[0], ids[0])).Is(200);

        // Another network is not kept from anything.
        var other = await From("203.0.113.8");
        (await HoldAsync(other, Plans.NewId(), "203.0.113.8")).Is(200);

        // What was paid, or given back, or has run out, makes room.
        (await one[0].SendAsync("POST", $"{sale}/holds/{ids[0]}/pay", "{}", ("X-Forwarded-For", "203.0.113.7"))).Is(200);
        (await HoldAsync(one[4], ids[4])).Is(200);
        (await HoldAsync(one[0], Plans.NewId())).Is(429, "NETWORK_HOLDS");
        (await one[1].SendAsync("DELETE", $"{sale}/holds/{ids[1]}", null, ("X-Forwarded-For", "203.0.113.7"))).Is(200);
        (await HoldAsync(one[1], Plans.NewId())).Is(200);
        (await HoldAsync(one[0], Plans.NewId())).Is(429, "NETWORK_HOLDS");

        sale = await strict.OpenSaleAsync(Plans.Concert(payment: "test", holdSeconds: 1));
        for (var i = 0; i < 4; i++) (await HoldAsync(await From("203.0.113.9"), Plans.NewId(), "203.0.113.9")).Is(200);
        var (late, lates) = (await From("203.0.113.9"), Plans.NewId());
        await Plans.UntilAsync(async () => (await HoldAsync(late, lates, "203.0.113.9")).Status == 200, "room where holds have run out");

        Task<Browser> From(string address) => Browser.OpenAsync(strict, ("X-Forwarded-For", address));

        Task<Answer> HoldAsync(Browser browser, string id, string address = "203.0.113.7") => browser.SendAsync(
            "PUT", $"{sale}/holds/{id}", """{"items":[{"tier":"floor","quantity":1}]}""", ("X-Forwarded-For", address));
    }

    [Fact]
    [Trait("Statement", "S5")]
    public async Task Who_asks_too_often_is_told_when_to_come_back_and_a_shop_with_its_key_is_not()
    {
        await using var strict = await RunningServer.StartAsync(
            limits: new() { SessionPerMinute = 5, NetworkPerMinute = 10, NewSessionsPerMinute = 3, WrongKeysPerMinute = 2 });
        var sale = await strict.OpenSaleAsync(Plans.Concert(payment: "test"));
        var (ann, bob, cat) = (await Browser.OpenAsync(strict), await Browser.OpenAsync(strict), await Browser.OpenAsync(strict));
        (await strict.SendAsync("POST", "/api/session", null, key: null)).Is(429, "RATE_LIMITED");

        for (var i = 0; i < 5; i++) (await ann.GetAsync($"{sale}/orders/{Plans.NewId()}")).Is(404, "UNKNOWN_ORDER");
        Assert.InRange(int.Parse((await ann.GetAsync($"{sale}/orders/{Plans.NewId()}")).Is(429, "RATE_LIMITED").RetryAfter!), 1, 12);
        (await ann.HoldAsync(sale, Plans.NewId())).Is(429, "RATE_LIMITED");

        // Others of the network go on, until it has had its share: ten, with the four that asked for a session, and without what was asked
        // in vain.
        (await bob.GetAsync($"{sale}/orders/{Plans.NewId()}")).Is(404);
        (await cat.GetAsync($"{sale}/orders/{Plans.NewId()}")).Is(429, "RATE_LIMITED");
        (await cat.GetAsync($"{sale}/availability")).Is(200);
        (await strict.PutAsync($"{sale}/orders/{Plans.NewId()}", Plans.Order())).Is(200);

        // Wrong keys are counted, and never stand in the way of the right one.
        foreach (var status in new[] { 401, 401, 429 }) (await strict.SendAsync("POST", $"{sale}/open", null, "wrong")).Is(status);
        (await strict.PostAsync($"{sale}/open")).Is(200);
    }

    [Fact]
    [Trait("Statement", "S5")]
    public void What_the_limits_remember_is_bounded_and_forgotten_when_it_is_over()
    {
        var clock = new Clock();
        var table = new RateLimits.Table(perMinute: 2, max: 100, clock);
        for (var key = 0u; key < 100; key++) Assert.True(table.TryTake(key, out _));
        Assert.True(table.TryTake(0, out _));
        Assert.False(table.TryTake(0, out var retryAfter));
        Assert.Equal(30, retryAfter);

        // Beyond the bound strangers share one bucket; nobody who is known is forgotten for them.
        Assert.Equal([true, true, false], new uint[] { 1_000, 1_001, 1_002 }.Select(key => table.TryTake(key, out _)));
        Assert.Equal(100, table.Count);
        Assert.False(table.TryTake(0, out _));

        clock.Go(TimeSpan.FromMinutes(2));
        Assert.True(table.TryTake(2_000, out _));
        Assert.Equal(1, table.Count);
    }

    [Fact]
    [Trait("Statement", "S5")]
    public void A_network_is_an_ipv4_address_or_the_half_of_an_ipv6_address_that_one_customer_has()
    {
        (string, string, bool)[] cases =
        [
            ("203.0.113.7", "203.0.113.7", true), ("203.0.113.7", "::ffff:203.0.113.7", true), ("203.0.113.7", "203.0.113.8", false),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true), ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
            ("::1", "0.0.0.1", false),
        ];
        foreach (var (one, other, same) in cases)
            Assert.Equal(same, RateLimits.NetworkOf(IPAddress.Parse(one)) == RateLimits.NetworkOf(IPAddress.Parse(other)));
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("10.0.0.0/8", false)]
    [InlineData("127.0.0.1/32", true)]
    [Trait("Statement", "S6")]
    public async Task What_a_peer_says_of_whom_it_forwards_for_counts_only_when_the_peer_is_trusted(string? trusted, bool counts)
    {
        await using var behind = await RunningServer.StartAsync(
            demo: true, limits: new() { NewSessionsPerMinute = 2, TrustedProxies = trusted is null ? [] : [IPNetwork.Parse(trusted)] });

        // Each pretends to be somebody else, and the client's own invention stands before what the proxy adds.
        var answers = new List<Answer>();
        for (var i = 0; i < 4; i++)
            answers.Add(
                await behind.SendAsync(
                "POST", "/api/session", null, key: null, ("X-Forwarded-For", $"198.51.100.9, 203.0.113.{i}"),
                ("X-Forwarded-Proto", "https")));
        Assert.Equal(counts ? [200, 200, 200, 200] : [200, 200, 429, 429], answers.Select(answer => answer.Status));
        Assert.Equal(counts, answers[0].Headers["Strict-Transport-Security"].Any());
        Assert.StartsWith(counts ? "__Host-rush-buyer=" : "rush-buyer=", answers[0].Headers["Set-Cookie"].Single());
        Assert.DoesNotContain(behind.Logged, line => line.Contains("203.0.113", StringComparison.Ordinal));

        // What the client wrote in front, the proxy did not say.
        if (!counts) return;
        for (var i = 0; i < 3; i++)
        {
            var answer = await behind.SendAsync(
                "POST", "/api/session", null, key: null, ("X-Forwarded-For", $"198.51.100.{i}, 203.0.113.77"));
            Assert.Equal(i < 2 ? 200 : 429, answer.Status);
        }
    }

    private static async Task<List<int>> RaceAsync(Browser browser, string sale, Random random, Task start)
    {
        var tickets = new List<int>();
        await start;
        for (var round = 0; round < 4; round++)
        {
            var id = Plans.NewId();
            var presses = await Task.WhenAll(
                UntilSaidAsync(() => browser.HoldAsync(sale, id)), UntilSaidAsync(() => browser.HoldAsync(sale, id)));
            foreach (var press in presses.Where(press => press.Status != 200))
                Assert.Contains(press.Code, new[] { "SOLD_OUT", "NOT_ENOUGH", "BUYER_LIMIT", "HOLDS_LIMIT" });
            if (presses.All(press => press.Status != 200)) continue;
            if (presses.All(press => press.Status == 200)) Assert.Equal(presses[0].Text, presses[1].Text);

            switch (random.Next(3))
            {
                case 0:
                    (await UntilSaidAsync(() => browser.ReleaseAsync(sale, id))).Is(200);
                    break;
                case 1:
                    var paid = (await UntilSaidAsync(() => browser.PayAsync(sale, id))).Is(200);
                    tickets.AddRange(
                        paid.Json.GetProperty("tickets").EnumerateArray().Select(ticket => ticket.GetProperty("number").GetInt32()));
                    Assert.Equal(paid.Text, (await UntilSaidAsync(() => browser.GetAsync($"{sale}/orders/{id}"))).Is(200).Text);
                    break;
            }
        }

        return tickets;
    }

    private static async Task<Answer> UntilSaidAsync(Func<Task<Answer>> ask)
    {
        while (true)
        {
            var answer = await ask();
            if (answer.Status is not (429 or 503 or 504)) return answer;
            Assert.Contains(answer.Code, new[] { "BUSY", "RATE_LIMITED", "OUTCOME_UNKNOWN" });
            await Task.Delay(50);
        }
    }
}
