namespace TicketRush.Engine.Tests;

public class PlanCheckTests
{
    private static readonly Plan Good = Plans.Concert;
    private static readonly string TooLong = new('x', Plan.TextLengthMax + 1);

    public static TheoryData<string, string, Func<Plan, Plan>> Wrong => new()
    {
        { "name", "must not be empty", plan => plan with { Name = " " } },
        { "name", "is 201 characters long; 200 are allowed", plan => plan with { Name = TooLong } },
        { "name", "must not hold control characters", plan => plan with { Name = "a\nb" } },
        { "venue", "is 201 characters long; 200 are allowed", plan => plan with { Venue = TooLong } },
        { "startsAt", "must not hold control characters", plan => plan with { StartsAt = "\t" } },
        { "timeZone", "must not be empty", plan => plan with { TimeZone = "" } },
        { "currency", "must be three capital letters, such as CNY or EUR", plan => plan with { Currency = "Cny" } },
        { "currency", "must be three capital letters, such as CNY or EUR", plan => plan with { Currency = "YUAN" } },
        { "paymentKind", "must be none, external or test", plan => plan with { PaymentKind = 0 } },
        { "closesAt", "must be later than opensAt", plan => plan with { OpensAtMs = 5, ClosesAtMs = 5 } },
        { "pools", "is 65; must be 1 to 64 pools", plan => plan with { Pools = [.. plan.Pools, .. Pools(63)] } },
        { "tiers", "is 0; must be 1 to 256 tiers", plan => plan with { Tiers = [] } },
        { "tiers", "is 257; must be 1 to 256 tiers", plan => plan with { Tiers = [.. plan.Tiers, .. Tiers(254)] } },
        { "pools[1].id", "\"ga\" is used twice; every pool needs an id of its own", plan =>
            plan with { Pools = [new("ga", 1, 0), new("ga", 2, 0)], Tiers = plan.Tiers[..2] } },
        { "pools[2].id", "must be 1 to 63 of a-z, 0-9 and -, and not start with -", plan =>
            plan with { Pools = [.. plan.Pools, new("Lawn", 1, 0)] } },
        { "pools[0].capacity", "is 20000001; must be 0 to 20000000 places", plan => plan.With("ga", capacity: 20_000_001) },
        { "pools[1].blocked", "is 3; must be 0 to the capacity, 2", plan => plan.With("box", blocked: 3) },
        { "pools[1].blocked", "is -1; must be 0 to the capacity, 2", plan => plan.With("box", blocked: -1) },
        { "tiers[3].id", "\"vip\" is used twice; every tier needs an id of its own", plan =>
            plan with { Tiers = [.. plan.Tiers, plan.Tiers[2]] } },
        { "tiers[3].id", "must be 1 to 63 of a-z, 0-9 and -, and not start with -", plan =>
            plan with { Tiers = [.. plan.Tiers, new("-x", "X", "ga", 1)] } },
        { "tiers[3].name", "must not be empty", plan => plan with { Tiers = [.. plan.Tiers, new("x", "", "ga", 1)] } },
        { "tiers[3].pool", "\"lawn\" is not one of the pools", plan => plan with { Tiers = [.. plan.Tiers, new("x", "X", "lawn", 1)] } },
        { "tiers[0].price", "is -1; must be 0 to 1000000000000 minor units", plan => plan.WithPrice("adult", -1) },
        { "tiers[0].price", "is 1000000000001; must be 0 to 1000000000000 minor units", plan =>
            plan.WithPrice("adult", Plan.PriceMax + 1) },
        { "rules.holdSeconds", "is 0; must be 1 to 86400 seconds", plan => plan with { Rules = plan.Rules with { HoldSeconds = 0 } } },
        { "rules.holdSeconds", "is 86401; must be 1 to 86400 seconds", plan =>
            plan with { Rules = plan.Rules with { HoldSeconds = 86_401 } } },
        { "rules.extensions", "is 11; must be 0 to 10 extensions", plan => plan with { Rules = plan.Rules with { Extensions = 11 } } },
        { "rules.perOrder", "is 101; must be 1 to 100 places", plan =>
            plan with { Rules = plan.Rules with { PerOrder = 101, PerBuyer = 200 } } },
        { "rules.perOrder", "is 0; must be 1 to 100 places", plan => plan with { Rules = plan.Rules with { PerOrder = 0 } } },
        { "rules.perBuyer", "is 1000001; must be 1 to 1000000 places", plan =>
            plan with { Rules = plan.Rules with { PerBuyer = 1_000_001 } } },
        { "rules.perBuyer", "is 5; must not be below perOrder, 6", plan => plan with { Rules = plan.Rules with { PerBuyer = 5 } } },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void One_error_is_told_with_its_path(string path, string message, Func<Plan, Plan> spoil)
    {
        Assert.Equal([new(path, message)], PlanCheck.Errors(spoil(Good)));

        var script = new Script();
        script.Change(spoil(Good), "PlanInvalid");
        Assert.Equal($"{path} {message}.", script.Reply.Detail);
    }

    [Fact]
    public void All_errors_are_told_at_once()
    {
        var errors = PlanCheck.Errors(Good with
        {
            Name = "",
            Currency = "",
            Pools = [new("", -1, 0)],
            Tiers = [new("x", "", "ga", -1)],
            Rules = new(0, -1, 0, 0),
        });

        Assert.Equal(
            [
                "name", "currency", "pools[0].id", "pools[0].capacity", "pools[0].blocked", "tiers[0].name", "tiers[0].pool",
                "tiers[0].price", "rules.holdSeconds", "rules.extensions", "rules.perOrder", "rules.perBuyer",
            ],
            errors.Select(error => error.Path));
    }

    [Fact]
    public void A_plan_at_every_limit_is_good() => Assert.Empty(PlanCheck.Errors(Good with
    {
        Name = new('x', Plan.TextLengthMax),
        Venue = "",
        StartsAt = "",
        OpensAtMs = 4,
        ClosesAtMs = 5,
        Pools = [new("ga", Plan.CapacityMax, Plan.CapacityMax), new("box", 0, 0), .. Pools(62)],
        Tiers = [.. Good.Tiers, new("dear", "Dear", "ga", Plan.PriceMax), new("free", "Free", "ga", 0), .. Tiers(251)],
        Rules = new(PlanRules.HoldSecondsMax, PlanRules.ExtensionsMax, PlanRules.PerOrderMax, PlanRules.PerBuyerMax),
    }));

    [Theory]
    [InlineData("a", true)]
    [InlineData("0-night-train-", true)]
    [InlineData("", false)]
    [InlineData("-a", false)]
    [InlineData("a_b", false)]
    [InlineData("é", false)]
    [InlineData("a/b", false)]
    [InlineData("123456789-123456789-123456789-123456789-123456789-123456789-123", true)]
    [InlineData("123456789-123456789-123456789-123456789-123456789-123456789-1234", false)]
    public void An_id_is_short_and_plain(string id, bool good) => Assert.Equal(good, PlanCheck.IsId(id));

    private static IEnumerable<PoolPlan> Pools(int count) => Enumerable.Range(0, count).Select(i => new PoolPlan($"p{i}", 1, 0));

    private static IEnumerable<TierPlan> Tiers(int count) => Enumerable.Range(0, count).Select(i => new TierPlan($"t{i}", "T", "ga", 1));
}
