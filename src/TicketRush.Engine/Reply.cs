namespace TicketRush.Engine;

public enum HoldState : byte
{
    None = 0,
    Held = 1,
    Paid = 2,
    Released = 3,
    Expired = 4,

    /// <summary>On the waitlist.</summary>
    Waiting = 5,
}

public enum SaleState : byte
{
    None = 0,
    Draft = 1,
    Open = 2,
    Paused = 3,
    Closed = 4,
}

/// <summary>How a decision came out. Zero is no decision at all, so a forgotten assignment can never read as a sold place.</summary>
public enum Verdict : byte
{
    None = 0,

    /// <summary>A new decision: the entry is to be applied and recorded.</summary>
    Entry = 1,

    /// <summary>Asked before with the same id: the reply is the first one, sequence included.</summary>
    Repeat = 2,

    /// <summary>Nothing happened, and the reply says why.</summary>
    Refused = 3,

    /// <summary>A question was answered.</summary>
    Found = 4,

    /// <summary>
    /// The entry says that a hold ran out, which the decision depends on: it is to be applied and recorded, and the command
    /// decided again.
    /// </summary>
    ExpireFirst = 5,

    /// <summary>
    /// The entry gives the asking key a number in this sale: it is to be applied and recorded, and the command decided again.
    /// </summary>
    NameFirst = 6,
}

/// <summary>
/// What the asker is told. The sequencer sets <see cref="Sequence"/> of a new entry; every other member is set by the sale.
/// </summary>
public struct Reply
{
    public Refusal Refusal;

    /// <summary>The sequence of the entry that the reply rests on; 0 for a refusal that was not written down.</summary>
    public long Sequence;

    public HoldState State;
    public SaleState SaleState;
    public byte Extensions;
    public bool Late;

    /// <summary>When the hold runs out (sale time), or ran out.</summary>
    public long UntilMs;

    /// <summary>0 before the hold is paid.</summary>
    public uint FirstTicket;

    /// <summary>Bit i: ticket FirstTicket + i was refunded (by this refund, in the reply to one).</summary>
    public UInt128 Refunded;

    /// <summary>What the hold or order costs, or what was refunded or is owed back; in minor units.</summary>
    public long Amount;

    /// <summary>What a limit or a pool would still have allowed, with a refusal for it.</summary>
    public int Allowed;

    public PricedLines Lines;

    /// <summary>What exactly is refused, where the code alone does not say it.</summary>
    public string? Detail;

    public Plan? Plan;
    public OrderRow[]? Orders;

    /// <summary>Where a list of orders goes on; 0 when it does not.</summary>
    public long Next;

    /// <summary>Seats, journey and place on the waitlist; null, or empty, where the sale has none of these.</summary>
    public GivenPlaces? Given;

    public void Clear()
    {
        (Refusal, Sequence, State, SaleState, Extensions, Late, UntilMs) = (default, 0, default, default, 0, false, 0);
        (FirstTicket, Refunded, Amount, Allowed, Detail, Plan, Orders, Next) = (0, 0, 0, 0, null, null, null, 0);
        Lines.Clear();
        Given?.Clear();
    }
}

/// <summary>One order in a list: everything but the id, which is its maker's secret.</summary>
/// <param name="TimeMs">When it was paid; the sale does not know, the sequencer sets it.</param>
/// <param name="By">The name of the key that placed it; null for a buyer in a browser.</param>
public readonly record struct OrderRow(
    long Sequence, long TimeMs, uint FirstTicket, PricedLines Lines, UInt128 Refunded, bool Late, string? By)
{
    /// <summary>In the order of the tickets; null where the sale has none.</summary>
    public int[]? Seats { get; init; }
    public ushort From { get; init; }
    public ushort To { get; init; }
}
