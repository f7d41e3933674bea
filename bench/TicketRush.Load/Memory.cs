using System.Diagnostics;
using System.Globalization;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Files;

namespace TicketRush.Load;

internal static class Memory
{
    private const int Tickets = 5_000_000;
    private const int Many = 10_000_000;

    public static async Task RunAsync(Run run)
    {
        using (var scratch = run.Scratch())
        {
            run.Report.Progress($"selling {Tickets:N0} tickets");
            var path = await Recovery.SellAsync(scratch.Path, Tickets);

            // In a process of its own that does nothing but have the sale open.
            using var resident = Self.Start("resident", path);
            var bytes = double.Parse((await resident.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
            await resident.WaitForExitAsync();
            run.Report.Row($"{Tickets:N0} tickets, a buyer each", ("resident MiB", bytes / (1 << 20)),
                ("bytes per ticket", bytes / Tickets));
            run.Report.Aim("bytes per sold ticket", bytes / Tickets, 150, atLeast: false);
        }

        run.Report.Progress($"selling {Many:N0} tickets");
        await GrowthAsync(run);
    }

    /// <summary>Opens a sale and prints by how many bytes the process has grown.</summary>
    public static int Resident(string[] args)
    {
        var before = WorkingSet();
        var sequencer = new Sequencer(FileJournal.Open(args[1]));
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        Console.WriteLine((WorkingSet() - before).ToString(CultureInfo.InvariantCulture));
        GC.KeepAlive(sequencer);
        return 0;
    }

    private static long WorkingSet()
    {
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }

    /// <summary>
    /// One caller's purchases, engine and all, from the first to the ten millionth: what each costs, and the longest of all.
    /// </summary>
    private static async Task GrowthAsync(Run run)
    {
        // The sale alone, without the crowd around it: a stall of it is a stall of growth, not of the machine's other work.
        var sale = new Sale();
        var (entry, reply) = (default(Entry), default(Reply));
        sale.Apply(new Entry { Kind = EntryKind.Planned, Plan = Crowd.Plan(Many + 10) }, 1);
        sale.Apply(new Entry { Kind = EntryKind.Opened }, 2);
        var random = new Random(1);
        var (early, late, worst) = (0L, 0L, 0L);
        for (var i = 0; i < Many; i++)
        {
            var command = new Command { Kind = CommandKind.Purchase, Plan = sale.Plan };
            command.Hold = new(new((ulong)random.NextInt64(), (ulong)random.NextInt64()));
            command.Buyer = new(new((ulong)random.NextInt64(), (ulong)random.NextInt64()));
            command.Lines.TryAdd(0, 1);

            var start = Stopwatch.GetTimestamp();
            if (sale.Decide(command, 1_000, ref entry, ref reply) != Verdict.Entry) throw new InvalidOperationException($"{reply.Refusal}");
            sale.Apply(entry, i + 3);
            var ticks = Stopwatch.GetTimestamp() - start;

            // The first thousands compile the code; a stall counts from there on.
            if (i is >= 1_000_000 and < 1_001_000) early += ticks;
            if (i >= Many - 1_000) late += ticks;
            if (i >= 100_000) worst = Math.Max(worst, ticks);
        }

        GC.KeepAlive(sale);
        run.Report.Row(
            "decide and apply, nothing else", ("ns at 10^6", early / 1000.0 * 1e9 / Stopwatch.Frequency),
                ("ns at 10^7", late / 1000.0 * 1e9 / Stopwatch.Frequency),
            ("longest ms", worst * 1000.0 / Stopwatch.Frequency));
        run.Report.Aim("longest stall, ms", worst * 1000.0 / Stopwatch.Frequency, 20, atLeast: false);

        // The whole path, durable: with 10^3 sold and with 10^7.
        var (small, large) = (new List<double>(), new List<double>());
        using var scratch = run.Scratch();
        var full = await Crowd.OpenAsync(scratch.Path, 20_000_000);
        while (full.Snapshot!.Pools[0].Sold < Many) await Crowd.BuyAsync(full, 4096, TimeSpan.FromSeconds(2), warmUp: TimeSpan.Zero);
        for (var i = 0; i < run.Runs; i++)
        {
            run.Report.Progress($"run {i + 1} of {run.Runs}");
            using var other = run.Scratch();
            var empty = await Crowd.OpenAsync(other.Path, 20_000_000);
            small.Add((await Crowd.BuyAsync(empty, 512, TimeSpan.FromSeconds(1), warmUp: TimeSpan.FromMilliseconds(50))).PerSecond);
            await empty.DisposeAsync();
            large.Add((await Crowd.BuyAsync(full, 512, TimeSpan.FromSeconds(1), warmUp: TimeSpan.FromMilliseconds(50))).PerSecond);
        }

        run.Report.Row(
            "durable, 512 callers", ("purchases/s, few sold", Median.Of(small)), ($"purchases/s, {Many:N0} sold", Median.Of(large)));
        run.Report.Aim("cost at 10^7, times that at few", Median.Of(small) / Median.Of(large), 2.5, atLeast: false);
        await full.DisposeAsync();
    }
}
