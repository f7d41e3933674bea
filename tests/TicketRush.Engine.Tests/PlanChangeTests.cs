namespace TicketRush.Engine.Tests;

public class PlanChangeTests
{
    private static readonly Plan Concert = Plans.Concert;

    public static TheoryData<string, Func<Plan, Plan>> Allowed => new()
    {
        { "more capacity", plan => plan.With("ga", capacity: 100) },
        { "less capacity", plan => plan.With("ga", capacity: 3) },
        { "blocked", plan => plan.With("ga", blocked: 3) },
        { "price", plan => plan.WithPrice("adult", 9) },
        { "name", plan => plan with { Name = "Another" } },
        { "venue", plan => plan with { Venue = "Elsewhere" } },
        { "closing time", plan => plan with { ClosesAtMs = 1_000_000 } },
        { "a tier's name", plan => plan with { Tiers = [plan.Tiers[0] with { Name = "Full" }, .. plan.Tiers[1..]] } },
        { "one more tier", plan => plan with { Tiers = [.. plan.Tiers, new("late", "Late", "ga", 1)] } },
        { "one more pool", plan => plan with { Pools = [.. plan.Pools, new("lawn", 9, 0)] } },
    };

    public static TheoryData<string, Func<Plan, Plan>> Frozen => new()
    {
        { "startsAt", plan => plan with { StartsAt = "2031-01-31T20:00" } },
        { "timeZone", plan => plan with { TimeZone = "Europe/Berlin" } },
        { "currency", plan => plan with { Currency = "EUR" } },
        { "opensAt", plan => plan with { OpensAtMs = 1 } },
        { "paymentKind", plan => plan with { PaymentKind = PaymentKind.None } },
        { "rules", plan => plan with { Rules = plan.Rules with { HoldSeconds = 601 } } },
        { "rules", plan => plan with { Rules = plan.Rules with { Extensions = 3 } } },
        { "rules", plan => plan with { Rules = plan.Rules with { PerOrder = 5 } } },
        { "rules", plan => plan with { Rules = plan.Rules with { PerBuyer = 9 } } },
        { "Pool \"box\"", plan => plan with { Pools = plan.Pools[..1], Tiers = plan.Tiers[..2] } },
        { "Tier \"child\"", plan => plan with { Tiers = [plan.Tiers[0], plan.Tiers[2]] } },
        { "Tier \"adult\"", plan => plan with { Tiers = [plan.Tiers[0] with { Pool = "box" }, .. plan.Tiers[1..]] } },
    };

    [Theory]
    [MemberData(nameof(Allowed), DisableDiscoveryEnumeration = true)]
    public void After_opening_a_plan_may_change_its(string what, Func<Plan, Plan> change)
    {
        var script = Script.Run("hold H1 B1 adult:1 -> Held, #3");

        script.Change(change(Concert), "Open, #4");

        Assert.True(change(Concert) == script.Sale.Plan, what);
        Assert.Equal(4, script.Sale.Revision);
        script.Play("hold H2 B1 adult:1 -> Held");
    }

    [Theory]
    [MemberData(nameof(Frozen), DisableDiscoveryEnumeration = true)]
    public void After_opening_a_plan_may_not_change_its(string what, Func<Plan, Plan> change)
    {
        var script = Script.Run("pause -> Paused, #3");

        script.Change(change(Concert), "PlanFrozen");

        Assert.StartsWith(what, script.Reply.Detail, StringComparison.Ordinal);
        script.Play("close -> Closed");
        script.Change(change(Concert), "PlanFrozen");
    }

    [Theory]
    [MemberData(nameof(Allowed), DisableDiscoveryEnumeration = true)]
    [MemberData(nameof(Frozen), DisableDiscoveryEnumeration = true)]
    public void A_draft_may_change_in_everything(string what, Func<Plan, Plan> change)
    {
        var script = new Script();
        script.Change(Concert, "Draft, #1");
        script.Change(change(Concert), "Draft, #2");

        Assert.True(change(Concert) == script.Sale.Plan, what);
        script.Play("open -> Open, #3");
    }

    [Fact]
    public void A_draft_that_loses_a_pool_sells_what_is_left()
    {
        var script = new Script();
        script.Change(Concert, "Draft, #1");
        script.Change(Plans.Hall(3), "Draft, #2");
        script.Play("""
            open               -> Open
            buy H1 B1 R1 adult:3 -> Paid
            ga                 -> free 0, held 0, sold 3, blocked 0
            """);
    }

    [Fact]
    public void A_draft_that_holds_longer_than_before_expires_at_the_new_end()
    {
        var script = new Script();
        script.Change(Concert with { Rules = Concert.Rules with { HoldSeconds = 1 } }, "Draft");
        script.Change(Concert with { Rules = Concert.Rules with { HoldSeconds = 80_000 } }, "Draft");
        script.Play("""
            open               -> Open
            hold H1 B1 adult:1 -> Held, until 80000s
            extend H1          -> Held, until 160000s
            at 159999.999s
            timer              -> expired 0
            at 160000s
            timer              -> expired 1
            """);
    }

    [Fact]
    public void A_change_for_an_older_revision_is_refused()
    {
        var script = Script.Run("");
        script.Change(Concert.WithPrice("adult", 2000), "Open, #3", revision: 1);
        script.Change(Concert.WithPrice("adult", 3000), "PlanChanged", revision: 1);
        script.Change(Concert.WithPrice("adult", 3000), "PlanChanged", revision: 4);
        script.Change(Concert.WithPrice("adult", 3000), "Open, #4", revision: 3);
    }

    [Fact]
    public void A_plan_that_stands_as_asked_is_a_repeat_whatever_the_revision()
    {
        var script = Script.Run("");
        var dearer = Concert.WithPrice("adult", 2000);
        script.Change(dearer, "Open, #3", revision: 1);
        script.Change(dearer with { Pools = [.. dearer.Pools], Tiers = [.. dearer.Tiers] }, "Again Open, #3", revision: 1);
        script.Change(dearer with { Pools = [.. dearer.Pools.Reverse()], Tiers = [.. dearer.Tiers.Reverse()] }, "Again Open, #3",
            revision: 0);
    }

    [Fact]
    public void Creating_twice_is_creating_once()
    {
        var script = new Script();
        script.Change(Concert, "PlanChanged", revision: 1);
        script.Change(Concert, "Draft, #1", revision: 0);
        script.Change(Concert, "Again Draft, #1", revision: 0);
        script.Change(Concert with { Name = "Another" }, "PlanChanged", revision: 0);
    }

    [Fact]
    public void Pools_and_tiers_keep_their_places_in_whatever_order_a_change_names_them()
    {
        var script = Script.Run("""
            hold H1 B1 vip:1   -> Held, amount 5000
            hold H2 B1 child:2 -> Held, amount 800
            """);

        script.Change(
            Concert with
            {
                Pools = [new("lawn", 9, 0), new("box", 2, 1), new("ga", 7, 0), new("attic", 1, 0)],
                Tiers =
                [
                    new("grass", "Grass", "lawn", 1), new("vip", "Box", "box", 6000), new("child", "Child", "ga", 500),
                    new("roof", "Roof", "attic", 2), new("adult", "Adult", "ga", 1000),
                ],
            },
            "Open, #5");

        Assert.Equal(["ga", "box", "lawn", "attic"], script.Sale.Plan!.Pools.Select(pool => pool.Id));
        Assert.Equal(["adult", "child", "vip", "grass", "roof"], script.Sale.Plan.Tiers.Select(tier => tier.Id));
        script.Play("""
            ga                              -> free 5, held 2, sold 0, blocked 0
            box                             -> free 0, held 1, sold 0, blocked 1
            hold H1 B1 vip:1                -> Again Held, amount 5000
            pay H1 R1                       -> Paid, amount 5000
            pay H2 R2                       -> Paid, amount 800
            buy H3 B2 R3 grass:1,roof:1     -> Paid, amount 3
            lawn                            -> free 8, held 0, sold 1, blocked 0
            attic                           -> free 0, held 0, sold 1, blocked 0
            """);
    }

    [Fact]
    public void Capacity_may_sink_to_what_is_in_use_and_no_further()
    {
        var script = Script.Run("""
            hold H1 B1 adult:2 -> Held
            buy H2 B2 R2 child:1 -> Paid
            """);
        script.Change(Concert.With("ga", capacity: 2), "CapacityInUse, allowed 3");
        script.Change(Concert.With("ga", blocked: 4), "CapacityInUse, allowed 7");
        script.Change(Concert.With("ga", capacity: 4, blocked: 2), "CapacityInUse, allowed 5");
        Assert.Contains("\"ga\": 2 are held, 1 sold and 2 to be blocked", script.Reply.Detail, StringComparison.Ordinal);
        script.Change(Concert.With("ga", capacity: 4, blocked: 1), "Open, #5");
        script.Play("""
            ga                 -> free 0, held 2, sold 1, blocked 1
            hold H3 B2 adult:1 -> SoldOut
            """);
    }

    [Fact]
    public void A_tier_is_known_by_its_name_in_the_plan_that_its_asker_saw()
    {
        var script = new Script();
        script.Change(Concert, "Draft");
        var seen = script.Sale.Plan;
        script.Change(Concert with { Tiers = [.. Concert.Tiers.Reverse(), new("late", "Late", "ga", 1)] }, "Draft");
        script.Change(Concert with { Tiers = [Concert.Tiers[0], Concert.Tiers[2]] }, "Draft");
        script.Play("open -> Open");

        Assert.Equal("Held", script.Ask(Hold(1, tier: 0, seen))[0]);
        Assert.Equal("UnknownTier", script.Ask(Hold(2, tier: 1, seen))[0]);
        Assert.Equal("Held", script.Ask(Hold(3, tier: 1, script.Sale.Plan))[0]);
        Assert.Equal("UnknownTier", script.Ask(Hold(4, tier: 2, seen))[0]);
        Assert.Equal("UnknownTier", script.Ask(Hold(5, tier: 0, seen: null))[0]);
    }

    private static Command Hold(uint id, ushort tier, Plan? seen)
    {
        var command = new Command { Kind = CommandKind.Hold, Hold = new(id), Buyer = new(1), Plan = seen };
        Assert.True(command.Lines.TryAdd(tier, 1));
        return command;
    }
}
