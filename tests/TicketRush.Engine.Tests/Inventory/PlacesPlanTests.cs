namespace TicketRush.Engine.Tests.Inventory;

public class PlacesPlanTests
{
    private static readonly Plan Train = PlacesCrowdTests.Train;
    private static readonly Plan Hall = PlacesCrowdTests.Hall;

    public static TheoryData<string, string, Func<Plan>> Wrong => new()
    {
        { "stops", "is 1; must be 2 to 257 stops", () => OneStop() },
        { "stops[1].id", "\"a\" is used twice; every stop needs an id of its own", () =>
            Train with { Stops = [.. Train.Stops!.Select((stop, i) => i == 1 ? stop with { Id = "a" } : stop)] } },
        { "stops[2].name", "must not be empty", () =>
            Train with { Stops = [.. Train.Stops!.Select((stop, i) => i == 2 ? stop with { Name = " " } : stop)] } },
        { "pools[0].rows[0].seats", "\"1-\" is no range such as 1-40, 40-1, 1-39/2 or A-F of at most 500", () =>
            Rows(row => row with { Seats = "1-" }) },
        { "pools[0].rows[0].seats", "\"\" is no label: 1 to 12 letters and digits", () =>
            Rows(row => row with { Seats = "1,,2", Aisles = "" }) },
        { "pools[0].rows[0].aisles", "names \"9\", which is none of the row's seats", () => Rows(row => row with { Aisles = "9" }) },
        { "pools[0].rows[0].seats", "has more than 64 seats without an aisle", () =>
            Rows(row => row with { Seats = "1-65", Aisles = "" }) },
        { "pools[0].rows[0].turn", "is 4; must be 0 to 3 quarter turns", () => Rows(row => row with { Turn = 4 }) },
        { "pools[0].rows[0].x", "must be between -2000 and 2000", () => Rows(row => row with { X = 2_001 }) },
        { "pools[0].rows[1]", "has seat 3-1 a second time", () => Rows(row => row with { Rows = "3-4" }) },
        { "pools[0].rows", "have 500000 seats; 400000 are allowed", () =>
            Pool(Hall, 0, pool => pool with { Rows = [Large("A"), Large("B")] }) },
        { "pools", "have 500000 seats; 400000 are allowed", () =>
            Pool(Pool(Hall, 0, _ => Large("a", "A")), 1, _ => Large("b", "A")) with { Tiers = [new("a", "A", "a", 1)] } },
        { "tiers", "have more than 65536 different prices over all journeys", () => Prices(2, 256) },
        { "pools[0].capacity", "is 23; the rows have 22 seats", () => Pool(Hall, 0, pool => pool with { Capacity = 23 }) },
        { "pools[0].blocks[0].seat", "is none of the pool's seats", () => Pool(Hall, 0, pool => pool with { Blocks = [new(22, 0, 1)] }) },
        { "pools[0].blocks[1]", "blocks a place that is blocked already", () =>
            Pool(Hall, 0, pool => pool with { Blocks = [new(3, 0, 1), new(3, 0, 1)] }) },
        { "pools[0].blocked", "is 2; must be that of blocks", () => Pool(Hall, 0, pool => pool with { Blocked = 2 }) },
        { "pools[1].blocks", "is for seats and journeys; give blocked, a number", () =>
            Pool(Hall, 1, pool => pool with { Blocks = [new(-1, 0, 1)] }) },
        { "pools[0].travel", "needs the plan's stops", () =>
            Pool(Hall, 0, pool => pool with { Travel = Travel.SeatNow, NoSingles = false }) },
        { "pools[2].rows", "must not be given for standing places", () =>
            Pool(Train, 2, pool => pool with { Rows = Train.Pools[1].Rows }) },
        { "pools[0].numbersAt", "is for seats that are numbered later", () => Pool(Train, 0, pool => pool with { NumbersAtMs = 1 }) },
        { "pools[1].rows[0].wheelchair", "must not be given where seats are numbered later; give such places a pool of their own", () =>
            Pool(Train, 1, pool => pool with { Rows = [new("3", "1-2", "A-C", Wheelchair: "A")] }) },
        { "tiers[0].legPrices", "has 4 prices; the journey has 5 legs", () => Tier(tier => tier with { LegPrices = [1, 2, 3, 4] }) },
        { "tiers[0].legPrices[1]", "is -2; must be 0 to 1000000000000 minor units", () =>
            Tier(tier => tier with { LegPrices = [1, -2, 3, 4, 5] }) },
        { "tiers[0].pairPrices[4]", "has 2 prices; there must be one for each stop behind, 1", () =>
            Tier(tier => tier with { LegPrices = null, PairPrices = [[1, 1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1], [1, 1], [1, 1]] }) },
        { "tiers[0].pairPrices", "must not be given together with legPrices", () => Tier(tier => tier with { PairPrices = [] }) },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void One_error_is_told_with_its_path(string path, string message, Func<Plan> plan) =>
        Assert.Equal([new(path, message)], PlanCheck.Errors(plan()));

    [Fact]
    public void Sound_plans_have_no_error()
    {
        Assert.Empty(PlanCheck.Errors(Train));
        Assert.Empty(PlanCheck.Errors(Hall));
        Assert.Empty(PlanCheck.Errors(Prices(1, 256)));
    }

    [Fact]
    public void Rows_of_a_thousand_million_seats_are_refused_before_they_are_laid_out()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var errors = PlanCheck.Errors(Pool(Hall, 0, pool =>
            pool with { Rows = [.. Enumerable.Range(0, 4_000).Select(i => Large($"S{i}"))] }));
        Assert.Equal([new("pools[0].rows", "have 1000000000 seats; 400000 are allowed")], errors);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1L << 30);
    }

    [Theory]
    [InlineData("1-3", "1 2 3")]
    [InlineData("3-1", "3 2 1")]
    [InlineData("1-7/2", "1 3 5 7")]
    [InlineData("A-C,E", "A B C E")]
    [InlineData("12,左1", "12 左1")]
    public void Labels_are_lists_and_ranges(string text, string expected)
    {
        var labels = new List<string>();
        Assert.Null(Labels.Parse(text, labels));
        Assert.Equal(expected, string.Join(' ', labels));
    }

    [Fact]
    public void Seats_are_numbered_named_and_placed_in_the_order_of_the_plan()
    {
        var layout = SeatLayout.Of([new("L", "1-2", "1-3", Aisles: "1", X: 10, Y: 5), new("R", "A", "7", Turn: 2)]);
        Assert.Equal(["L-1-1", "L-1-2", "L-1-3", "L-2-1", "L-2-2", "L-2-3", "R-A-7"], Enumerable.Range(0, 7).Select(layout.NameOf));
        Assert.Equal(5, layout.Find("L-2-3"));
        Assert.Equal(-1, layout.Find("L-2-4"));
        Assert.Equal([1, 2, 1, 2, 1], layout.AllBenches.Select(bench => bench.Length));
        Assert.Equal([2, 3, -1, -1, -1], layout.AllBenches.Select(bench => bench.Behind));

        // Twice the place: three seats and an aisle are four wide, around 10.
        Assert.Equal([(17, 10), (21, 10), (23, 10)], Enumerable.Range(0, 3).Select(layout.PlaceOf));
        Assert.Equal((17, 12), layout.PlaceOf(3));
    }

    [Theory]
    [InlineData(0, 1, 10)]
    [InlineData(1, 4, 90)]
    [InlineData(0, 5, 150)]
    public void A_journey_costs_the_sum_of_its_legs(int from, int to, long price) => Assert.Equal(price, Train.PriceOf(0, from, to));

    [Fact]
    public void After_opening_rows_stops_and_rules_stay()
    {
        var rig = new PlacesRig(Train);
        Refused(Train with { Stops = [.. Train.Stops!.Select(stop => stop with { Name = "other" })] });
        Refused(Pool(Train, 0, pool => pool with { Rows = [new("9", "1-4", "A-C")] }));
        Refused(Pool(Train, 1, pool => pool with { Travel = Travel.SeatNow }));
        Refused(Train with { Rules = Train.Rules with { Waitlist = false } });

        // Nothing of that would have been refused for being wrong in itself; and a raised capacity is taken.
        Assert.Equal(Verdict.Entry, rig.Ask(
            new() { Kind = CommandKind.Plan, Plan = Pool(Train, 2, pool => pool with { Capacity = 9 }), Revision = 1 }));

        void Refused(Plan plan)
        {
            Assert.Equal(Verdict.Refused, rig.Ask(new() { Kind = CommandKind.Plan, Plan = plan, Revision = 1 }));
            Assert.Equal(Refusal.PlanFrozen, rig.Reply.Refusal);
        }
    }

    private static RowPlan Large(string section) => new(section, "1-500", "1-500", Aisles: "50-450/50");

    private static PoolPlan Large(string id, string section) => new(id, 250_000, 0) { Rows = [Large(section)] };

    // A price of its own for every journey: 256 legs have 32,896.
    private static Plan Prices(int tiers, int legs) => Train with
    {
        Stops = [.. Enumerable.Range(0, legs + 1).Select(i => new StopPlan($"s{i}", $"Stop {i}"))],
        Pools = [new("standing", 4, 0) { Travel = Travel.Standing }],
        Tiers =
        [
            .. Enumerable.Range(0, tiers).Select(i => new TierPlan($"t{i}", "Tier", "standing", 0)
            {
                PairPrices = [.. Enumerable.Range(0, legs)
                    .Select(from => Enumerable.Range(from + 1, legs - from).Select(to => from * 1_000L + to).ToArray())],
            }),
        ],
    };

    private static Plan OneStop() => Hall with { Stops = [new("a", "A")] };

    private static Plan Rows(Func<RowPlan, RowPlan> change) =>
        Pool(Hall, 0, pool => pool with { Rows = [.. pool.Rows!.Select((row, i) => i == 0 ? change(row) : row)] });

    private static Plan Pool(Plan plan, int at, Func<PoolPlan, PoolPlan> change) =>
        plan with { Pools = [.. plan.Pools.Select((pool, i) => i == at ? change(pool) : pool)] };

    private static Plan Tier(Func<TierPlan, TierPlan> change) =>
        Train with { Tiers = [.. Train.Tiers.Select((tier, i) => i == 0 ? change(tier) : tier)] };
}
