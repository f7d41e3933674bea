namespace TicketRush.Load;

/// <summary>TicketRush.Multiprocessing and CPython's, in turn, so that a machine that gets slower gets slower for both.</summary>
internal static class Multiprocessing
{
    private static readonly Measure[] Measures =
    [
        new("lock pair, uncontended", "ns", Peers.LockPair, "lock"),
        new("two processes add 1 under a lock", "ns", Peers.Additions, "counter"),
        new("… the smaller share of them", "share", Peers.SmallerShare, null),
        new("queue, one to one, ints", "/s", Peers.Ints, "ints"),
        new("queue, one to one, 1 KiB", "/s", Peers.Kibibytes, "kibibytes"),
        new("pipe round trip, 8 bytes, p50", "us", Peers.RoundTrip, "pipe"),
        new("pool of 2, map of 100,000", "/s", Peers.PoolMap, "pool"),
        new("pool of 2, imap one by one", "/s", Peers.PoolIMap, "imap"),
        new("start and join; CPython forks", "ms", Peers.StartAndJoin, "fork"),
        new("start and join; CPython spawns", "ms", null, "spawn"),
        new("killed holder, unwatched", "ms", Peers.KilledStranger, null),
        new("killed holder, waiter its sibling", "ms", Peers.KilledSibling, null),
    ];

    public static Task RunAsync(Run run)
    {
        using var python = Python.Find();
        var ours = Measures.ToDictionary(measure => measure.What, _ => new List<double>());
        var theirs = Measures.ToDictionary(measure => measure.What, _ => new List<double>());
        for (var i = 0; i < run.Runs; i++)
        {
            foreach (var measure in Measures)
            {
                run.Report.Progress($"run {i + 1} of {run.Runs}: {measure.What}");
                if (measure.Ours is { } figure) ours[measure.What].Add(figure());
                if (measure.Theirs is { } name && python is not null) theirs[measure.What].Add(python.Measure(name));
            }
        }

        foreach (var (what, unit, _, _) in Measures)
        {
            var figures = new List<(string, object)>();
            Add(figures, unit, ours[what]);
            Add(figures, $"CPython {unit}", theirs[what]);
            if (Ratio(what) is { } ratio) figures.Add(("ratio", Math.Round(ratio, 3)));
            if (figures.Count > 0) run.Report.Row(what, [.. figures]);
        }

        if (python is null)
            run.Report.LeaveOut("CPython", "there is no python3 here, so no ratios and nothing of CPython's was measured");
        else
            run.Report.Row("killed holder, CPython", ("granted within 2 s", python.Measure("killed") != 0), ("version", python.Version));

        run.Report.Aim("lock pair, ns", Median.Of(ours["lock pair, uncontended"]), 40, atLeast: false);
        run.Report.Aim("queue of ints, per second", Median.Of(ours["queue, one to one, ints"]), 1_200_000);
        run.Report.Aim("killed holder, unwatched, ms, the longest", ours["killed holder, unwatched"].Max(), 60, atLeast: false);
        run.Report.Aim("killed holder, sibling, ms, the longest", ours["killed holder, waiter its sibling"].Max(), 10, atLeast: false);
        if (python is null) return Task.CompletedTask;
        run.Report.Aim("adding 1, times as fast as CPython", 1 / Ratio("two processes add 1 under a lock")!.Value, 8);
        run.Report.Aim("queue of ints, of CPython's", Ratio("queue, one to one, ints")!.Value, 20);
        run.Report.Aim("queue of 1 KiB, of CPython's", Ratio("queue, one to one, 1 KiB")!.Value, 15);
        run.Report.Aim("pipe round trip, of CPython's time", Ratio("pipe round trip, 8 bytes, p50")!.Value, 0.6, atLeast: false);
        run.Report.Aim("pool map, of CPython's", Ratio("pool of 2, map of 100,000")!.Value, 1);
        return Task.CompletedTask;

        double? Ratio(string what) =>
            ours[what].Count > 0 && theirs[what].Count > 0 ? Median.Of(ours[what]) / Median.Of(theirs[what]) : null;

        static void Add(List<(string, object)> figures, string name, List<double> values)
        {
            if (values.Count == 0) return;
            figures.AddRange([(name, Median.Of(values)), ("min", values.Min()), ("max", values.Max())]);
        }
    }

    /// <param name="What">The row.</param>
    /// <param name="Unit">Of the figure.</param>
    /// <param name="Ours">Measures ours once; null: there is nothing of ours that compares.</param>
    /// <param name="Theirs">What <see cref="Python"/> calls its own; null: it has none.</param>
    private sealed record Measure(string What, string Unit, Func<double>? Ours, string? Theirs);
}
