namespace TicketRush.Engine.Tests;

public class ExpiryTests
{
    [Theory]
    [InlineData("pay H1 R1", "Paid, in time", "Paid, late")]
    [InlineData("extend H1", "Held, until 1200s", "HoldExpired")]
    [InlineData("release H1", "Released", "HoldExpired")]
    [InlineData("find H1", "Found Held", "Found Expired")]
    [InlineData("timer", "expired 0", "expired 1")]
    public void A_hold_lives_until_the_millisecond_before_its_end(string ask, string before, string at)
    {
        Script.Run($"""
            hold H1 B1 adult:2 -> Held, until 600s
            at 599.999s
            {ask} -> {before}
            """);
        Script.Run($"""
            hold H1 B1 adult:2 -> Held, until 600s
            at 600s
            {ask} -> {at}
            """);
    }

    [Fact]
    public void What_is_due_but_not_yet_expired_is_not_free() => Script.Run("""
        hold H1 B1 vip:2 -> Held
        at 600s
        box              -> free 0, held 2, sold 0, blocked 0
        hold H2 B2 vip:2 -> SoldOut
        timer            -> expired 1
        hold H2 B2 vip:2 -> Held
        """);

    [Fact]
    public void Each_hold_ends_once() => Script.Run("""
        hold H1 B1 adult:1 -> Held
        hold H2 B1 adult:1 -> Held
        at 600s
        find H1            -> Found Expired, #5
        timer              -> expired 1
        timer              -> expired 0
        find H2            -> Found Expired, #6
        """);

    [Fact]
    public void The_timer_passes_over_what_was_paid_or_released() => Script.Run("""
        hold H1 B1 adult:1 -> Held
        hold H2 B1 adult:1 -> Held
        hold H3 B1 adult:1 -> Held
        pay H1 R1          -> Paid
        release H2         -> Released
        at 600s
        timer              -> expired 1
        ga                 -> free 5, held 0, sold 1, blocked 0
        """);

    [Fact]
    public void An_extended_hold_ends_at_its_new_end() => Script.Run("""
        hold H1 B1 adult:1 -> Held
        hold H2 B1 adult:1 -> Held
        extend H1          -> Held, until 1200s
        at 600s
        timer              -> expired 1
        at 1199.999s
        timer              -> expired 0
        at 1200s
        timer              -> expired 1
        ga                 -> free 6, held 0, sold 0, blocked 0
        """);

    [Fact]
    public void After_a_silence_longer_than_the_ring_everything_due_ends() => Script.Run("""
        hold H1 B1 adult:1 -> Held
        at 1s
        hold H2 B1 adult:1 -> Held
        extend H2          -> Held
        extend H2          -> Held, until 1801s
        at 1000000s
        timer              -> expired 2
        hold H3 B1 adult:1 -> Held, until 1000600s
        at 1000599.999s
        timer              -> expired 0
        at 1000600s
        timer              -> expired 1
        """);

    [Fact]
    public void A_landslide_ends_in_bounded_steps_and_others_sell_between_them()
    {
        var script = Script.Run(Plans.Hall(3000), "at 0.5s");
        for (var i = 0; i < 3000; i++) script.Ask(Hold(script, i));
        script.Play("""
            ga                       -> free 0, held 3000, sold 0, blocked 0
            at 601s
            timer 1000               -> expired 1000
            buy H999999 B1 R1 adult:10 -> Paid
            timer 1000               -> expired 1000
            at 900s
            timer                    -> expired 1000
            ga                       -> free 2990, held 0, sold 10, blocked 0
            """);
    }

    [Fact]
    public void The_timer_is_told_when_to_look_next()
    {
        var script = Script.Run("");
        Assert.Equal(long.MaxValue, script.Sale.NextExpiryMs);

        script.Play("hold H1 B1 adult:1 -> Held");
        Assert.Equal(600_000, script.Sale.NextExpiryMs);

        script.Play("""
            at 100s
            hold H2 B1 adult:1 -> Held
            at 600s
            timer -> expired 1
            """);
        Assert.Equal(700_000, script.Sale.NextExpiryMs);

        script.Play("""
            at 700s
            timer -> expired 1
            """);
        Assert.Equal(long.MaxValue, script.Sale.NextExpiryMs);
    }

    private static Command Hold(Script script, int i) => new()
    {
        Kind = CommandKind.Hold,
        Hold = new(Script.Id($"H{i}")),
        Buyer = new(Script.Id($"B{i}")),
        Lines = Script.LinesOf("adult:1", script.Sale.Plan!),
        Plan = script.Sale.Plan,
    };
}
