using System.Diagnostics;
using System.Globalization;
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
    private static readonly int Times = Storm.IsFull ? 100 : 2;

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
            var rows = await RaceAsync("--json", "--strategy", string.Join(',', Safe), "--delay", "1", "--buyers", "30", "--workers", "10",
                "--kill", "5");
            foreach (var row in rows)
            {
                Assert.Equal(0, Number(row, "oversold"));
                
                // Who is killed while it writes in place leaves a file that says nothing; nobody else does.
                var lost = row.GetProperty("lostWrites");
                Assert.True(lost.ValueKind == JsonValueKind.Null ? Name(row) is "lock" or "join" : lost.GetInt32() <= 0,
                    $"{Name(row)}: {row}");
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
        var rows = await RaceAsync("--json", "--file", file, "--strategy", "lock-atomic", "--buyers", "8", "--delay", "0", "--workers",
            "4");
        Assert.Equal(3, Number(Assert.Single(rows), "told"));
        Assert.Equal($"{{\"{key}\": 0}}", File.ReadAllText(file));
    }

    [Fact, System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public async Task Through_a_link_the_file_is_raced_for_and_both_stay_what_they_are()
    {
        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var (file, link) = (Path.Combine(_directory.FullName, "real.txt"), Path.Combine(_directory.FullName, "db.txt"));
        File.WriteAllText(file, "{\"count\": 3}");
        File.SetUnixFileMode(file, Mode);
        File.CreateSymbolicLink(link, file);
        await RaceAsync("--json", "--file", link, "--strategy", "lock-atomic,queue", "--buyers", "8", "--delay", "0", "--workers", "2");
        Assert.Equal(file, File.ResolveLinkTarget(link, returnFinalTarget: true)!.FullName);
        Assert.Equal(("{\"count\": 0}", Mode), (File.ReadAllText(file), File.GetUnixFileMode(file)));
    }

    // All in one process: who waits for the others of its own has looked before, as who waits for those of another.
    [Theory]
    [InlineData("unlocked")]
    [InlineData("lock")]
    [InlineData("lock-atomic")]
    [InlineData("queue")]
    [InlineData("journal")]
    public async Task Everybody_looks_before_the_first_is_served(string strategy)
    {
        var (_, said, _) = await RunAsync("--strategy", strategy, "--tickets", "4", "--buyers", "4", "--workers", "1", "--delay", "500");
        Assert.Equal(4, said.Split("looks: 4 left").Length - 1);
    }

    [Fact]
    public async Task Who_waits_in_line_waits_for_all_before()
    {
        var rows = await RaceAsync("--json", "--strategy", "lock,queue", "--buyers", "6", "--workers", "2", "--delay", "50");
        foreach (var row in rows)
        {
            // Six of 50 ms, one after another: the fourth has waited for three at least. A slow machine makes it more.
            Assert.True(row.GetProperty("p50Ms").GetDouble() >= 3 * 45, row.ToString());
            Assert.True(row.GetProperty("p99Ms").GetDouble() >= 6 * 45, row.ToString());
        }
    }

    [Theory]
    [InlineData("{\"count\": -2}", "is -2")]
    [InlineData("{\"count\": 2.5}", "is 2.5")]
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

    [Fact]
    public async Task More_tickets_than_a_journal_can_sell_are_refused_before_the_race()
    {
        var file = Path.Combine(_directory.FullName, "db.txt");
        File.WriteAllText(file, "{\"count\": 20000001}");
        var (code, _, error) = await RunAsync("--file", file, "--strategy", "lock,journal");
        Assert.Equal(2, code);
        Assert.Contains("20,000,001 tickets", error);
        Assert.Equal("{\"count\": 20000001}", File.ReadAllText(file));
    }

    [Theory]
    [InlineData("--buyers", "0", "from 1 to 1000000")]
    [InlineData("--buyers", "1.5", "from 1 to 1000000")]
    [InlineData("--tickets", "20000001", "from 0 to 20000000")]
    [InlineData("--file", "nowhere.txt", "is not there")]
    [InlineData("--plot", "nowhere/race.svg", "is not there")]
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
        // Whoever comes late to look finds the ticket gone: the first is kept at the counter until all have looked.
        var (code, said, _) = await RunAsync("--as", document, "--strategy", "lock-atomic", "--delay", "50");
        Assert.Equal(0, code);
        foreach (var text in says) Assert.Contains(text, said);
    }

    [Fact]
    public async Task The_plot_is_a_picture_with_a_panel_for_each_strategy()
    {
        var plot = Path.Combine(_directory.FullName, "race.svg");
        var rows = await RaceAsync("--json", "--strategy", "unlocked,journal", "--buyers", "20", "--workers", "4", "--delay", "1",
            "--plot", plot);
        XNamespace svg = "http://www.w3.org/2000/svg";
        var root = XDocument.Load(plot).Root!;
        Assert.Equal(2, root.Elements(svg + "g").Count());
        Assert.Contains("unlocked", root.Elements(svg + "g").First().Element(svg + "text")!.Value);
        Assert.Equal(rows.Sum(row => Number(row, "told") + Number(row, "refused")), root.Descendants(svg + "circle").Count());
    }

    [Fact]
    public async Task Who_comes_to_the_counter_first_is_served_first_by_a_journal()
    {
        // Each sleeps its 20 ms on the way there; the order in which they wake is none of the journal's doing.
        var rows = await RaceAsync("--json", "--strategy", "journal", "--buyers", "40", "--tickets", "40", "--workers", "1", "--delay",
            "20");
        Assert.InRange(Assert.Single(rows).GetProperty("outOfOrder").GetDouble(), 0, 0.2);
    }

    [Theory]
    [InlineData("unlocked")]
    [InlineData("lock-atomic")]
    [InlineData("queue")]
    [InlineData("server")]
    public async Task Interrupted_it_leaves_no_process_no_scratch_and_the_file_as_it_was(string strategy)
    {
        var file = Path.Combine(_directory.FullName, "db.txt");
        File.WriteAllText(file, "{\"count\": 7}");
        using var race = StartInTheMiddle("--strategy", strategy, "--file", file, "--delay", "1500", "--buyers", "6", "--workers", "3");
        var buyers = ChildrenOf(race.Id);
        Assert.True(buyers.Length >= 3, $"{buyers.Length} children");

        Signal("-INT", race.Id);
        await WaitAsync(race);
        Assert.Equal(130, race.ExitCode);
        Assert.Equal("{\"count\": 7}", File.ReadAllText(file));
        Assert.Equal(["db.txt"], _directory.GetFileSystemInfos().Select(left => left.Name));
        Assert.DoesNotContain(buyers, buyer => Directory.Exists($"/proc/{buyer}"));
    }

    // As from a terminal: everybody has the signal, and buyers who are just starting die of it.
    [Fact]
    public async Task Interrupted_while_its_buyers_start_it_says_so_and_nothing_else()
    {
        for (var i = 0; i < 4; i++)
        {
            var program = Program(["--strategy", "lock", "--delay", "1500", "--buyers", "6", "--workers", "6"]);
            program.ArgumentList.Insert(0, program.FileName);
            program.FileName = "setsid";
            using var race = Process.Start(program)!;
            while (race.StandardOutput.ReadLine() is { } line && !line.StartsWith("lock:", StringComparison.Ordinal))
            {
            }

            Process.Start("kill", ["-INT", "--", $"-{race.Id}"]).WaitForExit();
            await WaitAsync(race);
            Assert.Equal((130, "Interrupted; nothing is left of the race.\n"), (race.ExitCode, race.StandardError.ReadToEnd()));
        }
    }

    [Fact]
    public async Task Killed_it_leaves_no_process_and_the_next_race_takes_away_what_it_left()
    {
        Assert.SkipWhen(TicketRush.Cli.Race.Scratch.IsInMemory(_directory.FullName), "The scratch of a race is on a disk.");
        using var race = StartInTheMiddle("--strategy", "server", "--delay", "3000", "--buyers", "6", "--workers", "3");
        var buyers = ChildrenOf(race.Id);
        race.Kill();
        await WaitAsync(race);
        Assert.True(SpinWait.SpinUntil(() => !buyers.Any(buyer => Directory.Exists($"/proc/{buyer}")), TimeSpan.FromSeconds(30)));
        var mark = Assert.Single(_directory.GetFiles("in-use", SearchOption.AllDirectories));
        mark.LastWriteTimeUtc = DateTime.UtcNow.AddHours(-1);

        await RaceAsync("--json", "--strategy", "journal", "--buyers", "2", "--delay", "0");
        Assert.Empty(_directory.GetDirectories());
    }

    // Whoever waits for a frozen process waits for ever: the race gives them up after ten seconds without an answer.
    [Fact]
    [Trait("Storm", "true")]
    public async Task Who_is_never_answered_is_blocked_and_not_killed()
    {
        using var race = StartInTheMiddle("--strategy", "lock", "--delay", "300", "--buyers", "6", "--workers", "3");
        Signal("-STOP", ChildrenOf(race.Id)[0]);
        var said = await WaitAsync(race);
        var row = said.Split('\n').Single(line => line.StartsWith("lock ", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("blocked", said);
        Assert.True(int.Parse(row[^1], CultureInfo.InvariantCulture) is >= 1 and <= 6, said);
        Assert.Equal("0", row[^3]);
    }

    private static void Signal(string signal, int process) => Process.Start("kill", [signal, $"{process}"]).WaitForExit();

    private static int[] ChildrenOf(int process) =>
        [.. File.ReadAllText($"/proc/{process}/task/{process}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Concat(Directory.GetDirectories($"/proc/{process}/task")
                .SelectMany(thread => File.ReadAllText($"{thread}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries)))
            .Select(text => int.Parse(text, CultureInfo.InvariantCulture)).Distinct()];

    /// <summary>Starts a race and waits until its buyers look.</summary>
    private Process StartInTheMiddle(params string[] arguments)
    {
        var race = Process.Start(Program(arguments))!;
        while (race.StandardOutput.ReadLine() is { } line)
        {
            if (line.Contains("looks", StringComparison.Ordinal)) return race;
        }

        throw new InvalidOperationException($"Nobody looked: {race.StandardError.ReadToEnd()}");
    }

    private async Task<string> WaitAsync(Process race)
    {
        var said = race.StandardOutput.ReadToEndAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await race.WaitForExitAsync(patience.Token);
        output.WriteLine(await said);
        return await said;
    }

    private ProcessStartInfo Program(string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
                WorkingDirectory = _directory.FullName,
        };
        start.ArgumentList.Add(typeof(TicketRush.Cli.Race.RaceRow).Assembly.Location);
        start.ArgumentList.Add("race");
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        start.Environment["TMPDIR"] = _directory.FullName;
        return start;
    }

    private static void AssertExact(JsonElement row, int tickets, int buyers)
    {
        var what = row.ToString();

        // Who crashed while it looked does not buy any more.
        var told = Math.Min(tickets, buyers - Number(row, "crashedLookers"));
        Assert.True((told, 0, 0, 0) == (Number(row, "told"), Number(row, "oversold"), Number(row, "lostWrites"), Number(row, "blocked")),
            what);
        Assert.True(buyers - told == Number(row, "refused") + Number(row, "crashedLookers"), what);

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
        using var process = Process.Start(Program(arguments))!;
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
