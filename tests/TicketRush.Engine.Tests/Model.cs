namespace TicketRush.Engine.Tests;

/// <summary>
/// A sale as a child would write it: lists that are searched and summed anew for every question. It says what the sale must
/// answer, as a script would: the outcome first, then the facts that must be among the reply's.
/// </summary>
internal sealed class Model
{
    private sealed class Hold
    {
        public required Command Asked;
        public required (ushort Tier, int Quantity, long Price)[] Lines;
        public required string[] First;
        public required long UntilMs;
        public HoldState State = HoldState.Held;
        public long Sequence;
        public int Extensions;
        public uint FirstTicket;
        public bool Late;
        public string[]? PaidAnswer;
        public string[]? ReleasedAnswer;
        public UInt128 Reference;
        public readonly SortedSet<uint> Refunded = [];

        public int Places => Lines.Sum(line => line.Quantity);
        public long Amount => Lines.Sum(line => line.Quantity * line.Price);
        public bool Owns(uint ticket) => FirstTicket != 0 && ticket >= FirstTicket && ticket < FirstTicket + Places;

        public IEnumerable<(ushort Tier, uint Ticket, long Price)> Tickets => Lines
            .SelectMany(line => Enumerable.Repeat(line, line.Quantity))
            .Select((line, i) => (line.Tier, FirstTicket + (uint)i, line.Price));
    }

    private readonly Dictionary<HoldId, Hold> _holds = [];
    private readonly Dictionary<RequestKey, (string Content, string[] Answer)> _requests = [];
    private readonly Dictionary<(HoldId, UInt128), string[]> _refusedPayments = [];
    private long _sequence;
    private long _stateSequence;
    private uint _nextTicket = 1;

    public Plan? Plan { get; private set; }
    public long Revision { get; private set; }
    public SaleState State { get; private set; }
    public (int Payments, long Amount) Owed { get; private set; }
    public long Sequence => _sequence;

    public PoolCount CountOf(int pool)
    {
        var plan = Plan!.Pools[pool];
        var held = Sum(hold => hold.State == HoldState.Held ? hold.Lines.Where(line => In(line.Tier)).Sum(line => line.Quantity) : 0);
        var sold = Sum(hold =>
            hold.State == HoldState.Paid ? hold.Tickets.Count(ticket => In(ticket.Tier) && !hold.Refunded.Contains(ticket.Ticket)) : 0);
        return new(plan.Capacity, plan.Blocked, held, sold);

        bool In(ushort tier) => Plan.Tiers[tier].Pool == plan.Id;
    }

    public bool AnyDue(long nowMs) => _holds.Values.Any(hold => hold.State == HoldState.Held && hold.UntilMs <= nowMs);

    /// <returns>Whether the hold was due.</returns>
    public bool Expire(HoldId id, long nowMs)
    {
        if (!_holds.TryGetValue(id, out var hold) || hold.State != HoldState.Held || hold.UntilMs > nowMs) return false;
        (hold.State, hold.Sequence) = (HoldState.Expired, ++_sequence);
        return true;
    }

    public string[] Ask(Command command, long nowMs)
    {
        if (command.Kind is CommandKind.Hold or CommandKind.Purchase) return Place(command, nowMs);
        if (command.Kind is CommandKind.Open or CommandKind.Pause or CommandKind.Close) return Turn(command, nowMs);
        if (command.Kind == CommandKind.Plan) return Change(command.Plan!, command.Revision);

        var content = $"{command.Kind} {command.Hold}";
        if (command.Kind == CommandKind.Refund)
            content += $" {command.Resell} {command.Reason} {(command.Tickets is null ? "all" : string.Join(",", command.Tickets))}";
        if (command.Kind is (CommandKind.Extend or CommandKind.Refund) && _requests.TryGetValue(command.Key, out var request))
            return request.Content == content ? Again(request.Answer) : ["IdReused"];

        var hold = _holds.GetValueOrDefault(command.Hold);
        if (command.Kind is (CommandKind.FindOrder or CommandKind.Refund) && hold?.State != HoldState.Paid) return ["UnknownOrder"];
        if (hold is null) return ["UnknownHold"];
        if (command.Kind == CommandKind.Refund) return Refund(command, hold, content);

        Expire(command.Hold, nowMs);
        return command.Kind switch
        {
            CommandKind.Extend => Extend(command, hold, content),
            CommandKind.Pay => Pay(command, hold),
            CommandKind.Release => Release(hold),
            _ => [$"Found {hold.State}", .. Describe(hold)],
        };
    }

    private string[] Place(Command command, long nowMs)
    {
        var asked = Enumerable.Range(0, command.Lines.Count).Select(i => command.Lines[i]).ToArray();
        if (_holds.TryGetValue(command.Hold, out var known))
        {
            var before = Enumerable.Range(0, known.Asked.Lines.Count).Select(i => known.Asked.Lines[i]);
            var same = known.Asked.Kind == command.Kind && known.Asked.Buyer == command.Buyer && before.SequenceEqual(asked)
                && (command.Kind == CommandKind.Hold || known.Asked.Reference == command.Reference);
            return same ? Again(known.First) : ["IdReused"];
        }

        if (State == SaleState.Draft) return ["SaleDraft"];
        if (State == SaleState.Paused) return ["SalePaused"];
        if (State == SaleState.Closed || nowMs >= Plan!.ClosesAtMs) return ["SaleClosed"];
        if (nowMs < Plan.OpensAtMs) return ["NotYetOpen"];
        if (asked.Any(line => line.Tier >= Math.Min(Plan.Tiers.Length, command.Plan!.Tiers.Length))) return ["UnknownTier"];

        var hold = new Hold
        {
            Asked = command,
            Lines = [.. asked.Select(line => (line.Tier, (int)line.Quantity, Plan.Tiers[line.Tier].Price))],
            First = [],
            UntilMs = command.Kind == CommandKind.Purchase ? 0 : (nowMs + 999) / 1000 * 1000 + Plan.Rules.HoldSeconds * 1000,
        };
        if (hold.Places > Plan.Rules.PerOrder) return ["OrderLimit", $"allowed {Plan.Rules.PerOrder}"];
        if (Unfit(hold) is { } refusal) return refusal;

        _holds[command.Hold] = hold;
        hold.Sequence = ++_sequence;
        if (command.Kind == CommandKind.Purchase) Sell(hold, command.Reference, late: false);
        hold.First = [$"{hold.State}", .. Describe(hold)];
        if (command.Kind == CommandKind.Purchase) hold.PaidAnswer = hold.First;
        return hold.First;
    }

    private string[]? Unfit(Hold hold)
    {
        var buyer = hold.Asked.Buyer;
        var has = Sum(other => other.Asked.Buyer == buyer && other.State is (HoldState.Held or HoldState.Paid)
            ? other.Places - other.Refunded.Count
            : 0);
        if (hold.Places > Plan!.Rules.PerBuyer - has) return ["BuyerLimit", $"allowed {Plan.Rules.PerBuyer - has}"];

        foreach (var line in hold.Lines)
        {
            var pool = Plan.Tiers[line.Tier].Pool;
            var wanted = hold.Lines.Where(other => Plan.Tiers[other.Tier].Pool == pool).Sum(other => other.Quantity);
            var free = CountOf(Plan.PoolNamed(pool)).Free;
            if (wanted > free) return [free == 0 ? "SoldOut" : "NotEnough", $"allowed {free}"];
        }

        return null;
    }

    private void Sell(Hold hold, PaymentReference reference, bool late)
    {
        (hold.State, hold.Late, hold.Reference, hold.FirstTicket) = (HoldState.Paid, late, reference.Value, _nextTicket);
        _nextTicket += (uint)hold.Places;
    }

    private string[] Extend(Command command, Hold hold, string content)
    {
        if (hold.State != HoldState.Held) return [EndOf(hold)];
        if (hold.Extensions == Plan!.Rules.Extensions) return ["ExtensionLimit", $"allowed {hold.Extensions}"];

        hold.Extensions++;
        hold.UntilMs += Plan.Rules.HoldSeconds * 1000;
        return Remember(command.Key, content, ["Held", $"#{++_sequence}", .. Describe(hold)[1..]]);
    }

    private string[] Pay(Command command, Hold hold)
    {
        var reference = command.Reference.Value;
        if (hold.State == HoldState.Paid && hold.Reference == reference) return Again(hold.PaidAnswer!);
        if (_refusedPayments.TryGetValue((command.Hold, reference), out var earlier)) return Again(earlier);

        var refusal = hold.State == HoldState.Held ? null : hold.State == HoldState.Expired ? Unfit(hold) : [EndOf(hold)];
        if (refusal is not null)
        {
            if (Plan!.PaymentKind == PaymentKind.None) return refusal;
            Owed = (Owed.Payments + 1, Owed.Amount + hold.Amount);
            return _refusedPayments[(command.Hold, reference)] = [$"Owed {refusal[0]}", $"#{++_sequence}"];
        }

        Sell(hold, command.Reference, late: hold.State == HoldState.Expired);
        hold.Sequence = ++_sequence;
        return hold.PaidAnswer = ["Paid", .. Describe(hold)];
    }

    private string[] Release(Hold hold)
    {
        if (hold.State == HoldState.Released) return Again(hold.ReleasedAnswer!);
        if (hold.State != HoldState.Held) return [EndOf(hold)];
        (hold.State, hold.Sequence) = (HoldState.Released, ++_sequence);
        return hold.ReleasedAnswer = ["Released", .. Describe(hold)];
    }

    private string[] Refund(Command command, Hold hold, string content)
    {
        var left = hold.Tickets.Select(ticket => ticket.Ticket).Where(ticket => !hold.Refunded.Contains(ticket));
        var asked = (command.Tickets ?? left).ToHashSet();
        if (asked.Any(ticket => !hold.Owns(ticket))) return ["UnknownTicket"];
        if (asked.Count == 0 || asked.Any(hold.Refunded.Contains)) return ["AlreadyRefunded"];

        hold.Refunded.UnionWith(asked);
        var amount = hold.Tickets.Where(ticket => asked.Contains(ticket.Ticket)).Sum(ticket => ticket.Price);
        _sequence++;
        if (!command.Resell)
        {
            Revision = _sequence;
            foreach (var ticket in hold.Tickets.Where(ticket => asked.Contains(ticket.Ticket)))
            {
                var pool = Plan!.Tiers[ticket.Tier].Pool;
                Plan = Plan.With(pool, blocked: Plan.Pools[Plan.PoolNamed(pool)].Blocked + 1);
            }
        }

        string[] answer = ["Refunded", $"#{_sequence}", $"amount {amount}", $"refunded {string.Join("+", asked.Order())}"];
        return Remember(command.Key, content, answer);
    }

    private string[] Turn(Command command, long nowMs)
    {
        var content = $"{command.Kind}";
        if (_requests.TryGetValue(command.Key, out var request))
            return request.Content == content ? Again(request.Answer) : ["IdReused"];

        var wanted = command.Kind switch
        {
            CommandKind.Open => SaleState.Open,
            CommandKind.Pause => SaleState.Paused,
            _ => SaleState.Closed,
        };
        if (State == wanted) return [$"Again {State}", $"#{_stateSequence}"];
        if (wanted == SaleState.Open && nowMs >= Plan!.ClosesAtMs) return ["SaleClosed"];
        if (wanted != SaleState.Open && State == SaleState.Draft) return ["SaleDraft"];
        if (wanted == SaleState.Paused && State == SaleState.Closed) return ["SaleClosed"];
        (State, _stateSequence) = (wanted, ++_sequence);
        return Remember(command.Key, content, [$"{State}", $"#{_sequence}"]);
    }

    // The crowd never names pools and tiers in another order, nor an invalid plan; scripts do.
    private string[] Change(Plan asked, long revision)
    {
        if (Plan == asked) return [$"Again {State}", $"#{Revision}"];
        if (revision != Revision) return ["PlanChanged"];
        if (Plan is not null && State != SaleState.Draft)
        {
            if (Plan.Currency != asked.Currency) return ["PlanFrozen"];
            for (var i = 0; i < Plan.Pools.Length; i++)
            {
                var used = CountOf(i).Held + CountOf(i).Sold + asked.Pools[i].Blocked;
                if (used > asked.Pools[i].Capacity) return ["CapacityInUse", $"allowed {used}"];
            }
        }

        if (Plan is null) State = SaleState.Draft;
        (Plan, Revision) = (asked, ++_sequence);
        return [$"{State}", $"#{_sequence}"];
    }

    private string[] Remember(RequestKey key, string content, string[] answer)
    {
        if (!key.IsNone) _requests[key] = (content, answer);
        return answer;
    }

    private int Sum(Func<Hold, int> of)
    {
        var sum = 0;
        foreach (var hold in _holds.Values) sum += of(hold);
        return sum;
    }

    private static string EndOf(Hold hold) => hold.State switch
    {
        HoldState.Paid => "AlreadyPaid",
        HoldState.Released => "HoldReleased",
        _ => "HoldExpired",
    };

    private static string[] Again(string[] first) => [$"Again {first[0]}", .. first[1..]];

    private static string[] Describe(Hold hold) =>
    [
        $"#{hold.Sequence}",
        $"until {hold.UntilMs / 1000}s",
        hold.FirstTicket == 0 ? "no tickets" : $"tickets {hold.FirstTicket}-{hold.FirstTicket + hold.Places - 1}",
        $"amount {hold.Amount}",
        $"extended {hold.Extensions}",
        $"refunded {(hold.Refunded.Count == 0 ? "none" : string.Join("+", hold.Refunded))}",
        hold.Late ? "late" : "in time",
    ];
}
