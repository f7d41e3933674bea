namespace TicketRush.Engine;

/// <summary>What may change in a plan once the sale was opened.</summary>
internal static class PlanChange
{
    /// <summary>
    /// The same plan, with the pools and tiers that the present plan knows in its order and the new ones behind them: entries
    /// name a tier by its place, which therefore never moves.
    /// </summary>
    public static Plan Normalise(Plan plan, Plan? present) => present is null
        ? plan
        : plan with
        {
            Pools = [.. plan.Pools.OrderBy(pool => Place(present.PoolNamed(pool.Id)))],
            Tiers = [.. plan.Tiers.OrderBy(tier => Place(present.TierNamed(tier.Id)))],
        };

    /// <returns>What the change touches that is frozen; null when it is allowed.</returns>
    public static string? Frozen(Plan present, Plan changed)
    {
        const string Allowed =
            "After opening, a plan may change only capacity, blocked, price, name, venue, tier names and closesAt, and add tiers and pools.";

        if (!present.Stops.AsSpan().SequenceEqual(changed.Stops)) return $"stops is frozen. {Allowed}";
        if (!present.HasPlaces && changed.HasPlaces)
            return $"A sale that was opened with counted places only stays one: seats, journeys and a waitlist need another sale. {Allowed}";
        if (Plan.Frozen(present) != Plan.Frozen(changed))
        {
            var what = present.StartsAt != changed.StartsAt ? "startsAt"
                : present.TimeZone != changed.TimeZone ? "timeZone"
                : present.Currency != changed.Currency ? "currency"
                : present.OpensAtMs != changed.OpensAtMs ? "opensAt"
                : present.PaymentKind != changed.PaymentKind ? "paymentKind"
                : "rules";
            return $"{what} is frozen. {Allowed}";
        }

        foreach (var pool in present.Pools)
        {
            var at = changed.PoolNamed(pool.Id);
            if (at < 0) return $"Pool \"{pool.Id}\" cannot be taken away. {Allowed}";
            var next = changed.Pools[at];
            if (!pool.HasRowsOf(next) || (pool.Travel, pool.Focus, pool.NoSingles, pool.NumbersAtMs) != (next.Travel, next.Focus,
                next.NoSingles, next.NumbersAtMs))
                return $"Pool \"{pool.Id}\": its rows and how it travels are frozen. {Allowed}";
        }

        foreach (var tier in present.Tiers)
        {
            var at = changed.TierNamed(tier.Id);
            if (at < 0) return $"Tier \"{tier.Id}\" cannot be taken away. {Allowed}";
            if (changed.Tiers[at].Pool != tier.Pool) return $"Tier \"{tier.Id}\" cannot move to another pool. {Allowed}";
        }

        return null;
    }

    // The sort is stable: what is new keeps its own order, behind everything that is known.
    private static int Place(int index) => index < 0 ? int.MaxValue : index;
}
