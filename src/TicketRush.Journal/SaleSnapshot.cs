using TicketRush.Engine;

namespace TicketRush.Journal;

/// <summary>
/// What everybody may see of a sale, as it was at one sequence. Immutable, and published only after that sequence was made
/// durable.
/// </summary>
public sealed class SaleSnapshot
{
    public required long Sequence { get; init; }
    public required ChainHash Hash { get; init; }

    /// <summary>Sale time of the last entry.</summary>
    public required long TimeMs { get; init; }

    public required SaleState State { get; init; }
    public required Plan Plan { get; init; }

    /// <summary>The sequence of the last change of the plan, which the next change must name.</summary>
    public required long Revision { get; init; }

    /// <summary>By the plan's order of pools.</summary>
    public required PoolCount[] Pools { get; init; }

    /// <summary>By the plan's order of pools; null where places are only counted.</summary>
    public required PoolView?[] Views { get; init; }

    /// <summary>Wishes on the waitlist.</summary>
    public required int Waiting { get; init; }

    public required int Orders { get; init; }

    /// <summary>Payments refused after money may have moved: how many, and how much, in minor units.</summary>
    public required (int Payments, long Amount) Owed { get; init; }

    /// <summary>When the next hold may run out; <see cref="long.MaxValue"/> when none will.</summary>
    public required long NextExpiryMs { get; init; }

    // Only to know whether the last snapshot was of the same state; never read.
    private Sale? _sale;

    /// <param name="last">The snapshot before, of which what has not changed is taken over.</param>
    internal static SaleSnapshot? Of(Sale sale, in Tail tail, SaleSnapshot? last)
    {
        if (sale.Plan is null) return null;

        var pools = new PoolCount[sale.Plan.Pools.Length];
        for (var i = 0; i < pools.Length; i++) pools[i] = sale.CountOf(i);

        // A rebuilt sale, and a draft with another plan, count their changes anew.
        var views = sale.Plan.HasPlaces ? new PoolView?[pools.Length] : [];
        for (var i = 0; i < views.Length; i++)
            views[i] = sale.ViewOf(i, last is not null && last._sale == sale && ReferenceEquals(last.Plan, sale.Plan)
                ? last.Views[i] : null);
        return new()
        {
            Sequence = tail.Sequence,
            Hash = tail.Hash,
            TimeMs = tail.TimeMs,
            State = sale.State,
            Plan = sale.Plan,
            Revision = sale.Revision,
            Pools = pools,
            Views = views,
            Waiting = sale.WaitingCount,
            _sale = sale,
            Orders = sale.OrderCount,
            Owed = sale.Owed,
            NextExpiryMs = sale.NextExpiryMs,
        };
    }
}
