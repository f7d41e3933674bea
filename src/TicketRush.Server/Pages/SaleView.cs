using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Api;

namespace TicketRush.Server.Pages;

/// <summary>A sale as its pages show it, at one moment.</summary>
public sealed record SaleView(string Name, string State, SaleSnapshot Snapshot, long NowMs)
{
    public Plan Plan => Snapshot.Plan;

    /// <summary>Openly free, in all pools that a tier draws on.</summary>
    public int Free => PoolsOfTiers().Sum(pool => Snapshot.Pools[pool].Free);

    /// <summary>Held and not paid: what may still come back.</summary>
    public int Held => PoolsOfTiers().Sum(pool => Snapshot.Pools[pool].Held);

    public bool IsOpen => State == "open";

    /// <summary>A draft is the office's alone.</summary>
    public bool IsPublic => State != "draft";

    public string Url => $"/sales/{Name}";

    public int FreeOf(TierPlan tier) => Snapshot.Pools[Plan.PoolNamed(tier.Pool)].Free;

    public static SaleView? Of(OpenSale? sale) =>
        sale?.Sequencer is { Snapshot: { } snapshot } sequencer ? new(sale.Name, SaleEndpoints.StateOf(sale), snapshot, sequencer.NowMs) : null;

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

    private IEnumerable<int> PoolsOfTiers() => Plan.Tiers.Select(tier => Plan.PoolNamed(tier.Pool)).Distinct();
}
