using System.Diagnostics;
using System.Text.Json;
using TicketRush.Engine;
using TicketRush.Engine.Inventory;
using TicketRush.Journal;
using TicketRush.Journal.Files;
using TicketRush.Server.Api;

namespace TicketRush.Load;

/// <summary>Seats, journeys and the waitlist, on the plans in samples/plans.</summary>
internal static class Places
{
    private const int Legs = 19;

    public static async Task RunAsync(Run run)
    {
        Stadium(run);
        Train(run);
        Waitlist(run);
        Quality(run);
        await WholePathAsync(run);
    }

    public static Plan Sample(string name)
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "TicketRush.slnx"))) directory = directory.Parent;
        var text = File.ReadAllBytes(Path.Combine(directory.FullName, "samples", "plans", $"{name}.json"));
        return PlanMapping.Read(JsonSerializer.Deserialize(text, ApiJson.Default.PlanDocument)!, allowTestPayments: true).Plan!;
    }

    /// <summary>All 60,000 seats as one pool, so that the best of all of them is looked for.</summary>
    public static SeatLayout StadiumLayout() => SeatLayout.Of([.. Sample("stadium-60000").Pools.SelectMany(pool => pool.Rows!)]);

    public static SeatLayout TrainLayout() => SeatLayout.Of([.. Sample("train-16-coaches").Pools.SelectMany(pool => pool.Rows ?? [])]);

    private static void Stadium(Run run)
    {
        var layout = StadiumLayout();
        var (best, worst, named) = (new List<double>(), new List<double>(), new List<double>());
        var sold = 0;
        for (var i = 0; i < run.Runs; i++)
        {
            run.Report.Progress($"stadium, run {i + 1} of {run.Runs}");
            var (map, seats, times) = (new SeatMap(layout, new(0, 0)), new int[4], new List<double>(16_000));
            for (sold = 0; ; sold += 4)
            {
                var start = Stopwatch.GetTimestamp();
                var refusal = map.Find(new(4, 0, 1), seats, out _);
                if (refusal == Refusal.None)
                {
                    foreach (var seat in seats) map.Take(seat, 0, 1);
                }

                times.Add(Nanoseconds(start));
                if (refusal != Refusal.None) break;
            }

            best.Add(Median.Of(times));
            worst.Add(times.Skip(times.Count / 50).Max());

            var (random, order) = (new Random(i), Enumerable.Range(0, layout.Count).ToArray());
            random.Shuffle(order);
            map = new(layout, new(0, 0));
            var began = Stopwatch.GetTimestamp();
            foreach (var seat in order)
            {
                if (map.IsFree(seat, 0, 1)) map.Take(seat, 0, 1);
            }

            named.Add(Nanoseconds(began) / order.Length);
        }

        run.Report.Row($"stadium of {layout.Count:N0}", ("best 4, median ns", Median.Of(best)), ("longest ns", Median.Of(worst)),
            ("sold by fours", sold), ("named seat, mean ns", Median.Of(named)));
        run.Report.Aim("stadium, best 4 together, median ns", Median.Of(best), 5_000, atLeast: false);
        run.Report.Aim("stadium, named seat, ns", Median.Of(named), 150, atLeast: false);
    }

    private static void Train(Run run)
    {
        var layout = TrainLayout();
        foreach (var fill in (int[])[0, 25, 50, 75, 90, 99])
        {
            var (find, group, release, matrix) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
            for (var i = 0; i < run.Runs; i++)
            {
                var (random, pool) = (new Random(i), new JourneyPool(layout, Legs));
                var (sold, seats, pairs) = (new List<(int Seat, int From, int To)>(), new int[5], new int[Legs * Legs]);
                var legs = 0;
                for (var misses = 0; legs < layout.Count * Legs * fill / 100 && misses < 100_000;)
                {
                    var (from, to) = Journey(random);
                    if (pool.Find(new(1, from, to), seats, out _) != Refusal.None)
                    {
                        misses++;
                        continue;
                    }

                    pool.Take(seats[0], from, to);
                    sold.Add((seats[0], from, to));
                    legs += to - from;
                }

                // One comes back, and another journey is looked for: the fill stays.
                for (var k = 0; k < 20_000; k++)
                {
                    var (from, to) = Journey(random);
                    var start = Stopwatch.GetTimestamp();
                    var refusal = pool.Find(new(1, from, to), seats, out _);
                    if (refusal == Refusal.None) pool.Take(seats[0], from, to);
                    find.Add(Nanoseconds(start));
                    if (refusal == Refusal.None) sold.Add((seats[0], from, to));
                    while (sold.Count > 0 && (refusal == Refusal.None || k % 4 == 0))
                    {
                        var at = random.Next(sold.Count);
                        var (seat, first, end) = sold[at];
                        sold[at] = sold[^1];
                        sold.RemoveAt(sold.Count - 1);
                        start = Stopwatch.GetTimestamp();
                        pool.Return(seat, first, end);
                        release.Add(Nanoseconds(start));
                        break;
                    }

                    if (k % 20 != 0) continue;
                    start = Stopwatch.GetTimestamp();
                    pool.Availability(pairs);
                    matrix.Add(Nanoseconds(start));
                    start = Stopwatch.GetTimestamp();
                    pool.Find(new(4, from, to), seats, out _);
                    group.Add(Nanoseconds(start));
                }
            }

            var none = fill == 0 && release.Count == 0;
            run.Report.Row(
                $"train of {layout.Count:N0}, {fill} % sold", ("find and take, median ns", Median.Of(find)),
                    ("four of them, find ns", Median.Of(group)),
                ("release ns", none ? 0 : Median.Of(release)), ("matrix of all pairs ns", Median.Of(matrix)));
            run.Report.Aim($"{fill} %: find and take, ns", Median.Of(find), 1_000, atLeast: false);
            run.Report.Aim($"{fill} %: release, ns", none ? 0 : Median.Of(release), 200, atLeast: false);
            run.Report.Aim($"{fill} %: matrix, ns", Median.Of(matrix), 10_000, atLeast: false);
        }
    }

    /// <summary>
    /// One seat comes back, and goes to the first who waits for it: with few and with many who wait for the same twenty wishes.
    /// </summary>
    private static void Waitlist(Run run)
    {
        var figures = new List<(int Waiters, double Cost)>();

        // The first time round is for the compiler alone, or the shortest list would be measured with the coldest code.
        int[] lengths = [100, 1_000, 10_000, 100_000, 1_000_000];
        foreach (var waiters in (int[])[.. lengths, .. lengths])
        {
            run.Report.Progress($"waitlist of {waiters:N0}");
            var plan = Sample("train-16-coaches");
            plan = plan with
            {
                Rules = new PlanRules(600, 0, 5, 5) { Waitlist = true },
                Pools = [new("second", 100, 0) { Rows = [new("1", "1-20", "A-E")], Travel = Travel.SeatNow }],
                Tiers = [plan.Tiers[0]],
            };
            var (sale, entry, reply, sequence, ids) = (new Sale(), default(Entry), new Reply(), 0L, 0UL);
            Apply(new() { Kind = EntryKind.Planned, Plan = plan });
            Apply(new() { Kind = EntryKind.Opened });
            var holds = new Queue<HoldId>();
            for (var seat = 0; seat < 100; seat++) holds.Enqueue(Ask(CommandKind.Hold, 0, Legs, 1));
            for (var i = 0; i < waiters; i++) Ask(CommandKind.Wait, i % 20 / 5, Legs - i % 5, 1);

            var times = new List<double>();
            for (var i = 0; i < 4_000; i++)
            {
                // As the sequencer does it: what the command will touch is asked for a few commands ahead.
                var command = new Command { Kind = CommandKind.Release, Hold = holds.Dequeue() };
                sale.Prefetch(command);
                Ask(CommandKind.Wait, i % 20 / 5, Legs - i % 5, 1);
                var start = Stopwatch.GetTimestamp();
                sale.Decide(command, 1_000, ref entry, ref reply);
                Apply(entry);
                while (sale.TryOffer(1_000, ref entry))
                {
                    holds.Enqueue(entry.Hold);
                    Apply(entry);
                }

                times.Add(Nanoseconds(start));
            }

            figures.Add((waiters, Median.Of(times)));

            HoldId Ask(CommandKind kind, int from, int to, ushort places)
            {
                var command = new Command { Kind = kind, Plan = sale.Plan, From = (ushort)from, To = (ushort)to };
                ids++;
                command.Hold = new(new(ids * 0x9E3779B97F4A7C15, ids * 0xBF58476D1CE4E5B9));
                command.Buyer = new(command.Hold.Value + 1);
                command.Lines.TryAdd(0, places);
                if (sale.Decide(command, 1_000, ref entry, ref reply) != Verdict.Entry)
                    throw new InvalidOperationException($"{reply.Refusal}");
                Apply(entry);
                return command.Hold;
            }

            void Apply(in Entry decided) => sale.Apply(decided, ++sequence);
        }

        figures.RemoveRange(0, lengths.Length);
        run.Report.Row("a return that is offered on",
            [.. figures.Select(figure => ($"{figure.Waiters:N0} wait, ns", (object)figure.Cost))]);
        run.Report.Aim("a return with 10^6 that wait, times that with 10^2", figures[^1].Cost / figures[0].Cost, 1.3, atLeast: false);
        run.Report.Aim("… and", figures[^1].Cost / figures[0].Cost, 0.7, atLeast: true);
    }

    /// <summary>
    /// A day's demand for the train: journeys that begin and end at any stops, as many as would fill every leg 1.3 times over, in any
    /// order; one in twelve is given back. What each way of giving seats sells of all seats on all legs.
    /// </summary>
    private static void Quality(Run run)
    {
        var layout = TrainLayout();
        var (now, later, first) = (new List<double>(), new List<double>(), new List<double>());
        for (var seed = 0; seed < 20; seed++)
        {
            now.Add(Sell(seed, new JourneyPool(layout, Legs)));
            later.Add(Sell(seed, new LoadPool(Legs, layout.Count)));
            first.Add(Sell(seed, null));
        }

        run.Report.Row(
            "share of seats x legs sold", ("seat later", Median.Of(later)), ("best fit", Median.Of(now)), ("first fit", Median.Of(first)),
            ("best fit, of seat later", Median.Of(now) / Median.Of(later)),
                ("first fit, of seat later", Median.Of(first) / Median.Of(later)));

        double Sell(int seed, PlacePool? pool)
        {
            var (random, legs, asked) = (new Random(seed), 0, 0);
            var (sold, seats) = (new List<(int Seat, int From, int To)>(), new int[1]);
            var owned = new ulong[layout.Count];
            while (asked < layout.Count * Legs * 13 / 10)
            {
                var (from, to) = Journey(random);
                asked += to - from;
                var back = random.Next(12) == 0;
                var which = random.Next();
                seats[0] = pool is null ? FirstFit(owned, from, to) : pool.Find(new(1, from, to), seats, out _) == Refusal.None
                    ? seats[0] : -2;
                if (seats[0] != -2)
                {
                    if (pool is null) owned[seats[0]] |= Mask(from, to);
                    else pool.Take(seats[0], from, to);
                    sold.Add((seats[0], from, to));
                    legs += to - from;
                }

                if (!back || sold.Count == 0) continue;
                var (seat, begin, end) = sold[which % sold.Count];
                sold.RemoveAt(which % sold.Count);
                if (pool is null) owned[seat] &= ~Mask(begin, end);
                else pool.Return(seat, begin, end);
                legs -= end - begin;
            }

            return legs / (double)(layout.Count * Legs);
        }

        static ulong Mask(int from, int to) => (1UL << to) - (1UL << from);

        static int FirstFit(ulong[] owned, int from, int to)
        {
            for (var seat = 0; seat < owned.Length; seat++)
            {
                if ((owned[seat] & Mask(from, to)) == 0) return seat;
            }

            return -2;
        }
    }

    /// <summary>
    /// Callers who hold and give back, durable, in one process: counted places, seats of the stadium, journeys of the train.
    /// </summary>
    private static async Task WholePathAsync(Run run)
    {
        (string Name, Plan Plan, int Legs)[] sales =
        [
            ("counted", Crowd.Plan(100_000), 0), ("stadium, best 2", Sample("stadium-60000"), 0),
            ("train, one journey", Sample("train-16-coaches") is var train
                ? train with { Rules = train.Rules with { Passengers = false } } : null!, Legs),
        ];
        var figures = sales.Select(_ => new List<double>()).ToArray();
        for (var i = 0; i < run.Runs; i++)
        {
            for (var which = 0; which < sales.Length; which++)
            {
                run.Report.Progress($"run {i + 1} of {run.Runs}: {sales[which].Name}");
                using var scratch = run.Scratch();
                var path = Path.Combine(scratch.Path, "sale.rush");
                FileJournal.TryCreate(path, "load", sales[which].Plan);
                var sequencer = new Sequencer(FileJournal.Open(path));
                await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } });
                figures[which].Add(await HoldAndReleaseAsync(sequencer, 512, run.Time, sales[which].Legs, which == 1 ? 2 : 1));
                await sequencer.DisposeAsync();
            }
        }

        for (var which = 0; which < sales.Length; which++)
            run.Report.Row($"512 callers, {sales[which].Name}", ("holds and releases/s", Median.Of(figures[which])),
                ("of counted", Median.Of(figures[which]) / Median.Of(figures[0])));
        for (var which = 1; which < sales.Length; which++)
            run.Report.Aim($"{sales[which].Name}, of counted places", Median.Of(figures[which]) / Median.Of(figures[0]), 0.7);
    }

    private static async Task<double> HoldAndReleaseAsync(Sequencer sequencer, int callers, TimeSpan time, int legs, int places)
    {
        var (done, ends, counts) = (0L, false, false);
        var crowd = Enumerable.Range(0, callers).Select(caller => Task.Run(async () =>
        {
            var (random, submission, plan) = (new Random(caller), new Submission(), sequencer.Snapshot!.Plan);
            while (!Volatile.Read(ref ends))
            {
                var hold = new HoldId(new((ulong)random.NextInt64(), (ulong)random.NextInt64()));
                submission.Command = new() { Kind = CommandKind.Hold, Hold = hold, Buyer = new(hold.Value + 1), Plan = plan };
                submission.Command.Lines.TryAdd((ushort)(legs == 0 && plan.HasPlaces ? random.Next(4) : 0), (ushort)places);
                if (legs > 0)
                {
                    var (from, to) = Journey(random);
                    (submission.Command.From, submission.Command.To) = ((ushort)from, (ushort)to);
                }

                if (await sequencer.SubmitAsync(submission) != Outcome.Done)
                    throw new InvalidOperationException($"{submission.Reply.Refusal}");
                submission.Command = new() { Kind = CommandKind.Release, Hold = hold };
                if (await sequencer.SubmitAsync(submission) != Outcome.Done)
                    throw new InvalidOperationException($"{submission.Reply.Refusal}");
                if (Volatile.Read(ref counts)) Interlocked.Add(ref done, 2);
            }
        })).ToArray();
        await Task.Delay(Crowd.WarmUp);
        Volatile.Write(ref counts, true);
        var start = Stopwatch.GetTimestamp();
        await Task.Delay(time);
        var perSecond = Interlocked.Read(ref done) / Stopwatch.GetElapsedTime(start).TotalSeconds;
        Volatile.Write(ref ends, true);
        await Task.WhenAll(crowd);
        return perSecond;
    }

    private static (int From, int To) Journey(Random random)
    {
        var (one, other) = (random.Next(Legs + 1), random.Next(Legs));
        if (other >= one) other++;
        return (Math.Min(one, other), Math.Max(one, other));
    }

    private static double Nanoseconds(long start) => (Stopwatch.GetTimestamp() - start) * 1e9 / Stopwatch.Frequency;
}
