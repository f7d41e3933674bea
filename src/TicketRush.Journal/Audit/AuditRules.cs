using System.Runtime.InteropServices;

namespace TicketRush.Journal.Audit;

/// <summary>
/// The rules of a sale, from the outside: given nothing but the entries, what may stand in a journal and what may not. It
/// decides nothing; it asks of each entry whether the sale, as all entries before it left it, could have said that.
/// <para>
/// After a breach it takes the entry as the fact it claims to be, so that one breach is reported once and not by every entry
/// behind it.
/// </para>
/// </summary>
internal sealed class AuditRules(Action<long, string> report)
{
    private enum State : byte
    {
        Held = 1,
        Paid,
        Released,
        Expired,
        Waiting,
    }

    private struct Hold
    {
        public UInt128 Reference, Refunded;
        public long Placed, End, EndTimeMs, UntilMs;
        public int Buyer, FirstLine;
        public uint FirstTicket;
        public byte LineCount, Extensions;
        public ushort Places;
        public State State;
        public bool Late;
        public ushort PaidBy;

        // Null in a sale of counted places.
        public AuditGiven? Given;
    }

    private readonly record struct Refund(int Hold, long Sequence, long TimeMs, UInt128 Tickets, long Amount, bool Resell, string Reason,
        ushort By);

    private readonly Dictionary<UInt128, int> _numbers = [];
    private readonly Dictionary<UInt128, int> _buyerNumbers = [];
    private readonly HashSet<UInt128> _keys = [];
    private readonly HashSet<(int, UInt128)> _refusedPayments = [];
    private readonly List<Hold> _holds = [];
    private readonly List<AuditLine> _lines = [];
    private readonly List<long> _buyerPlaces = [];
    private readonly List<int> _orders = [];
    private readonly List<Refund> _refunds = [];

    private readonly List<string> _keyNames = [];

    private AuditPlaces _places = null!;
    private AuditPlan? _plan;
    private string _state = "";
    private long[] _held = [], _sold = [], _refunded = [];
    private long[] _poolHeld = [], _poolSold = [], _poolBlocked = [];
    private ulong _nextTicket = 1;
    private long _sequence, _timeMs;

    public AuditPlan? Plan => _plan;

    public string SaleState => _state;

    public long Orders => _orders.Count;

    public long Tickets => (long)_nextTicket - 1;

    public long RefundedTickets { get; private set; }

    public long RefundedAmount { get; private set; }

    public long OwedPayments { get; private set; }

    public long OwedAmount { get; private set; }

    public AuditedPool[] Pools() => _plan is null
        ? []
        : [.. _plan.Pools.Select((pool, i) => new AuditedPool(pool.Id, pool.Capacity * _plan.LegsOf(i), _poolBlocked[i], _poolHeld[i],
            _poolSold[i]))];

    public AuditedTier[] Tiers() => _plan is null
        ? []
        : [.. _plan.Tiers.Select((tier, i) => new AuditedTier(tier.Id, tier.Name, tier.PoolId, tier.Price, _held[i], _sold[i],
            _refunded[i]))];

    public IEnumerable<AuditedOrder> ListOrders()
    {
        var refunds = _refunds.ToLookup(refund => refund.Hold);
        foreach (var number in _orders)
        {
            var hold = _holds[number];
            yield return new(
                hold.End, hold.EndTimeMs, hold.Placed, hold.FirstTicket, Describe(hold), hold.Late, NameOfKey(hold.PaidBy),
                [.. refunds[number].Select(r => new AuditedRefund(r.Sequence, r.TimeMs, NumbersOf(hold.FirstTicket, r.Tickets), r.Amount,
                    r.Resell, r.Reason, NameOfKey(r.By)))])
            {
                Seats = SeatsOf(hold),
                From = StopOf(hold, isFrom: true),
                To = StopOf(hold, isFrom: false),
            };
        }
    }

    public void Apply(in AuditEntry entry, long sequence, long timeMs)
    {
        (_sequence, _timeMs) = (sequence, timeMs);
        if (entry.Kind == AuditKind.KeyNamed)
        {
            KeyNamed(entry);
            return;
        }

        if (entry.By > _keyNames.Count) Report($"key number {entry.By} has no name yet");
        if (entry.By != 0 && entry.Kind is (AuditKind.Expired or AuditKind.Offered))
            Report($"{entry.Kind} comes of itself, and a key is said to have done it");
        _places ??= new(Report);
        if (_plan is null && entry.Kind != AuditKind.Planned)
        {
            Report($"{entry.Kind} stands before any plan");
            return;
        }

        // What ends by itself ends before offers are made, and so do numbers come; everything else is decided when there is none left to
        // make.
        if (_state == "Open" && !(timeMs < _plan?.OpensAtMs) && !(timeMs >= _plan?.ClosesAtMs)
            && entry.Kind is not (AuditKind.Offered or AuditKind.Expired or AuditKind.Numbered))
            _places.CheckNobodyFits(FreeOf);

        switch (entry.Kind)
        {
            case AuditKind.Planned: Planned(entry); break;
            case AuditKind.Opened: Opened(entry); break;
            case AuditKind.Paused: Became(entry, "Paused", "Open"); break;
            case AuditKind.Closed: Became(entry, "Closed", "Open", "Paused"); break;
            case AuditKind.Held or AuditKind.Purchased or AuditKind.HeldPlaces or AuditKind.PurchasedPlaces or AuditKind.Waited: Placed(
                entry); break;
            case AuditKind.Exchanged: Exchanged(entry); break;
            case AuditKind.Left: Left(entry); break;
            case AuditKind.Offered: Offered(entry); break;
            case AuditKind.Numbered: Numbered(entry); break;
            case AuditKind.Extended: Extended(entry); break;
            case AuditKind.Paid: Paid(entry); break;
            case AuditKind.Released or AuditKind.Expired: Ended(entry); break;
            case AuditKind.Refunded: Refunded(entry); break;
            default: PaymentRefused(entry); break;
        }
    }

    /// <summary>The counts were kept entry by entry; counted anew from what every hold became, they must be the same.</summary>
    public void Recount()
    {
        if (_plan is null) return;
        var (held, sold) = (new long[_plan.Pools.Length], new long[_plan.Pools.Length]);
        var places = new long[_buyerPlaces.Count];
        foreach (ref readonly var hold in CollectionsMarshal.AsSpan(_holds))
        {
            if (hold.State == State.Waiting) places[hold.Buyer] += hold.Places;
            if (hold.State is not (State.Held or State.Paid)) continue;
            var at = 0;
            for (var i = 0; i < hold.LineCount; i++)
            {
                var line = _lines[hold.FirstLine + i];
                if (line.Tier >= _plan.Tiers.Length) continue;
                var left = line.Quantity - PlacesIn(hold.Refunded, at, line.Quantity);
                at += line.Quantity;
                (hold.State == State.Held ? held : sold)[_plan.Tiers[line.Tier].Pool] += left * _places.LegsOf(_plan.Tiers[line.Tier].Pool,
                    hold.Given);
                places[hold.Buyer] += left;
            }
        }

        for (var i = 0; i < held.Length; i++)
        {
            if ((held[i], sold[i]) != (_poolHeld[i], _poolSold[i]))
                Report($"pool \"{_plan.Pools[i].Id}\": the holds say {held[i]} held and {sold[i]} sold, the entries {_poolHeld[i]} and {_poolSold[i]}");
        }

        if (!places.AsSpan().SequenceEqual(CollectionsMarshal.AsSpan(_buyerPlaces)))
            Report("the places of the buyers do not add up to the holds and tickets");
    }

    /// <summary>What may be shown of an entry, once it was applied.</summary>
    public AuditedEntry Show(in AuditEntry entry, long sequence, long timeMs)
    {
        var known = _numbers.TryGetValue(entry.Hold, out var number)
            && entry.Kind is not (
                AuditKind.KeyNamed or AuditKind.Planned or AuditKind.Opened or AuditKind.Paused or AuditKind.Closed or AuditKind.Numbered);
        var hold = known ? _holds[number] : default;
        return new()
        {
            Sequence = sequence,
            TimeMs = timeMs,
            Kind = entry.Kind.ToString(),
            By = NameOfKey(entry.By),
            Placed = hold.Placed,
            Lines = known ? Describe(hold) : [],
            UntilMs = entry.Kind is AuditKind.Held or AuditKind.Extended or AuditKind.HeldPlaces or AuditKind.Offered
                || (entry.Kind == AuditKind.Exchanged && entry.UntilMs != 0) ? entry.UntilMs : null,
            FirstTicket = entry.Kind is AuditKind.Paid or AuditKind.Purchased or AuditKind.PurchasedPlaces
                || (entry.Kind == AuditKind.Exchanged && entry.FirstTicket != 0) ? entry.FirstTicket : null,
            Late = entry.Late,
            Tickets = entry.Kind == AuditKind.Refunded ? NumbersOf(entry.FirstTicket, entry.Tickets) : [],
            Seats = known && hold.State != State.Waiting ? SeatsOf(hold) : [],
            From = known ? StopOf(hold, isFrom: true) : null,
            To = known ? StopOf(hold, isFrom: false) : null,
            Of = entry.Kind == AuditKind.Exchanged && _numbers.TryGetValue(entry.Of, out var of) ? _holds[of].Placed : 0,
            Credit = entry.Kind == AuditKind.Exchanged ? entry.Amount : null,
            Pool = entry.Kind == AuditKind.Numbered && entry.Pool < _plan?.Pools.Length ? _plan.Pools[entry.Pool].Id : null,
            Amount = entry.Kind switch
            {
                AuditKind.Refunded or AuditKind.PaymentRefused => entry.Amount,
                _ when known => AmountOf(hold, UInt128.MaxValue),
                _ => null,
            },
            Resell = entry.Kind == AuditKind.Refunded ? entry.Resell : null,
            Reason = entry.Kind == AuditKind.Refunded ? System.Text.Encoding.UTF8.GetString(entry.Text) : null,
            Refusal = entry.Kind == AuditKind.PaymentRefused ? NameOf(entry.Refusal) : null,
        };
    }

    private void KeyNamed(in AuditEntry entry)
    {
        var name = System.Text.Encoding.UTF8.GetString(entry.Text);
        if (entry.By != _keyNames.Count + 1) Report($"key \"{name}\" has number {entry.By}, and the next is {_keyNames.Count + 1}");
        if (_keyNames.Contains(name)) Report($"key \"{name}\" has a number already");
        if (name.Length is 0 or > 63 || name[0] == '-' || !name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'))
            Report("the name of a key is none");
        _keyNames.Add(name);
    }

    private string? NameOfKey(ushort by) => by == 0 ? null : by <= _keyNames.Count ? _keyNames[by - 1] : $"key {by}";

    private void Planned(in AuditEntry entry)
    {
        var plan = AuditPlan.Read(entry.Text, out var what);
        if (plan is null)
        {
            Report($"the plan cannot be read: {what}");
            return;
        }

        if (plan.Broken() is { } broken)
        {
            // A plan that is none (a tier without a pool) cannot be counted by; the one before it stays.
            Report($"the plan is none: {broken}");
            return;
        }

        if (_state is "" or "Draft")
        {
            if (_plan is not null && _numbers.Count > 0) Report("holds were placed before the sale was opened");
            _state = "Draft";
        }
        else if (_plan!.MayNotBecome(plan) is { } frozen)
        {
            Report(frozen);
            if (plan.Pools.Length < _plan.Pools.Length || plan.Tiers.Length < _plan.Tiers.Length) return;
        }

        _places.Set(plan, anew: _state == "Draft");
        _plan = plan;
        Array.Resize(ref _held, plan.Tiers.Length);
        Array.Resize(ref _sold, plan.Tiers.Length);
        Array.Resize(ref _refunded, plan.Tiers.Length);
        Array.Resize(ref _poolHeld, plan.Pools.Length);
        Array.Resize(ref _poolSold, plan.Pools.Length);
        _poolBlocked = [.. plan.Pools.Select(pool => pool.Blocked)];
        for (var pool = 0; pool < plan.Pools.Length; pool++) CheckPool(pool);
    }

    private void Opened(in AuditEntry entry)
    {
        if (_timeMs >= _plan!.ClosesAtMs) Report("the sale was opened after its closing time");
        Became(entry, "Open", "Draft", "Paused", "Closed");
        _places.LookAgain();
    }

    private long FreeOf(int pool) => _plan!.Pools[pool].Capacity - _poolBlocked[pool] - _poolHeld[pool] - _poolSold[pool];

    private void Became(in AuditEntry entry, string state, params ReadOnlySpan<string> from)
    {
        if (!from.Contains(_state)) Report($"a sale that is {_state.ToLowerInvariant()} became {state.ToLowerInvariant()}");
        UseKey(entry.Key);
        _state = state;
    }

    private void Placed(in AuditEntry entry)
    {
        var paid = entry.Kind is AuditKind.Purchased or AuditKind.PurchasedPlaces;
        CheckSelling(paid ? "sold" : "held");
        if (TryPlace(entry, entry.Kind is AuditKind.Held or AuditKind.HeldPlaces ? State.Held : paid ? State.Paid : State.Waiting) && !paid
            && entry.Kind != AuditKind.Waited)
            CheckUntil(entry.UntilMs);
    }

    private void CheckUntil(long until)
    {
        var expected = (_timeMs + 999) / 1000 * 1000 + _plan!.HoldSeconds * 1000;
        if (until != expected) Report($"the hold lasts until {until}, and {expected} is {_plan.HoldSeconds} s from its time on");
    }

    private void CheckSelling(string done)
    {
        var plan = _plan!;
        if (_state != "Open") Report($"places were {done} while the sale was {_state.ToLowerInvariant()}");
        else if (_timeMs < plan.OpensAtMs) Report("places were given out before opensAt");
        else if (_timeMs >= plan.ClosesAtMs) Report("places were given out at or after closesAt");
    }

    /// <summary>Places of a new hold, order or wish. False when it could not be counted, and was reported.</summary>
    private bool TryPlace(in AuditEntry entry, State state)
    {
        var plan = _plan!;
        if (_numbers.ContainsKey(entry.Hold))
        {
            // Which of the two is meant later nobody can say; the first stays.
            Report($"the id of the hold was used before, at sequence {_holds[_numbers[entry.Hold]].Placed}");
            return false;
        }

        for (var i = 0; i < entry.LineCount; i++)
        {
            var line = entry.Lines[i];
            if (line.Tier >= plan.Tiers.Length)
            {
                Report($"tier number {line.Tier} is none of the plan's {plan.Tiers.Length}");
                return false;
            }

            if (i > 0 && line.Tier <= entry.Lines[i - 1].Tier) Report("its lines are not in the order of the plan's tiers, each tier once");
            if (line.Quantity == 0) Report("a line is for no places");
        }

        // Without a journey nothing can be counted.
        var given = Given(entry);
        var lines = LinesOf(entry);
        if (given is not null && !_places.IsJourney(given, lines))
        {
            Report($"legs {given.From} to {given.To} are no journey of it");
            return false;
        }

        foreach (var line in lines)
        {
            var price = PriceOf(line.Tier, given);
            if (line.Price != price)
                Report($"tier \"{plan.Tiers[line.Tier].Id}\" went for {line.Price}, and its price is {price}");
        }

        var places = entry.Places;
        if (places > plan.PerOrder) Report($"{places} places in one order, and the plan allows {plan.PerOrder}");
        ref var buyer = ref CollectionsMarshal.GetValueRefOrAddDefault(_buyerNumbers, entry.Buyer, out var known);
        if (!known)
        {
            buyer = _buyerPlaces.Count;
            _buyerPlaces.Add(0);
        }

        var hold = new Hold
        {
            Placed = _sequence,
            Buyer = buyer,
            FirstLine = _lines.Count,
            LineCount = (byte)entry.LineCount,
            Places = (ushort)places,
            State = state == State.Waiting ? State.Waiting : State.Held,
            UntilMs = entry.UntilMs,
            Given = given,
        };
        for (var i = 0; i < entry.LineCount; i++) _lines.Add(entry.Lines[i]);

        if (given is not null) _places.CheckForm(given, lines, waits: state == State.Waiting);
        if (given is not null && entry.Kind != AuditKind.Exchanged && state != State.Waiting)
            _places.CheckNobodyWaits(given, lines, long.MaxValue);
        if (state == State.Waiting)
        {
            if (!plan.Waitlist) Report("a wish joined the waitlist of a sale that has none");
            if (entry.LineCount != 1) Report($"a wish has {entry.LineCount} lines");
            _buyerPlaces[buyer] += places;
            CheckBuyer(buyer);
            _places.TakePassengers(_holds.Count, given!, lines);
            _places.Wait(plan.Tiers[lines[0].Tier].Pool, given!, places, _sequence);
        }
        else
        {
            var paid = state == State.Paid;
            Take(hold, _holds.Count, paid ? _sold : _held, paid ? _poolSold : _poolHeld);
            if (paid) Sell(ref hold, _holds.Count, entry);
        }

        _numbers.Add(entry.Hold, _holds.Count);
        _holds.Add(hold);
        return true;
    }

    // Only in a sale that has places beyond a number, whose entries then say so.
    private AuditGiven? Given(in AuditEntry entry)
    {
        var expected = _plan!.Passengers || _plan.Waitlist || _plan.Stops is not null || _plan.Pools.Any(pool => pool.HasPlaces);
        if (expected == entry.Kind is AuditKind.Held or AuditKind.Purchased)
            Report($"an entry {entry.Kind} stands in a sale {(expected ? "with" : "without")} seats, journeys, passengers or a waitlist");
        return expected ? AuditPlaces.Read(entry, entry.Places) : null;
    }

    private long PriceOf(int tier, AuditGiven? given)
    {
        var plan = _plan!.Tiers[tier];
        return given is null || !_plan.Pools[plan.Pool].Travels ? plan.Price : plan.PriceOf(given.From, given.To);
    }

    private static AuditLine[] LinesOf(in AuditEntry entry)
    {
        var lines = new AuditLine[entry.LineCount];
        for (var i = 0; i < lines.Length; i++) lines[i] = entry.Lines[i];
        return lines;
    }

    private ReadOnlySpan<AuditLine> LinesOf(in Hold hold) => CollectionsMarshal.AsSpan(_lines).Slice(hold.FirstLine, hold.LineCount);

    private void Exchanged(in AuditEntry entry)
    {
        CheckSelling("exchanged");
        if (!_numbers.TryGetValue(entry.Of, out var number))
        {
            Report("a hold that was never placed was exchanged");
            return;
        }

        ref var old = ref CollectionsMarshal.AsSpan(_holds)[number];
        var paid = entry.FirstTicket != 0;
        if (old.State != (paid ? State.Paid : State.Held))
        {
            Report($"a hold that was {Word(old.State)} was exchanged for {(paid ? "an order" : "a hold")}");
            return;
        }

        var all = (UInt128.One << old.Places) - 1;
        if (entry.Tickets == 0 || (entry.Tickets & ~all) != 0 || (entry.Tickets & old.Refunded) != 0)
            Report("tickets were exchanged that the order does not have");
        if (!paid && entry.Tickets != all) Report("a part of a hold was exchanged");
        if (!paid && entry.UntilMs != old.UntilMs) Report($"a hold until {old.UntilMs} was exchanged for one until {entry.UntilMs}");
        if (!paid && _timeMs >= old.UntilMs) Report("a hold was exchanged after it had run out");
        var tickets = entry.Tickets & all & ~old.Refunded;
        var amount = AmountOf(old, tickets);
        if (entry.Amount != amount) Report($"{entry.Amount} was given back for places of {amount}");
        if (_buyerNumbers.GetValueOrDefault(entry.Buyer, -1) != old.Buyer) Report("an exchange changed the buyer");

        Return(old, number, paid ? _sold : _held, paid ? _poolSold : _poolHeld, tickets);
        if (paid)
        {
            CountRefunded(old, tickets, resell: true);
            old.Refunded |= tickets;
            RefundedTickets += (long)UInt128.PopCount(tickets);
            RefundedAmount += entry.Amount;
            _refunds.Add(new(number, _sequence, _timeMs, tickets, entry.Amount, true, "exchanged", entry.By));
        }
        else
        {
            (old.State, old.End, old.EndTimeMs) = (State.Released, _sequence, _timeMs);
        }

        var extensions = old.Extensions;
        if (TryPlace(entry, paid ? State.Paid : State.Held) && !paid) CollectionsMarshal.AsSpan(_holds)[^1].Extensions = extensions;
    }

    private void Left(in AuditEntry entry)
    {
        ref var hold = ref Find(entry, out var number);
        if (hold.Placed == 0) return;
        if (hold.State != State.Waiting)
        {
            Report($"a hold that was {Word(hold.State)} left the waitlist");
            return;
        }

        LeaveList(ref hold);
        _buyerPlaces[hold.Buyer] -= hold.Places;
        _places.Return(number, hold.Given!, LinesOf(hold), UInt128.MaxValue, places: false);
        (hold.State, hold.End, hold.EndTimeMs) = (State.Released, _sequence, _timeMs);
    }

    private void LeaveList(ref Hold hold) =>
        _places.WaitNoMore(_plan!.Tiers[LinesOf(hold)[0].Tier].Pool, hold.Given!, hold.Places, hold.Placed);

    private void Offered(in AuditEntry entry)
    {
        CheckSelling("offered");
        ref var hold = ref Find(entry, out var number);
        if (hold.Placed == 0) return;
        if (hold.State != State.Waiting)
        {
            Report($"a hold that was {Word(hold.State)} was offered places");
            return;
        }

        CheckUntil(entry.UntilMs);
        LeaveList(ref hold);
        var lines = LinesOf(hold).ToArray();
        hold.Given!.Seats = AuditPlaces.Read(entry, hold.Places).Seats;
        _places.CheckForm(hold.Given, lines, waits: false);
        _places.CheckNobodyWaits(hold.Given, lines, hold.Placed);
        (hold.State, hold.UntilMs) = (State.Held, entry.UntilMs);
        foreach (var line in lines)
        {
            var pool = _plan!.Tiers[line.Tier].Pool;
            _held[line.Tier] += line.Quantity;
            _poolHeld[pool] += line.Quantity * _places.LegsOf(pool, hold.Given);
        }

        _places.Take(number, hold.Given, lines, seatsOnly: true);
        CheckPools(hold);
    }

    private void Numbered(in AuditEntry entry)
    {
        UseKey(entry.Key);
        var pool = (int)entry.Pool;
        if (_state is "" or "Draft") Report("seats were numbered in a draft");
        if (pool >= _plan!.Pools.Length || _plan.Pools[pool].Travel != "SeatLater" || _places.IsNumbered(pool))
        {
            Report("seats were numbered of a pool that has numbers already, or never will");
            return;
        }

        if (entry.Key == 0 && !(_timeMs >= _plan.Pools[pool].NumbersAtMs) && _plan.Pools[pool].NumbersAtMs is not null)
            Report("seats were numbered before the plan's time");
        _places.Number(pool);
        var next = 0;
        for (var number = 0; number < _holds.Count; number++)
        {
            var hold = _holds[number];
            if (hold.State is not (State.Held or State.Paid)) continue;
            var place = 0;
            foreach (var line in LinesOf(hold))
            {
                for (var i = 0; i < line.Quantity; i++, place++)
                {
                    if (_plan.Tiers[line.Tier].Pool != pool || (hold.Refunded >> place & 1) != 0) continue;
                    var seat = next < entry.Seats.Length ? entry.Seats[next] : -1;
                    next++;
                    if (seat < 0 || seat >= _plan.Pools[pool].Capacity)
                    {
                        if (next <= entry.Seats.Length) Report($"seat number {seat} is none of pool \"{_plan.Pools[pool].Id}\"");
                        seat = -1;
                    }

                    hold.Given!.Seats[place] = seat;
                    _places.OwnNumbered(pool, seat, hold.Given, number);
                }
            }
        }

        var blocks = _plan.Pools[pool].Blocks ?? [];
        for (var i = 0; i < blocks.Length; i++)
        {
            if (blocks[i].Seat < 0) blocks[i].Seat = next < entry.Seats.Length ? entry.Seats[next++] : -1;
            _places.Block(pool, blocks[i].Seat, blocks[i].From, blocks[i].To);
        }

        foreach (var (from, to) in _places.TakeUnnumbered(pool))
        {
            _places.Block(pool, next < entry.Seats.Length ? entry.Seats[next] : -1, from, to);
            next++;
        }

        if (next != entry.Seats.Length) Report($"{entry.Seats.Length} numbers were given to {next} places");
    }

    private void Extended(in AuditEntry entry)
    {
        ref var hold = ref Find(entry, out _);
        UseKey(entry.Key);
        if (hold.Placed == 0) return;

        if (hold.State != State.Held) Report($"a hold that was {Word(hold.State)} was extended");
        else if (_timeMs >= hold.UntilMs) Report("a hold was extended after it had run out");
        if (hold.Extensions >= _plan!.Extensions) Report($"a hold was extended more often than {_plan.Extensions} times");
        if (entry.UntilMs != hold.UntilMs + _plan.HoldSeconds * 1000)
            Report($"a hold until {hold.UntilMs} was extended to {entry.UntilMs}, which is not {_plan.HoldSeconds} s more");

        hold.Extensions++;
        hold.UntilMs = entry.UntilMs;
    }

    private void Paid(in AuditEntry entry)
    {
        ref var hold = ref Find(entry, out var number);
        if (hold.Placed == 0) return;

        var expected = entry.Late ? State.Expired : State.Held;
        if (hold.State != expected)
        {
            Report($"a hold that was {Word(hold.State)} was paid{(entry.Late ? " late" : "")}");
            if (hold.State == State.Paid) return;
        }
        else if (!entry.Late && _timeMs >= hold.UntilMs)
        {
            Report("a hold was paid after it had run out, and not as a late payment");
        }

        // A late payment takes the places anew: the limits and the pools are checked as for a hold.
        if (hold.State == State.Held) Return(hold, number, _held, _poolHeld, UInt128.MaxValue);
        Take(hold, number, _sold, _poolSold);
        hold.Late = entry.Late;
        Sell(ref hold, number, entry);
    }

    private void Sell(ref Hold hold, int number, in AuditEntry entry)
    {
        if (entry.FirstTicket != _nextTicket)
            Report($"the order's tickets begin with {entry.FirstTicket}, and the next number is {_nextTicket}");
        hold.State = State.Paid;
        hold.Reference = entry.Reference;
        hold.PaidBy = entry.By;
        (hold.End, hold.EndTimeMs) = (_sequence, _timeMs);
        hold.FirstTicket = entry.FirstTicket;
        _nextTicket = entry.FirstTicket + (ulong)hold.Places;
        _orders.Add(number);
    }

    private void Ended(in AuditEntry entry)
    {
        ref var hold = ref Find(entry, out var number);
        if (hold.Placed == 0) return;

        var expired = entry.Kind == AuditKind.Expired;
        if (hold.State != State.Held)
        {
            Report($"a hold that was {Word(hold.State)} {(expired ? "ran out" : "was released")}");
            return;
        }

        if (expired && _timeMs < hold.UntilMs) Report($"a hold until {hold.UntilMs} ran out at {_timeMs}");
        if (!expired && _timeMs >= hold.UntilMs) Report("a hold was released after it had run out");
        Return(hold, number, _held, _poolHeld, UInt128.MaxValue);
        hold.State = expired ? State.Expired : State.Released;
        (hold.End, hold.EndTimeMs) = (_sequence, _timeMs);
    }

    private void Refunded(in AuditEntry entry)
    {
        ref var hold = ref Find(entry, out var number);
        UseKey(entry.Key);
        if (hold.Placed == 0) return;

        if (hold.State != State.Paid)
        {
            Report($"a hold that was {Word(hold.State)} was refunded");
            return;
        }

        var all = (UInt128.One << hold.Places) - 1;
        if (entry.FirstTicket != hold.FirstTicket)
            Report($"the refund names ticket {entry.FirstTicket} as the order's first, and it is {hold.FirstTicket}");
        if (entry.Tickets == 0) Report("nothing was refunded");
        if ((entry.Tickets & ~all) != 0) Report("a ticket was refunded that is not of the order");
        if ((entry.Tickets & hold.Refunded) != 0) Report("a ticket was refunded twice");

        var tickets = entry.Tickets & all & ~hold.Refunded;
        var amount = AmountOf(hold, entry.Tickets & all);
        if (entry.Amount != amount) Report($"{entry.Amount} was refunded for tickets of {amount}");

        Return(hold, number, _sold, _poolSold, tickets, block: !entry.Resell);
        CountRefunded(hold, tickets, entry.Resell);
        hold.Refunded |= tickets;
        RefundedTickets += (long)UInt128.PopCount(tickets);
        RefundedAmount += entry.Amount;
        _refunds.Add(new(number, _sequence, _timeMs, tickets, entry.Amount, entry.Resell, System.Text.Encoding.UTF8.GetString(entry.Text),
            entry.By));
    }

    private void PaymentRefused(in AuditEntry entry)
    {
        ref var hold = ref Find(entry, out var number);
        OwedPayments++;
        OwedAmount += entry.Amount;
        if (hold.Placed == 0) return;

        if (_plan!.PaymentKind == "None") Report("a payment was refused in a sale that collects none");
        if (!_refusedPayments.Add((number, entry.Reference))) Report("one payment was refused twice");
        if (hold.State == State.Paid && hold.Reference == entry.Reference) Report("the payment that made the order was refused");
        if (entry.Amount != AmountOf(hold, UInt128.MaxValue))
            Report($"{entry.Amount} is owed for a hold of {AmountOf(hold, UInt128.MaxValue)}");

        var reason = hold.State switch
        {
            State.Held => (byte)0,
            State.Paid => AlreadyPaid,
            State.Released => HoldReleased,
            State.Waiting => StillWaiting,
            _ => LateRefusal(hold),
        };
        if (entry.Refusal == reason) return;
        Report(reason == 0
            ? $"a payment was refused ({NameOf(entry.Refusal)}), and it could have been taken"
            : $"a payment was refused as {NameOf(entry.Refusal)}, and {NameOf(reason)} was true");
    }

    private const byte BuyerLimit = 21, SoldOut = 22, NotEnough = 23, HoldReleased = 32, AlreadyPaid = 33, SeatTaken = 51,
        PassengerOverlap = 61, StillWaiting = 65;

    private static string NameOf(byte refusal) => refusal switch
    {
        BuyerLimit => "BUYER_LIMIT",
        SoldOut => "SOLD_OUT",
        NotEnough => "NOT_ENOUGH",
        HoldReleased => "HOLD_RELEASED",
        AlreadyPaid => "ALREADY_PAID",
        SeatTaken => "SEAT_TAKEN",
        PassengerOverlap => "PASSENGER_OVERLAP",
        StillWaiting => "STILL_WAITING",
        _ => $"refusal {refusal}",
    };

    /// <summary>Why a payment for this expired hold must be refused now; 0 when it need not be.</summary>
    private byte LateRefusal(in Hold hold)
    {
        if (_buyerPlaces[hold.Buyer] + hold.Places > _plan!.PerBuyer) return BuyerLimit;
        if (hold.Given is not null) return _places.WhyNotAgain(hold.Given, LinesOf(hold), Free);
        for (var i = 0; i < hold.LineCount; i++)
        {
            var pool = _plan.Tiers[_lines[hold.FirstLine + i].Tier].Pool;
            var wanted = 0;
            for (var j = 0; j < hold.LineCount; j++)
            {
                if (_plan.Tiers[_lines[hold.FirstLine + j].Tier].Pool == pool) wanted += _lines[hold.FirstLine + j].Quantity;
            }

            var free = Free(pool);
            if (wanted > free) return free > 0 ? NotEnough : SoldOut;
        }

        return 0;
    }

    // A hold that is not there is a record of zeros: nothing was placed at sequence 0.
    private Hold _none;

    private ref Hold Find(in AuditEntry entry, out int number)
    {
        if (_numbers.TryGetValue(entry.Hold, out number)) return ref CollectionsMarshal.AsSpan(_holds)[number];
        Report($"{entry.Kind} is about a hold that was never placed");
        _none = default;
        return ref _none;
    }

    private void UseKey(UInt128 key)
    {
        if (key != 0 && !_keys.Add(key)) Report("its request key was used before");
    }

    private void CheckBuyer(int buyer)
    {
        if (_buyerPlaces[buyer] > _plan!.PerBuyer)
            Report($"one buyer has {_buyerPlaces[buyer]} places, and the plan allows {_plan.PerBuyer}");
    }

    private void Take(in Hold hold, int number, long[] tiers, long[] pools)
    {
        _buyerPlaces[hold.Buyer] += hold.Places;
        CheckBuyer(hold.Buyer);
        if (hold.Given is not null) _places.Take(number, hold.Given, LinesOf(hold));
        for (var i = 0; i < hold.LineCount; i++)
        {
            var line = _lines[hold.FirstLine + i];
            tiers[line.Tier] += line.Quantity;
            pools[_plan!.Tiers[line.Tier].Pool] += line.Quantity * LegsOf(hold, line.Tier);
        }

        CheckPools(hold);
    }

    private int LegsOf(in Hold hold, int tier) => hold.Given is null ? 1 : _places.LegsOf(_plan!.Tiers[tier].Pool, hold.Given);

    private void Return(in Hold hold, int number, long[] tiers, long[] pools, UInt128 tickets, bool block = false)
    {
        if (hold.Given is not null) _places.Return(number, hold.Given, LinesOf(hold), tickets, block: block);
        var at = 0;
        for (var i = 0; i < hold.LineCount; i++)
        {
            var line = _lines[hold.FirstLine + i];
            var places = PlacesIn(tickets, at, line.Quantity);
            at += line.Quantity;
            tiers[line.Tier] -= places;
            pools[_plan!.Tiers[line.Tier].Pool] -= places * LegsOf(hold, line.Tier);
            _buyerPlaces[hold.Buyer] -= places;
        }

        CheckPools(hold);
    }

    private void CountRefunded(in Hold hold, UInt128 tickets, bool resell)
    {
        var at = 0;
        for (var i = 0; i < hold.LineCount; i++)
        {
            var line = _lines[hold.FirstLine + i];
            var places = PlacesIn(tickets, at, line.Quantity);
            at += line.Quantity;
            _refunded[line.Tier] += places;
            if (!resell) _poolBlocked[_plan!.Tiers[line.Tier].Pool] += places * LegsOf(hold, line.Tier);
        }

        CheckPools(hold);
    }

    private void CheckPools(in Hold hold)
    {
        for (var i = 0; i < hold.LineCount; i++)
        {
            var pool = _plan!.Tiers[_lines[hold.FirstLine + i].Tier].Pool;
            if (i == 0 || pool != _plan.Tiers[_lines[hold.FirstLine + i - 1].Tier].Pool) CheckPool(pool);
        }
    }

    private void CheckPool(int pool)
    {
        if (Free(pool) >= 0 && _poolHeld[pool] >= 0 && _poolSold[pool] >= 0) return;
        var plan = _plan!.Pools[pool];
        Report(
            $"pool \"{plan.Id}\" is oversold: {plan.Capacity} places, {_poolBlocked[pool]} blocked, {_poolHeld[pool]} held, {_poolSold[pool]} sold");
    }

    // What travels is counted once for every leg.
    private long Free(int pool) =>
        _plan!.Pools[pool].Capacity * _plan.LegsOf(pool) - _poolBlocked[pool] - _poolHeld[pool] - _poolSold[pool];

    private long AmountOf(in Hold hold, UInt128 tickets)
    {
        var (amount, at) = (0L, 0);
        for (var i = 0; i < hold.LineCount; i++)
        {
            var line = _lines[hold.FirstLine + i];
            amount += PlacesIn(tickets, at, line.Quantity) * line.Price;
            at += line.Quantity;
        }

        return amount;
    }

    // By ticket; null for a place without one, and nothing at all where no place has one.
    private string?[] SeatsOf(in Hold hold)
    {
        if (hold.Given is null || !hold.Given.Seats.Any(seat => seat >= 0)) return [];
        var (names, place) = (new string?[hold.Places], 0);
        foreach (var line in LinesOf(hold))
        {
            for (var i = 0; i < line.Quantity; i++, place++)
                names[place] = _places.NameOf(_plan!.Tiers[line.Tier].Pool, hold.Given.Seats[place]);
        }

        return names;
    }

    private string? StopOf(in Hold hold, bool isFrom) =>
        hold.Given is not { To: > 0 } given || _plan!.Stops is not { } stops ? null : stops[isFrom ? given.From : given.To];

    private AuditedLine[] Describe(in Hold hold)
    {
        var lines = new AuditedLine[hold.LineCount];
        for (var i = 0; i < lines.Length; i++)
        {
            var line = _lines[hold.FirstLine + i];
            lines[i] = new(_plan!.Tiers[line.Tier].Id, line.Quantity, line.Price);
        }

        return lines;
    }

    // A forged hold may have more places than there are bits; those behind the last bit count as set when all are.
    private static long PlacesIn(UInt128 tickets, int from, int count)
    {
        if (tickets == UInt128.MaxValue) return count;
        if (from >= 128 || count == 0) return 0;
        var mask = count >= 128 ? UInt128.MaxValue : (UInt128.One << count) - 1;
        return (long)UInt128.PopCount(tickets >> from & mask);
    }

    private static uint[] NumbersOf(uint first, UInt128 tickets)
    {
        var numbers = new List<uint>();
        for (; tickets != 0; tickets &= tickets - 1) numbers.Add(first + (uint)UInt128.TrailingZeroCount(tickets));
        return [.. numbers];
    }

    private static string Word(State state) => state.ToString().ToLowerInvariant();

    private void Report(string what) => report(_sequence, what);
}
