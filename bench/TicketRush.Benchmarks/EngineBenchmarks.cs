using BenchmarkDotNet.Attributes;
using TicketRush.Engine;
using TicketRush.Journal;

namespace TicketRush.Benchmarks;

/// <summary>A sale with so many tickets sold, and one more purchase to decide, apply or encode.</summary>
[MemoryDiagnoser]
public class EngineBenchmarks
{
    private const int Ahead = 1 << 16;

    private readonly BatchBuffer _batch = new();
    private readonly byte[] _bytes = new byte[1024];
    private Command[] _commands = [];
    private Sale _sale = new();
    private Entry _entry;
    private Entry _decoded;
    private Reply _reply;
    private int _next;
    private long _sequence = 3;

    [Params(1_000, 1_000_000)]
    public int Sold { get; set; }

    [GlobalSetup]
    public void Sell()
    {
        _sale = new();
        _sale.Apply(new Entry { Kind = EntryKind.Planned, Plan = Crowd.Plan }, 1);
        _sale.Apply(new Entry { Kind = EntryKind.Opened }, 2);
        var random = new Random(1);
        for (var i = 0; i < Sold; i++)
        {
            _sale.Decide(Crowd.Purchase(random, _sale.Plan!), 1_000, ref _entry, ref _reply);
            _sale.Apply(_entry, _sequence++);
        }

        _commands = [.. Enumerable.Range(0, Ahead).Select(_ => Crowd.Purchase(random, _sale.Plan!))];
        _sale.Decide(_commands[0], 1_000, ref _entry, ref _reply);
        EntryCodec.Encode(_entry, _bytes);
    }

    [Benchmark]
    public Verdict Decide() => _sale.Decide(_commands[_next++ & (Ahead - 1)], 1_000, ref _entry, ref _reply);

    /// <summary>Applying changes the sale, so each is of an id that was never seen.</summary>
    [Benchmark]
    public void DecideAndApply()
    {
        var command = _commands[_next++ & (Ahead - 1)];
        command.Hold = new(command.Hold.Value + (UInt128)_sequence * 0x9E3779B97F4A7C15);
        command.Buyer = new(command.Buyer.Value + (UInt128)_sequence * 0xC2B2AE3D27D4EB4F);
        _sale.Decide(command, 1_000, ref _entry, ref _reply);
        _sale.Apply(_entry, _sequence++);
    }

    [Benchmark]
    public int Encode() => EntryCodec.Encode(_entry, _bytes);

    [Benchmark]
    public int Decode() => EntryCodec.Decode(_bytes, ref _decoded);

    /// <summary>A batch of 256 entries: encoded, hashed, chained.</summary>
    [Benchmark]
    public int SealBatch()
    {
        _batch.Clear();
        for (var i = 0; i < 256; i++) _batch.Add(_entry);
        var tail = default(Tail);
        return _batch.Seal(ref tail, 1_000).Length;
    }
}
