using System.Globalization;
using Microsoft.Extensions.Primitives;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Api;

namespace TicketRush.Server.Pages;

/// <summary>
/// What a buyer asks for beyond numbers of tickets, as forms, addresses and signed links carry it. Whatever is out of bounds is left
/// out or cut here; whether it can be had is the sale's to say.
/// </summary>
public sealed record PlacesWish
{
    // One more than any order may have, so that too many are refused as too many.
    private const int PlacesMax = PlanRules.PerOrderMax + 1;
    private const int NameLengthMax = 80;

    public static PlacesWish None { get; } = new();

    /// <summary>Ids of stops.</summary>
    public string? From { get; init; }
    public string? To { get; init; }

    /// <summary>Names of seats.</summary>
    public string[] Seats { get; init; } = [];
    public int Wheelchair { get; init; }
    public bool Apart { get; init; }

    /// <summary>Passengers as they were typed, to show them again; never in an address.</summary>
    public string[] Names { get; init; } = [];

    /// <summary>Their keyed hashes.</summary>
    public ulong[] Passengers { get; init; } = [];

    /// <summary>The id of the hold or order that is exchanged.</summary>
    public string? Of { get; init; }

    /// <summary>Which of its tickets; all that are left, when none is named.</summary>
    public uint[] Tickets { get; init; } = [];

    /// <summary>Where seats are picked: a pool, a section of it, and a part of that.</summary>
    public string? Pool { get; init; }
    public string Section { get; init; } = "";
    public int Part { get; init; }

    public static PlacesWish Read(IEnumerable<KeyValuePair<string, StringValues>> fields, Identities identities)
    {
        var wish = new PlacesWish();
        var (names, who) = (new SortedDictionary<int, string>(), new List<ulong>());
        foreach (var (field, values) in fields)
        {
            var value = values.ToString();
            switch (field)
            {
                case "from" when PlanCheck.IsId(value): wish = wish with { From = value }; break;
                case "to" when PlanCheck.IsId(value): wish = wish with { To = value }; break;
                case "of" when value.Length is 32 or 36: wish = wish with { Of = value }; break;
                case "pool" when PlanCheck.IsId(value): wish = wish with { Pool = value }; break;
                case "section" when Labels.IsLabel(value): wish = wish with { Section = value }; break;
                case "part": wish = wish with { Part = Number(value) }; break;
                case "wheelchair": wish = wish with { Wheelchair = Math.Min(Number(value), PlanRules.PerOrderMax) }; break;
                case "apart": wish = wish with { Apart = value == "yes" }; break;

                // A form that was sent again by a page has its values in one.
                case "seat": wish = wish with { Seats = [.. value.Split(',',
                    StringSplitOptions.RemoveEmptyEntries).Take(PlacesMax)] }; break;
                case "ticket": wish = wish with { Tickets = [.. value.Split(',').Select(Ticket).Take(PlacesMax)] }; break;
                case "who":
                    foreach (var hash in value.Split(',').Take(PlacesMax))
                    {
                        if (ulong.TryParse(hash, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var read)) who.Add(read);
                    }

                    break;
                default:
                    if (field.StartsWith("p.", StringComparison.Ordinal) && field.Length <= 5
                        && value.Trim() is { Length: > 0 and <= NameLengthMax } name)
                        names[Number(field[2..])] = name;
                    break;
            }
        }

        return wish with
        {
            Names = [.. names.Values.Take(PlacesMax)],
            Passengers = names.Count == 0 ? [.. who] : [.. names.Values.Take(PlacesMax).Select(identities.Passenger)],
        };
    }

    /// <summary>The fields of a form that asks for the same.</summary>
    public IEnumerable<(string Name, string Value)> Fields()
    {
        foreach (var field in InAddress()) yield return field;
        for (var i = 0; i < Names.Length; i++) yield return ($"p.{i}", Names[i]);
    }

    /// <summary>What an address may say of it: everything but names of people.</summary>
    public IEnumerable<(string Name, string Value)> InAddress(bool withPassengers = false)
    {
        if (From is not null) yield return ("from", From);
        if (To is not null) yield return ("to", To);
        if (Of is not null) yield return ("of", Of);
        if (Tickets.Length > 0) yield return ("ticket", string.Join(',', Tickets));
        if (Pool is not null) yield return ("pool", Pool);
        if (Section.Length > 0) yield return ("section", Section);
        if (Part > 0) yield return ("part", Write(Part));
        if (Wheelchair > 0) yield return ("wheelchair", Write(Wheelchair));
        if (Apart) yield return ("apart", "yes");
        if (Seats.Length > 0) yield return ("seat", string.Join(',', Seats));
        if (withPassengers && Passengers.Length > 0)
            yield return ("who", string.Join(',', Passengers.Select(who => who.ToString("x16", CultureInfo.InvariantCulture))));
    }

    /// <summary>The address at which something of the sale is chosen, with what is known of the wish.</summary>
    public string Url(string page)
    {
        var query = QueryString.Create(InAddress().Select(field => KeyValuePair.Create(field.Name, (string?)field.Value)));
        return page + query.ToUriComponent();
    }

    /// <summary>The same text for the same wish: what a link's signature covers.</summary>
    public string Canonical() => string.Join('&', InAddress(withPassengers: true).Select(field => $"{field.Name}={field.Value}"));

    /// <summary>
    /// Picked seats with their kinds of ticket: those whose number was said, and the others the first kind of that pool. Null when
    /// more was said than seats are picked.
    /// </summary>
    public Dictionary<string, int>? Share(Plan plan, Dictionary<string, int> said)
    {
        var pool = Pool ?? "";
        if (Array.Find(plan.Tiers, tier => tier.Pool == pool) is not { } first) return null;
        var shared = said.Where(one => one.Key != first.Id).ToDictionary(StringComparer.Ordinal);
        var left = Seats.Length - shared.Values.Sum(quantity => (long)quantity);
        if (left < 0) return null;
        if (left > 0) shared[first.Id] = (int)left;
        return shared;
    }

    /// <summary>Adds to a command, whose lines and plan are set, what this asks.</summary>
    public void AddTo(ref Command command)
    {
        var plan = command.Plan!;
        var (travels, named, places) = (false, 0, new List<int>());
        for (var i = 0; i < command.Lines.Count; i++)
        {
            if (command.Lines[i].Tier == ushort.MaxValue) return;
            var pool = plan.Pools[plan.PoolNamed(plan.Tiers[command.Lines[i].Tier].Pool)];
            travels |= pool.Travel != Travel.None;

            // Names are for the places that have seats, in their order; the others have none.
            for (var k = 0; k < command.Lines[i].Quantity && places.Count < PlacesMax; k++)
                places.Add(pool.Layout is null || named == Seats.Length ? -1 : pool.Layout.Find(Seats[named++]) is >= 0 and var seat ? seat
                    : PlacesAsking.UnknownSeat);
        }

        // More names than places: too many for the order, which the sale says.
        for (; named < Seats.Length; named++) places.Add(PlacesAsking.UnknownSeat);
        if (Seats.Length > 0) command.Seats = [.. places];
        if (travels) (command.From, command.To) = (PlacesAsking.StopOf(plan, From ?? ""), PlacesAsking.StopOf(plan, To ?? ""));
        (command.Wheelchair, command.Apart) = ((byte)Math.Clamp(Wheelchair, 0, PlanRules.PerOrderMax), Apart);
        if (plan.Rules.Passengers) command.Passengers = Passengers;
    }

    private static int Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? Math.Min(number, 100_000) : 0;

    private static uint Ticket(string text) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var ticket) ? ticket
        : 0;

    private static string Write(int number) => number.ToString(CultureInfo.InvariantCulture);
}
