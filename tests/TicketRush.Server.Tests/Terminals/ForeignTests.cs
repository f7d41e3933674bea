using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Terminals;

/// <summary>Clients that were written for another server, as they come.</summary>
[Trait("Foreign", "true")]
public sealed class ForeignTests(TerminalServer running) : IClassFixture<TerminalServer>
{
    private RunningServer Server => running.Server;

    [Theory]
    [InlineData("-2")]
    [InlineData("-3")]
    public async Task Redis_cli_buys(string version)
    {
        var sale = await OpenAsync();
        var id = Plans.NewId();
        string[] asked = ["BUY", sale, id, "ann", "floor", "2"];
        var bought = await CliAsync(version, asked);
        Assert.Equal(["paid", "4"], bought.Split('\n')[..2]);
        Assert.Equal(bought, await CliAsync(version, asked));
        Assert.StartsWith("ID_REUSED", await CliAsync(version, [.. asked[..5], "1"]), StringComparison.Ordinal);
        Assert.Equal("99998", await CliAsync(version, "AVAILABLE", sale, "floor"));
        Assert.Contains($"sale_{sale}:", await CliAsync(version, "INFO"), StringComparison.Ordinal);
        Assert.Contains("PONG", await CliAsync(version, "PING"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redis_cli_takes_what_is_piped_into_it()
    {
        var sale = await OpenAsync();
        var pipe = string.Concat(Enumerable.Range(0, 500)
            .Select(_ => System.Text.Encoding.ASCII.GetString(Terminal.Frame("BUY", sale, Plans.NewId(), "ann", "floor", "1"))));
        var (code, output) = await RunAsync("redis-cli", pipe, [.. Who, "--pipe"]);
        Assert.True(code == 0 && output.Contains("errors: 0, replies: 500", StringComparison.Ordinal), output);
    }

    [Theory]
    [InlineData(1, 5_000)]
    [InlineData(16, 50_000)]
    public async Task Redis_benchmark_loads_it_and_every_purchase_that_it_counts_was_made(int pipeline, int count)
    {
        var sale = await OpenAsync();
        var (code, output) = await RunAsync(
            "redis-benchmark", "",
            [
                .. Who, "-c", "50", "-n", $"{count}", "-P", $"{pipeline}", "-r", "2000000000", "--csv",
                "BUY", sale, "00000000__rand_int____rand_int__", "buyer-__rand_int__", "floor", "1",
            ]);
        Assert.True(code == 0, output);

        var sold = (await Server.GetAsync($"/api/sales/{sale}/availability")).Json.GetProperty("pools")[0].GetProperty("sold").GetInt32();
        Assert.Equal(count, sold);
        (code, output) = await RunAsync(
            "redis-benchmark", "",
            [.. Who, "-c", "10", "-n", "1000", "-P", $"{pipeline}", "-t", "ping_inline,ping_mbulk", "--csv"]);
        Assert.True(code == 0, output);
        Assert.Contains("PING_INLINE", output, StringComparison.Ordinal);
        Assert.Contains("PING_MBULK", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ioredis_buys_in_pipelines_and_reconnects()
    {
        var sale = await OpenAsync();
        var folder = Directory.CreateTempSubdirectory("rush-ioredis-");
        try
        {
            var kept = Path.Combine(DescriptionTests.Root(), "tests", "TicketRush.Server.Tests", "Terminals", "Foreign");
            foreach (var file in new[] { "package.json", "package-lock.json", "terminal.js" })
                File.Copy(Path.Combine(kept, file), Path.Combine(folder.FullName, file));
            var (installed, said) = await RunAsync("npm", "", ["ci", "--prefix", folder.FullName, "--no-audit", "--no-fund"]);
            if (installed != 0 && Environment.GetEnvironmentVariable("RUSH_OFFLINE") == "1")
                Assert.Skip($"needs the npm package ioredis, which cannot be installed offline: {said.Split('\n')[0]}");

            // Where there is npm, a client that was not tried is no success; RUSH_OFFLINE=1 says that there is no network.
            Assert.True(installed == 0, $"ioredis could not be installed; without a network set RUSH_OFFLINE=1. {said}");

            var (code, output) = await RunAsync(
                "node", "",
                [
                    Path.Combine(folder.FullName, "terminal.js"), Server.TerminalPort.ToString(CultureInfo.InvariantCulture), "office",
                    RunningServer.Key, sale,
                ]);
            Assert.True(code == 0, output);
            var steps = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)
                .ToDictionary(step => step.GetProperty("step").GetString()!, step => step.GetProperty("value"));
            Assert.Equal("PONG", steps["ping"].GetString());
            Assert.Equal("paid", steps["bought"][0].GetString());
            Assert.True(steps["again"].GetBoolean());
            Assert.True(steps["pipeline"].GetBoolean());
            Assert.Equal("ORDER_LIMIT", steps["refused"].GetString());
            Assert.Equal("paid", steps["reconnected"].GetString());
            Assert.Equal(99_898, steps["available"].GetInt32());
            Assert.DoesNotContain("error", steps.Keys);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private string[] Who => ["-p", Server.TerminalPort.ToString(CultureInfo.InvariantCulture), "--user", "office", "-a", RunningServer.Key];

    private async Task<string> OpenAsync() =>
        (await Server.OpenSaleAsync(Plans.Concert(capacity: 100_000, payment: "none", perBuyer: 1_000_000))).Split('/')[^1];

    private async Task<string> CliAsync(string version, params string[] words)
    {
        var (_, output) = await RunAsync("redis-cli", "", [.. Who, "--no-auth-warning", version, .. words]);
        return output.TrimEnd('\n');
    }

    /// <summary>Runs a program to its end; skips the test where it is not installed.</summary>
    internal static async Task<(int Code, string Output)> RunAsync(string program, string input, string[] arguments)
    {
        if (Environment.GetEnvironmentVariable("PATH")!.Split(':').All(folder => !File.Exists(Path.Combine(folder, program))))
        {
            var package = program.StartsWith("redis", StringComparison.Ordinal) ? "redis-tools" : "nodejs npm";
            Assert.Skip($"needs {program}: apt-get install {package}");
        }

        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        try
        {
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        return (process.ExitCode, await output is { Length: > 0 } said ? said : await error);
    }
}
