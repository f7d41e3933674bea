using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using TicketRush.Cli.Tests.Faults;

namespace TicketRush.Cli.Tests;

/// <summary><c>rush board</c> against a board of the test's own, which says what no server would.</summary>
public sealed class BoardCommandTests
{
    [Fact]
    public async Task What_strangers_send_is_not_shown_and_what_is_no_datagram_ends_nothing()
    {
        using var board = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        using var stranger = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var showing = RushCommand.RunAsync("board", "spring", "--from", $"{board.Client.LocalEndPoint}", "--count", "2", "--json");
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var viewer = await AskedAsync(board, "subscribe spring", deadline.Token);
        await board.SendAsync(Encoding.UTF8.GetBytes("""{"msg":"prove 0123456789abcdef"}"""), viewer);
        await AskedAsync(board, "subscribe spring 0123456789abcdef", deadline.Token);

        await stranger.SendAsync(State(1, """{"floor":999}"""), viewer);
        foreach (var wrong in new[]
        {
            "", "{", "[]", "5", """{"sale":5}""", """{"msg":5}""", """{"msg":"\ud800"}""", """{"msg":"prove "}""",
            """{"sale":"spring","n":"1"}""",
            """{"sale":"spring","server":"a","n":1,"sequence":1,"state":"open","at":1,"part":1,"parts":1,"tiers":{"floor":1.5}}""",
            """{"sale":"other","server":"a","n":1,"sequence":1,"state":"open","at":1,"part":1,"parts":1,"tiers":{"floor":998}}""",
        })
            await board.SendAsync(Encoding.UTF8.GetBytes(wrong), viewer);
        await board.SendAsync(State(1, """{"floor":10}"""), viewer);
        await board.SendAsync(State(2, "{\n\"flo\u009b31mor\":\n9}"), viewer);

        var (code, said) = await showing.WaitAsync(deadline.Token);
        Assert.True(code == 0, said);
        var lines = said.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["1 10", "2 9"], lines.Select(line => JsonDocument.Parse(line).RootElement)
            .Select(datagram => $"{datagram.GetProperty("n")} {datagram.GetProperty("tiers").EnumerateObject().Single().Value}"));
        Assert.DoesNotContain(said, c => char.IsControl(c) && c != '\n');
    }

    [Fact]
    public async Task A_board_that_is_away_is_waited_for()
    {
        var port = FreePort.For(SocketType.Dgram);
        await using var showing = BoardProcess.Start("spring", $"127.0.0.1:{port}");
        await Until.TrueAsync(() => showing.Errors.Contains("Nothing comes from the board."), "it says that nothing comes");

        using var board = new UdpClient(new IPEndPoint(IPAddress.Loopback, port));
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var viewer = await AskedAsync(board, "subscribe spring", deadline.Token);
        await board.SendAsync(State(1, """{"floor":10}"""), viewer);
        await Until.TrueAsync(() => showing.Shown.Count == 1, "it shows what comes");
    }

    /// <summary>Waits until the board is asked so.</summary>
    private static async Task<IPEndPoint> AskedAsync(UdpClient board, string msg, CancellationToken stop)
    {
        while (true)
        {
            var got = await board.ReceiveAsync(stop);
            if (JsonDocument.Parse(got.Buffer).RootElement.GetProperty("msg").GetString() == msg) return got.RemoteEndPoint;
        }
    }

    private static byte[] State(int n, string tiers) => Encoding.UTF8.GetBytes(
        $$"""{"sale":"spring","server":"a","n":{{n}},"sequence":{{n}},"state":"open","at":1,"part":1,"parts":1,"tiers":{{tiers}}}""");
}
