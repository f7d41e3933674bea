using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Client;
using TicketRush.Server.Access;
using TicketRush.Server.Terminals;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Clients;

/// <summary>The published client against the real server.</summary>
public sealed class TerminalClientTests(TerminalServer running) : IClassFixture<TerminalServer>
{
    private RunningServer Server => running.Server;

    [Fact]
    public async Task Every_command_has_its_method()
    {
        var sale = await OpenAsync();
        await using var terminal = new TerminalClient(Options());
        await terminal.PingAsync();
        var (id, other) = (Guid.NewGuid(), Guid.NewGuid());
        var bought = await terminal.BuyAsync(sale, id, "ann", "floor", 2, "cash-1");
        Assert.Equal(
            ("paid", 4L, 1L, 2, 76_000L, false),
            (bought.State, bought.Sequence, bought.FirstTicket, bought.Tickets, bought.Total, bought.Late));
        Assert.Equal(bought.Hash, (await terminal.BuyAsync(sale, id, "ann", "floor", 2, "cash-1")).Hash);
        var held = await terminal.HoldAsync(sale, other, "bob", "floor", 1);
        Assert.Equal("held", held.State);
        Assert.True((await terminal.ExtendAsync(sale, other, "k")).Until > held.Until);
        Assert.Equal("paid", (await terminal.PayAsync(sale, other, "r")).State);
        var refund = await terminal.RefundAsync(sale, id, "r1", "cannot-come", resell: true, [2]);
        Assert.Equal((38_000L, 2L), (refund.Amount, refund.Tickets.Single()));
        var order = await terminal.OrderAsync(sale, id);
        Assert.Equal(("partly-refunded", 2L), (order.State, order.Refunded.Single()));
        var released = Guid.NewGuid();
        await terminal.HoldAsync(sale, released, "cat", "floor", 1);
        Assert.Equal("released", (await terminal.ReleaseAsync(sale, released)).State);
        Assert.Equal(98, await terminal.AvailableAsync(sale, "floor"));
        Assert.Contains(await terminal.SalesAsync(), row => row is { State: "open", Currency: "CNY" } && row.Sale == sale);
        var refused = await Assert.ThrowsAsync<RushRefusedException>(() => terminal.BuyAsync(sale, id, "ann", "floor", 1, "cash-1"));
        Assert.Equal("ID_REUSED", refused.Code);
    }

    [Fact]
    public async Task Callers_share_a_connection_without_waiting_for_each_other()
    {
        var sale = await OpenAsync();
        await using var terminal = new TerminalClient(Options() with { PipelineMax = 64 });
        var orders = await Task.WhenAll(
            Enumerable.Range(0, 90).Select(i => terminal.BuyAsync(sale, Guid.NewGuid(), $"buyer-{i}", "floor", 1, "r")));
        Assert.Equal(Enumerable.Range(1, 90).Select(i => (long)i), orders.Select(order => order.FirstTicket).Order());
        var door = Server.App.Services.GetRequiredService<TerminalServices>().Door;
        await Plans.UntilAsync(() => Task.FromResult(door.Inside == 1), "one connection");
    }

    [Fact]
    public async Task Cut_anywhere_and_cut_again_every_purchase_is_made_once_and_every_entry_seen_once()
    {
        const int Orders = 400;
        var seed = Environment.TickCount;
        using var certificate = Certificate();
        await using var server = await StartAsync(certificate);
        var sale = (await server.OpenSaleAsync(Plans.Concert(capacity: 100_000, payment: "none", perBuyer: 1_000_000))).Split('/')[^1];

        // Over TLS somebody in between sees nothing and changes nothing; but it can cut.
        using var relay = new CuttingRelay(server.TerminalPort, seed, most: 20_000);
        var options = new TerminalOptions("127.0.0.1", relay.Port, RunningServer.Key)
        {
            Tls = true,

            // What is asked again after a cut must fit between two cuts.
            PipelineMax = 32,
            TlsValidation = (_, given, _, _) => given!.GetCertHashString() == certificate.GetCertHashString(),
            Retry = new()
            {
                For = TimeSpan.FromSeconds(60),
                Pause = TimeSpan.FromMilliseconds(1),
                PauseMax = TimeSpan.FromMilliseconds(20),
            },
        };
        await using var terminal = new TerminalClient(options);
        var watching = Task.Run(async () =>
        {
            var seen = new List<long>();
            await foreach (var entry in terminal.WatchAsync(sale, after: 3))
            {
                seen.Add(entry.Sequence);
                if (seen.Count == Orders) break;
            }

            return seen;
        });
        var orders = await Task.WhenAll(
            Enumerable.Range(0, Orders).Select(_ => terminal.BuyAsync(sale, Guid.NewGuid(), "ann", "floor", 1)));
        Assert.True(relay.Cuts > 3, $"seed {seed}: cut {relay.Cuts} times");
        Assert.Equal(Enumerable.Range(1, Orders).Select(i => (long)i), orders.Select(order => order.FirstTicket).Order());
        var available = (await server.GetAsync($"/api/sales/{sale}/availability")).Json;
        Assert.Equal(100_000 - Orders, available.GetProperty("pools")[0].GetProperty("free").GetInt32());
        Assert.Equal(Enumerable.Range(4, Orders).Select(sequence => (long)sequence), await watching.WaitAsync(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public async Task A_server_that_loses_its_power_is_left_by_purchases_and_watches_alike()
    {
        using var certificate = Certificate();
        await using var server = await StartAsync(certificate);
        var sale = (await server.OpenSaleAsync(Plans.Concert(payment: "none"))).Split('/')[^1];
        using var relay = new CuttingRelay(server.TerminalPort, seed: 1, most: 1) { IsKind = true };
        await using var terminal = new TerminalClient(new("127.0.0.1", relay.Port, RunningServer.Key)
        {
            Tls = true,
            TlsValidation = (_, given, _, _) => given!.GetCertHashString() == certificate.GetCertHashString(),
            Retry = new() { Pause = TimeSpan.FromMilliseconds(10), AnswerMax = TimeSpan.FromSeconds(1) },
        });
        await using var entries = terminal.WatchAsync(sale, after: 3).GetAsyncEnumerator();
        for (var i = 1; i <= 3; i++)
        {
            Assert.Equal(i, (await terminal.BuyAsync(sale, Guid.NewGuid(), "ann", "floor", 1)).FirstTicket);
            Assert.True(await entries.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30)));
            Assert.Equal(3 + i, entries.Current.Sequence);
            relay.Mute();
        }
    }

    [Fact]
    public async Task A_certificate_that_is_not_trusted_is_told_at_once_and_nothing_is_sent()
    {
        using var certificate = Certificate();
        await using var server = await StartAsync(certificate);
        await using var terminal = new TerminalClient(new("127.0.0.1", server.TerminalPort, RunningServer.Key) { Tls = true });
        await Assert.ThrowsAsync<RushImpostorException>(() => terminal.BuyAsync("any", Guid.NewGuid(), "ann", "floor", 1));
    }

    [Fact]
    public async Task The_longest_command_that_may_be_sent_is_read()
    {
        var sale = await OpenAsync();
        await using var terminal = new TerminalClient(Options());
        string[] Names(int count, int length) => [.. Enumerable.Range(0, count).Select(i => $"{i}".PadLeft(length, 'x'))];
        foreach (var (buyer, places) in new (string, TerminalPlaces?)[]
        {
            (new('x', TerminalLimits.ArgumentBytesMax), null),
            ("ann", new() { Passengers = Names(TerminalLimits.ArgumentsMax - 7, 4) }),
            ("ann", new() { Passengers = Names(31, 1_024) }),
        })
        {
            var refused = await Assert.ThrowsAsync<RushRefusedException>(
                () => terminal.BuyAsync(sale, Guid.NewGuid(), buyer, "floor", 1, null, places));
            Assert.Equal("INVALID_REQUEST", refused.Code);
        }
    }

    [Fact]
    public async Task A_restarted_server_is_found_again()
    {
        var directory = Directory.CreateTempSubdirectory("rush-again-").FullName;
        var first = await RunningServer.StartAsync(directory, terminals: new());
        var sale = (await first.OpenSaleAsync(Plans.Concert(payment: "none"))).Split('/')[^1];
        var port = first.TerminalPort;
        await using var terminal = new TerminalClient(new("127.0.0.1", port, RunningServer.Key)
        {
            Retry = new() { PauseMax = TimeSpan.FromMilliseconds(100) },
        });
        var id = Guid.NewGuid();
        var bought = await terminal.BuyAsync(sale, id, "ann", "floor", 1);
        await first.DisposeAsync();
        var asking = terminal.BuyAsync(sale, id, "ann", "floor", 1);
        await using var second = await RunningServer.StartAsync(directory, terminals: new(), endpoint: $"127.0.0.1:{port}");
        Assert.Equal(bought.Hash, (await asking).Hash);
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_server_without_the_key_is_sent_nothing()
    {
        var (_, secret) = KeyRing.Open(Directory.CreateTempSubdirectory("rush-other-").FullName).Add("shop", Role.Shop);
        await using var terminal = new TerminalClient(Options() with { Key = secret, KeyId = secret.Split('_')[2] });
        await Assert.ThrowsAsync<RushImpostorException>(() => terminal.PingAsync());
        await Assert.ThrowsAsync<RushImpostorException>(() => terminal.BuyAsync("any", Guid.NewGuid(), "ann", "floor", 1));

        // A relay between is another server, as far as a proof over plain TCP goes.
        using var relay = new CuttingRelay(Server.TerminalPort, 1, 1_000_000);
        await using var relayed = new TerminalClient(Options() with { Port = relay.Port });
        await Assert.ThrowsAsync<RushImpostorException>(() => relayed.PingAsync());
    }

    [Fact]
    public async Task Who_waits_no_longer_is_let_go_and_what_has_no_answer_is_unknown()
    {
        // Takes connections, and never says a word.
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var options = new TerminalOptions("127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port, RunningServer.Key)
        {
            Retry = new() { For = TimeSpan.FromSeconds(1) },
        };
        await using var terminal = new TerminalClient(options);
        using var stop = new CancellationTokenSource(100);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => terminal.BuyAsync("any", Guid.NewGuid(), "ann", "floor", 1, stop: stop.Token));
        await Assert.ThrowsAsync<RushUnknownException>(() => terminal.BuyAsync("any", Guid.NewGuid(), "ann", "floor", 1));
    }

    [Fact]
    public async Task Over_HTTP_it_is_the_same()
    {
        var sale = await OpenAsync();
        using var http = new HttpClient { BaseAddress = Server.Url };
        var shop = new RushHttpClient(http, RunningServer.Key);
        var (id, other) = (Guid.NewGuid(), Guid.NewGuid());
        var held = await shop.HoldAsync(sale, id, new("ann", new Item("floor", 2)));
        Assert.Equal(("held", 76_000L), (held.State, held.Total));
        Assert.Equal("held", (await shop.FindHoldAsync(sale, id)).State);
        Assert.Equal(1, (await shop.ExtendAsync(sale, id, "k")).Extensions);
        var paid = await shop.PayAsync(sale, id, "bank-1");
        Assert.Equal([1u, 2u], paid.Tickets.Select(ticket => ticket.Number));
        var bought = await shop.BuyAsync(sale, other, new("bob", "cash-1", new Item("floor", 1), new Item("balcony", 1)));
        Assert.Equal((other, 2), (bought.Id, bought.Tickets.Length));
        var refund = await shop.RefundAsync(sale, id, "r", new("cannot-come", Resell: true, [2]));
        Assert.Equal([2u], refund.Tickets);
        Assert.Equal("partly-refunded", (await shop.FindOrderAsync(sale, id)).State);
        var orders = new List<long>();
        await foreach (var order in shop.OrdersAsync(sale)) orders.Add(order.Sequence);
        Assert.Equal(2, orders.Count);
        Assert.Equal(98, (await shop.AvailabilityAsync(sale)).Tiers[0].Available);
        Assert.Contains(await shop.SalesAsync(), row => row.Sale == sale);
        var refused = await Assert.ThrowsAsync<RushRefusedException>(
            () => shop.HoldAsync(sale, Guid.NewGuid(), new("ann", new Item("floor", 6))));
        Assert.Equal(("BUYER_LIMIT", 5), (refused.Code, refused.Allowed));
        var owed = await Assert.ThrowsAsync<RushRefusedException>(() => shop.PayAsync(sale, id, "bank-2"));
        Assert.Equal(("ALREADY_PAID", 76_000L), (owed.Code, owed.OwedBack));
    }

    [Fact]
    public async Task Over_HTTP_lost_replies_sell_nothing_twice()
    {
        var sale = await OpenAsync();
        using var lossy = new Lossy();
        using var http = new HttpClient(lossy) { BaseAddress = Server.Url };
        var retry = new RushRetry { Pause = TimeSpan.FromMilliseconds(1), PauseMax = TimeSpan.FromMilliseconds(5) };
        var shop = new RushHttpClient(http, RunningServer.Key, retry);
        for (var i = 0; i < 20; i++) await shop.BuyAsync(sale, Guid.NewGuid(), new($"buyer-{i}", "r", new Item("floor", 1)));
        Assert.True(lossy.Lost > 10, $"{lossy.Lost}");
        Assert.Equal(80, (await shop.AvailabilityAsync(sale)).Tiers[0].Available);
        lossy.LosesAll = true;
        var hurried = new RushHttpClient(
            http, RunningServer.Key, new() { For = TimeSpan.FromMilliseconds(200), Pause = TimeSpan.FromMilliseconds(20) });
        await Assert.ThrowsAsync<RushUnknownException>(() => hurried.BuyAsync(sale, Guid.NewGuid(), new("cat", "r", new Item("floor", 1))));
    }

    private TerminalOptions Options() => new("127.0.0.1", Server.TerminalPort, RunningServer.Key);

    private async Task<string> OpenAsync() => (await Server.OpenSaleAsync()).Split('/')[^1];

    private static async Task<RunningServer> StartAsync(X509Certificate2 certificate)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("rush-tls-").FullName, "terminals.pfx");
        await File.WriteAllBytesAsync(path, certificate.Export(X509ContentType.Pkcs12));
        return await RunningServer.StartAsync(
            terminals: new() { StrangersPerNetwork = 1_000 }, endpoint: "tls:127.0.0.1:0",
            configure: builder => builder.Configuration["Kestrel:Certificates:Default:Path"] = path);
    }

    private static X509Certificate2 Certificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest("CN=terminals", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }

    /// <summary>Loses two of three replies, after the server has done what was asked.</summary>
    private sealed class Lossy() : DelegatingHandler(new SocketsHttpHandler())
    {
        private int _count;

        public int Lost { get; private set; }

        public bool LosesAll { get; set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (++_count % 3 == 0 && !LosesAll) return response;
            response.Dispose();
            Lost++;
            throw new HttpRequestException("Lost.");
        }
    }
}
