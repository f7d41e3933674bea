using System.Collections.Concurrent;
using System.Globalization;
using Npgsql;
using TicketRush.Engine;
using TicketRush.Journal.Postgres;
using TicketRush.Testing;
using static TicketRush.Journal.Tests.PostgresSteps;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

/// <summary>How servers hear of each other's entries, and how those who only watch read them.</summary>
public sealed class PostgresNewsTests(PostgresFixture fixture) : IDisposable
{
    private const string Sale = PostgresPlace.Sale;

    private PostgresPlace? _place;

    private PostgresPlace Place => _place ??= new(fixture.Server);

    [Fact]
    public async Task Notifications_alone_bring_the_news()
    {
        using var writer = OpenSale(Place.OpenStore());
        using var reader = Place.OpenStore(options => options with { PollEvery = TimeSpan.FromHours(1) }).OpenJournal(Sale);

        // The tails are looked at once at the start; what comes after the first can only have been told.
        for (var i = 0; i < 4; i++)
        {
            reader.Read(new Collector());
            Assert.False(reader.HasNews);
            JournalContract.InTurn(writer, new(), () => JournalContract.Append(writer, JournalSamples.Released(1)));
            await UntilAsync(() => reader.HasNews, "it was told");
        }
    }

    [Fact]
    public async Task Looking_alone_brings_the_news()
    {
        var store = Place.OpenStore();
        using var reader = OpenSale(store);
        reader.Read(new Collector());
        using (var session = PostgresSession.Open(new() { Connection = Place.Connection }))
        {
            Assert.True(session.Lock(1, out var row));
            var (batch, after) = (JournalSamples.Batch(JournalSamples.Released(1)), row.Tail);
            batch.Seal(ref after, row.NowMs);
            Assert.True(session.Write(1, row.Tail, after, batch.Bytes));
        }

        await UntilAsync(() => reader.HasNews, "it was seen");
        reader.Read(new Collector());
        Assert.False(reader.HasNews);
    }

    [Fact]
    public async Task What_somebody_makes_up_is_no_news()
    {
        using var reader = OpenSale(Place.OpenStore());
        reader.Read(new Collector());
        var database = new NpgsqlConnectionStringBuilder(Place.Connection).Database!;
        foreach (var forged in new[] { "1:9223372036854775807", "1", "1 1 x :: -1 99999999999999", "9" })
            fixture.Server.Execute($"NOTIFY ticketrush, '{forged}'", database);

        // What is true and told later is heard later.
        using var writer = Place.OpenStore().OpenJournal(Sale);
        JournalContract.InTurn(writer, new(), () => JournalContract.Append(writer, JournalSamples.Released(1)));
        await UntilAsync(() => reader.HasNews, "it was told");
        reader.Read(new Collector());
        Assert.False(reader.HasNews);
    }

    [Fact]
    public async Task News_of_more_sales_than_one_notification_holds_goes_with_the_next()
    {
        const int First = 1_000_000, Sales = 2_500;
        Place.OpenStore();
        var heard = new ConcurrentDictionary<int, bool>();
        await using var connection = new NpgsqlConnection(Place.Connection + ";Pooling=false");
        connection.Notification += (_, news) =>
        {
            foreach (var word in news.Payload.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                heard[int.Parse(word.Split(':')[0], CultureInfo.InvariantCulture)] = true;
        };
        await connection.OpenAsync();
        PostgresSession.Execute(connection, "LISTEN ticketrush");

        var options = new PostgresOptions { Connection = Place.Connection };
        using var pool = new PostgresPool(options);
        using var watch = new PostgresWatch(options, pool, new());
        for (var sale = First; sale < First + Sales; sale++) watch.Tell(watch.NewsOf(sale), 1);
        using var patience = new CancellationTokenSource(Bound);
        while (heard.Count < Sales) await connection.WaitAsync(patience.Token);
    }

    [Fact]
    public void Who_watches_takes_no_connection_from_those_who_sell()
    {
        var store = Place.OpenStore(options => options with { SessionsMax = 1, ReconnectMax = TimeSpan.FromMilliseconds(500) });
        using var seller = OpenSale(store);
        using var watch = store.OpenToRead(Sale);
        seller.TakeTurn(new Collector());
        var reader = new Counting { Most = int.MaxValue };
        watch.ReadBatches(reader, 64);
        Assert.True(reader.Count > 0);
        seller.ReleaseTurn();
    }

    [Fact]
    public void A_watch_reads_ahead_and_gives_what_it_has_without_asking_again()
    {
        const int Batches = 16;
        using var proxy = new CommitProxy(fixture.Server.Port);
        using var writer = OpenSale(Place.OpenStore());
        for (var i = 0; i < Batches; i++)
            JournalContract.InTurn(writer, new(), () => JournalContract.Append(writer, JournalSamples.Released((UInt128)i)));
        var behind = new NpgsqlConnectionStringBuilder(Place.Connection) { Port = proxy.Port }.ConnectionString;
        using var watch = Place.OpenStore(options => options with { ReconnectMax = TimeSpan.Zero }, behind).OpenToRead(Sale);

        // The first is read alone: nobody knows yet how long they are.
        var reader = new Counting();
        for (; reader.Count < 2; reader.Most++) watch.ReadBatches(reader, 64);
        Assert.True(watch.HasNews);
        proxy.Dispose();
        for (; reader.Count < Batches; reader.Most++) watch.ReadBatches(reader, 64);
        reader.Most = int.MaxValue;
        Assert.ThrowsAny<IOException>(() => { for (var left = 10; left > 0; left--) watch.ReadBatches(reader, 64); });
    }

    [Fact]
    public void A_watch_keeps_no_more_than_its_bound_where_long_batches_follow_short_ones()
    {
        const int Short = 16, Long = 16, Entries = 20_000;
        var store = Place.OpenStore();
        using var seller = OpenSale(store);
        var entries = Enumerable.Range(0, Entries).Select(i => JournalSamples.Released((UInt128)i)).ToArray();
        JournalContract.InTurn(seller, new(), () =>
        {
            for (var i = 0; i < Short; i++) JournalContract.Append(seller, JournalSamples.Released(1));
            for (var i = 0; i < Long; i++) JournalContract.Append(seller, entries);
        });
        var length = JournalSamples.Batch(entries).Length;
        Assert.True(length > 256 * 1024, $"{length}");

        using var watch = store.OpenToRead(Sale);
        var reader = new Counting();
        for (; reader.Count < Short; reader.Most++) watch.ReadBatches(reader, 1);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (; reader.Count <= Short + Entries; reader.Most = reader.Count + 1) watch.ReadBatches(reader, 1);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, length, 6L * length);
        reader.Most = int.MaxValue;
        while (watch.Tail.Sequence < seller.Tail.Sequence) watch.ReadBatches(reader, 64);
        Assert.Equal(1 + Short + Long * Entries, reader.Count);
    }

    [Fact]
    public void A_watch_that_lags_leaves_the_witness_of_its_machine_where_it_is()
    {
        var store = Place.OpenStore();
        using var seller = OpenSale(store);
        using var watch = store.OpenToRead(Sale);
        for (var i = 0; i < 20; i++)
            JournalContract.InTurn(seller, new(), () => JournalContract.Append(seller, JournalSamples.Released((UInt128)i)));
        var reader = new Counting();
        for (; reader.Count < 10; reader.Most++) watch.ReadBatches(reader, 64);
        AssertSeen(seller.Tail);

        // Nor does a server of the same machine that has yet to hear of them.
        using var late = Place.OpenStore().OpenJournal(Sale);
        late.Read(new Collector());
        AssertSeen(seller.Tail);
    }

    public void Dispose() => _place?.Dispose();

    private static PostgresJournal OpenSale(PostgresStore store)
    {
        store.TryCreate(Sale, Plan(100));
        return store.OpenJournal(Sale);
    }

    private void AssertSeen(in Tail tail)
    {
        var path = Directory.GetFiles(Place.State.File("witness")).Single();
        using var witness = Witness.Open(
            Path.GetDirectoryName(path), UInt128.Parse(Path.GetFileNameWithoutExtension(path), NumberStyles.HexNumber, null));
        Assert.Equal((tail.Sequence, tail.Hash), (witness.Sequence, witness.Hash));
    }

    /// <summary>Has enough after each entry.</summary>
    private sealed class Counting : EntryReader
    {
        public int Count { get; private set; }

        public int Most { get; set; } = 1;

        protected internal override bool IsEnough => Count >= Most;

        protected override void OnEntry(in Entry entry, long sequence, long timeMs) => Count++;
    }
}
