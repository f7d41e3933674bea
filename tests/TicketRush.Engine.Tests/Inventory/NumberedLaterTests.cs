namespace TicketRush.Engine.Tests.Inventory;

/// <summary>
/// Goal: a seat that the office blocked by its name is given to nobody when the seats of its pool are numbered, and nobody is left
/// without a seat by it. Method: pools that are sold out around such seats, then numbered; <see cref="PlacesRig"/> looks for two owners.
/// </summary>
public class NumberedLaterTests
{
    private static readonly Plan Train = PlacesCrowdTests.Train;
    private const ushort Later = 1, Flex = 2;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_seat_that_was_blocked_before_the_numbers_is_nobodys(bool fromTheStart)
    {
        var blocked = Blocked(new(0, 0, 5), new(4, 0, 5), new(-1, 1, 3));
        var rig = new PlacesRig(fromTheStart ? blocked : Train);
        if (!fromTheStart) Assert.Equal(Verdict.Entry, rig.Ask(new() { Kind = CommandKind.Plan, Plan = blocked, Revision = 1 }));

        // Four seats are left, on two legs three: all of them are sold.
        (int From, int To)[] journeys = [(0, 5), (0, 2), (2, 4), (4, 5), (0, 1), (1, 5), (3, 5), (0, 1)];
        for (var i = 0; i < journeys.Length; i++)
            Assert.Equal(Verdict.Entry, rig.Ask(Purchase(rig, i + 1, journeys[i].From, journeys[i].To)));
        Assert.Equal(Verdict.Refused, rig.Ask(Purchase(rig, 20, 0, 1)));
        Assert.Equal(Verdict.Entry, rig.Ask(new() { Kind = CommandKind.Number, Pool = Later }));
        Assert.DoesNotContain(rig.Entries[^1].Numbers!, seat => seat is 0 or 4);

        // What is refunded comes back, and only that: the blocked seats stay as they are.
        Assert.Equal(Verdict.Entry, rig.Ask(
            new() { Kind = CommandKind.Refund, Hold = PlacesRig.Hold(1), Resell = true, Reason = "cannot-come" }));
        Assert.Equal(1, rig.Sale.ViewOf(Later, null)!.FreeFor(0, 5));
        rig.CheckReplay();
    }

    [Fact]
    public void Before_the_numbers_a_named_seat_is_blocked_from_end_to_end_or_not_at_all()
    {
        // Around it seats can be numbered always; around one that is blocked on some legs, sometimes not.
        var some = Blocked(new(-1, 0, 5), new(2, 1, 3));
        var sale = new Sale();
        var (entry, reply) = (default(Entry), new Reply());
        Assert.Equal(Verdict.Refused, sale.Decide(new() { Kind = CommandKind.Plan, Plan = some }, 0, ref entry, ref reply));
        Assert.Equal((Refusal.PlanInvalid, true),
            (reply.Refusal, reply.Detail!.StartsWith("pools \"later\": blocks[1] must go", StringComparison.Ordinal)));

        // A sale may begin with such a plan, for nobody decides the first one; but it is not opened with it.
        sale.Apply(new Entry { Kind = EntryKind.Planned, Plan = some }, 1);
        Assert.Equal(Verdict.Refused, sale.Decide(new() { Kind = CommandKind.Open }, 0, ref entry, ref reply));
        Assert.Equal(Refusal.PlanInvalid, reply.Refusal);

        var rig = new PlacesRig(Train);
        Assert.Equal(Verdict.Refused, rig.Ask(new() { Kind = CommandKind.Plan, Plan = some, Revision = 1 }));
        Assert.Equal(Refusal.PlanInvalid, rig.Reply.Refusal);

        // Afterwards it is a seat like any other.
        Assert.Equal(Verdict.Entry, rig.Ask(new() { Kind = CommandKind.Number, Pool = Later }));
        Assert.Equal(Verdict.Entry, rig.Ask(
            new() { Kind = CommandKind.Plan, Plan = Blocked(new BlockPlan(2, 1, 3)), Revision = rig.Sale.Revision }));
    }

    private static Plan Blocked(params BlockPlan[] blocks) => Train with
    {
        Pools = [.. Train.Pools.Select((pool, i) =>
            i == Later ? pool with { Blocks = blocks, Blocked = blocks.Sum(block => block.To - block.From) } : pool)],
    };

    private static Command Purchase(PlacesRig rig, int id, int from, int to)
    {
        var command = new Command
        {
            Kind = CommandKind.Purchase, Hold = PlacesRig.Hold(id), Buyer = new((UInt128)id), Reference = new(1), Plan = rig.Sale.Plan,
                From = (ushort)from, To = (ushort)to,
        };
        command.Lines.TryAdd(Flex, 1);
        return command;
    }
}
