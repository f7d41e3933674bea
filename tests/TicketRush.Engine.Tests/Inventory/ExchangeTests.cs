namespace TicketRush.Engine.Tests.Inventory;

/// <summary>Goal: nobody settles money with itself, nobody is given in silence another thing than it asked for, and a refusal changes
/// nothing.</summary>
public class ExchangeTests
{
    private static readonly Plan Train = PlacesCrowdTests.Train;
    private int _ids;

    [Theory]
    [InlineData(PaymentKind.External, Whose.Buyers, "stand", "stand", Refusal.None)] // the same price: nothing is owed
    [InlineData(PaymentKind.External, Whose.Buyers, "stand", "adult", Refusal.CannotExchange)]
    [InlineData(PaymentKind.External, Whose.Buyers, "adult", "stand", Refusal.CannotExchange)]
    [InlineData(PaymentKind.External, Whose.Keys, "adult", "stand", Refusal.CannotExchange)]
    [InlineData(PaymentKind.External, Whose.Everybodys, "adult", "stand", Refusal.None)]
    [InlineData(PaymentKind.None, Whose.Buyers, "adult", "stand", Refusal.None)]
    [InlineData(PaymentKind.Test, Whose.Buyers, "stand", "adult", Refusal.None)]
    public void Who_exchanges_an_order(PaymentKind kind, Whose whose, string from, string to, Refusal expected)
    {
        var rig = new PlacesRig(Train with { PaymentKind = kind });
        var by = whose == Whose.Keys ? "shop" : null;
        if (by is not null) rig.Sale.Apply(new Entry { Kind = EntryKind.KeyNamed, By = 1, Name = by }, 3);
        var bought = Command(rig, CommandKind.Purchase, from, 2, 1, 3) with { Whose = whose, By = by };
        var verdict = rig.Sale.Decide(bought, 0, ref _entry, ref rig.Reply);
        Assert.Equal(Verdict.Entry, verdict);
        rig.Sale.Apply(_entry, 4);
        var before = rig.Sale.Digest();
        var exchange = Command(rig, CommandKind.Exchange, to, 2, 1, 3) with { Whose = whose, By = by, Of = bought.Hold };
        verdict = rig.Sale.Decide(exchange, 0, ref _entry, ref rig.Reply);
        Assert.Equal((expected == Refusal.None ? Verdict.Entry : Verdict.Refused, expected), (verdict, rig.Reply.Refusal));
        Assert.Equal(before, rig.Sale.Digest());

        // Before it is paid nothing is owed, whatever it costs.
        var held = Command(rig, CommandKind.Hold, from, 1, 0, 2) with { Whose = whose, By = by };
        Assert.Equal(Verdict.Entry, rig.Sale.Decide(held, 0, ref _entry, ref rig.Reply));
        rig.Sale.Apply(_entry, 5);
        Assert.Equal(Verdict.Entry, rig.Sale.Decide(Command(rig, CommandKind.Exchange, to, 1, 0, 3) with { Whose = whose, By = by,
            Of = held.Hold }, 0, ref _entry, ref rig.Reply));
    }

    [Fact]
    public void Exchanging_is_no_way_to_keep_places_for_longer()
    {
        var rig = new PlacesRig(Train);
        var hold = Command(rig, CommandKind.Hold, "adult", 1, 0, 2);
        rig.Ask(hold);
        var until = rig.Reply.UntilMs;
        Assert.Equal(Verdict.Entry, rig.Ask(new() { Kind = CommandKind.Extend, Hold = hold.Hold, Key = new(1) }));
        var exchange = Command(rig, CommandKind.Exchange, "adult", 1, 0, 3) with { Of = hold.Hold };
        Assert.Equal(Verdict.Entry, rig.Ask(exchange));
        Assert.Equal((until + 60_000, 1), (rig.Reply.UntilMs, rig.Reply.Extensions));
        Assert.Equal(Verdict.Refused, rig.Ask(new() { Kind = CommandKind.Extend, Hold = exchange.Hold, Key = new(2) }));
        Assert.Equal(Refusal.ExtensionLimit, rig.Reply.Refusal);
        Assert.Equal(Verdict.Repeat, rig.Ask(exchange));
        Assert.Equal((until + 60_000, 1), (rig.Reply.UntilMs, rig.Reply.Extensions));
        rig.CheckReplay();
    }

    [Fact]
    public void An_exchanged_hold_is_extended_as_often_as_it_was_not_yet()
    {
        var rig = new PlacesRig(Train);
        var hold = Command(rig, CommandKind.Hold, "adult", 1, 0, 2);
        rig.Ask(hold);
        var until = rig.Reply.UntilMs;
        var exchange = Command(rig, CommandKind.Exchange, "adult", 1, 0, 3) with { Of = hold.Hold };
        rig.Ask(exchange);
        Assert.Equal(Verdict.Entry, rig.Ask(new() { Kind = CommandKind.Extend, Hold = exchange.Hold, Key = new(1) }));
        Assert.Equal(Verdict.Repeat, rig.Ask(exchange));
        Assert.Equal((until, 0), (rig.Reply.UntilMs, rig.Reply.Extensions));
    }

    [Fact]
    public void A_sale_of_counted_places_refuses_what_it_does_not_have()
    {
        var sale = new Sale();
        var (entry, reply) = (default(Entry), new Reply());
        sale.Apply(new Entry { Kind = EntryKind.Planned, Plan = Plans.Concert }, 1);
        sale.Apply(new Entry { Kind = EntryKind.Opened }, 2);
        var plain = new Command { Kind = CommandKind.Hold, Hold = PlacesRig.Hold(1), Buyer = new(1), Plan = sale.Plan };
        plain.Lines.TryAdd(0, 1);
        var before = sale.Digest();
        (Command Command, Refusal Refusal)[] asked =
        [
            (plain with { Seats = [-2] }, Refusal.UnknownSeat), (plain with { Passengers = [7] }, Refusal.BadPassengers),
                (plain with { Wheelchair = 1 }, Refusal.SoldOut),
            (plain with { From = 0, To = 1 }, Refusal.BadJourney),
        ];
        foreach (var (command, refusal) in asked)
        {
            Assert.Equal(Verdict.Refused, sale.Decide(command, 0, ref entry, ref reply));
            Assert.Equal(refusal, reply.Refusal);
        }

        Assert.Equal(before, sale.Digest());
        Assert.Equal(Verdict.Entry, sale.Decide(plain, 0, ref entry, ref reply));
    }

    [Theory]
    [InlineData("stand", 1, 1, Refusal.SoldOut)] // standing places are for no wheelchair
    [InlineData("flex", 1, 1, Refusal.SoldOut)]
    [InlineData("adult", 2, 1, Refusal.None)]
    [InlineData("adult", 1, 3, Refusal.SoldOut)] // three wheelchairs do not fit on one place
    public void Who_asks_for_a_wheelchairs_place_gets_one_or_nothing(string tier, int places, int wheelchair, Refusal expected)
    {
        var rig = new PlacesRig(Train);
        rig.Ask(Command(rig, CommandKind.Hold, tier, places, 0, 2) with { Wheelchair = (byte)wheelchair });
        Assert.Equal(expected, rig.Reply.Refusal);
        if (expected != Refusal.None) Assert.Equal(2, rig.Entries.Count);
    }

    private Entry _entry;

    private Command Command(PlacesRig rig, CommandKind kind, string tier, int places, int from, int to)
    {
        var command = new Command
        {
            Kind = kind, Hold = PlacesRig.Hold(++_ids), Buyer = new(1), Reference = new(1), Plan = rig.Sale.Plan, From = (ushort)from,
                To = (ushort)to,
        };
        command.Lines.TryAdd((ushort)rig.Sale.Plan!.TierNamed(tier), (ushort)places);
        return command;
    }
}
