namespace TicketRush.Engine.Tests.Inventory;

/// <summary>Who waits, and what comes back to them; the rig checks after every entry that nobody who fits is left waiting.</summary>
public class WaitlistTests
{
    private readonly PlacesRig _rig = new(
        PlacesCrowdTests.Train with { Rules = new(60, 1, PerOrder: 6, PerBuyer: 30) { Waitlist = true } });
    private int _ids;

    [Fact]
    public void The_first_that_fits_is_offered_and_those_before_it_that_do_not_go_on_waiting()
    {
        var sold = Ask(CommandKind.Purchase, "stand", 4, 0, 5);
        var (whole, two, leg) = (Ask(CommandKind.Wait, "stand", 4, 0, 5), Ask(CommandKind.Wait, "stand", 2, 1, 3),
            Ask(CommandKind.Wait, "stand", 1, 0, 2));
        Refund(sold, 1);
        Assert.Equal((HoldState.Waiting, HoldState.Waiting, HoldState.Held), (State(whole), State(two), State(leg)));
        Refund(sold, 2, 3);
        Assert.Equal((HoldState.Waiting, HoldState.Held), (State(whole), State(two)));
        Assert.Equal(2 * 60_000, _rig.Reply.UntilMs + 60_000);
    }

    [Fact]
    public void A_wish_that_fits_is_offered_at_once_and_its_first_answer_stays_that_it_waits()
    {
        var wish = Ask(CommandKind.Wait, "meal", 2, 0, 0);
        Assert.Equal(HoldState.Held, State(wish));
        Assert.Equal(3, _rig.Reply.Sequence - 1);
        var command = Command(CommandKind.Wait, "meal", 2, 0, 0) with { Hold = wish };
        Assert.Equal(Verdict.Repeat, _rig.Ask(command));
        Assert.Equal((HoldState.Waiting, 3L), (_rig.Reply.State, _rig.Reply.Sequence));
    }

    [Fact]
    public void Who_leaves_is_passed_over_and_an_offer_that_runs_out_goes_on()
    {
        var sold = Ask(CommandKind.Hold, "stand", 4, 0, 5);
        var (first, second, third) = (Ask(CommandKind.Wait, "stand", 4, 0, 5), Ask(CommandKind.Wait, "stand", 4, 0, 5),
            Ask(CommandKind.Wait, "stand", 4, 0, 5));
        State(third);
        Assert.Equal(2, _rig.Reply.Given!.Ahead);
        _rig.Ask(new() { Kind = CommandKind.Release, Hold = first });
        _rig.Ask(new() { Kind = CommandKind.Release, Hold = sold });
        Assert.Equal((HoldState.Released, HoldState.Held, HoldState.Waiting), (State(first), State(second), State(third)));
        _rig.NowMs = 61_000;
        _rig.Expire();
        Assert.Equal((HoldState.Expired, HoldState.Held), (State(second), State(third)));

        // Late, its places are another's: the payment is owed back.
        Assert.Equal(Verdict.Entry, _rig.Ask(new() { Kind = CommandKind.Pay, Hold = second, Reference = new(7) }));
        Assert.Equal(Refusal.SoldOut, _rig.Reply.Refusal);
    }

    [Fact]
    public void While_the_sale_is_paused_nobody_is_offered_anything()
    {
        var sold = Ask(CommandKind.Purchase, "stand", 4, 0, 5);
        var wish = Ask(CommandKind.Wait, "stand", 1, 0, 1);
        _rig.Ask(new() { Kind = CommandKind.Pause });
        Refund(sold, 1);
        Assert.Equal(HoldState.Waiting, State(wish));
        _rig.Ask(new() { Kind = CommandKind.Open });
        Assert.Equal(HoldState.Held, State(wish));
    }

    [Fact]
    public void More_places_go_to_who_waits()
    {
        Ask(CommandKind.Purchase, "stand", 4, 0, 5);
        var wish = Ask(CommandKind.Wait, "stand", 1, 2, 3);
        var plan = _rig.Sale.Plan!;
        plan = plan with { Pools = [.. plan.Pools.Select(pool => pool.Id == "standing" ? pool with { Capacity = 5 } : pool)] };
        Assert.Equal(Verdict.Entry, _rig.Ask(new() { Kind = CommandKind.Plan, Plan = plan, Revision = _rig.Sale.Revision }));
        Assert.Equal(HoldState.Held, State(wish));
    }

    [Fact]
    public void Seats_are_numbered_at_the_time_of_the_plan_and_the_pool_gives_them_at_once_from_then_on()
    {
        var plan = PlacesCrowdTests.Train;
        var rig = new PlacesRig(
            plan with { Pools = [.. plan.Pools.Select(pool => pool.Id == "later" ? pool with { NumbersAtMs = 5_000 } : pool)] });
        var hold = Command(CommandKind.Purchase, "flex", 3, 0, 5);
        Assert.Equal(Verdict.Entry, rig.Ask(hold));
        Assert.Equal(5_000, rig.Sale.NextExpiryMs);
        rig.NowMs = 5_000;
        rig.Expire();
        Assert.True(rig.Sale.IsNumbered(1));
        Assert.Equal(long.MaxValue, rig.Sale.NextExpiryMs);
        rig.Ask(new() { Kind = CommandKind.FindOrder, Hold = hold.Hold });
        Assert.Equal([0, 1, 2], rig.Reply.Given!.Seats.AsSpan().ToArray());
        Assert.Equal(Verdict.Entry, rig.Ask(Command(CommandKind.Hold, "flex", 3, 1, 2)));
        Assert.Equal([3, 4, 5], rig.Reply.Given!.Seats.AsSpan().ToArray());
    }

    [Fact]
    public void An_exchange_never_leaves_one_without_either()
    {
        var sold = Ask(CommandKind.Purchase, "stand", 3, 1, 3);
        Ask(CommandKind.Purchase, "stand", 1, 3, 5);

        // One leg more is free for three only; for four there is none, and what was sold stays.
        var wish = Command(CommandKind.Exchange, "stand", 4, 1, 4) with { Of = sold };
        Assert.Equal(Verdict.Refused, _rig.Ask(wish));
        Assert.Equal(Refusal.NotEnough, _rig.Reply.Refusal);
        Assert.Equal(HoldState.Paid, State(sold));
        Assert.Equal((UInt128)0, _rig.Reply.Refunded);

        var next = Command(CommandKind.Exchange, "stand", 3, 1, 4) with { Of = sold };
        Assert.Equal(Verdict.Entry, _rig.Ask(next));
        Assert.Equal((HoldState.Paid, 9L), (_rig.Reply.State, _rig.Reply.Given!.Credit));
        Assert.Equal(Verdict.Repeat, _rig.Ask(next));
        Assert.Equal(9, _rig.Reply.Given!.Credit);
        State(sold);
        Assert.Equal((UInt128)0b111, _rig.Reply.Refunded);
        Assert.Equal(Verdict.Refused, _rig.Ask(Command(CommandKind.Exchange, "stand", 1, 0, 1) with { Of = sold }));
        Assert.Equal(Refusal.CannotExchange, _rig.Reply.Refusal);
    }

    private HoldState State(HoldId hold)
    {
        _rig.Ask(new() { Kind = CommandKind.FindHold, Hold = hold });
        return _rig.Reply.State;
    }

    private void Refund(HoldId hold, params uint[] tickets) =>
        Assert.Equal(Verdict.Entry, _rig.Ask(
            new() { Kind = CommandKind.Refund, Hold = hold, Tickets = tickets, Resell = true, Reason = "cannot-come" }));

    private HoldId Ask(CommandKind kind, string tier, int places, int from, int to)
    {
        var command = Command(kind, tier, places, from, to);
        Assert.True(_rig.Ask(command) == Verdict.Entry, $"{kind} {tier}: {_rig.Reply.Refusal}");
        return command.Hold;
    }

    private Command Command(CommandKind kind, string tier, int places, int from, int to)
    {
        var command = new Command { Kind = kind, Hold = PlacesRig.Hold(++_ids), Buyer = new(1), Reference = new(1), Plan = _rig.Sale.Plan,
            From = (ushort)from, To = (ushort)to };
        command.Lines.TryAdd((ushort)_rig.Sale.Plan!.TierNamed(tier), (ushort)places);
        return command;
    }
}
