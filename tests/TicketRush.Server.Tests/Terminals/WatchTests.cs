using Microsoft.Extensions.DependencyInjection;
using TicketRush.Server.Access;
using TicketRush.Server.Tests.Hosting;

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
        while (pushed.Count == 0 || (string)pushed[^1][3]! != "expired") pushed.Add(Assert.IsType<RespPush>(await watcher.ReadAsync()).Items);
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
                (0L, 0L, 0L, false), (0L, 0L, 0L, false), (1L, 2L, 76_000L, false), (0L, 1L, 38_000L, true), (3L, 0L, 0L, false), (0L, 1L, 38_000L, true),
                (1L, 2L, 76_000L, false), (0L, 0L, 0L, false),
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
        var sale = (await Server.OpenSaleAsync(Plans.Concert(capacity: 100_000, payment: "none", perBuyer: 1_000_000))).Split('/')[^1];
        var buying = Task.Run(async () =>
        {
            await using var shop = await Terminal.ConnectAsync(Server);
            for (var i = 0; i < Orders / 10; i++)
            {
                await shop.SendAsync(Enumerable.Range(0, 10).SelectMany(_ => Terminal.Frame("BUY", sale, Plans.NewId(), "ann", "floor", "1")).ToArray());
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
    public async Task Watches_are_bounded_end_and_leave_room()
    {
        await using var server = await RunningServer.StartAsync(terminals: new() { Watches = 2, WatchesPerConnection = 2 });
        string[] sales = [.. await Task.WhenAll(Enumerable.Range(0, 3).Select(async _ => (await server.OpenSaleAsync()).Split('/')[^1]))];
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
}
