using System.Text.Json;

namespace TicketRush.Journal.Audit;

internal sealed record AuditPoolPlan(string Id, long Capacity, long Blocked);

internal sealed record AuditTierPlan(string Id, string Name, string PoolId, int Pool, long Price);

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
                .Select(pool => new AuditPoolPlan(String(pool, "id"), Long(pool, "capacity"), Long(pool, "blocked")))
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
                        Array.FindIndex(pools, pool => pool.Id == String(tier, "pool")), Long(tier, "price")))
                    .ToArray(),
                HoldSeconds = Long(rules, "holdSeconds"),
                Extensions = Long(rules, "extensions"),
                PerOrder = Long(rules, "perOrder"),
                PerBuyer = Long(rules, "perBuyer"),
            };
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            what = e.Message;
            return null;
        }

        static string String(JsonElement of, string name) => of.GetProperty(name).GetString() ?? throw new FormatException($"{name} is null");

        static long Long(JsonElement of, string name) => of.GetProperty(name).GetInt64();

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
            if (pool.Blocked < 0 || pool.Blocked > pool.Capacity) return $"pool \"{pool.Id}\" has {pool.Blocked} of {pool.Capacity} places blocked";
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

    /// <returns>What of the change is not allowed once the sale was opened, or null.</returns>
    public string? MayNotBecome(AuditPlan changed)
    {
        if (StartsAt != changed.StartsAt) return "startsAt changed after opening";
        if (TimeZone != changed.TimeZone) return "timeZone changed after opening";
        if (Currency != changed.Currency) return "currency changed after opening";
        if (OpensAtMs != changed.OpensAtMs) return "opensAt changed after opening";
        if (PaymentKind != changed.PaymentKind) return "paymentKind changed after opening";
        if ((HoldSeconds, Extensions, PerOrder, PerBuyer) != (changed.HoldSeconds, changed.Extensions, changed.PerOrder, changed.PerBuyer))
            return "the rules changed after opening";

        for (var i = 0; i < Pools.Length; i++)
        {
            // Entries name a tier by its place in the plan, so what is known keeps its place.
            if (i >= changed.Pools.Length || changed.Pools[i].Id != Pools[i].Id) return $"pool \"{Pools[i].Id}\" was taken away or moved after opening";
        }

        for (var i = 0; i < Tiers.Length; i++)
        {
            if (i >= changed.Tiers.Length || changed.Tiers[i].Id != Tiers[i].Id) return $"tier \"{Tiers[i].Id}\" was taken away or moved after opening";
            if (changed.Tiers[i].PoolId != Tiers[i].PoolId) return $"tier \"{Tiers[i].Id}\" moved to another pool after opening";
        }

        return null;
    }
}
