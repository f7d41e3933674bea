namespace TicketRush.Engine;

/// <summary>
/// Why a decision is not a success. A refusal is a value: it changes nothing, and only a refused payment is written down.
/// The numbers stand in the journal and never change meaning; the codes that clients match on are these names in capitals
/// (<c>SoldOut</c> is <c>SOLD_OUT</c>).
/// <para>
/// Checks are made in the order in which the refusals are listed in <see cref="Sale.Decide"/>'s contract, and clients may
/// rely on it. Zero is no refusal.
/// </para>
/// </summary>
public enum Refusal : byte
{
    None = 0,

    /// <summary>The id, or the idempotency key, was used before with other content.</summary>
    IdReused = 1,
    UnknownHold = 2,
    UnknownOrder = 3,
    UnknownTier = 4,
    UnknownTicket = 5,

    SaleDraft = 10,
    NotYetOpen = 11,
    SalePaused = 12,
    SaleClosed = 13,

    OrderLimit = 20,
    BuyerLimit = 21,

    /// <summary>No place is openly free in a pool that was asked for.</summary>
    SoldOut = 22,

    /// <summary>Some places are openly free, but fewer than were asked for.</summary>
    NotEnough = 23,

    ExtensionLimit = 30,
    HoldExpired = 31,
    HoldReleased = 32,
    AlreadyPaid = 33,
    AlreadyRefunded = 34,
    ReasonInvalid = 35,

    PlanInvalid = 40,

    /// <summary>The plan has changed since the version that the change was made for.</summary>
    PlanChanged = 41,

    /// <summary>The sale was opened, and the change touches what may not change any more.</summary>
    PlanFrozen = 42,

    /// <summary>The new capacity is below what is held, sold and blocked.</summary>
    CapacityInUse = 43,

    /// <summary>More differently named keys have acted in this sale than it can tell apart.</summary>
    TooManyKeys = 50,
}
