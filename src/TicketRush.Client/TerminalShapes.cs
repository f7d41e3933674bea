using System.Globalization;

namespace TicketRush.Client;

/// <summary>What a terminal asks beyond a number of places; what is null is not asked.</summary>
public sealed record TerminalPlaces
{
    /// <summary>A name for each place; null to be given the best.</summary>
    public string[]? Seats { get; init; }

    /// <summary>One for each place, where the plan asks for them.</summary>
    public string[]? Passengers { get; init; }

    /// <summary>The stop where the journey begins; with <see cref="To"/>, where something travels.</summary>
    public string? From { get; init; }

    /// <summary>The stop where the journey ends.</summary>
    public string? To { get; init; }

    /// <summary>How many of the places are for wheelchairs.</summary>
    public int Wheelchair { get; init; }

    /// <summary>Whether seats that are not together will do.</summary>
    public bool Apart { get; init; }

    internal void AddTo(List<string> words)
    {
        if (Seats is not null) words.AddRange(["SEATS", .. Seats]);
        if (Passengers is not null) words.AddRange(["PASSENGERS", .. Passengers]);
        if (From is not null || To is not null) words.AddRange(["FROM", From ?? "", "TO", To ?? ""]);
        if (Wheelchair > 0) words.AddRange(["WHEELCHAIR", Wheelchair.ToString(CultureInfo.InvariantCulture)]);
        if (Apart) words.Add("APART");
    }
}

/// <summary>A hold, as it was decided; <paramref name="Sequence"/> and <paramref name="Hash"/> are its receipt.</summary>
/// <param name="State">held, paid, released, expired or waiting.</param>
/// <param name="Sequence">Where it stands in the sale's journal.</param>
/// <param name="At">When that was decided, in sale time.</param>
/// <param name="Until">When it runs out, in sale time.</param>
/// <param name="Extensions">How often it was extended.</param>
/// <param name="Total">In minor units.</param>
/// <param name="Hash">The chain's hash there.</param>
/// <param name="Seats">In the order of the plan's tiers; null where no place has one.</param>
public sealed record TerminalHold(
    string State, long Sequence, DateTimeOffset At, DateTimeOffset Until, int Extensions, long Total, string Hash,
    IReadOnlyList<string?>? Seats);

/// <summary>An order, as it was decided; <paramref name="Sequence"/> and <paramref name="Hash"/> are its receipt.</summary>
/// <param name="State">paid, partly-refunded or refunded.</param>
/// <param name="Sequence">Where it stands in the sale's journal.</param>
/// <param name="At">When that was decided, in sale time.</param>
/// <param name="FirstTicket">The number of its first ticket; the others follow without a gap.</param>
/// <param name="Tickets">How many there are.</param>
/// <param name="Total">In minor units.</param>
/// <param name="Hash">The chain's hash there.</param>
/// <param name="Seats">In the order of the plan's tiers; null where no place has one.</param>
/// <param name="Refunded">The numbers of the tickets that were refunded.</param>
/// <param name="Late">Paid after the hold had run out.</param>
public sealed record TerminalOrder(
    string State, long Sequence, DateTimeOffset At, long FirstTicket, int Tickets, long Total, string Hash, IReadOnlyList<string?>? Seats,
    IReadOnlyList<long> Refunded, bool Late);

/// <summary>A refund, as it was decided; <paramref name="Sequence"/> and <paramref name="Hash"/> are its receipt.</summary>
/// <param name="Sequence">Where it stands in the sale's journal.</param>
/// <param name="At">When that was decided, in sale time.</param>
/// <param name="Amount">In minor units.</param>
/// <param name="Tickets">The numbers of the tickets that were refunded.</param>
/// <param name="Hash">The chain's hash there.</param>
public sealed record TerminalRefund(long Sequence, DateTimeOffset At, long Amount, IReadOnlyList<long> Tickets, string Hash);

/// <summary>A sale in the list of all.</summary>
/// <param name="Sale">What it is called in every command.</param>
/// <param name="State">draft, open, paused, closed or stopped.</param>
/// <param name="Sequence">How far its journal has come.</param>
/// <param name="Name">What it is called for people.</param>
/// <param name="Currency">Three letters, such as CNY.</param>
public sealed record TerminalSale(string Sale, string State, long Sequence, string Name, string Currency);

/// <summary>An entry of the journal that concerns the key.</summary>
/// <param name="Sale">The sale.</param>
/// <param name="Sequence">Where it stands in the sale's journal; who comes back watches behind the last that it has.</param>
/// <param name="Kind">held, paid, expired, …; docs/PROTOCOL.md lists them, and others may come to be.</param>
/// <param name="At">When it was decided, in sale time.</param>
/// <param name="Of">The sequence that the hold or order was first answered with; 0 for what concerns the whole sale.</param>
/// <param name="FirstTicket">The number of the first ticket; 0 where the kind has none.</param>
/// <param name="Places">How many places; 0 where the kind has none.</param>
/// <param name="Amount">In minor units; 0 where the kind has none.</param>
/// <param name="Until">When the hold runs out; null where the entry sets no such time.</param>
public sealed record TerminalEntry(
    string Sale, long Sequence, string Kind, DateTimeOffset At, long Of, long FirstTicket, int Places, long Amount, DateTimeOffset? Until);
