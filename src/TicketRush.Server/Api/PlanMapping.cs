using TicketRush.Engine;

namespace TicketRush.Server.Api;

/// <summary>Between a plan as the API speaks it and as the engine does.</summary>
public static class PlanMapping
{
    /// <summary>Where a null stands that the reader of JSON lets through; null when nowhere.</summary>
    public static string? HasNull(PlanDocument document) =>
        Array.IndexOf(document.Pools, null) is >= 0 and var pool ? $"pools[{pool}]"
        : Array.IndexOf(document.Tiers, null) is >= 0 and var tier ? $"tiers[{tier}]"
        : PlacesMapping.HasNull(document);

    /// <summary>Reads a plan whole: every error is named with its place, not only the first.</summary>
    public static (Plan? Plan, List<PlanError> Errors) Read(PlanDocument document, bool allowTestPayments)
    {
        var errors = new List<PlanError>();
        var zone = PlanTimes.Zone(document.TimeZone, errors);
        PlanTimes.Parse(document.StartsAt, "startsAt", zone, errors);
        var opensAt = PlanTimes.Parse(document.OpensAt, "opensAt", zone, errors);
        var closesAt = PlanTimes.Parse(document.ClosesAt, "closesAt", zone, errors);

        var kind = document.PaymentKind switch
        {
            "none" => PaymentKind.None,
            "external" => PaymentKind.External,
            "test" => PaymentKind.Test,
            _ => default,
        };
        if (kind == PaymentKind.Test && !allowTestPayments)
            errors.Add(new(
                "paymentKind", "is test, with which anybody may pay; it is allowed only with --allow-test-payments, or rush serve --demo"));

        var pools = document.Pools.Select((pool, i) => PlacesMapping.Read(pool, $"pools[{i}]", document, zone, errors)).ToList();
        var tiers = new TierPlan[document.Tiers.Length];
        for (var i = 0; i < tiers.Length; i++)
        {
            var tier = document.Tiers[i];
            tiers[i] = new(tier.Id, tier.Name, tier.Pool ?? tier.Id, tier.Price
                ?? 0) { LegPrices = tier.LegPrices, PairPrices = tier.PairPrices };
            if (tier.Price is null && tier.LegPrices is null && tier.PairPrices is null)
                errors.Add(new($"tiers[{i}].price", "must be given, or else legPrices or pairPrices"));
            else if (tier.Price is not null && (tier.LegPrices is not null || tier.PairPrices is not null))
                errors.Add(new($"tiers[{i}].price", "must not be given together with legPrices or pairPrices"));
            if (tier.Pool is not null && tier.Capacity is not null)
                errors.Add(new($"tiers[{i}].capacity", "must not be given together with pool; a tier has a pool or a capacity of its own"));
            else if (tier.Capacity is { } capacity) pools.Add(new(tier.Id, capacity, 0));
            else if (tier.Pool is null) errors.Add(new($"tiers[{i}].pool", "must be given, or else capacity"));
        }

        var plan = new Plan
        {
            Name = document.Name,
            Venue = document.Venue,
            StartsAt = document.StartsAt,
            TimeZone = document.TimeZone,
            Currency = document.Currency,
            OpensAtMs = opensAt,
            ClosesAtMs = closesAt,
            PaymentKind = kind,
            Pools = [.. pools],
            Tiers = tiers,
            Rules = new(document.Rules.HoldSeconds, document.Rules.Extensions, document.Rules.PerOrder, document.Rules.PerBuyer)
            {
                Waitlist = document.Rules.Waitlist ?? false,
                Passengers = document.Rules.Passengers ?? false,
                OneTier = document.Rules.OneTier ?? false,
            },
            Stops = document.Stops is null ? null
                : Array.ConvertAll(document.Stops, stop => new StopPlan(stop.Id, stop.Name, stop.Arrives, stop.Departs)),
        };

        // A tier without a pool has been named already; naming its missing pool too would only confuse.
        var named = errors.Select(error => error.Path).ToHashSet();
        errors.AddRange(PlanCheck.Errors(plan).Where(error => named.Add(error.Path)));
        return (errors.Count == 0 ? plan : null, errors);
    }

    /// <summary>The plan to show and to change: reading it again gives the same plan.</summary>
    public static PlanDocument Write(Plan plan) => new()
    {
        Name = plan.Name,
        Venue = plan.Venue,
        StartsAt = plan.StartsAt,
        TimeZone = plan.TimeZone,
        Currency = plan.Currency,
        OpensAt = plan.OpensAtMs is { } opens ? Local(opens, plan.TimeZone) : null,
        ClosesAt = plan.ClosesAtMs is { } closes ? Local(closes, plan.TimeZone) : null,
        PaymentKind = plan.PaymentKind.ToString().ToLowerInvariant(),
        Pools = Array.ConvertAll(plan.Pools, pool => PlacesMapping.Write(pool, plan)),
        Tiers = Array.ConvertAll(plan.Tiers, tier => new TierDocument
        {
            Id = tier.Id,
            Name = tier.Name,
            Pool = tier.Pool,
            Price = tier.LegPrices is null && tier.PairPrices is null ? tier.Price : null,
            LegPrices = tier.LegPrices,
            PairPrices = tier.PairPrices,
        }),
        Stops = plan.Stops is null
            ? null
            : Array.ConvertAll(
                plan.Stops, stop => new StopDocument { Id = stop.Id, Name = stop.Name, Arrives = stop.Arrives, Departs = stop.Departs }),
        Rules = new()
        {
            HoldSeconds = plan.Rules.HoldSeconds,
            Extensions = plan.Rules.Extensions,
            PerOrder = plan.Rules.PerOrder,
            PerBuyer = plan.Rules.PerBuyer,
            Waitlist = plan.Rules.Waitlist ? true : null,
            Passengers = plan.Rules.Passengers ? true : null,
            OneTier = plan.Rules.OneTier ? true : null,
        },
    };

    // With the offset, so that no reader has to know the zone's rules; the clock's time there, so that people recognise it.
    internal static string Local(long ms, string zone)
    {
        var instant = DateTimeOffset.FromUnixTimeMilliseconds(ms);
        if (TimeZoneInfo.TryFindSystemTimeZoneById(zone, out var there)) instant = TimeZoneInfo.ConvertTime(instant, there);
        return instant.ToString("yyyy-MM-ddTHH:mm:sszzz", System.Globalization.CultureInfo.InvariantCulture);
    }
}
