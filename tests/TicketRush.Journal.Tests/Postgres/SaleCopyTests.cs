using TicketRush.Engine;
using TicketRush.Journal.Audit;
using TicketRush.Journal.Files;
using TicketRush.Journal.Postgres;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

public sealed class SaleCopyTests(PostgresFixture fixture) : IDisposable
{
    private const string Sale = "spring";

    private readonly PostgresPlace _place = new(fixture.Server);
    private readonly ScratchDirectory _here = new();

    [Fact]
    public async Task A_sale_moves_to_the_database_and_back_and_goes_on_as_if_nothing_had_happened()
    {
        var (directory, store) = (new DataDirectory(_here.Path), _place.OpenStore());
        directory.TryCreate(Sale, Plan(100));
        var hash = await SellAsync(directory, first: 0, count: 30);
        var original = await File.ReadAllBytesAsync(directory.JournalPath(Sale), TestContext.Current.CancellationToken);

        var arrived = SaleCopy.Run(new(directory, Sale), new(store, Sale), Options, move: true);
        Assert.Equal((AuditVerdict.Good, hash.ToString()), (arrived.Verdict, arrived.Hash));
        Assert.False(directory.Has(Sale));
        Assert.Equal(IdentityKeys.Open(directory.Secrets), IdentityKeys.Open(store.Secrets));

        hash = await SellAsync(store, first: 30, count: 30);
        using var elsewhere = new ScratchDirectory();
        var back = new DataDirectory(elsewhere.Path);
        arrived = SaleCopy.Run(new(store, Sale), new(back, Sale), Options, move: true);
        Assert.Equal((AuditVerdict.Good, hash.ToString(), 60), (arrived.Verdict, arrived.Hash, arrived.Orders));
        Assert.False(store.Has(Sale));
        Assert.Empty(store.Sales());

        // Byte for byte what it was, and more behind it.
        var copied = await File.ReadAllBytesAsync(back.JournalPath(Sale), TestContext.Current.CancellationToken);
        Assert.Equal(original.AsSpan(0, FileHeader.Size), copied.AsSpan(0, FileHeader.Size));
        await SellAsync(back, first: 60, count: 10);
    }

    [Fact]
    public async Task An_open_sale_is_not_copied()
    {
        var (directory, store) = (new DataDirectory(_here.Path), _place.OpenStore());
        directory.TryCreate(Sale, Plan(100));
        await SellAsync(directory, 0, 1, close: false);

        Assert.Throws<JournalRefusedException>(() => SaleCopy.Run(new(directory, Sale), new(store, Sale), Options, move: true));
        Assert.True(directory.Has(Sale));
        Assert.False(store.Has(Sale));
    }

    [Fact]
    public async Task Nothing_is_copied_to_where_its_ids_would_not_be_found()
    {
        var (directory, store) = (new DataDirectory(_here.Path), _place.OpenStore());
        directory.TryCreate(Sale, Plan(100));
        await SellAsync(directory, 0, 1);
        store.TryCreate("another", Plan(1));

        Assert.Throws<JournalRefusedException>(() => SaleCopy.Run(new(directory, Sale), new(store, Sale), Options, move: false));
        Assert.False(store.Has(Sale));
    }

    [Fact]
    public async Task Who_has_a_sale_open_that_is_moved_away_stops_selling_it()
    {
        var store = _place.OpenStore();
        store.TryCreate(Sale, Plan(100));
        await SellAsync(store, 0, 1);
        await using var seller = new Sequencer(store.Open(Sale));
        SaleCopy.Run(new(store, Sale), new(new DataDirectory(_here.Path), Sale), Options, move: true);

        Assert.Equal(Outcome.Stopped, await seller.SubmitAsync(Find(0)).AsTask().WaitAsync(Bound));
        Assert.Equal(SequencerStatusKind.Stopped, seller.Status.Kind);
    }

    public void Dispose()
    {
        _place.Dispose();
        _here.Dispose();
    }

    private PostgresOptions Options => new() { Connection = _place.Connection };

    private static async Task<ChainHash> SellAsync(ISaleStore store, int first, int count, bool close = true)
    {
        await using var sequencer = new Sequencer(store.Open(Sale));
        await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } });
        for (var id = first; id < first + count; id++) Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(id)));
        if (first > 0) Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Find(0)));
        if (close) Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Close } }));
        return sequencer.Snapshot!.Hash;
    }
}
