using System.Diagnostics;
using Xunit.Sdk;

namespace TicketRush.Cli.Tests.Faults;

// Goal: servers that sell one sale from one directory share it fairly, and whatever becomes of one of them, the others neither
// steal its turn nor wait for it without saying so.
// Method: real servers, killed and frozen; the turn is held open by delaying the flush inside it.
[Collection(nameof(FaultCollection))]
public sealed class SharedDirectoryTests(ITestOutputHelper output)
{
    private const int SlowFlush = 3;
    private static readonly string[] SlowFlushTrace =
        ["-e", "trace=fdatasync", "-e", $"inject=fdatasync:delay_enter=2000000:when={SlowFlush}"];

    [Fact]
    public async Task Two_healthy_servers_each_sell_their_share()
    {
        await using var place = await Place.MakeAsync();
        await SellSharesAsync(place, [await place.ServeAsync(), await place.ServeAsync()], Storm.Of(20_000));
        await place.SettleAndAuditAsync();
    }

    [Fact]
    public async Task Control_a_server_that_comes_late_to_every_turn_is_seen_to_lose_its_share()
    {
        Needs.Strace();
        await using var place = await Place.MakeAsync();
        var late = await place.ServeAsync(["-e", "trace=fcntl", "-e", "inject=fcntl:delay_enter=30000"]);
        await Assert.ThrowsAsync<AllException>(async () => await SellSharesAsync(place, [await place.ServeAsync(), late], 2_000));
    }

    [Fact]
    public async Task Control_servers_whose_locks_lock_nothing_are_found_out()
    {
        Needs.Strace();
        await using var place = await Place.MakeAsync();
        string[] nothing = ["-P", Path.ChangeExtension(place.JournalPath(), ".turn"), "-e", "trace=fcntl", "-e", "inject=fcntl:retval=0"];
        RushProcess[] servers = [await place.ServeAsync(nothing), await place.ServeAsync(nothing)];
        await using (new Crowd(place.Shop, place.Ledger, 16, buyer => servers[buyer % 2].Url))
            await Until.TrueAsync(() => place.Ledger.Answered("SALE_STOPPED") > 0 || place.Ledger.Wrong.Count > 0, "two sell in one turn",
                60);

        await Assert.ThrowsAnyAsync<Exception>(() => place.SettleAndAuditAsync());
    }

    [Fact]
    public async Task When_one_of_three_servers_is_killed_the_others_go_on()
    {
        await using var place = await Place.MakeAsync();
        var servers = await Task.WhenAll(place.ServeAsync(), place.ServeAsync(), place.ServeAsync());
        for (var i = 0; i < Storm.Of(30); i++)
        {
            string?[] urls = [.. servers.Select(server => server.Url)];
            await using var crowd = new Crowd(place.Shop, place.Ledger, 12, buyer => Volatile.Read(ref urls[buyer % 3]));
            var enough = place.Ledger.Done + 300;
            await Until.TrueAsync(() => place.Ledger.Done >= enough, $"{enough} orders are acknowledged");

            servers[0].Kill();
            await servers[0].WaitForExitAsync();
            var after = place.Ledger.Done + 100;
            await Until.TrueAsync(() => place.Ledger.Done >= after, "the others sell");

            // Nobody had to wait so long for its turn that it became BUSY.
            Assert.Empty(place.Ledger.With(Fate.NotStarted));

            // Whoever was with it goes to another, with the same id.
            Volatile.Write(ref urls[0], servers[1].Url);
            await crowd.StopAsync();
            servers[0] = await place.ServeAsync();
        }

        output.WriteLine(place.Ledger.Summary);
        await place.SettleAndAuditAsync();
    }

    [Fact]
    public async Task A_server_that_is_frozen_outside_its_turn_is_in_nobodys_way()
    {
        await using var place = await Place.MakeAsync();
        var (frozen, healthy) = (await place.ServeAsync(), await place.ServeAsync());

        // Nobody asks it for anything and no hold runs out, so it takes no turn.
        Assert.Equal(200, (await place.BuyAsync(frozen, Place.NewWish()))!.Status);
        frozen.Freeze();
        await SellUndisturbedAsync(place, healthy);
        frozen.Continue();
        foreach (var wish in place.Ledger.With(Fate.Done).TakeLast(20)) await place.BuyAsync(frozen, wish);
        Assert.Equal(200, (await place.BuyAsync(frozen, Place.NewWish()))!.Status);
        await place.SettleAndAuditAsync();
    }

    [Fact]
    public async Task Control_a_server_that_is_frozen_in_its_turn_is_seen_to_be_in_the_way()
    {
        Needs.Strace();
        await using var place = await Place.MakeAsync();
        var (healthy, frozen) = (await place.ServeAsync(), await place.ServeAsync(SlowFlushTrace));
        await FreezeInItsTurnAsync(place, frozen, Place.NewWish());
        await Assert.ThrowsAnyAsync<XunitException>(() => SellUndisturbedAsync(place, healthy, seconds: 5));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task While_a_server_is_frozen_in_its_turn_the_others_say_BUSY_and_steal_nothing(bool isKilledThen)
    {
        Needs.Strace();
        await using var place = await Place.MakeAsync();
        var (healthy, frozen) = (await place.ServeAsync(), await place.ServeAsync(SlowFlushTrace));
        var held = Place.NewWish();
        var answer = await FreezeInItsTurnAsync(place, frozen, held);

        var since = Stopwatch.GetTimestamp();
        var busy = Place.NewWish();
        var told = place.BuyAsync(healthy, busy);
        var slowest = await SlowestAnswerAsync(place, healthy, told);
        var waited = Stopwatch.GetElapsedTime(since).TotalSeconds;
        output.WriteLine($"BUSY after {waited:F2} s; the slowest harmless answer meanwhile took {slowest:F2} s");
        Assert.Equal("BUSY", busy.Code);
        Assert.InRange(waited, 0, 2 + slowest);

        // A server that is started now must not wait for the frozen one either.
        var late = await place.ServeAsync();
        Assert.Equal(200, (await place.Shop.GetAsync($"{late.Url}/api/sales/{Place.Sale}/availability")).Status);
        await place.BuyAsync(late, busy = Place.NewWish());
        Assert.Equal((Fate.NotStarted, "BUSY"), (busy.Fate, busy.Code));

        // Long after the delay is over only the freezing holds the turn, and still nobody takes it.
        do
        {
            var next = Place.NewWish();
            await place.BuyAsync(healthy, next);
            Assert.Equal((Fate.NotStarted, "BUSY"), (next.Fate, next.Code));
            var seen = await place.Shop.GetAsync($"{healthy.Url}/api/sales/{Place.Sale}/availability");
            Assert.Equal((200, SlowFlush + 2L), (seen.Status, seen.Body.GetProperty("sequence").GetInt64()));
            await Task.Delay(50);
        }
        while (Stopwatch.GetElapsedTime(since).TotalSeconds < 4);

        Assert.False(answer.IsCompleted);
        since = Stopwatch.GetTimestamp();
        if (isKilledThen) frozen.Kill();
        else frozen.Continue();
        await Until.TrueAsync(async () => (await place.BuyAsync(healthy, Place.NewWish()))?.Status == 200, "the other sells again");
        output.WriteLine($"sells again after {Stopwatch.GetElapsedTime(since).TotalSeconds:F2} s");
        Assert.InRange(Stopwatch.GetElapsedTime(since).TotalSeconds, 0, 2);

        await answer;
        if (isKilledThen) Assert.Equal(Fate.Unknown, held.Fate);
        else Assert.Contains(held.Fate, new[] { Fate.Done, Fate.Unknown });
        await place.SettleAndAuditAsync();
        Assert.Equal(Fate.Done, held.Fate);
        Assert.Equal(SlowFlush + 3, held.Sequence);
    }

    private async Task SellSharesAsync(Place place, RushProcess[] servers, int enough)
    {
        await using (new Crowd(place.Shop, place.Ledger, 16, buyer => servers[buyer % 2].Url))
            await Until.TrueAsync(() => place.Ledger.Done >= enough, $"{enough} orders are acknowledged", 60);

        var shares = servers.Select(server => (double)place.Ledger.With(Fate.Done).Count(wish =>
            wish.Server == server.Url) / place.Ledger.Done).ToArray();
        output.WriteLine($"shares {shares[0]:P0} and {shares[1]:P0}; {place.Ledger.Summary}");
        Assert.All(shares, share => Assert.InRange(share, 0.3, 0.7));
    }

    private static async Task SellUndisturbedAsync(Place place, RushProcess server, double seconds = 30)
    {
        await using (new Crowd(place.Shop, place.Ledger, 8, _ => server.Url))
            await Until.TrueAsync(() => place.Ledger.Done >= 500, "500 orders are acknowledged", seconds);

        Assert.Empty(place.Ledger.With(Fate.NotStarted));
        Assert.Equal(0, place.Ledger.Answered("OUTCOME_UNKNOWN"));
    }

    /// <returns>What becomes of the purchase whose flush it was stopped in; not before it goes on, or is killed.</returns>
    private static async Task<Task> FreezeInItsTurnAsync(Place place, RushProcess server, Wish held)
    {
        for (var i = 1; i < SlowFlush; i++) Assert.Equal(200, (await place.BuyAsync(server, Place.NewWish()))!.Status);

        // Its next flush takes two seconds: it is stopped in the middle of that.
        var answer = place.BuyAsync(server, held);
        await Until.TrueAsync(() => JournalFile.Read(place.JournalPath()).Batches[^1].LastSequence == SlowFlush + 3,
            "the batch is written");
        server.Freeze();
        return answer;
    }

    // How slow the machine itself is just now.
    private static async Task<double> SlowestAnswerAsync(Place place, RushProcess server, Task until)
    {
        var slowest = 0.0;
        while (!until.IsCompleted)
        {
            var asked = Stopwatch.GetTimestamp();
            await place.Shop.GetAsync($"{server.Url}/health/live");
            slowest = Math.Max(slowest, Stopwatch.GetElapsedTime(asked).TotalSeconds);
            await Task.WhenAny(until, Task.Delay(20));
        }

        return slowest;
    }
}
