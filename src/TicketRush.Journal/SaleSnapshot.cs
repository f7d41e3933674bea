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

    public required int Orders { get; init; }

    /// <summary>Payments refused after money may have moved: how many, and how much, in minor units.</summary>
    public required (int Payments, long Amount) Owed { get; init; }

    /// <summary>When the next hold may run out; <see cref="long.MaxValue"/> when none will.</summary>
    public required long NextExpiryMs { get; init; }

    internal static SaleSnapshot? Of(Sale sale, in Tail tail)
    {
        if (sale.Plan is null) return null;

        var pools = new PoolCount[sale.Plan.Pools.Length];
        for (var i = 0; i < pools.Length; i++) pools[i] = sale.CountOf(i);
        return new()
        {
            Sequence = tail.Sequence,
            Hash = tail.Hash,
            TimeMs = tail.TimeMs,
            State = sale.State,
            Plan = sale.Plan,
            Revision = sale.Revision,
            Pools = pools,
            Orders = sale.OrderCount,
            Owed = sale.Owed,
            NextExpiryMs = sale.NextExpiryMs,
        };
    }
}
