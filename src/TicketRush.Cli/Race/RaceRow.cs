namespace TicketRush.Cli.Race;

/// <summary>One strategy's row of the table.</summary>
internal sealed record RaceRow
{
    public required string Strategy { get; init; }

    /// <summary>Whether it promises not to oversell.</summary>
    public required bool Safe { get; init; }

    public required int Told { get; init; }

    public required int Oversold { get; init; }

    /// <summary>
    /// Told, less what the file or journal says is gone: purchases that another's write has undone. Negative when places are gone that
    /// nobody was told of. Null when the file is not whole any more, and says nothing.
    /// </summary>
    public required int? LostWrites { get; init; }

    public required int CrashedLookers { get; init; }

    /// <summary>Died of half a file while they bought.</summary>
    public required int CrashedBuyers { get; init; }

    public required int Killed { get; init; }

    /// <summary>Never answered, and not killed by the race: given up for waiting for ever.</summary>
    public required int Blocked { get; init; }

    public required int Refused { get; init; }

    public required double Seconds { get; init; }

    /// <summary>Answered buyers a second, told or refused; who crashed is not among them, and the time that it took is.</summary>
    public required double PerSecond { get; init; }

    public required double P50Ms { get; init; }

    public required double P99Ms { get; init; }

    /// <summary>
    /// How far the order of service departed from that of arrival, as <see cref="Order.Departure"/> counts it: 0 is first come first
    /// served, a half is chance. Null when there is nothing to compare.
    /// </summary>
    public required double? OutOfOrder { get; init; }

    /// <summary>What the file says in the end; null when it is not whole any more.</summary>
    public required int? Left { get; init; }

    /// <summary>
    /// Whether the strategy kept what it promises: never more than there is, and nothing gone but what somebody was told of, or would have
    /// been. Somebody who is killed while it writes in place may leave a file that says nothing; without that, a safe file is whole.
    /// </summary>
    public bool KeptItsPromise =>
        !Safe || (Oversold == 0 && (LostWrites is { } lost ? lost <= 0 && -lost <= NeverTold : Killed + Blocked > 0));

    private int NeverTold => Killed + Blocked + CrashedBuyers;
}
