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

    UnknownSeat = 50,

    /// <summary>A seat that was named is not free.</summary>
    SeatTaken = 51,

    /// <summary>Seats of several tiers in one hold, which the plan forbids; or some seats named and others not.</summary>
    SeatsMixed = 52,

    /// <summary>The named seats would leave a single one over, which the plan forbids.</summary>
    LeavesSingle = 53,

    /// <summary>The party is larger than any stretch of seats side by side, or than the whole pool.</summary>
    PartyTooLarge = 54,
    UnknownStop = 55,

    /// <summary>The journey is missing, goes nowhere or backwards, or nothing travels there.</summary>
    BadJourney = 56,

    /// <summary>There are as many free places, but not together.</summary>
    NotTogether = 57,

    /// <summary>A place for a wheelchair or a companion was named without being asked for as such.</summary>
    SeatReserved = 58,

    /// <summary>The seats of this pool are numbered later, so none can be named.</summary>
    SeatsLater = 59,

    /// <summary>The plan wants a passenger for each place: one is missing, twice there, or not wanted.</summary>
    BadPassengers = 60,

    /// <summary>A passenger has a place on some of these legs already.</summary>
    PassengerOverlap = 61,

    /// <summary>The plan has no waitlist, or the wish is not one that can wait.</summary>
    CannotWait = 62,

    /// <summary>Seats are numbered once, and only in a pool whose seats are numbered later.</summary>
    CannotNumber = 63,

    /// <summary>The hold or order cannot be exchanged: it is over, or nothing of it is left.</summary>
    CannotExchange = 64,

    /// <summary>It waits, and has no places yet that could be paid or kept longer.</summary>
    StillWaiting = 65,

    /// <summary>More differently named keys have acted in this sale than it can tell apart.</summary>
    TooManyKeys = 70,
}
