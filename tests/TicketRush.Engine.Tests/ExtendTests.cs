namespace TicketRush.Engine.Tests;

public class ExtendTests
{
    [Fact]
    public void An_extension_adds_the_holds_own_time_to_its_end() => Script.Run("""
        hold H1 B1 adult:1 -> Held, until 600s, extended 0
        at 599.999s
        extend H1          -> Held, #4, until 1200s, extended 1, amount 1000
        extend H1          -> Held, #5, until 1800s, extended 2
        extend H1          -> ExtensionLimit, allowed 2
        at 1799.999s
        find H1            -> Found Held, until 1800s, extended 2
        at 1800s
        find H1            -> Found Expired
        """);

    [Fact]
    public void A_key_makes_an_extension_count_once() => Script.Run("""
        hold H1 B1 adult:1 -> Held
        extend H1 K1       -> Held, #4, until 1200s, extended 1
        extend H1 K1       -> Again Held, #4, until 1200s, extended 1
        extend H1 K2       -> Held, #5, until 1800s, extended 2
        extend H1 K1       -> Again Held, #4, until 1200s, extended 1
        extend H1 K3       -> ExtensionLimit
        """);

    [Fact]
    public void A_key_belongs_to_one_hold() => Script.Run("""
        hold H1 B1 adult:1 -> Held
        hold H2 B1 adult:1 -> Held
        extend H1 K1       -> Held
        extend H2 K1       -> IdReused
        extend H2 K2       -> Held
        """);

    [Fact]
    public void The_key_of_a_refused_extension_is_still_free() => Script.Run("""
        extend H1 K1       -> UnknownHold
        hold H1 B1 adult:1 -> Held
        extend H1 K1       -> Held, extended 1
        """);

    [Fact]
    public void A_plan_may_forbid_extensions() => Script.Run(Plans.Concert with { Rules = new(600, 0, 6, 8) }, """
        hold H1 B1 adult:1 -> Held
        extend H1          -> ExtensionLimit, allowed 0
        """);

    [Fact]
    public void A_paused_sale_still_extends_pays_and_releases() => Script.Run("""
        hold H1 B1 adult:1 -> Held
        hold H2 B1 adult:1 -> Held
        pause              -> Paused
        extend H1          -> Held
        pay H1 R1          -> Paid
        release H2         -> Released
        """);
}
