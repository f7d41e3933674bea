namespace TicketRush.Engine.Tests;

public class RefundTests
{
    [Fact]
    public void A_refund_of_all_gives_the_money_back_and_blocks_the_places() => Script.Run("""
        buy H1 B1 R1 adult:1,child:2,vip:1 -> Paid, tickets 1-4, amount 6800
        refund H1 all K1                   -> Refunded, #4, refunded 1+2+3+4, amount 6800
        ga                                 -> free 3, held 0, sold 0, blocked 3
        box                                -> free 1, held 0, sold 0, blocked 1
        order H1                           -> Found Paid, #3, refunded 1+2+3+4, amount 6800
        """);

    [Fact]
    public void Refunded_places_may_be_sold_again() => Script.Run("""
        buy H1 B1 R1 vip:2      -> Paid
        buy H2 B2 R2 vip:1      -> SoldOut
        refund H1 2 resell      -> Refunded, refunded 2, amount 5000
        box                     -> free 1, held 0, sold 1, blocked 0
        buy H2 B2 R2 vip:1      -> Paid, tickets 3-3
        """);

    [Fact]
    public void Each_ticket_is_refunded_at_the_price_of_its_tier() => Script.Run("""
        buy H1 B1 R1 adult:2,child:2 -> Paid, tickets 1-4
        refund H1 3                  -> Refunded, refunded 3, amount 400
        refund H1 2,4                -> Refunded, refunded 2+4, amount 1400
        refund H1 all                -> Refunded, refunded 1, amount 1000
        refund H1 all                -> AlreadyRefunded
        ga                           -> free 2, held 0, sold 0, blocked 4
        """);

    [Fact]
    public void A_part_of_an_order_blocks_only_its_own_pool() => Script.Run("""
        buy H1 B1 R1 adult:2,vip:2 -> Paid, tickets 1-4
        refund H1 2,4              -> Refunded, amount 6000
        ga                         -> free 4, held 0, sold 1, blocked 1
        box                        -> free 0, held 0, sold 1, blocked 1
        """);

    [Fact]
    public void A_ticket_is_refunded_once() => Script.Run("""
        buy H1 B1 R1 adult:2 -> Paid, tickets 1-2
        refund H1 1          -> Refunded
        refund H1 1          -> AlreadyRefunded
        refund H1 1,2        -> AlreadyRefunded
        refund H1 2,2        -> Refunded, refunded 2, amount 1000
        """);

    [Fact]
    public void A_ticket_of_another_order_is_unknown_to_this_one() => Script.Run("""
        buy H1 B1 R1 adult:2 -> Paid, tickets 1-2
        buy H2 B2 R2 adult:2 -> Paid, tickets 3-4
        refund H1 3          -> UnknownTicket
        refund H2 2          -> UnknownTicket
        refund H2 2,3        -> UnknownTicket
        refund H2 0          -> UnknownTicket
        refund H2 4294967295 -> UnknownTicket
        refund H2 4          -> Refunded, refunded 4
        """);

    [Fact]
    public void A_refund_pays_back_what_was_paid_and_not_the_price_of_today()
    {
        var script = Script.Run("buy H1 B1 R1 adult:1 -> Paid, amount 1000");
        script.Change(Plans.Concert.WithPrice("adult", 7), "Open");
        script.Play("""
            buy H2 B1 R2 adult:1 -> Paid, amount 7
            refund H1 all        -> Refunded, amount 1000
            refund H2 all        -> Refunded, amount 7
            """);
    }

    [Fact]
    public void The_largest_order_is_refunded_ticket_by_ticket_across_words()
    {
        var script = Script.Run(Plans.Hall(300), """
            buy H1 B1 R1 adult:100 -> Paid, tickets 1-100
            buy H2 B1 R2 adult:100 -> Paid, tickets 101-200
            refund H2 128,200      -> Refunded, refunded 128+200
            refund H1 100          -> Refunded, refunded 100
            order H1               -> Found Paid, refunded 100
            refund H2 all          -> Refunded, amount 98000
            refund H2 101          -> AlreadyRefunded
            ga                     -> free 100, held 0, sold 99, blocked 101
            """);
        Assert.Equal((UInt128.One << 100) - 1 & ~(UInt128.One << 27) & ~(UInt128.One << 99), script.Entries[^1].Tickets);
    }

    [Fact]
    public void A_refund_that_blocks_is_a_change_of_the_plan()
    {
        var script = Script.Run("buy H1 B1 R1 adult:1 -> Paid, #3");
        script.Play("refund H1 all -> Refunded, #4");

        Assert.Equal(4, script.Sale.Revision);
        script.Change(Plans.Concert with { Name = "Prepared before" }, "PlanChanged", revision: 1);
        script.Change(Plans.Concert with { Name = "Prepared before" }, "Open, #5");
        script.Play("ga -> free 6, held 0, sold 0, blocked 0");
    }

    [Fact]
    public void A_refund_that_resells_is_no_change_of_the_plan()
    {
        var script = Script.Run("""
            buy H1 B1 R1 adult:1 -> Paid
            refund H1 all resell -> Refunded
            """);
        Assert.Equal(1, script.Sale.Revision);
    }

    [Fact]
    public void A_late_order_is_refunded_like_any_other() => Script.Run("""
        hold H1 B1 vip:2     -> Held
        at 600s
        pay H1 R1            -> Paid, late
        refund H1 all resell -> Refunded, amount 10000
        box                  -> free 2, held 0, sold 0, blocked 0
        """);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Ann is ill")]
    [InlineData("-ill")]
    [InlineData("ill\n")]
    [InlineData("12345678901234567890123456789012345678901")]
    public void A_reason_that_is_no_code_is_refused(string? reason)
    {
        var script = Script.Run("""
            buy H1 B1 R1 adult:1 -> Paid
            """);
        Assert.Equal("ReasonInvalid", script.Ask(new() { Kind = CommandKind.Refund, Hold = new(1), Reason = reason })[0]);
    }
}
