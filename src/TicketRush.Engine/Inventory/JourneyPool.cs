using System.Numerics;

namespace TicketRush.Engine.Inventory;

/// <summary>
/// Seats that are sold again on every leg, given at once. For a journey the tightest gap is taken: an exact one, then the one that
/// wastes the fewest legs, of those one that the journey touches at one end (one remainder instead of two), then the lowest seat.
/// A party sits side by side on one bench, else in one coach, else anywhere; within each, such that the worst gap wastes the fewest
/// legs, in the lowest coach, on the lowest seats.
/// <code>
///   sold   seat → legs that are sold: the gap around a journey is two bit scans, so giving back merges gaps in O(1)
///   inGap  gap [from, to) → seats that have it: the lowest wins     ends   from → which gaps begin there     count  how many have it
/// </code>
/// Places for wheelchairs and companions are in no gap, so nobody gets one who did not ask.
/// </summary>
internal sealed class JourneyPool : PlacePool
{
    private readonly SeatLayout _layout;
    private readonly int _legs;

    // Words in a mask of legs, and in a set of seats.
    private readonly int _legWords;
    private readonly int _words;

    private readonly ulong[] _sold;
    private readonly ulong[] _inGap;
    private readonly ulong[] _ends;
    private readonly int[] _count;
    private readonly ulong[] _ordinary;

    // Bit i: seat i + 1 is beside seat i, on one bench, and both are ordinary.
    private readonly ulong[] _beside;
    private readonly (int From, int To)[] _coaches;
    private readonly ulong[] _fitting;
    private readonly ulong[] _starts;
    private readonly int _longest;

    public JourneyPool(SeatLayout layout, int legs)
    {
        _layout = layout;
        _legs = legs;
        _legWords = (legs + 63) / 64;
        _words = (layout.Count + 63) / 64;
        _sold = new ulong[layout.Count * _legWords];
        _inGap = new ulong[legs * legs * _words];
        _ends = new ulong[legs * _legWords];
        _count = new int[legs * legs];
        _ordinary = new ulong[_words];
        _beside = new ulong[_words];
        _fitting = new ulong[_words];
        _starts = new ulong[_words];

        var coaches = new List<(int From, int To)>();
        var section = -1;
        foreach (var bench in layout.Benches)
        {
            if (bench.Section != section) coaches.Add((bench.First, bench.First));
            section = bench.Section;
            coaches[^1] = (coaches[^1].From, bench.First + bench.Length);
            var stretch = 0;
            for (var i = 0; i < bench.Length; i++)
            {
                var isOrdinary = (bench.Ordinary >> i & 1) != 0;
                if (isOrdinary) Set(_ordinary, bench.First + i);
                if (i > 0 && isOrdinary && (bench.Ordinary >> (i - 1) & 1) != 0) Set(_beside, bench.First + i - 1);
                stretch = isOrdinary ? stretch + 1 : 0;
                _longest = Math.Max(_longest, stretch);
                if (isOrdinary) AddGap(bench.First + i, 0, legs);
            }
        }

        _coaches = [.. coaches];
    }

    public override int SeatCount => _layout.Count;

    public override int Legs => _legs;

    protected override PoolView MakeView()
    {
        var pairs = new int[_legs * _legs];
        Availability(pairs);
        return new(Version, SeatCount, _legs, _legWords, [.. _sold], pairs);
    }

    public override bool IsFree(int seat, int from, int to)
    {
        for (var word = from >> 6; word <= (to - 1) >> 6; word++)
        {
            if ((_sold[seat * _legWords + word] & MaskOf(word, from, to)) != 0) return false;
        }

        return true;
    }

    public override void Take(int seat, int from, int to)
    {
        Version++;
        if (IsOrdinary(seat))
        {
            var (low, high) = GapAround(seat, from, to);
            RemoveGap(seat, low, high);
            if (low < from) AddGap(seat, low, from);
            if (to < high) AddGap(seat, to, high);
        }

        for (var word = from >> 6; word <= (to - 1) >> 6; word++) _sold[seat * _legWords + word] |= MaskOf(word, from, to);
    }

    public override void Return(int seat, int from, int to)
    {
        Version++;
        for (var word = from >> 6; word <= (to - 1) >> 6; word++) _sold[seat * _legWords + word] &= ~MaskOf(word, from, to);
        if (!IsOrdinary(seat)) return;

        var (low, high) = GapAround(seat, from, to);
        if (low < from) RemoveGap(seat, low, from);
        if (to < high) RemoveGap(seat, to, high);
        AddGap(seat, low, high);
    }

    public override int FreeFor(int from, int to)
    {
        var free = 0;
        for (var low = 0; low <= from; low++)
        {
            foreach (var count in _count.AsSpan(low * _legs + to - 1, _legs - to + 1)) free += count;
        }

        return free;
    }

    public override bool Fits(int places, int from, int to)
    {
        if (places > 1) return FreeFor(from, to) >= places;
        for (var low = 0; low <= from; low++)
        {
            if (FirstEnd(low, to) > 0) return true;
        }

        return false;
    }

    public override Refusal Find(in Wish wish, Span<int> seats, out int allowed)
    {
        allowed = 0;
        if (wish.Wheelchair > 0) return FindWheelchair(wish, seats, out allowed);
        if (wish.Places == 1)
        {
            seats[0] = FindOne(wish.From, wish.To);
            return seats[0] < 0 ? Refusal.SoldOut : Refusal.None;
        }

        var free = FreeFor(wish.From, wish.To);
        if (free < wish.Places)
        {
            allowed = wish.Places > SeatCount ? SeatCount : free;
            return wish.Places > SeatCount ? Refusal.PartyTooLarge : free == 0 ? Refusal.SoldOut : Refusal.NotEnough;
        }

        // Where so many are free on all these legs, sitting anywhere always succeeds.
        if (wish.Places > _longest || !FindParty(wish, Together.Bench, seats))
        {
            if (!FindParty(wish, Together.Coach, seats)) FindParty(wish, Together.Train, seats);
        }

        return Refusal.None;
    }

    /// <summary>For every pair of stops how many seats are free, at from * legs + to - 1; a gap counts for all pairs inside it.</summary>
    public void Availability(Span<int> pairs)
    {
        // Seen from the longest journey inwards: those that fit [from, to) are those of the gap itself, those that also fit one
        // leg more on the left or on the right, less those that were counted on both sides.
        for (var from = 0; from < _legs; from++)
        {
            for (var to = _legs; to > from; to--)
            {
                var at = from * _legs + to - 1;
                var free = _count[at];
                if (from > 0) free += pairs[at - _legs];
                if (to < _legs) free += pairs[at + 1];
                if (from > 0 && to < _legs) free -= pairs[at - _legs + 1];
                pairs[at] = free;
            }
        }
    }

    private enum Together
    {
        Bench,
        Coach,
        Train,
    }

    private int FindOne(int from, int to)
    {
        var (best, seat) = (int.MaxValue, NoSeat);
        for (var low = from; low >= 0 && (from - low) * 2 <= best; low--)
        {
            var high = FirstEnd(low, to);
            if (high <= 0) continue;

            // Half a leg more when the journey leaves something on both sides.
            var waste = (from - low + high - to) * 2 + (low == from || high == to ? 0 : 1);
            if (waste > best) continue;
            var lowest = Lowest(low, high);
            if (waste == best) seat = Math.Min(seat, lowest);
            else (best, seat) = (waste, lowest);
        }

        return seat;
    }

    private bool FindParty(in Wish wish, Together together, Span<int> seats)
    {
        Array.Clear(_fitting);
        var wasteMax = wish.From + _legs - wish.To;
        for (var waste = 0; waste <= wasteMax; waste++)
        {
            var added = false;
            for (var left = Math.Max(0, waste - (_legs - wish.To)); left <= Math.Min(waste, wish.From); left++)
            {
                var gap = (wish.From - left) * _legs + wish.To + (waste - left) - 1;
                if (_count[gap] == 0) continue;
                added = true;
                var inGap = _inGap.AsSpan(gap * _words, _words);
                for (var i = 0; i < _words; i++) _fitting[i] |= inGap[i];
            }

            if (added && Choose(wish.Places, together, seats)) return true;
        }

        return false;
    }

    private bool Choose(int places, Together together, Span<int> seats)
    {
        if (together == Together.Bench)
        {
            var start = StartOf(_fitting, _beside, _starts, places);
            for (var i = 0; start >= 0 && i < places; i++) seats[i] = start + i;
            return start >= 0;
        }

        if (together == Together.Train) return TakeLowest(0, SeatCount, places, seats);
        foreach (var (from, to) in _coaches)
        {
            if (TakeLowest(from, to, places, seats)) return true;
        }

        return false;
    }

    /// <returns>The lowest seat from which so many of the set are side by side, or -1.</returns>
    internal static int StartOf(ReadOnlySpan<ulong> set, ReadOnlySpan<ulong> beside, Span<ulong> starts, int places)
    {
        set.CopyTo(starts);
        for (var known = 1; known < places; known++)
        {
            for (var i = 0; i < starts.Length; i++)
            {
                var next = starts[i] >> 1 | (i + 1 < starts.Length ? starts[i + 1] << 63 : 0);
                starts[i] &= next & beside[i];
            }
        }

        for (var i = 0; i < starts.Length; i++)
        {
            if (starts[i] != 0) return i * 64 + BitOperations.TrailingZeroCount(starts[i]);
        }

        return -1;
    }

    private bool TakeLowest(int from, int to, int places, Span<int> seats)
    {
        var found = 0;
        for (var word = from >> 6; word <= (to - 1) >> 6; word++)
        {
            for (var bits = _fitting[word] & MaskOf(word, from, to); bits != 0; bits &= bits - 1)
            {
                seats[found++] = word * 64 + BitOperations.TrailingZeroCount(bits);
                if (found == places) return true;
            }
        }

        return false;
    }

    private Refusal FindWheelchair(in Wish wish, Span<int> seats, out int allowed)
    {
        allowed = 0;
        var total = 0;
        for (var relaxed = 0; relaxed < 2; relaxed++)
        {
            foreach (var bench in _layout.Benches)
            {
                if (bench.Wheelchair == 0) continue;
                for (var at = 0; at < bench.Length; at++)
                {
                    if ((bench.Wheelchair >> at & 1) != 0 && relaxed == 0 && IsFree(bench.First + at, wish.From, wish.To)) total++;
                    if (at + wish.Places > bench.Length || !IsParty(bench, at, wish, relaxed > 0)) continue;
                    for (var i = 0; i < wish.Places; i++) seats[i] = bench.First + at + i;
                    return Refusal.None;
                }
            }
        }

        allowed = Math.Min(total, wish.Wheelchair);
        return total == 0 ? Refusal.SoldOut : total < wish.Wheelchair ? Refusal.NotEnough : Refusal.NotTogether;
    }

    private bool IsParty(in Bench bench, int at, in Wish wish, bool relaxed)
    {
        var wheelchairs = 0;
        for (var i = at; i < at + wish.Places; i++)
        {
            if ((bench.Wheelchair >> i & 1) != 0) wheelchairs++;
            else if (!relaxed && (bench.Companion >> i & 1) == 0) return false;
            if (!IsFree(bench.First + i, wish.From, wish.To)) return false;
        }

        return wheelchairs == wish.Wheelchair;
    }

    /// <returns>The nearest end, not before this stop, of gaps that begin at a stop; 0 when there is none.</returns>
    private int FirstEnd(int low, int to)
    {
        for (var word = (to - 1) >> 6; word < _legWords; word++)
        {
            var ends = _ends[low * _legWords + word];
            if (word == (to - 1) >> 6) ends &= ulong.MaxValue << ((to - 1) & 63);
            if (ends != 0) return word * 64 + BitOperations.TrailingZeroCount(ends) + 1;
        }

        return 0;
    }

    private int Lowest(int low, int high)
    {
        var inGap = _inGap.AsSpan((low * _legs + high - 1) * _words, _words);
        var word = 0;
        while (inGap[word] == 0) word++;
        return word * 64 + BitOperations.TrailingZeroCount(inGap[word]);
    }

    /// <summary>The widest stretch of unsold legs around these, which are unsold themselves.</summary>
    private (int Low, int High) GapAround(int seat, int from, int to)
    {
        var sold = _sold.AsSpan(seat * _legWords, _legWords);
        var (low, high) = (0, _legs);
        for (var word = from >> 6; word >= 0; word--)
        {
            var below = word == from >> 6 ? sold[word] & ((1UL << (from & 63)) - 1) : sold[word];
            if (below == 0) continue;
            low = word * 64 + 64 - BitOperations.LeadingZeroCount(below);
            break;
        }

        for (var word = to >> 6; word < _legWords; word++)
        {
            var above = word == to >> 6 ? sold[word] & ulong.MaxValue << (to & 63) : sold[word];
            if (above == 0) continue;
            high = word * 64 + BitOperations.TrailingZeroCount(above);
            break;
        }

        return (low, high);
    }

    private void AddGap(int seat, int low, int high)
    {
        var gap = low * _legs + high - 1;
        if (_count[gap]++ == 0) _ends[low * _legWords + ((high - 1) >> 6)] |= 1UL << ((high - 1) & 63);
        _inGap[gap * _words + (seat >> 6)] |= 1UL << (seat & 63);
    }

    private void RemoveGap(int seat, int low, int high)
    {
        var gap = low * _legs + high - 1;
        if (--_count[gap] == 0) _ends[low * _legWords + ((high - 1) >> 6)] &= ~(1UL << ((high - 1) & 63));
        _inGap[gap * _words + (seat >> 6)] &= ~(1UL << (seat & 63));
    }

    private bool IsOrdinary(int seat) => (_ordinary[seat >> 6] >> (seat & 63) & 1) != 0;

    private static void Set(ulong[] bits, int at) => bits[at >> 6] |= 1UL << (at & 63);

    // The part of [from, to) that lies in this word.
    private static ulong MaskOf(int word, int from, int to)
    {
        var low = Math.Max(from - word * 64, 0);
        var high = Math.Min(to - word * 64, 64);
        return ulong.MaxValue << low & ulong.MaxValue >> (64 - high);
    }
}
