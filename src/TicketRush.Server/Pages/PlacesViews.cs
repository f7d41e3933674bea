using System.Numerics;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Api;

namespace TicketRush.Server.Pages;

/// <summary>Where a place is, in words; null for what it has not.</summary>
/// <param name="Seat">Such as row 12, seat 7.</param>
public sealed record PlaceText(string Tier, string? Seat);

/// <summary>The places of a hold or an order, as people are told.</summary>
/// <param name="Journey">Null where nothing travels.</param>
/// <param name="NumbersCome">Whether some of them get their numbers later.</param>
public sealed record GivenView((StopPlan From, StopPlan To)? Journey, PlaceText[] Places, bool NumbersCome)
{
    public static GivenView? Of(SaleView sale, in PricedLines lines, ReadOnlySpan<int> seats, int from, int to, Texts texts)
    {
        var plan = sale.Plan;
        if (!plan.HasPlaces) return null;
        var (places, at, come) = (new PlaceText[lines.Places], 0, false);
        for (var i = 0; i < lines.Count; i++)
        {
            var tier = plan.Tiers[lines[i].Tier];
            var pool = plan.Pools[plan.PoolNamed(tier.Pool)];
            for (var end = at + lines[i].Quantity; at < end; at++)
            {
                var seat = at < seats.Length && seats[at] >= 0 && pool.Layout is { } layout
                    ? SeatText(texts, layout.NameOf(seats[at]), pool.Travel != Travel.None)
                    : pool.Travel == Travel.SeatLater ? texts.SeatComesLater : null;
                come |= pool.Travel == Travel.SeatLater && (at >= seats.Length || seats[at] < 0);
                places[at] = new(tier.Name, seat);
            }
        }

        return new(plan.Stops is { } stops && to > from && to < stops.Length ? (stops[from], stops[to]) : null, places, come);
    }

    public static string SeatText(Texts texts, string name, bool travels)
    {
        var (section, row, seat) = Sections.Split(name);
        return texts.SeatOf(section, row, seat, travels);
    }
}

/// <summary>What is given back in an exchange.</summary>
public sealed record OldPlaces(string Of, HoldState State, PricedLines Lines, GivenView? Given, uint FirstTicket, UInt128 Refunded)
{
    /// <summary>Tickets of an order that are left to exchange.</summary>
    public IEnumerable<uint> Left() => State != HoldState.Paid
        ? []
        : Enumerable.Range(0, Lines.Places).Where(i => (Refunded >> i & 1) == 0).Select(i => FirstTicket + (uint)i);
}

/// <summary>A page on which places are chosen.</summary>
/// <param name="Id">The id that the hold will have, made afresh with the form: a form that is sent twice is one hold.</param>
public sealed record PlacesChoice(SaleView Sale, string Id, PlacesWish Wish, Dictionary<string, int> Quantities, string? Problem)
{
    public string? Link { get; init; }
    public string? LinkText { get; init; }
    public OldPlaces? Old { get; init; }

    public Plan Plan => Sale.Plan;

    public int From => Plan.Stops is null || Wish.From is null ? 0 : Math.Max(Plan.StopNamed(Wish.From), 0);

    public int To => Plan.Stops is null || Wish.To is null || Plan.StopNamed(Wish.To) is not (>= 0 and var to) ? Plan.Legs : to;

    public bool IsJourney => From < To;

    /// <summary>Whether some pool has places for wheelchairs.</summary>
    public bool HasWheelchairs => Plan.Pools.Any(pool => pool.Rows is { } rows && rows.Any(row => row.Wheelchair.Length > 0));

    public int FreeOf(TierPlan tier) => Sale.FreeOf(tier, From, To);

    public long PriceOf(TierPlan tier) => Sale.PriceOf(tier, From, To);

    public string ChooseUrl => $"{Sale.Url}/choose";

    /// <summary>The same choice at another part of the plan.</summary>
    public string At(PoolPlan pool, string section, int part = 0, int? wheelchair = null) =>
        (Wish with { Pool = pool.Id, Section = section, Part = part, Seats = [],
            Wheelchair = wheelchair ?? Wish.Wheelchair }).Url(ChooseUrl);

    /// <summary>Back to where the pool, or the journey, is chosen.</summary>
    public string Back => (Wish with { Pool = null, Section = "", Part = 0, Seats = [], Wheelchair = 0 }).Url(ChooseUrl);
}

/// <summary>The seats of one section, or of a part of it.</summary>
public sealed record SeatsView(PlacesChoice Choice, PoolPlan Pool, Section Section, int Part, int[] Parts, PoolView View)
{
    public int From => Pool.Travel == Travel.None ? 0 : Choice.From;

    public int To => Pool.Travel == Travel.None ? 1 : Choice.To;

    public SeatLayout Layout => Pool.Layout!;

    public IEnumerable<SeatRow> Rows => Section.Rows[Parts[Part]..Parts[Part + 1]];

    public TierPlan[] Tiers => [.. Choice.Plan.Tiers.Where(tier => tier.Pool == Pool.Id)];

    /// <summary>Whether the first row shown is nearer to the focal point than the last.</summary>
    public bool? FirstIsNearest()
    {
        if (Pool.Travel != Travel.None || Section.Rows.Length < 2) return null;
        var focus = Pool.Focus ?? new(0, 0);
        return Far(Section.Rows[0]) <= Far(Section.Rows[^1]);

        long Far(SeatRow row)
        {
            var (x, y) = Layout.PlaceOf(row.First + row.Count / 2);
            return (long)(x - 2 * focus.X) * (x - 2 * focus.X) + (long)(y - 2 * focus.Y) * (y - 2 * focus.Y);
        }
    }
}

/// <summary>One tier's free places from every stop to every later one.</summary>
public sealed record MatrixView(SaleView Sale, TierPlan Tier, PoolView View, TierPlan[] Tiers);

/// <summary>Joining the waitlist.</summary>
public sealed record WaitlistView(PlacesChoice Choice, string Tier, int Quantity);

/// <summary>A wish that waits.</summary>
public sealed record WaitingView(SaleView Sale, string Id, PricedLines Lines, GivenView? Given, int Ahead, int AheadElsewhere);
