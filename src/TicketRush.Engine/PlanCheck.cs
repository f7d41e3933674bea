namespace TicketRush.Engine;

/// <summary>One thing that is wrong with a plan: where it stands, as a path in the plan's JSON, and what is allowed there.</summary>
public readonly record struct PlanError(string Path, string Message);

/// <summary>Checks a plan whole: every error is named, not only the first.</summary>
public static class PlanCheck
{
    public static List<PlanError> Errors(Plan plan)
    {
        var errors = new List<PlanError>();

        Text(plan.Name, "name", required: true);
        Text(plan.Venue, "venue", required: false);
        Text(plan.StartsAt, "startsAt", required: false);
        Text(plan.TimeZone, "timeZone", required: true);
        if (plan.Currency.Length != 3 || !plan.Currency.All(char.IsAsciiLetterUpper))
            Add("currency", "must be three capital letters, such as CNY or EUR");
        if (!Enum.IsDefined(plan.PaymentKind)) Add("paymentKind", "must be none, external or test");
        if (plan.OpensAtMs >= plan.ClosesAtMs) Add("closesAt", "must be later than opensAt");

        Range(plan.Pools.Length, 1, Plan.PoolsMax, "pools", "pools");
        Range(plan.Tiers.Length, 1, Plan.TiersMax, "tiers", "tiers");

        for (var i = 0; i < plan.Pools.Length; i++)
        {
            var (pool, path) = (plan.Pools[i], $"pools[{i}]");
            Id(pool.Id, path);
            if (plan.PoolNamed(pool.Id) < i) Add($"{path}.id", $"\"{pool.Id}\" is used twice; every pool needs an id of its own");
            Range(pool.Capacity, 0, Plan.CapacityMax, $"{path}.capacity", "places");
            if (pool.Blocks is null && (pool.Blocked < 0 || pool.Blocked > pool.Capacity))
                Add($"{path}.blocked", $"is {pool.Blocked}; must be 0 to the capacity, {pool.Capacity}");
        }

        PlacesCheck.Add(plan, errors);

        for (var i = 0; i < plan.Tiers.Length; i++)
        {
            var (tier, path) = (plan.Tiers[i], $"tiers[{i}]");
            Id(tier.Id, path);
            Text(tier.Name, $"{path}.name", required: true);
            if (plan.TierNamed(tier.Id) < i) Add($"{path}.id", $"\"{tier.Id}\" is used twice; every tier needs an id of its own");
            if (plan.PoolNamed(tier.Pool) < 0) Add($"{path}.pool", $"\"{tier.Pool}\" is not one of the pools");
            Range(tier.Price, 0, Plan.PriceMax, $"{path}.price", "minor units");
            PlacesCheck.AddPrices(plan, tier, path, errors);
        }

        if (errors.Count == 0) PlacesCheck.CountPrices(plan, errors);

        var rules = plan.Rules;
        Range(rules.HoldSeconds, 1, PlanRules.HoldSecondsMax, "rules.holdSeconds", "seconds");
        Range(rules.Extensions, 0, PlanRules.ExtensionsMax, "rules.extensions", "extensions");
        Range(rules.PerOrder, 1, PlanRules.PerOrderMax, "rules.perOrder", "places");
        Range(rules.PerBuyer, 1, PlanRules.PerBuyerMax, "rules.perBuyer", "places");
        if (rules.PerBuyer < rules.PerOrder) Add("rules.perBuyer", $"is {rules.PerBuyer}; must not be below perOrder, {rules.PerOrder}");

        return errors;

        void Add(string path, string message) => errors.Add(new(path, message));

        void Range(long value, long from, long to, string path, string unit)
        {
            if (value < from || value > to) Add(path, $"is {value}; must be {from} to {to} {unit}");
        }

        void Text(string text, string path, bool required)
        {
            if (required && string.IsNullOrWhiteSpace(text)) Add(path, "must not be empty");
            if (text.Length > Plan.TextLengthMax) Add(path, $"is {text.Length} characters long; {Plan.TextLengthMax} are allowed");
            if (text.Any(char.IsControl)) Add(path, "must not hold control characters");
        }

        void Id(string id, string path)
        {
            if (!IsId(id)) Add($"{path}.id", "must be 1 to 63 of a-z, 0-9 and -, and not start with -");
        }
    }

    /// <summary>Whether a text may name a sale, a pool or a tier: <c>[a-z0-9][a-z0-9-]{0,62}</c>.</summary>
    public static bool IsId(string id) =>
        id.Length is >= 1 and <= 63 && id[0] != '-' && id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');
}
