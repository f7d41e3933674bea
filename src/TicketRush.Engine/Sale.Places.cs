using TicketRush.Engine.Inventory;

namespace TicketRush.Engine;

// Seats, journeys, exchanges and the waitlist: the decisions that a sale of counted places never comes to.
public sealed partial class Sale
{
    /// <summary>Wishes on the waitlist.</summary>
    public int WaitingCount => _places?.Waitlist.Count ?? 0;

    /// <summary>The places of a pool as they are now; null where they are only counted.</summary>
    internal PlacePool? PlacesOf(int pool) => _places?.PoolOf(pool);

    /// <summary>What everybody may see of a pool's places; null where they are only counted.</summary>
    public PoolView? ViewOf(int pool, PoolView? last) => _places?.PoolOf(pool)?.View(last);

    /// <summary>Whether the seats of a pool that sold them without numbers have their numbers.</summary>
    public bool IsNumbered(int pool) => _places?.IsNumbered(pool) ?? false;

    private int LegsOf(int number, int tier)
    {
        if (_places is null) return 1;
        ref readonly var given = ref _places.Given[number];
        return _places.LegsOf(_poolOfTier[tier], given.From, given.To);
    }

    /// <summary>Chooses places for a command whose lines are in the entry; refuses when there are none that suit.</summary>
    private bool Suits(in Command command, ref Entry entry, ref Reply reply)
    {
        var place = 0;
        var refusal = _places!.CheckPassengers(command, entry.Lines, ref place);
        if (refusal == Refusal.None) refusal = _places.Choose(command, _pools, ref entry, ref place);
        if (refusal != Refusal.None)
        {
            Refuse(refusal, ref reply, place);
            return false;
        }

        (entry.From, entry.To) = (command.From, command.To);
        entry.Passengers.Clear();
        foreach (var passenger in command.Passengers ?? []) entry.Passengers.Add(passenger);
        return true;
    }

    /// <summary>Whether nothing is asked that a sale of counted places does not have.</summary>
    private static bool Counts(in Command command, ref Reply reply)
    {
        var refusal = command.Passengers is not null ? Refusal.BadPassengers : command.Seats is not null ? Refusal.UnknownSeat
            : command.Wheelchair > 0 ? Refusal.SoldOut : Refusal.None;
        if (refusal == Refusal.None) return true;
        Refuse(refusal, ref reply, 0);
        return false;
    }

    private void SuitsAgain(int number, in PricedLines lines, ref Reply reply)
    {
        var place = 0;
        var refusal = _places!.CheckAgain(number, lines, _pools, ref place);
        if (refusal != Refusal.None) Refuse(refusal, ref reply, place);
    }

    private Verdict DecideExchange(in Command command, long nowMs, ref Entry entry, ref Reply reply)
    {
        if (IsAnsweredAtOnce(command, nowMs, ref reply, out var verdict)) return verdict;

        var of = command.Order != 0 && command.Whose == Whose.Everybodys ? FindOrder(command) : _holds.Find(command.Of);
        if (of < 0 || !Sees(command, _holds[of])) return Refuse(Refusal.UnknownHold, ref reply);
        ref readonly var old = ref _holds[of];
        if (_places is null || old.State is not (HoldState.Held or HoldState.Paid)) return Refuse(Refusal.CannotExchange, ref reply);

        if (old.State == HoldState.Held && IsDue(old, nowMs))
        {
            (entry.Kind, entry.Hold, entry.By) = (EntryKind.Expired, _holds.IdOf(of), 0);
            return Verdict.ExpireFirst;
        }

        var before = new PricedLines();
        _holds.ReadLines(old, ref before);
        var refusal = TicketsToExchange(command, old, before.Places, out var tickets);
        if (refusal != Refusal.None) return Refuse(refusal, ref reply);

        refusal = Price(command, ref entry, ref reply);
        if (refusal != Refusal.None) return Refuse(refusal, ref reply, reply.Allowed);

        // Where money is collected, no buyer and no shop settles with itself what it owes or is owed.
        if (old.State == HoldState.Paid && command.Whose != Whose.Everybodys && Plan!.PaymentKind == PaymentKind.External
            && AmountOf(before, tickets) != entry.Lines.Amount)
            return Refuse(Refusal.CannotExchange, ref reply);

        // Given back for a moment, so that the new places may be among the old ones; nobody sees it, and it is taken again at once.
        var held = old.State == HoldState.Held;
        Move(of, before, tickets, held ? -1 : 0, held ? 0 : -1);
        var allowed = Plan!.Rules.PerBuyer - _buyers[old.Buyer];
        if (entry.Lines.Places > allowed) Refuse(Refusal.BuyerLimit, ref reply, Math.Max(allowed, 0));
        else Suits(command, ref entry, ref reply);
        Move(of, before, tickets, held ? 1 : 0, held ? 0 : 1);
        if (reply.Refusal != Refusal.None) return Verdict.Refused;

        entry.Kind = EntryKind.Exchanged;
        entry.Hold = command.Hold;
        entry.Of = _holds.IdOf(of);
        entry.Buyer = _buyers.IdOf(old.Buyer);
        entry.Content = Content.OfHold(command);
        entry.Reference = command.Reference;
        entry.Tickets = tickets;
        entry.Amount = AmountOf(before, tickets);
        entry.UntilMs = held ? old.UntilSeconds * 1000L : 0;
        entry.FirstTicket = held ? 0 : _nextTicket;

        reply.State = old.State;
        reply.Extensions = held ? old.Extensions : (byte)0;
        reply.UntilMs = entry.UntilMs;
        reply.FirstTicket = entry.FirstTicket;
        reply.Lines = entry.Lines;
        reply.Amount = entry.Lines.Amount;
        Tell(entry, ref reply);
        reply.Given!.Credit = entry.Amount;
        return Verdict.Entry;
    }

    private Refusal TicketsToExchange(in Command command, in HoldRecord old, int places, out UInt128 tickets)
    {
        tickets = (UInt128.One << places) - 1;
        if (old.State == HoldState.Held) return command.Tickets is null ? Refusal.None : Refusal.UnknownTicket;

        var refunded = _refunded.Read(old.FirstTicket, places);
        if (command.Tickets is null)
        {
            tickets &= ~refunded;
        }
        else
        {
            tickets = 0;
            foreach (var ticket in command.Tickets)
            {
                if (ticket - old.FirstTicket >= (uint)places) return Refusal.UnknownTicket;
                tickets |= UInt128.One << (int)(ticket - old.FirstTicket);
            }
        }

        return (tickets & refunded) != 0 ? Refusal.AlreadyRefunded : tickets == 0 ? Refusal.CannotExchange : Refusal.None;
    }

    private Verdict DecideWait(in Command command, long nowMs, ref Entry entry, ref Reply reply)
    {
        if (IsAnsweredAtOnce(command, nowMs, ref reply, out var verdict)) return verdict;

        var refusal = Price(command, ref entry, ref reply);
        if (refusal != Refusal.None) return Refuse(refusal, ref reply, reply.Allowed);
        var allowed = Plan!.Rules.PerBuyer - _buyers.PlacesOf(command.Buyer);
        if (entry.Lines.Places > allowed) return Refuse(Refusal.BuyerLimit, ref reply, Math.Max(allowed, 0));
        if (_places is null || !Plan.Rules.Waitlist || entry.Lines.Count != 1 || command.Seats is not null || command.Wheelchair > 0
            || command.Apart)
            return Refuse(Refusal.CannotWait, ref reply);

        var largest = _places.LargestParty(_poolOfTier[entry.Lines[0].Tier]);
        if (entry.Lines.Places > largest) return Refuse(Refusal.PartyTooLarge, ref reply, largest);
        var place = 0;
        refusal = _places.CheckPassengers(command, entry.Lines, ref place);
        if (refusal != Refusal.None) return Refuse(refusal, ref reply, place);

        entry.Kind = EntryKind.Waited;
        entry.Hold = command.Hold;
        entry.Buyer = command.Buyer;
        entry.Content = Content.OfHold(command);
        (entry.From, entry.To) = (command.From, command.To);
        entry.Seats.Clear();
        entry.Passengers.Clear();
        foreach (var passenger in command.Passengers ?? []) entry.Passengers.Add(passenger);

        reply.State = HoldState.Waiting;
        reply.Lines = entry.Lines;
        reply.Amount = entry.Lines.Amount;
        Tell(entry, ref reply);
        return Verdict.Entry;
    }

    /// <summary>
    /// Seats that are still to be numbered can always be numbered around one that is blocked from end to end, for it is as if it were not
    /// there; around one that is blocked on some legs, perhaps not.
    /// </summary>
    private string? BlocksOnSomeLegs(Plan plan)
    {
        for (var i = 0; i < plan.Pools.Length; i++)
        {
            if (plan.Pools[i].Travel != Travel.SeatLater || (i < _pools.Length && IsNumbered(i))) continue;
            var at = Array.FindIndex(plan.Pools[i].Blocks ?? [], block => block.Seat >= 0 && block.To - block.From < plan.Legs);
            if (at >= 0)
                return $"pools \"{plan.Pools[i].Id}\": blocks[{at}] must go from the first stop to the last, or name no seat: the seats are numbered later.";
        }

        return null;
    }

    private Verdict DecideNumber(in Command command, ref Entry entry, ref Reply reply)
    {
        var content = Content.Of((ulong)command.Kind, command.Pool);
        if (Repeats(command.Key, content, out var verdict, ref reply)) return verdict;
        if (State is SaleState.None or SaleState.Draft) return Refuse(Refusal.SaleDraft, ref reply);
        if (command.Pool >= _pools.Length || Plan!.Pools[command.Pool].Travel != Travel.SeatLater || _places!.IsNumbered(command.Pool))
            return Refuse(Refusal.CannotNumber, ref reply);

        Number(command.Pool, ref entry);
        (entry.Key, entry.Content) = (command.Key, content);
        reply.SaleState = State;
        return Verdict.Entry;
    }

    private bool TryNumber(long nowMs, ref Entry entry)
    {
        if (State is SaleState.None or SaleState.Draft) return false;
        for (ushort pool = 0; pool < _pools.Length; pool++)
        {
            if (Plan!.Pools[pool].NumbersAtMs is not { } at || at > nowMs || _places!.IsNumbered(pool)) continue;
            Number(pool, ref entry);
            (entry.Key, entry.Content, entry.By) = (default, 0, 0);
            return true;
        }

        return false;
    }

    private void Number(ushort pool, ref Entry entry)
    {
        var parties = new List<Party>();
        ForEachLivePlace(pool, (number, _) =>
        {
            ref readonly var given = ref _places!.Given[number];
            if (parties.Count > 0 && _lastNumbered == number) parties[^1] = parties[^1] with { Places = parties[^1].Places + 1 };
            else parties.Add(new(given.From, given.To, 1));
            _lastNumbered = number;
        });
        var blocked = new List<int>();
        foreach (var block in Plan!.Pools[pool].Blocks ?? [])
        {
            if (block.Seat < 0) parties.Add(new(block.From, block.To, 1));
            else blocked.Add(block.Seat);
        }

        entry.Kind = EntryKind.Numbered;
        entry.Pool = pool;
        entry.Numbers = Colouring.Number(Plan.Pools[pool].Layout!, parties, [.. blocked]);
    }

    // The hold whose party is being gathered.
    private int _lastNumbered;

    /// <summary>Every place of a pool that is held or sold, by hold and by ticket.</summary>
    private void ForEachLivePlace(int pool, Action<int, int> visit)
    {
        for (var number = 0; number < _holds.Count; number++)
        {
            ref readonly var hold = ref _holds[number];
            if (hold.State is not (HoldState.Held or HoldState.Paid)) continue;
            var lines = new PricedLines();
            _holds.ReadLines(hold, ref lines);
            var refunded = hold.FirstTicket == 0 ? 0 : _refunded.Read(hold.FirstTicket, lines.Places);
            var place = 0;
            for (var i = 0; i < lines.Count; i++)
            {
                for (var end = place + lines[i].Quantity; place < end; place++)
                {
                    if (_poolOfTier[lines[i].Tier] == pool && (refunded >> place & 1) == 0) visit(number, place);
                }
            }
        }
    }

    private bool NextOffer(long nowMs, ref Entry entry)
    {
        // Paused, nobody is given anything; who waits is looked at again when the sale goes on.
        if (State != SaleState.Open) return false;
        if (NotSelling(nowMs) != Refusal.None)
        {
            _places!.OfferNoMore();
            return false;
        }

        var number = _places!.FirstThatFits(_pools);
        if (number < 0) return false;

        var lines = new PricedLines();
        _holds.ReadLines(_holds[number], ref lines);
        (entry.Kind, entry.Hold, entry.UntilMs, entry.By) = (EntryKind.Offered, _holds.IdOf(number), HoldEnd(nowMs), 0);
        _places.Offer(number, lines, ref entry.Seats);
        return true;
    }

    private long NextOfPlaces(long next)
    {
        if (_places!.MayOffer && State == SaleState.Open) return 0;
        for (var pool = 0; pool < _pools.Length && State is not (SaleState.None or SaleState.Draft); pool++)
        {
            if (Plan!.Pools[pool].NumbersAtMs is { } at && !_places.IsNumbered(pool)) next = Math.Min(next, at);
        }

        return next;
    }

    private void ApplyExchanged(in Entry entry, long sequence)
    {
        var number = _holds.Find(entry.Of);
        ref var old = ref _holds[number];
        var lines = new PricedLines();
        _holds.ReadLines(old, ref lines);
        if (old.State == HoldState.Held)
        {
            Move(number, lines, UInt128.MaxValue, held: -1, sold: 0);
            (old.State, old.EndSequence) = (HoldState.Released, sequence);
        }
        else
        {
            Move(number, lines, entry.Tickets, held: 0, sold: -1);
            _refunded.Set(old.FirstTicket, entry.Tickets);
        }

        // It stays with who placed the first, whoever exchanged it; and nobody keeps places for ever by exchanging them for the same.
        var (by, extensions) = (old.By, entry.UntilMs == 0 ? (byte)0 : old.Extensions);
        ApplyHold(entry, sequence);
        (_holds[_holds.Count - 1].By, _holds[_holds.Count - 1].Extensions) = (by, extensions);
        _places!.Given[_holds.Count - 1].Inherited = extensions;
        _places!.Given[_holds.Count - 1].Credit = entry.Amount;
        _places.Returned(lines);
    }

    private void ApplyWaited(in Entry entry, long sequence)
    {
        var buyer = _buyers.NumberOf(entry.Buyer);
        ref var hold = ref _holds.Add(entry, out var number);
        (hold.Content, hold.PlacedSequence, hold.Buyer, hold.State, hold.By) = (entry.Content, sequence, buyer, HoldState.Waiting,
            entry.By);

        // Who waits has what it wishes for counted against its limit already, so an offer never meets it.
        _buyers[buyer] += entry.Lines.Places;
        ref var given = ref _places!.Add(entry);
        given.Waited = true;
        _places.TurnPassengers(number, entry.Lines, UInt128.MaxValue);
        var pool = _poolOfTier[entry.Lines[0].Tier];
        var (from, to) = _places.JourneyOf(pool, entry.From, entry.To);
        (given.Queue, given.QueueAt) = _places.Waitlist.Add(number, pool, from, to, entry.Lines.Places);
        _places.Returned(pool);
    }

    private void ApplyLeft(in Entry entry, long sequence)
    {
        var number = _holds.Find(entry.Hold);
        ref var hold = ref _holds[number];
        (hold.State, hold.EndSequence) = (HoldState.Released, sequence);
        var lines = new PricedLines();
        _holds.ReadLines(hold, ref lines);
        _buyers[hold.Buyer] -= lines.Places;
        _places!.TurnPassengers(number, lines, UInt128.MaxValue);
        ref readonly var given = ref _places.Given[number];
        _places.Waitlist.Remove(given.Queue, given.QueueAt);
    }

    private void ApplyOffered(in Entry entry, long sequence)
    {
        var number = _holds.Find(entry.Hold);
        ref var hold = ref _holds[number];
        var lines = new PricedLines();
        _holds.ReadLines(hold, ref lines);
        ref var given = ref _places!.Given[number];

        // Who is next has waited long, so what is known of it is in no cache any more.
        if (_places.Waitlist.Remove(given.Queue, given.QueueAt) is >= 0 and var next)
        {
            _holds.Prefetch(next);
            _places.Given.Prefetch(next);
        }

        given.OfferedSequence = sequence;
        for (var i = 0; i < entry.Seats.Count; i++) _places.Given.SeatOf(given, i) = entry.Seats.AsSpan()[i];
        _places.TurnSeats(number, lines, UInt128.MaxValue, take: true);
        _pools[_poolOfTier[lines[0].Tier]].Held += lines[0].Quantity * LegsOf(number, lines[0].Tier);

        hold.State = HoldState.Held;
        hold.UntilSeconds = (uint)(entry.UntilMs / 1000);
        _holds.Due.Add(number, hold.UntilSeconds);
    }

    private void ApplyNumbered(in Entry entry, long sequence)
    {
        var (pool, numbers, next) = (entry.Pool, entry.Numbers!, 0);
        var seats = new List<(int Number, int Place, int Seat)>();
        ForEachLivePlace(pool, (number, place) => seats.Add((number, place, numbers[next++])));

        var plan = Plan!.Pools[pool];
        if (plan.Blocks is { } blocks && Array.Exists(blocks, block => block.Seat < 0))
        {
            plan = plan with { Blocks = Array.ConvertAll(blocks, block => block.Seat < 0 ? block with { Seat = numbers[next++] } : block) };
            Change(pool, plan, sequence);
        }

        _places!.Number(Plan!, pool);
        foreach (var (number, place, seat) in seats)
        {
            ref readonly var given = ref _places.Given[number];
            _places.Given.SeatOf(given, place) = seat;
            _places.PoolOf(pool)!.Take(seat, given.From, given.To);
        }

        if (entry.Key.IsNone) return;
        ref var request = ref _requests.Add(entry.Key);
        (request.Content, request.Sequence, request.SaleState, request.Hold) = (entry.Content, sequence, State, -1);
    }

    /// <summary>Moves some tickets of a hold: +1 where they come to be counted, -1 where they were.</summary>
    private void Move(int number, in PricedLines lines, UInt128 tickets, int held, int sold)
    {
        var (places, before) = (0, 0);
        for (var i = 0; i < lines.Count; i++)
        {
            var moved = tickets == UInt128.MaxValue ? lines[i].Quantity : PlacesIn(tickets, before, lines[i].Quantity);
            before += lines[i].Quantity;
            places += moved;
            ref var pool = ref _pools[_poolOfTier[lines[i].Tier]];
            var legs = LegsOf(number, lines[i].Tier);
            pool.Held += held * moved * legs;
            pool.Sold += sold * moved * legs;
        }

        _buyers[_holds[number].Buyer] += (held + sold) * places;
        _places!.TurnSeats(number, lines, tickets, take: held + sold > 0);
        _places.TurnPassengers(number, lines, tickets);
    }

    private void BlockTickets(int number, in PricedLines lines, UInt128 tickets, long sequence)
    {
        var before = 0;
        for (var i = 0; i < lines.Count; i++)
        {
            var pool = _poolOfTier[lines[i].Tier];
            var returned = PlacesIn(tickets, before, lines[i].Quantity);
            if (returned > 0 && _places!.PoolOf(pool) is null)
            {
                Block(pool, returned, sequence);
            }
            else if (returned > 0)
            {
                // One line at a time, for two of them may draw on one pool.
                var mask = ((UInt128.One << lines[i].Quantity) - 1) << before;
                var blocks = _places!.BlocksOf(number, pool, lines, tickets & mask);
                _pools[pool].Blocked += blocks.Sum(block => block.To - block.From);
                var plan = Plan!.Pools[pool];
                Change(pool, plan with { Blocked = _pools[pool].Blocked, Blocks = [.. plan.Blocks ?? [], .. blocks] }, sequence);
                _places.Block(Plan, pool, blocks);
            }

            before += lines[i].Quantity;
        }
    }

    // A part of the plan that a decision changed: a change that was prepared before must not undo it unseen.
    private void Change(int pool, PoolPlan changed, long sequence)
    {
        var pools = (PoolPlan[])Plan!.Pools.Clone();
        pools[pool] = changed;
        Plan = Plan with { Pools = pools };
        Revision = sequence;
    }

    /// <summary>What a new entry says of places.</summary>
    private static void Tell(in Entry entry, ref Reply reply)
    {
        var given = reply.Given ??= new();
        given.Clear();
        (given.From, given.To) = (entry.From, entry.To);
        foreach (var seat in entry.Seats.AsSpan()) given.Seats.Add(seat);
    }

    private void DescribePlaces(int number, ref Reply reply)
    {
        ref readonly var hold = ref _holds[number];
        ref readonly var record = ref _places!.Given[number];
        var given = reply.Given ??= new();
        given.Clear();
        (given.From, given.To, given.Credit) = (record.From, record.To, record.Credit);
        if (hold.State == HoldState.Waiting)
        {
            (given.Ahead, given.AheadElsewhere) = _places.Waitlist.Ahead(record.Queue, record.QueueAt, number);
            return;
        }

        for (var i = 0; i < reply.Lines.Places; i++) given.Seats.Add(_places.Given.SeatOf(record, i));
        if (record.OfferedSequence != 0 && hold.EndSequence == 0) reply.Sequence = record.OfferedSequence;
    }

    // The first reply to a wish: that it waits.
    private static Verdict AsItWaited(ref Reply reply)
    {
        (reply.State, reply.UntilMs, reply.FirstTicket) = (HoldState.Waiting, 0, 0);
        reply.Given!.Seats.Clear();
        return Verdict.Repeat;
    }

    private OrderRow WithPlaces(in OrderRow row, int number)
    {
        ref readonly var record = ref _places!.Given[number];
        var seats = new int[row.Lines.Places];
        for (var i = 0; i < seats.Length; i++) seats[i] = _places.Given.SeatOf(record, i);
        return row with { Seats = seats, From = record.From, To = record.To };
    }
}
