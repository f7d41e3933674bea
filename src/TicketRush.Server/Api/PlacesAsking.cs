using TicketRush.Engine;
using TicketRush.Journal;

namespace TicketRush.Server.Api;

/// <summary>From names of seats, stops and passengers to the numbers of a command; and back.</summary>
internal static class PlacesAsking
{
    public const int UnknownSeat = -2;

    /// <summary>What a sale may refuse to who asks for seats, journeys or passengers, beyond what it refuses to everybody.</summary>
    public static readonly Refusal[] Refusals =
    [
        Refusal.UnknownSeat, Refusal.SeatTaken, Refusal.SeatsMixed, Refusal.LeavesSingle, Refusal.PartyTooLarge, Refusal.UnknownStop,
        Refusal.BadJourney,
        Refusal.NotTogether, Refusal.SeatReserved, Refusal.SeatsLater, Refusal.BadPassengers, Refusal.PassengerOverlap,
    ];

    /// <summary>Adds to a command what it asks beyond a number of places.</summary>
    /// <param name="items">Those that the command's lines were read from.</param>
    public static bool TryPlaces(
        ref Command command, ItemRequest[] items, string? from, string? to, int wheelchair, bool apart, Identities identities,
        out IResult problem)
    {
        problem = null!;
        var plan = command.Plan!;
        if (wheelchair is < 0 or > PlanRules.PerOrderMax)
        {
            problem = Asking.Invalid($"wheelchair is {wheelchair}; it must be 0 to {PlanRules.PerOrderMax}.");
            return false;
        }

        var places = 0L;
        foreach (var item in items) places += item.Quantity;
        if (wheelchair > places)
        {
            problem = Asking.Invalid($"wheelchair is {wheelchair}; there are only {places} places.");
            return false;
        }

        if (from is null != to is null)
        {
            problem = Asking.Invalid("from and to belong together: give both, or none.");
            return false;
        }

        if (from is not null) (command.From, command.To) = (StopOf(plan, from), StopOf(plan, to!));
        (command.Wheelchair, command.Apart) = ((byte)wheelchair, apart);
        var (seats, passengers) = (
            Array.Exists(items, item => item.Seats is not null), Array.Exists(items, item => item.Passengers is not null));
        for (var i = 0; i < items.Length; i++)
        {
            if (!IsList(items[i].Seats, items[i].Quantity, $"items[{i}].seats", out problem)
                || !IsList(items[i].Passengers, items[i].Quantity, $"items[{i}].passengers", out problem))
                return false;
        }

        if (!seats && !passengers) return true;

        // The places of a hold stand in the order of the plan's tiers, whatever the order of the items.
        var (named, who) = (new List<int>(), new List<ulong>());
        for (var i = 0; i < command.Lines.Count; i++)
        {
            if (command.Lines[i].Tier == ushort.MaxValue) return true;
            var tier = plan.Tiers[command.Lines[i].Tier];
            var item = Array.Find(items, item => item.Tier == tier.Id)!;
            var layout = plan.Pools[plan.PoolNamed(tier.Pool)].Layout;
            for (var k = 0; k < item.Quantity; k++)
            {
                if (named.Count == PlanRules.PerOrderMax + 1) return true;
                named.Add(item.Seats is null ? -1 : layout?.Find(item.Seats[k]) is >= 0 and var seat ? seat : UnknownSeat);
                if (item.Passengers is not null) who.Add(identities.Passenger(item.Passengers[k]));
            }
        }

        if (seats) command.Seats = [.. named];
        if (passengers) command.Passengers = [.. who];
        return true;
    }

    /// <summary>The seats of a pool that somebody asks about, and the journey; the whole one when none is given.</summary>
    public static bool TrySeats(
        SaleSnapshot snapshot, string pool, string? from, string? to,
        out (int Pool, PoolView View, bool Travels, int From, int To) seats, out IResult problem)
    {
        (seats, problem) = (default, null!);
        var number = snapshot.Plan.PoolNamed(pool);
        if (number < 0) problem = Problems.BadRequest("UNKNOWN_POOL", $"The plan has no pool \"{pool}\".", 404);
        else if (snapshot.Plan.Pools[number].Rows is null || snapshot.Views[number] is not { SeatCount: > 0 })
            problem = Problems.BadRequest("NO_SEATS", "The places of this pool have no numbers, or none yet.", 409);
        if (problem is not null) return false;

        var view = snapshot.Views[number]!;
        var travels = snapshot.Plan.Pools[number].Travel != Travel.None;
        seats = (number, view, travels, 0, view.Legs);
        if (from is null && to is null) return true;
        var (first, end) = (StopOf(snapshot.Plan, from ?? ""), StopOf(snapshot.Plan, to ?? ""));
        if (first == ushort.MaxValue || end == ushort.MaxValue)
            problem = Problems.BadRequest("UNKNOWN_STOP", "The plan has no such stop; give from and to.", 404);
        else if (!travels || first >= end)
            problem = Problems.BadRequest("BAD_JOURNEY", "A journey goes from a stop to a later one, in a pool that travels.");
        seats = (number, view, travels, first, end);
        return problem is null;
    }

    /// <returns>The stop's place in the plan; 65,535 for one that it does not know.</returns>
    public static ushort StopOf(Plan plan, string stop) => plan.StopNamed(stop) is >= 0 and var at ? (ushort)at : ushort.MaxValue;

    /// <summary>A submission whose reply has room for seats already, where the plan has any: the sale then allocates nothing.</summary>
    public static Submission Submission(in Command command, Plan plan) =>
        new() { Command = command, Reply = new() { Given = plan.HasPlaces ? new() : null } };

    /// <summary>The names of a reply's seats; null when no place has one.</summary>
    public static string?[]? SeatsOf(in PricedLines lines, ReadOnlySpan<int> seats, Plan plan)
    {
        if (!seats.ContainsAnyExcept(-1)) return null;
        var (names, place) = (new string?[seats.Length], 0);
        for (var i = 0; i < lines.Count; i++)
        {
            var layout = plan.Pools[plan.PoolNamed(plan.Tiers[lines[i].Tier].Pool)].Layout;
            for (var end = place + lines[i].Quantity; place < end && place < names.Length; place++)
                names[place] = seats[place] < 0 ? null : layout?.NameOf(seats[place]);
        }

        return names;
    }

    public static string? StopName(Plan plan, int stop, int to) => to == 0 ? null : plan.Stops?[stop].Id;

    /// <summary>The place that a refusal is about, in words.</summary>
    public static string PlaceOf(in Command command, Plan plan, int place)
    {
        if (command.Seats is not { } seats || place >= seats.Length || seats[place] < 0) return $"place {place + 1}";
        var before = 0;
        for (var i = 0; i < command.Lines.Count; i++)
        {
            before += command.Lines[i].Quantity;
            if (place >= before) continue;
            var layout = plan.Pools[plan.PoolNamed(plan.Tiers[command.Lines[i].Tier].Pool)].Layout;
            return layout is not null && seats[place] < layout.Count ? $"seat {layout.NameOf(seats[place])}" : $"place {place + 1}";
        }

        return $"place {place + 1}";
    }

    private static bool IsList(string[]? list, int quantity, string name, out IResult problem)
    {
        problem = null!;
        if (list is null) return true;
        if (list.Length != quantity) problem = Asking.Invalid($"{name} has {list.Length} elements, and the quantity is {quantity}.");
        else if (Array.IndexOf(list, null) is >= 0 and var at) problem = Asking.Invalid($"{name}[{at}] must not be null.");
        for (var i = 0; problem is null && i < list.Length; i++) Asking.IsText(list[i], $"{name}[{i}]", required: true, out problem);
        return problem is null;
    }
}
