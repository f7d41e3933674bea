namespace TicketRush.Engine.Tests;

/// <summary>Who did what, and who may know of it.</summary>
public sealed class WhoTests
{
    private static readonly Command Shop = new() { By = "shop", Whose = Whose.Keys };
    private static readonly Command Other = new() { By = "other", Whose = Whose.Keys };
    private static readonly Command Office = new() { By = "office" };
    private static readonly Command Ann = new() { Buyer = new(1), Whose = Whose.Buyers };
    private static readonly Command Bob = new() { Buyer = new(2), Whose = Whose.Buyers };

    [Fact]
    public void A_key_is_named_before_the_first_thing_it_does_and_never_again()
    {
        var script = Script.Run("");
        script.Ask(Hold(script, Shop, 1, 7));
        script.Ask(Hold(script, Office, 2, 7));
        script.Ask(Hold(script, Shop, 3, 7));
        script.Ask(Hold(script, Ann, 4, 1));

        Assert.Equal(
            ["Planned 0", "Opened 0", "KeyNamed 1 shop", "Held 1", "KeyNamed 2 office", "Held 2", "Held 1", "Held 0"],
            script.Entries.Select(entry => $"{entry.Kind} {entry.By} {(entry.Kind == EntryKind.KeyNamed ? entry.Name : "")}".TrimEnd()));
        Assert.Equal(script.Sale.Digest(), Script.Replay(script.Entries).Digest());
    }

    [Fact]
    public void Who_only_asks_or_is_refused_is_not_named()
    {
        var script = Script.Run("");
        script.Ask(Shop with { Kind = CommandKind.FindHold, Hold = new(9) });
        script.Ask(Shop with { Kind = CommandKind.ListOrders });
        script.Ask(Hold(script, Shop, 1, 7) with { Lines = Some(100) });
        Assert.Equal(2, script.Entries.Count);
    }

    [Fact]
    public void What_another_holds_is_unknown_in_every_way_of_asking()
    {
        var script = Script.Run("");
        script.Ask(Hold(script, Shop, 1, 7));
        script.Ask(Hold(script, Ann, 2, 1));
        script.Ask(Hold(script, Bob, 3, 2));

        (Command Asker, ulong Hold, bool Sees)[] cases =
        [
            (Shop, 1, true), (Other, 1, false), (Ann, 1, false), (Office, 1, true),
            (Shop, 2, false), (Ann, 2, true), (Bob, 2, false), (Office, 2, true), (Ann with { Buyer = new(7) }, 1, false),
        ];
        foreach (var (asker, hold, sees) in cases)
        {
            var about = asker with { Hold = new(hold) };
            var unknown = asker with { Hold = new(999) };
            Command[] asked =
            [
                about with { Kind = CommandKind.FindHold },
                about with { Kind = CommandKind.Extend, Key = new(900) },
                about with { Kind = CommandKind.Pay, Reference = new(1) },
                about with { Kind = CommandKind.Release },
            ];
            var before = script.Entries.Count;
            foreach (var command in asked)
            {
                if (sees) continue;
                Assert.Equal(script.Ask(unknown with { Kind = command.Kind, Key = command.Key }), script.Ask(command));
                Assert.Equal(Refusal.UnknownHold, script.Reply.Refusal);
            }

            script.Ask(asked[0]);
            Assert.Equal(sees ? Refusal.None : Refusal.UnknownHold, script.Reply.Refusal);
            Assert.Equal(before, script.Entries.Count);
        }
    }

    [Fact]
    public void The_id_of_another_cannot_be_used_and_tells_nothing_not_even_with_the_same_content()
    {
        var script = Script.Run("");
        script.Ask(Hold(script, Shop, 1, 7));
        Assert.Equal(["IdReused"], script.Ask(Hold(script, Other, 1, 7)).Take(1));
        Assert.Equal(0, script.Reply.Sequence);
        Assert.Equal(["Again Held"], script.Ask(Hold(script, Shop, 1, 7)).Take(1));
    }

    [Fact]
    public void Orders_are_found_by_their_number_and_by_each_of_their_tickets_by_those_who_see_all()
    {
        var script = Script.Run("");
        script.Ask(Buy(script, Shop, 1, 3));
        script.Ask(Buy(script, Office, 2, 2));
        var (first, second) = (4L, 6L);

        foreach (var (order, ticket, sequence) in new[] { (first, 0u, first), (0, 1u, first), (0, 3u, first), (0, 4u, second),
            (0, 5u, second), (second, 0u, second) })
        {
            script.Ask(Office with { Kind = CommandKind.FindOrder, Order = order, Ticket = ticket });
            Assert.Equal((Refusal.None, sequence), (script.Reply.Refusal, script.Reply.Sequence));
        }

        foreach (var (order, ticket) in new (long, uint)[] { (3L, 0u), (5, 0), (7, 0), (0, 6), (0, 0) })
        {
            script.Ask(Office with { Kind = CommandKind.FindOrder, Order = order, Ticket = ticket });
            Assert.Equal(Refusal.UnknownOrder, script.Reply.Refusal);
        }

        // Numbers can be guessed, so they open nothing to who sees only its own, not even its own.
        script.Ask(Shop with { Kind = CommandKind.FindOrder, Order = first });
        Assert.Equal(Refusal.UnknownOrder, script.Reply.Refusal);

        script.Ask(Office with { Kind = CommandKind.Refund, Ticket = 4, Tickets = [5], Reason = "cannot-come", Resell = true,
            Key = new(1) });
        Assert.Equal((Refusal.None, 4u), (script.Reply.Refusal, script.Reply.FirstTicket));
        Assert.Equal(script.Sale.Digest(), Script.Replay(script.Entries).Digest());
    }

    [Fact]
    public void A_list_has_what_its_asker_may_see_and_never_looks_at_more_than_a_bound()
    {
        var plan = Plans.Hall(20_000);
        var script = Script.Run(plan, "");
        for (var i = 0UL; i < 10_000; i++) script.Ask(Buy(script, i % 5_000 == 0 ? Shop : Office, 1_000 + i, 1));
        for (var i = 0UL; i < 3; i++) script.Ask(Buy(script, Shop, 20_000 + i, 1));

        var (seen, after, pages) = (0, 0L, 0);
        do
        {
            script.Ask(Shop with { Kind = CommandKind.ListOrders, Revision = after });
            Assert.All(script.Reply.Orders!, order => Assert.Equal("shop", order.By));
            Assert.True(script.Reply.Next > after || script.Reply.Next == 0);
            (seen, after, pages) = (seen + script.Reply.Orders!.Length, script.Reply.Next, pages + 1);
        }
        while (after != 0);

        Assert.Equal((5, 3), (seen, pages));
        script.Ask(Office with { Kind = CommandKind.ListOrders });
        Assert.Equal(Sale.OrderPage, script.Reply.Orders!.Length);
        script.Ask(Ann with { Kind = CommandKind.ListOrders, Revision = 20_000 });
        Assert.Equal((0, 0L), (script.Reply.Orders!.Length, script.Reply.Next));
    }

    private static Command Hold(Script script, Command asker, ulong hold, ulong buyer) =>
        asker with { Kind = CommandKind.Hold, Hold = new(hold), Buyer = new(buyer), Lines = Some(1), Plan = script.Sale.Plan };

    // A buyer for each order, so that no limit is met.
    private static Command Buy(Script script, Command asker, ulong hold, ushort places) =>
        asker with { Kind = CommandKind.Purchase, Hold = new(hold), Buyer = new(hold), Lines = Some(places), Plan = script.Sale.Plan };

    private static Lines Some(ushort places)
    {
        var lines = new Lines();
        lines.TryAdd(0, places);
        return lines;
    }
}
