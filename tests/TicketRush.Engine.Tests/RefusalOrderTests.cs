namespace TicketRush.Engine.Tests;

/// <summary>
/// The first failing check wins, and clients may rely on the order. Each script begins with everything wrong at once and
/// then mends one thing at a time, from the first check to the last.
/// </summary>
public class RefusalOrderTests
{
    [Theory]
    [InlineData("hold H1 B1")]
    [InlineData("buy H1 B1 R1")]
    public void Holds_and_purchases(string ask)
    {
        var script = new Script();
        script.Change(Plans.Concert with { OpensAtMs = 100_000, ClosesAtMs = 200_000 }, "Draft, #1");
        script.Play($"""
            {ask} nothing:7       -> SaleDraft
            open                  -> Open
            hold H8 B1 adult:1    -> NotYetOpen
            at 100s
            buy H8 B8 R8 vip:2    -> Paid
            buy H9 B1 R9 adult:5  -> Paid           // B1 may have 3 more, ga has 1 more, box none.
            at 200s
            {ask} nothing:7       -> SaleClosed     // The closing time, before anything about tiers.
            pause                 -> Paused
            {ask} nothing:7       -> SalePaused     // A pause is told before the closing time.
            close                 -> Closed
            {ask} nothing:7       -> SaleClosed
            buy H9 B1 R9 adult:5  -> Again Paid     // The id comes before all of them,
            buy H9 B1 R9 adult:4  -> IdReused       // and so does its content.
            """);

        script = Script.Run("""
            buy H8 B8 R8 vip:2    -> Paid
            buy H9 B1 R9 adult:5  -> Paid
            """);
        script.Play($"""
            {ask} nothing:7       -> UnknownTier
            {ask} adult:7         -> OrderLimit, allowed 6
            {ask} adult:4         -> BuyerLimit, allowed 3
            {ask} adult:2,vip:1   -> NotEnough, allowed 1
            {ask} adult:1,vip:1   -> SoldOut, allowed 0
            {ask} adult:1         -> {(ask[0] == 'h' ? "Held" : "Paid")}
            """);
    }

    [Fact]
    public void A_sale_that_is_not_open_yet_says_so_before_it_looks_at_the_tiers()
    {
        var script = Script.Run(Plans.Concert with { OpensAtMs = 100_000 }, """
            hold H1 B1 nothing:7 -> NotYetOpen
            at 99.999s
            hold H1 B1 adult:1   -> NotYetOpen
            at 100s
            hold H1 B1 adult:1   -> Held
            """);
        Assert.Equal(3, script.Entries.Count);
    }

    [Fact]
    public void Extensions() => Script.Run("""
        hold H9 B9 child:1  -> Held
        extend H9 K9        -> Held, extended 1
        extend H1 K9        -> IdReused             // Before the hold is even looked for.
        extend H1 K1        -> UnknownHold
        hold H1 B1 adult:1  -> Held
        hold H2 B1 adult:1  -> Held
        hold H3 B1 adult:1  -> Held
        extend H1           -> Held, extended 1
        extend H1           -> Held, extended 2
        extend H1           -> ExtensionLimit, allowed 2
        release H2          -> Released
        extend H2           -> HoldReleased
        pay H3 R3           -> Paid
        extend H3           -> AlreadyPaid
        at 1800s
        extend H1           -> HoldExpired          // Not ExtensionLimit: the end is told first.
        """);

    [Fact]
    public void Payments() => Script.Run(Plans.Concert with { Rules = new(600, 0, PerOrder: 4, PerBuyer: 4) }, """
        pay H1 R1             -> UnknownHold
        hold H1 B1 adult:4    -> Held
        hold H2 B2 adult:2    -> Held
        release H2            -> Released
        pay H2 R2             -> Owed HoldReleased
        at 600s
        timer                 -> expired 1
        buy H3 B1 R3 child:3  -> Paid               // The buyer of H1 may have 1 more, ga has 3 more.
        pay H1 R1             -> Owed BuyerLimit, allowed 1
        buy H4 B4 R4 child:3  -> Paid
        pay H1 R2             -> Owed BuyerLimit    // Though sold out as well.
        pay H3 R4             -> Owed AlreadyPaid
        pay H3 R3             -> Again Paid
        """);

    [Fact]
    public void Late_payments_that_no_longer_fit() => Script.Run("""
        hold H1 B1 adult:2,vip:1  -> Held
        at 600s
        timer                     -> expired 1
        buy H2 B2 R2 adult:5      -> Paid
        pay H1 R1                 -> Owed NotEnough, allowed 1
        buy H3 B3 R3 adult:1      -> Paid
        pay H1 R2                 -> Owed SoldOut, allowed 0
        """);

    [Fact]
    public void Releases() => Script.Run("""
        release H1           -> UnknownHold
        hold H1 B1 adult:1   -> Held
        hold H2 B1 adult:1   -> Held
        pay H1 R1            -> Paid
        release H1           -> AlreadyPaid
        at 600s
        release H1           -> AlreadyPaid
        release H2           -> HoldExpired
        """);

    [Fact]
    public void Refunds() => Script.Run("""
        refund H1 9          -> UnknownOrder
        hold H1 B1 adult:2   -> Held
        refund H1 9          -> UnknownOrder        // A hold is no order yet.
        pay H1 R1            -> Paid, tickets 1-2
        refund H1 1 K1       -> Refunded
        refund H2 9 K1       -> IdReused
        refund H1 1,9        -> UnknownTicket       // Before the other was refunded.
        refund H1 1,2        -> AlreadyRefunded
        refund H1 0          -> UnknownTicket
        refund H1 2          -> Refunded
        """);

    [Fact]
    public void Changes_of_the_plan()
    {
        var script = Script.Run("buy H1 B1 R1 adult:5 -> Paid, #3");
        var tight = Plans.Concert.With("ga", capacity: 4);
        var frozen = tight with { Currency = "EUR" };

        script.Change(frozen with { Name = "" }, "PlanInvalid", revision: 77);
        script.Change(frozen, "PlanChanged", revision: 77);
        script.Change(frozen, "PlanFrozen");
        script.Change(tight, "CapacityInUse, allowed 5");
        script.Change(Plans.Concert, "Again Open, #1", revision: 77);
        script.Change(Plans.Concert.With("ga", capacity: 5), "Open, #4");
    }

    [Fact]
    public void Opening_pausing_and_closing()
    {
        var script = new Script();
        script.Change(Plans.Concert with { ClosesAtMs = 100_000 }, "Draft");
        script.Play("""
            pause     -> SaleDraft
            close     -> SaleDraft
            at 100s
            open      -> SaleClosed
            at 99.999s
            open K1   -> Open, #2
            open      -> Again Open, #2
            pause K1  -> IdReused
            close     -> Closed, #3
            pause     -> SaleClosed
            close     -> Again Closed, #3
            open K1   -> Again Open, #2
            at 100s
            open      -> SaleClosed
            """);
    }
}
