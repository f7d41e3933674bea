using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using TicketRush.Server.Upgrades;

namespace TicketRush.Cli.Tests.Faults;

// Goal: any server can sell any sale and any can die, and the others go on at once with everything that it acknowledged.
// Method: servers as processes of their own on one private PostgreSQL; a crowd buys at all of them; a ledger outside keeps what was
// answered.
[Collection(nameof(FaultCollection))]
public sealed class ClusterTests(ITestOutputHelper output)
{
    private static readonly TimeSpan StallMax = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task Servers_that_are_killed_lose_nothing_and_hold_the_others_up_for_a_moment()
    {
        await using var cluster = await Cluster.MakeAsync();
        var survivor = await cluster.ServeAsync();
        string? url = null;
        const int Buyers = 12;
        var crowd = new Crowd(cluster.Shop, cluster.Ledger, Buyers, buyer => buyer % 2 == 0 ? survivor.Url : Volatile.Read(ref url));
        var survivors = Enumerable.Range(0, Buyers / 2).Select(buyer => 2 * buyer).ToArray();
        var random = new Random(7);
        var stalls = new List<TimeSpan>();
        var kills = Storm.IsFull ? 200 : 8;
        for (var i = 0; i < kills; i++)
        {
            await using var victim = await cluster.ServeAsync();
            Volatile.Write(ref url, victim.Url);
            var enough = cluster.Ledger.Done + random.Next(20, 300);
            await Until.TrueAsync(() => cluster.Ledger.Done >= enough, $"{enough} orders are acknowledged");

            // From the signal on, until each of the survivor's buyers has what it asked for after it: the first answer may be to a
            // question from before.
            var before = survivors.Select(crowd.Served).ToArray();
            var since = Stopwatch.GetTimestamp();
            victim.Kill();
            Volatile.Write(ref url, null);
            await Until.TrueAsync(
                () => survivors.Zip(before).All(pair => crowd.Served(pair.First) >= pair.Second + 2), "each of the others is served");
            stalls.AddRange(survivors.Select(buyer => Stopwatch.GetElapsedTime(since, crowd.ServedAt(buyer))));
            await victim.WaitForExitAsync();
        }

        await crowd.StopAsync();
        stalls.Sort();

        // Of eight kills the slowest hundredth is a single wait, which a busy machine may make as long as it likes: there one kill is let
        // pass.
        var part = Storm.IsFull ? 99 : 85;
        var most = stalls[Math.Min(stalls.Count - 1, stalls.Count * part / 100)];
        output.WriteLine(
            $"{kills} kills: {cluster.Ledger.Summary}; the others waited {stalls[stalls.Count / 2].TotalMilliseconds:0} ms, "
            + $"{part} of 100 {most.TotalMilliseconds:0} ms, the longest {stalls[^1].TotalMilliseconds:0} ms");
        Assert.True(most <= StallMax, $"The others were held up for {most}.");
        await cluster.SettleAndAuditAsync();
    }

    [Fact]
    public async Task A_frozen_server_does_not_hold_the_sale()
    {
        await using var cluster = await Cluster.MakeAsync();
        var (first, second) = (await cluster.ServeAsync(), await cluster.ServeAsync());
        var crowd = new Crowd(cluster.Shop, cluster.Ledger, 8, buyer => buyer % 2 == 0 ? first.Url : second.Url);
        for (var i = 0; i < (Storm.IsFull ? 20 : 3); i++)
        {
            var before = cluster.Ledger.Done;
            await Until.TrueAsync(() => cluster.Ledger.Done >= before + 50, "both sell");
            first.Freeze();
            before = cluster.Ledger.Done;
            await Until.TrueAsync(() => cluster.Ledger.Done >= before + 50, "the other sells", seconds: 10);
            first.Continue();
        }

        await crowd.StopAsync();
        await cluster.SettleAndAuditAsync();
    }

    [Fact]
    public async Task The_database_may_restart_under_servers_that_sell()
    {
        await using var cluster = await Cluster.MakeAsync();
        var (first, second) = (await cluster.ServeAsync(), await cluster.ServeAsync());
        var crowd = new Crowd(cluster.Shop, cluster.Ledger, 8, buyer => buyer % 2 == 0 ? first.Url : second.Url);
        for (var i = 0; i < (Storm.IsFull ? 100 : 3); i++)
        {
            var before = cluster.Ledger.Done;
            await Until.TrueAsync(() => cluster.Ledger.Done >= before + 100, "both sell");
            cluster.Database.Restart();
        }

        var last = cluster.Ledger.Done;
        await Until.TrueAsync(() => cluster.Ledger.Done >= last + 100, "both sell again");
        await crowd.StopAsync();
        await cluster.SettleAndAuditAsync();
    }

    [Fact]
    public async Task Commands_work_on_a_database_as_they_do_on_files()
    {
        await using var cluster = await Cluster.MakeAsync();
        var (server, state) = (await cluster.ServeAsync(), cluster.NewState());
        for (var i = 0; i < 5; i++) Assert.Equal(200, (await cluster.Shop.BuyAsync(cluster.Ledger, Place.NewWish(), server.Url))!.Status);

        var listed = await RunAsync("list", "--json");
        Assert.Equal("open", JsonDocument.Parse(listed).RootElement[0].GetProperty("state").GetString());
        Assert.Contains("is good", await RunAsync("verify", $"postgres:{Place.Sale}", "--no-progress"), StringComparison.Ordinal);
        Assert.Contains("5, 5 tickets", await RunAsync("show", $"postgres:{Place.Sale}"), StringComparison.Ordinal);
        Assert.Equal(6, (await RunAsync("export", $"postgres:{Place.Sale}")).Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("shop", await RunAsync("keys", "add", "web-shop", "--role", "shop"), StringComparison.Ordinal);

        // The server learns of both within a second: the key, and the sale that is paused.
        var keys = $"{server.Url}/api/keys";
        await Until.TrueAsync(
            async () => (await cluster.Shop.GetAsync(keys)).Body.GetRawText().Contains("web-shop", StringComparison.Ordinal),
            "the key is known");
        await RunAsync("pause", Place.Sale);
        await Until.TrueAsync(
            async () => (await cluster.Shop.BuyAsync(cluster.Ledger, Place.NewWish(), server.Url))!.Code == "SALE_PAUSED",
            "the sale is paused");

        var file = Path.Combine(state, $"{Place.Sale}.rush");
        await RunAsync("copy", $"postgres:{Place.Sale}", file);
        Assert.Contains("is good", await RunAsync("verify", file, "--no-progress"), StringComparison.Ordinal);

        async Task<string> RunAsync(params string[] words)
        {
            string[] where = words[0] is "verify" or "show" or "export" ? [] : ["--data", state];
            var (code, said) = await RushCommand.RunAsync(cluster.Environment, [.. words, .. where]);
            Assert.True(code == 0, $"{string.Join(' ', words)}: {said}");
            return said;
        }
    }

    /// <summary>What only looks on is for a standby too; what writes says that it is one.</summary>
    [Fact]
    public async Task A_standby_is_verified_shown_and_exported()
    {
        await using var cluster = await Cluster.MakeAsync();
        var server = await cluster.ServeAsync();
        for (var i = 0; i < 5; i++) Assert.Equal(200, (await cluster.Shop.BuyAsync(cluster.Ledger, Place.NewWish(), server.Url))!.Status);
        using var standby = cluster.Database.StartStandby("two");
        var environment = cluster.At(standby);

        Assert.Contains("is good", await LookAsync("verify", "--no-progress"), StringComparison.Ordinal);
        Assert.Contains("5, 5 tickets", await LookAsync("show"), StringComparison.Ordinal);
        Assert.Equal(6, (await LookAsync("export")).Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);

        var (code, said) = await RushCommand.RunAsync(environment, ["pause", Place.Sale, "--data", cluster.NewState()]);
        Assert.NotEqual(0, code);
        Assert.Contains("standby", said, StringComparison.Ordinal);

        async Task<string> LookAsync(string word, params string[] options)
        {
            var (code, said) = await RushCommand.RunAsync(environment, [word, $"postgres:{Place.Sale}", .. options]);
            Assert.True(code == 0, $"{word}: {said}");
            return said;
        }
    }

    /// <summary>Sessions, form tokens and keys are known to every server: a load balancer may send each request to another.</summary>
    [Fact]
    public async Task Behind_haproxy_each_request_may_go_to_another_server()
    {
        Needs.Haproxy();
        await using var cluster = await Cluster.MakeAsync();
        var (first, second) = (await cluster.ServeAsync(), await cluster.ServeAsync());
        var (haproxy, url) = await StartHaproxyAsync(cluster, first, second);
        try
        {
            using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = new(url) };
            await Until.TrueAsync(async () => await IsUpAsync(http), "haproxy serves");
            using var begun = await http.PostAsync("/api/session", null);
            var cookie = begun.Headers.GetValues("Set-Cookie").Single().Split(';')[0];
            var token = JsonDocument.Parse(await begun.Content.ReadAsStringAsync()).RootElement.GetProperty("token").GetString()!;

            var servers = new HashSet<string>();
            for (var i = 0; i < 12; i++) servers.UnionWith(await BuyAsync(http, cookie, token));
            Assert.Equal(2, servers.Count);

            second.Kill();
            await Until.TrueAsync(
                async () =>
                {
                    for (var i = 0; i < 6; i++)
                    {
                        using var answer = await http.GetAsync("/health/ready");
                        if (!answer.IsSuccessStatusCode || answer.Headers.GetValues("X-Server").Single() != "one") return false;
                    }

                    return true;
                },
                "haproxy has seen that one is gone");
            for (var i = 0; i < 6; i++) Assert.Equal(["one", "one"], await BuyAsync(http, cookie, token));
        }
        finally
        {
            await EndAsync(haproxy);
        }
    }

    /// <summary>Upgrades cost nobody anything; of a server that is killed only those hear whose request it had, and the others go
    /// on.</summary>
    [Fact]
    public async Task Behind_haproxy_servers_are_upgraded_and_killed_under_load()
    {
        Needs.Haproxy();
        await using var cluster = await Cluster.MakeAsync();
        var (one, two) = (cluster.NewState(), cluster.NewState());
        var (first, second) = (await cluster.ServeAsync(one), await cluster.ServeAsync(two));
        var (haproxy, url) = await StartHaproxyAsync(cluster, first, second);
        try
        {
            using var http = new HttpClient { BaseAddress = new(url) };
            await Until.TrueAsync(async () => await IsUpAsync(http, "one") && await IsUpAsync(http, "two"), "haproxy serves");
            var crowd = new Crowd(cluster.Shop, cluster.Ledger, 8, _ => url);
            var upgrades = Storm.IsFull ? 50 : 4;
            for (var i = 0; i < upgrades; i++)
            {
                await SellAsync(50);
                var (code, said) = await RushCommand.RunAsync("upgrade", "--data", i % 2 == 0 ? one : two);
                Assert.True(code == 0, said);
            }

            await SellAsync(50);
            Assert.Equal("", cluster.Ledger.Summary[$"{cluster.Ledger.Done} done; ".Length..]);
            output.WriteLine($"{upgrades} upgrades: {cluster.Ledger.Summary}");

            var stalls = new List<TimeSpan>();
            var kills = Storm.IsFull ? 50 : 4;
            for (var i = 0; i < kills; i++)
            {
                await SellAsync(50);
                var killed = Registration.Find(two).Single().Process;
                var since = Stopwatch.GetTimestamp();
                Process.GetProcessById(killed).Kill();
                await SellAsync(20);
                stalls.Add(Stopwatch.GetElapsedTime(since));
                await Until.TrueAsync(() => Registration.Find(two).Count == 0, "the killed one has ended");
                await cluster.ServeAsync(two, second.Url);
                await Until.TrueAsync(async () => await IsUpAsync(http, "two"), "haproxy has it again");
            }

            await crowd.StopAsync();
            output.WriteLine($"{kills} kills: {cluster.Ledger.Summary}; the others waited {stalls.Max().TotalMilliseconds:0} ms at most");
            Assert.True(stalls.Max() <= 2 * StallMax, $"The others were held up for {stalls.Max()}.");
        }
        finally
        {
            await EndAsync(haproxy);
            await UpgradeTests.EndAsync(one);
            await UpgradeTests.EndAsync(two);
        }

        await cluster.SettleAndAuditAsync();

        async Task SellAsync(int orders)
        {
            var enough = cluster.Ledger.Done + orders;
            await Until.TrueAsync(() => cluster.Ledger.Done >= enough, $"{orders} more orders are acknowledged");
        }
    }

    /// <summary>A balancer that was told otherwise would take all servers out, and cut off what they are just settling.</summary>
    [Fact]
    public async Task While_the_database_is_away_a_server_says_at_once_that_it_is_there()
    {
        await using var cluster = await Cluster.MakeAsync();
        var server = await cluster.ServeAsync();

        // To connect to the database would take five seconds; a pause of a busy machine may take one.
        using var http = new HttpClient { BaseAddress = new(server.Url), Timeout = TimeSpan.FromSeconds(3) };
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/health/ready")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync("/api/sales/made-up/availability")).StatusCode);
        cluster.Database.StopImmediately();
        for (var since = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(since) < TimeSpan.FromSeconds(6); await Task.Delay(200))
        {
            Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/health/ready")).StatusCode);

            // Another server may just have made it: that there is none is not known now.
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await http.GetAsync("/api/sales/made-up/availability")).StatusCode);
        }

        cluster.Database.Run();
        await Until.TrueAsync(
            async () => (await cluster.Shop.BuyAsync(cluster.Ledger, Place.NewWish(), server.Url))?.Status == 200, "it sells again");
        await cluster.SettleAndAuditAsync();
    }

    private static async Task<(Process Haproxy, string Url)> StartHaproxyAsync(Cluster cluster, RushProcess first, RushProcess second)
    {
        var port = FreePort();
        var configuration = Path.Combine(cluster.NewState(), "haproxy.cfg");
        var text = (await File.ReadAllTextAsync(Path.Combine(Samples.ShopTests.Root(), "packaging", "haproxy.cfg")))
            .Replace("bind :80", $"bind 127.0.0.1:{port}", StringComparison.Ordinal)
            .Replace("10.0.0.11:8080", new Uri(first.Url).Authority, StringComparison.Ordinal)
            .Replace("10.0.0.12:8080", new Uri(second.Url).Authority, StringComparison.Ordinal);
        await File.WriteAllTextAsync(configuration, text + "    http-response set-header X-Server %s\n");
        var haproxy = Process.Start(new ProcessStartInfo("/usr/sbin/haproxy", ["-db", "-q", "-f", configuration]))!;
        return (haproxy, $"http://127.0.0.1:{port}");
    }

    private static async Task EndAsync(Process haproxy)
    {
        haproxy.Kill();
        await haproxy.WaitForExitAsync();
        haproxy.Dispose();
    }

    /// <summary>One buyer holds and pays; whichever servers it meets, it is the same buyer.</summary>
    /// <returns>The servers that answered.</returns>
    private static async Task<string[]> BuyAsync(HttpClient http, string cookie, string token)
    {
        var id = Guid.NewGuid();
        var wish = new { items = new[] { new { tier = "place", quantity = 1 } } };
        using var held = await SendAsync(http, HttpMethod.Put, $"/api/sales/{Place.Sale}/holds/{id}", cookie, token, wish);
        Assert.True(held.IsSuccessStatusCode, await held.Content.ReadAsStringAsync());
        using var paid = await SendAsync(http, HttpMethod.Post, $"/api/sales/{Place.Sale}/holds/{id}/pay", cookie, token, new { });
        Assert.True(paid.IsSuccessStatusCode, await paid.Content.ReadAsStringAsync());
        return [held.Headers.GetValues("X-Server").Single(), paid.Headers.GetValues("X-Server").Single()];
    }

    private static async Task<HttpResponseMessage> SendAsync(
        HttpClient http, HttpMethod method, string path, string cookie, string token, object body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = JsonContent.Create(body) };
        request.Headers.Add("Cookie", cookie);
        request.Headers.Add("X-Rush-Token", token);
        return await http.SendAsync(request);
    }

    private static async Task<bool> IsUpAsync(HttpClient http, string? server = null)
    {
        try
        {
            using var answer = await http.GetAsync("/health/ready");
            return answer.StatusCode == HttpStatusCode.OK && (server is null || answer.Headers.GetValues("X-Server").Single() == server);
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        return ((IPEndPoint)free.LocalEndpoint).Port;
    }
}
