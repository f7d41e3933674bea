using System.Diagnostics;
using TicketRush.Engine;
using TicketRush.Journal.Files;

namespace TicketRush.Journal.Tests;

/// <summary>One sale in a file of its own, a sequencer on a platform that fails on request, and whoever stands in its way.</summary>
internal sealed class SequencerRig : IAsyncDisposable
{
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);

    private readonly string _directory = Directory.CreateTempSubdirectory("rush-sequencer-").FullName;

    public FaultyPlatform Platform { get; } = new();

    public string Path => System.IO.Path.Combine(_directory, "sale.rush");

    public Sequencer Sequencer { get; private set; } = null!;

    public static async Task<SequencerRig> OpenAsync(SequencerOptions? options = null, int capacity = 1_000,
        FileJournalOptions? journal = null)
    {
        var rig = new SequencerRig();
        FileJournal.TryCreate(rig.Path, "sale", Plan(capacity), journal);
        rig.Sequencer = new(journal is null ? FileJournal.Open(rig.Path, rig.Platform) : FileJournal.Open(rig.Path, journal), options);
        Assert.Equal(Outcome.Done, await rig.Sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } }).AsTask()
            .WaitAsync(Bound));
        return rig;
    }

    public static Plan Plan(int capacity, int holdSeconds = 600) => new()
    {
        Name = "Test", Venue = "", StartsAt = "", TimeZone = "UTC", Currency = "EUR", PaymentKind = PaymentKind.Test,
        Pools = [new("floor", capacity, 0)],
        Tiers = [new("standing", "Standing", "floor", 100)],
        Rules = new(holdSeconds, Extensions: 1, PerOrder: 6, PerBuyer: 6),
    };

    /// <summary>A purchase of one place under that id, by a buyer of its own.</summary>
    public static Submission Purchase(int id, CommandKind kind = CommandKind.Purchase)
    {
        var submission = new Submission();
        Fill(submission, id, kind);
        return submission;
    }

    public static void Fill(Submission submission, int id, CommandKind kind = CommandKind.Purchase)
    {
        submission.Command = new() { Kind = kind, Hold = new(Spread(id)), Buyer = new(Spread(id) + 1), Plan = Plan(1) };
        submission.Command.Lines.TryAdd(0, 1);
    }

    public static Submission Find(int id) => new() { Command = new() { Kind = CommandKind.FindHold, Hold = new(Spread(id)) } };

    /// <summary>Ids as evenly spread as the keyed hashes that real ones are.</summary>
    public static UInt128 Spread(int id) => new((ulong)(id + 1) * 0x9E3779B97F4A7C15, (ulong)(id + 1) * 0xBF58476D1CE4E5B9);

    public Task<Outcome> AskAsync(Submission submission) => Sequencer.SubmitAsync(submission).AsTask();

    /// <summary>Ticks, as the thread that watches over the sales does, until it is so.</summary>
    public async Task TickUntilAsync(Func<bool> isSo) => await TickUntilAsync(isSo, Sequencer);

    public static async Task TickUntilAsync(Func<bool> isSo, params Sequencer[] sequencers)
    {
        for (var start = Stopwatch.GetTimestamp(); !isSo(); await Task.Delay(2))
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Bound, "It did not come to be so in time.");
            foreach (var sequencer in sequencers) sequencer.Tick();
        }
    }

    /// <summary>Another writer, who holds the turn until disposed of.</summary>
    public IDisposable HoldTurn() => new HeldTurn(Path);

    /// <summary>What anybody who opens the file now reads in it.</summary>
    public SaleSnapshot ReadAgain() => Read(Path);

    public static SaleSnapshot Read(string path)
    {
        using var journal = FileJournal.Open(path);
        return new Sequencer(journal).Snapshot!;
    }

    public async ValueTask DisposeAsync()
    {
        Platform.OnFlush = null;
        await Sequencer.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private sealed class HeldTurn : IDisposable, IBatchReader
    {
        private readonly FileJournal _journal;

        public HeldTurn(string path)
        {
            _journal = FileJournal.Open(path);
            _journal.TakeTurn(this);
        }

        public void OnBatch(in BatchHeader header, ReadOnlySpan<byte> entries) { }

        public void Dispose()
        {
            _journal.ReleaseTurn();
            _journal.Dispose();
        }
    }
}
