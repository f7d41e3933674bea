namespace TicketRush.Engine.Tests;

public class StateTests
{
    [Fact]
    public void A_sale_goes_from_draft_to_open_to_paused_to_closed_and_may_open_again() => Script.Run("""
        hold H1 B1 adult:1 -> Held
        pause              -> Paused, #4
        hold H2 B1 adult:1 -> SalePaused
        open               -> Open, #5
        hold H2 B1 adult:1 -> Held
        close              -> Closed, #7
        hold H3 B1 adult:1 -> SaleClosed
        open               -> Open, #8
        hold H3 B1 adult:1 -> Held
        """);

    [Fact]
    public void Asking_for_the_state_that_is_changes_nothing() => Script.Run("""
        open   -> Again Open, #2
        pause  -> Paused, #3
        pause  -> Again Paused, #3
        close  -> Closed, #4
        close  -> Again Closed, #4
        """);

    [Fact]
    public void A_keyed_request_that_comes_late_does_not_undo_what_came_after_it() => Script.Run("""
        pause K1           -> Paused, #3
        open K2            -> Open, #4
        pause K1           -> Again Paused, #3
        hold H1 B1 adult:1 -> Held
        pause K3           -> Paused
        open K2            -> Again Open, #4
        hold H2 B1 adult:1 -> SalePaused
        """);

    [Fact]
    public void A_paused_sale_does_not_stop_the_clock_of_its_holds() => Script.Run("""
        hold H1 B1 adult:1 -> Held
        pause              -> Paused
        at 600s
        timer              -> expired 1
        open               -> Open
        ga                 -> free 6, held 0, sold 0, blocked 0
        """);

    [Fact]
    public void An_open_sale_sells_from_its_opening_time_to_its_closing_time() =>
        Script.Run(Plans.Concert with { OpensAtMs = 10_000, ClosesAtMs = 20_000 }, """
            at 9.999s
            hold H1 B1 adult:1 -> NotYetOpen
            at 10s
            hold H1 B1 adult:1 -> Held
            at 19.999s
            buy H2 B1 R2 vip:1 -> Paid
            at 20s
            hold H3 B1 adult:1 -> SaleClosed
            pay H1 R1          -> Paid
            pause              -> Paused
            open               -> SaleClosed
            """);

    [Fact]
    public void A_later_closing_time_lets_the_sale_go_on()
    {
        var script = Script.Run(Plans.Concert with { ClosesAtMs = 20_000 }, """
            at 20s
            hold H1 B1 adult:1 -> SaleClosed
            """);
        script.Change(Plans.Concert with { ClosesAtMs = 30_000 }, "Open");
        script.Play("hold H1 B1 adult:1 -> Held");
    }

    [Fact]
    public void A_sale_without_a_plan_knows_nobody_and_sells_nothing()
    {
        var (sale, entry, reply) = (new Sale(), default(Entry), default(Reply));

        Assert.Equal(Verdict.Refused, sale.Decide(new() { Kind = CommandKind.Hold }, 0, ref entry, ref reply));
        Assert.Equal(Refusal.SaleDraft, reply.Refusal);
        Assert.False(sale.TryExpire(long.MaxValue, ref entry));
    }

    [Theory]
    [InlineData(CommandKind.None)]
    [InlineData((CommandKind)99)]
    public void What_is_no_command_is_a_fault_of_the_caller(CommandKind kind)
    {
        var (sale, entry, reply) = (new Sale(), default(Entry), default(Reply));
        Assert.Throws<ArgumentOutOfRangeException>(() => sale.Decide(new() { Kind = kind }, 0, ref entry, ref reply));
    }
}
