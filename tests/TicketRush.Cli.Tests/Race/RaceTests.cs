using System.Diagnostics;
using System.Text.Json;
using System.Xml.Linq;
using TicketRush.Cli.Tests.Faults;

namespace TicketRush.Cli.Tests.Race;

// Goal: what the table says is what happened: the two unsafe ways oversell where anybody can see it, and the others never do.
// Method: the program itself, with real processes. The unsafe strategies are the negative control of the count.
[Collection(nameof(FaultCollection))]
public sealed class RaceTests(ITestOutputHelper output) : IDisposable
{
    private static readonly string[] Safe = ["join", "lock", "lock-atomic", "queue", "journal", "server"];

    // Each is a whole program with its processes, some seconds long.
    private static readonly int Times = Storm.IsFull ? 100 : 3;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("rush-race-tests-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task The_default_race_oversells_in_the_open_and_is_put_right_by_lock_and_journal()
    {
        var rows = await RaceAsync("--json");
        Assert.Equal(["unlocked", "lock", "journal"], rows.Select(Name));
        Assert.True(Number(rows[0], "oversold") > 0, "Without a lock nobody was sold too much: the race shows nothing.");
        foreach (var row in rows[1..]) AssertExact(row, tickets: 5, buyers: 100);
    }

    [Fact]
    [Trait("Storm", "true")]
    public async Task No_safe_strategy_ever_sells_too_much()
    {
        for (var i = 0; i < Times; i++)
        {
            var rows = await RaceAsync("--json", "--strategy", string.Join(',', Safe), "--delay", "1", "--buyers", "40", "--workers", "8");
            Assert.Equal(Safe, rows.Select(Name));
            foreach (var row in rows) AssertExact(row, tickets: 5, buyers: 40);
        }
    }

    [Fact]
    [Trait("Storm", "true")]
    public async Task No_safe_strategy_sells_too_much_when_buyers_are_killed()
    {
        for (var i = 0; i < Times; i++)
        {
            var rows = await RaceAsync("--json", "--strategy", string.Join(',', Safe), "--delay", "1", "--buyers", "30", "--workers", "10", "--kill", "5");
            foreach (var row in rows)
            {
                Assert.Equal(0, Number(row, "oversold"));
                Assert.True(Number(row, "lostWrites") <= 0 || Name(row) is "lock", $"{Name(row)} lost what it sold: {row}");
                Assert.Equal(0, Number(row, "blocked"));
            }
        }
    }

    [Fact]
    public async Task Every_buyer_with_a_lock_of_its_own_oversells()
    {
        var rows = await RaceAsync("--json", "--strategy", "own-lock", "--delay", "10", "--buyers", "30", "--workers", "6");
        Assert.True(Number(Assert.Single(rows), "oversold") > 0);
    }

    [Theory]
    [InlineData("count")]
    [InlineData("ticket")]
    [InlineData("ticket_num")]
    public async Task Somebody_s_own_file_is_raced_for_in_place(string key)
    {
        var file = Path.Combine(_directory.FullName, "db.txt");
        File.WriteAllText(file, $"{{\"{key}\": 3}}");
        var rows = await RaceAsync("--json", "--file", file, "--strategy", "lock-atomic", "--buyers", "8", "--delay", "0", "--workers", "4");
        Assert.Equal(3, Number(Assert.Single(rows), "told"));
        Assert.Equal($"{{\"{key}\": 0}}", File.ReadAllText(file));
    }

    [Theory]
    [InlineData("{\"count\": -2}", "is -2")]
    [InlineData("{\"seats\": 2}", "\"seats\"")]
    [InlineData("{", "not JSON")]
    public async Task A_file_that_is_none_is_refused_and_stays_as_it_is(string text, string says)
    {
        var file = Path.Combine(_directory.FullName, "db.txt");
        File.WriteAllText(file, text);
        var (code, _, error) = await RunAsync("--file", file);
        Assert.Equal(2, code);
        Assert.Contains(says, error);
        Assert.Equal(text, File.ReadAllText(file));
    }

    [Theory]
    [InlineData("--buyers", "0", "from 1 to 1000000")]
    [InlineData("--delay", "-1", "from 0 to 60000")]
    [InlineData("--strategy", "luck", "is no strategy")]
    [InlineData("--as", "005", "005")]
    public async Task What_is_not_allowed_is_named(string option, string value, string says)
    {
        var (code, _, error) = await RunAsync(option, value);
        Assert.Equal(2, code);
        Assert.Contains(says, error);
    }

    [Theory]
    [InlineData("000", "抢票成功", "还剩20")]
    [InlineData("004", "useruser0Check the remaining tickets1...", "Successful ticket grabbing!")]
    public async Task A_document_s_numbers_and_messages_are_its_own(string document, params string[] says)
    {
        var (code, said, _) = await RunAsync("--as", document, "--strategy", "lock-atomic", "--delay", "1");
        Assert.Equal(0, code);
        foreach (var text in says) Assert.Contains(text, said);
    }

    [Fact]
    public async Task The_plot_is_a_picture_with_a_panel_for_each_strategy()
    {
        var plot = Path.Combine(_directory.FullName, "race.svg");
        var rows = await RaceAsync("--json", "--strategy", "unlocked,journal", "--buyers", "20", "--workers", "4", "--delay", "1", "--plot", plot);
        XNamespace svg = "http://www.w3.org/2000/svg";
        var root = XDocument.Load(plot).Root!;
        Assert.Equal(2, root.Elements(svg + "g").Count());
        Assert.Contains("unlocked", root.Elements(svg + "g").First().Element(svg + "text")!.Value);
        Assert.Equal(rows.Sum(row => Number(row, "told") + Number(row, "refused")), root.Descendants(svg + "circle").Count());
    }

    private static void AssertExact(JsonElement row, int tickets, int buyers)
    {
        var what = row.ToString();
        Assert.True((tickets, 0, 0, 0) == (Number(row, "told"), Number(row, "oversold"), Number(row, "lostWrites"), Number(row, "blocked")), what);
        Assert.True(buyers - tickets == Number(row, "refused") + Number(row, "crashedLookers"), what);

        // Only a file that is written in place is ever seen half there.
        if (Name(row) != "lock") Assert.True(Number(row, "crashedLookers") == 0, what);
    }

    private static string Name(JsonElement row) => row.GetProperty("strategy").GetString()!;

    private static int Number(JsonElement row, string member) => row.GetProperty(member).GetInt32();

    private async Task<JsonElement[]> RaceAsync(params string[] arguments)
    {
        var (code, said, error) = await RunAsync(arguments);
        Assert.True(code == 0, $"exit code {code}: {error} {said}");
        var result = JsonDocument.Parse(said).RootElement;
        return [.. result.GetProperty("strategies").EnumerateArray()];
    }

    private async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.ArgumentList.Add(typeof(TicketRush.Cli.Race.RaceRow).Assembly.Location);
        start.ArgumentList.Add("race");
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var (said, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"rush race {string.Join(' ', arguments)} did not end.");
        }

        output.WriteLine(await said);
        return (process.ExitCode, await said, await error);
    }
}
