namespace TicketRush.Engine.Inventory;

/// <summary>
/// Places without numbers, counted on each leg: standing ones, and seats that are numbered later. A journey is accepted exactly when
/// no leg of it is full. That is exact, for the journeys of a pool are an interval graph, whose chromatic number is its largest clique:
/// as long as no leg has more journeys than seats, seats can be numbered without a clash (see <see cref="Colouring"/>).
/// </summary>
internal sealed class LoadPool(int legs, int capacity) : PlacePool
{
    private readonly int[] _load = new int[legs];
    private int _capacity = capacity;

    public override int SeatCount => 0;

    public override int Legs => legs;

    /// <summary>Places on each leg; may be raised, and lowered as far as no leg is fuller.</summary>
    public int Capacity
    {
        get => _capacity;
        set
        {
            _capacity = value;
            Version++;
        }
    }

    protected override PoolView MakeView()
    {
        var pairs = new int[legs * legs];
        for (var from = 0; from < legs; from++)
        {
            var most = 0;
            for (var to = from + 1; to <= legs; to++)
            {
                most = Math.Max(most, _load[to - 1]);
                pairs[from * legs + to - 1] = Capacity - most;
            }
        }

        return new(Version, 0, legs, 0, [], pairs);
    }

    public override bool IsFree(int seat, int from, int to) => FreeFor(from, to) > 0;

    public override void Take(int seat, int from, int to)
    {
        Version++;
        for (var leg = from; leg < to; leg++) _load[leg]++;
    }

    public override void Return(int seat, int from, int to)
    {
        Version++;
        for (var leg = from; leg < to; leg++) _load[leg]--;
    }

    public override int FreeFor(int from, int to)
    {
        var most = 0;
        foreach (var load in _load.AsSpan(from, to - from)) most = Math.Max(most, load);
        return Capacity - most;
    }

    public override bool Fits(int places, int from, int to) => FreeFor(from, to) >= places;

    public override Refusal Find(in Wish wish, Span<int> seats, out int allowed)
    {
        allowed = 0;
        var free = FreeFor(wish.From, wish.To);
        if (free < wish.Places)
        {
            allowed = wish.Places > Capacity ? Capacity : Math.Max(free, 0);
            return wish.Places > Capacity ? Refusal.PartyTooLarge : free <= 0 ? Refusal.SoldOut : Refusal.NotEnough;
        }

        seats[..wish.Places].Fill(NoSeat);
        return Refusal.None;
    }
}

/// <summary>A party whose seats are to be numbered: so many places on these legs.</summary>
internal readonly record struct Party(int From, int To, int Places);

/// <summary>Numbers the seats of parties that were accepted by their load, which cannot fail.</summary>
internal static class Colouring
{
    /// <summary>
    /// In the order in which they get on, each party gets seats of those who have got off: side by side if it can be, else in
    /// one coach, else the lowest. Whichever seats it gets, those who get on later find enough.
    /// </summary>
    /// <param name="blocked">Seats that are blocked by their number, on all legs: nobody gets one of them.</param>
    /// <returns>The seats of the first party, then those of the second, and so on.</returns>
    public static int[] Number(SeatLayout layout, IReadOnlyList<Party> parties, params ReadOnlySpan<int> blocked)
    {
        var first = new int[parties.Count];
        for (var i = 1; i < first.Length; i++) first[i] = first[i - 1] + parties[i - 1].Places;
        var seats = new int[first.Length == 0 ? 0 : first[^1] + parties[^1].Places];

        // Larger parties first among those who get on together: they are harder to seat side by side.
        var gettingOn = Enumerable.Range(0, parties.Count).OrderBy(i => parties[i].From).ThenByDescending(i => parties[i].Places).ToArray();
        var gettingOff = Enumerable.Range(0, parties.Count).OrderBy(i => parties[i].To).ToArray();
        var free = new JourneyPool(layout, 1);
        foreach (var seat in blocked) free.Take(seat, 0, 1);
        var off = 0;
        foreach (var i in gettingOn)
        {
            for (; off < gettingOff.Length && parties[gettingOff[off]].To <= parties[i].From; off++)
            {
                foreach (var seat in seats.AsSpan(first[gettingOff[off]], parties[gettingOff[off]].Places)) free.Return(seat, 0, 1);
            }

            var given = seats.AsSpan(first[i], parties[i].Places);
            if (free.Find(new(given.Length, 0, 1), given, out _) != Refusal.None)
                throw new InvalidOperationException("A leg has more journeys than seats: it was oversold before it was numbered.");
            foreach (var seat in given) free.Take(seat, 0, 1);
        }

        return seats;
    }
}
