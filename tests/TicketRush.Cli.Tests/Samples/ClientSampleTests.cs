using System.Diagnostics;
using System.Text.RegularExpressions;
using TicketRush.Cli.Tests.Faults;
using TicketRush.Journal.Audit;
using TicketRush.Server.Access;

namespace TicketRush.Cli.Tests.Samples;

/// <summary>The sample kiosk against the real program, both as processes.</summary>
public sealed partial class ClientSampleTests
{
    [Fact]
    public async Task A_kiosk_sells_what_there_is_and_reads_all_of_it_in_the_journal()
    {
        await using var place = await Place.MakeAsync(capacity: 60);
        var key = KeyRing.Open(place.Data).Add("kiosk", Role.Shop).Secret;
        await using var server = await RushProcess.StartAsync(place.Data, options: ["--terminals", "127.0.0.1:0"]);

        var (code, output, error) = await RunAsync(key, server.Terminals!, Place.Sale, "place");
        Assert.True(code == 0 && error.Length == 0, $"{code}: {output} {error}");
        Assert.Equal(
            [
                $"60 of 100 have a ticket: {string.Join(' ', Enumerable.Range(1, 60))}",
                "0 are left",
                "60 purchases were seen in the journal",
            ],
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries));

        // Sold out, there is nothing to see.
        (code, output, error) = await RunAsync(key, server.Terminals!, Place.Sale, "place");
        Assert.True(code == 0 && error.Length == 0, $"{code}: {output} {error}");
        Assert.StartsWith("0 of 100 have a ticket", output, StringComparison.Ordinal);
        Assert.EndsWith("0 purchases were seen in the journal\n", output, StringComparison.Ordinal);

        using var auditor = new Auditor(place.JournalPath());
        Assert.Equal((AuditVerdict.Good, 60L), (auditor.Verify().Verdict, auditor.Verify().Orders));
        Assert.All(auditor.Orders(), order => Assert.Equal("kiosk", order.By));
    }

    [Fact]
    public async Task A_kiosk_whose_server_is_killed_under_it_sells_everything_once()
    {
        await using var place = await Place.MakeAsync(capacity: 60);
        var key = KeyRing.Open(place.Data).Add("kiosk", Role.Shop).Secret;
        var first = await RushProcess.StartAsync(place.Data, options: ["--terminals", "127.0.0.1:0"]);
        var address = first.Terminals!;
        long Grown() => new FileInfo(place.JournalPath()).LastWriteTimeUtc.Ticks;
        var before = Grown();
        var selling = RunAsync(key, address, Place.Sale, "place");
        for (var until = Environment.TickCount64 + 60_000; Grown() == before;)
        {
            Assert.True(Environment.TickCount64 < until, "nothing was sold");
            await Task.Yield();
        }

        first.Kill();
        await first.DisposeAsync();
        await using var second = await RushProcess.StartAsync(place.Data, options: ["--terminals", address]);
        var (code, output, error) = await selling;
        Assert.True(code == 0, $"{code}: {output} {error}");
        Assert.StartsWith($"60 of 100 have a ticket: {string.Join(' ', Enumerable.Range(1, 60))}\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_kiosk_says_what_is_wrong()
    {
        await using var place = await Place.MakeAsync(capacity: 60);
        var key = KeyRing.Open(place.Data).Add("kiosk", Role.Shop).Secret;
        await using var server = await RushProcess.StartAsync(place.Data, options: ["--terminals", "127.0.0.1:0"]);
        Assert.Equal(2, (await RunAsync(key, "nowhere")).Code);
        var (code, _, error) = await RunAsync(key, server.Terminals!, "none", "place");
        Assert.Equal((1, "There is no sale \"none\".\n"), (code, error));
        (code, _, error) = await RunAsync(key, server.Terminals!, Place.Sale, "none");
        Assert.Equal(1, code);
        Assert.StartsWith("UNKNOWN_TIER", error, StringComparison.Ordinal);
        var last = HexDigit().Replace(key, match => match.Value == "0" ? "1" : "0");
        (code, _, error) = await RunAsync(last, server.Terminals!, Place.Sale, "place");
        Assert.Equal(1, code);
        Assert.StartsWith("The server did not prove that it has the key", error, StringComparison.Ordinal);
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(string key, params string[] arguments)
    {
        var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        var built = Path.Combine(ShopTests.Root(), "samples", "client-csharp", "bin", configuration, "net10.0", "client.dll");
        if (!File.Exists(built)) Assert.Skip("needs the sample: dotnet build samples/client-csharp -c Release");
        var start = new ProcessStartInfo("dotnet", [built, .. arguments]);
        start.Environment["RUSH_KEY"] = key;
        return await SampleProgram.RunAsync(start);
    }

    [GeneratedRegex("[0-9a-f]$")]
    private static partial Regex HexDigit();
}
