using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Journal;
using TicketRush.Journal.Files;
using TicketRush.Server.Access;
using TicketRush.Server.Terminals;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Terminals;

/// <summary>Watches of journals that keep them waiting or cannot be read, of clients that do not read, and of more than there is room
/// for.</summary>
public sealed class WatchFaultTests : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rush-watch-").FullName;
    private readonly HeldStore _store;

    public WatchFaultTests() => _store = new(new DataDirectory(_directory));

    public ValueTask InitializeAsync() => default;

    public ValueTask DisposeAsync()
    {
        _store.Dispose();
        Directory.Delete(_directory, recursive: true);
        return default;
    }

    // Goal: a bound on watches is one on their readers. Method: a journal that does not open; who watched it leaves, by UNWATCH and by
    // hanging up. The control: the place is its own again at once, and everybody's when the reader has ended.
    [Fact]
    public async Task A_reader_that_hangs_keeps_its_place_until_it_has_ended()
    {
        await using var server = await StartAsync(new() { Watches = 1 });
        var (first, second) = (await OpenAsync(server), await OpenAsync(server));
        await using var other = await Terminal.ConnectAsync(server);
        await using (var watcher = await Terminal.ConnectAsync(server))
        {
            await watcher.AskArrayAsync("HELLO", "3");
            _store.HoldOpening();
            for (var i = 0; i < 3; i++)
            {
                await watcher.AskArrayAsync("WATCH", first);
                await Plans.UntilAsync(() => Task.FromResult(_store.Waiting == 1), "a reader that hangs");
                Assert.Equal(["unwatch", first, 1L], await watcher.AskArrayAsync("UNWATCH", first));
                await other.AskRefusedAsync("TOO_MANY_WATCHES", "WATCH", second);
            }

            await watcher.AskArrayAsync("WATCH", second);
            Assert.Equal("PONG", await watcher.AskAsync("PING"));
        }

        // Long enough for the server to have seen the end of the connection: it still has its place at the door.
        for (var i = 0; i < 10; i++)
        {
            await other.AskRefusedAsync("TOO_MANY_WATCHES", "WATCH", second);
            await Task.Delay(50);
        }

        Assert.Equal(1, _store.Waiting);
        _store.LetGo();
        await other.AskArrayAsync("HELLO", "3");
        await Plans.UntilAsync(async () => await other.AskAsync("WATCH", second, "AFTER", "2") is object?[], "a place");
        Assert.Equal("opened", (await PushAsync(other))[3]);
        var door = server.App.Services.GetRequiredService<TerminalServices>().Door;
        await Plans.UntilAsync(() => Task.FromResult(door.Inside == 1), "the end");
    }

    [Fact]
    public async Task Who_stops_watching_one_sale_watches_another_in_its_place_however_fast()
    {
        await using var server = await StartAsync(new() { Watches = 1 });
        string[] sales = [await OpenAsync(server), await OpenAsync(server)];
        await using var watcher = await Terminal.ConnectAsync(server);
        await watcher.AskArrayAsync("HELLO", "3");
        await watcher.AskArrayAsync("WATCH", sales[0]);
        for (var i = 0; i < 300; i++)
        {
            byte[] both = [.. Terminal.Frame("UNWATCH", sales[i % 2]), .. Terminal.Frame("WATCH", sales[(i + 1) % 2], "AFTER", "2")];
            await watcher.SendAsync(both);
            Assert.Equal(["unwatch", sales[i % 2], 1L], await ReplyAsync());
            Assert.Equal(["watch", sales[(i + 1) % 2], 2L], await ReplyAsync());
        }

        Assert.Equal(["entry", sales[0], 3L, "opened"], (await PushAsync(watcher))[..4]);

        async Task<object?[]> ReplyAsync()
        {
            while (true)
            {
                if (await watcher.ReadAsync() is not RespPush and var reply) return Assert.IsType<object?[]>(reply);
            }
        }
    }

    [Fact]
    public async Task While_a_journal_keeps_its_reader_waiting_the_connection_is_answered()
    {
        await using var server = await StartAsync(new());
        var sale = await OpenAsync(server);
        await using var watcher = await Terminal.ConnectAsync(server);
        await watcher.AskArrayAsync("HELLO", "3");
        _store.HoldReading();
        await watcher.AskArrayAsync("WATCH", sale, "AFTER", "2");
        await Plans.UntilAsync(() => Task.FromResult(_store.Waiting == 1), "a reader that hangs");
        Assert.Equal("PONG", await watcher.AskAsync("PING"));
        Assert.Equal(100_000L, await watcher.AskAsync("AVAILABLE", sale, "floor"));
        _store.LetGo();
        Assert.Equal("opened", (await PushAsync(watcher))[3]);
    }

    [Fact]
    public async Task A_journal_that_cannot_be_read_ends_the_connection_and_who_comes_back_misses_nothing()
    {
        await using var server = await StartAsync(new());
        var sale = await OpenAsync(server);
        await using var shop = await Terminal.ConnectAsync(server);
        await using (var watcher = await Terminal.ConnectAsync(server))
        {
            await watcher.AskArrayAsync("WATCH", sale, "AFTER", "2");
            Assert.Equal(3L, ((object?[])(await watcher.ReadAsync())!)[2]);
            _store.IsDamaged = true;
            await shop.AskArrayAsync("HOLD", sale, Plans.NewId(), "ann", "floor", "1");
            Assert.Equal("", await watcher.ReadToEndAsync());
        }

        // It is nobody's defect, and nobody else's end.
        Assert.Equal(99_999L, await shop.AskAsync("AVAILABLE", sale, "floor"));
        Assert.DoesNotContain(server.Logged, line => line.Contains("defect", StringComparison.Ordinal));
        _store.IsDamaged = false;
        await using var again = await Terminal.ConnectAsync(server);
        await again.AskArrayAsync("HELLO", "3");
        await again.AskArrayAsync("WATCH", sale, "AFTER", "3");
        Assert.Equal(["entry", sale, 4L, "held"], (await PushAsync(again))[..4]);
    }

    // Goal: who does not read what it watches gives its place back. Method: sockets with small buffers, which a thousand entries fill; the
    // kernel is told to bear with the peer for an hour, so that only the server's own look at the time ends it. The control reads.
    [Fact]
    public async Task Who_watches_and_does_not_read_is_ended()
    {
        await using var server = await StartAsync(
            new() { SlowReaderMax = TimeSpan.FromSeconds(2), SilentPeerMax = TimeSpan.FromHours(1), OutputMax = 4_096 }, small: true);
        var sale = await OpenAsync(server);
        await using var reads = await Terminal.ConnectAsync(server);
        await using var sleeps = await Terminal.ConnectAsync(server);
        foreach (var terminal in new[] { reads, sleeps })
        {
            await terminal.AskArrayAsync("HELLO", "3");
            await terminal.AskArrayAsync("WATCH", sale);
        }

        const int Orders = 20_000;
        var buying = Task.Run(async () =>
        {
            await using var shop = await Terminal.ConnectAsync(server);
            for (var i = 0; i < Orders / 200; i++) await BuyAsync(shop, sale, 200);
        });
        for (var i = 0; i < Orders; i++) Assert.Equal(4L + i, (await PushAsync(reads))[2]);
        await buying;
        var door = server.App.Services.GetRequiredService<TerminalServices>().Door;
        await Plans.UntilAsync(() => Task.FromResult(door.Inside == 1), "the end of who does not read");
        Assert.Equal("PONG", await reads.AskAsync("PING"));
    }

    // Goal: what watches remember is bounded, and a watch that comes to the bound says so. Method: more orders than are remembered, watched
    // by the office; the control is a shop with a few of them, which has room again when the office's watch has ended.
    [Fact]
    public async Task A_watch_of_more_holds_than_are_remembered_ends_and_says_so()
    {
        await using var server = await StartAsync(new() { WatchedHolds = 1_000 });
        var sale = await OpenAsync(server);
        var few = server.App.Services.GetRequiredService<KeyRing>().Add("few", Role.Shop);
        await using var office = await Terminal.ConnectAsync(server);
        await using var shop = await Terminal.ConnectAsync(server, few.Secret, few.Key.Id);
        await BuyAsync(office, sale, 1_100);
        await BuyAsync(shop, sale, 100);
        await office.AskArrayAsync("HELLO", "3");
        await shop.AskArrayAsync("HELLO", "3");
        for (var i = 0; i < 2; i++)
        {
            await office.AskArrayAsync("WATCH", sale, "AFTER", "0");
            var pushed = new List<object?[]>();
            while (pushed.Count == 0 || (string)pushed[^1][0]! == "entry") pushed.Add(await PushAsync(office));
            Assert.Equal(["unwatch", sale, "TOO_MANY_HOLDS"], pushed[^1][..3]);
            Assert.Equal(4, pushed[^1].Length);

            // Up to the last that there was room for, none is missing.
            var expected = Enumerable.Range(2, pushed.Count - 1).Select(sequence => (long)sequence);
            Assert.Equal(expected, pushed[..^1].Select(push => (long)push[2]!));
            Assert.InRange(pushed.Count, 900, 1_004);
            Assert.Equal("PONG", await office.AskAsync("PING"));
            Assert.Equal(["unwatch", sale, 0L], await office.AskArrayAsync("UNWATCH", sale));
        }

        await shop.AskArrayAsync("WATCH", sale, "AFTER", "0");
        for (var i = 0; i < 102; i++) Assert.Equal("entry", (await PushAsync(shop))[0]);
        await BuyAsync(office, sale, 10);
        await shop.AskArrayAsync("HOLD", sale, Plans.NewId(), "ann", "floor", "1");
        Assert.Equal("held", (await PushAsync(shop))[3]);
    }

    [Fact]
    public async Task Who_becomes_another_key_is_told_that_its_watches_have_ended()
    {
        await using var server = await StartAsync(new());
        string[] sales = [await OpenAsync(server), await OpenAsync(server)];
        var shop = server.App.Services.GetRequiredService<KeyRing>().Add("shop", Role.Shop);
        await using var watcher = await Terminal.ConnectAsync(server);
        await watcher.AskArrayAsync("HELLO", "3");
        foreach (var sale in sales) await watcher.AskArrayAsync("WATCH", sale);

        // As itself once more: nothing ends.
        Assert.Equal("OK", await watcher.AskAsync("AUTH", "office", RunningServer.Key));
        await watcher.SendAsync(Terminal.Frame("AUTH", shop.Key.Id, shop.Secret));
        foreach (var sale in sales) Assert.Equal(["unwatch", sale, "KEY_CHANGED"], (await PushAsync(watcher))[..3]);
        Assert.Equal("OK", await watcher.ReadAsync());
        Assert.Equal(["unwatch", sales[0], 0L], await watcher.AskArrayAsync("UNWATCH", sales[0]));

        // It watches as who it is now: what the office holds does not concern it.
        await watcher.AskArrayAsync("WATCH", sales[0]);
        await using var office = await Terminal.ConnectAsync(server);
        await office.AskArrayAsync("HOLD", sales[0], Plans.NewId(), "ann", "floor", "1");
        await watcher.SendAsync(Terminal.Frame("HOLD", sales[0], Plans.NewId(), "ann", "floor", "1"));
        Assert.Equal(["entry", sales[0], 6L, "held"], (await PushAsync(watcher))[..4]);
    }

    private static async Task BuyAsync(Terminal terminal, string sale, int count)
    {
        byte[] frames = [.. Enumerable.Range(0, count).SelectMany(_ => Terminal.Frame("BUY", sale, Plans.NewId(), "ann", "floor", "1"))];
        await terminal.SendAsync(frames);
        for (var k = 0; k < count; k++) Assert.IsType<object?[]>(await terminal.ReadAsync());
    }

    /// <summary>The next push; replies before it are passed over.</summary>
    private static async Task<object?[]> PushAsync(Terminal terminal)
    {
        while (true)
        {
            if (await terminal.ReadAsync() is RespPush push) return push.Items;
        }
    }

    private static async Task<string> OpenAsync(RunningServer server)
    {
        var path = await server.OpenSaleAsync(Plans.Concert(capacity: 100_000, payment: "none", perBuyer: 1_000_000));
        return path.Split('/')[^1];
    }

    private Task<RunningServer> StartAsync(TerminalLimits limits, bool small = false) => RunningServer.StartAsync(
        _directory, terminals: limits, configure: builder =>
        {
            builder.Services.AddSingleton<ISaleStore>(_store);
            if (!small) return;
            builder.Services.Configure<SocketTransportOptions>(transport => transport.CreateBoundListenSocket = endpoint =>
            {
                var socket = SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint);
                if (endpoint is IPEndPoint) (socket.SendBufferSize, socket.ReceiveBufferSize) = (4_096, 4_096);
                return socket;
            });
        });
}
