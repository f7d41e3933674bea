using Microsoft.Extensions.DependencyInjection;
using TicketRush.Server.Access;
using TicketRush.Server.Tests.Hosting;
using TicketRush.Testing;

namespace TicketRush.Server.Tests.Terminals;

/// <summary>WATCH: every entry that concerns the key, in order, resumable by sequence, none missing.</summary>
public sealed class WatchTests(TerminalServer running) : IClassFixture<TerminalServer>
{
    private RunningServer Server => running.Server;

    [Fact]
    public async Task Every_entry_of_a_shop_is_pushed_and_nobody_elses()
    {
        var sale = (await Server.OpenSaleAsync(Plans.Concert(holdSeconds: 1, payment: "external"))).Split('/')[^1];
        var ring = Server.App.Services.GetRequiredService<KeyRing>();
        var (one, other) = (ring.Add("watch-1", Role.Shop), ring.Add("watch-2", Role.Shop));
        await using var shop = await Terminal.ConnectAsync(Server, one.Secret, one.Key.Id);
        await using var rival = await Terminal.ConnectAsync(Server, other.Secret, other.Key.Id);
        await using var office = await Terminal.ConnectAsync(Server);
        await using var watcher = await Terminal.ConnectAsync(Server, one.Secret, one.Key.Id);
        Assert.Contains("proto", await watcher.AskArrayAsync("HELLO", "3"));
        Assert.Equal(["watch", sale, 0L], await watcher.AskArrayAsync("WATCH", sale, "AFTER", "0"));

        var (bought, held, lapsed) = (Plans.NewId(), Plans.NewId(), Plans.NewId());
        await rival.AskArrayAsync("HOLD", sale, Plans.NewId(), "eve", "floor", "1");
        var order = await shop.AskArrayAsync("BUY", sale, bought, "ann", "floor", "2", "REFERENCE", "r");
        var hold = await shop.AskArrayAsync("HOLD", sale, held, "bob", "floor", "1");
        await shop.AskArrayAsync("PAY", sale, held, "r2");
        var lapsing = await shop.AskArrayAsync("HOLD", sale, lapsed, "cat", "floor", "1");

        // Staff gives the shop's order back: it concerns the shop.
        await office.AskArrayAsync("REFUND", sale, bought, "k", "cannot-come", "RESELL");
        await office.AskAsync("PING");

        var pushed = new List<object?[]>();
        while (pushed.Count == 0 || (string)pushed[^1][3]! != "expired")
            pushed.Add(Assert.IsType<RespPush>(await watcher.ReadAsync()).Items);
        Assert.All(pushed, push => Assert.Equal(("entry", sale), (push[0], push[1])));
        Assert.Equal(
            [
                ("planned", 0L), ("opened", 0L), ("purchased", (long)order[1]!), ("held", (long)hold[1]!), ("paid", (long)hold[1]!),
                ("held", (long)lapsing[1]!), ("refunded", (long)order[1]!), ("expired", (long)lapsing[1]!),
            ],
            pushed.Select(push => ((string)push[3]!, (long)push[5]!)));

        // First ticket, places, amount, until: what the kind has, and nothing of the entry before it, which may be another's.
        Assert.Equal(
            [
                (0L, 0L, 0L, false), (0L, 0L, 0L, false), (1L, 2L, 76_000L, false), (0L, 1L, 38_000L, true), (3L, 0L, 0L, false),
                (0L, 1L, 38_000L, true), (1L, 2L, 76_000L, false), (0L, 0L, 0L, false),
            ],
            pushed.Select(push => ((long)push[6]!, (long)push[7]!, (long)push[8]!, (long)push[9]! != 0)));

        // In order, and the commands of this connection are answered between pushes.
        Assert.Equal(pushed.Select(push => (long)push[2]!).Order(), pushed.Select(push => (long)push[2]!));
        Assert.Equal("PONG", await watcher.AskAsync("PING"));
    }

    [Fact]
    public async Task A_watch_that_is_cut_and_resumed_at_any_sequence_misses_nothing_and_repeats_nothing()
    {
        const int Orders = 3_000;
        var sale = (await Server.OpenSaleAsync(Large)).Split('/')[^1];
        var buying = Task.Run(async () =>
        {
            await using var shop = await Terminal.ConnectAsync(Server);
            for (var i = 0; i < Orders / 10; i++)
            {
                await shop.SendAsync(Buy(sale, 10));
                for (var k = 0; k < 10; k++) Assert.IsType<object?[]>(await shop.ReadAsync());
            }
        });

        var random = new Random(8);
        var (seen, last) = (new List<long>(), 3L);
        while (seen.Count < Orders)
        {
            await using var watcher = await Terminal.ConnectAsync(Server);
            await watcher.AskArrayAsync("HELLO", "3");
            await watcher.AskArrayAsync("WATCH", sale, "AFTER", $"{last}");

            // Some, then the connection is cut in the middle of whatever comes.
            for (var i = random.Next(1, 700); i > 0 && seen.Count < Orders; i--)
            {
                last = (long)Assert.IsType<RespPush>(await watcher.ReadAsync()).Items[2]!;
                seen.Add(last);
            }
        }

        await buying;
        Assert.Equal(Enumerable.Range(4, Orders).Select(sequence => (long)sequence), seen);
    }

    [Fact]
    public async Task What_becomes_of_places_and_wishes_is_pushed_to_who_placed_them_and_to_the_office()
    {
        var sale = await Server.OpenSaleAsync("""
            {
              "name": "Train", "timeZone": "UTC", "currency": "EUR", "paymentKind": "external",
              "stops": [{ "id": "a", "name": "A" }, { "id": "b", "name": "B" }, { "id": "c", "name": "C" }],
              "pools": [
                { "id": "coach", "travel": "seat-now", "rows": [{ "section": "1", "rows": "1", "seats": "A-B" }] },
                { "id": "flex", "travel": "seat-later", "rows": [{ "section": "2", "rows": "1", "seats": "A-B" }] }
              ],
              "tiers": [
                { "id": "coach", "name": "Coach", "pool": "coach", "legPrices": [10, 20] },
                { "id": "flex", "name": "Flex", "pool": "flex", "legPrices": [5, 8] }
              ],
              "rules": { "perOrder": 8, "perBuyer": 20, "waitlist": true }
            }
            """);
        var name = sale.Split('/')[^1];
        var ring = Server.App.Services.GetRequiredService<KeyRing>();
        var (one, other) = (ring.Add("watch-3", Role.Shop), ring.Add("watch-4", Role.Shop));
        await using var watcher = await Terminal.ConnectAsync(Server, one.Secret, one.Key.Id);
        await using var rival = await Terminal.ConnectAsync(Server, other.Secret, other.Key.Id);
        await using var office = await Terminal.ConnectAsync(Server);
        foreach (var terminal in new[] { watcher, rival, office })
        {
            await terminal.AskArrayAsync("HELLO", "3");
            await terminal.AskArrayAsync("WATCH", name, "AFTER", "0");
        }

        // Both seats of the first leg are bought; two wishes wait for one; one leaves; the office exchanges a
        // ticket of the order for the other leg, which brings a seat back.
        var (order, wish, left) = (Plans.NewId(), Plans.NewId(), Plans.NewId());
        var bought = await SendAsync("PUT", $"orders/{order}", Ask(2)[..^1] + ",\"reference\":\"r1\"}");
        var waited = await SendAsync("PUT", $"waitlist/{wish}", Ask(1));
        var waitedToo = await SendAsync("PUT", $"waitlist/{left}", Ask(1));
        await SendAsync("DELETE", $"holds/{left}", null);
        var exchanged = (await Server.PutAsync(
            $"{sale}/exchanges/{Plans.NewId()}",
            $$"""{"of":"{{order}}","tickets":[2],"reference":"r2","from":"b","to":"c","items":[{"tier":"coach","quantity":1}]}"""))
            .Is(200).Sequence;
        (await Server.PostAsync($"{sale}/pools/flex/numbers")).Is(200);

        (string, long)[] ofAll = [("planned", 0), ("opened", 0)];
        (string, long)[] own =
        [
            ("purchased", bought), ("waited", waited), ("waited", waitedToo), ("left", waitedToo), ("exchanged", exchanged),
            ("offered", waited),
        ];
        Assert.Equal([.. ofAll, .. own, ("numbered", 0)], await ReadUntilAsync(watcher, "numbered"));
        Assert.Equal([.. ofAll, .. own, ("numbered", 0)], await ReadUntilAsync(office, "numbered"));
        Assert.Equal([.. ofAll, ("numbered", 0)], await ReadUntilAsync(rival, "numbered"));

        async Task<long> SendAsync(string method, string path, string? json) =>
            (await Server.SendAsync(method, $"{sale}/{path}", json, one.Secret)).Is(200).Sequence;

        static string Ask(int quantity) =>
            $$"""{"buyer":"ann","from":"a","to":"b","items":[{"tier":"coach","quantity":{{quantity}}}]}""";

        static async Task<List<(string, long)>> ReadUntilAsync(Terminal terminal, string last)
        {
            var pushed = new List<(string Kind, long Of)>();
            while (pushed.Count == 0 || pushed[^1].Kind != last)
            {
                var items = Assert.IsType<RespPush>(await terminal.ReadAsync()).Items;
                pushed.Add(((string)items[3]!, (long)items[5]!));
            }

            return pushed;
        }
    }

    [Fact]
    public async Task In_the_second_version_of_the_protocol_a_push_is_an_array_and_nothing_else_is_asked_meanwhile()
    {
        var sale = (await Server.OpenSaleAsync()).Split('/')[^1];
        await using var watcher = await Terminal.ConnectAsync(Server);
        await using var shop = await Terminal.ConnectAsync(Server);
        Assert.Equal(["watch", sale, 3L], await watcher.AskArrayAsync("WATCH", sale));
        var held = await shop.AskArrayAsync("HOLD", sale, Plans.NewId(), "ann", "floor", "2");
        var pushed = Assert.IsType<object?[]>(await watcher.ReadAsync());
        Assert.Equal(["entry", sale, 4L, "held", held[2], 4L, 0L, 2L, 76_000L, held[3]], pushed);
        foreach (var words in new string[][] { ["AVAILABLE", sale], ["HOLD", sale, Plans.NewId(), "ann", "floor", "1"], ["ECHO", "x"],
            ["HELLO", "3"] })
            await watcher.AskRefusedAsync("INVALID_REQUEST", words);

        Assert.Equal(["unwatch", sale, 1L], await watcher.AskArrayAsync("UNWATCH", sale));
        Assert.Equal("x", await watcher.AskAsync("ECHO", "x"));
    }

    // Goal: whichever server a shop sells at and whichever it watches at, it sees all of its entries, in order, and none of another's.
    // Method: two servers of one journal, each with sales of both shops, watched at both, all at once.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_several_servers_write_is_pushed_by_each(bool postgres)
    {
        const int Orders = 300;
        if (postgres && PostgresServer.Missing is { } why) Assert.Skip(why);
        using var database = postgres ? PostgresServer.Start() : null;
        var journal = database?.CreateDatabase();
        await using var first = await RunningServer.StartAsync(terminals: new(), journal: journal);
        var ring = first.App.Services.GetRequiredService<KeyRing>();
        var (one, other) = (ring.Add("watch-5", Role.Shop), ring.Add("watch-6", Role.Shop));
        await using var second = await RunningServer.StartAsync(first.Directory, terminals: new(), journal: journal);
        var sale = (await first.OpenSaleAsync(Large)).Split('/')[^1];
        await Plans.UntilAsync(async () => (await second.GetAsync($"/api/sales/{sale}")) is { Status: 200, State: "open" }, "open");

        RunningServer[] servers = [first, second];
        var seen = servers.Select(server => Task.Run(async () =>
        {
            await using var watcher = await Terminal.ConnectAsync(server, one.Secret, one.Key.Id);
            await watcher.AskArrayAsync("HELLO", "3");
            await watcher.AskArrayAsync("WATCH", sale, "AFTER", "3");
            var pushed = new List<(long Sequence, long FirstTicket)>();
            while (pushed.Count < servers.Length * Orders)
            {
                var items = Assert.IsType<RespPush>(await watcher.ReadAsync()).Items;
                Assert.Equal("purchased", items[3]);
                pushed.Add(((long)items[2]!, (long)items[6]!));
            }

            return pushed;
        })).ToArray();
        var bought = await Task.WhenAll(servers.SelectMany(server => new[] { one, other }.Select(shop => Task.Run(async () =>
        {
            var orders = new List<(long Sequence, long FirstTicket)>();
            await using var terminal = await Terminal.ConnectAsync(server, shop.Secret, shop.Key.Id);
            for (var i = 0; i < Orders / 10; i++)
            {
                await terminal.SendAsync(Buy(sale, 10));
                for (var k = 0; k < 10; k++)
                {
                    var order = Assert.IsType<object?[]>(await terminal.ReadAsync());
                    orders.Add(((long)order[1]!, (long)order[3]!));
                }
            }

            return (IsOnes: shop == one, Orders: orders);
        }))));

        // Both shops sold at both servers, so what is left out of a journal of all is really left out.
        var expected = bought.Where(shop => shop.IsOnes).SelectMany(shop => shop.Orders).Order().ToArray();
        Assert.Equal(2 * Orders, bought.Where(shop => !shop.IsOnes).Sum(shop => shop.Orders.Count));
        foreach (var pushed in seen) Assert.Equal(expected, await pushed);
    }

    [Fact]
    public async Task Watches_are_bounded_end_and_leave_room()
    {
        await using var server = await RunningServer.StartAsync(terminals: new() { Watches = 2, WatchesPerConnection = 2 });
        var opened = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => server.OpenSaleAsync()));
        string[] sales = [.. opened.Select(path => path.Split('/')[^1])];
        var first = await Terminal.ConnectAsync(server);
        await using var second = await Terminal.ConnectAsync(server);
        foreach (var sale in sales[..2]) await first.AskArrayAsync("WATCH", sale);
        await second.AskRefusedAsync("TOO_MANY_WATCHES", "WATCH", sales[2]);

        // The second version of the protocol cannot tell a reply from a push.
        await first.AskRefusedAsync("INVALID_REQUEST", "SALES");
        Assert.Equal(["pong", ""], await first.AskArrayAsync("PING"));
        Assert.Equal(["unwatch", sales[0], 1L], await first.AskArrayAsync("UNWATCH", sales[0]));
        await first.DisposeAsync();
        await Plans.UntilAsync(async () => await second.AskAsync("WATCH", sales[2]) is object?[], "room");
        Assert.Equal(["unwatch", sales[0], 0L], await second.AskArrayAsync("UNWATCH", sales[0]));
    }

    private static string Large => Plans.Concert(capacity: 100_000, payment: "none", perBuyer: 1_000_000);

    private static byte[] Buy(string sale, int count) =>
        [.. Enumerable.Range(0, count).SelectMany(_ => Terminal.Frame("BUY", sale, Plans.NewId(), "ann", "floor", "1"))];
}
