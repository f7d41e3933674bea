using System.CommandLine;
using TicketRush.Cli.Commands;

var root = new RootCommand("TicketRush sells tickets when everyone arrives at once.");
root.Subcommands.Add(ShowCommand.Create());
root.Subcommands.Add(VerifyCommand.Create());
root.Subcommands.Add(ExportCommand.Create());

var parsed = root.Parse(args);
if (parsed.Errors.Count == 0) return await parsed.InvokeAsync();

// 1 means that a journal is damaged, so a mistake in the arguments has a code of its own.
await parsed.InvokeAsync();
return 2;
