using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace TicketRush.Engine;

/// <summary>The seats of a hold, in the order of its tickets; -1 for a place without one.</summary>
public struct Seats
{
    private Items _items;

    public int Count { get; private set; }

    [UnscopedRef]
    public ref int this[int index] => ref _items[index];

    public void Clear() => Count = 0;

    public void Add(int seat) => _items[Count++] = seat;

    [UnscopedRef]
    public readonly ReadOnlySpan<int> AsSpan() => ((ReadOnlySpan<int>)_items)[..Count];

    [InlineArray(PlanRules.PerOrderMax)]
    private struct Items
    {
        private int _first;
    }
}

/// <summary>The passengers of a hold's places, in the order of its tickets, as keyed hashes.</summary>
public struct Passengers
{
    private Items _items;

    public int Count { get; private set; }

    [UnscopedRef]
    public ref ulong this[int index] => ref _items[index];

    public void Clear() => Count = 0;

    public void Add(ulong passenger) => _items[Count++] = passenger;

    [UnscopedRef]
    public readonly ReadOnlySpan<ulong> AsSpan() => ((ReadOnlySpan<ulong>)_items)[..Count];

    [InlineArray(PlanRules.PerOrderMax)]
    private struct Items
    {
        private ulong _first;
    }
}

/// <summary>
/// What the asker is told of seats, journeys and waiting. Made once for a reply that needs it, by the asker or else by the sale,
/// and used again: most replies have none.
/// </summary>
public sealed class GivenPlaces
{
    public Seats Seats;

    /// <summary>The legs, first and behind the last; both 0 where nothing travels.</summary>
    public ushort From, To;

    /// <summary>For a wish that waits: how many before it wait for the same, at the most.</summary>
    public int Ahead;

    /// <summary>For a wish that waits: how many before it wait for something else from the same places, at the most.</summary>
    public int AheadElsewhere;

    /// <summary>For an exchange: what was given back, in minor units.</summary>
    public long Credit;

    public void Clear()
    {
        Seats.Clear();
        (From, To, Ahead, AheadElsewhere, Credit) = (0, 0, 0, 0, 0);
    }
}
