namespace TicketRush.Engine.Tests;

public class OrderListTests
{
    [Fact]
    public void Orders_are_listed_in_the_order_in_which_they_were_paid()
    {
        var script = Script.Run("""
            hold H1 B1 adult:1       -> Held, #3
            hold H2 B1 child:2       -> Held, #4
            hold H3 B2 adult:1       -> Held, #5
            buy H4 B2 R4 vip:1       -> Paid, #6
            pay H2 R2                -> Paid, #7
            release H3               -> Released, #8
            at 600s
            pay H1 R1                -> Paid, #10, late
            refund H2 2              -> Refunded, #11
            """);

        var orders = List(script, after: 0);
        Assert.Equal([(6, 1), (7, 2), (10, 4)], orders.Select(order => (order.Sequence, (long)order.FirstTicket)));
        Assert.Equal([5000, 800, 1000], orders.Select(order => order.Lines.Amount));
        Assert.Equal([UInt128.Zero, UInt128.One, UInt128.Zero], orders.Select(order => order.Refunded));
        Assert.Equal([false, false, true], orders.Select(order => order.Late));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(99)]
    [InlineData(100)]
    [InlineData(101)]
    [InlineData(250)]
    public void Pages_hold_every_order_once(int count)
    {
        var script = Script.Run(Plans.Hall(1000), "");
        for (var i = 0; i < count; i++)
        {
            script.Play($"hold H{i} B{i} adult:1 -> Held");
            if (i % 3 == 0) script.Play($"release H{i} -> Released");
            script.Play($"buy H{1000 + i} B{i} R{i} adult:1 -> Paid");
        }

        var (tickets, after) = (new List<uint>(), 0L);
        while (List(script, after) is { Length: > 0 } page)
        {
            Assert.True(page.Length == Math.Min(Sale.OrderPage, count - tickets.Count));
            tickets.AddRange(page.Select(order => order.FirstTicket));
            after = page[^1].Sequence;
        }

        Assert.Equal(Enumerable.Range(1, count).Select(i => (uint)i), tickets);
        Assert.Equal(count, script.Sale.OrderCount);
    }

    [Fact]
    public void A_page_starts_behind_the_sequence_it_was_asked_for_even_if_that_was_no_order()
    {
        var script = Script.Run("""
            buy H1 B1 R1 adult:1  -> Paid, #3
            hold H2 B1 adult:1    -> Held, #4
            buy H3 B1 R3 adult:1  -> Paid, #5
            """);
        Assert.Equal([3, 5], List(script, 2).Select(order => order.Sequence));
        Assert.Equal([5], List(script, 3).Select(order => order.Sequence));
        Assert.Equal([5], List(script, 4).Select(order => order.Sequence));
        Assert.Empty(List(script, 5));
        Assert.Empty(List(script, long.MaxValue));
    }

    private static OrderRow[] List(Script script, long after)
    {
        script.Ask(new() { Kind = CommandKind.ListOrders, Revision = after });
        return script.Reply.Orders!;
    }
}
