using BenchmarkDotNet.Attributes;
using TicketRush.Engine;

namespace TicketRush.Benchmarks;

/// <summary>A train's only seat comes back, and goes to the first of so many who wait for it; another joins behind them.</summary>
[MemoryDiagnoser]
public class WaitlistBenchmarks
{
    private Sale _sale = null!;
    private Entry _entry;
    private Reply _reply = new() { Given = new() };
    private HoldId _holder;
    private ulong _ids;
    private long _sequence;

    [Params(100, 10_000, 1_000_000)]
    public int Waiting { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        (_sale, _ids, _sequence) = (new(), 0, 0);
        Apply(new()
        {
            Kind = EntryKind.Planned,
            Plan = new()
            {
                Name = "Train", Venue = "", StartsAt = "", TimeZone = "UTC", Currency = "CNY", PaymentKind = PaymentKind.External,
                Stops = [.. Enumerable.Range(0, 20).Select(i => new StopPlan($"s{i}", $"Stop {i}"))],
                Pools = [new("second", 1, 0) { Rows = [new("1", "1", "A")], Travel = Travel.SeatNow }],
                Tiers = [new("second", "Second", "second", 100)],
                Rules = new(600, 0, 5, 5) { Waitlist = true },
            },
        });
        Apply(new() { Kind = EntryKind.Opened });
        _holder = Ask(CommandKind.Hold);
        for (var i = 0; i < Waiting; i++) Ask(CommandKind.Wait);
    }

    /// <summary>A release, the offer that it causes, and a wish that joins: as many wait after it as before.</summary>
    [Benchmark]
    public long ReleaseOfferAndJoin()
    {
        Decide(new() { Kind = CommandKind.Release, Hold = _holder });
        if (!_sale.TryOffer(1_000, ref _entry)) throw new InvalidOperationException("Nobody was offered the seat.");
        _holder = _entry.Hold;
        Apply(_entry);
        Ask(CommandKind.Wait);
        return _sequence;
    }

    private HoldId Ask(CommandKind kind)
    {
        _ids++;
        var command = new Command { Kind = kind, Plan = _sale.Plan, To = 19,
            Hold = new(new(_ids * 0x9E3779B97F4A7C15, _ids * 0xBF58476D1CE4E5B9)) };
        command.Buyer = new(command.Hold.Value + 1);
        command.Lines.TryAdd(0, 1);
        Decide(command);
        return command.Hold;
    }

    private void Decide(in Command command)
    {
        if (_sale.Decide(command, 1_000, ref _entry, ref _reply) != Verdict.Entry) throw new InvalidOperationException($"{_reply.Refusal}");
        Apply(_entry);
    }

    private void Apply(in Entry decided) => _sale.Apply(decided, ++_sequence);
}
