using System.Diagnostics;
using TicketRush.Journal;
using TicketRush.Journal.Files;

namespace TicketRush.Load;

internal static class Recovery
{
    private const int Tickets = 3_000_000;

    public static async Task RunAsync(Run run)
    {
        using var scratch = run.Scratch();
        run.Report.Progress($"selling {Tickets:N0} tickets");
        var path = await SellAsync(scratch.Path, Tickets);

        var rates = new List<double>();
        long entries = 0;
        for (var i = 0; i < run.Runs; i++)
        {
            run.Report.Progress($"run {i + 1} of {run.Runs}");
            GC.Collect();
            var start = Stopwatch.GetTimestamp();
            await using var sequencer = new Sequencer(FileJournal.Open(path));
            var elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
            entries = sequencer.Snapshot!.Sequence;
            rates.Add(entries / elapsed);
        }

        run.Report.Row(
            "read, verify, apply", ("entries/s", Median.Of(rates)), ("min", rates.Min()), ("max", rates.Max()), ("entries", entries),
            ("bytes", new FileInfo(path).Length));
        run.Report.Aim("entries/s", Median.Of(rates), 1_500_000);
    }

    /// <summary>Makes a journal with so many tickets sold, one to each buyer.</summary>
    public static async Task<string> SellAsync(string directory, int tickets)
    {
        var sequencer = await Crowd.OpenAsync(directory, tickets, flush: false);
        try
        {
            await Crowd.BuyAsync(sequencer, 512, TimeSpan.FromHours(1), warmUp: TimeSpan.Zero);
        }
        catch (InvalidOperationException) when (sequencer.Snapshot!.Pools[0].Free == 0)
        {
            // Sold out is how the crowd knows that it is done.
        }

        await sequencer.DisposeAsync();
        return Directory.EnumerateFiles(directory, "*.rush").Single();
    }
}
