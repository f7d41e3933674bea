namespace TicketRush.Engine.Tests;

public class LimitTests
{
    private static readonly Plan FourEach = Plans.Hall(20) with { Rules = new(HoldSeconds: 600, Extensions: 2, PerOrder: 3, PerBuyer: 4) };

    [Theory]
    [InlineData("hold H1 B1 adult:4", "OrderLimit, allowed 3")]
    [InlineData("hold H1 B1 adult:3", "Held")]
    public void An_order_has_a_limit(string ask, string outcome) => Script.Run(FourEach, $"{ask} -> {outcome}");

    [Fact]
    public void The_order_limit_counts_all_lines() => Script.Run(Plans.Concert with { Rules = new(600, 2, 3, 8) }, """
        hold H1 B1 adult:2,child:1,vip:1 -> OrderLimit, allowed 3
        hold H1 B1 adult:1,child:1,vip:1 -> Held
        """);

    [Fact]
    public void A_buyer_has_a_limit_over_all_holds_and_orders() => Script.Run(FourEach, """
        hold H1 B1 adult:1   -> Held
        buy H2 B1 R2 adult:1 -> Paid
        hold H3 B1 adult:3   -> BuyerLimit, allowed 2
        hold H3 B1 adult:2   -> Held
        hold H4 B1 adult:1   -> BuyerLimit, allowed 0
        pay H1 R1            -> Paid
        hold H4 B1 adult:1   -> BuyerLimit, allowed 0     // Paying moves no place from one buyer to another.
        hold H4 B2 adult:3   -> Held
        """);

    [Fact]
    public void What_a_buyer_gives_back_may_be_bought_again() => Script.Run(FourEach, """
        hold H1 B1 adult:2   -> Held
        buy H2 B1 R2 adult:2 -> Paid, tickets 1-2
        hold H3 B1 adult:1   -> BuyerLimit, allowed 0
        release H1           -> Released
        hold H3 B1 adult:2   -> Held, until 600s
        hold H4 B1 adult:1   -> BuyerLimit, allowed 0
        refund H2 1          -> Refunded
        hold H4 B1 adult:2   -> BuyerLimit, allowed 1
        at 600s
        hold H4 B1 adult:2   -> BuyerLimit, allowed 1     // Due, but not expired yet.
        timer                -> expired 1
        hold H4 B1 adult:3   -> Held
        hold H5 B1 adult:1   -> BuyerLimit, allowed 0
        """);

    [Fact]
    public void A_late_payment_counts_against_the_limit_again() => Script.Run(FourEach, """
        hold H1 B1 adult:3   -> Held
        at 600s
        timer                -> expired 1
        hold H2 B1 adult:1   -> Held
        pay H1 R1            -> Paid, late
        hold H3 B1 adult:1   -> BuyerLimit, allowed 0
        """);

    [Fact]
    public void A_late_payment_beyond_the_buyers_limit_is_owed_back() => Script.Run(FourEach, """
        hold H1 B1 adult:3   -> Held
        at 600s
        timer                -> expired 1
        hold H2 B1 adult:2   -> Held
        pay H1 R1            -> Owed BuyerLimit, allowed 2
        owed                 -> 1 payments, 3000 in all
        hold H3 B1 adult:2   -> Held
        """);
}
