namespace TicketRush.Engine.Tests;

/// <summary>Small plans whose numbers can be checked in the head.</summary>
internal static class Plans
{
    /// <summary>Two pools, ga (6 places) and box (2); adult (1000) and child (400) draw on ga, vip (5000) on box.</summary>
    public static Plan Concert { get; } = new()
    {
        Name = "The Night Mail",
        Venue = "Old Depot",
        StartsAt = "2030-01-31T20:00",
        TimeZone = "Asia/Shanghai",
        Currency = "CNY",
        PaymentKind = PaymentKind.External,
        Pools = [new("ga", 6, 0), new("box", 2, 0)],
        Tiers = [new("adult", "Adult", "ga", 1000), new("child", "Child", "ga", 400), new("vip", "Box", "box", 5000)],
        Rules = new(HoldSeconds: 600, Extensions: 2, PerOrder: 6, PerBuyer: 8),
    };

    /// <summary>One pool of one tier, ga, without limits that matter.</summary>
    public static Plan Hall(int capacity) => Concert with
    {
        Pools = [new("ga", capacity, 0)],
        Tiers = [new("adult", "Adult", "ga", 1000)],
        Rules = new(HoldSeconds: 600, Extensions: 2, PerOrder: 100, PerBuyer: 1_000_000),
    };

    public static Plan With(this Plan plan, string pool, int? capacity = null, int? blocked = null) => plan with
    {
        Pools = [.. plan.Pools.Select(p => p.Id == pool
            ? p with { Capacity = capacity ?? p.Capacity, Blocked = blocked ?? p.Blocked } : p)],
    };

    public static Plan WithPrice(this Plan plan, string tier, long price) => plan with
    {
        Tiers = [.. plan.Tiers.Select(t => t.Id == tier ? t with { Price = price } : t)],
    };
}
