using System.CommandLine;
using TicketRush.Load;
using TicketRush.Multiprocessing;

ProcessEntry.Run();
if (args is ["seller", ..]) return await Seller.RunAsync(args);
if (args is ["postgres-seller", ..]) return await Postgres.SellerAsync(args);
if (args is ["lockstep", ..]) return Lockstep.RunProcess(args);
if (args is ["onlookers", ..]) return await Onlookers.RunAsync(args);
if (args is ["resident", ..]) return Memory.Resident(args);

var json = new Option<bool>("--json") { Description = "Print one line of JSON for each row.", Recursive = true };
var runs = new Option<int>("--runs") { Description = "Runs of which the median is shown.", DefaultValueFactory = _ => 5, Recursive = true };
var seconds = new Option<double>("--seconds") { Description = "How long each run is measured.", DefaultValueFactory = _ => 3,
    Recursive = true };
var data = new Option<string>("--data")
{
    Description = "Where to put the journals: on the disk that is to be measured.", DefaultValueFactory = _ => Path.GetTempPath(),
        Recursive = true,
};

var root = new RootCommand("Measures TicketRush as a whole. Ratios are taken within one run of this program, on one machine.") { json,
    runs, seconds, data };
Add("purchases", "Durable purchases in one process, by callers, and what the flush costs.", Purchases.RunAsync);
Add("refusals", "Refusals of a sold-out sale: how many, and that they write nothing.", Refusals.RunAsync);
Add("http", "Purchases over HTTP against a no-op of the same shape on the same server. Needs wrk.", Http.RunAsync);
Add("terminals", "Purchases through the terminals port, against PING, Redis and PostgreSQL. Needs redis-benchmark.", Terminals.RunAsync);
Add("pages", "The list of sales and a sale's page, against /health/live on the same server. Needs wrk.", Pages.RunAsync);
Add("viewers", "Purchases over HTTP while 10,000 watch live, against nobody watching. Needs wrk.", Viewers.RunAsync);
Add("metrics", "What the metrics of the sales path cost each purchase.", Metrics.RunAsync);
Add("recovery", "How fast a journal is read, verified and applied.", Recovery.RunAsync);
Add("memory", "Bytes per sold ticket, what a purchase costs when many are sold, and the worst stall.", Memory.RunAsync);
Add("places", "Seats, journeys and the waitlist: each operation through a sell-out, and the whole path against counted places.",
    Places.RunAsync);
Add("processes", "Two processes that sell from one journal, against one alone.", Processes.RunAsync);
Add("postgres", "Sales in a private PostgreSQL: one server, two, and HTTP, against pgbench on a hot row. Needs PostgreSQL, wrk.",
    Postgres.RunAsync);
Add("multiprocessing", "Locks, queues, pipes, pools and deaths between processes, against CPython's multiprocessing in the same run.",
    Multiprocessing.RunAsync);
return await root.Parse(args).InvokeAsync();

void Add(string name, string description, Func<Run, Task> measure)
{
    var command = new Command(name, description);
    command.SetAction(async (result, _) =>
    {
        var report = new Report(name, result.GetValue(json));
        report.Machine();
        await measure(new(report, result.GetValue(runs), TimeSpan.FromSeconds(result.GetValue(seconds)), result.GetRequiredValue(data)));
        return report.End();
    });
    root.Subcommands.Add(command);
}
