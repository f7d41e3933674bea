using System.CommandLine;
using TicketRush.Cli.Commands;
using TicketRush.Cli.Race;
using TicketRush.Engine;
using TicketRush.Multiprocessing;

// A buyer of a race is this program once more.
ProcessEntry.Run(RaceJson.Default);

var root = new RootCommand(
    """
    TicketRush sells tickets when everyone arrives at once: never the same place twice, and nothing acknowledged is lost.

    See it:  rush race
    Try it:  rush serve --demo
    Measure: rush bench --help, and learn: rush sample NAME (both with ./rush of a checkout)
    Exit codes: 0 done; 1 refused, failed or damaged; 2 wrong usage; 3 good, with a torn tail (verify).
    """);
root.Subcommands.Add(RaceCommand.Create());
root.Subcommands.Add(ServeCommand.Create());
root.Subcommands.Add(SaleCommands.CreateCreate());
root.Subcommands.Add(SaleCommands.CreateChange("open", CommandKind.Open, "Opens a sale, or goes on with a paused or closed one."));
root.Subcommands.Add(SaleCommands.CreateChange(
    "pause", CommandKind.Pause, "Pauses a sale: no new holds; paying, releasing and refunding go on."));
root.Subcommands.Add(SaleCommands.CreateChange(
    "close", CommandKind.Close, "Closes a sale: no new holds; paying, releasing and refunding go on."));
root.Subcommands.Add(PlacesCommands.CreateExchange());
root.Subcommands.Add(PlacesCommands.CreateNumber());
root.Subcommands.Add(SaleCommands.CreateList());
root.Subcommands.Add(KeyCommands.Create());
root.Subcommands.Add(ShowCommand.Create());
root.Subcommands.Add(VerifyCommand.Create());
root.Subcommands.Add(ExportCommand.Create());
root.Subcommands.Add(BoardCommand.Create());
root.Subcommands.Add(CopyCommand.Create());
root.Subcommands.Add(UpgradeCommand.Create());

var parsed = root.Parse(args);
if (parsed.Errors.Count > 0) return Shared.UsageError(parsed);

// Longer than the server's own bound, so that a signal ends the process only after everything in flight was answered.
return await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(45) });
