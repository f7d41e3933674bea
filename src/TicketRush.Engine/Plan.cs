namespace TicketRush.Engine;

/// <summary>How a hold becomes an order. The numbers are written to the journal and never change meaning.</summary>
public enum PaymentKind : byte
{
    /// <summary>Nothing is collected here: paying only confirms.</summary>
    None = 1,

    /// <summary>Somebody with a key took the money and confirms it.</summary>
    External = 2,

    /// <summary>Anybody may pay; for trying things out.</summary>
    Test = 3,
}

/// <summary>
/// The definition of a sale, in full. Immutable; a changed plan is another plan. Times are sale time: milliseconds since
/// 1970-01-01 UTC.
/// </summary>
public sealed record Plan
{
    public const int PoolsMax = 64;
    public const int TiersMax = 256;
    public const int CapacityMax = 20_000_000;
    public const long PriceMax = 1_000_000_000_000;
    public const int TextLengthMax = 200;

    public required string Name { get; init; }
    public required string Venue { get; init; }

    /// <summary>When the doors open, as the office wrote it; a text for people, which decides nothing.</summary>
    public required string StartsAt { get; init; }

    /// <summary>The IANA name of the venue's time zone.</summary>
    public required string TimeZone { get; init; }

    /// <summary>Three capital letters; prices are in its minor unit.</summary>
    public required string Currency { get; init; }

    /// <summary>An open sale sells from this instant on, or at once when null.</summary>
    public long? OpensAtMs { get; init; }

    /// <summary>From this instant on nothing new is held; never, when null.</summary>
    public long? ClosesAtMs { get; init; }

    public required PaymentKind PaymentKind { get; init; }
    public required PoolPlan[] Pools { get; init; }
    public required TierPlan[] Tiers { get; init; }
    public required PlanRules Rules { get; init; }

    /// <returns>The tier's place in <see cref="Tiers"/>, or -1.</returns>
    public int TierNamed(ReadOnlySpan<char> id)
    {
        for (var i = 0; i < Tiers.Length; i++)
        {
            if (id.SequenceEqual(Tiers[i].Id)) return i;
        }

        return -1;
    }

    /// <returns>The pool's place in <see cref="Pools"/>, or -1.</returns>
    public int PoolNamed(string id) => Array.FindIndex(Pools, pool => pool.Id == id);

    public bool Equals(Plan? other) =>
        other is not null && Frozen(this) == Frozen(other)
        && (Name, Venue, ClosesAtMs) == (other.Name, other.Venue, other.ClosesAtMs)
        && Pools.AsSpan().SequenceEqual(other.Pools) && Tiers.AsSpan().SequenceEqual(other.Tiers);

    // A plan is compared, never looked up; the engine may not use the process's own hash seed.
    public override int GetHashCode() => Tiers.Length;

    /// <summary>The part of a plan that opening freezes as a whole.</summary>
    internal static (string, string, string, long?, PaymentKind, PlanRules) Frozen(Plan plan) =>
        (plan.StartsAt, plan.TimeZone, plan.Currency, plan.OpensAtMs, plan.PaymentKind, plan.Rules);
}

/// <param name="Capacity">Places in the pool, 0 to <see cref="Plan.CapacityMax"/>.</param>
/// <param name="Blocked">Places of the capacity that are not for sale.</param>
public sealed record PoolPlan(string Id, int Capacity, int Blocked);

/// <param name="Pool">The id of the pool it draws on; several tiers may draw on one.</param>
/// <param name="Price">Per place, in minor units, 0 to <see cref="Plan.PriceMax"/>.</param>
public sealed record TierPlan(string Id, string Name, string Pool, long Price);

/// <param name="HoldSeconds">How long a hold lasts unpaid, and how much each extension adds: 1 to 86,400.</param>
/// <param name="Extensions">How often a hold may be extended: 0 to 10.</param>
/// <param name="PerOrder">Places in one hold at the most: 1 to 100.</param>
/// <param name="PerBuyer">Live holds and unrefunded tickets of one buyer at the most: 1 to 1,000,000, and not below PerOrder.</param>
public sealed record PlanRules(int HoldSeconds, int Extensions, int PerOrder, int PerBuyer)
{
    public const int HoldSecondsMax = 86_400;
    public const int ExtensionsMax = 10;
    public const int PerOrderMax = 100;
    public const int PerBuyerMax = 1_000_000;
}
