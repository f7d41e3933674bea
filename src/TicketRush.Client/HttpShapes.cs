using System.Text.Json.Serialization;

namespace TicketRush.Client;

/// <summary>Places of one tier.</summary>
/// <param name="Tier">A tier of the plan.</param>
/// <param name="Quantity">How many places, 1 or more.</param>
public sealed record Item(string Tier, int Quantity)
{
    /// <summary>A name for each place; null to be given the best.</summary>
    public string[]? Seats { get; init; }

    /// <summary>One for each place, where the plan asks for them.</summary>
    public string[]? Passengers { get; init; }
}

/// <summary>Places to keep, all or none.</summary>
/// <param name="Buyer">Your own name for who it is for, 1 to 256 bytes; only its keyed hash is kept.</param>
/// <param name="Items">At least one.</param>
public record HoldRequest(string Buyer, params Item[] Items)
{
    /// <summary>The stop where the journey begins; with <see cref="To"/>, where something travels.</summary>
    public string? From { get; init; }

    /// <summary>The stop where the journey ends.</summary>
    public string? To { get; init; }

    /// <summary>How many of the places are for wheelchairs; the others are beside them.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Wheelchair { get; init; }

    /// <summary>Whether seats that are not together will do.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Apart { get; init; }
}

/// <summary>Places to hold and pay in one, all or none.</summary>
/// <param name="Buyer">Your own name for who it is for, 1 to 256 bytes; only its keyed hash is kept.</param>
/// <param name="Reference">Names the payment; required where money is collected.</param>
/// <param name="Items">At least one.</param>
public sealed record OrderRequest(string Buyer, string Reference, params Item[] Items) : HoldRequest(Buyer, Items);

/// <summary>Tickets to take back.</summary>
/// <param name="Reason">A code such as cannot-come: it is kept for ever.</param>
/// <param name="Resell">Puts the places back on sale; otherwise they are blocked.</param>
/// <param name="Tickets">Numbers of tickets; null for all that are left.</param>
public sealed record RefundRequest(string Reason, bool Resell, uint[]? Tickets = null);

/// <summary>Places of one tier, and what they cost.</summary>
/// <param name="Tier">The tier.</param>
/// <param name="Quantity">How many places.</param>
/// <param name="Price">Of one place, in minor units.</param>
public sealed record PricedItem(string Tier, int Quantity, long Price);

/// <summary>A hold, as it was decided; <paramref name="Sequence"/> and <paramref name="Hash"/> are its receipt.</summary>
/// <param name="Id">Made by who asked for it.</param>
/// <param name="State">held, paid, released, expired or waiting.</param>
/// <param name="ExpiresAt">When it runs out, in sale time; null where it does not.</param>
/// <param name="Extensions">How often it was extended.</param>
/// <param name="Items">What is kept.</param>
/// <param name="Total">In minor units.</param>
/// <param name="Currency">Three letters, such as CNY.</param>
/// <param name="Sequence">Where it stands in the sale's journal.</param>
/// <param name="At">When that was decided, in sale time.</param>
/// <param name="Hash">The chain's hash there.</param>
public sealed record Hold(
    Guid Id, string State, DateTimeOffset? ExpiresAt, int Extensions, PricedItem[] Items, long Total, string Currency, long Sequence,
    DateTimeOffset At, string Hash)
{
    /// <summary>The stop where the journey begins; null where nothing travels.</summary>
    public string? From { get; init; }

    /// <summary>The stop where the journey ends; null where nothing travels.</summary>
    public string? To { get; init; }

    /// <summary>The places' names, in the order of the items; null for one without a number, and altogether where none has one.</summary>
    public string?[]? Seats { get; init; }

    /// <summary>What exchanged places were worth, in minor units, to be set against the total; null where nothing was exchanged.</summary>
    public long? Credit { get; init; }

    /// <summary>How many, at the most, wait for the same in front of it; null when it does not wait.</summary>
    public int? Ahead { get; init; }

    /// <summary>How many, at the most, wait in front of it for other places of which it wants some; null when it does not wait.</summary>
    public int? AheadElsewhere { get; init; }
}

/// <summary>One admission.</summary>
/// <param name="Number">1, 2, 3, … in the sale.</param>
/// <param name="Tier">Its tier.</param>
/// <param name="Price">In minor units.</param>
/// <param name="State">valid or refunded.</param>
public sealed record Ticket(uint Number, string Tier, long Price, string State)
{
    /// <summary>The place's name; null where it has no number, or none yet.</summary>
    public string? Seat { get; init; }
}

/// <summary>An order, as it was decided; <paramref name="Sequence"/> and <paramref name="Hash"/> are its receipt.</summary>
/// <param name="Id">The hold's.</param>
/// <param name="State">paid, partly-refunded or refunded.</param>
/// <param name="Late">Paid after the hold had run out.</param>
/// <param name="Items">What was bought.</param>
/// <param name="Tickets">One for each place.</param>
/// <param name="Total">In minor units.</param>
/// <param name="Currency">Three letters, such as CNY.</param>
/// <param name="Sequence">Where it stands in the sale's journal.</param>
/// <param name="At">When that was decided, in sale time.</param>
/// <param name="Hash">The chain's hash there.</param>
public sealed record Order(
    Guid Id, string State, bool Late, PricedItem[] Items, Ticket[] Tickets, long Total, string Currency, long Sequence, DateTimeOffset At,
    string Hash)
{
    /// <summary>The stop where the journey begins; null where nothing travels.</summary>
    public string? From { get; init; }

    /// <summary>The stop where the journey ends; null where nothing travels.</summary>
    public string? To { get; init; }

    /// <summary>What exchanged places were worth, in minor units, to be set against the total; null where nothing was exchanged.</summary>
    public long? Credit { get; init; }
}

/// <summary>A refund, as it was decided; <paramref name="Sequence"/> and <paramref name="Hash"/> are its receipt.</summary>
/// <param name="Id">The order's.</param>
/// <param name="Tickets">Numbers of the tickets that were taken back.</param>
/// <param name="Amount">In minor units.</param>
/// <param name="Currency">Three letters, such as CNY.</param>
/// <param name="Sequence">Where it stands in the sale's journal.</param>
/// <param name="At">When that was decided, in sale time.</param>
/// <param name="Hash">The chain's hash there.</param>
public sealed record Refund(Guid Id, uint[] Tickets, long Amount, string Currency, long Sequence, DateTimeOffset At, string Hash);

/// <summary>An order in the list of those that the key may see. Its id is its maker's alone.</summary>
/// <param name="Sequence">Where it stands in the sale's journal; lists go on behind it.</param>
/// <param name="At">When it was decided, in sale time.</param>
/// <param name="State">paid, partly-refunded or refunded.</param>
/// <param name="Late">Paid after the hold had run out.</param>
/// <param name="Tickets">One for each place.</param>
/// <param name="Total">In minor units.</param>
/// <param name="By">The name of the key that placed it; null for a buyer in a browser.</param>
public sealed record OrderListItem(long Sequence, DateTimeOffset At, string State, bool Late, Ticket[] Tickets, long Total, string? By)
{
    /// <summary>The stop where the journey begins; null where nothing travels.</summary>
    public string? From { get; init; }

    /// <summary>The stop where the journey ends; null where nothing travels.</summary>
    public string? To { get; init; }
}

/// <summary>A sale in the list of all.</summary>
/// <param name="Sale">What it is called in every request.</param>
/// <param name="Name">What it is called for people; null while its journal cannot be read.</param>
/// <param name="State">draft, open, paused, closed or stopped.</param>
public sealed record SaleListItem(string Sale, string? Name, string State);

/// <summary>What is free in a tier.</summary>
/// <param name="Tier">The tier.</param>
/// <param name="Name">What it is called for people.</param>
/// <param name="Price">Of one place, in minor units.</param>
/// <param name="Available">Places that are free to everybody; tiers of one pool show the same ones.</param>
public sealed record TierAvailability(string Tier, string Name, long Price, int Available);

/// <summary>How the places of a pool stand. Where something travels, a place counts once for every leg.</summary>
/// <param name="Pool">The pool.</param>
/// <param name="Capacity">Places in all.</param>
/// <param name="Blocked">… that are not on sale.</param>
/// <param name="Held">… that are kept for buyers.</param>
/// <param name="Sold">… that are paid.</param>
/// <param name="Free">… that are free to everybody.</param>
public sealed record PoolAvailability(string Pool, int Capacity, int Blocked, int Held, int Sold, int Free)
{
    /// <summary>What is free from each stop but the last, to each stop behind it; null where nothing travels.</summary>
    public int[][]? Pairs { get; init; }
}

/// <summary>What is free; true at its sequence.</summary>
/// <param name="Sale">The sale.</param>
/// <param name="State">draft, open, paused or closed.</param>
/// <param name="Currency">Three letters, such as CNY.</param>
/// <param name="Tiers">In the order of the plan.</param>
/// <param name="Pools">In the order of the plan.</param>
/// <param name="Sequence">How far the journal has come.</param>
/// <param name="At">When that was, in sale time.</param>
/// <param name="Hash">The chain's hash there.</param>
public sealed record Availability(
    string Sale, string State, string Currency, TierAvailability[] Tiers, PoolAvailability[] Pools, long Sequence, DateTimeOffset At,
    string Hash);

internal sealed record PayRequest(string Reference);

internal sealed record SaleList(SaleListItem[] Sales);

internal sealed record OrderList(string Currency, OrderListItem[] Orders, long? Next);

internal sealed record ProblemDocument(string Code, string Detail)
{
    public int? Allowed { get; init; }
    public long? OwedBack { get; init; }
    public long? Sequence { get; init; }
}

// Unknown members are passed over: a newer server says more.
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(HoldRequest))]
[JsonSerializable(typeof(OrderRequest))]
[JsonSerializable(typeof(PayRequest))]
[JsonSerializable(typeof(RefundRequest))]
[JsonSerializable(typeof(Hold))]
[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(Refund))]
[JsonSerializable(typeof(Availability))]
[JsonSerializable(typeof(SaleList))]
[JsonSerializable(typeof(OrderList))]
[JsonSerializable(typeof(ProblemDocument))]
internal sealed partial class ClientJson : JsonSerializerContext;
