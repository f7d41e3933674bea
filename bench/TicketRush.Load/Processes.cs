using System.Diagnostics;
using System.Globalization;
using TicketRush.Journal;
using TicketRush.Journal.Files;

namespace TicketRush.Load;

/// <summary>A process that sells from a journal which others sell from too.</summary>
internal static class Seller
{
    // The compiler takes a third of two processors for some seconds when two processes rush at once; it is not what is measured.
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(8);

    public static async Task<int> RunAsync(string[] args)
    {
        var (path, callers, seconds) = (args[1], int.Parse(args[2], CultureInfo.InvariantCulture),
            double.Parse(args[3], CultureInfo.InvariantCulture));
        var sequencer = new Sequencer(FileJournal.Open(path));
        await SellAsync(sequencer, callers, seconds);
        await sequencer.DisposeAsync();
        return 0;
    }

    /// <summary>
    /// Sells when it is told to, and says how much; what <see cref="Processes.RunAsync(IEnumerable{string[]})"/> talks to.
    /// </summary>
    public static async Task<int> SellAsync(Sequencer sequencer, int callers, double seconds)
    {
        // All sellers are ready before any begins.
        Console.WriteLine("ready");
        Console.ReadLine();
        var seed = (ulong)Environment.ProcessId << 32 ^ (ulong)Stopwatch.GetTimestamp();
        var result = await Crowd.BuyAsync(sequencer, callers, TimeSpan.FromSeconds(seconds), seed: seed, warmUp: WarmUp);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{result.PerSecond} {result.P50} {result.P99} {result.P999} {result.Batch} {result.Done}"));

        // Others may still be counting; this one's rush ends, its process stays until told.
        Console.ReadLine();
        return 0;
    }
}

internal static class Processes
{
    private const int Callers = 512;

    public static async Task RunAsync(Run run)
    {
        var (alone, together, shares, p99) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (var i = 0; i < run.Runs; i++)
        {
            run.Report.Progress($"run {i + 1} of {run.Runs}");
            alone.Add((await SellAsync(run, 1)).Sum(one => one.PerSecond));
            var two = await SellAsync(run, 2);
            together.Add(two.Sum(one => one.PerSecond));
            shares.Add(two.Min(one => one.PerSecond) / two.Sum(one => one.PerSecond));
            p99.Add(two.Max(one => one.P99));
        }

        run.Report.Row($"one process, {Callers} callers", ("purchases/s", Median.Of(alone)), ("min", alone.Min()), ("max", alone.Max()),
            ("flush", "fdatasync"));
        run.Report.Row(
            $"two processes, {Callers} each", ("purchases/s", Median.Of(together)), ("min", together.Min()), ("max", together.Max()),
            ("smaller share", Median.Of(shares)), ("worst share", shares.Min()), ("p99 ms", Median.Of(p99)));
        run.Report.Aim("two together, of one alone", Median.Of(together) / Median.Of(alone), 0.65);
        run.Report.Aim("the smaller share", Median.Of(shares), 0.4);
    }

    private static async Task<CrowdResult[]> SellAsync(Run run, int count)
    {
        using var scratch = run.Scratch();
        await (await Crowd.OpenAsync(scratch.Path, 20_000_000)).DisposeAsync();
        var path = Directory.EnumerateFiles(scratch.Path, "*.rush").Single();

        return await RunAsync(Enumerable.Repeat<string[]>(
            ["seller", path, $"{Callers}", run.Time.TotalSeconds.ToString(CultureInfo.InvariantCulture)], count));
    }

    /// <summary>Starts sellers, lets them begin together, and collects what each says.</summary>
    public static async Task<CrowdResult[]> RunAsync(IEnumerable<string[]> commands)
    {
        var sellers = commands.Select(Self.Start).ToArray();
        try
        {
            foreach (var seller in sellers) await seller.StandardOutput.ReadLineAsync();
            foreach (var seller in sellers) await seller.StandardInput.WriteLineAsync();
            var lines = await Task.WhenAll(sellers.Select(seller => seller.StandardOutput.ReadLineAsync()));
            foreach (var seller in sellers) await seller.StandardInput.WriteLineAsync();
            foreach (var seller in sellers) await seller.WaitForExitAsync();
            return [.. lines.Select(Parse)];
        }
        finally
        {
            foreach (var seller in sellers)
            {
                if (!seller.HasExited) seller.Kill();
                seller.Dispose();
            }
        }
    }

    private static CrowdResult Parse(string? line)
    {
        var figures = (line ?? throw new InvalidOperationException("A seller ended before it was done."))
            .Split(' ').Select(figure => double.Parse(figure, CultureInfo.InvariantCulture)).ToArray();
        return new(figures[0], figures[1], figures[2], figures[3], figures[4], (long)figures[5]);
    }
}
