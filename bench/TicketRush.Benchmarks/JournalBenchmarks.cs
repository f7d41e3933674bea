using BenchmarkDotNet.Attributes;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Files;

namespace TicketRush.Benchmarks;

/// <summary>One turn at a journal file: take it, append a batch, flush, release it.</summary>
public class JournalBenchmarks : IBatchReader
{
    private readonly BatchBuffer _batch = new();
    private string _directory = "";
    private FileJournal? _journal;
    private Entry _entry;

    [Params(1, 256)]
    public int Entries { get; set; }

    [Params(true, false)]
    public bool Flush { get; set; }

    [GlobalSetup]
    public void Open()
    {
        _directory = Directory.CreateTempSubdirectory("rush-bench").FullName;
        var path = Path.Combine(_directory, "bench.rush");
        FileJournal.TryCreate(path, "bench", Crowd.Plan);
        _journal = FileJournal.Open(path, new FileJournalOptions { Flush = Flush });
        _entry.Kind = EntryKind.Purchased;
        _entry.Lines.Add(0, 1, 100);
    }

    [GlobalCleanup]
    public void Close()
    {
        _journal!.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Benchmark]
    public void Append()
    {
        _journal!.TakeTurn(this);
        _batch.Clear();
        for (var i = 0; i < Entries; i++) _batch.Add(_entry);
        _journal.Reserve(_batch.Length);
        _journal.Append(_batch, _journal.NowMs);
        _journal.ReleaseTurn();
    }

    [Benchmark]
    public void EmptyTurn()
    {
        _journal!.TakeTurn(this);
        _journal.ReleaseTurn();
    }

    public void OnBatch(in BatchHeader header, ReadOnlySpan<byte> entries)
    {
    }
}

internal static class Crowd
{
    public static Plan Plan { get; } = new()
    {
        Name = "Bench", Venue = "", StartsAt = "", TimeZone = "UTC", Currency = "EUR", PaymentKind = PaymentKind.None,
        Pools = [new("floor", TicketRush.Engine.Plan.CapacityMax, 0)],
        Tiers = [new("standing", "Standing", "floor", 100)],
        Rules = new(HoldSeconds: 600, Extensions: 1, PerOrder: 6, PerBuyer: 6),
    };

    public static Command Purchase(Random random, Plan plan)
    {
        var command = new Command
        {
            Kind = CommandKind.Purchase,
            Hold = new(new((ulong)random.NextInt64(), (ulong)random.NextInt64())),
            Buyer = new(new((ulong)random.NextInt64(), (ulong)random.NextInt64())),
            Plan = plan,
        };
        command.Lines.TryAdd(0, 1);
        return command;
    }
}
