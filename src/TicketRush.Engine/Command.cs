using System.Diagnostics.CodeAnalysis;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace TicketRush.Engine;

/// <summary>
/// What can be asked of a sale. Zero is nothing, so a forgotten assignment asks for nothing. The numbers are part of what an
/// id's content is known by, in journals too, and never change meaning.
/// </summary>
public enum CommandKind : byte
{
    None = 0,

    /// <summary>Keep places for a buyer.</summary>
    Hold = 1,

    /// <summary>Hold and pay in one decision.</summary>
    Purchase = 2,
    Extend = 3,
    Pay = 4,
    Release = 5,
    Refund = 6,

    /// <summary>Create a sale, or change its plan.</summary>
    Plan = 7,
    Open = 8,
    Pause = 9,
    Close = 10,

    FindHold = 11,
    FindOrder = 12,
    ListOrders = 13,

    /// <summary>Give back a hold, or tickets of an order, and take other places, in one decision.</summary>
    Exchange = 14,

    /// <summary>Wait for places that are not free.</summary>
    Wait = 15,

    /// <summary>Number the seats of a pool that sold them without numbers.</summary>
    Number = 16,
}

/// <summary>Which holds and orders a command may be about.</summary>
public enum Whose : byte
{
    Everybodys = 0,

    /// <summary>Those that were placed with a key of the same name.</summary>
    Keys = 1,

    /// <summary>Those that the command's buyer placed, without a key.</summary>
    Buyers = 2,

    /// <summary>Those of the command's buyer, whoever placed them. Only for lists.</summary>
    OfBuyer = 3,
}

/// <summary>
/// What somebody asks, as data. Only the members that its kind needs are read:
/// <list type="bullet">
/// <item>Hold, Purchase: Hold, Buyer, Lines, Plan (the plan by which the tiers were looked up); Purchase also Reference.</item>
/// <item>Extend: Hold, Key. Pay: Hold, Reference. Release, FindHold: Hold. FindOrder: Hold or Order or Ticket.</item>
/// <item>Refund: Hold or Order or Ticket, Key, Tickets (null for all that are left), Reason, Resell.</item>
/// <item>Plan: Plan, Revision (the sequence of the plan that is to change, 0 to create). Open, Pause, Close: Key, or none.</item>
/// <item>ListOrders: Revision (the sequence after which to start).</item>
/// <item>Hold, Purchase and Exchange may also have From, To, Seats, Wheelchair, Apart and Passengers, as the plan wants them.</item>
/// <item>Exchange: Hold (a new id), Of or Order, Tickets (null for all that are left), Lines, Plan, Reference.</item>
/// <item>Wait: Hold, Buyer, Lines (one), Plan, From, To, Passengers. Number: Pool, Key.</item>
/// <item>All: By and Whose. With Whose Buyers, also Buyer, in every kind.</item>
/// </list>
/// </summary>
public struct Command
{
    public CommandKind Kind;
    public bool Resell;

    /// <summary>What of the sale the asker may know of; what is another's is unknown to it.</summary>
    public Whose Whose;

    /// <summary>The name of the key that asks; null for a buyer in a browser, and for who may write the files themselves.</summary>
    public string? By;
    public HoldId Hold;

    /// <summary>Names an order by its sequence, for those who may see everybody's: in place of Hold.</summary>
    public long Order;

    /// <summary>Names an order by one of its tickets, likewise.</summary>
    public uint Ticket;
    public BuyerId Buyer;
    public PaymentReference Reference;
    public RequestKey Key;
    public Lines Lines;
    public long Revision;
    public uint[]? Tickets;
    public string? Reason;
    public Plan? Plan;

    /// <summary>The stops of the journey, by their places in the plan; 65,535 for one that the plan does not know.</summary>
    public ushort From, To;

    /// <summary>Of how many wheelchair places the party consists; the others sit beside them.</summary>
    public byte Wheelchair;

    /// <summary>Whether the party takes seats that are not together, when there are no others.</summary>
    public bool Apart;
    public ushort Pool;

    /// <summary>What is exchanged; or else <see cref="Order"/>.</summary>
    public HoldId Of;

    /// <summary>
    /// The seats that are named, one for each place in the order of the lines; -1 for a place whose pool has none, -2 for a name that the
    /// plan does not know. Null to be given the best.
    /// </summary>
    public int[]? Seats;

    /// <summary>One for each place, in the order of the lines: keyed hashes.</summary>
    public ulong[]? Passengers;

    /// <summary>Whether all is there that the kind cannot do without. A sale may be asked only complete commands.</summary>
    public readonly bool IsComplete => Kind switch
    {
        CommandKind.Hold or CommandKind.Purchase or CommandKind.Exchange or CommandKind.Wait => Lines.Count > 0,
        CommandKind.Plan => Plan is not null,
        > CommandKind.None and <= CommandKind.Number => true,
        _ => false,
    };
}

/// <summary>How many places of which tier, sorted by tier, each tier once.</summary>
public struct Lines
{
    /// <summary>Different tiers in one hold at the most.</summary>
    public const int Max = 8;

    private Items _items;

    public int Count { readonly get; private set; }

    [UnscopedRef]
    public ref readonly Line this[int index] => ref _items[index];

    public readonly int Places
    {
        get
        {
            var places = 0;
            for (var i = 0; i < Count; i++) places += _items[i].Quantity;
            return places;
        }
    }

    /// <param name="tier">The tier's place in the plan; 65,535 for one that the plan does not know.</param>
    /// <returns>False when the tier is there already, no line is left, or the quantity is zero.</returns>
    public bool TryAdd(ushort tier, ushort quantity)
    {
        if (Count == Max || quantity == 0) return false;

        var at = Count;
        for (; at > 0 && _items[at - 1].Tier >= tier; at--)
        {
            if (_items[at - 1].Tier == tier) return false;
        }

        for (var i = Count; i > at; i--) _items[i] = _items[i - 1];
        _items[at] = new(tier, quantity);
        Count++;
        return true;
    }

    [InlineArray(Max)]
    private struct Items
    {
        private Line _first;
    }
}

public readonly record struct Line(ushort Tier, ushort Quantity);

/// <summary>Lines with the price at which they were decided.</summary>
public struct PricedLines
{
    private Items _items;

    public int Count { get; private set; }

    [UnscopedRef]
    public ref readonly PricedLine this[int index] => ref _items[index];

    public void Clear() => Count = 0;

    /// <summary>Adds behind the last; the writer keeps the order by tier.</summary>
    public void Add(ushort tier, ushort quantity, long price)
    {
        Debug.Assert(Count < Lines.Max);
        _items[Count++] = new(price, tier, quantity);
    }

    public readonly int Places
    {
        get
        {
            var places = 0;
            for (var i = 0; i < Count; i++) places += _items[i].Quantity;
            return places;
        }
    }

    public readonly long Amount
    {
        get
        {
            long amount = 0;
            for (var i = 0; i < Count; i++) amount += _items[i].Quantity * _items[i].Price;
            return amount;
        }
    }

    [InlineArray(Lines.Max)]
    private struct Items
    {
        private PricedLine _first;
    }
}

/// <param name="Price">Per place, in minor units.</param>
public readonly record struct PricedLine(long Price, ushort Tier, ushort Quantity);
