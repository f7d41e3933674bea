using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using TicketRush.Journal.Postgres;
using TicketRush.Testing;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

/// <summary>Which sales there are, whoever asks and however often, with a database and without.</summary>
public sealed class PostgresStoreTests(PostgresFixture fixture) : IDisposable
{
    private readonly PostgresPlace _place = new(fixture.Server);

    [Fact]
    public async Task What_strangers_make_up_opens_no_connections_and_what_is_new_is_found_all_the_same()
    {
        using var proxy = new CommitProxy(fixture.Server.Port);
        var connection = new Npgsql.NpgsqlConnectionStringBuilder(_place.Connection) { Port = proxy.Port };
        var (here, there) = (_place.OpenStore(connection: connection.ConnectionString), _place.OpenStore());
        await using var sales = new Sales(here);
        Assert.Empty(sales.All());
        Assert.Null(Find(sales, "nothing"));

        var before = proxy.Accepted;
        Parallel.For(0, 5_000, new() { MaxDegreeOfParallelism = 8 }, i => Assert.Null(Find(sales, $"made-up-{i}")));
        Assert.True(there.TryCreate("spring", Plan(10)));
        await UntilAsync(() => Find(sales, "spring")?.Sequencer is not null);
        Assert.InRange(proxy.Accepted - before, 1, 12);

        Assert.True(there.TryCreate("autumn", Plan(10)));
        await UntilAsync(() => Has(here, "autumn"));

        // Who looks by itself so seldom finds what is new by looking it up, or not at all.
        var seldom = _place.OpenStore(options => options with { PollEvery = TimeSpan.FromSeconds(60) });
        Assert.Equal(["autumn", "spring"], seldom.Sales());
        Assert.False(Has(seldom, "summer"));
        Assert.True(there.TryCreate("summer", Plan(10)));
        await UntilAsync(() => Has(seldom, "summer"));
        Assert.Equal(["autumn", "spring", "summer"], seldom.Sales());
        Assert.True(here.TryCreate("winter", Plan(10)));
        Assert.Contains("winter", here.Sales());
        await UntilAsync(() => there.Sales().SequenceEqual(["autumn", "spring", "summer", "winter"]));
    }

    [Fact]
    [Trait("Storm", "true")]
    public async Task While_the_database_is_away_nobody_waits_for_names()
    {
        using var server = PostgresServer.Start();
        using var place = new PostgresPlace(server);
        var store = place.OpenStore();
        store.TryCreate("spring", Plan(10));
        await using var sales = new Sales(store);
        Assert.Single(sales.All());
        Assert.Null(Find(sales, "nothing"));

        server.StopImmediately();
        for (var since = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(since) < TimeSpan.FromSeconds(4); await Task.Delay(100))
        {
            var asked = Stopwatch.GetTimestamp();
            Assert.Equal("spring", Assert.Single(sales.All()).Name);
            Assert.Null(Find(sales, "nothing"));
            Assert.True(Stopwatch.GetElapsedTime(asked) < TimeSpan.FromSeconds(1), $"{Stopwatch.GetElapsedTime(asked)}");
        }

        // And when it is back, what is new is found again.
        server.Run();
        using var other = PostgresStore.Open(new() { Connection = place.Connection, StateDirectory = place.State.Path });
        Assert.True(other.TryCreate("autumn", Plan(10)));
        await UntilAsync(() => Find(sales, "autumn") is not null);
    }

    /// <summary>Who was told that there is none would not ask again.</summary>
    [Fact]
    public async Task A_name_that_cannot_be_looked_up_is_not_known_and_not_said_to_be_none()
    {
        var (here, there) = (_place.OpenStore(options => options with { PollEvery = TimeSpan.FromSeconds(60) }), _place.OpenStore());
        await using var sales = new Sales(here);
        Assert.Empty(sales.All());

        // It is connected before anybody asks.
        await UntilAsync(() => Ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ticketrush names' "
            + "AND datname = current_database()") == 2);
        await UntilAsync(() => !Has(here, "nothing"));
        Assert.True(there.TryCreate("spring", Plan(10)));
        await using (var busy = new Npgsql.NpgsqlConnection(_place.Connection))
        {
            await busy.OpenAsync(TestContext.Current.CancellationToken);
            await using var hold = new Npgsql.NpgsqlCommand("BEGIN; LOCK TABLE ticketrush.sale IN ACCESS EXCLUSIVE MODE", busy);
            await hold.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            Assert.Throws<NotKnownNowException>(() => sales.Find("spring"));
            Assert.Throws<NotKnownNowException>(() => sales.Find("nothing"));
        }

        await UntilAsync(() => Find(sales, "spring") is not null);
    }

    /// <summary>However many sales are busy at once, their turns share so many connections, and all of them sell.</summary>
    [Fact]
    public async Task Turns_of_many_sales_share_no_more_connections_than_are_allowed()
    {
        const int Sales = 12, Most = 3, Orders = 20;
        var store = _place.OpenStore(options => options with { SessionsMax = Most });
        var sequencers = new List<Sequencer>();
        for (var i = 0; i < Sales; i++)
        {
            Assert.True(store.TryCreate($"sale-{i}", Plan(Orders)));
            sequencers.Add(new(store.Open($"sale-{i}")));
        }

        var database = new Npgsql.NpgsqlConnectionStringBuilder(_place.Connection).Database!;
        var selling = Task.WhenAll(sequencers.Select(async sequencer =>
        {
            var opened = sequencer.SubmitAsync(new() { Command = new() { Kind = Engine.CommandKind.Open } });
            Assert.Equal(Outcome.Done, await opened.AsTask().WaitAsync(Bound));
            for (var id = 0; id < Orders; id++)
                Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(id)).AsTask().WaitAsync(Bound));
        }));
        long most = 0;
        do
        {
            var count = fixture.Server.Ask(
                $"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND application_name = 'ticketrush turns'");
            most = Math.Max(most, (long)count!);
        }
        while (!selling.IsCompleted);
        await selling;
        Assert.InRange(most, 1, Most);
        foreach (var sequencer in sequencers) await sequencer.DisposeAsync();
    }

    [Fact]
    public async Task Commits_that_were_not_answered_and_those_settled_can_be_watched()
    {
        var measured = new ConcurrentDictionary<string, long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Name.StartsWith("ticketrush.commits.", StringComparison.Ordinal)) l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
            measured.AddOrUpdate(instrument.Name, value, (_, most) => Math.Max(most, value)));
        listener.Start();

        using var proxy = new CommitProxy(fixture.Server.Port);
        var connection = new Npgsql.NpgsqlConnectionStringBuilder(_place.Connection) { Port = proxy.Port };
        var store = _place.OpenStore(connection: connection.ConnectionString);
        store.TryCreate("spring", Plan(10));
        await using var sequencer = new Sequencer(store.Open("spring"));
        proxy.Next = CommitFate.AnswerIsCut;
        Assert.Equal(
            Outcome.Done,
            await sequencer.SubmitAsync(new() { Command = new() { Kind = Engine.CommandKind.Open } }).AsTask().WaitAsync(Bound));
        listener.RecordObservableInstruments();
        Assert.True(measured["ticketrush.commits.unsettled"] >= 1);
        Assert.True(measured["ticketrush.commits.settled"] >= 1);
    }

    public void Dispose() => _place.Dispose();

    private long Ask(string sql) =>
        (long)fixture.Server.Ask(sql, new Npgsql.NpgsqlConnectionStringBuilder(_place.Connection).Database!)!;

    /// <summary>As who asks again until it is known.</summary>
    private static OpenSale? Find(Sales sales, string name)
    {
        try
        {
            return sales.Find(name);
        }
        catch (NotKnownNowException)
        {
            return null;
        }
    }

    private static bool Has(PostgresStore store, string name)
    {
        try
        {
            return store.Has(name);
        }
        catch (NotKnownNowException)
        {
            return false;
        }
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        for (var start = Stopwatch.GetTimestamp(); !isSo(); await Task.Delay(10))
            Assert.True(Stopwatch.GetElapsedTime(start) < Bound, "It did not come to be so in time.");
    }
}
