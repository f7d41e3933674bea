using System.Text.Encodings.Web;
using System.Text.Json.Serialization;

namespace TicketRush.Server.Api;

// Members with a default are set, not init: the source generator gives an init member its type's default, not ours.

/// <summary>A plan as the API speaks it. Times are texts; what is left out has the default that docs/PROTOCOL.md names.</summary>
public sealed record PlanDocument
{
    public required string Name { get; init; }
    public string Venue { get; set; } = "";
    public string StartsAt { get; set; } = "";
    public required string TimeZone { get; init; }
    public required string Currency { get; init; }
    public string? OpensAt { get; set; }
    public string? ClosesAt { get; set; }
    public required string PaymentKind { get; init; }
    public PoolDocument[] Pools { get; set; } = [];
    public required TierDocument[] Tiers { get; init; }
    public RulesDocument Rules { get; set; } = new();

    /// <summary>The stops of a journey, in order; left out where nothing travels.</summary>
    public StopDocument[]? Stops { get; set; }
}

public sealed record PoolDocument
{
    public required string Id { get; init; }

    /// <summary>Left out where rows say it.</summary>
    public int? Capacity { get; set; }
    public int? Blocked { get; set; }
    public RowDocument[]? Rows { get; set; }

    /// <summary><c>seat-now</c>, <c>seat-later</c> or <c>standing</c>; left out where nothing travels.</summary>
    public string? Travel { get; set; }
    public FocusDocument? Focus { get; set; }

    /// <summary>The places that are not for sale, by name.</summary>
    public BlockDocument[]? Blocks { get; set; }
    public bool? NoSingles { get; set; }
    public string? NumbersAt { get; set; }
}

public sealed record RowDocument
{
    public string Section { get; set; } = "";
    public required string Rows { get; init; }
    public required string Seats { get; init; }
    public string Aisles { get; set; } = "";
    public string Wheelchair { get; set; } = "";
    public string Companion { get; set; } = "";
    public int X { get; set; }
    public int Y { get; set; }
    public int Turn { get; set; }
}

public sealed record FocusDocument(int X, int Y);

public sealed record BlockDocument
{
    public string? Seat { get; set; }
    public string? From { get; set; }
    public string? To { get; set; }
}

public sealed record StopDocument
{
    public required string Id { get; init; }
    public required string Name { get; init; }
    public string Arrives { get; set; } = "";
    public string Departs { get; set; } = "";
}

public sealed record TierDocument
{
    public required string Id { get; init; }
    public required string Name { get; init; }

    /// <summary>The pool it draws on; or else <see cref="Capacity"/>, for a pool of its own with the tier's id.</summary>
    public string? Pool { get; set; }
    public int? Capacity { get; set; }

    /// <summary>Per place; left out where legs or pairs have prices.</summary>
    public long? Price { get; set; }

    /// <summary>For each leg; a journey costs the sum of its own.</summary>
    public long[]? LegPrices { get; set; }

    /// <summary>From each stop but the last, to each stop behind it.</summary>
    public long[][]? PairPrices { get; set; }
}

public sealed record RulesDocument
{
    public int HoldSeconds { get; set; } = 600;
    public int Extensions { get; set; } = 1;
    public int PerOrder { get; set; } = 6;
    public int PerBuyer { get; set; } = 6;
    public bool? Waitlist { get; set; }
    public bool? Passengers { get; set; }
    public bool? OneTier { get; set; }
}

public sealed record HoldRequest
{
    /// <summary>Whom the places are for. With a key, required; a buyer without one is itself.</summary>
    public string? Buyer { get; set; }
    public required ItemRequest[] Items { get; init; }

    /// <summary>Stops of the journey, where something travels.</summary>
    public string? From { get; set; }
    public string? To { get; set; }

    /// <summary>How many of the places are for wheelchairs; the others are beside them.</summary>
    public int Wheelchair { get; set; }

    /// <summary>Whether seats that are not together will do, when there are no others.</summary>
    public bool Apart { get; set; }
}

public sealed record ItemRequest
{
    public required string Tier { get; init; }
    public required int Quantity { get; init; }

    /// <summary>One name for each place; left out to be given the best.</summary>
    public string[]? Seats { get; set; }

    /// <summary>One for each place, where the plan asks for them.</summary>
    public string[]? Passengers { get; set; }
}

public sealed record OrderRequest
{
    /// <inheritdoc cref="HoldRequest.Buyer"/>
    public string? Buyer { get; set; }
    public required ItemRequest[] Items { get; init; }
    public string Reference { get; set; } = "";

    /// <summary>Stops of the journey, where something travels.</summary>
    public string? From { get; set; }
    public string? To { get; set; }

    /// <summary>How many of the places are for wheelchairs; the others are beside them.</summary>
    public int Wheelchair { get; set; }

    /// <summary>Whether seats that are not together will do, when there are no others.</summary>
    public bool Apart { get; set; }
}

/// <summary>Give back a hold, or tickets of an order, and take other places in one decision.</summary>
public sealed record ExchangeRequest
{
    /// <summary>The id of the hold or order that is given back; or else <see cref="Order"/>.</summary>
    public string? Of { get; set; }

    /// <summary>The number of the order that is given back, its sequence, for those who may see everybody's.</summary>
    public long? Order { get; set; }

    /// <summary>Tickets of the order; left out for all that are left.</summary>
    public uint[]? Tickets { get; set; }
    public required ItemRequest[] Items { get; init; }
    public string Reference { get; set; } = "";

    /// <summary>Stops of the journey, where something travels.</summary>
    public string? From { get; set; }
    public string? To { get; set; }

    /// <summary>How many of the places are for wheelchairs; the others are beside them.</summary>
    public int Wheelchair { get; set; }

    /// <summary>Whether seats that are not together will do, when there are no others.</summary>
    public bool Apart { get; set; }
}

/// <summary>Wait for places that are not free.</summary>
public sealed record WaitRequest
{
    /// <inheritdoc cref="HoldRequest.Buyer"/>
    public string? Buyer { get; set; }
    public required ItemRequest[] Items { get; init; }
    public string? From { get; set; }
    public string? To { get; set; }
}

public sealed record PayRequest
{
    public string Reference { get; set; } = "";
}

public sealed record RefundRequest
{
    public required string Reason { get; init; }
    public uint[]? Tickets { get; set; }
    public required bool Resell { get; init; }
}

public sealed record KeyRequest
{
    public required string Name { get; init; }
    public required string Role { get; init; }
}

/// <param name="Id">Names the key; empty for the one that the server was given.</param>
public sealed record KeyAnswer(string Id, string Name, string Role, string? Made, string? Revoked);

public sealed record KeyListAnswer(KeyAnswer[] Keys);

/// <param name="Key">The key itself, shown this once.</param>
public sealed record NewKeyAnswer(string Id, string Name, string Role, string Key);

/// <param name="Token">What every change of this session sends in X-Rush-Token.</param>
/// <param name="Holds">Holds that the session may have at once.</param>
/// <param name="WaitAfterLapse">Seconds that it waits after a hold ran out unpaid.</param>
public sealed record SessionAnswer(string Token, int Holds, int WaitAfterLapse);

/// <summary>The sequence of the entry that an answer rests on, when it was decided, and the chain's hash there: the receipt.</summary>
public interface IReceipt
{
    long Sequence { get; }
    string At { get; }
    string Hash { get; }
}

public sealed record ItemAnswer(string Tier, int Quantity, long Price);

public sealed record HoldAnswer(
    string Id, string State, string? ExpiresAt, int Extensions, ItemAnswer[] Items, long Total, string Currency, long Sequence, string At,
    string Hash)
    : IReceipt
{
    public string? From { get; init; }
    public string? To { get; init; }

    /// <summary>In the order of the items; null for a place without a seat.</summary>
    public string?[]? Seats { get; init; }

    /// <summary>What was given back for it.</summary>
    public long? Credit { get; init; }

    /// <summary>On the waitlist: how many before it wait for the same, and for other places of which it wants some; at the most.</summary>
    public int? Ahead { get; init; }
    public int? AheadElsewhere { get; init; }
}

public sealed record TicketAnswer(uint Number, string Tier, long Price, string State)
{
    public string? Seat { get; init; }
}

public sealed record OrderAnswer(
    string Id, string State, bool Late, ItemAnswer[] Items, TicketAnswer[] Tickets, long Total, string Currency, long Sequence, string At,
    string Hash)
    : IReceipt
{
    public string? From { get; init; }
    public string? To { get; init; }

    /// <summary>What was given back for it.</summary>
    public long? Credit { get; init; }
}

public sealed record RefundAnswer(string Id, uint[] Tickets, long Amount, string Currency, long Sequence, string At, string Hash)
    : IReceipt;

public sealed record SaleChangeAnswer(string Sale, string State, long Sequence, string At, string Hash) : IReceipt;

/// <param name="By">The name of the key that placed it; null for a buyer in a browser.</param>
public sealed record OrderListItem(long Sequence, string At, string State, bool Late, TicketAnswer[] Tickets, long Total, string? By)
{
    public string? From { get; init; }
    public string? To { get; init; }
}

/// <param name="Next">What to give as <c>after</c> for the next page, which may be short; null on the last.</param>
public sealed record OrderListAnswer(string Currency, OrderListItem[] Orders, long? Next);

public sealed record SaleAnswer(
    string Sale, string State, string? Reason, long Sequence, long Revision, PlanDocument? Plan, OwedAnswer? Owed);

/// <summary>Payments refused after money may have moved.</summary>
public sealed record OwedAnswer(int Payments, long Amount);

public sealed record SaleListItem(string Sale, string? Name, string State);

public sealed record SaleListAnswer(SaleListItem[] Sales);

/// <param name="Available">Places that are openly free at the sequence; a tier may be sold out while its holds may still lapse.</param>
public sealed record TierAvailability(string Tier, string Name, long Price, int Available);

public sealed record PoolAvailability(string Pool, int Capacity, int Blocked, int Held, int Sold, int Free)
{
    /// <summary>Places that are free from each stop but the last, to each stop behind it.</summary>
    public int[][]? Pairs { get; init; }
}

/// <param name="Free">One bit for each seat, the lowest bit of the first byte first, in Base64.</param>
public sealed record SeatsAnswer(string Pool, string? From, string? To, int Seats, byte[] Free, long Sequence, string At, string Hash)
    : IReceipt;

public sealed record AvailabilityAnswer(
    string Sale, string State, string Currency, TierAvailability[] Tiers, PoolAvailability[] Pools, long Sequence, string At, string Hash)
        : IReceipt
{
    /// <summary>Wishes on the waitlist.</summary>
    public int? Waiting { get; init; }
}

public sealed record HealthAnswer(string Status, int Sales, string[] Stopped);

/// <summary>A refusal or an error: problem details (RFC 9457) with a code to match on.</summary>
public sealed record ProblemAnswer(string Type, string Title, int Status, string Detail, string Code)
{
    /// <summary>What a limit or a pool would still have allowed.</summary>
    public int? Allowed { get; init; }

    /// <summary>What is owed back for a payment that was refused, in minor units.</summary>
    public long? OwedBack { get; init; }

    /// <summary>Set when the refusal was written down, as refused payments are.</summary>
    public long? Sequence { get; init; }
    public string? Hash { get; init; }

    /// <summary>Everything that is wrong with a plan.</summary>
    public ProblemError[]? Errors { get; init; }
}

public sealed record ProblemError(string Path, string Message);

/// <summary>
/// Strict: unknown members, duplicate members, numbers in strings, missing members and nulls where none are allowed are all
/// refused; two parsers must never read one body differently.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    MaxDepth = 8,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PlanDocument))]
[JsonSerializable(typeof(HoldRequest))]
[JsonSerializable(typeof(OrderRequest))]
[JsonSerializable(typeof(PayRequest))]
[JsonSerializable(typeof(RefundRequest))]
[JsonSerializable(typeof(ExchangeRequest))]
[JsonSerializable(typeof(WaitRequest))]
[JsonSerializable(typeof(SeatsAnswer))]
[JsonSerializable(typeof(HoldAnswer))]
[JsonSerializable(typeof(OrderAnswer))]
[JsonSerializable(typeof(RefundAnswer))]
[JsonSerializable(typeof(SaleChangeAnswer))]
[JsonSerializable(typeof(OrderListAnswer))]
[JsonSerializable(typeof(SaleAnswer))]
[JsonSerializable(typeof(SaleListAnswer))]
[JsonSerializable(typeof(AvailabilityAnswer))]
[JsonSerializable(typeof(KeyRequest))]
[JsonSerializable(typeof(KeyAnswer))]
[JsonSerializable(typeof(KeyListAnswer))]
[JsonSerializable(typeof(NewKeyAnswer))]
[JsonSerializable(typeof(SessionAnswer))]
[JsonSerializable(typeof(HealthAnswer))]
[JsonSerializable(typeof(ProblemAnswer))]
public sealed partial class ApiJson : JsonSerializerContext
{
    /// <summary>The shapes of the API, written so that people can read every script; nothing here is put into a page.</summary>
    public static ApiJson Api => Readable.Api;

    // In a class of its own, which is initialised only after the generated half of this one.
    private static class Readable
    {
        public static readonly ApiJson Api = new(new(Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }
}
