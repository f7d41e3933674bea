using System.Numerics;

namespace TicketRush.Engine.Inventory;

/// <summary>
/// Seats in rows, one bit each. A named seat is a bit test. The best n are found in this order, and the first rule that can be
/// kept wins; within a rule the seats nearest the focal point (by the middle of the party), then the lowest:
/// <list type="number">
/// <item>side by side on one bench, leaving no single seat over;</item>
/// <item>side by side on one bench;</item>
/// <item>on two benches, one straight behind the other, with a seat of one in front of a seat of the other: as evenly as can be,
/// the larger half in front, then the larger half behind;</item>
/// <item>only if the party may sit apart: the largest part that rules 1 and 2 can seat, then the largest of the rest, and so on.</item>
/// </list>
/// Places for wheelchairs and companions are none of these; see <see cref="FindWheelchair"/>.
/// <para>
/// For parties of up to <see cref="IndexedMax"/>, a tournament over the benches knows the nearest party of that size. It is
/// brought up to date when it is asked, from a log of the benches that changed, so that taking a seat costs no more than a bit.
/// </para>
/// </summary>
internal sealed class SeatMap : PlacePool
{
    public const int IndexedMax = 8;
    private const int LogSize = 4_096;

    private readonly SeatLayout _layout;
    private readonly Bench[] _benches;
    private readonly int[] _benchOf;
    private readonly ulong[] _free;

    // The same by seat and not by bench: what a view copies.
    private readonly ulong[] _freeSeats;

    // Where bit 0 of a bench is and which way its seats go, seen from the focal point; in quarters of a seat's width.
    private readonly (int Along, int Across, int Step)[] _line;
    private readonly int[] _ahead;
    private readonly int[] _wheelchairBenches;
    private readonly int[] _log = new int[LogSize];
    private readonly Tournament[] _strict = new Tournament[IndexedMax];
    private readonly Tournament[] _loose = new Tournament[IndexedMax];

    // For each size of a party, up to where in the log it is known that two rows do not suffice; -1 when nothing is known.
    private readonly long[] _noTwoRows;
    private readonly int _longest;
    private long _logEnd;
    private int _freeOrdinary;

    public SeatMap(SeatLayout layout, FocusPlan focus)
    {
        _layout = layout;
        _benches = layout.Benches;
        _benchOf = new int[layout.Count];
        _free = new ulong[_benches.Length];
        _freeSeats = new ulong[(layout.Count + 63) / 64];
        for (var seat = 0; seat < layout.Count; seat++) _freeSeats[seat >> 6] |= 1UL << (seat & 63);
        _line = new (int, int, int)[_benches.Length];
        _ahead = new int[_benches.Length];
        Array.Fill(_ahead, -1);
        for (var i = 0; i < _benches.Length; i++)
        {
            ref readonly var bench = ref _benches[i];
            _free[i] = bench.Ordinary | bench.Wheelchair | bench.Companion;
            _freeOrdinary += BitOperations.PopCount(bench.Ordinary);
            _longest = Math.Max(_longest, LongestIn(bench.Ordinary));
            _benchOf.AsSpan(bench.First, bench.Length).Fill(i);
            if (bench.Behind >= 0) _ahead[bench.Behind] = i;

            var (x, y) = (2 * layout.X[bench.First] - 4 * focus.X, 2 * layout.Y[bench.First] - 4 * focus.Y);
            var (nextX, nextY) = bench.Length == 1
                ? (x + 4, y) : (2 * layout.X[bench.First + 1] - 4 * focus.X, 2 * layout.Y[bench.First + 1] - 4 * focus.Y);
            _line[i] = nextX != x ? (x, y, Math.Sign(nextX - x)) : (y, x, Math.Sign(nextY - y));
        }

        _wheelchairBenches = [.. Enumerable.Range(0, _benches.Length).Where(i => _benches[i].Wheelchair != 0)];
        _noTwoRows = new long[_longest + 1];
        Array.Fill(_noTwoRows, -1);
        for (var i = 0; i < IndexedMax; i++) (_strict[i], _loose[i]) = (new(_benches.Length), new(_benches.Length));
    }

    public override int SeatCount => _benchOf.Length;

    public override int Legs => 1;

    /// <summary>The largest party that fits on one bench when nothing is taken.</summary>
    public int LongestBench => _longest;

    protected override PoolView MakeView() => new(Version, SeatCount, 1, 0, [.. _freeSeats], [_freeOrdinary]);

    public override bool IsFree(int seat, int from, int to) => (_free[_benchOf[seat]] & BitOf(seat)) != 0;

    public override void Take(int seat, int from, int to)
    {
        var bench = _benchOf[seat];
        var bit = BitOf(seat);
        _free[bench] &= ~bit;
        _freeSeats[seat >> 6] &= ~(1UL << (seat & 63));
        if ((_benches[bench].Ordinary & bit) != 0) _freeOrdinary--;
        Log(bench);
    }

    public override void Return(int seat, int from, int to)
    {
        var bench = _benchOf[seat];
        var bit = BitOf(seat);
        _free[bench] |= bit;
        _freeSeats[seat >> 6] |= 1UL << (seat & 63);
        if ((_benches[bench].Ordinary & bit) != 0) _freeOrdinary++;
        Log(bench);
    }

    public override int FreeFor(int from, int to) => _freeOrdinary;

    public override bool Fits(int places, int from, int to) =>
        places <= _freeOrdinary && places <= _longest && (FindOnBench(places, strict: false, out _, out _) || FindOnTwo(places, out _));

    public override Refusal Find(in Wish wish, Span<int> seats, out int allowed)
    {
        allowed = 0;
        var places = wish.Places;
        if (wish.Wheelchair > 0) return FindWheelchair(wish, seats, out allowed);
        if (places > _longest && !wish.Apart)
        {
            allowed = _longest;
            return Refusal.PartyTooLarge;
        }

        if (places > _freeOrdinary)
        {
            allowed = _freeOrdinary;
            return _freeOrdinary == 0 ? Refusal.SoldOut : Refusal.NotEnough;
        }

        if (places <= _longest)
        {
            if (FindOnBench(places, strict: true, out var bench, out var start) || FindOnBench(places, strict: false, out bench, out start))
            {
                Write(seats[..places], bench, start);
                return Refusal.None;
            }

            if (FindOnTwo(places, out var two))
            {
                Write(seats[..two.FrontPlaces], two.Front, two.FrontStart);
                Write(seats[two.FrontPlaces..places], _benches[two.Front].Behind, two.BackStart);
                return Refusal.None;
            }
        }

        if (wish.Apart)
        {
            FindApart(seats[..places]);
            return Refusal.None;
        }

        for (var i = 0; i < _benches.Length; i++) allowed = Math.Max(allowed, LongestIn(_free[i] & _benches[i].Ordinary));
        return Refusal.NotTogether;
    }

    /// <summary>
    /// Whether taking these free seats leaves a single one over beside them that another choice from the same stretch would not:
    /// a stretch of which all but one are taken leaves one whatever is chosen.
    /// </summary>
    public bool LeavesSingle(ReadOnlySpan<int> seats)
    {
        foreach (var seat in seats)
        {
            var bench = _benchOf[seat];
            var before = _free[bench] & _benches[bench].Ordinary;
            var after = before;
            foreach (var other in seats)
            {
                if (_benchOf[other] == bench) after &= ~BitOf(other);
            }

            if ((before & BitOf(seat)) == 0) continue;
            var single = after & ~(after << 1) & ~(after >> 1);
            var stretch = StretchAround(before, seat - _benches[bench].First);
            var left = BitOperations.PopCount(after & stretch);
            if ((single & stretch) != 0 && left > 1) return true;
        }

        return false;
    }

    private ulong BitOf(int seat) => 1UL << (seat - _benches[_benchOf[seat]].First);

    private void Log(int bench)
    {
        Version++;
        if (_logEnd > 0 && _log[(_logEnd - 1) & (LogSize - 1)] == bench && !IsRead(_logEnd)) return;
        _log[_logEnd++ & (LogSize - 1)] = bench;
    }

    // Whether somebody has read the log to this end: then the bench must be written again, or its change would be missed.
    private long _readTo;

    private bool IsRead(long end) => _readTo >= end;

    private void Write(Span<int> seats, int bench, int start)
    {
        for (var i = 0; i < seats.Length; i++) seats[i] = _benches[bench].First + start + i;
    }

    private bool FindOnBench(int places, bool strict, out int bench, out int start)
    {
        if (places <= IndexedMax)
        {
            var tournament = (strict ? _strict : _loose)[places - 1];
            Refresh(tournament, places, strict);
            bench = tournament.Winner;
            start = -1;
            if (tournament.CostOf(bench) == int.MaxValue) return false;
            BestOn(bench, places, strict, out start);
            return true;
        }

        (bench, start) = (-1, -1);
        var best = int.MaxValue;
        for (var i = 0; i < _benches.Length; i++)
        {
            if (BitOperations.PopCount(_free[i]) < places) continue;
            var cost = BestOn(i, places, strict, out var at);
            if (cost < best) (best, bench, start) = (cost, i, at);
        }

        return bench >= 0;
    }

    private void Refresh(Tournament tournament, int places, bool strict)
    {
        if (tournament.SeenTo < 0 || _logEnd - tournament.SeenTo > LogSize)
        {
            for (var i = 0; i < _benches.Length; i++) tournament.Set(i, BestOn(i, places, strict, out _));
            tournament.PlayAll();
        }
        else
        {
            for (var at = tournament.SeenTo; at < _logEnd; at++)
            {
                var bench = _log[at & (LogSize - 1)];
                tournament.Play(bench, BestOn(bench, places, strict, out _));
            }
        }

        tournament.SeenTo = _readTo = _logEnd;
    }

    /// <summary>The nearest place for a party on this bench, and how far it is; <see cref="int.MaxValue"/> when there is none.</summary>
    private int BestOn(int bench, int places, bool strict, out int start)
    {
        var free = _free[bench] & _benches[bench].Ordinary;
        var (along, across, step) = _line[bench];

        // The start whose middle is nearest the focal point, were everything free; the lower of two.
        var wanted = -step * along - 2 * (places - 1) + 1 >> 2;
        var best = int.MaxValue;
        start = -1;
        while (free != 0)
        {
            var low = BitOperations.TrailingZeroCount(free);
            var length = BitOperations.TrailingZeroCount(~(free >> low));
            free &= length == 64 ? 0 : ~(((1UL << length) - 1) << low);
            var slack = length - places;
            if (slack < 0) continue;

            if (!strict || slack == 0)
            {
                Try(low + Math.Clamp(wanted - low, 0, slack), ref best, ref start);
            }
            else if (slack >= 2)
            {
                Try(low, ref best, ref start);
                if (slack >= 4) Try(low + Math.Clamp(wanted - low, 2, slack - 2), ref best, ref start);
                Try(low + slack, ref best, ref start);
            }
        }

        return best;

        void Try(int at, ref int best, ref int start)
        {
            var cost = Cost(along, across, step, at, places);
            if (cost < best) (best, start) = (cost, at);
        }
    }

    private static int Cost(int along, int across, int step, int start, int places)
    {
        var middle = along + step * (4 * start + 2 * (places - 1));
        return middle * middle + across * across;
    }

    private readonly record struct TwoRows(int Uneven, int Cost, int Front, int FrontPlaces, int FrontStart, int BackStart)
    {
        // Fields in the order of their weight; the split of which the larger half is in front comes before its mirror.
        public bool IsBetterThan(in TwoRows other) =>
            (Uneven, Cost, Front, FrontStart, BackStart)
                .CompareTo((other.Uneven, other.Cost, other.Front, other.FrontStart, other.BackStart)) < 0;
    }

    private bool FindOnTwo(int places, out TwoRows best)
    {
        best = new(int.MaxValue, 0, -1, 0, 0, 0);
        if (places < 2) return false;

        ref var known = ref _noTwoRows[places];
        if (known >= 0 && _logEnd - known <= LogSize)
        {
            // There was no place before, so only a bench that changed since can have one.
            for (var at = known; at < _logEnd; at++)
            {
                var bench = _log[at & (LogSize - 1)];
                TryTwo(bench, places, ref best);
                if (_ahead[bench] >= 0) TryTwo(_ahead[bench], places, ref best);
            }
        }
        else
        {
            for (var i = 0; i < _benches.Length; i++) TryTwo(i, places, ref best);
        }

        known = best.Front < 0 ? _logEnd : -1;
        _readTo = _logEnd;
        return best.Front >= 0;
    }

    private void TryTwo(int front, int places, ref TwoRows best)
    {
        var back = _benches[front].Behind;
        if (back < 0) return;
        var (frontFree, backFree) = (_free[front] & _benches[front].Ordinary, _free[back] & _benches[back].Ordinary);
        if (frontFree == 0 || backFree == 0 || BitOperations.PopCount(frontFree) + BitOperations.PopCount(backFree) < places) return;

        for (var inFront = 1; inFront < places; inFront++)
        {
            var inBack = places - inFront;
            var uneven = 2 * Math.Abs(inFront - inBack) + (inFront < inBack ? 1 : 0);
            if (uneven > best.Uneven) continue;
            var (frontStarts, backStarts) = (StartsOf(frontFree, inFront), StartsOf(backFree, inBack));
            if (frontStarts == 0 || backStarts == 0) continue;

            for (; frontStarts != 0; frontStarts &= frontStarts - 1)
            {
                var frontStart = BitOperations.TrailingZeroCount(frontStarts);
                var near = backStarts & Between(frontStart - inBack + 1, frontStart + inFront - 1);
                var frontCost = Cost(_line[front].Along, _line[front].Across, _line[front].Step, frontStart, inFront);
                for (; near != 0; near &= near - 1)
                {
                    var backStart = BitOperations.TrailingZeroCount(near);
                    var cost = frontCost + Cost(_line[back].Along, _line[back].Across, _line[back].Step, backStart, inBack);
                    var found = new TwoRows(uneven, cost, front, inFront, frontStart, backStart);
                    if (found.IsBetterThan(best)) best = found;
                }
            }
        }
    }

    private void FindApart(Span<int> seats)
    {
        // Taken for a moment, so that the next part looks at what is left; given back before anybody could see.
        for (var found = 0; found < seats.Length;)
        {
            var part = Math.Min(seats.Length - found, _longest);
            int bench, start;
            while (!FindOnBench(part, strict: true, out bench, out start) && !FindOnBench(part, strict: false, out bench, out start))
                part--;
            Write(seats.Slice(found, part), bench, start);
            foreach (var seat in seats.Slice(found, part)) Take(seat, 0, 1);
            found += part;
        }

        foreach (var seat in seats) Return(seat, 0, 1);
    }

    /// <summary>
    /// Places for wheelchairs with those who come along: side by side on one bench, as many wheelchair places as were asked for, the
    /// others places for companions; then the others any place that is not for a wheelchair. Nearest the focal point, then lowest.
    /// </summary>
    private Refusal FindWheelchair(in Wish wish, Span<int> seats, out int allowed)
    {
        allowed = 0;
        var total = 0;
        foreach (var i in _wheelchairBenches) total += BitOperations.PopCount(_free[i] & _benches[i].Wheelchair);
        if (total < wish.Wheelchair)
        {
            allowed = total;
            return total == 0 ? Refusal.SoldOut : Refusal.NotEnough;
        }

        for (var relaxed = 0; relaxed < 2; relaxed++)
        {
            var (best, bench, start) = (int.MaxValue, -1, -1);
            foreach (var i in _wheelchairBenches)
            {
                var others = relaxed == 0 ? _benches[i].Companion : _benches[i].Companion | _benches[i].Ordinary;
                for (var starts = StartsOf(_free[i] & (_benches[i].Wheelchair | others), wish.Places); starts != 0; starts &= starts - 1)
                {
                    var at = BitOperations.TrailingZeroCount(starts);
                    if (BitOperations.PopCount(_benches[i].Wheelchair & Between(at, at + wish.Places - 1)) != wish.Wheelchair) continue;
                    var cost = Cost(_line[i].Along, _line[i].Across, _line[i].Step, at, wish.Places);
                    if (cost < best) (best, bench, start) = (cost, i, at);
                }
            }

            if (bench < 0) continue;
            Write(seats[..wish.Places], bench, start);
            return Refusal.None;
        }

        return Refusal.NotTogether;
    }

    // The bits from which so many in a row are set: doubling the stretch that is known to be, as far as it goes.
    private static ulong StartsOf(ulong free, int places)
    {
        if (places > 64) return 0;
        var starts = free;
        for (var known = 1; known < places && starts != 0;)
        {
            var more = Math.Min(known, places - known);
            starts &= starts >> more;
            known += more;
        }

        return starts;
    }

    private static ulong Between(int first, int last)
    {
        (first, last) = (Math.Max(first, 0), Math.Min(last, 63));
        return first > last ? 0 : ulong.MaxValue >> (63 - last) & ulong.MaxValue << first;
    }

    private static ulong StretchAround(ulong free, int bit)
    {
        var above = BitOperations.TrailingZeroCount(~(free >> bit));
        var below = BitOperations.LeadingZeroCount(~(free << (63 - bit)));
        return Between(bit - below + 1, bit + above - 1);
    }

    private static int LongestIn(ulong bits)
    {
        var longest = 0;
        for (; bits != 0; longest++) bits &= bits >> 1;
        return longest;
    }

    /// <summary>
    /// Who of many has the least cost, the lowest of equals: after one cost changed, in as many steps as the tree is high.
    /// </summary>
    private sealed class Tournament
    {
        private readonly int[] _costs;
        private readonly int[] _winners;
        private readonly int _leaves;

        public Tournament(int count)
        {
            _leaves = (int)BitOperations.RoundUpToPowerOf2((uint)count);
            _costs = new int[_leaves];
            _winners = new int[_leaves * 2];
            Array.Fill(_costs, int.MaxValue);
            for (var i = 0; i < _leaves; i++) _winners[_leaves + i] = i;
        }

        /// <summary>Up to where in the log it has read; -1 before it was ever played.</summary>
        public long SeenTo { get; set; } = -1;

        public int Winner => _winners[1];

        public int CostOf(int entrant) => _costs[entrant];

        public void Set(int entrant, int cost) => _costs[entrant] = cost;

        public void PlayAll()
        {
            for (var node = _leaves - 1; node > 0; node--) _winners[node] = Better(_winners[2 * node], _winners[2 * node + 1]);
        }

        public void Play(int entrant, int cost)
        {
            if (_costs[entrant] == cost) return;
            _costs[entrant] = cost;
            for (var node = (_leaves + entrant) >> 1; node > 0; node >>= 1)
                _winners[node] = Better(_winners[2 * node], _winners[2 * node + 1]);
        }

        // The left one is the lower one.
        private int Better(int left, int right) => _costs[right] < _costs[left] ? right : left;
    }
}
