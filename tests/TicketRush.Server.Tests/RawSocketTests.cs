using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

/// <summary>Bytes that no decent client sends.</summary>
public sealed partial class RawSocketTests(RunningServer server) : IClassFixture<RunningServer>
{
    private const string Auth = $"Authorization: Bearer {RunningServer.Key}\r\n";

    [Fact]
    public async Task Headers_and_bodies_that_never_come_cost_a_connection_some_seconds_and_nobody_else_anything()
    {
        var sale = await server.OpenSaleAsync();
        var idle = AskAsync($"GET {sale} HTTP/1.1\r\nHost: x\r\nX-Slow: ");
        var half = AskAsync($"PUT {sale}/holds/{Plans.NewId()} HTTP/1.1\r\nHost: x\r\n{Auth}Content-Type: "
            + $"application/json\r\nContent-Length: 500\r\n\r\n{{\"buyer\":");
        (await server.PutAsync($"{sale}/holds/{Plans.NewId()}", Plans.Hold())).Is(200);

        Assert.StartsWith("HTTP/1.1 408", await idle, StringComparison.Ordinal);
        Assert.DoesNotContain("HTTP/1.1 200", await half, StringComparison.Ordinal);
        Assert.Equal(4, await server.SequenceAsync(sale));
    }

    [Fact]
    public async Task Half_a_request_and_a_closed_connection_change_nothing()
    {
        var sale = await server.OpenSaleAsync();
        var whole = Put($"{sale}/holds/{Plans.NewId()}", Plans.Hold());
        for (var length = 1; length < whole.Length; length += 23)
        {
            var answer = await AskAsync(whole[..length], finish: true);
            Assert.DoesNotContain("HTTP/1.1 200", answer, StringComparison.Ordinal);
        }

        Assert.Equal(3, await server.SequenceAsync(sale));
    }

    // Where two parsers could disagree about a body's end, there must be no second request hidden in the first.
    [Theory]
    [Trait("Statement", "S19")]
    [InlineData("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")]
    [InlineData("Content-Length: 5\r\nContent-Length: 6\r\n")]
    [InlineData("Content-Length: 5, 6\r\n")]
    [InlineData("Content-Length: -5\r\n")]
    [InlineData("Content-Length: 0x5\r\n")]
    [InlineData("Content-Length: 99999999999999999999\r\n")]
    [InlineData("Transfer-Encoding: xchunked\r\n")]
    [InlineData("Transfer-Encoding: chunked, identity\r\n")]
    [InlineData("Transfer-Encoding : chunked\r\n")]
    [InlineData("Transfer-Encoding:\u000bchunked\r\n")]
    [InlineData(" Transfer-Encoding: chunked\r\n")]
    [InlineData("X: y\r\n Content-Length: 5\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")]
    public async Task A_request_with_two_readings_hides_no_second_one(string framing)
    {
        var sale = await server.OpenSaleAsync();
        var hidden = Put($"{sale}/orders/{Plans.NewId()}", Plans.Order());
        var answer = await AskAsync(
            $"POST {sale}/open HTTP/1.1\r\nHost: x\r\n{framing}{Auth}\r\n0\r\n\r\n{hidden}", seconds: 3);

        Assert.DoesNotContain("\"tickets\"", answer, StringComparison.Ordinal);
        var pool = (await server.GetAsync($"{sale}/availability")).Json.GetProperty("pools")[0];
        Assert.Equal(0, pool.GetProperty("sold").GetInt32());
    }

    [Theory]
    [Trait("Statement", "S19")]
    [InlineData("zz\r\nabc\r\n0\r\n\r\n")]
    [InlineData("-1\r\nabc\r\n0\r\n\r\n")]
    [InlineData("fffffffffffffffff\r\nabc\r\n0\r\n\r\n")]
    [InlineData("3\r\nabcd\r\n0\r\n\r\n")]
    [InlineData("\r\n\r\n")]
    public async Task A_bad_chunk_is_refused(string chunks)
    {
        var sale = await server.OpenSaleAsync();
        var answer = await AskAsync(
            $"PUT {sale}/holds/{Plans.NewId()} HTTP/1.1\r\nHost: x\r\n{Auth}Content-Type: application/json\r\nTransfer-Encoding: "
                + $"chunked\r\n\r\n{chunks}");
        Assert.StartsWith("HTTP/1.1 400", answer, StringComparison.Ordinal);
        Assert.Equal(3, await server.SequenceAsync(sale));
    }

    [Theory]
    [Trait("Statement", "S19")]
    [InlineData("GET / HTTP/1.1\r\n\r\n", 400)]
    [InlineData("GET / HTTP/3.7\r\nHost: x\r\n\r\n", 505)]
    [InlineData("BREW /api/sales HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405)]
    [InlineData("nonsense\r\n\r\n", 400)]
    [InlineData("GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA\0: y\r\n\r\n", 400)]
    public async Task What_is_no_request_is_refused(string request, int status) =>
        Assert.StartsWith($"HTTP/1.1 {status}", await AskAsync(request), StringComparison.Ordinal);

    [Fact]
    [Trait("Statement", "S19")]
    public async Task Headers_and_request_lines_are_bounded()
    {
        Assert.StartsWith(
            "HTTP/1.1 431", await AskAsync($"GET / HTTP/1.1\r\nHost: x\r\nX: {new string('x', 17_000)}\r\n\r\n"), StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 431", await AskAsync(
            $"GET / HTTP/1.1\r\nHost: x\r\n{string.Concat(Enumerable.Range(0, 70).Select(i => $"X{i}: y\r\n"))}\r\n"),
                StringComparison.Ordinal);
        Assert.StartsWith(
            "HTTP/1.1 414", await AskAsync($"GET /{new string('x', 5_000)} HTTP/1.1\r\nHost: x\r\n\r\n"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_hundred_requests_in_one_go_are_answered_in_their_order()
    {
        var sale = await server.OpenSaleAsync(Plans.Concert(capacity: 1_000, perBuyer: 1_000));
        var ids = Enumerable.Range(0, 100).Select(_ => Plans.NewId()).ToArray();
        var all = string.Concat(ids.Select(id => Put($"{sale}/orders/{id}", Plans.Order(quantity: 1))));
        var answer = await AskAsync($"{all}GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

        Assert.Equal(101, StatusLine().Count(answer));
        Assert.Equal(ids, IdPattern().Matches(answer).Select(match => match.Groups[1].Value));
        Assert.Equal(Enumerable.Range(4, 100), SequencePattern().Matches(answer).Select(match => int.Parse(match.Groups[1].Value)));
    }

    private static string Put(string path, string body) =>
        $"PUT {path} HTTP/1.1\r\nHost: x\r\n{Auth}Content-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}";

    /// <summary>Sends the bytes and reads until the server closes, or has been quiet for long.</summary>
    private async Task<string> AskAsync(string bytes, bool finish = false, int seconds = 30)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(server.Url.Host, server.Url.Port);
        var stream = socket.GetStream();
        var answer = new StringBuilder();
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(bytes));
            if (finish) socket.Client.Shutdown(SocketShutdown.Send);
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
            var buffer = new byte[64 * 1024];
            for (int read; (read = await stream.ReadAsync(buffer, patience.Token)) > 0;)
                answer.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // Cut off: what came before that counts.
        }

        return answer.ToString();
    }

    [GeneratedRegex("HTTP/1.1 200")]
    private static partial Regex StatusLine();

    [GeneratedRegex("\\{\"id\":\"([0-9a-f-]{36})\"")]
    private static partial Regex IdPattern();

    [GeneratedRegex("\"sequence\":([0-9]+)")]
    private static partial Regex SequencePattern();
}
