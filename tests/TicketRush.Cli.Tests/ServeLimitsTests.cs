using System.Diagnostics;
using System.Text;

namespace TicketRush.Cli.Tests;

/// <summary>Every limit of a server has an option, and is printed at start.</summary>
public sealed class ServeLimitsTests
{
    [Fact]
    public async Task Every_limit_is_what_was_asked_for_and_is_printed_at_start()
    {
        var printed = await ServeAsync(
            "--session-holds", "2", "--network-holds", "21", "--lapse-wait", "31", "--session-rate", "41", "--network-rate", "51",
            "--network-sessions", "61", "--terminals", "127.0.0.1:0", "--terminal-connections", "901",
            "--terminal-key-connections", "801", "--terminal-strangers", "701", "--terminal-network-strangers", "601",
            "--terminal-watches", "13", "--terminal-key-watches", "12", "--terminal-watched-holds", "1400",
            "--network-wrong-keys", "71", "--viewers", "81",
            "--network-viewers", "91", "--staff-key-again", "11", "--trusted-proxy", "10.0.0.0/8");
        foreach (var said in new[]
        {
            "2 holds each, 31 s wait after one lapsed, 41 requests a minute",
            "21 holds; 51 requests, 61 new buyers, 71 wrong keys a minute; 91 viewers",
            "901 connections, 801 of a key; 701 strangers, 601 of a network; 13 watches, 12 of a key, of 1400 holds",
            "81 viewers, 5081 connections", "show their key again after 11 minutes", "proxies      10.0.0.0/8",
        })
            Assert.Contains(said, printed, StringComparison.Ordinal);

        // The control: without options other figures stand there.
        var usual = await ServeAsync("--terminals", "127.0.0.1:0");
        Assert.Contains("15000 viewers, 20000 connections", usual, StringComparison.Ordinal);
        Assert.Contains("10000 connections, 1000 of a key; 2000 strangers", usual, StringComparison.Ordinal);
    }

    [Fact]
    public async Task So_are_those_of_the_board()
    {
        var printed = await ServeAsync(
            "--board", "127.0.0.1:0", "--board-subscriptions", "21", "--board-network-subscriptions", "31", "--board-network-rate", "41");
        Assert.Contains("; 21 subscriptions; of a network 31, and 41 requests a minute without a proof", printed, StringComparison.Ordinal);
        printed = await ServeAsync("--board", "239.77.1.2:6381", "--board-sales", "51");
        Assert.Contains("  board        239.77.1.2:6381; 51 sales", printed, StringComparison.Ordinal);
        printed = await ServeAsync("--board", "127.0.0.1:0");
        Assert.Contains("; 1000 subscriptions; of a network 50, and 300 requests ", printed, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--viewers", "-1")]
    [InlineData("--board-subscriptions", "0")]
    [InlineData("--board-network-subscriptions", "0")]
    [InlineData("--board-network-rate", "1000001")]
    [InlineData("--board-sales", "0")]
    [InlineData("--network-viewers", "2000000")]
    [InlineData("--staff-key-again", "721")]
    [InlineData("--session-holds", "0")]
    [InlineData("--network-wrong-keys", "0")]
    [InlineData("--terminal-watched-holds", "999", "--terminals", "127.0.0.1:0")]
    [InlineData("--terminal-network-strangers", "0", "--terminals", "127.0.0.1:0")]
    public async Task What_is_out_of_bounds_is_refused_and_nothing_is_served(params string[] options) =>
        Assert.Contains("Cannot serve", await ServeAsync(options), StringComparison.Ordinal);

    /// <summary>The one says where to listen as the other does; a phone would be shown an address that nobody listens at.</summary>
    [Fact]
    public async Task To_listen_on_the_network_and_somewhere_else_is_refused() =>
        Assert.Contains("not both", await ServeAsync("--lan"), StringComparison.Ordinal);

    /// <returns>What was printed until the server listened, or ended.</returns>
    private static async Task<string> ServeAsync(params string[] options)
    {
        var directory = Directory.CreateTempSubdirectory("rush-limits-");
        string[] arguments = [
            Path.Combine(AppContext.BaseDirectory, "rush.dll"), "serve", "--data", directory.FullName, "--urls", "http://127.0.0.1:0",
            .. options];
        using var process = Process.Start(
            new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            var (printed, wrong) = (new StringBuilder(), process.StandardError.ReadToEndAsync());
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
            while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
            {
                printed.AppendLine(line);
                if (line.StartsWith("  proxies", StringComparison.Ordinal)) return printed.ToString();
            }

            return printed + await wrong;
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
            directory.Delete(recursive: true);
        }
    }
}
