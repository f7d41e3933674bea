namespace TicketRush.Engine.Tests;

public class HoldTests
{
    [Fact]
    public void A_hold_keeps_places_until_it_is_paid() => Script.Run("""
        hold H1 B1 adult:2  -> Held, #3, until 600s, amount 2000, no tickets
        ga                  -> free 4, held 2, sold 0, blocked 0
        pay H1 R1           -> Paid, #4, tickets 1-2, amount 2000, in time
        ga                  -> free 4, held 0, sold 2, blocked 0
        """);

    [Fact]
    public void A_purchase_sells_in_one_decision() => Script.Run("""
        buy H1 B1 R1 adult:2,vip:1 -> Paid, #3, tickets 1-3, amount 7000, until 0s
        ga                         -> free 4, held 0, sold 2, blocked 0
        box                        -> free 1, held 0, sold 1, blocked 0
        """);

    [Fact]
    public void Ticket_numbers_are_consecutive_over_purchases_payments_and_late_payments() => Script.Run("""
        hold H1 B1 adult:1      -> Held
        hold H2 B1 vip:1        -> Held
        hold H4 B4 child:1      -> Held
        buy H3 B2 R3 child:2    -> Paid, tickets 1-2
        pay H2 R2               -> Paid, tickets 3-3
        pay H1 R1               -> Paid, tickets 4-4
        release H4              -> Released
        hold H5 B4 child:1      -> Held
        at 600s
        pay H5 R5               -> Paid, tickets 5-5, late
        buy H6 B3 R6 adult:1    -> Paid, tickets 6-6
        """);

    [Fact]
    public void Tiers_of_one_pool_share_its_places() => Script.Run("""
        hold H1 B1 adult:3,child:2 -> Held, amount 3800
        ga                         -> free 1, held 5, sold 0, blocked 0
        hold H2 B2 adult:1,child:1 -> NotEnough, allowed 1
        hold H3 B2 child:1         -> Held
        hold H4 B2 adult:1         -> SoldOut, allowed 0
        """);

    [Fact]
    public void A_request_is_all_or_nothing_over_pools() => Script.Run("""
        hold H1 B1 vip:2           -> Held
        hold H2 B2 adult:1,vip:1   -> SoldOut, allowed 0
        hold H3 B2 child:1,vip:1   -> SoldOut
        ga                         -> free 6, held 0, sold 0, blocked 0
        hold H4 B2 adult:1         -> Held
        """);

    [Fact]
    public void The_first_line_that_does_not_fit_is_named() => Script.Run("""
        hold H1 B1 adult:4         -> Held
        hold H2 B1 vip:2           -> Held
        hold H3 B2 adult:3,vip:1   -> NotEnough, allowed 2
        hold H4 B2 adult:2,vip:1   -> SoldOut, allowed 0
        """);

    [Fact]
    public void Blocked_places_are_not_sold() => Script.Run(Plans.Concert.With("ga", blocked: 5), """
        ga                  -> free 1, held 0, sold 0, blocked 5
        hold H1 B1 adult:2  -> NotEnough, allowed 1
        hold H2 B1 adult:1  -> Held
        hold H3 B1 child:1  -> SoldOut
        """);

    [Fact]
    public void A_hold_ends_on_a_whole_second_and_never_sooner_than_promised() => Script.Run("""
        at 0.001s
        hold H1 B1 adult:1 -> Held, until 601s
        at 1s
        hold H2 B1 adult:1 -> Held, until 601s
        at 1.999s
        hold H3 B1 adult:1 -> Held, until 602s
        """);

    [Fact]
    public void A_refused_hold_may_try_again_with_its_id_and_other_content() => Script.Run("""
        hold H1 B1 vip:3   -> NotEnough, allowed 2, #0
        hold H1 B1 vip:2   -> Held, #3
        """);

    [Fact]
    public void A_pool_of_nothing_is_sold_out() => Script.Run(Plans.Hall(0), "hold H1 B1 adult:1 -> SoldOut, allowed 0");

    [Fact]
    public void A_line_keeps_its_tier_whatever_order_it_was_asked_in() => Script.Run("""
        buy H1 B1 R1 vip:1,child:2 -> Paid, amount 5800
        buy H1 B1 R1 child:2,vip:1 -> Again Paid, amount 5800
        """);

    [Fact]
    public void Release_gives_the_places_back() => Script.Run("""
        hold H1 B1 adult:6          -> Held
        hold H2 B2 adult:1          -> SoldOut
        release H1                  -> Released, #4
        hold H2 B2 adult:1          -> Held, #5
        release H1                  -> Again Released, #4
        ga                          -> free 5, held 1, sold 0, blocked 0
        """);

    [Fact]
    public void A_found_hold_says_what_has_become_of_it() => Script.Run("""
        find H1                     -> UnknownHold
        order H1                    -> UnknownOrder
        hold H1 B1 adult:1          -> Held, #3
        find H1                     -> Found Held, #3, until 600s
        order H1                    -> UnknownOrder
        pay H1 R1                   -> Paid, #4
        find H1                     -> Found Paid, #4, tickets 1-1
        order H1                    -> Found Paid, #4
        hold H2 B1 adult:1          -> Held
        release H2                  -> Released, #6
        find H2                     -> Found Released, #6
        hold H3 B1 adult:1          -> Held
        at 600s
        find H3                     -> Found Expired, #8
        """);
}
