using System.Numerics;

namespace TicketRush.Engine.Inventory;

/// <summary>
/// What a sale has when its places are more than a number: seats, legs, passengers, and those who wait. A sale of counted places
/// has none of this, and pays nothing for it.
/// </summary>
internal sealed class Places
{
    private readonly Given _given = new();
    private readonly Waitlist _waitlist = new();
    private PlacePool?[] _pools = [];
    private bool[] _travels = [];
    private bool[] _numbered = [];
    private int[] _poolOfTier = [];
    private PassengerLegs? _passengers;
    private Plan _plan;

    // The pools in which something may have come free since all who wait were last looked at.
    private ulong _returned;

    public Places(Plan plan) => _plan = plan;

    public Given Given => _given;

    public Waitlist Waitlist => _waitlist;

    /// <summary>Whether somebody who waits may fit what is free.</summary>
    public bool MayOffer => _returned != 0 && _waitlist.Count > 0;

    /// <summary>Nobody is offered anything any more until something comes free again.</summary>
    public void OfferNoMore() => _returned = 0;

    public PlacePool? PoolOf(int pool) => _pools[pool];

    public bool IsNumbered(int pool) => _numbered[pool];

    public int LegsOf(int pool, int from, int to) => _travels[pool] ? to - from : 1;

    /// <summary>Takes a plan in force.</summary>
    /// <param name="anew">Whether nothing was sold yet, so that all may be different.</param>
    public void Set(Plan plan, int[] poolOfTier, bool anew)
    {
        var before = _plan;
        _poolOfTier = poolOfTier;
        _plan = plan;
        if (anew) (_pools, _passengers) = ([], plan.Rules.Passengers ? new(plan.Legs) : null);

        var known = _pools.Length;
        Array.Resize(ref _pools, plan.Pools.Length);
        Array.Resize(ref _numbered, plan.Pools.Length);
        _travels = Array.ConvertAll(plan.Pools, pool => pool.Travel != Travel.None);
        for (var i = 0; i < _pools.Length; i++)
        {
            var pool = plan.Pools[i];
            if (i >= known) _pools[i] = Make(pool, plan.Legs);
            else TurnBlocks(i, before.Pools[i].Blocks, take: false);
            if (_pools[i] is LoadPool load) load.Capacity = pool.Capacity;
            TurnBlocks(i, pool.Blocks, take: true);
            Returned(i);
        }
    }

    /// <returns>What of a changed plan cannot be, for somebody has the places; null when it can.</returns>
    public string? Clash(Plan changed)
    {
        for (var i = 0; i < _pools.Length; i++)
        {
            if (_pools[i] is not { } places) continue;
            var (pool, before) = (changed.Pools[i], _plan.Pools[i].Blocks);
            TurnBlocks(i, before, take: false);
            var (done, capacity) = (0, 0);
            if (places is LoadPool load)
            {
                capacity = load.Capacity;
                load.Capacity = pool.Capacity;
            }

            var clash = places is LoadPool && places.FreeFor(0, places.Legs) < 0
                ? $"pools \"{pool.Id}\": more are taken on a leg than there would be." : null;
            for (; clash is null && done < (pool.Blocks?.Length ?? 0); done++)
            {
                var (seat, from, to) = pool.Blocks![done];
                if (_numbered[i] && seat < 0) clash = $"pools \"{pool.Id}\": its seats are numbered, and blocks[{done}] names none.";
                else if (!places.IsFree(seat, from, to)) clash = $"pools \"{pool.Id}\": blocks[{done}] is not free.";
                else places.Take(seat, from, to);
                if (clash is not null) break;
            }

            while (--done >= 0) places.Return(pool.Blocks![done].Seat, pool.Blocks[done].From, pool.Blocks[done].To);
            if (places is LoadPool again) again.Capacity = capacity;
            TurnBlocks(i, before, take: true);
            if (clash is not null) return clash;
        }

        return null;
    }

    /// <summary>Whether the stops are those of a journey, for all lines that travel.</summary>
    public Refusal CheckJourney(in Command command)
    {
        var travels = false;
        for (var i = 0; i < command.Lines.Count; i++)
            travels |= command.Lines[i].Tier < _poolOfTier.Length && _travels[_poolOfTier[command.Lines[i].Tier]];
        if (command.From == ushort.MaxValue || command.To == ushort.MaxValue) return Refusal.UnknownStop;
        if (!travels) return command.From == 0 && command.To == 0 ? Refusal.None : Refusal.BadJourney;
        return command.From < command.To && command.To <= _plan.Legs ? Refusal.None : Refusal.BadJourney;
    }

    /// <summary>Whether there is a passenger for each place if the plan wants them, and none of them is elsewhere on these legs.</summary>
    public Refusal CheckPassengers(in Command command, in PricedLines lines, ref int place)
    {
        if (_passengers is null) return command.Passengers is null ? Refusal.None : Refusal.BadPassengers;
        if (command.Passengers is not { } who || who.Length != lines.Places) return Refusal.BadPassengers;
        for (place = 0; place < who.Length; place++)
        {
            if (who[place] == 0 || who.AsSpan(0, place).Contains(who[place])) return Refusal.BadPassengers;
        }

        place = 0;
        for (var i = 0; i < lines.Count; i++)
        {
            var (from, to) = PassengerLegsOf(_poolOfTier[lines[i].Tier], command.From, command.To);
            for (var end = place + lines[i].Quantity; place < end; place++)
            {
                if (!_passengers.IsFree(who[place], from, to)) return Refusal.PassengerOverlap;
            }
        }

        return Refusal.None;
    }

    /// <summary>
    /// Finds places for the lines of an entry and writes their seats into it: those that are named, or the best. All or nothing.
    /// </summary>
    /// <param name="place">What of a limit would have been possible; or the place whose seat is refused.</param>
    public Refusal Choose(in Command command, ReadOnlySpan<Pool> pools, ref Entry entry, ref int place)
    {
        ref readonly var lines = ref entry.Lines;
        var total = lines.Places;
        entry.Seats.Clear();
        for (var i = 0; i < total; i++) entry.Seats.Add(PlacePool.NoSeat);
        if (command.Seats is not null && command.Seats.Length != total) return Refusal.SeatsMixed;
        if (_plan.Rules.OneTier && SeatedTiers(lines) > 1) return Refusal.SeatsMixed;

        Span<int> places = stackalloc int[PlanRules.PerOrderMax], seats = stackalloc int[PlanRules.PerOrderMax];
        var wheelchair = (int)command.Wheelchair;
        for (var i = 0; i < lines.Count; i++)
        {
            var pool = _poolOfTier[lines[i].Tier];
            var wanted = PlacesOf(pool, lines, i, places);
            if (wanted == 0) continue;

            var refusal = Refusal.None;
            var from = _pools[pool];
            if (from is null)
            {
                place = Math.Max(pools[pool].Free, 0);
                if (wanted > place) refusal = place == 0 ? Refusal.SoldOut : Refusal.NotEnough;
                else if (command.Seats is not null) refusal = Unnamed(command.Seats, places[..wanted], ref place);
            }
            else if (command.Seats is null)
            {
                var (first, end) = JourneyOf(pool, command.From, command.To);
                var own = from.SeatCount > 0 ? Math.Min(wheelchair, wanted) : 0;
                refusal = from.Find(new(wanted, first, end, own, command.Apart), seats, out place);
                wheelchair -= own;
            }
            else
            {
                for (var k = 0; k < wanted; k++) seats[k] = command.Seats[places[k]];
                refusal = CheckNamed(command, pool, from, seats[..wanted], ref place);
                if (refusal is not (Refusal.None or Refusal.SeatsMixed or Refusal.LeavesSingle)) place = places[place];
            }

            if (refusal != Refusal.None) return refusal;
            for (var k = 0; from is not null && k < wanted; k++) entry.Seats[places[k]] = seats[k];
        }

        // Who needs a place for a wheelchair is not given another one in silence.
        if (wheelchair == 0 || command.Seats is not null) return Refusal.None;
        place = 0;
        return Refusal.SoldOut;
    }

    /// <summary>Remembers the places of a new hold, or wish; takes nothing yet.</summary>
    public ref GivenRecord Add(in Entry entry)
    {
        var places = entry.Lines.Places;
        ref var record = ref _given.Add(entry, places);
        if (_passengers is not null)
        {
            for (var i = 0; i < places; i++) _given.AddPassenger(_passengers.NumberOf(entry.Passengers[i]));
        }

        return ref record;
    }

    /// <summary>Takes the places of some tickets of a hold, or gives them back.</summary>
    public void TurnSeats(int hold, in PricedLines lines, UInt128 tickets, bool take)
    {
        ref readonly var record = ref _given[hold];
        var place = 0;
        for (var i = 0; i < lines.Count; i++)
        {
            var pool = _poolOfTier[lines[i].Tier];
            var (from, to) = JourneyOf(pool, record.From, record.To);
            for (var end = place + lines[i].Quantity; place < end; place++)
            {
                if ((tickets >> place & 1) == 0 || _pools[pool] is not { } places) continue;
                if (take) places.Take(_given.SeatOf(record, place), from, to);
                else places.Return(_given.SeatOf(record, place), from, to);
            }
        }
    }

    public void TurnPassengers(int hold, in PricedLines lines, UInt128 tickets)
    {
        if (_passengers is null) return;
        ref readonly var record = ref _given[hold];
        var place = 0;
        for (var i = 0; i < lines.Count; i++)
        {
            var (from, to) = PassengerLegsOf(_poolOfTier[lines[i].Tier], record.From, record.To);
            for (var end = place + lines[i].Quantity; place < end; place++)
            {
                if ((tickets >> place & 1) != 0) _passengers.Turn(_given.PassengerOf(record, place), from, to);
            }
        }
    }

    /// <summary>Whether the places of a hold that ran out can be taken again: the same seats, or as many where there are none.</summary>
    public Refusal CheckAgain(int hold, in PricedLines lines, ReadOnlySpan<Pool> pools, ref int place)
    {
        ref readonly var record = ref _given[hold];
        Span<int> places = stackalloc int[PlanRules.PerOrderMax];
        for (var i = 0; i < lines.Count; i++)
        {
            var pool = _poolOfTier[lines[i].Tier];
            var wanted = PlacesOf(pool, lines, i, places);
            if (wanted == 0) continue;

            var (from, to) = JourneyOf(pool, record.From, record.To);
            if (_pools[pool] is not { SeatCount: > 0 } seats)
            {
                place = Math.Max(_pools[pool]?.FreeFor(from, to) ?? pools[pool].Free, 0);
                if (wanted > place) return place == 0 ? Refusal.SoldOut : Refusal.NotEnough;
                continue;
            }

            for (var k = 0; k < wanted; k++)
            {
                var seat = _given.SeatOf(record, places[k]);
                place = places[k];
                if (seat < 0 || !seats.IsFree(seat, from, to)) return Refusal.SeatTaken;
            }
        }

        place = 0;
        for (var i = 0; i < lines.Count; i++)
        {
            var (from, to) = PassengerLegsOf(_poolOfTier[lines[i].Tier], record.From, record.To);
            for (var end = place + lines[i].Quantity; place < end; place++)
            {
                if (_passengers is not null && !_passengers.IsFree(_passengers.IdOf(_given.PassengerOf(record, place)), from, to))
                    return Refusal.PassengerOverlap;
            }
        }

        return Refusal.None;
    }

    /// <summary>What of the tickets is blocked from now on, in place of being sold.</summary>
    public BlockPlan[] BlocksOf(int hold, int pool, in PricedLines lines, UInt128 tickets)
    {
        ref readonly var record = ref _given[hold];
        var blocks = new List<BlockPlan>();
        var (place, (from, to)) = (0, JourneyOf(pool, record.From, record.To));
        for (var i = 0; i < lines.Count; i++)
        {
            for (var end = place + lines[i].Quantity; place < end; place++)
            {
                if ((tickets >> place & 1) != 0 && _poolOfTier[lines[i].Tier] == pool)
                    blocks.Add(new(_given.SeatOf(record, place), from, to));
            }
        }

        return [.. blocks];
    }

    /// <summary>The blocks of a pool in the plan have changed to these; the new ones are taken.</summary>
    public void Block(Plan plan, int pool, BlockPlan[] added)
    {
        _plan = plan;
        TurnBlocks(pool, added, take: true);
    }

    /// <summary>The seats of a pool are known from now on, and it sells as one that gives them at once.</summary>
    public void Number(Plan plan, int pool)
    {
        _numbered[pool] = true;
        var places = new JourneyPool(plan.Pools[pool].Layout!, plan.Legs);
        _pools[pool] = places;
        Block(plan, pool, plan.Pools[pool].Blocks ?? []);
        Returned(pool);
    }

    /// <summary>Something may have come free in these pools: those who wait are to be looked at.</summary>
    public void Returned(in PricedLines lines)
    {
        for (var i = 0; i < lines.Count; i++) Returned(_poolOfTier[lines[i].Tier]);
    }

    public void Returned(int pool) => _returned |= 1UL << pool;

    public void ReturnedAnywhere() => _returned = ulong.MaxValue;

    /// <summary>The first to have come of all who wait and fit; -1, and nobody is to be looked at again, when nobody does.</summary>
    public int FirstThatFits(ReadOnlySpan<Pool> pools)
    {
        var best = -1;
        for (var returned = _returned; returned != 0; returned &= returned - 1)
        {
            var pool = BitOperations.TrailingZeroCount(returned);
            if (pool < pools.Length) best = _waitlist.FirstThatFits(pool, _pools[pool], pools[pool].Free, best);
        }

        if (best < 0) _returned = 0;
        return best;
    }

    /// <summary>The seats that a wish is offered, which it fits.</summary>
    public void Offer(int hold, in PricedLines lines, ref Seats seats)
    {
        seats.Clear();
        ref readonly var record = ref _given[hold];
        var pool = _poolOfTier[lines[0].Tier];
        Span<int> found = stackalloc int[PlanRules.PerOrderMax];
        found.Fill(PlacePool.NoSeat);
        var (from, to) = JourneyOf(pool, record.From, record.To);
        _pools[pool]?.Find(new(lines[0].Quantity, from, to), found, out _);
        for (var i = 0; i < lines[0].Quantity; i++) seats.Add(found[i]);
    }

    /// <summary>The largest party that a pool could ever seat.</summary>
    public int LargestParty(int pool) => _pools[pool] switch
    {
        SeatMap map => map.LongestBench,
        JourneyPool journey => journey.SeatCount,
        _ => _plan.Pools[pool].Capacity,
    };

    /// <summary>Which passengers the places of a hold are for; nothing when the plan does not ask.</summary>
    public void ReadPassengers(int hold, int places, ref Passengers passengers)
    {
        passengers.Clear();
        for (var i = 0; _passengers is not null && i < places; i++) passengers.Add(_passengers.IdOf(_given.PassengerOf(_given[hold], i)));
    }

    /// <summary>Mixes what is known of a hold into a hash of the sale.</summary>
    public ulong Digest(ulong digest, int hold, int places)
    {
        ref readonly var record = ref _given[hold];
        digest = Content.Of(
            digest, (ulong)record.OfferedSequence, (ulong)record.Credit,
                (ulong)record.From << 32 | (ulong)record.To << 16 | (record.Waited ? 1UL : 0),
            (ulong)record.Queue << 32 | (uint)record.QueueAt);
        for (var i = 0; i < places; i++)
            digest = Content.Of(digest, (ulong)_given.SeatOf(record, i),
                _passengers is null ? 0 : _passengers.IdOf(_given.PassengerOf(record, i)));
        return digest;
    }

    /// <summary>The legs of a hold's places in a pool: 0 to 1 where nothing travels.</summary>
    public (int From, int To) JourneyOf(int pool, int from, int to) => _travels[pool] ? (from, to) : (0, 1);

    // Who sits in a hall does so for the whole journey.
    private (int From, int To) PassengerLegsOf(int pool, int from, int to) => _travels[pool] ? (from, to) : (0, _plan.Legs);

    private static PlacePool? Make(PoolPlan pool, int legs) => pool.Travel switch
    {
        Travel.SeatNow => new JourneyPool(pool.Layout!, legs),
        Travel.SeatLater or Travel.Standing => new LoadPool(legs, pool.Capacity),
        _ => pool.Layout is { } layout ? new SeatMap(layout, pool.Focus ?? new(0, 0)) : null,
    };

    private void TurnBlocks(int pool, BlockPlan[]? blocks, bool take)
    {
        if (_pools[pool] is not { } places) return;
        foreach (var (seat, from, to) in blocks ?? [])
        {
            if (take) places.Take(seat, from, to);
            else places.Return(seat, from, to);
        }
    }

    private int SeatedTiers(in PricedLines lines)
    {
        var tiers = 0;
        for (var i = 0; i < lines.Count; i++) tiers += _plan.Pools[_poolOfTier[lines[i].Tier]].Rows is null ? 0 : 1;
        return tiers;
    }

    /// <summary>Which of the hold's places are of this pool; none when an earlier line is, whose turn it was.</summary>
    private int PlacesOf(int pool, in PricedLines lines, int first, Span<int> places)
    {
        var (wanted, place) = (0, 0);
        for (var i = 0; i < lines.Count; i++)
        {
            if (_poolOfTier[lines[i].Tier] == pool)
            {
                if (i < first) return 0;
                for (var k = 0; k < lines[i].Quantity; k++) places[wanted++] = place + k;
            }

            place += lines[i].Quantity;
        }

        return wanted;
    }

    private static Refusal Unnamed(int[] named, ReadOnlySpan<int> places, ref int place)
    {
        foreach (var at in places)
        {
            place = at;
            if (named[at] != PlacePool.NoSeat) return Refusal.UnknownSeat;
        }

        return Refusal.None;
    }

    private Refusal CheckNamed(in Command command, int pool, PlacePool from, ReadOnlySpan<int> seats, ref int place)
    {
        var (first, end) = JourneyOf(pool, command.From, command.To);
        if (from.SeatCount == 0)
        {
            place = seats.IndexOfAnyExcept(PlacePool.NoSeat);
            if (place >= 0) return seats[place] == -2 || _plan.Pools[pool].Rows is null ? Refusal.UnknownSeat : Refusal.SeatsLater;
            return from.Find(new(seats.Length, first, end), stackalloc int[PlanRules.PerOrderMax], out place);
        }

        if (seats.Contains(PlacePool.NoSeat)) return Refusal.SeatsMixed;
        for (place = 0; place < seats.Length; place++)
        {
            if (seats[place] < 0 || seats[place] >= from.SeatCount) return Refusal.UnknownSeat;
        }

        for (place = 0; place < seats.Length; place++)
        {
            if (command.Wheelchair == 0 && _plan.Pools[pool].Layout!.KindOf(seats[place]) != SeatKind.Ordinary) return Refusal.SeatReserved;
        }

        for (place = 0; place < seats.Length; place++)
        {
            if (!from.IsFree(seats[place], first, end) || seats[..place].Contains(seats[place])) return Refusal.SeatTaken;
        }

        return _plan.Pools[pool].NoSingles && from is SeatMap map && map.LeavesSingle(seats) ? Refusal.LeavesSingle : Refusal.None;
    }
}
