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

    /// <summary>
    /// Different prices of all tiers together, also over all changes: what a hold remembers of a place names one of them.
    /// </summary>
    public const int PricesMax = 65_536;
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

    /// <summary>The stops of the journey, in order; null where nothing travels. A leg is the stretch between two neighbours.</summary>
    public StopPlan[]? Stops { get; init; }

    public const int StopsMax = 257;

    /// <summary>Seats of all pools together at the most.</summary>
    public const int SeatsMax = 400_000;

    /// <summary>Legs of the journey; 1 where nothing travels.</summary>
    public int Legs => Stops is null ? 1 : Stops.Length - 1;

    /// <summary>Whether holds are more than a number of places: seats, journeys, passengers or a waitlist.</summary>
    public bool HasPlaces => Rules.Passengers || Rules.Waitlist || Stops is not null || Array.Exists(Pools, pool => pool.Rows is not null);

    /// <summary>What a place of the tier costs for these legs, in minor units.</summary>
    public long PriceOf(int tier, int from, int to)
    {
        var plan = Tiers[tier];
        if (plan.PairPrices is { } pairs) return pairs[from][to - from - 1];
        if (plan.LegPrices is not { } legs) return plan.Price;
        long price = 0;
        foreach (var leg in legs.AsSpan(from, to - from)) price += leg;
        return price;
    }

    /// <summary>What places of the tier may cost: a price for each journey, some of them perhaps the same.</summary>
    internal IEnumerable<long> PricesOf(int tier)
    {
        var plan = Tiers[tier];
        if (plan is { LegPrices: null, PairPrices: null }) yield return plan.Price;
        foreach (var pairs in plan.PairPrices ?? [])
        {
            foreach (var pair in pairs) yield return pair;
        }

        for (var from = 0; from < plan.LegPrices?.Length; from++)
        {
            long price = 0;
            for (var to = from; to < plan.LegPrices.Length; to++) yield return price += plan.LegPrices[to];
        }
    }

    /// <returns>The stop's place in <see cref="Stops"/>, or -1.</returns>
    public int StopNamed(string id) => Stops is null ? -1 : Array.FindIndex(Stops, stop => stop.Id == id);

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
        && Pools.AsSpan().SequenceEqual(other.Pools) && Tiers.AsSpan().SequenceEqual(other.Tiers) && Stops.AsSpan()
            .SequenceEqual(other.Stops);

    // A plan is compared, never looked up; the engine may not use the process's own hash seed.
    public override int GetHashCode() => Tiers.Length;

    /// <summary>The part of a plan that opening freezes as a whole.</summary>
    internal static (string, string, string, long?, PaymentKind, PlanRules) Frozen(Plan plan) =>
        (plan.StartsAt, plan.TimeZone, plan.Currency, plan.OpensAtMs, plan.PaymentKind, plan.Rules);
}

/// <param name="Capacity">
/// Places in the pool, 0 to <see cref="Plan.CapacityMax"/>; with <see cref="Rows"/>, exactly their seats. What travels has so many on each
/// leg.
/// </param>
/// <param name="Blocked">
/// Places of the capacity that are not for sale. Where <see cref="Blocks"/> name them: their number, each counted once for every leg.
/// </param>
public sealed record PoolPlan(string Id, int Capacity, int Blocked)
{
    /// <summary>Seats; null where places are only counted.</summary>
    public RowPlan[]? Rows { get; init; }

    public Travel Travel { get; init; }

    /// <summary>What the best seats of a hall are near to; the origin when null.</summary>
    public FocusPlan? Focus { get; init; }

    /// <summary>The places that are blocked, where a number does not say which.</summary>
    public BlockPlan[]? Blocks { get; init; }

    /// <summary>Whether naming seats that leave a single one over is refused.</summary>
    public bool NoSingles { get; init; }

    /// <summary>When the seats of <see cref="Travel.SeatLater"/> are numbered by themselves; only by the office when null.</summary>
    public long? NumbersAtMs { get; init; }

    public const int BlocksMax = 20_000;

    /// <summary>Whether its places are known by seat or by leg, and not only counted.</summary>
    public bool HasPlaces => Rows is not null || Travel != Travel.None;

    public SeatLayout? Layout => Rows is null ? null : SeatLayout.Of(Rows);

    public bool Equals(PoolPlan? other) =>
        other is not null && (Id, Capacity, Blocked, Travel, Focus, NoSingles, NumbersAtMs)
            == (other.Id, other.Capacity, other.Blocked, other.Travel, other.Focus, other.NoSingles, other.NumbersAtMs)
        && HasRowsOf(other) && Blocks.AsSpan().SequenceEqual(other.Blocks);

    public override int GetHashCode() => Capacity;

    internal bool HasRowsOf(PoolPlan other) =>
        ReferenceEquals(Rows, other.Rows) || (Rows is not null && other.Rows is not null && Rows.AsSpan().SequenceEqual(other.Rows));
}

/// <param name="Pool">The id of the pool it draws on; several tiers may draw on one.</param>
/// <param name="Price">
/// Per place, in minor units, 0 to <see cref="Plan.PriceMax"/>. Not read where <see cref="LegPrices"/> or <see cref="PairPrices"/> are
/// given.
/// </param>
public sealed record TierPlan(string Id, string Name, string Pool, long Price)
{
    /// <summary>The price of each leg; a journey costs the sum of its own.</summary>
    public long[]? LegPrices { get; init; }

    /// <summary>The price of each journey: from each stop but the last, to each stop behind it.</summary>
    public long[][]? PairPrices { get; init; }

    public bool Equals(TierPlan? other) =>
        other is not null && (Id, Name, Pool, Price) == (other.Id, other.Name, other.Pool, other.Price)
        && LegPrices.AsSpan().SequenceEqual(other.LegPrices) && HasPairsOf(other);

    public override int GetHashCode() => Price.GetHashCode();

    private bool HasPairsOf(TierPlan other)
    {
        if (PairPrices is null || other.PairPrices is null) return PairPrices is null && other.PairPrices is null;
        if (PairPrices.Length != other.PairPrices.Length) return false;
        for (var i = 0; i < PairPrices.Length; i++)
        {
            if (!PairPrices[i].AsSpan().SequenceEqual(other.PairPrices[i])) return false;
        }

        return true;
    }
}

/// <param name="HoldSeconds">How long a hold lasts unpaid, and how much each extension adds: 1 to 86,400.</param>
/// <param name="Extensions">How often a hold may be extended: 0 to 10.</param>
/// <param name="PerOrder">Places in one hold at the most: 1 to 100.</param>
/// <param name="PerBuyer">Live holds, wishes on the waitlist and unrefunded tickets of one buyer at the most: 1 to 1,000,000, and not below
/// PerOrder.</param>
public sealed record PlanRules(int HoldSeconds, int Extensions, int PerOrder, int PerBuyer)
{
    public const int HoldSecondsMax = 86_400;
    public const int ExtensionsMax = 10;
    public const int PerOrderMax = 100;
    public const int PerBuyerMax = 1_000_000;

    /// <summary>Whether places that come back are offered to those who wait before anybody else.</summary>
    public bool Waitlist { get; init; }

    /// <summary>Whether every place has a passenger, who may have no two places on one leg.</summary>
    public bool Passengers { get; init; }

    /// <summary>Whether the numbered seats of one hold must all be of one tier.</summary>
    public bool OneTier { get; init; }
}
