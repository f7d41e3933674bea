namespace TicketRush.Engine.Tests;

public class PayTests
{
    [Fact]
    public void A_payment_asked_twice_is_one_payment() => Script.Run("""
        hold H1 B1 adult:2 -> Held
        pay H1 R1          -> Paid, #4, tickets 1-2
        pay H1 R1          -> Again Paid, #4, tickets 1-2
        owed               -> 0 payments, 0 in all
        ga                 -> free 4, held 0, sold 2, blocked 0
        """);

    [Fact]
    public void A_second_payment_with_another_reference_is_owed_back() => Script.Run("""
        hold H1 B1 adult:2 -> Held
        pay H1 R1          -> Paid, #4
        pay H1 R2          -> Owed AlreadyPaid, #5, amount 2000
        owed               -> 1 payments, 2000 in all
        pay H1 R2          -> Again Owed AlreadyPaid, #5, amount 2000
        owed               -> 1 payments, 2000 in all
        pay H1 R3          -> Owed AlreadyPaid, #6
        owed               -> 2 payments, 4000 in all
        pay H1 R1          -> Again Paid, #4
        """);

    [Fact]
    public void Where_nothing_is_collected_nothing_is_owed() => Script.Run(Plans.Concert with { PaymentKind = PaymentKind.None }, """
        hold H1 B1 adult:2 -> Held
        pay H1 R1          -> Paid, #4
        pay H1 R2          -> AlreadyPaid, #0
        hold H2 B1 vip:2   -> Held, #5
        at 600s
        buy H3 B2 R3 vip:2 -> SoldOut
        timer              -> expired 1
        buy H3 B2 R3 vip:2 -> Paid, #7
        pay H2 R2          -> SoldOut, #0, allowed 0
        owed               -> 0 payments, 0 in all
        """);

    [Fact]
    public void A_payment_of_a_released_hold_is_owed_back() => Script.Run("""
        hold H1 B1 vip:1 -> Held
        release H1       -> Released
        pay H1 R1        -> Owed HoldReleased, #5
        pay H1 R1        -> Again Owed HoldReleased, #5
        release H1       -> Again Released, #4
        owed             -> 1 payments, 5000 in all
        """);

    [Fact]
    public void A_late_payment_takes_its_places_again_while_they_are_free() => Script.Run("""
        hold H1 B1 adult:2,vip:1 -> Held, #3
        at 600s
        timer                    -> expired 1
        ga                       -> free 6, held 0, sold 0, blocked 0
        pay H1 R1                -> Paid, #5, late, tickets 1-3, amount 7000
        pay H1 R1                -> Again Paid, #5, late, tickets 1-3
        ga                       -> free 4, held 0, sold 2, blocked 0
        box                      -> free 1, held 0, sold 1, blocked 0
        owed                     -> 0 payments, 0 in all
        """);

    [Fact]
    public void A_late_payment_pays_the_price_it_was_promised()
    {
        var script = Script.Run("hold H1 B1 adult:1 -> Held");
        script.Change(Plans.Concert.WithPrice("adult", 1), "Open");
        script.Play("""
            at 600s
            pay H1 R1 -> Paid, late, amount 1000
            """);
    }

    [Fact]
    public void A_payment_that_ends_its_hold_is_two_entries()
    {
        var script = Script.Run("""
            hold H1 B1 adult:1 -> Held, #3
            at 600s
            pay H1 R1          -> Paid, #5, late
            """);
        Assert.Equal(EntryKind.Expired, script.Entries[3].Kind);
        Assert.Equal(EntryKind.Paid, script.Entries[4].Kind);
    }

    [Fact]
    public void A_late_payment_without_places_is_owed_back_and_stays_refused() => Script.Run("""
        hold H1 B1 vip:2   -> Held
        at 600s
        timer              -> expired 1
        hold H2 B2 vip:2   -> Held
        pay H1 R1          -> Owed SoldOut, #6, amount 10000
        owed               -> 1 payments, 10000 in all
        release H2         -> Released
        pay H1 R1          -> Again Owed SoldOut, #6        // The money goes back; it does not buy a second time.
        pay H1 R2          -> Paid, late
        pay H1 R1          -> Again Owed SoldOut, #6
        owed               -> 1 payments, 10000 in all
        """);

    [Fact]
    public void A_trial_payment_is_written_down_like_a_real_one() => Script.Run(Plans.Concert with { PaymentKind = PaymentKind.Test }, """
        buy H1 B1 R1 vip:1 -> Paid
        pay H1 R2          -> Owed AlreadyPaid, #4
        """);

    [Fact]
    public void A_live_hold_is_payable_after_the_sale_has_closed() => Script.Run("""
        hold H1 B1 adult:1 -> Held
        close              -> Closed
        pay H1 R1          -> Paid, in time
        """);
}
