using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Files;
using TicketRush.Server.Board;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

/// <summary>The board: small datagrams to who subscribed and showed that it is there.</summary>
public sealed class BoardTests
{
    [Fact]
    public async Task Who_subscribes_in_the_documents_form_and_proves_its_address_sees_every_state()
    {
        await using var server = await StartAsync();
        var sale = (await server.OpenSaleAsync(Plans.Concert(payment: "none"))).Split('/')[^1];
        using var viewer = new Viewer(server);
        var token = await viewer.ProveAsync(sale);
        viewer.Send($"subscribe {sale} {token}");
        var first = await viewer.ReceiveAsync();
        Assert.Equal(
            (sale, "open", 3L, 100, 50),
            (Text(first, "sale"), Text(first, "state"), Number(first, "sequence"), Tier(first, "floor"), Tier(first, "balcony")));
        Assert.Equal(16, Text(first, "server").Length);

        (await server.PutAsync($"/api/sales/{sale}/orders/{Plans.NewId()}", Plans.Order("ann", 2))).Is(200);
        var last = first;
        while (Number(last, "sequence") < 4)
        {
            var next = await viewer.ReceiveAsync();
            Assert.Equal(Number(last, "n") + 1, Number(next, "n"));
            last = next;
        }

        Assert.Equal(98, Tier(last, "floor"));

        // Nothing happens; the state comes again all the same, each time with the next number.
        var since = Environment.TickCount64;
        for (var i = 0; i < 2; i++)
        {
            var heartbeat = await viewer.ReceiveAsync();
            Assert.Equal((4L, Number(last, "n") + 1), (Number(heartbeat, "sequence"), Number(heartbeat, "n")));
            Assert.Equal(Text(first, "server"), Text(heartbeat, "server"));
            last = heartbeat;
        }

        Assert.True(Environment.TickCount64 - since > 500);
    }

    [Fact]
    public async Task A_busy_sale_is_told_at_most_ten_times_a_second()
    {
        await using var server = await StartAsync();
        var sale = (await server.OpenSaleAsync(Plans.Concert(capacity: 100_000, payment: "none", perBuyer: 100_000))).Split('/')[^1];
        using var viewer = new Viewer(server);
        viewer.Send($"subscribe {sale} {await viewer.ProveAsync(sale)}");
        var (count, since) = (0, Environment.TickCount64);
        var buying = Task.Run(async () =>
        {
            while (Environment.TickCount64 - since < 2_000)
                (await server.PutAsync($"/api/sales/{sale}/orders/{Plans.NewId()}", Plans.Order("ann", 1))).Is(200);
        });
        while (Environment.TickCount64 - since < 2_000)
        {
            await viewer.ReceiveAsync();
            count++;
        }

        await buying;

        // A timer that was late makes up for it with one tick, not with many.
        Assert.InRange(count, 3, 10 * (Environment.TickCount64 - since) / 1_000 + 3);
    }

    [Fact]
    public async Task An_unproved_address_is_never_sent_more_than_it_sent()
    {
        await using var server = await StartAsync();
        var sale = (await server.OpenSaleAsync()).Split('/')[^1];
        string[] requests =
        [
            $$"""{"msg":"subscribe {{sale}}","username":""}""", $$"""{"msg":"subscribe {{sale}} 0000000000000000","username":"a"}""",
            $$"""{"msg":"subscribe {{sale}}","username":"a-board-with-a-name"}""",
            """{"msg":"subscribe no-such-sale","username":"a-board-with-a-name"}""",
        ];
        foreach (var request in requests)
        {
            using var viewer = new Viewer(server);
            viewer.SendRaw(request);
            var reply = await viewer.TryReceiveAsync(400);
            Assert.True(reply is null || reply.Length <= Encoding.UTF8.GetByteCount(request), $"{request} was answered {reply}");
            if (reply is not null) Assert.StartsWith("""{"msg":"prove """, reply, StringComparison.Ordinal);
        }

        // Somebody else's token, sent from here, is none.
        using var one = new Viewer(server);
        using var other = new Viewer(server);
        other.Send($"subscribe {sale} {await one.ProveAsync(sale)}");
        Assert.StartsWith("""{"msg":"prove """, await other.TryReceiveAsync(2_000), StringComparison.Ordinal);
        Assert.Equal(0, server.App.Services.GetRequiredService<BoardServer>().Subscriptions);
    }

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{\"msg\":null,\"username\":\"a\"}")]
    [InlineData("{\"msg\":\"subscribe\",\"username\":\"a\"}")]
    [InlineData("{\"msg\":\"subscribe a b c\",\"username\":\"a\"}")]
    [InlineData("{\"msg\":\"subscribe ../../etc\",\"username\":\"a board with a long name\"}")]
    [InlineData("{\"msg\":\"subscribe x\",\"msg\":\"subscribe y\",\"username\":\"a\"}")]
    [InlineData("{\"msg\":[[[[[[1]]]]]],\"username\":\"a\"}")]
    public async Task What_is_no_subscription_is_not_answered(string request)
    {
        await using var server = await StartAsync();
        using var viewer = new Viewer(server);
        viewer.SendRaw(request);
        Assert.Null(await viewer.TryReceiveAsync(200));
    }

    [Fact]
    public async Task Subscriptions_are_bounded_rationed_and_run_out()
    {
        var (clock, lease) = (new Clock(), TimeSpan.FromSeconds(10));
        await using var server = await StartAsync(
            new() { SubscriptionsPerNetwork = 2, Lease = lease, RequestsPerMinute = 20 }, clock: clock);
        var sale = (await server.OpenSaleAsync()).Split('/')[^1];
        var board = server.App.Services.GetRequiredService<BoardServer>();
        var viewers = Enumerable.Range(0, 3).Select(_ => new Viewer(server)).ToArray();
        foreach (var viewer in viewers) viewer.Send($"subscribe {sale} {await viewer.ProveAsync(sale)}");
        foreach (var viewer in viewers[..2]) await viewer.ReceiveAsync();
        Assert.Null(await viewers[2].TryReceiveAsync(1_500));
        Assert.Equal(2, board.Subscriptions);
        clock.Go(lease);
        await Plans.UntilAsync(() => Task.FromResult(board.Subscriptions == 0), "no subscription");

        // Twenty requests are looked at; the rest is silence.
        using var eager = new Viewer(server);
        var answered = 0;
        for (var i = 0; i < 40; i++)
        {
            eager.Send($"subscribe {sale}");
            if (await eager.TryReceiveAsync(100) is not null) answered++;
        }

        Assert.InRange(answered, 1, 20);
        foreach (var viewer in viewers) viewer.Dispose();
    }

    [Fact]
    public async Task Many_tiers_come_in_parts_none_too_long()
    {
        await using var server = await StartAsync();
        var tiers = string.Join(
            ',', Enumerable.Range(0, 100).Select(i => $$"""{"id":"{{new string('t', 40)}}-{{i}}","name":"T","pool":"p","price":1}"""));
        var sale = (await server.OpenSaleAsync($$"""
            {"name":"Many","timeZone":"UTC","currency":"EUR","paymentKind":"none","pools":[{"id":"p","capacity":2000000}],
             "tiers":[{{tiers}}]}
            """)).Split('/')[^1];
        using var viewer = new Viewer(server);
        viewer.Send($"subscribe {sale} {await viewer.ProveAsync(sale)}");
        var seen = new HashSet<string>();
        JsonElement datagram;
        do
        {
            datagram = await viewer.ReceiveAsync();
            Assert.True(viewer.Length <= BoardLimits.DatagramMax, $"{viewer.Length}");
            foreach (var tier in datagram.GetProperty("tiers").EnumerateObject()) seen.Add(tier.Name);
        }
        while (Number(datagram, "part") < Number(datagram, "parts"));
        Assert.Equal(100, seen.Count);
        Assert.True(Number(datagram, "parts") > 2);
    }

    [Fact]
    public async Task A_draft_is_not_there_for_who_subscribes()
    {
        await using var server = await StartAsync();
        var path = await server.CreateSaleAsync();
        var sale = path.Split('/')[^1];
        using var viewer = new Viewer(server);
        var token = await viewer.ProveAsync(sale);
        viewer.Send($"subscribe {sale} {token}");
        Assert.Null(await viewer.TryReceiveAsync(1_500));

        (await server.PostAsync($"{path}/open")).Is(200);
        viewer.Send($"subscribe {sale} {token}");
        Assert.Equal("open", Text(await viewer.ReceiveAsync(), "state"));
    }

    [Fact]
    public async Task Who_has_proved_its_address_is_heard_however_much_is_sent_in_its_name()
    {
        var clock = new Clock();
        await using var server = await StartAsync(new() { RequestsPerMinute = 10, Lease = TimeSpan.FromSeconds(10) }, clock: clock);
        var board = server.App.Services.GetRequiredService<BoardServer>();
        using var kiosk = new Viewer(server);
        using var stranger = new Viewer(server);
        var subscriptions = new string[3];
        for (var i = 0; i < subscriptions.Length; i++)
        {
            var sale = (await server.OpenSaleAsync()).Split('/')[^1];
            subscriptions[i] = $"subscribe {sale} {await kiosk.ProveAsync(sale)}";
        }

        kiosk.Send(subscriptions[0]);
        await kiosk.ReceiveAsync();

        // The first is renewed every 6 s; the others in turn, each after it has run out: that one of them is back shows that what was sent
        // before it was heard too. For less than a minute, in which the proofs are good.
        for (var round = 1; round < 10; round++)
        {
            clock.Go(TimeSpan.FromSeconds(6));
            var others = Math.Min(round - 1, 1);
            await Plans.UntilAsync(() => Task.FromResult(board.Subscriptions == 1 + others), "the end of one");

            // Both are of one network, which has been heard enough of.
            for (var i = 0; i < 20; i++) stranger.Send(subscriptions[0][..subscriptions[0].LastIndexOf(' ')]);
            kiosk.Send(subscriptions[0]);
            kiosk.Send(subscriptions[1 + round % 2]);
            await Plans.UntilAsync(() => Task.FromResult(board.Subscriptions == 2 + others), "its subscriptions");
        }
    }

    [Fact]
    public async Task Who_renews_in_time_is_given_a_new_proof_also_when_its_network_is_rationed()
    {
        var clock = new Clock();
        await using var server = await StartAsync(new() { RequestsPerMinute = 10, Lease = TimeSpan.FromMinutes(5) }, clock: clock);
        var sale = (await server.OpenSaleAsync()).Split('/')[^1];
        using var kiosk = new Viewer(server);
        using var stranger = new Viewer(server);
        var token = await kiosk.ProveAsync(sale);
        kiosk.Send($"subscribe {sale} {token}");
        await kiosk.ReceiveAsync();
        for (var minute = 0; minute < 3; minute++)
        {
            clock.Go(TimeSpan.FromMinutes(1));
            do stranger.Send($"subscribe {sale}");
            while (await stranger.TryReceiveAsync(300) is not null);

            kiosk.Send($"subscribe {sale} {token}");
            var renewed = await kiosk.ReceiveProofAsync();
            Assert.NotEqual(token, renewed);
            token = renewed;
        }

        // The control: a proof of two minutes ago is none, and the ration is used up.
        clock.Go(TimeSpan.FromMinutes(2));
        do stranger.Send($"subscribe {sale}");
        while (await stranger.TryReceiveAsync(300) is not null);
        kiosk.Send($"subscribe {sale} {token}");
        await Assert.ThrowsAsync<TimeoutException>(() => kiosk.ReceiveProofAsync(1_000));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Junk_is_soon_not_even_read_unless_somebody_of_its_network_subscribed(bool isSubscribed)
    {
        await using var server = await StartAsync(new() { RequestsPerMinute = 5 });
        var sale = (await server.OpenSaleAsync()).Split('/')[^1];
        using var kiosk = new Viewer(server);
        if (isSubscribed)
        {
            kiosk.Send($"subscribe {sale} {await kiosk.ProveAsync(sale)}");
            await kiosk.ReceiveAsync();
        }

        using var stranger = new Viewer(server);
        for (var i = 0; i < 70; i++) stranger.SendRaw("junk");
        stranger.Send($"subscribe {sale}");
        Assert.Equal(isSubscribed, await stranger.TryReceiveAsync(isSubscribed ? 10_000 : 1_000) is not null);
    }

    [Fact]
    public async Task Numbers_go_on_for_who_comes_back_after_its_subscription_ran_out()
    {
        var (clock, lease) = (new Clock(), TimeSpan.FromSeconds(10));
        await using var server = await StartAsync(new() { Lease = lease }, clock: clock);
        var sale = (await server.OpenSaleAsync()).Split('/')[^1];
        var board = server.App.Services.GetRequiredService<BoardServer>();
        using var viewer = new Viewer(server);
        var token = await viewer.ProveAsync(sale);
        viewer.Send($"subscribe {sale} {token}");
        var first = await viewer.ReceiveAsync();
        clock.Go(lease);
        await Plans.UntilAsync(() => Task.FromResult(board.Subscriptions == 0), "no subscription");
        while (await viewer.TryReceiveAsync(200) is { } more) first = JsonDocument.Parse(more).RootElement;
        viewer.Send($"subscribe {sale} {token}");
        Assert.Equal(Number(first, "n") + 1, Number(await viewer.ReceiveAsync(), "n"));
    }

    [Fact]
    public async Task A_store_that_fails_and_a_datagram_that_does_end_the_board_for_nobody()
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("rush-board-").FullName;
        using var store = new FailingStore(new DataDirectory(directory));
        var clock = new FailingClock();
        try
        {
            await using var server = await StartAsync(directory: directory, configure: builder =>
            {
                builder.Services.AddSingleton<ISaleStore>(store);
                builder.Services.AddSingleton<TimeProvider>(clock);
            });
            var sale = (await server.OpenSaleAsync()).Split('/')[^1];
            using var viewer = new Viewer(server);

            // The database is away, and somebody asks for what nobody has heard of.
            store.Fails = true;
            viewer.Send($"subscribe nothing {await viewer.ProveAsync("nothing")}");

            // And one datagram meets a defect.
            clock.Fails = true;
            viewer.Send($"subscribe {sale}");
            await Plans.UntilAsync(() => Task.FromResult(clock.Failed > 0), "a failure");
            clock.Fails = false;
            await UntilLoggedAsync(server, "The board goes on");
            viewer.Send($"subscribe {sale} {await viewer.ProveAsync(sale)}");
            Assert.Equal(sale, Text(await viewer.ReceiveAsync(), "sale"));

            // When it is back, a sale that another process makes is found.
            store.Fails = false;
            Assert.True(store.TryCreate("elsewhere", Plans.Elsewhere));
            await using (var sequencer = new Sequencer(store.Open("elsewhere")))
                Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } }));
            using var other = new Viewer(server);
            var token = await other.ProveAsync("elsewhere");
            string? seen = null;
            await Plans.UntilAsync(
                async () =>
                {
                    other.Send($"subscribe elsewhere {token}");
                    return (seen = await other.TryReceiveAsync(200)) is not null;
                },
                "the sale of another process");
            Assert.Contains("\"elsewhere\"", seen, StringComparison.Ordinal);
        }
        finally
        {
            System.IO.Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public async Task All_addresses_are_those_of_both_families()
    {
        if (!Socket.OSSupportsIPv6) Assert.Skip("needs IPv6");
        await using var server = await StartAsync(endpoint: "*:0");
        var sale = (await server.OpenSaleAsync()).Split('/')[^1];
        foreach (var address in new[] { IPAddress.Loopback, IPAddress.IPv6Loopback })
        {
            using var viewer = new Viewer(server, address);
            viewer.Send($"subscribe {sale} {await viewer.ProveAsync(sale)}");
            Assert.Equal(sale, Text(await viewer.ReceiveAsync(), "sale"));
        }
    }

    [Theory]
    [InlineData("*:6381", "127.0.0.1:6381")]
    [InlineData("localhost:6381", "127.0.0.1:6381")]
    [InlineData("[::1]:6381", "[::1]:6381")]
    [InlineData("239.1.2.3:6381", "239.1.2.3:6381")]
    [InlineData("239.1.2.3:0", null)]
    [InlineData("6381", null)]
    [InlineData("10.0.0.300:6381", null)]
    [InlineData("127.0.0.1:-1", null)]
    [InlineData("127.0.0.1:65536", null)]
    [InlineData("example.org:6381", null)]
    public void An_address_is_read_one_way_for_who_sends_and_who_looks(string text, string? reached) =>
        Assert.Equal(reached, BoardEndpoint.TryParse(text, out var endpoint) ? endpoint.Reached.ToString() : null);

    [Fact]
    public async Task A_multicast_group_hears_what_is_open_without_subscribing_so_many_sales_and_no_draft()
    {
        using var group = Group.Join();
        await using var server = await StartAsync(
            new() { GroupSales = 2, Lease = TimeSpan.FromSeconds(1) }, endpoint: $"{Group.Address}:{group.Port}");
        foreach (var name in new[] { "a", "b", "c", "draft" }) (await server.PutAsync($"/api/sales/{name}", Plans.Concert())).Is(200);
        (await server.PostAsync("/api/sales/c/open")).Is(200);
        await group.HearAsync("c open");
        (await server.PostAsync("/api/sales/b/open")).Is(200);
        await group.HearAsync("b open");

        // There is room for two, and the first by name does not put out who was shown before.
        (await server.PostAsync("/api/sales/a/open")).Is(200);
        await UntilLoggedAsync(server, "--board-sales");
        Assert.Equal(["b open", "c open"], await group.HearAllAsync(2_500));

        // A closed one is told to be closed, and then makes room.
        (await server.PostAsync("/api/sales/c/close")).Is(200);
        await group.HearAsync("c closed");
        await group.HearAsync("a open");
        Assert.Equal(["a open", "b open"], await group.HearAllAsync(2_500));
    }

    private static async Task<RunningServer> StartAsync(
        BoardLimits? limits = null, string endpoint = "127.0.0.1:0", string? directory = null,
        Action<WebApplicationBuilder>? configure = null, TimeProvider? clock = null)
    {
        if (clock is not null) configure = builder => builder.Services.AddSingleton(clock);
        BoardEndpoint.TryParse(endpoint, out var parsed);
        return await RunningServer.StartAsync(directory, configure: configure, board: parsed, boardLimits: limits);
    }

    private static Task UntilLoggedAsync(RunningServer server, string what) => Plans.UntilAsync(
        () => Task.FromResult(server.Logged.Any(line => line.Contains(what, StringComparison.Ordinal))), $"\"{what}\" in the log");

    private static string Text(JsonElement datagram, string name) => datagram.GetProperty(name).GetString()!;

    private static long Number(JsonElement datagram, string name) => datagram.GetProperty(name).GetInt64();

    private static int Tier(JsonElement datagram, string tier) => datagram.GetProperty("tiers").GetProperty(tier).GetInt32();

    private sealed class Viewer : IDisposable
    {
        private readonly UdpClient _udp;

        public Viewer(RunningServer server, IPAddress? address = null)
        {
            _udp = new((address ?? IPAddress.Loopback).AddressFamily);
            var board = server.App.Services.GetRequiredService<BoardServer>().Address;
            _udp.Connect(address ?? IPAddress.Loopback, int.Parse(board.Split(':')[^1], CultureInfo.InvariantCulture));
        }

        public int Length { get; private set; }

        public void Send(string msg) => SendRaw($$"""{"msg": "{{msg}}", "username": "kiosk-1"}""");

        public void SendRaw(string text) => _udp.Send(Encoding.UTF8.GetBytes(text));

        public Task<string> ProveAsync(string sale)
        {
            Send($"subscribe {sale}");
            return ReceiveProofAsync();
        }

        /// <summary>The next proof; states that come before it are passed over.</summary>
        public async Task<string> ReceiveProofAsync(int milliseconds = 10_000)
        {
            for (var until = Environment.TickCount64 + milliseconds; Environment.TickCount64 < until;)
            {
                if (await TryReceiveAsync((int)(until - Environment.TickCount64)) is not { } text) break;
                if (JsonDocument.Parse(text).RootElement.TryGetProperty("msg", out var said))
                {
                    Assert.StartsWith("prove ", said.GetString(), StringComparison.Ordinal);
                    return said.GetString()![6..];
                }
            }

            throw new TimeoutException("No proof came.");
        }

        /// <summary>The next state; a proof that comes before it is passed over.</summary>
        public async Task<JsonElement> ReceiveAsync()
        {
            while (true)
            {
                var text = await TryReceiveAsync(10_000) ?? throw new TimeoutException("No datagram came.");
                if (JsonDocument.Parse(text).RootElement is var datagram && datagram.TryGetProperty("sale", out _)) return datagram;
            }
        }

        public async Task<string?> TryReceiveAsync(int milliseconds)
        {
            using var deadline = new CancellationTokenSource(milliseconds);
            try
            {
                var got = await _udp.ReceiveAsync(deadline.Token);
                Length = got.Buffer.Length;
                return Encoding.UTF8.GetString(got.Buffer);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }

        public void Dispose() => _udp.Dispose();
    }

    /// <summary>Somebody in a multicast group.</summary>
    private sealed class Group : IDisposable
    {
        public const string Address = "239.77.1.1";

        private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        private readonly byte[] _buffer = new byte[2_000];

        private Group() => _socket.Bind(new IPEndPoint(IPAddress.Any, 0));

        public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

        /// <summary>Skips the test where no datagram of a group comes back.</summary>
        public static Group Join()
        {
            var group = new Group();
            try
            {
                group._socket.SetSocketOption(
                    SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(IPAddress.Parse(Address)));
                group._socket.SendTo([1], new IPEndPoint(IPAddress.Parse(Address), group.Port));
                group._socket.ReceiveTimeout = 1_000;
                group._socket.Receive(group._buffer);
                return group;
            }
            catch (SocketException e)
            {
                group.Dispose();
                Assert.Skip($"needs a network that loops multicast back: {e.Message}");
                throw;
            }
        }

        public async Task HearAsync(string what)
        {
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            while (await HearAsync(deadline.Token) != what)
            {
            }
        }

        /// <summary>All that is said meanwhile, each once, in order.</summary>
        public async Task<string[]> HearAllAsync(int milliseconds)
        {
            using var deadline = new CancellationTokenSource(milliseconds);
            var heard = new SortedSet<string>(StringComparer.Ordinal);
            try
            {
                while (true) heard.Add(await HearAsync(deadline.Token));
            }
            catch (OperationCanceledException)
            {
                return [.. heard];
            }
        }

        public void Dispose() => _socket.Dispose();

        private async Task<string> HearAsync(CancellationToken stop)
        {
            var datagram = JsonDocument.Parse(_buffer.AsMemory(0, await _socket.ReceiveAsync(_buffer, stop))).RootElement;
            return $"{Text(datagram, "sale")} {Text(datagram, "state")}";
        }
    }

    /// <summary>A directory that cannot be asked for a while.</summary>
    private sealed class FailingStore(ISaleStore store) : ISaleStore
    {
        private volatile bool _fails;

        public bool Fails
        {
            set => _fails = value;
        }

        public string Name => store.Name;

        public Identities Identities => store.Identities;

        public ISecrets Secrets => store.Secrets;

        public IEnumerable<string> Sales() => Asked.Sales();

        public bool Has(string sale) => Asked.Has(sale);

        public bool TryCreate(string sale, Plan plan, string? by = null) => Asked.TryCreate(sale, plan, by);

        public IJournal Open(string sale) => Asked.Open(sale);

        public void Dispose() => store.Dispose();

        private ISaleStore Asked => _fails ? throw new IOException("The store is away.") : store;
    }

    /// <summary>A defect that can be switched on.</summary>
    private sealed class FailingClock : TimeProvider
    {
        private volatile bool _fails;
        private int _failed;

        public bool Fails
        {
            set => _fails = value;
        }

        public int Failed => Volatile.Read(ref _failed);

        public override DateTimeOffset GetUtcNow()
        {
            if (!_fails) return base.GetUtcNow();
            Interlocked.Increment(ref _failed);
            throw new InvalidOperationException("The clock is broken.");
        }
    }
}
