namespace TicketRush.Engine;

/// <summary>
/// Names one hold, and the order it becomes when paid. Made by the client and hashed under the data directory's id key
/// before it comes here, so it is uniformly distributed and the journal holds no capability.
/// </summary>
public readonly record struct HoldId(UInt128 Value);

/// <summary>Names one buyer: the hash, under the data directory's buyer key, of whatever the seller calls them.</summary>
public readonly record struct BuyerId(UInt128 Value);

/// <summary>Names one payment: the hash, under the data directory's id key, of the payer's own reference.</summary>
public readonly record struct PaymentReference(UInt128 Value);

/// <summary>
/// Names one request that has no id of its own (an extension, a refund, an office command), so that asking twice is asking
/// once. Zero is no key at all.
/// </summary>
public readonly record struct RequestKey(UInt128 Value)
{
    public bool IsNone => Value == 0;
}
