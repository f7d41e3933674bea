namespace TicketRush.Engine;

/// <summary>The part of <see cref="PlanCheck"/> that is about seats, journeys and their prices.</summary>
public static class PlacesCheck
{
    // Bits of "which seats have this gap", of which there is one set for each pair of stops: 32 MiB.
    private const long GapBitsMax = 1L << 28;

    // The numbers of a pool that is numbered later must fit into one entry.
    private const long LaterPlacesMax = 500_000;

    internal static void Add(Plan plan, List<PlanError> errors)
    {
        Stops(plan, errors);
        long seats = 0;
        for (var i = 0; i < plan.Pools.Length; i++)
        {
            var (pool, path) = (plan.Pools[i], $"pools[{i}]");
            var before = errors.Count;
            if (pool.Travel != Travel.None && plan.Stops is null) Add($"{path}.travel", "needs the plan's stops");
            if (!Enum.IsDefined(pool.Travel)) Add($"{path}.travel", "must be seat-now, seat-later or standing");
            if (pool.Travel is Travel.SeatNow or Travel.SeatLater && pool.Rows is null)
                Add($"{path}.rows", "must be given where seats travel");
            if (pool.Travel == Travel.Standing && pool.Rows is not null) Add($"{path}.rows", "must not be given for standing places");
            if (pool.NumbersAtMs is not null && pool.Travel != Travel.SeatLater)
                Add($"{path}.numbersAt", "is for seats that are numbered later");
            if (pool.NoSingles && (pool.Rows is null || pool.Travel != Travel.None))
                Add($"{path}.noSingles", "is for rows that do not travel");
            if (pool.Focus is { } focus && (Outside(focus.X) || Outside(focus.Y))) Add($"{path}.focus", Coordinates);
            if (pool.Rows is { } rows) seats += Rows(rows, pool.Travel, path, errors);
            if (pool.Travel == Travel.Standing && pool.Capacity > 1_000_000)
                Add($"{path}.capacity", $"is {pool.Capacity}; 1000000 standing places are allowed");
            if (errors.Count > before || seats > Plan.SeatsMax) continue;

            if (pool.Layout is { } layout)
            {
                if (pool.Capacity != layout.Count) Add($"{path}.capacity", $"is {pool.Capacity}; the rows have {layout.Count} seats");
                if (pool.Travel == Travel.SeatNow && (long)layout.Count * plan.Legs * plan.Legs > GapBitsMax)
                    Add($"{path}.rows",
                        $"have {layout.Count} seats; with {plan.Legs} legs, {GapBitsMax / plan.Legs / plan.Legs} are allowed");
                if (pool.Travel == Travel.SeatLater && (long)layout.Count * plan.Legs > LaterPlacesMax)
                    Add($"{path}.rows",
                        $"have {layout.Count} seats; with {plan.Legs} legs, {LaterPlacesMax / plan.Legs} may be numbered later");
            }

            Blocks(plan, pool, path, errors);
        }

        if (seats > Plan.SeatsMax) Add("pools", $"have {seats} seats; {Plan.SeatsMax} are allowed");

        void Add(string path, string message) => errors.Add(new(path, message));
    }

    internal static void AddPrices(Plan plan, TierPlan tier, string path, List<PlanError> errors)
    {
        if (tier.LegPrices is null && tier.PairPrices is null) return;
        var pool = plan.PoolNamed(tier.Pool);
        if (tier.LegPrices is not null && tier.PairPrices is not null) Add("pairPrices", "must not be given together with legPrices");
        else if (pool >= 0 && plan.Pools[pool].Travel == Travel.None)
            Add(tier.LegPrices is null ? "pairPrices" : "legPrices", "are for a pool that travels");
        else if (tier.LegPrices is { } legs)
        {
            if (legs.Length != plan.Legs) Add("legPrices", $"has {legs.Length} prices; the journey has {plan.Legs} legs");
            for (var i = 0; i < legs.Length; i++) Price(legs[i], $"legPrices[{i}]");
            if (legs.All(price => price is >= 0 and <= Plan.PriceMax) && legs.Sum() > Plan.PriceMax)
                Add("legPrices", $"sum up to more than {Plan.PriceMax}");
        }
        else if (tier.PairPrices is { } pairs)
        {
            if (pairs.Length != plan.Legs)
                Add("pairPrices", $"has {pairs.Length} rows; there must be one for each stop but the last, {plan.Legs}");
            for (var from = 0; from < pairs.Length; from++)
            {
                if (pairs[from] is null || pairs[from].Length != plan.Legs - from)
                    Add($"pairPrices[{from}]",
                        $"has {pairs[from]?.Length ?? 0} prices; there must be one for each stop behind, {plan.Legs - from}");
                for (var to = 0; to < (pairs[from]?.Length ?? 0); to++) Price(pairs[from][to], $"pairPrices[{from}][{to}]");
            }
        }

        void Price(long price, string at)
        {
            if (price is < 0 or > Plan.PriceMax) Add(at, $"is {price}; must be 0 to {Plan.PriceMax} minor units");
        }

        void Add(string member, string message) => errors.Add(new($"{path}.{member}", message));
    }

    /// <summary>Whether there are no more prices than can be told apart; to be asked only when each of them is good.</summary>
    internal static void CountPrices(Plan plan, List<PlanError> errors)
    {
        var (prices, count) = (new HashSet<long>(), 0);
        for (var tier = 0; tier < plan.Tiers.Length; tier++)
        {
            prices.Clear();
            foreach (var price in plan.PricesOf(tier))
            {
                if (!prices.Add(price) || ++count <= Plan.PricesMax) continue;
                errors.Add(new("tiers", $"have more than {Plan.PricesMax} different prices over all journeys"));
                return;
            }
        }
    }

    /// <summary>What is wrong with rows, so that a seat can be looked up in them only when nothing is.</summary>
    public static void AddRows(RowPlan[] rows, string path, List<PlanError> errors) => Rows(rows, Travel.None, path, errors);

    private const string Coordinates = "must be between -2000 and 2000";

    private static bool Outside(int coordinate) => Math.Abs((long)coordinate) > RowPlan.CoordinateMax;

    private static void Stops(Plan plan, List<PlanError> errors)
    {
        if (plan.Stops is not { } stops) return;
        if (stops.Length is < 2 or > Plan.StopsMax) errors.Add(new("stops", $"is {stops.Length}; must be 2 to {Plan.StopsMax} stops"));
        var ids = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < stops.Length; i++)
        {
            if (!PlanCheck.IsId(stops[i].Id)) errors.Add(new($"stops[{i}].id", "must be 1 to 63 of a-z, 0-9 and -, and not start with -"));
            if (!ids.Add(stops[i].Id))
                errors.Add(new($"stops[{i}].id", $"\"{stops[i].Id}\" is used twice; every stop needs an id of its own"));
            foreach (var (member, text) in ((string, string)[])[("name", stops[i].Name), ("arrives", stops[i].Arrives),
                ("departs", stops[i].Departs)])
            {
                if (text.Length > Plan.TextLengthMax || text.Any(char.IsControl))
                    errors.Add(new($"stops[{i}].{member}",
                        $"must have at most {Plan.TextLengthMax} characters, none of them a control character"));
            }

            if (string.IsNullOrWhiteSpace(stops[i].Name)) errors.Add(new($"stops[{i}].name", "must not be empty"));
        }
    }

    private static long Rows(RowPlan[] rows, Travel travel, string path, List<PlanError> errors)
    {
        if (rows.Length is 0 or > 5_000) errors.Add(new($"{path}.rows", $"is {rows.Length}; must be 1 to 5000 blocks of rows"));
        long seats = 0;
        var (names, before) = (new HashSet<(string, string, string)>(), errors.Count);
        for (var i = 0; i < rows.Length; i++)
        {
            var (row, at) = (rows[i], $"{path}.rows[{i}]");
            if (row.Section.Length > 0 && !Labels.IsLabel(row.Section))
                errors.Add(new($"{at}.section", $"must be at most {RowPlan.LabelLengthMax} letters and digits"));
            if (Outside(row.X)) errors.Add(new($"{at}.x", Coordinates));
            if (Outside(row.Y)) errors.Add(new($"{at}.y", Coordinates));
            if (row.Turn is < 0 or > 3) errors.Add(new($"{at}.turn", $"is {row.Turn}; must be 0 to 3 quarter turns"));
            var (labels, places) = (Read(row.Rows, $"{at}.rows"), Read(row.Seats, $"{at}.seats"));
            var among = places?.ToHashSet(StringComparer.Ordinal);
            var aisles = ReadAmong(among, row.Aisles, $"{at}.aisles");
            ReadAmong(among, row.Wheelchair, $"{at}.wheelchair");
            ReadAmong(among, row.Companion, $"{at}.companion");
            if (travel == Travel.SeatLater && (row.Wheelchair.Length > 0 || row.Companion.Length > 0))
                errors.Add(new($"{at}.wheelchair",
                    "must not be given where seats are numbered later; give such places a pool of their own"));
            if (labels is null || places is null) continue;

            seats += labels.Count * places.Count;
            var stretch = 0;
            foreach (var place in places)
            {
                if (++stretch > RowPlan.BenchMax)
                {
                    errors.Add(new($"{at}.seats", $"has more than {RowPlan.BenchMax} seats without an aisle"));
                    break;
                }

                if (aisles?.Contains(place) == true) stretch = 0;
            }

            // Names are compared only while they are few enough to be kept; a pool of more is refused anyway.
            for (var r = 0; r < labels.Count && seats <= Plan.SeatsMax; r++)
            {
                if (places.FirstOrDefault(place => !names.Add((row.Section, labels[r], place))) is not { } twice) continue;
                errors.Add(new(at, $"has seat {row.Section}{(row.Section.Length > 0 ? "-" : "")}{labels[r]}-{twice} a second time"));
                break;
            }
        }

        // Told here and not only for all pools together, for whoever reads a plan lays out each pool whose rows are good.
        if (seats > Plan.SeatsMax) errors.Add(new($"{path}.rows", $"have {seats} seats; {Plan.SeatsMax} are allowed"));
        return errors.Count > before ? 0 : seats;

        List<string>? Read(string text, string at)
        {
            var found = new List<string>();
            if (Labels.Parse(text, found) is not { } wrong) return found;
            errors.Add(new(at, wrong));
            return null;
        }

        HashSet<string>? ReadAmong(HashSet<string>? places, string text, string at)
        {
            if (text.Length == 0 || Read(text, at) is not { } found) return null;
            if (places is not null && found.Find(label => !places.Contains(label)) is { } stranger)
                errors.Add(new(at, $"names \"{stranger}\", which is none of the row's seats"));
            return found.ToHashSet(StringComparer.Ordinal);
        }
    }

    private static void Blocks(Plan plan, PoolPlan pool, string path, List<PlanError> errors)
    {
        if (pool.Blocks is not { } blocks)
        {
            if (pool.HasPlaces && pool.Blocked != 0)
                errors.Add(new($"{path}.blocked", $"is {pool.Blocked}; name the blocked places in blocks"));
            return;
        }

        if (!pool.HasPlaces)
        {
            errors.Add(new($"{path}.blocks", "is for seats and journeys; give blocked, a number"));
            return;
        }

        if (blocks.Length > PoolPlan.BlocksMax)
            errors.Add(new($"{path}.blocks", $"has {blocks.Length} elements; {PoolPlan.BlocksMax} are allowed"));
        var (legs, before) = (pool.Travel == Travel.None ? 1 : plan.Legs, errors.Count);
        var taken = new HashSet<(int, int)>();
        var load = new int[legs];
        for (var i = 0; i < blocks.Length; i++)
        {
            var (seat, from, to) = blocks[i];
            if (from < 0 || to <= from || to > legs) errors.Add(new($"{path}.blocks[{i}]", "must go from a stop to a later one"));
            else if (pool.Travel == Travel.Standing ? seat != -1 : seat >= (pool.Layout?.Count ?? 0)
                || seat < (pool.Travel == Travel.SeatLater ? -1 : 0))
                errors.Add(new($"{path}.blocks[{i}].seat", "is none of the pool's seats"));
            else
            {
                for (var leg = from; leg < to; leg++)
                {
                    if (++load[leg] <= pool.Capacity && (seat < 0 || taken.Add((seat, leg)))) continue;
                    errors.Add(new($"{path}.blocks[{i}]", "blocks a place that is blocked already"));
                    break;
                }
            }
        }

        if (errors.Count == before && pool.Blocked != blocks.Sum(block => block.To - block.From))
            errors.Add(new($"{path}.blocked", $"is {pool.Blocked}; must be that of blocks"));
    }
}
