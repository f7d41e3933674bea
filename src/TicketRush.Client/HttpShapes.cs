using System.Text.Json.Serialization;

namespace TicketRush.Client;

public sealed record Item(string Tier, int Quantity)
{
    /// <summary>A name for each place; null to be given the best.</summary>
    public string[]? Seats { get; init; }

    /// <summary>One for each place, where the plan asks for them.</summary>
    public string[]? Passengers { get; init; }
}

/// <param name="Buyer">Your own name for who it is for, 1 to 256 bytes; only its keyed hash is kept.</param>
public record HoldRequest(string Buyer, params Item[] Items)
{
    /// <summary>Stops of the journey, where something travels.</summary>
    public string? From { get; init; }
    public string? To { get; init; }

    /// <summary>How many of the places are for wheelchairs.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Wheelchair { get; init; }

    /// <summary>Whether seats that are not together will do.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Apart { get; init; }
}

/// <param name="Reference">Names the payment; required where money is collected.</param>
public sealed record OrderRequest(string Buyer, string Reference, params Item[] Items) : HoldRequest(Buyer, Items);

public sealed record PayRequest(string Reference);

/// <param name="Reason">A code such as cannot-come: it is kept for ever.</param>
/// <param name="Resell">Puts the places back on sale; otherwise they are blocked.</param>
/// <param name="Tickets">Numbers of tickets; null for all that are left.</param>
public sealed record RefundRequest(string Reason, bool Resell, uint[]? Tickets = null);

public sealed record PricedItem(string Tier, int Quantity, long Price);

/// <param name="State">held, paid, released, expired or waiting.</param>
/// <param name="Total">In minor units.</param>
/// <param name="Sequence">With <paramref name="Hash"/> the receipt: where it stands in the journal.</param>
public sealed record Hold(
    Guid Id, string State, DateTimeOffset? ExpiresAt, int Extensions, PricedItem[] Items, long Total, string Currency, long Sequence, DateTimeOffset At, string Hash)
{
    public string? From { get; init; }
    public string? To { get; init; }
    public string?[]? Seats { get; init; }
    public long? Credit { get; init; }
    public int? Ahead { get; init; }
    public int? AheadElsewhere { get; init; }
}

/// <param name="State">valid or refunded.</param>
public sealed record Ticket(uint Number, string Tier, long Price, string State)
{
    public string? Seat { get; init; }
}

/// <param name="State">paid, partly-refunded or refunded.</param>
/// <param name="Late">Paid after the hold had run out.</param>
public sealed record Order(
    Guid Id, string State, bool Late, PricedItem[] Items, Ticket[] Tickets, long Total, string Currency, long Sequence, DateTimeOffset At, string Hash)
{
    public string? From { get; init; }
    public string? To { get; init; }
    public long? Credit { get; init; }
}

public sealed record Refund(Guid Id, uint[] Tickets, long Amount, string Currency, long Sequence, DateTimeOffset At, string Hash);

/// <param name="By">The name of the key that placed it; null for a buyer in a browser.</param>
public sealed record OrderListItem(long Sequence, DateTimeOffset At, string State, bool Late, Ticket[] Tickets, long Total, string? By)
{
    public string? From { get; init; }
    public string? To { get; init; }
}

public sealed record SaleListItem(string Sale, string? Name, string State);

public sealed record TierAvailability(string Tier, string Name, long Price, int Available);

public sealed record PoolAvailability(string Pool, int Capacity, int Blocked, int Held, int Sold, int Free);

/// <summary>True at its sequence.</summary>
public sealed record Availability(
    string Sale, string State, string Currency, TierAvailability[] Tiers, PoolAvailability[] Pools, long Sequence, DateTimeOffset At, string Hash);

internal sealed record SaleList(SaleListItem[] Sales);

internal sealed record OrderList(string Currency, OrderListItem[] Orders, long? Next);

internal sealed record ProblemDocument(string Code, string Detail)
{
    public int? Allowed { get; init; }
    public long? OwedBack { get; init; }
    public long? Sequence { get; init; }
}

// Unknown members are passed over: a newer server says more.
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
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
