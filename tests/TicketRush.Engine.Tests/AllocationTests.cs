namespace TicketRush.Engine.Tests;

/// <summary>A decision allocates nothing: what is never allocated is never collected in the middle of a rush.</summary>
public class AllocationTests
{
    // Tables grow by chunks of 1,024 rows; the first hundreds of them, warmed up, make a window in which none is due.
    private const int Warm = 100;
    private const int Measured = 500;

    private readonly Script _script = Script.Run(Plans.Hall(5_000), "");

    [Theory]
    [InlineData(CommandKind.Hold)]
    [InlineData(CommandKind.Purchase)]
    [InlineData(CommandKind.Extend)]
    [InlineData(CommandKind.Pay)]
    [InlineData(CommandKind.Release)]
    [InlineData(CommandKind.Refund)]
    public void Deciding_and_applying(CommandKind kind)
    {
        if (kind is CommandKind.Extend or CommandKind.Pay or CommandKind.Release) Place(CommandKind.Hold);
        if (kind == CommandKind.Refund) Place(CommandKind.Purchase);
        Assert.Equal(0, BytesOf(i => Ask(kind, i), Verdict.Entry, apply: true));
        Assert.Equal(0, BytesOf(i => Ask(kind, i), kind == CommandKind.Refund ? Verdict.Refused : Verdict.Repeat, apply: false));
    }

    [Fact]
    public void Expiring()
    {
        Place(CommandKind.Hold);
        var (sale, entry, bytes) = (_script.Sale, default(Entry), 0L);
        for (var i = 0; i < Warm + Measured; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.True(sale.TryExpire(600_000, ref entry));
            sale.Apply(entry, _sequence++);
            if (i >= Warm) bytes += GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, bytes);
    }

    [Fact]
    public void Refusing_and_finding()
    {
        _script.Play("""
            buy H999001 B1 R1 adult:100 -> Paid
            hold H999003 B3 adult:1     -> Held
            release H999003             -> Released
            """);
        Place(CommandKind.Hold);
        Assert.Equal(0, BytesOf(i => Ask(CommandKind.Hold, i, places: 2), Verdict.Refused, apply: false));
        Assert.Equal(0, BytesOf(i => Ask(CommandKind.Hold, 10_000 + i, places: 101), Verdict.Refused, apply: false));
        Assert.Equal(0, BytesOf(i => Ask(CommandKind.Pay, 10_000 + i), Verdict.Refused, apply: false));
        Assert.Equal(0, BytesOf(i => Ask(CommandKind.FindHold, i), Verdict.Found, apply: false));
        Assert.Equal(0, BytesOf(i => Ask(CommandKind.FindOrder, i), Verdict.Refused, apply: false));
    }

    [Theory]
    [InlineData(CommandKind.Hold)]
    [InlineData(CommandKind.Purchase)]
    public void Saying_sold_out(CommandKind kind)
    {
        var script = Script.Run(Plans.Hall(1), "buy H1 B1 R1 adult:1 -> Paid");
        Assert.Equal(0, BytesOf(script.Sale, i => Ask(kind, 10_000 + i) with { Plan = script.Sale.Plan }, Verdict.Refused, apply: false));
    }

    /// <summary>Seats, journeys, exchanges and wishes, with what they cause, on plans of real size.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Seats_and_journeys(bool travels)
    {
        var rows = Enumerable.Range(1, 40).Select(i => new RowPlan($"{i}", "1-20", "A-F", Aisles: "C", Y: i * 20)).ToArray();
        var plan = Plans.Hall(0) with
        {
            Pools = [new("seats", 4_800, 0) { Rows = rows, Travel = travels ? Travel.SeatNow : Travel.None }],
            Tiers = [new("seat", "Seat", "seats", 100)],
            Stops = travels ? [.. Enumerable.Range(0, 20).Select(i => new StopPlan($"s{i}", "S"))] : null,
            Rules = new(600, 2, PerOrder: 100, PerBuyer: 1_000_000) { Waitlist = true, Passengers = true },
        };
        var script = Script.Run(plan, "");
        var (sale, entry, reply, bytes, wrong) = (script.Sale, default(Entry), new Reply { Given = new() }, 0L, 0);
        var ids = 0;

        // Four holds and eight places a round: from round 130 to 250 no table of 1,024 rows is due to grow.
        const int From = 130, To = 250;
        for (var round = 0; round < To; round++)
        {
            var commands = new List<Command>();
            var places = round % 3 + 1;
            var hold = Command(CommandKind.Hold, places);
            var order = Command(CommandKind.Purchase, places);
            commands.Add(hold);
            commands.Add(order);
            commands.Add(Command(CommandKind.Exchange, places) with { Of = order.Hold, Buyer = order.Buyer });
            commands.Add(Command(CommandKind.Wait, places));
            commands.Add(new() { Kind = CommandKind.Release, Hold = hold.Hold });
            commands.Add(new() { Kind = CommandKind.Refund, Hold = commands[2].Hold, Resell = true, Reason = "cannot-come" });
            commands.Add(new() { Kind = CommandKind.FindHold, Hold = commands[3].Hold });
            foreach (var command in commands)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                var verdict = sale.Decide(command, nowMs: 0, ref entry, ref reply);
                if (verdict == Verdict.Entry) sale.Apply(entry, _sequence++);
                while (sale.TryOffer(nowMs: 0, ref entry)) sale.Apply(entry, _sequence++);
                if (round >= From) bytes += GC.GetAllocatedBytesForCurrentThread() - before;
                if (verdict is not (Verdict.Entry or Verdict.Found)) wrong++;
            }

            // What stays is given back, so that the hall never fills; the tables of what happened grow by chunks all the same.
            Ask(new() { Kind = CommandKind.Release, Hold = commands[3].Hold });
        }

        Assert.Equal(0, wrong);
        Assert.Equal(0, bytes);

        void Ask(Command command)
        {
            sale.Decide(command, nowMs: 0, ref entry, ref reply);
            sale.Apply(entry, _sequence++);
        }

        Command Command(CommandKind kind, int places)
        {
            ids++;
            var command = new Command
            {
                Kind = kind, Hold = new((UInt128)ids), Buyer = new((UInt128)(ids % 50)), Reference = new(1), Plan = sale.Plan,
                    To = (ushort)(travels ? 9 : 0),
                From = (ushort)(travels ? ids % 5 : 0),
                    Passengers = [.. Enumerable.Range(0, places).Select(i => (ulong)(ids % 50 * 10 + i + 1))],
            };
            command.Lines.TryAdd(0, (ushort)places);
            return command;
        }
    }

    private long _sequence = 1_000_000;

    private void Place(CommandKind kind) => BytesOf(i => Ask(kind, i), Verdict.Entry, apply: true);

    private long BytesOf(Func<int, Command> ask, Verdict expected, bool apply) => BytesOf(_script.Sale, ask, expected, apply);

    private long BytesOf(Sale sale, Func<int, Command> ask, Verdict expected, bool apply)
    {
        var commands = Enumerable.Range(0, Warm + Measured).Select(ask).ToArray();
        var (entry, reply, bytes, wrong) = (default(Entry), default(Reply), 0L, 0);
        for (var i = 0; i < commands.Length; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var verdict = sale.Decide(commands[i], nowMs: 0, ref entry, ref reply);
            if (apply) sale.Apply(entry, _sequence++);
            if (i >= Warm) bytes += GC.GetAllocatedBytesForCurrentThread() - before;
            if (verdict != expected) wrong++;
        }

        Assert.Equal(0, wrong);
        return bytes;
    }

    private Command Ask(CommandKind kind, int i, ushort places = 1)
    {
        var command = new Command
        {
            Kind = kind,
            Hold = new((UInt128)(i + 1)),
            Buyer = new((UInt128)(i + 1)),
            Reference = new((UInt128)(i + 1)),
            Key = kind == CommandKind.Extend ? new((UInt128)(i + 1)) : default,
            Resell = true,
            Reason = "cannot-come",
            Plan = _script.Sale.Plan,
        };
        command.Lines.TryAdd(0, places);
        return command;
    }
}
