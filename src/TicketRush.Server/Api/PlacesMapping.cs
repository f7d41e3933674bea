using TicketRush.Engine;

namespace TicketRush.Server.Api;

/// <summary>The pools of a plan between the API's names and the engine's numbers.</summary>
internal static class PlacesMapping
{
    /// <summary>Where a null stands that the reader of JSON lets through; null when nowhere.</summary>
    public static string? HasNull(PlanDocument document)
    {
        if (document.Stops is { } stops && Array.IndexOf(stops, null) is >= 0 and var stop) return $"stops[{stop}]";
        for (var i = 0; i < document.Pools.Length; i++)
        {
            if (document.Pools[i].Rows is { } rows && Array.IndexOf(rows, null) is >= 0 and var row) return $"pools[{i}].rows[{row}]";
            if (document.Pools[i].Blocks is { } blocks && Array.IndexOf(blocks, null) is >= 0 and var block)
                return $"pools[{i}].blocks[{block}]";
        }

        for (var i = 0; i < document.Tiers.Length; i++)
        {
            if (document.Tiers[i].PairPrices is { } pairs && Array.IndexOf(pairs, null) is >= 0 and var pair)
                return $"tiers[{i}].pairPrices[{pair}]";
        }

        return null;
    }

    public static PoolPlan Read(PoolDocument pool, string path, PlanDocument document, TimeZoneInfo? zone, List<PlanError> errors)
    {
        var travel = pool.Travel switch
        {
            null => Travel.None,
            "seat-now" => Travel.SeatNow,
            "seat-later" => Travel.SeatLater,
            "standing" => Travel.Standing,
            _ => (Travel)byte.MaxValue,
        };
        var rows = pool.Rows is null
            ? null
            : Array.ConvertAll(
                pool.Rows,
                row => new RowPlan(row.Section, row.Rows, row.Seats, row.Aisles, row.Wheelchair, row.Companion, row.X, row.Y, row.Turn));
        if (rows is null && pool.Capacity is null) errors.Add(new($"{path}.capacity", "must be given, or else rows"));

        // Names are looked up only in rows that can be read; their errors are told anyway.
        var unread = new List<PlanError>();
        if (rows is not null) PlacesCheck.AddRows(rows, path, unread);
        var layout = rows is null || unread.Count > 0 ? null : SeatLayout.Of(rows);
        var blocks = pool.Blocks is null || (rows is not null && layout is null) ? null
            : ReadBlocks(pool.Blocks, travel, layout, path, document, errors);
        if (pool.Blocked is not null && blocks is not null && pool.Blocked != blocks.Sum(block => block.To - block.From))
            errors.Add(new($"{path}.blocked", "must not be given together with blocks"));
        return new(pool.Id, pool.Capacity ?? layout?.Count ?? 0, blocks?.Sum(block => block.To - block.From) ?? pool.Blocked ?? 0)
        {
            Rows = rows,
            Travel = travel,
            Focus = pool.Focus is null ? null : new(pool.Focus.X, pool.Focus.Y),
            Blocks = blocks,
            NoSingles = pool.NoSingles ?? false,
            NumbersAtMs = PlanTimes.Parse(pool.NumbersAt, $"{path}.numbersAt", zone, errors),
        };
    }

    public static PoolDocument Write(PoolPlan pool, Plan plan) => new()
    {
        Id = pool.Id,
        Capacity = pool.Capacity,
        Blocked = pool.Blocks is null ? pool.Blocked : null,
        Rows = pool.Rows is null ? null : Array.ConvertAll(pool.Rows, row => new RowDocument
        {
            Section = row.Section,
            Rows = row.Rows,
            Seats = row.Seats,
            Aisles = row.Aisles,
            Wheelchair = row.Wheelchair,
            Companion = row.Companion,
            X = row.X,
            Y = row.Y,
            Turn = row.Turn,
        }),
        Travel = NameOf(pool.Travel),
        Focus = pool.Focus is null ? null : new(pool.Focus.X, pool.Focus.Y),
        Blocks = pool.Blocks is null ? null : Array.ConvertAll(pool.Blocks, block => new BlockDocument
        {
            Seat = block.Seat < 0 ? null : pool.Layout!.NameOf(block.Seat),
            From = pool.Travel == Travel.None ? null : plan.Stops![block.From].Id,
            To = pool.Travel == Travel.None ? null : plan.Stops![block.To].Id,
        }),
        NoSingles = pool.NoSingles ? true : null,
        NumbersAt = pool.NumbersAtMs is { } at ? PlanMapping.Local(at, plan.TimeZone) : null,
    };

    public static string? NameOf(Travel travel) => travel switch
    {
        Travel.SeatNow => "seat-now",
        Travel.SeatLater => "seat-later",
        Travel.Standing => "standing",
        _ => null,
    };

    private static BlockPlan[] ReadBlocks(
        BlockDocument[] blocks, Travel travel, SeatLayout? layout, string path, PlanDocument document, List<PlanError> errors)
    {
        var read = new BlockPlan[blocks.Length];
        for (var i = 0; i < blocks.Length; i++)
        {
            var at = $"{path}.blocks[{i}]";
            var seat = blocks[i].Seat is { } name && layout is not null ? layout.Find(name) : -1;
            if (blocks[i].Seat is not null && seat < 0) errors.Add(new($"{at}.seat", "is none of the pool's seats"));
            if (blocks[i].Seat is null && travel is Travel.None or Travel.SeatNow) errors.Add(new($"{at}.seat", "must be given"));
            if (travel == Travel.None)
            {
                if (blocks[i].From is not null || blocks[i].To is not null) errors.Add(new($"{at}.from", "is for places that travel"));
                read[i] = new(seat, 0, 1);
                continue;
            }

            read[i] = new(
                seat, StopOf(blocks[i].From, $"{at}.from", 0), StopOf(blocks[i].To, $"{at}.to", (document.Stops?.Length ?? 1) - 1));
        }

        return read;

        int StopOf(string? id, string at, int missing)
        {
            if (id is null) return missing;
            var stop = Array.FindIndex(document.Stops ?? [], stop => stop?.Id == id);
            if (stop < 0) errors.Add(new(at, $"\"{id}\" is none of the stops"));
            return stop;
        }
    }
}
