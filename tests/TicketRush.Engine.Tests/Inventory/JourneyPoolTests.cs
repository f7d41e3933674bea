using FsCheck;
using FsCheck.Fluent;
using TicketRush.Engine.Inventory;

namespace TicketRush.Engine.Tests.Inventory;

/// <summary>
/// Goal: a seat has one owner on each leg; best fit takes exactly the seat that an obvious search over all seats takes, and never
/// refuses what that search places; the matrix is what counting gives; places are neither made nor lost.
/// </summary>
public class JourneyPoolTests
{
    [Fact]
    public void Best_fit_is_that_of_the_obvious_search()
    {
        foreach (var seed in Seeds.Of(40)) Play(new Random(seed), $"seed {seed}", 600);
    }

    /// <summary>The same, with scripts that are made smaller until they fail no more; its seed is printed with a failure.</summary>
    [Fact]
    public void Best_fit_by_property()
    {
        var runs = ArbMap.Default.GeneratorFor<int>().ToArbitrary();
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(Seeds.Of(100).Count()),
            Prop.ForAll(runs, seed => Play(new Random(seed), $"property {seed}", 200)));
    }

    [Theory]
    [InlineData(0, 5, 2, 3, 0)] // everything free: the lowest
    [InlineData(1, 5, 1, 3, 1)] // seat 1 has been sold 0-1 and from 3 on: an exact gap
    [InlineData(1, 5, 1, 2, 1)] // a gap of two legs, touched at one end, and not a whole seat
    public void The_tightest_gap(int sold, int legs, int from, int to, int expected)
    {
        var pool = new JourneyPool(SeatLayout.Of([new("1", "1", "A-C")]), legs);
        if (sold > 0)
        {
            pool.Take(1, 0, 1);
            pool.Take(1, 3, 5);
        }

        var seats = new int[1];
        Assert.Equal(Refusal.None, pool.Find(new(1, from, to), seats, out _));
        Assert.Equal(expected, seats[0]);
    }

    [Fact]
    public void Parties_sit_on_a_bench_then_in_a_coach_then_anywhere()
    {
        var layout = SeatLayout.Of([new("1", "1-2", "A-C"), new("2", "1", "A-C")]);
        var pool = new JourneyPool(layout, 3);
        Assert.Equal([0, 1], Take(pool, 2, 0, 3));
        Assert.Equal([3, 4, 5], Take(pool, 3, 0, 3));
        Assert.Equal([6, 7, 8], Take(pool, 3, 0, 1));
        Assert.Equal([6, 7], Take(pool, 2, 1, 3)); // the tighter gap, and side by side
        Assert.Equal([2, 8], Take(pool, 2, 1, 3)); // what is left is in two coaches
        Assert.Empty(Take(pool, 1, 1, 2));
        Assert.Equal([2], Take(pool, 1, 0, 1));
    }

    [Theory]
    [InlineData(65)]
    [InlineData(128)]
    [InlineData(200)]
    public void Masks_are_as_wide_as_the_journey(int legs)
    {
        var pool = new JourneyPool(SeatLayout.Of([new("1", "1-2", "A-C")]), legs);
        pool.Take(2, 10, legs - 1);
        pool.Take(2, legs - 1, legs);
        pool.Take(2, 0, 9);
        var seats = new int[1];
        Assert.Equal(Refusal.None, pool.Find(new(1, 9, 10), seats, out _));
        Assert.Equal(2, seats[0]);
        Assert.False(pool.IsFree(2, 9, 11));
        Assert.Equal(5, pool.FreeFor(0, legs));
        pool.Return(2, 10, legs - 1);
        Assert.Equal(6, pool.FreeFor(9, legs - 1));
        Play(new Random(legs), $"{legs} legs", 300, legs);
    }

    [Fact]
    public void Wheelchair_places_go_only_to_those_who_ask()
    {
        var pool = new JourneyPool(SeatLayout.Of([new("1", "1-2", "A-D", Wheelchair: "A", Companion: "B")]), 4);
        Assert.Equal([2, 3, 6, 7], Take(pool, 4, 0, 4));
        Assert.Empty(Take(pool, 1, 0, 4));
        var seats = new int[2];
        Assert.Equal(Refusal.None, pool.Find(new(2, 1, 3, Wheelchair: 1), seats, out _));
        Assert.Equal([0, 1], seats);
    }

    /// <summary>
    /// Exactly what fits is accepted later, and all of it gets a seat: any order of journeys that never loads a leg with more than
    /// there are seats can be numbered, and no seat twice on a leg.
    /// </summary>
    [Fact]
    public void Seat_later_accepts_exactly_what_can_be_numbered()
    {
        foreach (var seed in Seeds.Of(60))
        {
            var random = new Random(seed);
            var (layout, legs) = (SeatLayout.Of([new("1", $"1-{random.Next(1, 5)}", "A-E", Aisles: "C")]), random.Next(1, 12));
            var (pool, parties, load) = (new LoadPool(legs, layout.Count), new List<Party>(), new int[legs]);
            for (var i = 0; i < 120; i++)
            {
                var from = random.Next(legs);
                var party = new Party(from, random.Next(from + 1, legs + 1), random.Next(1, 4));
                var fits = Enumerable.Range(from, party.To - from).All(leg => load[leg] + party.Places <= layout.Count);
                Assert.Equal(fits, pool.Fits(party.Places, from, party.To));
                Assert.Equal(fits, pool.Find(new(party.Places, from, party.To), new int[3], out _) == Refusal.None);
                if (!fits) continue;
                parties.Add(party);
                for (var place = 0; place < party.Places; place++) pool.Take(-1, from, party.To);
                for (var leg = from; leg < party.To; leg++) load[leg] += party.Places;
            }

            var (seats, owned, at) = (Colouring.Number(layout, parties), new HashSet<(int, int)>(), 0);
            foreach (var party in parties)
            {
                for (var place = 0; place < party.Places; place++, at++)
                {
                    for (var leg = party.From; leg < party.To; leg++)
                        Assert.True(owned.Add((seats[at], leg)), $"Seed {seed}: seat {seats[at]} twice.");
                }
            }

            Assert.Equal(seats.Length, at);
        }
    }

    private static int[] Take(JourneyPool pool, int places, int from, int to)
    {
        var seats = new int[places];
        if (pool.Find(new(places, from, to), seats, out _) != Refusal.None) return [];
        foreach (var seat in seats) pool.Take(seat, from, to);
        return seats;
    }

    private static void Play(Random random, string where, int steps, int? fixedLegs = null)
    {
        var legs = fixedLegs ?? random.Next(1, 14);
        var layout = SeatLayout.Of(
            [.. Enumerable.Range(1, random.Next(1, 4))
                .Select(coach => new RowPlan($"{coach}", $"1-{random.Next(1, 6)}", "A-E", Aisles: random.Next(2) == 0 ? "C" : "",
                Wheelchair: coach == 2 ? "A" : ""))]);
        var pool = new JourneyPool(layout, legs);
        var owner = new int[layout.Count, legs];
        var sold = new List<(int Seat, int From, int To)>();
        for (var step = 1; step <= steps; step++)
        {
            var from = random.Next(legs);
            var (to, places) = (random.Next(from + 1, legs + 1), random.Next(3) == 0 ? random.Next(2, 8) : 1);
            var (expected, seats) = (Search(layout, owner, legs, from, to, places), new int[places]);
            var refusal = pool.Find(new(places, from, to), seats, out _);
            Assert.True(
                expected is null ? refusal != Refusal.None : refusal == Refusal.None && expected.SequenceEqual(seats),
                $"{where}, step {step}: {places} places on {from}-{to}: {refusal} {string.Join(' ', seats)}, expected {string.Join(
                    ' ', expected ?? [])}");
            Assert.Equal(expected is not null, pool.Fits(places, from, to));
            if (expected is not null)
            {
                foreach (var seat in seats)
                {
                    pool.Take(seat, from, to);
                    sold.Add((seat, from, to));
                    for (var leg = from; leg < to; leg++) Assert.Equal(0, owner[seat, leg]++);
                }
            }

            while (sold.Count > 0 && random.Next(100) < (step / 100 % 2 == 0 ? 20 : 70))
            {
                var at = random.Next(sold.Count);
                var (seat, first, end) = sold[at];
                sold.RemoveAt(at);
                pool.Return(seat, first, end);
                for (var leg = first; leg < end; leg++) owner[seat, leg]--;
            }

            if (step % 20 != 0) continue;
            var pairs = new int[legs * legs];
            pool.Availability(pairs);
            for (var i = 0; i < legs; i++)
            {
                for (var j = i + 1; j <= legs; j++)
                {
                    var free = Enumerable.Range(0, layout.Count)
                        .Count(seat => layout.KindOf(seat) == SeatKind.Ordinary && IsFree(owner, seat, i, j));
                    Assert.Equal(free, pairs[i * legs + j - 1]);
                    if (step % 100 == 0) Assert.Equal(free, pool.FreeFor(i, j));
                }
            }
        }
    }

    private static bool IsFree(int[,] owner, int seat, int from, int to) =>
        Enumerable.Range(from, to - from).All(leg => owner[seat, leg] == 0);

    private static int[]? Search(SeatLayout layout, int[,] owner, int legs, int from, int to, int places)
    {
        var free = Enumerable.Range(0, layout.Count)
            .Where(seat => layout.KindOf(seat) == SeatKind.Ordinary && IsFree(owner, seat, from, to))
            .ToDictionary(seat => seat, seat => Around(owner, legs, seat, from, to));
        if (free.Count < places) return null;
        if (places == 1)
        {
            return [free.OrderBy(s => Waste(s.Value)).ThenBy(s => s.Value.Low == from || s.Value.High == to ? 0 : 1).ThenBy(s => s.Key)
                .First().Key];
        }

        var benches = layout.AllBenches;
        var onBench = Enumerable.Range(0, layout.Count - places + 1).Select(first => Enumerable.Range(first, places).ToArray())
            .Where(seats => seats.All(free.ContainsKey) && benches.Any(bench =>
                seats[0] >= bench.First && seats[^1] < bench.First + bench.Length));
        if (onBench.OrderBy(Worst).ThenBy(seats => seats[0]).FirstOrDefault() is { } together) return together;

        var coaches = Enumerable.Range(0, layout.AllSections.Count)
            .Select(coach => benches.Where(bench => bench.Section == coach).SelectMany(bench => Enumerable.Range(bench.First, bench.Length))
                .Where(free.ContainsKey).ToArray())
            .Where(seats => seats.Length >= places)
            .OrderBy(seats => seats.Select(seat => Waste(free[seat])).Order().ElementAt(places - 1));
        var pick = coaches.FirstOrDefault() ?? [.. free.Keys.Order()];
        var worst = pick.Select(seat => Waste(free[seat])).Order().ElementAt(places - 1);
        return [.. pick.Where(seat => Waste(free[seat]) <= worst).Order().Take(places)];

        int Waste((int Low, int High) gap) => from - gap.Low + gap.High - to;
        int Worst(int[] seats) => seats.Max(seat => Waste(free[seat]));
    }

    private static (int Low, int High) Around(int[,] owner, int legs, int seat, int from, int to)
    {
        while (from > 0 && owner[seat, from - 1] == 0) from--;
        while (to < legs && owner[seat, to] == 0) to++;
        return (from, to);
    }
}
