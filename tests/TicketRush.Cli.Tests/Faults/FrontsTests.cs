using System.Net.Sockets;
using System.Text.Json;

namespace TicketRush.Cli.Tests.Faults;

// Goal: the terminals port and the board, as somebody starts them, serve foreign clients; and an upgrade in mid-sale is none of their
// concern.
// Method: the built program with both, found by its ready line; redis-cli buys, rush board looks on. Then tills sell over connections that
// they keep, at a port that must stay the same, and the server is upgraded under them. The control is a restart, which both notice.
[Collection(nameof(FaultCollection))]
public sealed class FrontsTests(ITestOutputHelper output)
{
    // Less than it takes a board that was not sent to the successor to ask again by itself.
    private const int DarkMs = 10_000;

    [Fact]
    public async Task A_foreign_client_buys_through_the_port_and_the_board_shows_it()
    {
        Needs.RedisCli();
        await using var place = await Place.MakeAsync(capacity: 100);
        await using var server = await place.ServeAsync(options: ["--terminals", "127.0.0.1:0", "--board", "127.0.0.1:0"]);
        await using var watching = BoardProcess.Start(Place.Sale, server.Board!);
        await Until.TrueAsync(() => !watching.Shown.IsEmpty, "the board shows the sale");
        Assert.Equal([(0, 100), (1, 100)], await ShowTwoAsync(server));

        string[] buy =
        [
            "-p", server.Terminals!.Split(':')[^1], "-a", RushProcess.OfficeKey, "--no-auth-warning",
            "BUY", Place.Sale, $"{Guid.NewGuid()}", "ann", "place", "2",
        ];
        var bought = await RushCommand.RunProgramAsync("redis-cli", buy);
        Assert.True(bought.Said.StartsWith("paid\n", StringComparison.Ordinal), bought.Said);
        Assert.Equal(bought, await RushCommand.RunProgramAsync("redis-cli", buy));

        await Until.TrueAsync(() => Free(watching.Shown.Last()) == 98, "the board shows its change");
        Assert.Equal([(0, 98), (1, 98)], await ShowTwoAsync(server));

        // A machine that gives it no time for three seconds makes it say so; anything else is wrong.
        Assert.DoesNotContain(watching.Errors.Split('\n'), line => line.Trim() is not ("" or "Nothing comes from the board."));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_upgrade_in_mid_sale_takes_over_the_board_and_the_tills(bool terminals)
    {
        await using var place = await Place.MakeAsync();
        var (board, till) = ($"127.0.0.1:{FreePort.For(SocketType.Dgram)}", $"127.0.0.1:{FreePort.For(SocketType.Stream)}");
        var server = await place.ServeAsync(options: ["--board", board, .. terminals ? new[] { "--terminals", till } : []]);
        await using var watching = BoardProcess.Start(Place.Sale, board);
        try
        {
            await using var crowd = terminals ? null : new Crowd(place.Shop, place.Ledger, 4, _ => server.Url);
            await using var tills = terminals ? new Tills(place.Ledger, till, 4) : null;
            var upgrades = Storm.IsFull ? 20 : 2;
            for (var i = 0; i < upgrades; i++)
            {
                var before = place.Ledger.Done;
                await Until.TrueAsync(() => place.Ledger.Done >= before + 50, "orders are acknowledged");
                var (code, said) = await RushCommand.RunAsync("upgrade", "--data", place.Data);
                Assert.True(code == 0, said + server.Said);
                await Until.TrueAsync(() => Servers(watching).Count >= i + 2, "the board is the successor's");
            }

            // The first is gone, and what is sold by the last is on the board.
            Assert.True(server.HasExited);
            var sold = place.Ledger.Done;
            await Until.TrueAsync(() => place.Ledger.Done >= sold + 50, "orders are acknowledged by the last");
            if (crowd is not null) await crowd.StopAsync();
            if (tills is not null) await tills.StopAsync();
            await place.Shop.SettleAsync(place.Ledger, server.Url);
            var free = 10_000_000 - place.Ledger.With(Fate.Done).Sum(wish => wish.Quantity);
            await Until.TrueAsync(() => Free(watching.Shown.Last()) == free, "the board shows what was sold");
            output.WriteLine($"{upgrades} upgrades: {place.Ledger.Summary}; {tills?.Cuts} cuts; {watching.Errors}");
            Assert.Empty(tills?.Refused ?? []);
            AssertNeverDark(watching);
            Assert.Empty(place.Ledger.With(Fate.Refused));
            Assert.Empty(place.Ledger.With(Fate.NotStarted));
            Assert.True(tills is not { Cuts: 0 }, "No till was cut, so none can have asked again.");
        }
        finally
        {
            await UpgradeTests.EndAsync(place.Data);
        }

        await place.SettleAndAuditAsync();
    }

    [Fact]
    public async Task A_restart_instead_is_seen_by_tills_and_by_the_board()
    {
        await using var place = await Place.MakeAsync();
        var (board, till) = ($"127.0.0.1:{FreePort.For(SocketType.Dgram)}", $"127.0.0.1:{FreePort.For(SocketType.Stream)}");
        await using var server = await place.ServeAsync(options: ["--board", board, "--terminals", till]);
        await using var watching = BoardProcess.Start(Place.Sale, board);
        await using var tills = new Tills(place.Ledger, till, 4);
        await Until.TrueAsync(() => place.Ledger.Done >= 50 && !watching.Shown.IsEmpty, "orders are acknowledged");
        server.Kill();
        await server.WaitForExitAsync();
        await Until.TrueAsync(() => !tills.Refused.IsEmpty, "tills are refused");
        await Until.TrueAsync(() => watching.Errors.Contains("Nothing comes", StringComparison.Ordinal), "the board says so");

        // And both find the next server by themselves.
        await using var next = await place.ServeAsync(options: ["--board", board, "--terminals", till]);
        var before = place.Ledger.Done;
        await Until.TrueAsync(() => place.Ledger.Done >= before + 50, "orders are acknowledged again");
        await Until.TrueAsync(() => Servers(watching).Count == 2, "the board shows the next");
        await tills.StopAsync();
        Assert.True(tills.Cuts > 0);
        await place.SettleAndAuditAsync();
    }

    // By the server's clock and count: whether the board's own process was given its time does not matter.
    private static void AssertNeverDark(BoardProcess watching)
    {
        JsonElement? before = null;
        foreach (var shown in watching.Shown)
        {
            if (before is { } last)
            {
                Assert.InRange(shown.GetProperty("at").GetInt64() - last.GetProperty("at").GetInt64(), long.MinValue, DarkMs);
                if (shown.GetProperty("server").GetString() == last.GetProperty("server").GetString())
                    Assert.InRange(shown.GetProperty("n").GetInt64() - last.GetProperty("n").GetInt64(), 1, DarkMs / 100);
            }

            before = shown;
        }
    }

    /// <returns>For two datagrams in a row: how many the first is behind, and what is free.</returns>
    private static async Task<(long, int)[]> ShowTwoAsync(RushProcess server)
    {
        var (code, said) = await RushCommand.RunAsync("board", Place.Sale, "--from", server.Board!, "--count", "2", "--json");
        Assert.True(code == 0, said);
        var shown = said.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        var first = shown[0].GetProperty("n").GetInt64();
        return [.. shown.Select(datagram => (datagram.GetProperty("n").GetInt64() - first, Free(datagram)))];
    }

    private static int Free(JsonElement datagram) => datagram.GetProperty("tiers").GetProperty("place").GetInt32();

    private static HashSet<string> Servers(BoardProcess watching) =>
        [.. watching.Shown.Select(datagram => datagram.GetProperty("server").GetString()!)];
}
