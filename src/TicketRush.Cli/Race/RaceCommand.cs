using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using System.Text.Json.Serialization;
using TicketRush.Cli.Commands;

namespace TicketRush.Cli.Race;

/// <summary><c>rush race</c>: the program that everybody writes first, in all the ways in which it is written.</summary>
internal static class RaceCommand
{
    /// <summary>What shells expect of a program that Ctrl-C has ended.</summary>
    private const int Interrupted = 130;

    /// <summary>Milliseconds within which a signal to all processes of the terminal has come to this one, when others have it.</summary>
    private const int InterruptComes = 200;

    public static Command Create()
    {
        var file = new Option<string?>("--file")
        {
            Description = "A file of tickets, such as {\"count\": 5}, {\"ticket\": 5} or {\"ticket_num\": 5}: raced for as it is, and left "
                + "as the last race leaves it; after Ctrl-C, as it was before.",
            HelpName = "db.txt",
        };
        var buyers = Number("--buyers", "Who wants a ticket.", 1, RaceOptions.BuyersMax, 100);
        var tickets = Number("--tickets", "What there is, unless a file says so.", 0, Engine.Plan.CapacityMax, 5);
        var strategy = new Option<string>("--strategy")
        {
            Description = $"How they buy: all, or some of {string.Join(", ", Strategies.All.Select(one => one.Name()))}.",
            HelpName = "NAME[,NAME…]|all",
            DefaultValueFactory = _ => "unlocked,lock,journal",
        };
        var delay = Number(
            "--delay", "Milliseconds that each buyer sleeps between reading and writing, as the documents do for the network.",
            0, 60_000, 20);
        var like = new Option<string?>("--as")
        {
            Description = "Take the numbers, the file and the messages of a document.",
            HelpName = "000|001|002|003|004",
        };
        like.AcceptOnlyFromAmong([.. Document.All.Select(document => document.Number)]);
        var workers = Number(
            "--workers",
            $"Processes that the buyers are in: as many as there are buyers, but no more than {RaceOptions.WorkersUsual}, unless said.",
            1, RaceOptions.WorkersMax, null);
        var kill = Number(
            "--kill", "Processes of buyers that are killed at random moments of each race, as long as it lasts.",
            0, RaceOptions.WorkersMax, 0);
        var python = new Option<string?>("--versus")
        {
            Description = "Run the documents' locked program by python3 too, its file on this disk and in memory.",
            HelpName = "python",
        };
        python.AcceptOnlyFromAmong("python");
        var plot = new Option<string?>("--plot") { Description = "Draw who asked when and was answered when.", HelpName = "out.svg" };
        var json = Shared.Json("Print the table as one JSON object, and nothing else.");
        var command = new Command(
            "race",
            """
            Lets many processes look at the remaining tickets at once (查票), and then buy (抢票): without a lock, which oversells;
            with one, which is safe and slow; and as TicketRush does it. The table says what each was told, and what is true.

            Strategies:
              unlocked      read, sleep, write in place; nothing keeps two from doing so at once
              join          each buyer starts when the one before has ended
              lock          a lock around reading and writing; who only looks may meet half a file
              lock-atomic   the same, with the file replaced at once
              own-lock      every buyer has a lock of its own, the mistake in document 003
              queue         buyers put wishes in a queue, one seller takes them out
              journal       buyers open the sale's journal and take turns at it
              server        buyers call a rush serve

            Columns: told "you have one"; oversold, told less tickets; lost writes, told less what is gone from the file; crashed
            lookers, who met half a file while they only looked; purchases/s, buyers who were answered; p50 and p99 of a purchase,
            its delay and its wait in line included; out of order, of all pairs of buyers of whom somebody got one, in how many the
            later to arrive was served first.
            With --kill, or after a crash: killed, crashed buyers, and blocked, who waited for ever. Lines are coloured on a terminal,
            unless NO_COLOR is set.

            Exit codes: 0 every strategy kept what it promises (unlocked and own-lock promise nothing); 1 one did not, or it could
            not be run; 2 wrong usage; 130 interrupted.

            Example: rush race --strategy all --plot race.svg
            """) { file, buyers, tickets, strategy, delay, like, workers, kill, python, plot, json };
        command.SetAction((result, stop) =>
        {
            var document = result.GetValue(like) is { } number ? Document.Find(number)! : Document.Own;
            var (key, count) = (document.Key, Given(tickets) ?? document.Tickets);
            var given = result.GetValue(file);
            if (given is not null)
            {
                if (Given(tickets) is not null) return Wrong("--tickets and --file both say how many tickets there are; give one of them.");
                (key, count, var wrong) = TicketFile.Check(given);
                if (wrong is not null) return Wrong(wrong);
            }

            if (!TryStrategies(result.GetRequiredValue(strategy), out var strategies, out var unknown)) return Wrong(unknown);
            if (count > Engine.Plan.CapacityMax && strategies.Any(one => !one.UsesFile()))
                return Wrong($"{given} has {count:N0} tickets; journal and server sell {Engine.Plan.CapacityMax:N0} at most.");
            if (result.GetValue(plot) is { } picture && RacePlot.WhyNot(picture) is { } why) return Wrong(why);
            var crowd = Given(buyers) ?? document.Buyers;
            var options = new RaceOptions
            {
                Document = document,
                Buyers = crowd,
                Tickets = count,
                DelayMs = Given(delay) ?? document.DelayMs,
                Workers = Math.Min(crowd, result.GetValue(workers) ?? RaceOptions.WorkersUsual),
                Strategies = strategies,
                File = given is null ? null : TicketFile.Resolve(given),
                Key = key,
                Kill = result.GetValue(kill) ?? 0,
                Json = result.GetValue(json),
                Plot = result.GetValue(plot),
                VersusPython = result.GetValue(python) is not null,
            };
            return Task.Run(() => Run(options, stop), CancellationToken.None);

            int? Given(Option<int?> option) => result.GetResult(option) is { Implicit: false } ? result.GetValue(option) : null;
            static Task<int> Wrong(string why) => Task.FromResult(Shared.Fail(why, 2));
        });
        return command;
    }

    private static int Run(RaceOptions options, CancellationToken stop)
    {
        var screen = Screen.Of(!Console.IsOutputRedirected, Environment.GetEnvironmentVariable);
        if (options.VersusPython && !PythonRace.IsThere) return Shared.Fail("--versus python needs python3, which is not installed here.");
        try
        {
            var races = new List<(RaceRow Row, BuyerRecord[] Records)>();
            using (var track = new Track(options, new(options, Console.Out, screen)))
            {
                foreach (var strategy in options.Strategies) races.Add((track.Run(strategy, stop), track.Records()));
            }

            var rows = races.Select(race => race.Row).ToList();
            if (options.VersusPython)
            {
                rows.Add(PythonRace.Run(options, Scratch.Disk, stop));
                if (Directory.Exists(Scratch.Memory) && !Scratch.IsInMemory(Scratch.Disk))
                    rows.Add(PythonRace.Run(options, Scratch.Memory, stop));
            }

            if (options.Json)
            {
                var result = new RaceResult(options.Buyers, options.Tickets, options.DelayMs, options.Workers, options.Kill, rows);
                Console.WriteLine(JsonSerializer.Serialize(result, RaceResultJson.Default.RaceResult));
            }
            else
            {
                Tell(rows, options, screen);
            }

            if (options.Plot is { } plot)
            {
                RacePlot.Write(plot, races, options.Tickets);
                if (!options.Json) Console.WriteLine($"Drawn: {Path.GetFullPath(plot)}");
            }

            return rows.All(row => row.KeptItsPromise) ? 0 : 1;
        }
        catch (Exception e) when (e is OperationCanceledException || (e is IOException && stop.WaitHandle.WaitOne(InterruptComes)))
        {
            // Ctrl-C comes to the buyers too, and ends those who have just started and do not ignore it yet: that is no failure of theirs.
            return Shared.Fail("Interrupted; nothing is left of the race.", Interrupted);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or PlatformNotSupportedException
            or OutOfMemoryException)
        {
            return Shared.Fail($"The race could not be run: {e.Message}");
        }
    }

    private static void Tell(IReadOnlyList<RaceRow> rows, RaceOptions options, Screen screen)
    {
        RaceTable.Write(rows, Console.Out, screen.HasColours);
        Console.WriteLine();
        foreach (var row in rows.Where(row => row.Oversold > 0))
            Console.WriteLine($"{row.Strategy} sold {row.Told:N0} tickets of {options.Tickets:N0}: they looked before any of them wrote.");
        foreach (var row in rows.Where(row => row.CrashedLookers + row.CrashedBuyers > 0))
        {
            var crashed = row.CrashedLookers + row.CrashedBuyers;
            var through = row.PerSecond + (crashed / row.Seconds);
            Console.WriteLine(
                $"{row.Strategy}: {crashed:N0} crashed and are in no purchases/s; with them {through:N0} buyers/s were through.");
        }

        foreach (var row in rows.Where(row => row.LostWrites < 0))
            Console.WriteLine($"{row.Strategy}: {-row.LostWrites:N0} gone that nobody was told of: killed after writing, before telling.");
        foreach (var row in rows.Where(row => row.Left is null))
        {
            var why = row.Killed > 0 ? "a buyer was killed while it wrote" : "two wrote at once";
            Console.WriteLine($"{row.Strategy}: the file is not whole any more: {why}.");
        }
    }

    private static bool TryStrategies(string text, out Strategy[] strategies, out string unknown)
    {
        (strategies, unknown) = ([], "");
        var chosen = new List<Strategy>();
        foreach (var name in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (name == "all")
            {
                chosen.AddRange(Strategies.All);
                continue;
            }

            if (!Strategies.TryParse(name, out var strategy))
            {
                unknown = $"\"{name}\" is no strategy; there are {string.Join(", ", Strategies.All.Select(one => one.Name()))}, and all.";
                return false;
            }

            chosen.Add(strategy);
        }

        strategies = [.. chosen.Distinct()];
        return true;
    }

    private static Option<int?> Number(string name, string description, int min, int max, int? usual)
    {
        var option = new Option<int?>(name)
        {
            Description = description,
            HelpName = "N",
            DefaultValueFactory = _ => usual,
            CustomParser = result =>
            {
                var text = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
                if (int.TryParse(text, out var value) && value >= min && value <= max) return value;
                result.AddError($"{name} is \"{text}\"; it must be a whole number from {min} to {max}.");
                return null;
            },
        };
        return option;
    }
}

internal sealed record RaceResult(int Buyers, int Tickets, int DelayMs, int Workers, int Kill, IReadOnlyList<RaceRow> Strategies);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RaceResult))]
internal sealed partial class RaceResultJson : JsonSerializerContext;
