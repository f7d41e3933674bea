using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Api;

namespace TicketRush.Server.Pages;

/// <summary>A sale as its pages show it, at one moment.</summary>
public sealed record SaleView(string Name, string State, SaleSnapshot Snapshot, long NowMs)
{
    public Plan Plan => Snapshot.Plan;

    /// <summary>Openly free, in all pools that a tier draws on; of what travels, as many as the journey has for which most are
    /// free.</summary>
    public int Free => PoolsOfTiers().Sum(FreeIn);

    /// <summary>Held and not paid: what may still come back.</summary>
    public int Held => PoolsOfTiers().Sum(pool => Snapshot.Pools[pool].Held);

    public bool IsOpen => State == "open";

    /// <summary>A draft is the office's alone.</summary>
    public bool IsPublic => State != "draft";

    public string Url => $"/sales/{Name}";

    /// <summary>What anybody may have of a tier: for the whole journey, where it travels; without the places for wheelchairs.</summary>
    public int FreeOf(TierPlan tier) => FreeOf(tier, 0, Plan.Legs);

    /// <summary>The same for a journey.</summary>
    public int FreeOf(TierPlan tier, int from, int to)
    {
        var pool = Plan.PoolNamed(tier.Pool);
        if (ViewOf(pool) is not { } view) return Snapshot.Pools[pool].Free;
        return Plan.Pools[pool].Travel == Travel.None ? view.FreeFor(0, view.Legs) : from < to ? Math.Max(view.FreeFor(from, to), 0) : 0;
    }

    /// <summary>What a place of the tier costs on a journey.</summary>
    public long PriceOf(TierPlan tier, int from, int to) => Plan.PriceOf(Array.IndexOf(Plan.Tiers, tier), from, to);

    /// <summary>The least that a place of the tier can cost: a journey may be short.</summary>
    public long LeastPriceOf(TierPlan tier) => tier.PairPrices?.Min(row => row.Min()) ?? tier.LegPrices?.Min() ?? tier.Price;

    /// <summary>Whether its prices differ by journey.</summary>
    public bool HasPriceOfJourney(TierPlan tier) => tier.LegPrices is not null || tier.PairPrices is not null;

    /// <summary>The price of a tier in words: the least, where it differs by journey.</summary>
    public string SayPrice(Texts texts, TierPlan tier) => HasPriceOfJourney(tier)
        ? texts.PriceFrom(Money.Say(LeastPriceOf(tier), Plan.Currency))
        : Money.Say(tier.Price, Plan.Currency);

    /// <summary>The seats and legs of a pool; null where places are only counted.</summary>
    public PoolView? ViewOf(int pool) => pool < Snapshot.Views.Length ? Snapshot.Views[pool] : null;

    public static SaleView? Of(OpenSale? sale) =>
        sale?.Sequencer is { Snapshot: { } snapshot } sequencer ? new(sale.Name, SaleEndpoints.StateOf(sale), snapshot, sequencer.NowMs)
            : null;

    /// <summary>What the state is called, and how its badge looks.</summary>
    public (string Text, string Look) Badge(Texts texts) => State switch
    {
        "open" when Free > 0 => (texts.OnSale, "go"),
        "open" when Held > 0 => (texts.SoldOutForNow, "wait"),
        "open" => (texts.SoldOut, "stop"),
        "scheduled" => (texts.Scheduled, "wait"),
        "paused" => (texts.Paused, "wait"),
        "closed" => (texts.Closed, "stop"),
        "draft" => (texts.Draft, "wait"),
        _ => (texts.Stopped, "stop"),
    };

    /// <summary>The changes after which a page that shows numbers is another page: what it offers is different.</summary>
    public string Mood => $"{State} {(Free > 0 ? "free" : Held > 0 ? "held" : "none")}";

    private int FreeIn(int pool)
    {
        if (ViewOf(pool) is not { } view) return Snapshot.Pools[pool].Free;
        var most = 0;
        for (var leg = 0; leg < view.Legs; leg++) most = Math.Max(most, view.FreeFor(leg, leg + 1));
        return most;
    }

    private IEnumerable<int> PoolsOfTiers() => Plan.Tiers.Select(tier => Plan.PoolNamed(tier.Pool)).Distinct();
}
