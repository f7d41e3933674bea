namespace TicketRush.Engine;

/// <summary>What was decided. The numbers stand in the journal and never change meaning.</summary>
public enum EntryKind : byte
{
    None = 0,
    Planned = 1,
    Opened = 2,
    Paused = 3,
    Closed = 4,
    Held = 5,
    Extended = 6,
    Paid = 7,
    Released = 8,
    Expired = 9,
    Refunded = 10,

    /// <summary>Money may have moved for a hold that could not become an order; it is owed back.</summary>
    PaymentRefused = 11,
    Purchased = 12,

    /// <summary>From here on, By with this number means the key of this name.</summary>
    KeyNamed = 13,

    /// <summary>Held, with the seats, the journey or the passengers.</summary>
    HeldPlaces = 20,
    PurchasedPlaces = 21,

    /// <summary>A hold, or tickets of an order, given back for a new hold or order.</summary>
    Exchanged = 22,

    /// <summary>A wish joined the waitlist.</summary>
    Waited = 23,

    /// <summary>A wish left the waitlist.</summary>
    Left = 24,

    /// <summary>Places came back, and the first who waited and whom they fit holds them.</summary>
    Offered = 25,

    /// <summary>The seats of a pool were numbered.</summary>
    Numbered = 26,
}

/// <summary>
/// A decision as facts in full: applying it looks nothing up that could be decided otherwise tomorrow. Its sequence, time and
/// hash are those of the batch that carries it. Only the members that its kind needs are set:
/// <list type="bullet">
/// <item>Planned: Plan. Opened, Paused, Closed: Key, Content.</item>
/// <item>Held: Hold, Buyer, Content, UntilMs, Lines. Purchased: Hold, Buyer, Content, Reference, FirstTicket, Lines.</item>
/// <item>Extended: Hold, Key, Content, UntilMs. Released, Expired: Hold.</item>
/// <item>Paid: Hold, Reference, FirstTicket, Late. PaymentRefused: Hold, Reference, Refusal, Amount.</item>
/// <item>Refunded: Hold, Key, Content, FirstTicket, Tickets, Amount, Resell, Reason.</item>
/// <item>HeldPlaces, PurchasedPlaces: as Held and Purchased, and From, To, Seats, Passengers.</item>
/// <item>Exchanged: Hold, Of, Buyer, Content, Reference, UntilMs (0 for an order), FirstTicket (0 for a hold), Tickets and Amount (given
/// back), Lines, From, To, Seats, Passengers.</item>
/// <item>Waited: Hold, Buyer, Content, Lines (one), From, To, Passengers. Left: Hold. Offered: Hold, UntilMs, Seats.</item>
/// <item>Numbered: Key, Content, Pool, Numbers.</item>
/// <item>KeyNamed: By, Name. Every other but Expired and Offered: By, when a key asked for it.</item>
/// </list>
/// </summary>
public struct Entry
{
    public EntryKind Kind;

    /// <summary>Paid after the hold had run out: the places were free and were taken again.</summary>
    public bool Late;

    /// <summary>The refunded places are on sale again; otherwise they are blocked.</summary>
    public bool Resell;
    public Refusal Refusal;

    /// <summary>The number of the key that asked for it; 0 for a buyer in a browser, and for who may write the files themselves.</summary>
    public ushort By;
    public HoldId Hold;
    public BuyerId Buyer;
    public PaymentReference Reference;
    public RequestKey Key;

    /// <summary>A hash of what was asked, by which the same id with other content is known.</summary>
    public ulong Content;

    /// <summary>When the hold runs out, in sale time; always a whole second.</summary>
    public long UntilMs;

    /// <summary>The order's first ticket number; its others follow without a gap.</summary>
    public uint FirstTicket;

    /// <summary>The refunded tickets: bit i is ticket FirstTicket + i.</summary>
    public UInt128 Tickets;

    /// <summary>In minor units.</summary>
    public long Amount;
    public PricedLines Lines;
    public string? Reason;

    /// <summary>The key's name.</summary>
    public string? Name;
    public Plan? Plan;

    /// <summary>The first leg, and the one behind the last; both 0 where nothing travels.</summary>
    public ushort From, To;
    public ushort Pool;

    /// <summary>The hold or order that was given back.</summary>
    public HoldId Of;
    public Seats Seats;
    public Passengers Passengers;

    /// <summary>
    /// The seats of all live places of the pool: by their holds in order of arrival, each hold's by ticket; then those of the plan's
    /// blocked places that have none, in the plan's order.
    /// </summary>
    public int[]? Numbers;
}
