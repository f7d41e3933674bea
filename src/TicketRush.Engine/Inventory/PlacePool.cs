namespace TicketRush.Engine.Inventory;

/// <summary>What is asked of a pool whose places are more than a number.</summary>
/// <param name="From">The first leg; 0 where nothing travels.</param>
/// <param name="To">The leg behind the last; 1 where nothing travels.</param>
/// <param name="Wheelchair">How many of the places are for wheelchairs.</param>
/// <param name="Apart">Whether the party takes seats that are not together, when there are no others.</param>
internal readonly record struct Wish(int Places, int From, int To, int Wheelchair = 0, bool Apart = false);

/// <summary>Places on legs: which are free, and which suit a party best. A hall is a journey of one leg.</summary>
internal abstract class PlacePool
{
    /// <summary>The number that stands for a place without a seat.</summary>
    public const int NoSeat = -1;

    /// <summary>Seats with numbers; 0 where places have none.</summary>
    public abstract int SeatCount { get; }

    public abstract int Legs { get; }

    /// <summary>How often a place was taken or given back.</summary>
    public long Version { get; protected set; }

    /// <summary>What everybody may see of it now; the last view again when nothing has changed since.</summary>
    public PoolView View(PoolView? last) => last is not null && last.Version == Version && last.SeatCount == SeatCount ? last : MakeView();

    protected abstract PoolView MakeView();

    public abstract bool IsFree(int seat, int from, int to);

    /// <summary>Takes a place that is free.</summary>
    public abstract void Take(int seat, int from, int to);

    /// <summary>Gives back a place that was taken for these very legs.</summary>
    public abstract void Return(int seat, int from, int to);

    /// <summary>Places that are free on all of these legs and given to everybody: not those for wheelchairs.</summary>
    public abstract int FreeFor(int from, int to);

    /// <summary>Whether <see cref="Find"/> would find so many places without being allowed to sit apart.</summary>
    public abstract bool Fits(int places, int from, int to);

    /// <summary>Finds the best seats for a wish and writes their numbers. Changes nothing.</summary>
    /// <returns>None; or SoldOut, NotEnough, NotTogether or PartyTooLarge, and then <paramref name="allowed"/> is what would have been
    /// possible.</returns>
    public abstract Refusal Find(in Wish wish, Span<int> seats, out int allowed);
}
