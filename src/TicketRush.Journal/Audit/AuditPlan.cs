using System.Text.Json;

namespace TicketRush.Journal.Audit;

internal sealed record AuditPoolPlan(string Id, long Capacity, long Blocked)
{
    /// <summary>None, SeatNow, SeatLater or Standing.</summary>
    public required string Travel { get; init; }

    /// <summary>Null where places are only counted.</summary>
    public required AuditSeats? Seats { get; init; }

    /// <summary>The rows and what else of the pool is frozen, as it was written.</summary>
    public required string Frozen { get; init; }
    public required (int Seat, int From, int To)[]? Blocks { get; init; }
    public required long? NumbersAtMs { get; init; }

    public bool Travels => Travel != "None";

    public bool HasPlaces => Seats is not null || Travels;
}

internal sealed record AuditTierPlan(string Id, string Name, string PoolId, int Pool, long Price)
{
    public required long[]? LegPrices { get; init; }
    public required long[][]? PairPrices { get; init; }

    public long PriceOf(int from, int to)
    {
        if (PairPrices is not null)
            return from < PairPrices.Length && to - from - 1 < PairPrices[from].Length ? PairPrices[from][to - from - 1] : -1;
        return LegPrices?[from..Math.Min(to, LegPrices.Length)].Sum() ?? Price;
    }
}

/// <summary>The seats of a pool in their order: their names, and on which bench each is.</summary>
internal sealed class AuditSeats
{
    private readonly List<string> _names = [];
    private readonly List<int> _benches = [];
    private readonly List<bool> _ordinary = [];

    public int Count => _names.Count;

    public string NameOf(int seat) => _names[seat];

    /// <summary>Whether anybody may have it: it is neither for a wheelchair nor for who comes along.</summary>
    public bool IsOrdinary(int seat) => _ordinary[seat];

    /// <summary>Whether two seats are side by side.</summary>
    public bool AreBeside(int seat, int next) => next == seat + 1 && _benches[seat] == _benches[next];

    public static AuditSeats Read(JsonElement rows)
    {
        var seats = new AuditSeats();
        var bench = 0;
        foreach (var block in rows.EnumerateArray())
        {
            var section = block.GetProperty("section").GetString()!;
            var aisles = Expand(block.GetProperty("aisles").GetString()!).ToHashSet();
            var kept = Expand(block.GetProperty("wheelchair").GetString()!).Concat(Expand(block.GetProperty("companion").GetString()!))
                .ToHashSet();
            foreach (var row in Expand(block.GetProperty("rows").GetString()!))
            {
                foreach (var seat in Expand(block.GetProperty("seats").GetString()!))
                {
                    if (seats._names.Count > 1_000_000) throw new FormatException("a pool has more than a million seats");
                    seats._names.Add(section.Length == 0 ? $"{row}-{seat}" : $"{section}-{row}-{seat}");
                    seats._benches.Add(bench);
                    seats._ordinary.Add(!kept.Contains(seat));
                    if (aisles.Contains(seat)) bench++;
                }

                bench++;
            }
        }

        return seats;
    }

    private static List<string> Expand(string text)
    {
        var labels = new List<string>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part.Split('-') is not [var from, var rest])
            {
                labels.Add(part);
                continue;
            }

            var to = rest.Split('/')[0];
            var step = rest.Contains('/', StringComparison.Ordinal)
                ? int.Parse(rest.Split('/')[1], System.Globalization.CultureInfo.InvariantCulture) : 1;
            var isLetter = !char.IsAsciiDigit(from[0]);
            var (at, end) = isLetter
                ? (from[0], to[0]) : (int.Parse(from, System.Globalization.CultureInfo.InvariantCulture),
                int.Parse(to, System.Globalization.CultureInfo.InvariantCulture));
            if (step < 1 || Math.Abs(at - end) / step > 100_000) throw new FormatException($"\"{part}\" is no range");
            for (var up = at <= end; up ? at <= end : at >= end; at += up ? step : -step)
                labels.Add(isLetter ? ((char)at).ToString() : at.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        return labels;
    }
}

/// <summary>A plan, read from its JSON by docs/JOURNAL.md; and what a plan must be, and may become, checked a second time.</summary>
internal sealed record AuditPlan
{
    public required string Name { get; init; }
    public required string Venue { get; init; }
    public required string StartsAt { get; init; }
    public required string TimeZone { get; init; }
    public required string Currency { get; init; }
    public required long? OpensAtMs { get; init; }
    public required long? ClosesAtMs { get; init; }
    public required string PaymentKind { get; init; }
    public required AuditPoolPlan[] Pools { get; init; }
    public required AuditTierPlan[] Tiers { get; init; }
    public required long HoldSeconds { get; init; }
    public required long Extensions { get; init; }
    public required long PerOrder { get; init; }
    public required long PerBuyer { get; init; }
    public required bool Waitlist { get; init; }
    public required bool Passengers { get; init; }

    /// <summary>The ids of the stops; null where nothing travels.</summary>
    public required string[]? Stops { get; init; }

    public int Legs => Stops is null ? 1 : Stops.Length - 1;

    public int LegsOf(int pool) => Pools[pool].Travels ? Legs : 1;

    /// <returns>Null when the text is no plan.</returns>
    public static AuditPlan? Read(ReadOnlySpan<byte> text, out string what)
    {
        what = "";
        try
        {
            var reader = new Utf8JsonReader(text);
            using var document = JsonDocument.ParseValue(ref reader);
            if (reader.Read()) throw new FormatException("more follows");
            var root = document.RootElement;
            var pools = root.GetProperty("pools").EnumerateArray()
                .Select(pool => new AuditPoolPlan(String(pool, "id"), Long(pool, "capacity"), Long(pool, "blocked"))
                {
                    Travel = String(pool, "travel"),
                    Seats = Present(pool, "rows") is { } rows ? AuditSeats.Read(rows) : null,
                    Frozen = string.Join(' ', ((string[])["rows", "travel", "focus", "noSingles", "numbersAtMs"]).Select(name =>
                        pool.GetProperty(name).GetRawText())),
                    Blocks = Present(pool, "blocks") is { } blocks
                        ? [.. blocks.EnumerateArray().Select(block =>
                            ((int)Long(block, "seat"), (int)Long(block, "from"), (int)Long(block, "to")))]
                        : null,
                    NumbersAtMs = LongOrNull(pool, "numbersAtMs"),
                })
                .ToArray();
            var rules = root.GetProperty("rules");
            return new()
            {
                Name = String(root, "name"),
                Venue = String(root, "venue"),
                StartsAt = String(root, "startsAt"),
                TimeZone = String(root, "timeZone"),
                Currency = String(root, "currency"),
                OpensAtMs = LongOrNull(root, "opensAtMs"),
                ClosesAtMs = LongOrNull(root, "closesAtMs"),
                PaymentKind = String(root, "paymentKind"),
                Pools = pools,
                Tiers = root.GetProperty("tiers").EnumerateArray()
                    .Select(tier => new AuditTierPlan(
                        String(tier, "id"), String(tier, "name"), String(tier, "pool"),
                        Array.FindIndex(pools, pool => pool.Id == String(tier, "pool")), Long(tier, "price"))
                    {
                        LegPrices = Present(tier, "legPrices") is { } legs
                            ? [.. legs.EnumerateArray().Select(price => price.GetInt64())] : null,
                        PairPrices = Present(tier, "pairPrices") is { } pairs
                            ? [.. pairs.EnumerateArray().Select(row => row.EnumerateArray().Select(price => price.GetInt64()).ToArray())]
                            : null,
                    })
                    .ToArray(),
                HoldSeconds = Long(rules, "holdSeconds"),
                Extensions = Long(rules, "extensions"),
                PerOrder = Long(rules, "perOrder"),
                PerBuyer = Long(rules, "perBuyer"),
                Waitlist = rules.GetProperty("waitlist").GetBoolean(),
                Passengers = rules.GetProperty("passengers").GetBoolean(),
                Stops = Present(root, "stops") is { } stops ? [.. stops.EnumerateArray().Select(stop => String(stop, "id"))] : null,
            };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or OverflowException or IndexOutOfRangeException)
        {
            what = e.Message;
            return null;
        }

        static string String(JsonElement of, string name) =>
            of.GetProperty(name).GetString() ?? throw new FormatException($"{name} is null");

        static long Long(JsonElement of, string name) => of.GetProperty(name).GetInt64();

        static JsonElement? Present(JsonElement of, string name) =>
            of.GetProperty(name) is { ValueKind: not JsonValueKind.Null } value ? value : null;

        static long? LongOrNull(JsonElement of, string name) =>
            of.GetProperty(name) is { ValueKind: not JsonValueKind.Null } value ? value.GetInt64() : null;
    }

    /// <returns>What no plan may be, or null.</returns>
    public string? Broken()
    {
        if (Name.Length == 0 || TimeZone.Length == 0 || Currency.Length != 3) return "a name, a time zone or the currency is missing";
        if (PaymentKind is not ("None" or "External" or "Test")) return $"its payment kind is \"{PaymentKind}\"";
        if (OpensAtMs >= ClosesAtMs) return "it closes before it opens";
        if (Pools.Length is < 1 or > 64) return $"it has {Pools.Length} pools";
        if (Tiers.Length is < 1 or > 256) return $"it has {Tiers.Length} tiers";
        if (Pools.DistinctBy(pool => pool.Id).Count() != Pools.Length) return "two of its pools have one id";
        if (Tiers.DistinctBy(tier => tier.Id).Count() != Tiers.Length) return "two of its tiers have one id";
        foreach (var pool in Pools)
        {
            if (pool.Capacity is < 0 or > 20_000_000) return $"pool \"{pool.Id}\" has a capacity of {pool.Capacity}";
            if (pool.HasPlaces)
            {
                if (BrokenPlaces(pool) is { } broken) return broken;
                continue;
            }

            if (pool.Blocks is not null) return $"pool \"{pool.Id}\" is counted, and names blocked places";
            if (pool.Blocked < 0 || pool.Blocked > pool.Capacity)
                return $"pool \"{pool.Id}\" has {pool.Blocked} of {pool.Capacity} places blocked";
        }

        foreach (var tier in Tiers)
        {
            if (tier.Pool < 0) return $"tier \"{tier.Id}\" draws on \"{tier.PoolId}\", which is no pool";
            if (tier.Price is < 0 or > 1_000_000_000_000) return $"tier \"{tier.Id}\" has a price of {tier.Price}";
        }

        if (HoldSeconds is < 1 or > 86_400) return $"holdSeconds is {HoldSeconds}";
        if (Extensions is < 0 or > 10) return $"extensions is {Extensions}";
        if (PerOrder is < 1 or > 100) return $"perOrder is {PerOrder}";
        if (PerBuyer < PerOrder || PerBuyer > 1_000_000) return $"perBuyer is {PerBuyer}";
        return null;
    }

    private string? BrokenPlaces(AuditPoolPlan pool)
    {
        if (pool.Travel is not ("None" or "SeatNow" or "SeatLater" or "Standing"))
            return $"pool \"{pool.Id}\" travels as \"{pool.Travel}\"";
        if (pool.Travels && Stops is null) return $"pool \"{pool.Id}\" travels, and there are no stops";
        if (pool.Travel is "SeatNow" or "SeatLater" == pool.Seats is null && pool.Travels)
            return $"pool \"{pool.Id}\" has no rows, or has some and should not";
        if (pool.Seats is { } seats && seats.Count != pool.Capacity)
            return $"pool \"{pool.Id}\" has {seats.Count} seats and a capacity of {pool.Capacity}";
        var legs = pool.Travels ? Legs : 1;
        if ((long)pool.Capacity * legs > int.MaxValue) return $"pool \"{pool.Id}\" has {pool.Capacity} places on {legs} legs";
        if ((pool.Blocks ?? []).Any(block => block.From < 0 || block.To <= block.From || block.To > legs || block.Seat < -1
            || block.Seat >= pool.Capacity))
            return $"pool \"{pool.Id}\" blocks a place that is none";
        return (pool.Blocks ?? []).Sum(block => block.To - block.From) == pool.Blocked
            ? null : $"pool \"{pool.Id}\" has {pool.Blocked} blocked, and names others";
    }

    /// <returns>What of the change is not allowed once the sale was opened, or null.</returns>
    public string? MayNotBecome(AuditPlan changed)
    {
        if (StartsAt != changed.StartsAt) return "startsAt changed after opening";
        if (TimeZone != changed.TimeZone) return "timeZone changed after opening";
        if (Currency != changed.Currency) return "currency changed after opening";
        if (OpensAtMs != changed.OpensAtMs) return "opensAt changed after opening";
        if (PaymentKind != changed.PaymentKind) return "paymentKind changed after opening";
        if (!Stops.AsSpan().SequenceEqual(changed.Stops)) return "stops changed after opening";
        if ((HoldSeconds, Extensions, PerOrder, PerBuyer, Waitlist, Passengers)
            != (changed.HoldSeconds, changed.Extensions, changed.PerOrder, changed.PerBuyer, changed.Waitlist, changed.Passengers))
            return "the rules changed after opening";

        for (var i = 0; i < Pools.Length; i++)
        {
            // Entries name a tier by its place in the plan, so what is known keeps its place.
            if (i >= changed.Pools.Length || changed.Pools[i].Id != Pools[i].Id)
                return $"pool \"{Pools[i].Id}\" was taken away or moved after opening";
            if (changed.Pools[i].Frozen != Pools[i].Frozen)
                return $"the rows of pool \"{Pools[i].Id}\", or how it travels, changed after opening";
        }

        for (var i = 0; i < Tiers.Length; i++)
        {
            if (i >= changed.Tiers.Length || changed.Tiers[i].Id != Tiers[i].Id)
                return $"tier \"{Tiers[i].Id}\" was taken away or moved after opening";
            if (changed.Tiers[i].PoolId != Tiers[i].PoolId) return $"tier \"{Tiers[i].Id}\" moved to another pool after opening";
        }

        return null;
    }
}
