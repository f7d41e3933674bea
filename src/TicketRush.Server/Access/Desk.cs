using TicketRush.Engine;
using TicketRush.Journal;

namespace TicketRush.Server.Access;

/// <summary>What a buyer without a key runs into before the sale is asked.</summary>
public enum DeskRefusal : byte
{
    None = 0,

    /// <summary>As many holds as a session may have.</summary>
    HoldsLimit = 1,

    /// <summary>A hold ran out unpaid a moment ago.</summary>
    WaitAfterLapse = 2,

    /// <summary>Somebody else collects the money in this sale, and confirms it.</summary>
    PaymentElsewhere = 3,

    /// <summary>As many holds as all buyers of a network may have.</summary>
    NetworkHolds = 4,
}

/// <param name="Outcome">What the sale said; only when nothing is refused here.</param>
/// <param name="RetryAfter">Seconds, with <see cref="DeskRefusal.WaitAfterLapse"/> and <see cref="DeskRefusal.NetworkHolds"/>.</param>
public readonly record struct DeskAnswer(Outcome Outcome, DeskRefusal Refusal = DeskRefusal.None, int RetryAfter = 0);

/// <summary>
/// Where API and pages hand in what their callers ask of a sale. Signs it with who asks, and keeps buyers without a key to
/// their limits: so many holds at once, of one and of a network, and a pause after one that lapsed. For every thread.
/// <para>
/// The counts are this process's. Before somebody is turned away the sale is asked what has become of the holds, so a hold that was
/// paid through another server does not count; and a request that was served before is answered again, whatever the limits say.
/// </para>
/// </summary>
public sealed class Desk(Identities identities, BuyerLimits limits, bool allowsTestPayments, TimeProvider time)
{
    private sealed class Buyer
    {
        public readonly List<Kept> Holds = [];
        public long WaitUntil;
    }

    // UntilMs is sale time; long.MaxValue while nobody knows.
    private sealed class Kept(OpenSale sale, HoldId hold, UInt128 network)
    {
        public readonly OpenSale Sale = sale;
        public readonly HoldId Hold = hold;
        public readonly UInt128 Network = network;

        // While nobody knows whether it is, it can be no longer than until then.
        public readonly long LatestMs = sale.Sequencer!.NowMs + ((sale.Sequencer.Snapshot?.Plan.Rules.HoldSeconds ?? 0) + 1) * 1000L;
        public long UntilMs = long.MaxValue;
        public bool IsAsking = true;

        public bool HasEnded(long graceMs = 0) =>
            !IsAsking && (UntilMs == long.MaxValue ? LatestMs : UntilMs) + graceMs <= Sale.Sequencer!.NowMs;
    }

    private const int NetworkRetrySeconds = 5;

    private readonly Dictionary<UInt128, Buyer> _buyers = [];
    private readonly Dictionary<UInt128, HashSet<Kept>> _networks = [];
    private readonly Lock _gate = new();
    private readonly long _start = time.GetTimestamp();
    private long _sweptAt;

    private long Now => time.GetElapsedTime(_start).Ticks;

    /// <summary>Buyers with holds that this process knows of, or in their pause.</summary>
    public int Remembered
    {
        get
        {
            lock (_gate) return _buyers.Count;
        }
    }

    /// <summary>Submits what the caller asks. The command is complete but for who asks: this sets By, Whose, and a buyer's own
    /// Buyer.</summary>
    /// <param name="sale">Open: it has a sequencer.</param>
    public async ValueTask<DeskAnswer> AskAsync(Caller caller, OpenSale sale, Submission submission)
    {
        caller.Sign(ref submission.Command);
        var sequencer = sale.Sequencer!;
        if (caller.Kind == CallerKind.Key) return new(await sequencer.SubmitAsync(submission));

        var session = caller.Session;
        submission.Command.Buyer = identities.Session(session);
        var kind = submission.Command.Kind;
        if (kind is CommandKind.Pay or CommandKind.Purchase && !MayPay(sequencer.Snapshot!.Plan.PaymentKind))
            return new(Outcome.None, DeskRefusal.PaymentElsewhere);
        if (kind == CommandKind.Exchange)
        {
            var exchanged = await sequencer.SubmitAsync(submission);
            if (exchanged == Outcome.Done) Replace(caller, sale, submission);
            return new(exchanged);
        }

        if (kind is not (CommandKind.Hold or CommandKind.Wait or CommandKind.Extend or CommandKind.Pay or CommandKind.Release))
            return new(await sequencer.SubmitAsync(submission));

        var hold = submission.Command.Hold;
        if (kind is not (CommandKind.Hold or CommandKind.Wait))
        {
            var said = await sequencer.SubmitAsync(submission);
            if (said == Outcome.Done) Note(session, hold, submission.Reply);
            return new(said);
        }

        await LearnAsync(session);
        if (IsKept(session, hold))
        {
            // The same again: whatever comes of it, it is one hold.
            var again = await sequencer.SubmitAsync(submission);
            if (again == Outcome.Done) Note(session, hold, submission.Reply);
            return new(again);
        }

        var (kept, refusal, wait) = Begin(caller, sale, hold);
        if (kept is null)
        {
            // Asking twice is asking once, also for who has come to a limit meanwhile.
            var found = new Submission { Command = submission.Command with { Kind = CommandKind.FindHold } };
            if (await sequencer.SubmitAsync(found) != Outcome.Done) return new(Outcome.None, refusal, wait);
            return new(await sequencer.SubmitAsync(submission));
        }

        var outcome = Outcome.Unknown;
        try
        {
            outcome = await sequencer.SubmitAsync(submission);
        }
        finally
        {
            End(session, kept, outcome, submission.Reply);
        }

        return new(outcome);
    }

    /// <summary>Whether buyers without a key may confirm payments of this kind themselves.</summary>
    public bool MayPay(PaymentKind kind) => kind == PaymentKind.None || (kind == PaymentKind.Test && allowsTestPayments);

    /// <summary>Asks what has become of holds that must have ended, or of which nobody knows whether they are.</summary>
    private async ValueTask LearnAsync(UInt128 session)
    {
        Kept[] due;
        lock (_gate)
        {
            if (!_buyers.TryGetValue(session, out var buyer)) return;
            var isFull = buyer.Holds.Count >= limits.Holds;
            due = [.. buyer.Holds.Where(kept => !kept.IsAsking
                && (isFull || kept.UntilMs == long.MaxValue || kept.UntilMs <= kept.Sale.Sequencer!.NowMs))];
        }

        foreach (var kept in due)
        {
            var submission = new Submission
            {
                Command = new() { Kind = CommandKind.FindHold, Hold = kept.Hold, Buyer = identities.Session(session),
                    Whose = Whose.Buyers },
            };
            var outcome = await kept.Sale.Sequencer!.SubmitAsync(submission);
            if (outcome == Outcome.Done) Note(session, kept.Hold, submission.Reply);
            else if (outcome == Outcome.Refused) Forget(session, kept);
        }
    }

    private bool IsKept(UInt128 session, HoldId hold)
    {
        lock (_gate) return _buyers.TryGetValue(session, out var buyer) && buyer.Holds.Exists(kept => kept.Hold == hold);
    }

    private (Kept? Kept, DeskRefusal Refusal, int RetryAfter) Begin(Caller caller, OpenSale sale, HoldId hold)
    {
        lock (_gate)
        {
            if (_buyers.TryGetValue(caller.Session, out var buyer))
            {
                var wait = buyer.WaitUntil - Now;
                if (wait > 0)
                    return (null, DeskRefusal.WaitAfterLapse, (int)((wait + TimeSpan.TicksPerSecond - 1) / TimeSpan.TicksPerSecond));
                if (buyer.Holds.Count >= limits.Holds) return (null, DeskRefusal.HoldsLimit, 0);
            }
            else if (_buyers.Count >= limits.RememberedMax && !Sweep())
            {
                return (null, DeskRefusal.WaitAfterLapse, 1);
            }

            if (_networks.TryGetValue(caller.Network, out var network) && network.Count >= limits.NetworkHolds
                && network.RemoveWhere(kept => kept.HasEnded()) == 0)
                return (null, DeskRefusal.NetworkHolds, NetworkRetrySeconds);

            if (buyer is null) _buyers.Add(caller.Session, buyer = new());
            var added = new Kept(sale, hold, caller.Network);
            buyer.Holds.Add(added);
            Count(added);
            return (added, DeskRefusal.None, 0);
        }
    }

    private void Count(Kept kept)
    {
        if (!_networks.TryGetValue(kept.Network, out var network)) _networks.Add(kept.Network, network = []);
        network.Add(kept);
    }

    private void Uncount(Kept kept)
    {
        if (_networks.TryGetValue(kept.Network, out var network) && network.Remove(kept) && network.Count == 0)
            _networks.Remove(kept.Network);
    }

    private void End(UInt128 session, Kept kept, Outcome outcome, in Reply reply)
    {
        lock (_gate)
        {
            kept.IsAsking = false;
            if (outcome == Outcome.Done) NoteLocked(session, kept.Hold, reply);

            // What is unknown may be a hold: it counts until the sale says otherwise.
            else if (outcome != Outcome.Unknown) ForgetLocked(session, kept);
        }
    }

    private void Note(UInt128 session, HoldId hold, in Reply reply)
    {
        lock (_gate) NoteLocked(session, hold, reply);
    }

    private void NoteLocked(UInt128 session, HoldId hold, in Reply reply)
    {
        if (!_buyers.TryGetValue(session, out var buyer) || buyer.Holds.Find(kept => kept.Hold == hold) is not { } kept) return;
        kept.UntilMs = reply.UntilMs;
        if (reply.State == HoldState.Held) return;
        if (reply.State == HoldState.Waiting)
        {
            // It counts like the hold that it will become; when that is nobody knows, so it is asked about the next time.
            kept.UntilMs = kept.Sale.Sequencer!.NowMs;
            return;
        }

        if (reply.State == HoldState.Expired)
        {
            var ago = Math.Max(0, kept.Sale.Sequencer!.NowMs - reply.UntilMs);
            var left = limits.WaitAfterLapse.Ticks - Math.Min(ago, 3_600_000) * TimeSpan.TicksPerMillisecond;
            buyer.WaitUntil = Math.Max(buyer.WaitUntil, Now + left);
        }

        ForgetLocked(session, kept);
    }

    /// <summary>One hold for another: as many as before.</summary>
    private void Replace(Caller caller, OpenSale sale, Submission submission)
    {
        if (submission.Reply.State != HoldState.Held) return;
        lock (_gate)
        {
            // One that another process gave, or that this one has forgotten, is not counted here.
            if (!_buyers.TryGetValue(caller.Session, out var buyer)) return;
            var at = buyer.Holds.FindIndex(kept => kept.Hold == submission.Command.Of);
            if (at < 0) return;
            Uncount(buyer.Holds[at]);
            var kept = new Kept(sale, submission.Command.Hold, caller.Network) { UntilMs = submission.Reply.UntilMs, IsAsking = false };
            buyer.Holds[at] = kept;
            Count(kept);
        }
    }

    private void Forget(UInt128 session, Kept kept)
    {
        lock (_gate) ForgetLocked(session, kept);
    }

    private void ForgetLocked(UInt128 session, Kept kept)
    {
        Uncount(kept);
        if (!_buyers.TryGetValue(session, out var buyer)) return;
        buyer.Holds.Remove(kept);
        if (buyer.Holds.Count == 0 && buyer.WaitUntil <= Now) _buyers.Remove(session);
    }

    /// <summary>Forgets who has nothing any more; once a second at the most, for it looks at everybody.</summary>
    private bool Sweep()
    {
        var now = Now;
        if (now - _sweptAt < TimeSpan.TicksPerSecond) return false;
        _sweptAt = now;
        foreach (var (session, buyer) in _buyers)
        {
            // A hold whose pause would be over by now has nothing left to say.
            foreach (var kept in buyer.Holds.FindAll(kept => kept.HasEnded((long)limits.WaitAfterLapse.TotalMilliseconds)))
            {
                Uncount(kept);
                buyer.Holds.Remove(kept);
            }

            if (buyer.Holds.Count == 0 && buyer.WaitUntil <= now) _buyers.Remove(session);
        }

        return _buyers.Count < limits.RememberedMax;
    }
}
