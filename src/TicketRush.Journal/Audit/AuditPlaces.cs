namespace TicketRush.Journal.Audit;

/// <summary>What a hold has beyond a number of places.</summary>
internal sealed class AuditGiven
{
    public int From, To;

    /// <summary>By ticket; -1 for a place without a seat.</summary>
    public int[] Seats = [];
    public ulong[] Passengers = [];
}

/// <summary>
/// Who owns which seat on which leg, who sits where, and who waits, recomputed from the entries alone. Owners are written down seat by
/// seat and leg by leg, and loads leg by leg: the plainest way there is.
/// </summary>
internal sealed class AuditPlaces(Action<string> report)
{
    private const int Blocked = -1;

    private readonly Dictionary<(ulong Passenger, int Leg), int> _passengers = [];
    private readonly Dictionary<(int Pool, int From, int To, int Places), SortedSet<long>> _waiting = [];
    private AuditPlan? _plan;

    // By pool: the hold that owns a seat on a leg, plus one; 0 for nobody.
    private int[][] _owners = [];
    private int[][] _load = [];
    private bool[] _numbered = [];

    // Pools in which something came free, or somebody began to wait, since it was last looked at who fits.
    private ulong _changed;

    public bool IsNumbered(int pool) => _numbered[pool];

    public void Set(AuditPlan plan, bool anew)
    {
        if (anew) (_owners, _load, _numbered, _plan) = ([], [], [], null);
        var known = _load.Length;
        Array.Resize(ref _owners, plan.Pools.Length);
        Array.Resize(ref _load, plan.Pools.Length);
        Array.Resize(ref _numbered, plan.Pools.Length);
        for (var pool = 0; pool < plan.Pools.Length; pool++)
        {
            var legs = plan.LegsOf(pool);
            if (pool >= known) (_owners[pool], _load[pool]) = (new int[(plan.Pools[pool].Seats?.Count ?? 0) * legs], new int[legs]);
            else Unblock(pool);
        }

        _plan = plan;
        _unnumbered.Clear();
        _changed = ulong.MaxValue;
        for (var pool = 0; pool < plan.Pools.Length; pool++)
        {
            foreach (var (seat, from, to) in plan.Pools[pool].Blocks ?? []) Own(pool, seat, from, to, Blocked, "blocked");
            CheckLoad(pool);
        }
    }

    public (int From, int To) JourneyOf(int pool, AuditGiven? given) =>
        _plan!.Pools[pool].Travels && given is not null ? (given.From, given.To) : (0, 1);

    public int LegsOf(int pool, AuditGiven? given) => JourneyOf(pool, given) is var (from, to) ? to - from : 1;

    /// <summary>Whether the entry's journey is one, for the lines that travel; without that nothing of it can be counted.</summary>
    public bool IsJourney(AuditGiven given, ReadOnlySpan<AuditLine> lines)
    {
        var travels = false;
        foreach (var line in lines) travels |= _plan!.Pools[_plan.Tiers[line.Tier].Pool].Travels;
        return travels ? given.From < given.To && given.To <= _plan!.Legs : given is { From: 0, To: 0 };
    }

    /// <summary>Whether each place has a seat where it must, and none where it must not; and the passengers that the plan wants.</summary>
    public void CheckForm(AuditGiven given, ReadOnlySpan<AuditLine> lines, bool waits)
    {
        var place = 0;
        foreach (var line in lines)
        {
            var pool = _plan!.Pools[_plan.Tiers[line.Tier].Pool];
            var seated = !waits && pool.Seats is not null && (pool.Travel != "SeatLater" || _numbered[_plan.Tiers[line.Tier].Pool]);
            for (var i = 0; i < line.Quantity; i++, place++)
            {
                var seat = place < given.Seats.Length ? given.Seats[place] : -1;
                if (seat >= (pool.Seats?.Count ?? 0)) report($"seat number {seat} is none of pool \"{pool.Id}\"");
                else if (seat >= 0 != seated)
                    report(seated
                        ? $"a place in pool \"{pool.Id}\" has no seat" : $"a place in pool \"{pool.Id}\" has a seat, and should have none");
            }
        }

        if (given.Seats.Length != place) report($"{given.Seats.Length} seats are named for {place} places");
        Array.Resize(ref given.Seats, place);
        if (given.Passengers.Length != (_plan!.Passengers ? place : 0))
            report($"{given.Passengers.Length} passengers are named for {place} places");
        if (_plan.Passengers && given.Passengers.Length != place) Array.Resize(ref given.Passengers, place);
    }

    /// <summary>An entry without seats has none for any place.</summary>
    public static AuditGiven Read(in AuditEntry entry, int places)
    {
        var given = new AuditGiven { From = entry.From, To = entry.To, Seats = entry.Seats, Passengers = entry.Passengers };
        if (given.Seats.Length > 0) return given;
        given.Seats = new int[places];
        Array.Fill(given.Seats, -1);
        return given;
    }

    public void OwnNumbered(int pool, int seat, AuditGiven given, int hold) => Own(pool, seat, given.From, given.To, hold + 1, "numbered");

    public void Take(int hold, AuditGiven given, ReadOnlySpan<AuditLine> lines, bool seatsOnly = false)
    {
        var place = 0;
        foreach (var line in lines)
        {
            var pool = _plan!.Tiers[line.Tier].Pool;
            var (from, to) = JourneyOf(pool, given);
            for (var i = 0; i < line.Quantity; i++, place++)
            {
                if (_plan.Pools[pool].HasPlaces) Own(pool, given.Seats[place], from, to, hold + 1, "given");
                if (!seatsOnly) Seat(hold, given, place, pool, from, to);
            }

            CheckLoad(pool);
        }
    }

    /// <summary>Passengers of a wish, which has no places yet.</summary>
    public void TakePassengers(int hold, AuditGiven given, ReadOnlySpan<AuditLine> lines)
    {
        var place = 0;
        foreach (var line in lines)
        {
            var pool = _plan!.Tiers[line.Tier].Pool;
            var (from, to) = JourneyOf(pool, given);
            for (var i = 0; i < line.Quantity; i++, place++) Seat(hold, given, place, pool, from, to);
        }
    }

    public void Return(int hold, AuditGiven given, ReadOnlySpan<AuditLine> lines, UInt128 tickets, bool places = true, bool block = false)
    {
        var place = 0;
        foreach (var line in lines)
        {
            var pool = _plan!.Tiers[line.Tier].Pool;
            var (from, to) = JourneyOf(pool, given);
            for (var i = 0; i < line.Quantity; i++, place++)
            {
                if (place < 128 && (tickets >> place & 1) == 0) continue;
                _changed |= 1UL << pool;
                if (places && _plan.Pools[pool].HasPlaces) Disown(pool, given.Seats[place], from, to, hold + 1);
                if (block && _plan.Pools[pool].HasPlaces) Own(pool, given.Seats[place], from, to, Blocked, "blocked");
                if (block && _plan.Pools[pool].HasPlaces && given.Seats[place] < 0) _unnumbered.Add((pool, from, to));
                for (var leg = from; given.Passengers.Length > 0 && leg < PassengerEnd(pool, to); leg++)
                {
                    if (_passengers.GetValueOrDefault((given.Passengers[place], leg)) == hold + 1)
                        _passengers.Remove((given.Passengers[place], leg));
                }
            }
        }
    }

    /// <summary>
    /// Why the places of a hold that ran out cannot be taken again; 0 when they can, by pool counts only where there are no places.
    /// </summary>
    public byte WhyNotAgain(AuditGiven given, ReadOnlySpan<AuditLine> lines, Func<int, long> free)
    {
        const byte SoldOut = 22, NotEnough = 23, SeatTaken = 51, PassengerOverlap = 61;
        for (var i = 0; i < lines.Length; i++)
        {
            var pool = _plan!.Tiers[lines[i].Tier].Pool;
            var (from, to) = JourneyOf(pool, given);
            var (wanted, place, taken) = (0, 0, false);
            foreach (var line in lines)
            {
                for (var k = 0; k < line.Quantity; k++, place++)
                {
                    if (_plan.Tiers[line.Tier].Pool != pool) continue;
                    wanted++;
                    taken |= given.Seats[place] < 0;
                    for (var leg = from; given.Seats[place] >= 0 && leg < to; leg++)
                        taken |= _owners[pool][given.Seats[place] * _load[pool].Length + leg] != 0;
                }
            }

            if (_plan.Pools[pool].Seats is not null && (_plan.Pools[pool].Travel != "SeatLater" || _numbered[pool]))
            {
                if (taken) return SeatTaken;
                continue;
            }

            var left = _plan.Pools[pool].HasPlaces
                ? _plan.Pools[pool].Capacity - _load[pool].AsSpan(from, to - from).ToArray().Max() : free(pool);
            if (wanted > left) return left > 0 ? NotEnough : SoldOut;
        }

        var at = 0;
        foreach (var line in lines)
        {
            var pool = _plan!.Tiers[line.Tier].Pool;
            var (from, to) = JourneyOf(pool, given);
            for (var k = 0; k < line.Quantity; k++, at++)
            {
                for (var leg = from; given.Passengers.Length > 0 && leg < PassengerEnd(pool, to); leg++)
                {
                    if (_passengers.ContainsKey((given.Passengers[at], leg))) return PassengerOverlap;
                }
            }
        }

        return 0;
    }

    public void Wait(int pool, AuditGiven given, int places, long placed)
    {
        var (from, to) = JourneyOf(pool, given);
        if (!_waiting.TryGetValue((pool, from, to, places), out var queue)) _waiting.Add((pool, from, to, places), queue = []);
        queue.Add(placed);
        _changed |= 1UL << pool;
    }

    public void WaitNoMore(int pool, AuditGiven given, int places, long placed)
    {
        var (from, to) = JourneyOf(pool, given);
        var key = (pool, from, to, places);
        if (!_waiting.TryGetValue(key, out var queue)) return;
        queue.Remove(placed);
        if (queue.Count == 0) _waiting.Remove(key);
    }

    /// <summary>The sale goes on: whatever is free is to be offered first.</summary>
    public void LookAgain() => _changed = ulong.MaxValue;

    /// <summary>
    /// Nobody waits who fits what is free: it is to be asked whenever anything is decided but an offer. In a hall it is seats side by side
    /// on one bench that are looked for; that the engine also offers two rows is for its own tests.
    /// </summary>
    /// <param name="free">How many places of a pool are free, where they are only counted.</param>
    public void CheckNobodyFits(Func<int, long> free)
    {
        if (_changed == 0 || _waiting.Count == 0) return;
        foreach (var ((pool, from, to, places), queue) in _waiting)
        {
            if ((_changed >> pool & 1) == 0 || !Fits(pool, from, to, places, free)) continue;
            report($"the wish of sequence {queue.Min} fits what is free in pool \"{_plan!.Pools[pool].Id}\", and was not offered it");
            break;
        }

        _changed = 0;
    }

    private bool Fits(int pool, int from, int to, int places, Func<int, long> free)
    {
        var plan = _plan!.Pools[pool];
        if (!plan.HasPlaces) return free(pool) >= places;

        // A leg on which too few are free rules it out, whatever the seats.
        for (var leg = from; leg < to; leg++)
        {
            if (plan.Capacity - _load[pool][leg] < places) return false;
        }

        if (plan.Seats is not { } seats || (plan.Travel == "SeatLater" && !_numbered[pool])) return true;
        var (all, stretch) = (0, 0);
        for (var seat = 0; seat < seats.Count; seat++)
        {
            var owners = _owners[pool].AsSpan(seat * _load[pool].Length, _load[pool].Length)[from..to];
            if (!seats.IsOrdinary(seat) || owners.ContainsAnyExcept(0)) stretch = 0;
            else (all, stretch) = (all + 1, stretch > 0 && seats.AreBeside(seat - 1, seat) ? stretch + 1 : 1);
            if (plan.Travels ? all == places : stretch == places) return true;
        }

        return false;
    }

    /// <summary>Nobody is given places past somebody who waits and whom they would fit: no more of them, for no longer a journey.</summary>
    /// <param name="before">Only those that came before this sequence.</param>
    public void CheckNobodyWaits(AuditGiven given, ReadOnlySpan<AuditLine> lines, long before)
    {
        if (_waiting.Count == 0) return;
        for (var i = 0; i < lines.Length; i++)
        {
            var pool = _plan!.Tiers[lines[i].Tier].Pool;
            var (from, to) = JourneyOf(pool, given);
            var (together, stretch, last, place) = (0, 0, -2, 0);
            foreach (var line in lines)
            {
                for (var k = 0; k < line.Quantity; k++, place++)
                {
                    if (_plan.Tiers[line.Tier].Pool != pool) continue;

                    // In a hall a wish is for seats side by side, so only such a stretch would surely have done.
                    var seat = given.Seats.Length > place ? given.Seats[place] : -1;

                    // Nobody waits for a place that is given only to who asks for it.
                    if (seat >= 0 && _plan.Pools[pool].Seats is { } known && (seat >= known.Count || !known.IsOrdinary(seat)))
                    {
                        if (!_plan.Pools[pool].Travels) (stretch, last) = (0, -2);
                        continue;
                    }

                    var beside = _plan.Pools[pool].Travels || _plan.Pools[pool].Seats is not { } seats
                        || (last >= 0 && seat >= 0 && seats.AreBeside(last, seat));
                    stretch = beside ? stretch + 1 : 1;
                    together = Math.Max(together, stretch);
                    last = seat;
                }
            }

            foreach (var ((other, first, end, places), queue) in _waiting)
            {
                if (other != pool || places > together || first < from || end > to || queue.Min >= before) continue;
                report($"places in pool \"{_plan.Pools[pool].Id}\" were given past the wish of sequence {queue.Min}, which fits them");
                return;
            }
        }
    }

    /// <summary>From now on the places of a pool have seats; who has which is told next.</summary>
    public void Number(int pool)
    {
        _numbered[pool] = true;
        _changed |= 1UL << pool;
        Array.Clear(_load[pool]);
        Array.Clear(_owners[pool]);
        foreach (var key in _seatless.Keys.Where(key => key.Pool == pool).ToArray()) _seatless.Remove(key);
    }

    /// <summary>Places that refunds blocked since the plan was last stated, which then had no number: each is to get one now.</summary>
    public (int From, int To)[] TakeUnnumbered(int pool)
    {
        var blocks = _unnumbered.Where(block => block.Pool == pool).Select(block => (block.From, block.To)).ToArray();
        _unnumbered.RemoveAll(block => block.Pool == pool);
        return blocks;
    }

    public void Block(int pool, int seat, int from, int to) => Own(pool, seat, from, to, Blocked, "blocked");

    private void Own(int pool, int seat, int from, int to, int owner, string what)
    {
        for (var leg = from; leg < to; leg++)
        {
            _load[pool][leg]++;
            if (seat < 0 && owner == Blocked) _seatless[(pool, leg)] = _seatless.GetValueOrDefault((pool, leg)) + 1;
            if (seat < 0 || seat * _load[pool].Length + leg >= _owners[pool].Length) continue;
            ref var present = ref _owners[pool][seat * _load[pool].Length + leg];
            if (present != 0)
                report($"seat {_plan!.Pools[pool].Seats!.NameOf(seat)} of pool \"{_plan.Pools[pool].Id}\" was {what} on leg {leg + 1}, and {(present == Blocked ? "is blocked" : "has an owner")}");
            else present = owner;
        }
    }

    public string? NameOf(int pool, int seat) =>
        seat < 0 || _plan!.Pools[pool].Seats is not { } seats || seat >= seats.Count ? null : seats.NameOf(seat);

    private void Seat(int hold, AuditGiven given, int place, int pool, int from, int to)
    {
        for (var leg = from; given.Passengers.Length > 0 && leg < PassengerEnd(pool, to); leg++)
        {
            if (!_passengers.TryAdd((given.Passengers[place], leg), hold + 1)) report($"a passenger has two places on leg {leg + 1}");
        }
    }

    // Who sits in a hall does so for the whole journey.
    private int PassengerEnd(int pool, int to) => _plan!.Pools[pool].Travels ? to : _plan.Legs;

    private void Disown(int pool, int seat, int from, int to, int owner)
    {
        for (var leg = from; leg < to; leg++)
        {
            _load[pool][leg]--;
            if (seat < 0 || seat * _load[pool].Length + leg >= _owners[pool].Length) continue;
            ref var present = ref _owners[pool][seat * _load[pool].Length + leg];
            if (present == owner) present = 0;
        }
    }

    private void Unblock(int pool)
    {
        // Also those that refunds blocked since: the new plan names them, or sets them free.
        var legs = _load[pool].Length;
        for (var at = 0; at < _owners[pool].Length; at++)
        {
            if (_owners[pool][at] != Blocked) continue;
            _owners[pool][at] = 0;
            _load[pool][at % legs]--;
        }

        foreach (var (leg, count) in _seatless.Where(block => block.Key.Pool == pool).Select(block => (block.Key.Leg, block.Value))
            .ToArray())
        {
            _load[pool][leg] -= count;
            _seatless.Remove((pool, leg));
        }
    }

    private readonly List<(int Pool, int From, int To)> _unnumbered = [];

    // Blocked places without a seat, by leg.
    private readonly Dictionary<(int Pool, int Leg), int> _seatless = [];

    private void CheckLoad(int pool)
    {
        if (!_plan!.Pools[pool].HasPlaces) return;
        for (var leg = 0; leg < _load[pool].Length; leg++)
        {
            if (_load[pool][leg] > _plan.Pools[pool].Capacity)
                report($"pool \"{_plan.Pools[pool].Id}\" is oversold on leg {leg + 1}: {_load[pool][leg]} of {_plan.Pools[pool].Capacity} places");
        }
    }
}
