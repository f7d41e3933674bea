using TicketRush.Engine.Inventory;

namespace TicketRush.Engine;

/// <summary>
/// One sale: who holds which places until when, and who bought them.
/// <para>
/// <see cref="Decide"/> checks and changes nothing; <see cref="Apply"/> assigns and checks nothing. Live state and replay use
/// the same Apply, so a sale rebuilt from its entries cannot be told apart from the one that wrote them.
/// </para>
/// Not thread-safe, on purpose: exactly one loop, the sequencer's, ever calls it.
/// </summary>
public sealed partial class Sale
{
    private readonly Holds _holds = new();
    private readonly Buyers _buyers = new();
    private readonly Requests _requests = new();
    private readonly TicketBits _refunded = new();

    // The holds that became orders, in that order; their tickets and sequences grow with it.
    private readonly Rows<int> _orders = new();

    // Refused payments are few (money that moved for nothing), so a dictionary of their own will do.
    private readonly Dictionary<(int Hold, ulong Reference), (long Sequence, Refusal Refusal)> _refusedPayments = [];

    // Few: one for each shop and desk that ever did something here.
    private readonly List<string> _keyNames = [];
    private readonly Dictionary<string, ushort> _keyNumbers = new(StringComparer.Ordinal);

    // Null in a sale of counted places.
    private Places? _places;

    private Pool[] _pools = [];
    private int[] _poolOfTier = [];
    private uint _nextTicket = 1;
    private long _stateSequence;

    /// <summary>Null before the first entry.</summary>
    public Plan? Plan { get; private set; }

    /// <summary>The sequence of the entry that last changed the plan; what a change of the plan must name.</summary>
    public long Revision { get; private set; }

    public SaleState State { get; private set; }

    /// <summary>Payments that were refused and are owed back: how many, and how much in minor units.</summary>
    public (int Payments, long Amount) Owed { get; private set; }

    public int OrderCount => _orders.Count;

    /// <summary>Places held, sold, blocked and in all, by the plan's order of pools.</summary>
    public PoolCount CountOf(int pool)
    {
        ref readonly var count = ref _pools[pool];
        return new(count.Capacity, count.Blocked, count.Held, count.Sold);
    }

    /// <summary>
    /// When the next hold may run out, in sale time, or something else is due (<see cref="TryExpire"/>, <see cref="TryOffer"/>);
    /// <see cref="long.MaxValue"/> when nothing will.
    /// </summary>
    public long NextExpiryMs
    {
        get
        {
            var next = _holds.Due.NextSecond() is var second and < long.MaxValue ? second * 1000 : long.MaxValue;
            return _places is null ? next : NextOfPlaces(next);
        }
    }

    /// <summary>Asks for the memory that the command will touch; worth it a few commands ahead.</summary>
    public void Prefetch(in Command command)
    {
        _holds.Prefetch(command.Hold);
        if (command.Kind <= CommandKind.Purchase) _buyers.Prefetch(command.Buyer);
    }

    /// <summary>Asks for the memory that the entry will touch; worth it a few entries ahead.</summary>
    public void Prefetch(in Entry entry)
    {
        _holds.Prefetch(entry.Hold);
        if (entry.Kind is EntryKind.Held or EntryKind.Purchased or EntryKind.HeldPlaces or EntryKind.PurchasedPlaces)
            _buyers.Prefetch(entry.Buyer);
    }

    /// <summary>
    /// The next hold that has run out by now, as an entry to apply and record; or seats whose numbers the plan wants by now. Called
    /// before a batch decides anything, until it says no or a bound is reached; each hold is given once.
    /// </summary>
    public bool TryExpire(long nowMs, ref Entry entry)
    {
        var number = _holds.Due.Take(nowMs / 1000);
        if (number < 0) return _places is not null && TryNumber(nowMs, ref entry);

        (entry.Kind, entry.Hold, entry.By) = (EntryKind.Expired, _holds.IdOf(number), 0);
        return true;
    }

    /// <summary>
    /// The offer that is due: places have come free, and somebody who waits fits them. To be asked, applied and recorded until it
    /// says no, after every entry and before every decision: so nobody is given places past somebody who waits for them.
    /// </summary>
    public bool TryOffer(long nowMs, ref Entry entry) => _places is { MayOffer: true } && NextOffer(nowMs, ref entry);

    /// <summary>
    /// Decides a command: a new entry, a repeated reply, a refusal, or an answer to a question. Changes nothing.
    /// <para>The first failing check wins, in this order, and clients may rely on it:</para>
    /// <list type="number">
    /// <item>The id or key is looked up first, in every state of the sale: <see cref="Refusal.IdReused"/>, or the first reply. What
    /// <see cref="Command.Whose"/> does not cover is unknown, except that its id cannot be used.</item>
    /// <item>Hold, Purchase: SaleDraft, SalePaused, SaleClosed, NotYetOpen; UnknownTier; UnknownStop, BadJourney; OrderLimit; BuyerLimit;
    /// BadPassengers, PassengerOverlap; SeatsMixed; then of the first line that does not fit SoldOut, NotEnough, PartyTooLarge or
    /// NotTogether; with named seats SeatsLater, UnknownSeat, SeatReserved, SeatTaken, LeavesSingle.</item>
    /// <item>Exchange: SaleDraft, SalePaused, SaleClosed, NotYetOpen; UnknownHold; CannotExchange; UnknownTicket, AlreadyRefunded; then as
    /// Hold; before BuyerLimit, CannotExchange again: for another price, by who may not settle it.</item>
    /// <item>Wait: as Hold up to PassengerOverlap, and CannotWait, PartyTooLarge. Number: SaleDraft; UnknownTier; CannotNumber.</item>
    /// <item>Extend: UnknownHold; StillWaiting, AlreadyPaid, HoldReleased, HoldExpired; ExtensionLimit.</item>
    /// <item>Pay: UnknownHold; then the refusals that are written down: AlreadyPaid (with another reference), HoldReleased, and
    /// for a late payment BuyerLimit, SoldOut or NotEnough.</item>
    /// <item>Release: UnknownHold; AlreadyPaid, HoldExpired.</item>
    /// <item>Refund: ReasonInvalid; UnknownOrder; UnknownTicket; AlreadyRefunded.</item>
    /// <item>Plan: PlanInvalid; PlanChanged; PlanFrozen; CapacityInUse. Open: SaleClosed, when the closing time is past; PlanInvalid.
    /// Pause: SaleDraft, SaleClosed. Close: SaleDraft.</item>
    /// <item>Whatever would be done for a key: TooManyKeys.</item>
    /// </list>
    /// </summary>
    /// <param name="command">Complete (<see cref="Command.IsComplete"/>).</param>
    /// <param name="nowMs">The batch's time: sale time, never earlier than the last entry's.</param>
    /// <param name="entry">Set for <see cref="Verdict.Entry"/>, <see cref="Verdict.ExpireFirst"/> and <see
    /// cref="Verdict.NameFirst"/>.</param>
    /// <param name="reply">Set whole, but for the sequence of a new entry.</param>
    public Verdict Decide(in Command command, long nowMs, ref Entry entry, ref Reply reply)
    {
        reply.Clear();
        reply.Plan = Plan;
        var verdict = command.Kind switch
        {
            CommandKind.Hold or CommandKind.Purchase => DecideHold(command, nowMs, ref entry, ref reply),
            CommandKind.Extend => DecideExtend(command, nowMs, ref entry, ref reply),
            CommandKind.Pay => DecidePay(command, nowMs, ref entry, ref reply),
            CommandKind.Release => DecideRelease(command, nowMs, ref entry, ref reply),
            CommandKind.Refund => DecideRefund(command, ref entry, ref reply),
            CommandKind.Plan => DecidePlan(command, ref entry, ref reply),
            CommandKind.Open or CommandKind.Pause or CommandKind.Close => DecideState(command, nowMs, ref entry, ref reply),
            CommandKind.FindHold or CommandKind.FindOrder => Look(command, nowMs, ref entry, ref reply),
            CommandKind.ListOrders => ListOrders(command, ref reply),
            CommandKind.Exchange => DecideExchange(command, nowMs, ref entry, ref reply),
            CommandKind.Wait => DecideWait(command, nowMs, ref entry, ref reply),
            CommandKind.Number => DecideNumber(command, ref entry, ref reply),
            _ => throw new ArgumentOutOfRangeException(nameof(command), command.Kind, "Not a command."),
        };
        return verdict == Verdict.Entry ? SignBy(command.By, ref entry, ref reply) : verdict;
    }

    /// <summary>Takes a decision as a fact. Nothing is checked and nothing can fail.</summary>
    /// <param name="sequence">The entry's place in the journal.</param>
    public void Apply(in Entry entry, long sequence)
    {
        switch (entry.Kind)
        {
            case EntryKind.Held or EntryKind.Purchased: ApplyHold(entry, sequence); break;
            case EntryKind.Extended: ApplyExtended(entry, sequence); break;
            case EntryKind.Paid: ApplyPaid(entry, sequence); break;
            case EntryKind.Released: ApplyEnd(entry, HoldState.Released, sequence); break;
            case EntryKind.Expired: ApplyEnd(entry, HoldState.Expired, sequence); break;
            case EntryKind.Refunded: ApplyRefunded(entry, sequence); break;
            case EntryKind.PaymentRefused: ApplyPaymentRefused(entry, sequence); break;
            case EntryKind.Planned: ApplyPlanned(entry, sequence); break;
            case EntryKind.Opened: ApplyState(entry, SaleState.Open, sequence); break;
            case EntryKind.Paused: ApplyState(entry, SaleState.Paused, sequence); break;
            case EntryKind.Closed: ApplyState(entry, SaleState.Closed, sequence); break;
            case EntryKind.KeyNamed: ApplyKeyNamed(entry); break;
            case EntryKind.HeldPlaces or EntryKind.PurchasedPlaces: ApplyHold(entry, sequence); break;
            case EntryKind.Exchanged: ApplyExchanged(entry, sequence); break;
            case EntryKind.Waited: ApplyWaited(entry, sequence); break;
            case EntryKind.Left: ApplyLeft(entry, sequence); break;
            case EntryKind.Offered: ApplyOffered(entry, sequence); break;
            case EntryKind.Numbered: ApplyNumbered(entry, sequence); break;
            default: throw new ArgumentOutOfRangeException(nameof(entry), entry.Kind, "Not an entry.");
        }
    }

    /// <summary>
    /// A hash over every hold, order, request and count; of the plan, only which entry last changed it. Equal after the same
    /// entries, in every process and version. For tests and audits; it reads the whole sale.
    /// </summary>
    public ulong Digest()
    {
        ulong digest = 0;
        for (var i = 0; i < _holds.Count; i++)
        {
            ref readonly var hold = ref _holds[i];
            var lines = new PricedLines();
            _holds.ReadLines(hold, ref lines);
            digest = Content.Of(
                digest, (ulong)_holds.IdOf(i).Value, (ulong)(_holds.IdOf(i).Value >> 64), hold.Content, hold.Reference,
                    (ulong)hold.PlacedSequence, (ulong)hold.EndSequence,
                hold.UntilSeconds, (ulong)_buyers[hold.Buyer], hold.FirstTicket,
                (ulong)hold.State | (ulong)hold.Extensions << 8 | (hold.Late ? 1UL << 16 : 0) | (ulong)hold.By << 32, (ulong)lines.Amount,
                    (ulong)lines.Places,
                (ulong)_refunded.Read(hold.FirstTicket, hold.FirstTicket == 0 ? 0 : lines.Places));
            if (_places is not null) digest = _places.Digest(digest, i, lines.Places);
        }

        foreach (var pool in _pools)
            digest = Content.Of(digest, (ulong)pool.Capacity, (ulong)pool.Blocked, (ulong)pool.Held, (ulong)pool.Sold);
        for (var i = 0; i < _requests.Count; i++)
        {
            ref readonly var request = ref _requests[i];
            digest = Content.Of(
                digest, request.Content, (ulong)request.Sequence, (ulong)request.UntilMs, (ulong)request.Tickets,
                    (ulong)(request.Tickets >> 64),
                (ulong)request.Amount, (ulong)request.Hold, (ulong)request.SaleState);
        }

        foreach (var name in _keyNames)
        {
            foreach (var letter in name) digest = Content.Of(digest, letter);
        }

        // The order in which a dictionary gives its entries is no promise; their sum is the same in any.
        ulong refused = 0;
        foreach (var ((hold, reference), (sequence, refusal)) in _refusedPayments)
            refused += Content.Of((ulong)hold, reference, (ulong)sequence, (ulong)refusal);
        digest = Content.Of(digest, refused);
        return Content.Of(
            digest, (ulong)State, (ulong)Revision, _nextTicket, (ulong)Owed.Amount, (ulong)_refusedPayments.Count, (ulong)_orders.Count);
    }

    private Verdict DecideHold(in Command command, long nowMs, ref Entry entry, ref Reply reply)
    {
        if (IsAnsweredAtOnce(command, nowMs, ref reply, out var verdict)) return verdict;

        var refusal = Price(command, ref entry, ref reply);
        if (refusal != Refusal.None) return Refuse(refusal, ref reply, reply.Allowed);
        var allowed = Plan!.Rules.PerBuyer - _buyers.PlacesOf(command.Buyer);
        if (entry.Lines.Places > allowed) return Refuse(Refusal.BuyerLimit, ref reply, Math.Max(allowed, 0));
        if (_places is null ? !Counts(command, ref reply) || !Fits(entry.Lines, ref reply) : !Suits(command, ref entry, ref reply))
            return Verdict.Refused;

        entry.Hold = command.Hold;
        entry.Buyer = command.Buyer;
        entry.Content = Content.OfHold(command);
        if (command.Kind == CommandKind.Purchase)
        {
            entry.Kind = _places is null ? EntryKind.Purchased : EntryKind.PurchasedPlaces;
            entry.Reference = command.Reference;
            entry.FirstTicket = _nextTicket;
            entry.UntilMs = 0;
            (reply.State, reply.FirstTicket) = (HoldState.Paid, _nextTicket);
        }
        else
        {
            entry.Kind = _places is null ? EntryKind.Held : EntryKind.HeldPlaces;

            // On a whole second, so that holds that end together are one bucket; never shorter than promised.
            entry.UntilMs = HoldEnd(nowMs);
            (reply.State, reply.UntilMs) = (HoldState.Held, entry.UntilMs);
        }

        reply.Lines = entry.Lines;
        reply.Amount = entry.Lines.Amount;
        if (_places is not null) Tell(entry, ref reply);
        return Verdict.Entry;
    }

    /// <summary>Reads the lines of a command at the prices of now, and checks what does not depend on who asks.</summary>
    private Refusal Price(in Command command, ref Entry entry, ref Reply reply)
    {
        for (var i = 0; i < command.Lines.Count; i++)
        {
            if (!Knows(command.Lines[i].Tier, command.Plan)) return Refusal.UnknownTier;
        }

        var journey = _places?.CheckJourney(command) ?? (command.From == 0 && command.To == 0 ? Refusal.None : Refusal.BadJourney);
        if (journey != Refusal.None) return journey;

        entry.Lines.Clear();
        var places = 0;
        for (var i = 0; i < command.Lines.Count; i++)
        {
            var (tier, quantity) = command.Lines[i];
            places += quantity;
            entry.Lines.Add(tier, quantity, _places is null ? Plan!.Tiers[tier].Price : Plan!.PriceOf(tier, command.From, command.To));
        }

        if (places <= Plan!.Rules.PerOrder) return Refusal.None;
        reply.Allowed = Plan.Rules.PerOrder;
        return Refusal.OrderLimit;
    }

    private long HoldEnd(long nowMs) => (nowMs + 999) / 1000 * 1000 + Plan!.Rules.HoldSeconds * 1000L;

    /// <summary>What comes before all else when places are asked for: whether the id is known, and whether the sale sells.</summary>
    private bool IsAnsweredAtOnce(in Command command, long nowMs, ref Reply reply, out Verdict verdict)
    {
        var number = _holds.Find(command.Hold);
        if (number >= 0)
        {
            verdict = Sees(command, _holds[number])
                ? RepeatHold(number, Content.OfHold(command), ref reply) : Refuse(Refusal.IdReused, ref reply);
            return true;
        }

        var refusal = NotSelling(nowMs);
        verdict = refusal == Refusal.None ? Verdict.None : Refuse(refusal, ref reply);
        return refusal != Refusal.None;
    }

    private Verdict RepeatHold(int number, ulong content, ref Reply reply)
    {
        ref readonly var hold = ref _holds[number];
        if (hold.Content != content) return Refuse(Refusal.IdReused, ref reply);

        // The first reply, whatever has become of the hold since; asking for it (FindHold) tells what has.
        Describe(number, ref reply);
        reply.Sequence = hold.PlacedSequence;
        reply.Refunded = 0;
        reply.Late = false;
        reply.Extensions = _places?.Given[number].Inherited ?? 0;
        if (_places is not null && _places.Given[number].Waited) return AsItWaited(ref reply);
        if (hold.PlacedSequence == hold.EndSequence) return Verdict.Repeat;

        reply.State = HoldState.Held;
        reply.FirstTicket = 0;
        reply.UntilMs = (hold.UntilSeconds - (long)(hold.Extensions - reply.Extensions) * Plan!.Rules.HoldSeconds) * 1000;
        return Verdict.Repeat;
    }

    private Verdict DecideExtend(in Command command, long nowMs, ref Entry entry, ref Reply reply)
    {
        var content = Content.Of((ulong)command.Kind, (ulong)command.Hold.Value, (ulong)(command.Hold.Value >> 64));
        if (Repeats(command.Key, content, out var verdict, ref reply)) return verdict;

        var number = Find(command);
        if (number < 0) return Refuse(Refusal.UnknownHold, ref reply);
        ref readonly var hold = ref _holds[number];
        if (hold.State != HoldState.Held) return Refuse(EndOf(hold), ref reply);
        if (IsDue(hold, nowMs)) return ExpireFirst(command, ref entry);
        if (hold.Extensions >= Plan!.Rules.Extensions) return Refuse(Refusal.ExtensionLimit, ref reply, Plan.Rules.Extensions);

        entry.Kind = EntryKind.Extended;
        entry.Hold = command.Hold;
        entry.Key = command.Key;
        entry.Content = content;
        entry.UntilMs = (hold.UntilSeconds + Plan.Rules.HoldSeconds) * 1000L;

        Describe(number, ref reply);
        reply.UntilMs = entry.UntilMs;
        reply.Extensions++;
        return Verdict.Entry;
    }

    private Verdict DecidePay(in Command command, long nowMs, ref Entry entry, ref Reply reply)
    {
        var number = Find(command);
        if (number < 0) return Refuse(Refusal.UnknownHold, ref reply);
        ref readonly var hold = ref _holds[number];
        var reference = (ulong)command.Reference.Value;

        if (hold.State == HoldState.Paid && hold.Reference == reference)
        {
            Describe(number, ref reply);
            reply.Refunded = 0;
            return Verdict.Repeat;
        }

        if (_refusedPayments.TryGetValue((number, reference), out var earlier))
        {
            Describe(number, ref reply);
            (reply.Sequence, reply.Refusal) = earlier;
            return Verdict.Repeat;
        }

        if (hold.State == HoldState.Held && IsDue(hold, nowMs)) return ExpireFirst(command, ref entry);

        entry.Lines.Clear();
        _holds.ReadLines(hold, ref entry.Lines);
        Describe(number, ref reply);

        // A payment for a hold that ran out is good while the places are: nobody else may have been promised them.
        if (hold.State == HoldState.Expired)
        {
            var allowed = Plan!.Rules.PerBuyer - _buyers[hold.Buyer];
            if (entry.Lines.Places > allowed) Refuse(Refusal.BuyerLimit, ref reply, Math.Max(allowed, 0));
            else if (_places is null) Fits(entry.Lines, ref reply);
            else SuitsAgain(number, entry.Lines, ref reply);
        }
        else if (hold.State != HoldState.Held)
        {
            reply.Refusal = EndOf(hold);
        }

        entry.Hold = command.Hold;
        entry.Reference = command.Reference;
        if (reply.Refusal != Refusal.None)
        {
            // Where nothing is collected no money can have moved, so there is nothing to write down.
            if (Plan!.PaymentKind == PaymentKind.None) return Refuse(reply.Refusal, ref reply, reply.Allowed);

            entry.Kind = EntryKind.PaymentRefused;
            entry.Refusal = reply.Refusal;
            entry.Amount = entry.Lines.Amount;
            return Verdict.Entry;
        }

        entry.Kind = EntryKind.Paid;
        entry.Late = hold.State == HoldState.Expired;
        entry.FirstTicket = _nextTicket;
        (reply.State, reply.FirstTicket, reply.Late) = (HoldState.Paid, _nextTicket, entry.Late);
        return Verdict.Entry;
    }

    private Verdict DecideRelease(in Command command, long nowMs, ref Entry entry, ref Reply reply)
    {
        var number = Find(command);
        if (number < 0) return Refuse(Refusal.UnknownHold, ref reply);
        ref readonly var hold = ref _holds[number];

        if (hold.State == HoldState.Released)
        {
            Describe(number, ref reply);
            return Verdict.Repeat;
        }

        if (hold.State is not (HoldState.Held or HoldState.Waiting)) return Refuse(EndOf(hold), ref reply);
        if (hold.State == HoldState.Held && IsDue(hold, nowMs)) return ExpireFirst(command, ref entry);

        (entry.Kind, entry.Hold) = (hold.State == HoldState.Held ? EntryKind.Released : EntryKind.Left, command.Hold);
        Describe(number, ref reply);
        reply.State = HoldState.Released;
        return Verdict.Entry;
    }

    private Verdict DecideRefund(in Command command, ref Entry entry, ref Reply reply)
    {
        var content = Content.OfRefund(command);
        if (Repeats(command.Key, content, out var verdict, ref reply)) return verdict;

        if (!RefundReason.IsValid(command.Reason)) return Refuse(Refusal.ReasonInvalid, ref reply);
        var number = FindOrder(command);
        if (number < 0 || _holds[number].State != HoldState.Paid) return Refuse(Refusal.UnknownOrder, ref reply);
        ref readonly var hold = ref _holds[number];

        Describe(number, ref reply);
        var all = (UInt128.One << reply.Lines.Places) - 1;
        var asked = all & ~reply.Refunded;
        if (command.Tickets is not null)
        {
            asked = 0;
            foreach (var ticket in command.Tickets)
            {
                if (ticket - hold.FirstTicket >= (uint)reply.Lines.Places)
                    return Refuse(Refusal.UnknownTicket, ref reply, detail: $"Ticket {ticket} is not of this order.");
                asked |= UInt128.One << (int)(ticket - hold.FirstTicket);
            }
        }

        if (asked == 0 || (asked & reply.Refunded) != 0) return Refuse(Refusal.AlreadyRefunded, ref reply);

        entry.Kind = EntryKind.Refunded;
        entry.Hold = _holds.IdOf(number);
        entry.Key = command.Key;
        entry.Content = content;
        entry.FirstTicket = hold.FirstTicket;
        entry.Tickets = asked;
        entry.Amount = AmountOf(reply.Lines, asked);
        entry.Resell = command.Resell;
        entry.Reason = command.Reason;
        (reply.Refunded, reply.Amount) = (asked, entry.Amount);
        return Verdict.Entry;
    }

    private Verdict DecidePlan(in Command command, ref Entry entry, ref Reply reply)
    {
        var asked = command.Plan!;
        reply.SaleState = State;
        reply.Sequence = Revision;

        // A plan that stands as it was asked for is a repeat, whichever version it was made for.
        var changed = PlanChange.Normalise(asked, Plan);
        if (Plan is not null && changed == Plan) return Verdict.Repeat;

        if (PlanCheck.Errors(asked) is [var error, ..])
            return Refuse(Refusal.PlanInvalid, ref reply, detail: $"{error.Path} {error.Message}.");
        if (BlocksOnSomeLegs(changed) is { } block) return Refuse(Refusal.PlanInvalid, ref reply, detail: block);
        if (command.Revision != Revision) return Refuse(Refusal.PlanChanged, ref reply);
        if (Plan is not null && State != SaleState.Draft)
        {
            if (PlanChange.Frozen(Plan, changed) is { } what) return Refuse(Refusal.PlanFrozen, ref reply, detail: what);
            if (_holds.OfferCountWith(changed) > Plan.PricesMax)
                return Refuse(Refusal.PlanFrozen, ref reply, detail: "The prices have been changed too often.");

            if (_places?.Clash(changed) is { } clash) return Refuse(Refusal.CapacityInUse, ref reply, detail: clash);
            for (var i = 0; i < _pools.Length; i++)
            {
                if (changed.Pools[i].HasPlaces) continue;
                var needed = _pools[i].Held + _pools[i].Sold + changed.Pools[i].Blocked;
                if (changed.Pools[i].Capacity >= needed) continue;
                return Refuse(
                    Refusal.CapacityInUse, ref reply, needed,
                    $"pools \"{changed.Pools[i].Id}\": {_pools[i].Held} are held, {_pools[i].Sold} sold and {changed.Pools[i].Blocked} to be blocked.");
            }
        }

        entry.Kind = EntryKind.Planned;
        entry.Plan = changed;
        reply.Plan = changed;
        reply.SaleState = Plan is null ? SaleState.Draft : State;
        return Verdict.Entry;
    }

    private Verdict DecideState(in Command command, long nowMs, ref Entry entry, ref Reply reply)
    {
        var content = Content.Of((ulong)command.Kind);
        if (Repeats(command.Key, content, out var verdict, ref reply)) return verdict;

        var (wanted, kind) = command.Kind switch
        {
            CommandKind.Open => (SaleState.Open, EntryKind.Opened),
            CommandKind.Pause => (SaleState.Paused, EntryKind.Paused),
            _ => (SaleState.Closed, EntryKind.Closed),
        };
        (reply.SaleState, reply.Sequence) = (State, _stateSequence);
        if (State == wanted) return Verdict.Repeat;

        reply.Sequence = 0;
        if (wanted == SaleState.Open && nowMs >= Plan?.ClosesAtMs)
            return Refuse(Refusal.SaleClosed, ref reply, detail: "The closing time of the plan is past; change it first.");
        if (Plan is null || (wanted != SaleState.Open && State == SaleState.Draft)) return Refuse(Refusal.SaleDraft, ref reply);
        if (wanted == SaleState.Paused && State == SaleState.Closed) return Refuse(Refusal.SaleClosed, ref reply);

        // The first plan of a sale is written when its journal is made, and no sale has decided it.
        if (State == SaleState.Draft && BlocksOnSomeLegs(Plan) is { } block) return Refuse(Refusal.PlanInvalid, ref reply, detail: block);

        entry.Kind = kind;
        entry.Key = command.Key;
        entry.Content = content;
        reply.SaleState = wanted;
        return Verdict.Entry;
    }

    private Verdict Look(in Command command, long nowMs, ref Entry entry, ref Reply reply)
    {
        var number = command.Kind == CommandKind.FindOrder ? FindOrder(command) : Find(command);
        if (command.Kind == CommandKind.FindOrder && (number < 0 || _holds[number].State != HoldState.Paid))
            return Refuse(Refusal.UnknownOrder, ref reply);
        if (number < 0) return Refuse(Refusal.UnknownHold, ref reply);

        ref readonly var hold = ref _holds[number];
        if (hold.State == HoldState.Held && IsDue(hold, nowMs)) return ExpireFirst(command, ref entry);
        Describe(number, ref reply);
        return Verdict.Found;
    }

    /// <summary>Orders in one page of a list at the most.</summary>
    public const int OrderPage = 100;

    /// <summary>Orders that are looked at for one page of somebody's own, at the most: others wait meanwhile.</summary>
    public const int OrderScan = 4_096;

    private Verdict ListOrders(in Command command, ref Reply reply)
    {
        var from = OrdersUpTo(command.Revision);
        var end = Math.Min(_orders.Count, from + (command.Whose == Whose.Everybodys ? OrderPage : OrderScan));
        var rows = new List<OrderRow>();
        var at = from;
        for (; at < end && rows.Count < OrderPage; at++)
        {
            var number = _orders[at];
            ref readonly var hold = ref _holds[number];
            if (!Sees(command, hold)) continue;
            var lines = new PricedLines();
            _holds.ReadLines(hold, ref lines);
            var row = new OrderRow(
                hold.EndSequence, 0, hold.FirstTicket, lines, _refunded.Read(hold.FirstTicket, lines.Places), hold.Late,
                hold.By == 0 ? null : _keyNames[hold.By - 1]);
            rows.Add(_places is null ? row : WithPlaces(row, number));
        }

        reply.Orders = [.. rows];
        if (at < _orders.Count) reply.Next = _holds[_orders[at - 1]].EndSequence;
        return Verdict.Found;
    }

    private void ApplyHold(in Entry entry, long sequence)
    {
        var paid = entry.Kind is EntryKind.Purchased or EntryKind.PurchasedPlaces
            || (entry.Kind == EntryKind.Exchanged && entry.FirstTicket != 0);
        var places = entry.Lines.Places;
        var buyer = _buyers.NumberOf(entry.Buyer);
        ref var hold = ref _holds.Add(entry, out var number);
        hold.Content = entry.Content;
        hold.PlacedSequence = sequence;
        hold.Buyer = buyer;
        hold.By = entry.By;
        if (_places is not null)
        {
            _places.Add(entry);
            Move(number, entry.Lines, UInt128.MaxValue, paid ? 0 : 1, paid ? 1 : 0);
        }
        else
        {
            _buyers[buyer] += places;
            for (var i = 0; i < entry.Lines.Count; i++)
            {
                ref var pool = ref _pools[_poolOfTier[entry.Lines[i].Tier]];
                if (paid) pool.Sold += entry.Lines[i].Quantity;
                else pool.Held += entry.Lines[i].Quantity;
            }
        }

        if (!paid)
        {
            hold.State = HoldState.Held;
            hold.UntilSeconds = (uint)(entry.UntilMs / 1000);
            _holds.Due.Add(number, hold.UntilSeconds);
            return;
        }

        hold.State = HoldState.Paid;
        hold.Reference = (ulong)entry.Reference.Value;
        hold.EndSequence = sequence;
        hold.FirstTicket = entry.FirstTicket;
        _nextTicket = entry.FirstTicket + (uint)places;
        _orders.Add() = number;
    }

    private void ApplyExtended(in Entry entry, long sequence)
    {
        var number = _holds.Find(entry.Hold);
        ref var hold = ref _holds[number];
        hold.UntilSeconds = (uint)(entry.UntilMs / 1000);
        hold.Extensions++;

        if (entry.Key.IsNone) return;
        ref var request = ref _requests.Add(entry.Key);
        (request.Content, request.Sequence, request.Hold, request.UntilMs) = (entry.Content, sequence, number, entry.UntilMs);
    }

    private void ApplyPaid(in Entry entry, long sequence)
    {
        var number = _holds.Find(entry.Hold);
        ref var hold = ref _holds[number];
        var lines = new PricedLines();
        _holds.ReadLines(hold, ref lines);
        for (var i = 0; i < lines.Count; i++)
        {
            ref var pool = ref _pools[_poolOfTier[lines[i].Tier]];
            var places = lines[i].Quantity * LegsOf(number, lines[i].Tier);
            pool.Sold += places;
            if (!entry.Late) pool.Held -= places;
        }

        if (entry.Late)
        {
            _buyers[hold.Buyer] += lines.Places;
            _places?.TurnSeats(number, lines, UInt128.MaxValue, take: true);
            _places?.TurnPassengers(number, lines, UInt128.MaxValue);
        }

        hold.State = HoldState.Paid;
        hold.Late = entry.Late;
        hold.Reference = (ulong)entry.Reference.Value;
        hold.EndSequence = sequence;
        hold.FirstTicket = entry.FirstTicket;
        _nextTicket = entry.FirstTicket + (uint)lines.Places;
        _orders.Add() = number;
    }

    private void ApplyEnd(in Entry entry, HoldState end, long sequence)
    {
        var number = _holds.Find(entry.Hold);
        ref var hold = ref _holds[number];
        hold.State = end;
        hold.EndSequence = sequence;

        var lines = new PricedLines();
        _holds.ReadLines(hold, ref lines);
        if (_places is not null)
        {
            Move(number, lines, UInt128.MaxValue, held: -1, sold: 0);
            _places.Returned(lines);
            return;
        }

        _buyers[hold.Buyer] -= lines.Places;
        for (var i = 0; i < lines.Count; i++) _pools[_poolOfTier[lines[i].Tier]].Held -= lines[i].Quantity;
    }

    private void ApplyRefunded(in Entry entry, long sequence)
    {
        var number = _holds.Find(entry.Hold);
        ref var hold = ref _holds[number];
        _refunded.Set(entry.FirstTicket, entry.Tickets);

        var lines = new PricedLines();
        _holds.ReadLines(hold, ref lines);
        if (_places is not null)
        {
            Move(number, lines, entry.Tickets, held: 0, sold: -1);
            if (entry.Resell) _places.Returned(lines);
            else BlockTickets(number, lines, entry.Tickets, sequence);
        }
        else
        {
            _buyers[hold.Buyer] -= (int)UInt128.PopCount(entry.Tickets);
            var before = 0;
            for (var i = 0; i < lines.Count; i++)
            {
                var returned = PlacesIn(entry.Tickets, before, lines[i].Quantity);
                before += lines[i].Quantity;

                var pool = _poolOfTier[lines[i].Tier];
                _pools[pool].Sold -= returned;
                if (!entry.Resell) Block(pool, returned, sequence);
            }
        }

        if (entry.Key.IsNone) return;
        ref var request = ref _requests.Add(entry.Key);
        (request.Content, request.Sequence, request.Hold) = (entry.Content, sequence, number);
        (request.Tickets, request.Amount) = (entry.Tickets, entry.Amount);
    }

    private void Block(int pool, int places, long sequence)
    {
        if (places == 0) return;
        _pools[pool].Blocked += places;

        // What is blocked is part of the plan: a change that was prepared before must not put the places back unseen.
        var pools = (PoolPlan[])Plan!.Pools.Clone();
        pools[pool] = pools[pool] with { Blocked = _pools[pool].Blocked };
        Plan = Plan with { Pools = pools };
        Revision = sequence;
    }

    private void ApplyPaymentRefused(in Entry entry, long sequence)
    {
        _refusedPayments.Add((_holds.Find(entry.Hold), (ulong)entry.Reference.Value), (sequence, entry.Refusal));
        Owed = (Owed.Payments + 1, Owed.Amount + entry.Amount);
    }

    private void ApplyPlanned(in Entry entry, long sequence)
    {
        var plan = entry.Plan!;
        var pools = new Pool[plan.Pools.Length];

        // Only a draft, in which nothing is held or sold, may have fewer pools than before.
        Array.Copy(_pools, pools, Math.Min(_pools.Length, pools.Length));
        for (var i = 0; i < pools.Length; i++)
        {
            // A place that travels is counted once for every leg.
            var legs = plan.Pools[i].Travel == Travel.None ? 1 : plan.Legs;
            (pools[i].Capacity, pools[i].Blocked) = (plan.Pools[i].Capacity * legs, plan.Pools[i].Blocked);
        }

        _pools = pools;
        _poolOfTier = Array.ConvertAll(plan.Tiers, tier => plan.PoolNamed(tier.Pool));
        if (State is SaleState.None or SaleState.Draft)
        {
            State = SaleState.Draft;
            _places = plan.HasPlaces ? new(plan) : null;
            _places?.Set(plan, _poolOfTier, anew: true);
            _holds.Due.Span(plan.Rules.HoldSeconds * (1 + plan.Rules.Extensions) + 1);

            // A hold and a buyer for every place: more will come when holds lapse, fewer when people buy in pairs.
            var places = (int)Math.Min(pools.Sum(pool => (long)pool.Capacity), int.MaxValue);
            _holds.Reserve(places);
            _buyers.Reserve(places);
        }
        else
        {
            _places?.Set(plan, _poolOfTier, anew: false);
        }

        Plan = plan;
        Revision = sequence;
    }

    private void ApplyState(in Entry entry, SaleState state, long sequence)
    {
        (State, _stateSequence) = (state, sequence);
        if (state == SaleState.Open) _places?.ReturnedAnywhere();
        if (entry.Key.IsNone) return;

        ref var request = ref _requests.Add(entry.Key);
        (request.Content, request.Sequence, request.SaleState, request.Hold) = (entry.Content, sequence, state, -1);
    }

    private void ApplyKeyNamed(in Entry entry)
    {
        _keyNames.Add(entry.Name!);
        _keyNumbers.Add(entry.Name!, entry.By);
    }

    /// <summary>Notes who asked for what is to be written; a key that has done nothing here yet gets a number first.</summary>
    private Verdict SignBy(string? by, ref Entry entry, ref Reply reply)
    {
        entry.By = 0;
        if (by is null || _keyNumbers.TryGetValue(by, out entry.By)) return Verdict.Entry;
        if (_keyNames.Count == ushort.MaxValue) return Refuse(Refusal.TooManyKeys, ref reply);

        (entry.Kind, entry.By, entry.Name) = (EntryKind.KeyNamed, (ushort)(_keyNames.Count + 1), by);
        return Verdict.NameFirst;
    }

    // What the asker may not see is looked for and found like what is not there.
    private int Find(in Command command)
    {
        var number = _holds.Find(command.Hold);
        return number < 0 || Sees(command, _holds[number]) ? number : -1;
    }

    private int FindOrder(in Command command)
    {
        if (command.Whose != Whose.Everybodys || (command.Order == 0 && command.Ticket == 0)) return Find(command);

        // Orders have their sequences and first tickets in the same ascending order.
        var at = OrdersUpTo(command.Order, command.Ticket) - 1;
        if (at < 0) return -1;
        ref readonly var hold = ref _holds[_orders[at]];
        var fits = command.Order != 0 ? hold.EndSequence == command.Order : command.Ticket - hold.FirstTicket < (uint)_holds.PlacesOf(hold);
        return fits ? _orders[at] : -1;
    }

    /// <summary>How many orders have no later sequence; or, without one, no later first ticket.</summary>
    private int OrdersUpTo(long sequence, uint ticket = 0)
    {
        var (from, to) = (0, _orders.Count);
        while (from < to)
        {
            var middle = from + (to - from) / 2;
            ref readonly var hold = ref _holds[_orders[middle]];
            if (ticket == 0 ? hold.EndSequence <= sequence : hold.FirstTicket <= ticket) from = middle + 1;
            else to = middle;
        }

        return from;
    }

    private bool Sees(in Command command, in HoldRecord hold) => command.Whose switch
    {
        Whose.Everybodys => true,
        Whose.Keys => hold.By != 0 && command.By is { } by && _keyNumbers.TryGetValue(by, out var number) && number == hold.By,
        Whose.Buyers => hold.By == 0 && _buyers.Find(command.Buyer) == hold.Buyer,
        _ => _buyers.Find(command.Buyer) == hold.Buyer,
    };

    /// <summary>Whether the request was made before; then the verdict is its first reply or IdReused.</summary>
    private bool Repeats(RequestKey key, ulong content, out Verdict verdict, ref Reply reply)
    {
        verdict = Verdict.Repeat;
        var number = _requests.Find(key);
        if (number < 0) return false;

        ref readonly var request = ref _requests[number];
        if (request.Content != content)
        {
            verdict = Refuse(Refusal.IdReused, ref reply);
            return true;
        }

        reply.SaleState = request.SaleState;
        if (request.Hold >= 0) Describe(request.Hold, ref reply);
        reply.Sequence = request.Sequence;
        if (request.UntilMs != 0)
        {
            ref readonly var hold = ref _holds[request.Hold];
            (reply.State, reply.UntilMs, reply.FirstTicket, reply.Refunded, reply.Late) = (HoldState.Held, request.UntilMs, 0, 0, false);
            reply.Extensions = (byte)(hold.Extensions - (hold.UntilSeconds - request.UntilMs / 1000) / Plan!.Rules.HoldSeconds);
        }
        else if (request.Tickets != 0)
        {
            (reply.Refunded, reply.Amount) = (request.Tickets, request.Amount);
        }

        return true;
    }

    private void Describe(int number, ref Reply reply)
    {
        ref readonly var hold = ref _holds[number];
        reply.Sequence = hold.EndSequence != 0 ? hold.EndSequence : hold.PlacedSequence;
        reply.State = hold.State;
        reply.Extensions = hold.Extensions;
        reply.Late = hold.Late;
        reply.UntilMs = hold.UntilSeconds * 1000L;
        reply.FirstTicket = hold.FirstTicket;
        _holds.ReadLines(hold, ref reply.Lines);
        reply.Amount = reply.Lines.Amount;
        if (hold.FirstTicket != 0) reply.Refunded = _refunded.Read(hold.FirstTicket, reply.Lines.Places);
        if (_places is not null) DescribePlaces(number, ref reply);
    }

    private Refusal NotSelling(long nowMs) => State switch
    {
        SaleState.Paused => Refusal.SalePaused,
        SaleState.Closed => Refusal.SaleClosed,
        SaleState.Open when nowMs >= Plan!.ClosesAtMs => Refusal.SaleClosed,
        SaleState.Open when nowMs < Plan!.OpensAtMs => Refusal.NotYetOpen,
        SaleState.Open => Refusal.None,
        _ => Refusal.SaleDraft,
    };

    // The tier was looked up in the plan that its asker saw. Nearly always that is still this one; else the names must agree.
    private bool Knows(ushort tier, Plan? seen) =>
        tier < Plan!.Tiers.Length
        && (ReferenceEquals(seen, Plan) || (seen is not null && tier < seen.Tiers.Length && seen.Tiers[tier].Id == Plan.Tiers[tier].Id));

    // All or nothing: every pool must have room for all its lines together.
    private bool Fits(in PricedLines lines, ref Reply reply)
    {
        for (var i = 0; i < lines.Count; i++)
        {
            var pool = _poolOfTier[lines[i].Tier];
            var wanted = 0;
            for (var j = 0; j < lines.Count; j++)
            {
                if (_poolOfTier[lines[j].Tier] == pool) wanted += lines[j].Quantity;
            }

            var free = _pools[pool].Free;
            if (wanted <= free) continue;
            Refuse(free > 0 ? Refusal.NotEnough : Refusal.SoldOut, ref reply, Math.Max(free, 0));
            return false;
        }

        return true;
    }

    // In the very millisecond in which a hold ends, it has ended; the timer and a late payment agree on that.
    private static bool IsDue(in HoldRecord hold, long nowMs) => nowMs >= hold.UntilSeconds * 1000L;

    private static Verdict ExpireFirst(in Command command, ref Entry entry)
    {
        (entry.Kind, entry.Hold, entry.By) = (EntryKind.Expired, command.Hold, 0);
        return Verdict.ExpireFirst;
    }

    private static Refusal EndOf(in HoldRecord hold) => hold.State switch
    {
        HoldState.Paid => Refusal.AlreadyPaid,
        HoldState.Released => Refusal.HoldReleased,
        HoldState.Waiting => Refusal.StillWaiting,
        _ => Refusal.HoldExpired,
    };

    private static Verdict Refuse(Refusal refusal, ref Reply reply, int allowed = 0, string? detail = null)
    {
        (reply.Refusal, reply.Sequence, reply.Allowed, reply.Detail) = (refusal, 0, allowed, detail);
        return Verdict.Refused;
    }

    private static long AmountOf(in PricedLines lines, UInt128 tickets)
    {
        var (amount, before) = (0L, 0);
        for (var i = 0; i < lines.Count; i++)
        {
            amount += PlacesIn(tickets, before, lines[i].Quantity) * lines[i].Price;
            before += lines[i].Quantity;
        }

        return amount;
    }

    private static int PlacesIn(UInt128 tickets, int from, int count) =>
        (int)UInt128.PopCount(tickets >> from & ((UInt128.One << count) - 1));
}

/// <summary>The places of one pool at one sequence: free = capacity − blocked − held − sold.</summary>
public readonly record struct PoolCount(int Capacity, int Blocked, int Held, int Sold)
{
    public int Free => Capacity - Blocked - Held - Sold;
}
