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
