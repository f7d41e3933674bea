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
}

public sealed record PoolDocument
{
    public required string Id { get; init; }
    public required int Capacity { get; init; }
    public int Blocked { get; set; }
}

public sealed record TierDocument
{
    public required string Id { get; init; }
    public required string Name { get; init; }

    /// <summary>The pool it draws on; or else <see cref="Capacity"/>, for a pool of its own with the tier's id.</summary>
    public string? Pool { get; set; }
    public int? Capacity { get; set; }
    public required long Price { get; init; }
}

public sealed record RulesDocument
{
    public int HoldSeconds { get; set; } = 600;
    public int Extensions { get; set; } = 1;
    public int PerOrder { get; set; } = 6;
    public int PerBuyer { get; set; } = 6;
}

public sealed record HoldRequest
{
    /// <summary>Whom the places are for. With a key, required; a buyer without one is itself.</summary>
    public string? Buyer { get; set; }
    public required ItemRequest[] Items { get; init; }
}

public sealed record ItemRequest
{
    public required string Tier { get; init; }
    public required int Quantity { get; init; }
}

public sealed record OrderRequest
{
    /// <inheritdoc cref="HoldRequest.Buyer"/>
    public string? Buyer { get; set; }
    public required ItemRequest[] Items { get; init; }
    public string Reference { get; set; } = "";
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
    string Id, string State, string? ExpiresAt, int Extensions, ItemAnswer[] Items, long Total, string Currency, long Sequence, string At, string Hash)
    : IReceipt;

public sealed record TicketAnswer(uint Number, string Tier, long Price, string State);

public sealed record OrderAnswer(
    string Id, string State, bool Late, ItemAnswer[] Items, TicketAnswer[] Tickets, long Total, string Currency, long Sequence, string At, string Hash)
    : IReceipt;

public sealed record RefundAnswer(string Id, uint[] Tickets, long Amount, string Currency, long Sequence, string At, string Hash) : IReceipt;

public sealed record SaleChangeAnswer(string Sale, string State, long Sequence, string At, string Hash) : IReceipt;

/// <param name="By">The name of the key that placed it; null for a buyer in a browser.</param>
public sealed record OrderListItem(long Sequence, string At, string State, bool Late, TicketAnswer[] Tickets, long Total, string? By);

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

public sealed record PoolAvailability(string Pool, int Capacity, int Blocked, int Held, int Sold, int Free);

public sealed record AvailabilityAnswer(
    string Sale, string State, string Currency, TierAvailability[] Tiers, PoolAvailability[] Pools, long Sequence, string At, string Hash) : IReceipt;

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
