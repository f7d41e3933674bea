using TicketRush.Engine;
using TicketRush.Journal.Audit;
using static TicketRush.Journal.Tests.AuditForge;

namespace TicketRush.Journal.Tests;

// Goal: every rule of the auditor can fail, and fails alone.
// Method: for each rule a journal with right hashes that breaks just this one, and beside it the same journal unbroken.
public sealed class AuditRulesTests
{
    private const long Now = 20_000, Until = 80_000;

    private sealed record Case(long Sequence, string What, Action<AuditForge, bool> Write);

    private static readonly Dictionary<string, Case> Cases = new()
    {
        ["the chain"] = new(3, "does not continue", (f, bad) =>
        {
            Open(f);
            if (bad) f.Tail = f.Tail with { Hash = default };
            f.At(Now, Held(1, 1, Until, (0, 1, 100)));
        }),
        ["no gap between sequences"] = new(3, "begins with sequence 4", (f, bad) =>
        {
            Open(f);
            if (bad) f.Tail = f.Tail with { Sequence = f.Tail.Sequence + 1 };
            f.At(Now, Held(1, 1, Until, (0, 1, 100)));
        }),
        ["time never runs back"] = new(4, "is before that of the batch before", (f, bad) =>
        {
            Open(f).At(Now + 1000, Held(1, 1, Until + 1000, (0, 1, 100)));
            f.At(bad ? Now : Now + 1000, Released(1));
        }),
        ["the zeros of the header"] = new(3, "zeros belong", (f, bad) => Reseal(f, bad, batch => batch[71] = 1)),
        ["what fills the batch behind the entries"] = new(3, "not 0xFF", (f, bad) => Reseal(f, bad, batch => batch[511] = 1)),
        ["the count of entries"] = new(4, "end before its count", (f, bad) => Reseal(f, bad, batch => batch[96] = 2)),
        ["the length of the entries"] = new(3, "lengths do not fit", (f, bad) => Reseal(f, bad, batch => batch[78] = 1)),
        ["no bytes behind the last entry"] = new(3, "follow the last entry", (f, bad) => Reseal(f, bad, batch => batch[76] += 8)),
        ["a format that was ever written"] = new(3, "its format is 0", (f, bad) => Reseal(f, bad, batch => batch[68] = 0)),
        ["the length of an entry"] = new(3, "says that it is 25 bytes long", (f, bad) => Reseal(f, bad, batch => batch[104] = 25)),
        ["a kind that is one"] = new(3, "kind 0", (f, bad) => Reseal(f, bad, batch => batch[108] = 0)),
        ["the flags of a kind"] = new(3, "has flags", (f, bad) => Reseal(f, bad, batch => batch[109] = 2)),
        ["the lines of a kind"] = new(3, "has 9 lines", (f, bad) => Reseal(f, bad, batch => batch[107] = 9)),
        ["the refusal of a kind"] = new(3, "has 22 where zero belongs", (f, bad) =>
        {
            Open(f).At(Now, new Entry { Kind = EntryKind.Paused });
            if (bad) f.Reseal(batch => batch[107] = 22);
        }),
        ["the fields of a kind"] = new(3, "bytes long, or has", (f, bad) =>
            Reseal(f, bad, batch => batch[104 + 8 + 16 + 16 + 8 + 8 + 15] = 1)),

        ["a key is named before it acts"] = new(3, "key number 1 has no name", (f, bad) =>
            Open(f).At(Now, bad ? [Held(1, 1, Until, (0, 1, 100)) with { By = 1 }] : [Named(1, "shop"),
                Held(1, 1, Until, (0, 1, 100)) with { By = 1 }])),
        ["keys are numbered without a gap"] = new(3, "has number 2, and the next is 1", (f, bad) => Open(f)
            .At(Now, Named((ushort)(bad ? 2 : 1), "shop"))),
        ["a key is named once"] = new(4, "has a number already", (f, bad) => Open(f)
            .At(Now, Named(1, "shop"), Named(2, bad ? "shop" : "desk"))),
        ["the name of a key is one"] = new(3, "the name of a key is none", (f, bad) => Open(f)
            .At(Now, Named(1, bad ? "Anna Schmidt" : "anna"))),
        ["nobody ends a hold that runs out"] = new(5, "a key is said to have done it", (f, bad) =>
            Open(f).At(Now, Named(1, "shop"), Held(1, 1, Until, (0, 1, 100))).At(Until, Expired(1) with { By = (ushort)(bad ? 1 : 0) })),

        ["a plan comes first"] = new(1, "before any plan", (f, bad) =>
        {
            if (bad) f.At(0, Office(EntryKind.Opened));
            f.At(0, Planned());
        }),
        ["a plan is one"] = new(1, "the plan is none", (f, bad) =>
            f.At(0, Planned(bad ? ThePlan with { Tiers = [new("t", "t", "nowhere", 1)] } : ThePlan))),

        ["no hold in a draft"] = Held("while the sale was draft", bad => bad ? [] : [Office(EntryKind.Opened)], sequenceIfBad: 2),
        ["no hold while paused"] = Held("while the sale was paused", bad =>
            bad ? [Office(EntryKind.Opened), Office(EntryKind.Paused)] : [Office(EntryKind.Opened)], sequenceIfBad: 4),
        ["no hold when closed"] = Held("while the sale was closed", bad =>
            bad ? [Office(EntryKind.Opened), Office(EntryKind.Closed)] : [Office(EntryKind.Opened)], sequenceIfBad: 4),
        ["no hold before opensAt"] = new(3, "before opensAt", (f, bad) => Open(f)
            .At(bad ? 9_999 : 10_000, Held(1, 1, 70_000, (0, 1, 100)))),
        ["no hold from closesAt on"] = new(3, "after closesAt", (f, bad) => Open(f)
            .At(bad ? 1_000_000 : 999_999, Held(1, 1, 1_060_000, (0, 1, 100)))),
        ["no purchase while paused"] = new(4, "were sold while the sale was paused", (f, bad) =>
        {
            Open(f);
            f.At(Now, bad
                ? [Office(EntryKind.Paused), Purchased(1, 1, 1, (0, 1, 100))]
                : [Purchased(1, 1, 1, (0, 1, 100)), Office(EntryKind.Paused)]);
        }),

        ["an id is used once"] = new(4, "was used before, at sequence 3", (f, bad) => Open(f)
            .At(Now, Held(1, 1, Until, (0, 1, 100)), Held(bad ? 1UL : 2UL, 1, Until, (0, 1, 100)))),
        ["a hold lasts as long as the plan says"] =
            new(3, "the hold lasts until", (f, bad) => Open(f).At(Now - 1, Held(1, 1, bad ? Until + 1000 : Until, (0, 1, 100)))),
        ["a tier is in the plan"] = new(3, "tier number 3", (f, bad) => Open(f).At(Now, Held(1, 1, Until, ((bad ? 3 : 2), 1, 900)))),
        ["lines are in order"] = new(3, "not in the order", (f, bad) => Open(f)
            .At(Now, bad ? Held(1, 1, Until, (1, 1, 50), (0, 1, 100)) : Held(1, 1, Until, (0, 1, 100), (1, 1, 50)))),
        ["a line has places"] = new(3, "for no places", (f, bad) => Open(f)
            .At(Now, Held(1, 1, Until, (0, (bad ? 0 : 1), 100), (1, 1, 50)))),
        ["a price is the plan's"] = new(3, "its price is 100", (f, bad) => Open(f).At(Now, Held(1, 1, Until, (0, 1, bad ? 99 : 100)))),
        ["a price is the plan's of that time"] = new(4, "its price is 120", (f, bad) =>
            Open(f).At(Now, Planned(ThePlan with { Tiers = [ThePlan.Tiers[0] with { Price = 120 }, .. ThePlan.Tiers[1..]] }),
                Held(1, 1, Until, (0, 1, bad ? 100 : 120)))),
        ["the limit of an order"] = new(3, "5 places in one order", (f, bad) => Open(f)
            .At(Now, Held(1, 1, Until, (0, (bad ? 5 : 4), 100)))),
        ["the limit of a buyer"] = new(4, "one buyer has 6 places", (f, bad) => Open(f)
            .At(Now, Held(1, 1, Until, (0, 3, 100)), Held(2, bad ? 1UL : 2UL, Until, (0, 3, 100)))),
        ["the limit of a buyer counts tickets"] = new(4, "one buyer has 6 places", (f, bad) =>
            Open(f).At(Now, Purchased(1, 1, 1, (0, 3, 100)), Held(2, bad ? 1UL : 2UL, Until, (0, 3, 100)))),
        ["the limit of a buyer counts late payments"] = new(6, "one buyer has 6 places", (f, bad) =>
            Open(f).At(Now, Held(1, 1, Until, (0, 3, 100)))
                .At(Until, Expired(1), Held(2, bad ? 1UL : 2UL, Until + 60_000, (0, 3, 100)), Paid(1, 1, late: true))),
        ["never oversold"] = new(5, "\"floor\" is oversold", (f, bad) =>
            Open(f).At(Now, Held(1, 1, Until, (0, 4, 100)), Held(2, 2, Until, (0, 2, 100), (1, 2, 50)),
                Held(3, 3, Until, bad ? (1, 1, 50) : (2, 1, 900)))),
        ["never oversold by a late payment"] = new(7, "\"box\" is oversold", (f, bad) =>
            Open(f).At(Now, Held(1, 1, Until, (2, 2, 900)))
                .At(Until, Expired(1), Held(2, 2, Until + 60_000, (2, 2, 900)),
                Held(3, 3, Until + 60_000, bad ? (2, 1, 900) : (0, 1, 100)), Paid(1, 1, late: true))),

        ["extensions have a limit"] = new(5, "more often than 1", (f, bad) =>
            Open(f).At(Now, Held(1, 1, Until, (0, 1, 100)), Extended(1, Until + 60_000), bad ? Extended(1, Until + 120_000) : Released(1))),
        ["an extension adds what the plan says"] =
            new(4, "which is not 60 s more", (f, bad) =>
            Open(f).At(Now, Held(1, 1, Until, (0, 1, 100)), Extended(1, Until + (bad ? 61_000 : 60_000)))),
        ["no extension when run out"] = new(4, "extended after it had run out", (f, bad) => Open(f).At(Now, Held(1, 1, Until, (0, 1, 100)))
            .At(bad ? Until : Until - 1, Extended(1, Until + 60_000))),
        ["no extension of what ended"] = new(5, "released was extended", (f, bad) =>
            Open(f).At(Now, Held(1, 1, Until, (0, 1, 100)), bad ? Released(1) : Office(EntryKind.Paused), Extended(1, Until + 60_000))),
        ["no extension of nothing"] = new(4, "never placed", (f, bad) => Open(f)
            .At(Now, Held(1, 1, Until, (0, 1, 100)), Extended(bad ? 2UL : 1UL, Until + 60_000))),

        ["paid once"] = new(5, "paid was paid", (f, bad) => Open(f)
            .At(Now, Held(1, 1, Until, (0, 1, 100)), Paid(1, 1), bad ? Paid(1, 2) : Office(EntryKind.Paused))),
        ["not paid as live when run out"] = new(4, "paid after it had run out", (f, bad) => Open(f).At(Now, Held(1, 1, Until, (0, 1, 100)))
            .At(bad ? Until : Until - 1, Paid(1, 1))),
        ["not paid late while it lives"] = new(4, "held was paid late", (f, bad) => Open(f)
            .At(Now, Held(1, 1, Until, (0, 1, 100)), Paid(1, 1, late: bad))),
        ["not paid when released"] = new(5, "released was paid", (f, bad) => Open(f)
            .At(Now, Held(1, 1, Until, (0, 1, 100)), bad ? Released(1) : Office(EntryKind.Paused), Paid(1, 1))),
        ["an expired hold is paid late or not"] =
            new(5, "expired was paid", (f, bad) => Open(f).At(Now, Held(1, 1, Until, (0, 1, 100))).At(Until, Expired(1),
            Paid(1, 1, late: !bad))),
        ["no payment of nothing"] = new(4, "never placed", (f, bad) => Open(f)
            .At(Now, Held(1, 1, Until, (0, 1, 100)), Paid(bad ? 2UL : 1UL, 1))),
        ["tickets have no gap"] = new(4, "begin with 4, and the next number is 3", (f, bad) => Open(f)
            .At(Now, Purchased(1, 1, 1, (0, 2, 100)), Purchased(2, 1, bad ? 4u : 3u, (0, 2, 100)))),
        ["tickets are unique"] = new(5, "begin with 2, and the next number is 3", (f, bad) => Open(f)
            .At(Now, Held(1, 1, Until, (0, 1, 100)), Purchased(2, 2, 1, (0, 2, 100)), Paid(1, bad ? 2u : 3u))),

        ["no hold runs out early"] = new(4, "ran out at", (f, bad) => Open(f).At(Now, Held(1, 1, Until, (0, 1, 100)))
            .At(bad ? Until - 1 : Until, Expired(1))),
        ["only what is held runs out"] = new(5, "paid ran out", (f, bad) => Open(f)
            .At(Now, Held(1, 1, Until, (0, 1, 100)), bad ? Paid(1, 1) : Office(EntryKind.Paused)).At(Until, Expired(1))),
        ["released before it runs out"] = new(4, "released after it had run out", (f, bad) => Open(f)
            .At(Now, Held(1, 1, Until, (0, 1, 100))).At(bad ? Until : Until - 1, Released(1))),
        ["a hold ends once"] = new(5, "released was released", (f, bad) => Open(f)
            .At(Now, Held(1, 1, Until, (0, 1, 100)), Released(1), bad ? Released(1) : Office(EntryKind.Paused))),

        ["only an order is refunded"] = new(4, "held was refunded", (f, bad) => Open(f)
            .At(Now, bad ? Held(1, 1, Until, (0, 1, 100)) : Purchased(1, 1, 1, (0, 1, 100)), Refunded(1, bad ? 0u : 1u, 1, 100))),
        ["a refund names its order's tickets"] =
            new(4, "as the order's first", (f, bad) =>
            Open(f).At(Now, Purchased(1, 1, 1, (0, 1, 100)), Refunded(1, bad ? 2u : 1u, 1, 100))),
        ["a refund stays within its order"] = new(4, "not of the order", (f, bad) => Open(f)
            .At(Now, Purchased(1, 1, 1, (0, 2, 100)), Refunded(1, 1, bad ? 0b101u : 0b01u, 100))),
        ["a ticket is refunded once"] = new(5, "refunded twice", (f, bad) => Open(f)
            .At(Now, Purchased(1, 1, 1, (0, 2, 100)), Refunded(1, 1, 0b01, 100), Refunded(1, 1, bad ? 0b01u : 0b10u, 100))),
        ["a refund is of something"] = new(4, "nothing was refunded", (f, bad) => Open(f)
            .At(Now, Purchased(1, 1, 1, (0, 2, 100)), Refunded(1, 1, bad ? 0u : 1u, bad ? 0 : 100))),
        ["a refund pays back what was paid"] = new(4, "150 was refunded for tickets of 50", (f, bad) => Open(f)
            .At(Now, Purchased(1, 1, 1, (0, 1, 100), (1, 1, 50)), Refunded(1, 1, 0b10, bad ? 150 : 50))),
        ["blocked places are not sold again"] = new(7, "\"box\" is oversold", (f, bad) =>
            Open(f).At(Now, Purchased(1, 1, 1, (2, 2, 900)), Purchased(2, 2, 3, (2, 2, 900)), Refunded(1, 1, 0b11, 1800, resell: false),
                Held(3, 3, Until, (0, 1, 100)),
                Held(4, 4, Until, bad ? (2, 1, 900) : (0, 1, 100)))),
        ["a key is used once"] = new(6, "request key was used before", (f, bad) =>
            Open(f).At(Now, Purchased(1, 1, 1, (0, 2, 100)), Refunded(1, 1, 0b01, 100, key: 5), Office(EntryKind.Paused, 6),
                Refunded(1, 1, 0b10, 100, key: bad ? 6u : 7u))),

        ["no payment is refused that could be taken"] = new(4, "could have been taken", (f, bad) =>
            Open(f).At(Now, Held(1, 1, Until, (0, 1, 100)), bad ? Refused(1, Refusal.HoldExpired, 100) : Paid(1, 1))),
        ["no late payment is refused that could be taken"] = new(5, "could have been taken", (f, bad) =>
            Open(f).At(Now, Held(1, 1, Until, (0, 1, 100)))
                .At(Until, Expired(1), bad ? Refused(1, Refusal.SoldOut, 100) : Paid(1, 1, late: true))),
        ["a payment is refused for what is true"] = new(5, "and HOLD_RELEASED was true", (f, bad) =>
            Open(f).At(Now, Held(1, 1, Until, (0, 1, 100)), Released(1), Refused(1, bad ? Refusal.SoldOut : Refusal.HoldReleased, 100))),
        ["what is owed is what was asked"] = new(5, "1 is owed for a hold of 100", (f, bad) =>
            Open(f).At(Now, Held(1, 1, Until, (0, 1, 100)), Released(1), Refused(1, Refusal.HoldReleased, bad ? 1 : 100))),
        ["a payment is refused once"] = new(6, "refused twice", (f, bad) =>
            Open(f).At(Now, Held(1, 1, Until, (0, 1, 100)), Released(1), Refused(1, Refusal.HoldReleased, 100),
                Refused(1, Refusal.HoldReleased, 100, bad ? 7u : 8u))),
        ["the payment that made an order is not refused"] = new(4, "that made the order", (f, bad) =>
            Open(f).At(Now, Purchased(1, 1, 1, (0, 1, 100)), Refused(1, Refusal.AlreadyPaid, 100, bad ? 1001u : 7u))),
        ["no payment is refused where none is collected"] = new(5, "collects none", (f, bad) =>
            f.At(0, Planned(ThePlan with { PaymentKind = bad ? PaymentKind.None : PaymentKind.Test }), Office(EntryKind.Opened))
                .At(Now, Held(1, 1, Until, (0, 1, 100)), Released(1), Refused(1, Refusal.HoldReleased, 100))),

        ["a draft is not paused"] = State("draft became paused", 2, [Office(EntryKind.Paused)], []),
        ["a draft is not closed"] = State("draft became closed", 2, [Office(EntryKind.Closed)], []),
        ["an open sale is not opened"] = State("open became open", 3, [Office(EntryKind.Opened), Office(EntryKind.Opened)],
            [Office(EntryKind.Opened)]),
        ["a closed sale is not paused"] = State("closed became paused", 4,
            [Office(EntryKind.Opened), Office(EntryKind.Closed), Office(EntryKind.Paused)],
                [Office(EntryKind.Opened), Office(EntryKind.Closed), Office(EntryKind.Opened)]),
        ["no opening after closesAt"] = new(2, "after its closing time", (f, bad) => f.At(0, Planned())
            .At(bad ? 1_000_000 : 999_999, Office(EntryKind.Opened))),

        ["startsAt is frozen"] = Changed("startsAt changed", ThePlan with { StartsAt = "later" }),
        ["timeZone is frozen"] = Changed("timeZone changed", ThePlan with { TimeZone = "Asia/Shanghai" }),
        ["currency is frozen"] = Changed("currency changed", ThePlan with { Currency = "CNY" }),
        ["opensAt is frozen"] = Changed("opensAt changed", ThePlan with { OpensAtMs = null }),
        ["paymentKind is frozen"] = Changed("paymentKind changed", ThePlan with { PaymentKind = PaymentKind.Test }),
        ["the rules are frozen"] = Changed("the rules changed", ThePlan with { Rules = ThePlan.Rules with { PerBuyer = 6 } }),
        ["no tier is taken away"] = Changed("tier \"box\" was taken away", ThePlan with { Tiers = ThePlan.Tiers[..2] }),
        ["no tier moves its place"] = Changed("tier \"child\" was taken away or moved",
            ThePlan with { Tiers = [ThePlan.Tiers[0], ThePlan.Tiers[2], ThePlan.Tiers[1]] }, 2),
        ["no tier moves to another pool"] = Changed("tier \"child\" moved",
            ThePlan with { Tiers = [ThePlan.Tiers[0], ThePlan.Tiers[1] with { Pool = "box" }, ThePlan.Tiers[2]] }),
        ["no pool is taken away"] = Changed("pool \"box\" was taken away",
            ThePlan with { Pools = ThePlan.Pools[..1], Tiers = ThePlan.Tiers[..2] }),
        ["capacity does not go below what is used"] = new(4, "\"floor\" is oversold: 5 places, 2 blocked, 4 held", (f, bad) =>
            Open(f).At(Now, Held(1, 1, Until, (0, 4, 100)),
                Planned(ThePlan with { Pools = [new("floor", bad ? 5 : 6, 2), ThePlan.Pools[1]] }))),
    };

    public static TheoryData<string> Rules => [.. Cases.Keys];

    [Theory, MemberData(nameof(Rules))]
    public void A_breach_is_reported_at_its_sequence_and_its_like_without_the_breach_is_good(string rule)
    {
        var (sequence, what, write) = Cases[rule];

        using var good = new AuditForge();
        write(good, false);
        var unbroken = good.Audit();
        Assert.Equal([], unbroken.Problems);
        Assert.Equal(AuditVerdict.Good, unbroken.Verdict);

        using var bad = new AuditForge();
        write(bad, true);
        var broken = bad.Audit();
        Assert.Equal(AuditVerdict.Damaged, broken.Verdict);
        Assert.Equal(sequence, broken.Problems[0].Sequence);
        Assert.Contains(broken.Problems, problem => problem.Sequence == sequence && problem.What.Contains(what));
    }

    [Fact]
    public void What_may_change_after_opening_is_no_breach()
    {
        using var forge = new AuditForge();
        Open(forge).At(Now, Held(1, 1, Until, (0, 4, 100)), Planned(ThePlan with
        {
            Name = "Another", Venue = "Elsewhere", ClosesAtMs = null,
            Pools = [new("floor", 20, 0), ThePlan.Pools[1]],
            Tiers = [ThePlan.Tiers[0] with { Name = "Grown-up", Price = 1 }, .. ThePlan.Tiers[1..], new("late", "Late", "floor", 70)],
        }), Held(2, 2, Until, (3, 4, 70)));

        Assert.Equal(AuditVerdict.Good, forge.Audit().Verdict);
    }

    [Fact]
    public void The_list_of_problems_is_bounded_and_the_count_is_not()
    {
        using var forge = new AuditForge();
        Open(forge);
        for (var i = 0u; i < 150; i++) forge.At(Now, Released(100 + i));

        var result = forge.Audit();

        Assert.Equal(AuditResult.ProblemsMax, result.Problems.Length);
        Assert.Equal(150, result.ProblemCount);
        Assert.Equal(152, result.Sequences);
    }

    [Fact]
    public void A_kind_of_a_newer_program_is_not_called_damage()
    {
        using var forge = new AuditForge();
        Reseal(forge, true, batch => batch[108] = 19);

        Assert.Throws<NewerFormatException>(() => forge.Audit());
    }

    private static AuditForge Open(AuditForge forge) => forge.At(0, Planned()).At(0, Office(EntryKind.Opened));

    private static void Reseal(AuditForge forge, bool bad, Action<byte[]> change)
    {
        Open(forge).At(Now, AuditForge.Held(1, 1, Until, (0, 1, 100)));
        if (bad) forge.Reseal(change);
    }

    private static Case Held(string what, Func<bool, Entry[]> before, long sequenceIfBad) => new(sequenceIfBad, what, (f, bad) =>
        f.At(0, Planned()).At(Now, [.. before(bad), AuditForge.Held(1, 1, Until, (0, 1, 100))]));

    private static Entry Held(ulong hold, ulong buyer, long untilMs, params ReadOnlySpan<(int Tier, int Quantity, long Price)> lines) =>
        AuditForge.Held(hold, buyer, untilMs, lines);

    private static Case State(string what, long sequence, Entry[] bad, Entry[] good) => new(sequence, what, (f, isBad) =>
    {
        f.At(0, Planned());
        var entries = isBad ? bad : good;
        if (entries.Length > 0) f.At(0, entries);
    });

    private static Case Changed(string what, Plan plan, int from = 0) =>
        new(3, what, (f, bad) => Open(f).At(from, Planned(bad ? plan : ThePlan)));
}
