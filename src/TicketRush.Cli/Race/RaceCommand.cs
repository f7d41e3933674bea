using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using System.Text.Json.Serialization;
using TicketRush.Cli.Commands;

namespace TicketRush.Cli.Race;

/// <summary><c>rush race</c>: the program that everybody writes first, in all the ways in which it is written.</summary>
internal static class RaceCommand
{
    public static Command Create()
    {
        var file = new Option<string?>("--file")
        {
            Description = "A file of tickets, such as {\"count\": 5}, {\"ticket\": 5} or {\"ticket_num\": 5}: raced for as it is, and left as the last race leaves it.",
            HelpName = "db.txt",
        };
        var buyers = Number("--buyers", "Who wants a ticket.", 1, RaceOptions.BuyersMax, 100);
        var tickets = Number("--tickets", "What there is, unless a file says so.", 0, int.MaxValue, 5);
        var strategy = new Option<string>("--strategy")
        {
            Description = $"How they buy: all, or some of {string.Join(", ", Strategies.All.Select(one => one.Name()))}.",
            HelpName = "NAME[,NAME…]|all",
            DefaultValueFactory = _ => "unlocked,lock,journal",
        };
        var delay = Number("--delay", "Milliseconds that each buyer sleeps between reading and writing, as the documents do for the network.", 0, 60_000, 20);
        var like = new Option<string?>("--as") { Description = "Take the numbers, the file and the messages of a document.", HelpName = "000|001|002|003|004" };
        like.AcceptOnlyFromAmong([.. Document.All.Select(document => document.Number)]);
        var workers = Number("--workers", $"Processes that the buyers are in: as many as there are buyers, but no more than {RaceOptions.WorkersUsual}, unless said.", 1, RaceOptions.WorkersMax, null);
        var kill = Number("--kill", "Processes of buyers that are killed at random moments of each race.", 0, RaceOptions.WorkersMax, 0);
        var python = new Option<string?>("--versus") { Description = "Run the documents' locked program by python3 too, on this disk and in memory.", HelpName = "python" };
        python.AcceptOnlyFromAmong("python");
        var plot = new Option<string?>("--plot") { Description = "Draw who asked when and was answered when.", HelpName = "out.svg" };
        var json = Shared.Json("Print the table as one JSON object, and nothing else.");
        var command = new Command(
            "race",
            """
            Lets many processes look at the remaining tickets at once (查票), and then buy (抢票): without a lock, which oversells; with one, which is safe and
            slow; and as TicketRush does it. The table says what each was told, and what is true.

            Strategies:
              unlocked      read, sleep, write in place; nothing keeps two from doing so at once
              join          each buyer starts when the one before has ended
              lock          a lock around reading and writing; who only looks may meet half a file
              lock-atomic   the same, with the file replaced at once
              own-lock      every buyer has a lock of its own, the mistake in document 003
              queue         buyers put wishes in a queue, one seller takes them out
              journal       buyers open the sale's journal and take turns at it
              server        buyers call a rush serve

            Exit codes: 0 every strategy kept what it promises (unlocked and own-lock promise nothing); 1 one did not, or it could not be run; 2 wrong usage.

            Example: rush race --strategy all --plot race.svg
            """) { file, buyers, tickets, strategy, delay, like, workers, kill, python, plot, json };
        command.SetAction(result =>
        {
            var document = result.GetValue(like) is { } number ? Document.Find(number)! : Document.Own;
            var (key, count) = (document.Key, Given(tickets) ?? document.Tickets);
            if (result.GetValue(file) is { } path)
            {
                if (Given(tickets) is not null) return Shared.Fail("--tickets and --file both say how many tickets there are; give one of them.", 2);
                (key, count, var wrong) = TicketFile.Check(path);
                if (wrong is not null) return Shared.Fail(wrong, 2);
            }

            if (!TryStrategies(result.GetRequiredValue(strategy), out var strategies, out var unknown)) return Shared.Fail(unknown, 2);
            var crowd = Given(buyers) ?? document.Buyers;
            var options = new RaceOptions
            {
                Document = document,
                Buyers = crowd,
                Tickets = count,
                DelayMs = Given(delay) ?? document.DelayMs,
                Workers = Math.Min(crowd, result.GetValue(workers) ?? Math.Min(crowd, RaceOptions.WorkersUsual)),
                Strategies = strategies,
                File = result.GetValue(file) is { } given ? Path.GetFullPath(given) : null,
                Key = key,
                Kill = result.GetValue(kill) ?? 0,
                Json = result.GetValue(json),
                Plot = result.GetValue(plot),
                VersusPython = result.GetValue(python) is not null,
            };
            return Run(options);

            int? Given(Option<int?> option) => result.GetResult(option) is { Implicit: false } ? result.GetValue(option) : null;
        });
        return command;
    }

    private static int Run(RaceOptions options)
    {
        var isTerminal = !Console.IsOutputRedirected && !options.Json;
        if (options.VersusPython && !PythonRace.IsThere) return Shared.Fail("--versus python needs python3, which is not installed here.");
        try
        {
            var races = new List<(RaceRow Row, BuyerRecord[] Records)>();
            using (var track = new Track(options, new(options, Console.Out, isTerminal)))
            {
                foreach (var strategy in options.Strategies) races.Add((track.Run(strategy), track.Records()));
            }

            var rows = races.Select(race => race.Row).ToList();
            if (options.VersusPython)
            {
                rows.Add(PythonRace.Run(options, Path.GetTempPath(), "lock on disk"));
                if (Directory.Exists("/dev/shm")) rows.Add(PythonRace.Run(options, "/dev/shm", "lock in memory"));
            }

            if (options.Plot is { } plot) RacePlot.Write(plot, races, options.Tickets);
            if (options.Json) Console.WriteLine(JsonSerializer.Serialize(new RaceResult(options.Buyers, options.Tickets, options.DelayMs, options.Workers, rows), RaceResultJson.Default.RaceResult));
            else Tell(rows, options, isTerminal);
            return rows.All(row => row.KeptItsPromise) ? 0 : 1;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or PlatformNotSupportedException)
        {
            return Shared.Fail($"The race could not be run: {e.Message}");
        }
    }

    private static void Tell(IReadOnlyList<RaceRow> rows, RaceOptions options, bool isTerminal)
    {
        RaceTable.Write(rows, Console.Out, isTerminal);
        Console.WriteLine();
        foreach (var row in rows.Where(row => row.Oversold > 0))
            Console.WriteLine($"{row.Strategy} sold {row.Told:N0} tickets of {options.Tickets:N0}: they looked before any of them wrote.");
        foreach (var row in rows.Where(row => row.LostWrites < 0))
            Console.WriteLine($"{row.Strategy}: {-row.LostWrites:N0} gone that nobody was told of: killed after writing, before telling.");
        foreach (var row in rows.Where(row => row.Left is null))
            Console.WriteLine($"{row.Strategy}: the file is not whole any more: a buyer was killed while it wrote.");
        if (options.Plot is { } plot) Console.WriteLine($"Drawn: {Path.GetFullPath(plot)}");
    }

    private static bool TryStrategies(string text, out Strategy[] strategies, out string unknown)
    {
        (strategies, unknown) = (Strategies.All, "");
        if (text == "all") return true;
        var chosen = new List<Strategy>();
        foreach (var name in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!Strategies.TryParse(name, out var strategy))
            {
                unknown = $"\"{name}\" is no strategy; there are {string.Join(", ", Strategies.All.Select(one => one.Name()))}, and all.";
                return false;
            }

            if (!chosen.Contains(strategy)) chosen.Add(strategy);
        }

        strategies = [.. chosen];
        return true;
    }

    private static Option<int?> Number(string name, string description, int min, int max, int? usual)
    {
        var option = new Option<int?>(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => usual };
        option.Validators.Add(result =>
        {
            if (result.Implicit || result.Tokens is not [var token]) return;
            if (!int.TryParse(token.Value, out var value) || value < min || value > max)
                result.AddError($"{name} is \"{token.Value}\"; it must be a whole number from {min} to {max}.");
        });
        return option;
    }
}

internal sealed record RaceResult(int Buyers, int Tickets, int DelayMs, int Workers, IReadOnlyList<RaceRow> Strategies);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RaceResult))]
internal sealed partial class RaceResultJson : JsonSerializerContext;
