using System.CommandLine;

var root = new RootCommand("TicketRush sells tickets when everyone arrives at once.");
return root.Parse(args).Invoke();
