using TicketRush.Engine;
using TicketRush.Journal.Audit;
using static TicketRush.Journal.Tests.AuditForge;

namespace TicketRush.Journal.Tests;

/// <summary>
/// Goal: the auditor, which knows nothing but the entries, agrees with every sale of seats and journeys, and with none in which a
/// seat has two owners or somebody who waited was passed over. Method: journals of random crowds; and journals that break one rule
/// each, beside the same ones unbroken.
/// </summary>
public sealed class AuditPlacesTests
{
    public static Plan Train { get; } = ThePlan with
    {
        Stops = [new("a", "A"), new("b", "B"), new("c", "C"), new("d", "D")],
        Pools =
        [
            new("second", 6, 0) { Rows = [new("1", "1-2", "A-C", Aisles: "B")], Travel = Travel.SeatNow },
            new("later", 3, 0) { Rows = [new("2", "1", "A-C")], Travel = Travel.SeatLater },
            new("standing", 2, 0) { Travel = Travel.Standing },
            new("hall", 8, 0) { Rows = [new("", "1-2", "1-4", Wheelchair: "1")] },
            new("meals", 3, 1),
        ],
        Tiers =
        [
            new("adult", "Adult", "second", 0) { LegPrices = [10, 20, 30] },
            new("flex", "Flex", "later", 0) { PairPrices = [[1, 2, 3], [4, 5], [6]] },
            new("stand", "Standing", "standing", 3), new("lounge", "Lounge", "hall", 7), new("meal", "Meal", "meals", 8),
        ],
        Rules = new(HoldSeconds: 60, Extensions: 1, PerOrder: 4, PerBuyer: 6) { Waitlist = true, Passengers = true },
    };

    [Fact]
    public void Journals_of_random_crowds_are_good_and_rebuild_the_sale()
    {
        var seen = new HashSet<EntryKind>();
        for (var seed = 1; seed <= 12; seed++)
        {
            using var forge = new AuditForge();
            var (sale, random, now, entries) = (new Sale(), new Random(seed), 10_000L, new List<Entry>());
            var (entry, reply, ids) = (default(Entry), new Reply(), 0);
            Record(Planned(seed % 2 == 0 ? Train : Train with { Rules = Train.Rules with { Passengers = false } }));
            Record(Office(EntryKind.Opened));
            for (var step = 0; step < 500; step++)
            {
                if (random.Next(5) == 0) now += random.Next(30_000);
                while (random.Next(3) == 0 && sale.TryExpire(T0 + now, ref entry)) Record(entry);
                Decide(Think(random, sale, ref ids, step));
            }

            Settle();
            var result = forge.Audit();
            Assert.True(result.Verdict == AuditVerdict.Good, $"seed {seed}: {string.Join("; ", result.Problems.Take(3))}");
            for (var pool = 0; pool < result.Pools.Length; pool++)
            {
                var count = sale.CountOf(pool);
                Assert.Equal(((long)count.Capacity, (long)count.Blocked, (long)count.Held, (long)count.Sold),
                    (result.Pools[pool].Capacity, result.Pools[pool].Blocked, result.Pools[pool].Held, result.Pools[pool].Sold));
            }

            var replayed = new Sale();
            var bytes = new byte[1 << 20];
            for (var i = 0; i < entries.Count; i++)
            {
                var (decoded, length) = (default(Entry), EntryCodec.Encode(entries[i], bytes));
                Assert.Equal(length, EntryCodec.Decode(bytes, ref decoded));
                replayed.Apply(decoded, i + 1);
            }

            Assert.Equal(sale.Digest(), replayed.Digest());

            void Settle()
            {
                while (sale.TryOffer(T0 + now, ref entry)) Record(entry);
            }

            void Decide(Command command)
            {
                while (true)
                {
                    Settle();
                    var verdict = sale.Decide(command, T0 + now, ref entry, ref reply);
                    if (verdict is Verdict.Entry or Verdict.ExpireFirst) Record(entry);
                    if (verdict != Verdict.ExpireFirst) return;
                }
            }

            void Record(in Entry decided)
            {
                entries.Add(decided);
                sale.Apply(decided, entries.Count);
                forge.At(now, decided);
                seen.Add(decided.Kind);
            }
        }

        EntryKind[] kinds = [EntryKind.HeldPlaces, EntryKind.PurchasedPlaces, EntryKind.Exchanged, EntryKind.Waited, EntryKind.Left,
            EntryKind.Offered, EntryKind.Numbered, EntryKind.PaymentRefused, EntryKind.Refunded];
        Assert.Empty(kinds.Except(seen));
    }

    private static Command Think(Random random, Sale sale, ref int ids, int step)
    {
        CommandKind[] kinds =
        [
            CommandKind.Hold, CommandKind.Hold, CommandKind.Purchase, CommandKind.Pay, CommandKind.Release, CommandKind.Refund,
                CommandKind.Exchange, CommandKind.Wait, CommandKind.Wait,
            step > 300 ? CommandKind.Number : CommandKind.Pay,
        ];
        var kind = kinds[random.Next(kinds.Length)];
        var command = new Command
        {
            Kind = kind, Plan = sale.Plan, Hold = new((UInt128)random.Next(Math.Max(1, ids - 12), ids + 1)),
                Of = new((UInt128)random.Next(Math.Max(1, ids - 12), ids + 1)),
            Buyer = new((UInt128)random.Next(9)), Reference = new((UInt128)random.Next(1, 4)), Resell = random.Next(5) != 0,
                Reason = "cannot-come", Pool = 1,
        };
        if (kind is not (CommandKind.Hold or CommandKind.Purchase or CommandKind.Exchange or CommandKind.Wait)) return command;

        command.Hold = new((UInt128)(++ids));
        var tier = (ushort)random.Next(5);
        command.Lines.TryAdd(tier, (ushort)random.Next(1, 4));
        if (kind != CommandKind.Wait && random.Next(3) == 0) command.Lines.TryAdd((ushort)random.Next(3), 1);
        if (command.Lines[0].Tier < 3) (command.From, command.To) = ((ushort)random.Next(2), (ushort)random.Next(2, 4));
        if (kind != CommandKind.Wait && random.Next(4) == 0) command.Wheelchair = 1;
        if (sale.Plan!.Rules.Passengers)
            command.Passengers = [.. Enumerable.Range(0, command.Lines.Places).Select(_ => (ulong)random.Next(1, 40))];
        return command;
    }

    private sealed record Case(long Sequence, string What, Action<AuditForge, bool> Write);

    private static readonly Plan Seats = Train with { Rules = Train.Rules with { Passengers = false } };

    private static readonly Dictionary<string, Case> Cases = new()
    {
        ["a seat has one owner on a leg"] = new(4, "has an owner", (f, bad) => Open(f)
            .At(Now, Held(1, 0, 1, 3, 50, 0), Held(2, 0, bad ? 2 : 0, bad ? 3 : 1, bad ? 30 : 10, 0))),
        ["a seat comes back whole"] = new(5, "has an owner", (f, bad) => Open(f)
            .At(Now, Held(1, 0, 0, 3, 60, 4), bad ? Held(3, 4, 0, 0, 8, -1) : Released(1), Held(2, 0, 0, 1, 10, 4))),
        ["a seat is one of the pool"] = new(3, "seat number 6 is none", (f, bad) => Open(f).At(Now, Held(1, 0, 1, 3, 50, bad ? 6 : 5))),
        ["a place of a numbered pool has a seat"] = new(3, "has no seat", (f, bad) => Open(f).At(Now, Held(1, 0, 1, 3, 50, bad ? -1 : 5))),
        ["a place numbered later has none yet"] =
            new(3, "should have none", (f, bad) => Open(f).At(Now, Held(1, 1, 1, 3, 5, bad ? 0 : -1))),
        ["no leg is oversold"] = new(5, "oversold on leg 2", (f, bad) => Open(f)
            .At(Now, Held(1, 2, 0, 2, 3, -1), Held(2, 2, 1, 3, 3, -1), Held(3, 2, bad ? 1 : 2, bad ? 2 : 3, 3, -1))),
        ["a journey goes forward"] = new(3, "are no journey", (f, bad) => Open(f).At(Now, Held(1, 0, bad ? 3 : 1, 3, 50, 0))),
        ["what does not travel has no journey"] = new(3, "are no journey", (f, bad) => Open(f).At(Now, Held(1, 3, 0, bad ? 1 : 0, 7, 0))),
        ["the price of the journey"] = new(3, "went for 51, and its price is 50", (f, bad) => Open(f)
            .At(Now, Held(1, 0, 1, 3, bad ? 51 : 50, 0))),
        ["the price of a pair"] = new(3, "went for 4, and its price is 5", (f, bad) => Open(f).At(Now, Held(1, 1, 1, 3, bad ? 4 : 5, -1))),
        ["kinds of a sale with places"] = new(3, "stands in a sale with", (f, bad) => Open(f)
            .At(Now, Held(1, 4, 0, 0, 8, -1) with { Kind = bad ? EntryKind.Held : EntryKind.HeldPlaces })),
        ["a wish is not passed over"] = new(12, "past the wish of sequence 9", (f, bad) =>
            Full(f).At(Now, Waits(1, 0, 1, 2, 20), bad ? Held(3, 4, 0, 0, 8, -1) : Left(1), Released(10), Held(2, 0, 1, 3, 50, 0))),
        ["nobody waits who fits what came back"] = new(11, "the wish of sequence 9 fits what is free", (f, bad) =>
            Full(f).At(Now, Waits(1, 0, 1, 2, 20), Released(12), bad ? Held(3, 4, 0, 0, 8, -1) : Offered(1, 2), Office(EntryKind.Paused))),
        ["nobody waits who fits what was free"] = new(4, "the wish of sequence 3 fits what is free", (f, bad) =>
            Open(f).At(Now, Waits(1, 2, 0, 1, 3), bad ? Held(3, 4, 0, 0, 8, -1) : Offered(1, -1), Office(EntryKind.Paused))),
        ["nobody waits who fits on a bench"] = new(5, "the wish of sequence 4 fits what is free", (f, bad) =>
            Open(f).At(Now, Row(9, 3, 7, bad ? [0, 1, 2, 3] : [0, 1, 2, 4]), WaitsFor(1, 3, 3, 7),
                bad ? Held(3, 4, 0, 0, 8, -1) : Offered(1, 5, 6, 7))),
        ["nobody waits who fits raised capacity"] = new(6, "the wish of sequence 4 fits what is free", (f, bad) =>
            Open(f).At(Now, Row(9, 4, 8, -1, -1), Waits(1, 4, 0, 0, 8),
                Planned(Seats with { Pools = [.. Seats.Pools[..4], new("meals", 4, 1)] }), bad ? Held(3, 2, 0, 1, 3, -1) : Offered(1, -1))),
        ["who waits is not passed over by a wheelchair, which nobody waits for"] = new(8, "past the wish of sequence 7", (f, bad) =>
            Bays(f).At(Now, Waits(1, 0, 1, 2, 20), bad ? Held(3, 0, 1, 3, 50, 4) : Held(3, 0, 1, 3, 50, 3))),
        ["a seat that was blocked before the numbers"] = new(4, "has an owner", (f, bad) =>
            f.At(0, Planned(
                Seats with { Pools = [Seats.Pools[0], Seats.Pools[1] with { Blocks = [new(1, 0, 3)], Blocked = 3 },
                .. Seats.Pools[2..]] }), Office(EntryKind.Opened))
                .At(Now, Held(1, 1, 0, 2, 2, -1), Numbered(bad ? 1 : 0))),
        ["what a refund blocked is numbered, too"] = new(5, "0 numbers were given to 1 places", (f, bad) =>
            Open(f).At(Now, Bought(1, 1, 1, 0, 2, 2, -1),
                new Entry { Kind = EntryKind.Refunded, Hold = new(1), FirstTicket = 1, Tickets = 1, Amount = 2, Reason = "cannot-come" },
                bad ? Numbered() : Numbered(0))),
        ["the first who waits comes first"] = new(12, "past the wish of sequence 9", (f, bad) =>
            Full(f).At(Now, Waits(1, 0, 1, 2, 20), Waits(2, 0, 1, 2, 20), Released(10)).At(Now, Offered(bad ? 2UL : 1, 0))),
        ["only who waits is offered"] = new(4, "held was offered", (f, bad) => Open(f)
            .At(Now, bad ? Held(1, 0, 1, 2, 20, 0) : Waits(1, 0, 1, 2, 20), Offered(1, 1))),
        ["only who waits leaves"] = new(10, "held left", (f, bad) => Full(f)
            .At(Now, bad ? Held(1, 4, 0, 0, 8, -1) : Waits(1, 0, 1, 2, 20), Left(1))),
        ["an exchange is for what there was"] =
            new(4, "20 was given back for places of 50", (f, bad) =>
            Open(f).At(Now, Bought(1, 1, 0, 1, 3, 50, 0), Exchanged(2, 1, 1, 0, 0, 3, 60, 0, bad ? 20 : 50, 2))),
        ["an exchange takes free seats"] = new(5, "has an owner", (f, bad) =>
            Open(f).At(Now, Bought(1, 1, 0, 1, 3, 50, 0), Bought(2, 2, 0, 0, 1, 10, 1),
                Exchanged(3, 1, 1, 0, 0, 3, 60, bad ? 1 : 0, 50, 3))),
        ["an exchange keeps the buyer"] = new(4, "changed the buyer", (f, bad) => Open(f)
            .At(Now, Bought(1, 1, 0, 1, 3, 50, 0), Exchanged(2, 1, bad ? 2UL : 1, 0, 0, 3, 60, 0, 50, 2))),
        ["numbers clash with nobody"] = new(5, "has an owner", (f, bad) => Open(f)
            .At(Now, Held(1, 1, 0, 2, 2, -1), Held(2, 1, 1, 3, 5, -1), Numbered(0, bad ? 0 : 1))),
        ["there is a number for each place"] = new(5, "1 numbers were given to 2 places", (f, bad) => Open(f)
            .At(Now, Held(1, 1, 0, 2, 2, -1), Held(2, 1, 1, 3, 5, -1), bad ? Numbered(0) : Numbered(0, 1))),
        ["seats are numbered once"] = new(4, "numbers already", (f, bad) => Open(f)
            .At(Now, Numbered(), bad ? Numbered() : Office(EntryKind.Paused))),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_journal_that_breaks(string rule)
    {
        var (sequence, what, write) = Cases[rule];
        using var good = new AuditForge();
        write(good, false);
        var unbroken = good.Audit();
        Assert.True(unbroken.Verdict == AuditVerdict.Good, string.Join("; ", unbroken.Problems));

        using var broken = new AuditForge();
        write(broken, true);
        var problems = broken.Audit().Problems;
        Assert.Contains(problems, problem => problem.Sequence == sequence && problem.What.Contains(what, StringComparison.Ordinal));
    }

    private const long Now = 20_000, Until = 80_000;

    private static AuditForge Open(AuditForge forge) => forge.At(0, Planned(Seats)).At(0, Office(EntryKind.Opened));

    // All six seats of the first pool are held, for the whole journey.
    private static AuditForge Full(AuditForge forge)
    {
        Open(forge);
        for (var seat = 0; seat < 6; seat++) forge.At(Now, Held((ulong)(10 + seat), 0, 0, 3, 60, seat));
        return forge;
    }

    // The first seat is for a wheelchair; all others are held, for the whole journey.
    private static AuditForge Bays(AuditForge forge)
    {
        forge.At(0, Planned(
            Seats with { Pools = [Seats.Pools[0] with { Rows = [new("1", "1-2", "A-C", Aisles: "B", Wheelchair: "A")] },
            .. Seats.Pools[1..]] }), Office(EntryKind.Opened));
        foreach (var seat in (int[])[1, 2, 4, 5]) forge.At(Now, Held((ulong)(10 + seat), 0, 0, 3, 60, seat));
        return forge;
    }

    private static Entry Place(EntryKind kind, ulong hold, ulong buyer, int tier, int from, int to, long price, int seat)
    {
        var entry = new Entry { Kind = kind, Hold = new(hold), Buyer = new(buyer), From = (ushort)from, To = (ushort)to };
        entry.Lines.Add((ushort)tier, 1, price);
        entry.Seats.Add(seat);
        return entry;
    }

    private static Entry Held(ulong hold, int tier, int from, int to, long price, int seat) =>
        Place(EntryKind.HeldPlaces, hold, hold, tier, from, to, price, seat) with { UntilMs = T0 + Until };

    private static Entry Bought(ulong hold, uint ticket, int tier, int from, int to, long price, int seat) =>
        Place(EntryKind.PurchasedPlaces, hold, hold, tier, from, to, price, seat) with { FirstTicket = ticket, Reference = new(9) };

    private static Entry Exchanged(ulong hold, ulong of, ulong buyer, int tier, int from, int to, long price, int seat, long credit,
        uint ticket) =>
        Place(EntryKind.Exchanged, hold, buyer, tier, from, to, price, seat) with { Of = new(of), Tickets = 1, Amount = credit,
            FirstTicket = ticket };

    private static Entry Waits(ulong hold, int tier, int from, int to, long price) =>
        Place(EntryKind.Waited, hold, hold, tier, from, to, price, -1);

    private static Entry WaitsFor(ulong hold, int tier, int places, long price)
    {
        var entry = new Entry { Kind = EntryKind.Waited, Hold = new(hold), Buyer = new(hold) };
        entry.Lines.Add((ushort)tier, (ushort)places, price);
        for (var i = 0; i < places; i++) entry.Seats.Add(-1);
        return entry;
    }

    private static Entry Row(ulong hold, int tier, long price, params int[] seats)
    {
        var entry = new Entry { Kind = EntryKind.HeldPlaces, Hold = new(hold), Buyer = new(hold), UntilMs = T0 + Until };
        entry.Lines.Add((ushort)tier, (ushort)seats.Length, price);
        foreach (var seat in seats) entry.Seats.Add(seat);
        return entry;
    }

    private static Entry Left(ulong hold) => new() { Kind = EntryKind.Left, Hold = new(hold) };

    private static Entry Offered(ulong hold, params int[] seats)
    {
        var entry = new Entry { Kind = EntryKind.Offered, Hold = new(hold), UntilMs = T0 + Until };
        foreach (var seat in seats) entry.Seats.Add(seat);
        return entry;
    }

    private static Entry Numbered(params int[] numbers) => new() { Kind = EntryKind.Numbered, Pool = 1, Numbers = numbers };
}
