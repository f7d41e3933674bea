namespace TicketRush.Engine.Tests;

public class RepeatTests
{
    [Fact]
    public void A_hold_asked_twice_is_one_hold() => Script.Run("""
        hold H1 B1 adult:2 -> Held, #3, until 600s, amount 2000
        at 5s
        hold H1 B1 adult:2 -> Again Held, #3, until 600s, amount 2000
        ga                 -> free 4, held 2, sold 0, blocked 0
        """);

    [Theory]
    [InlineData("pause -> Paused")]
    [InlineData("close -> Closed")]
    [InlineData("release H1 -> Released")]
    [InlineData("at 600s \n timer -> expired 1")]
    [InlineData("at 600s")]
    [InlineData("at 600s \n find H1 -> Found Expired")]
    [InlineData("pay H1 R1 -> Paid")]
    [InlineData("at 600s \n pay H1 R1 -> Paid, late")]
    [InlineData("pay H1 R1 -> Paid \n refund H1 all -> Refunded")]
    [InlineData("extend H1 -> Held, until 1200s \n extend H1 -> Held, until 1800s")]
    [InlineData("extend H1 -> Held \n pay H1 R1 -> Paid")]
    [InlineData("extend H1 -> Held \n at 1200s \n pay H1 R1 -> Paid, late")]
    [InlineData("hold H2 B2 adult:4 -> Held")]
    public void A_hold_repeats_its_first_answer_whatever_came_since(string since) => Script.Run($"""
        hold H1 B1 adult:2 -> Held, #3, until 600s, amount 2000, no tickets, extended 0, in time
        {since}
        hold H1 B1 adult:2 -> Again Held, #3, until 600s, amount 2000, no tickets, extended 0, in time, refunded none
        hold H1 B1 adult:1 -> IdReused, #0
        """);

    [Theory]
    [InlineData("pause -> Paused")]
    [InlineData("close -> Closed")]
    [InlineData("refund H1 1 -> Refunded")]
    [InlineData("refund H1 all resell -> Refunded")]
    public void A_purchase_and_its_payment_repeat_their_first_answer_whatever_came_since(string since) => Script.Run($"""
        buy H1 B1 R1 adult:2 -> Paid, #3, tickets 1-2, amount 2000, refunded none
        {since}
        buy H1 B1 R1 adult:2 -> Again Paid, #3, tickets 1-2, amount 2000, refunded none
        pay H1 R1            -> Again Paid, #3, tickets 1-2, amount 2000, refunded none
        buy H1 B1 R2 adult:2 -> IdReused
        """);

    [Fact]
    public void The_answer_repeats_at_the_old_price_after_a_price_change()
    {
        var script = Script.Run("hold H1 B1 adult:2 -> Held, #3, amount 2000");
        script.Change(Plans.Concert.WithPrice("adult", 1), "Open, #4");
        script.Play("""
            hold H1 B1 adult:2 -> Again Held, #3, amount 2000
            hold H2 B1 adult:2 -> Held, amount 2
            """);
    }

    [Theory]
    [InlineData("hold H1 B2 adult:2")]
    [InlineData("hold H1 B1 adult:1")]
    [InlineData("hold H1 B1 child:2")]
    [InlineData("hold H1 B1 adult:2,child:1")]
    [InlineData("hold H1 B1 nothing:2")]
    [InlineData("buy H1 B1 R1 adult:2")]
    public void The_same_id_with_other_content_is_refused(string command) => Script.Run($"""
        hold H1 B1 adult:2 -> Held
        {command}          -> IdReused
        pause              -> Paused
        {command}          -> IdReused
        """);

    [Fact]
    public void A_refused_hold_is_decided_anew_each_time() => Script.Run("""
        hold H1 B1 vip:2  -> Held
        hold H2 B2 vip:1  -> SoldOut, #0
        hold H2 B2 vip:1  -> SoldOut, #0
        release H1        -> Released, #4
        hold H2 B2 vip:1  -> Held, #5
        """);

    [Theory]
    [InlineData("pause -> Paused")]
    [InlineData("at 1199s")]
    [InlineData("at 1200s \n timer -> expired 1")]
    [InlineData("at 1200s \n pay H1 R1 -> Paid, late")]
    [InlineData("release H1 -> Released")]
    [InlineData("pay H1 R1 -> Paid \n refund H1 1 -> Refunded")]
    [InlineData("extend H1 K2 -> Held, until 1800s, extended 2")]
    public void An_extension_repeats_its_first_answer_whatever_came_since(string since) => Script.Run($"""
        hold H1 B1 adult:2 -> Held
        extend H1 K1       -> Held, #4, until 1200s, extended 1, in time, no tickets, refunded none
        {since}
        extend H1 K1       -> Again Held, #4, until 1200s, extended 1, in time, no tickets, refunded none
        hold H9 B9 child:1 -> {(since.Contains("pause") ? "SalePaused" : "Held")}
        extend H9 K1       -> IdReused
        """);

    [Fact]
    public void A_refund_repeats_its_first_answer_after_another() => Script.Run("""
        buy H1 B1 R1 adult:2,child:1 -> Paid, tickets 1-3
        refund H1 1 K1               -> Refunded, #4, refunded 1, amount 1000
        refund H1 3 K2               -> Refunded, #5, refunded 3, amount 400
        close                        -> Closed
        refund H1 1 K1               -> Again Refunded, #4, refunded 1, amount 1000
        refund H1 3 K2               -> Again Refunded, #5, refunded 3, amount 400
        refund H1 2 K2               -> IdReused
        refund H1 3 K2 resell        -> IdReused
        refund H1 3 K2 "rain"        -> IdReused
        refund H1 all K2             -> IdReused
        extend H1 K2                 -> IdReused
        """);

    [Fact]
    public void Every_id_kind_has_a_world_of_its_own() => Script.Run("""
        hold H1 B1 adult:1 -> Held
        extend H1 K1       -> Held
        pay H1 R1          -> Paid
        hold H2 B1 adult:1 -> Held
        pay H2 R1          -> Paid, tickets 2-2     // One reference may pay two holds; a shop may pay a basket at once.
        """);
}
