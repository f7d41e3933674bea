using System.Collections.Concurrent;
using System.Diagnostics;
using TicketRush.Engine;
using TicketRush.Journal.Audit;
using TicketRush.Journal.Postgres;
using TicketRush.Testing;
using static TicketRush.Journal.Tests.PostgresSteps;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

/// <summary>What may happen to a database and to the way there, and that nobody is told what is not so.</summary>
[Trait("Storm", "true")]
public sealed class PostgresFaultTests(PostgresFixture fixture) : IDisposable
{
    private const string Sale = PostgresPlace.Sale;

    private PostgresPlace? _place;
    private CommitProxy? _proxy;

    private static bool IsFull => Environment.GetEnvironmentVariable("RUSH_FULL") == "1";

    private PostgresPlace Place => _place ??= new(fixture.Server);

    [Theory]
    [InlineData(CommitFate.AnswerIsCut)]
    [InlineData(CommitFate.BatchIsCut)]
    public async Task A_commit_whose_connection_is_cut_is_settled_before_anybody_is_told(CommitFate fate)
    {
        var times = IsFull ? 50 : 10;
        var store = OpenBehindProxy();
        await using var sequencer = await OpenSaleAsync(store);
        for (var id = 0; id < times; id++)
        {
            _proxy!.Next = fate;
            Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(id)).AsTask().WaitAsync(Bound));
        }

        Assert.Equal(times, _proxy!.Lost);
        Assert.Equal((times, times), store.Commits);
        AssertSold(times);
    }

    /// <summary>The control: who does not settle knows nothing, though the database has it.</summary>
    [Fact]
    public async Task Without_settling_the_answer_is_unknown_and_asking_again_tells()
    {
        var store = OpenBehindProxy(options => options with { SettleMax = TimeSpan.Zero });
        await using var sequencer = await OpenSaleAsync(store);
        _proxy!.Next = CommitFate.AnswerIsCut;
        Assert.Equal(Outcome.Unknown, await sequencer.SubmitAsync(Purchase(1)).AsTask().WaitAsync(Bound));
        AssertSold(1);
        await TickUntilAsync(() => sequencer.Status.Kind == SequencerStatusKind.Selling, sequencer);
        Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(1)).AsTask().WaitAsync(Bound));
        AssertSold(1);
    }

    [Fact]
    public async Task A_commit_whose_answer_never_comes_is_given_up_and_settled()
    {
        var store = OpenBehindProxy(options => options with { CommitWaitMax = TimeSpan.FromMilliseconds(500) });
        await using var sequencer = await OpenSaleAsync(store);
        _proxy!.Next = CommitFate.AnswerIsSwallowed;
        Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(1)).AsTask().WaitAsync(Bound));
        Assert.Equal((1L, 1L), store.Commits);
        AssertSold(1);
    }

    [Fact]
    public async Task A_batch_that_was_cut_off_and_overtaken_is_never_written_and_asking_again_sells_once()
    {
        var store = OpenBehindProxy(options => options with { TurnIdleMax = TimeSpan.FromMilliseconds(300) });
        await using var sequencer = await OpenSaleAsync(store);
        using var frozen = store.OpenJournal(Sale);
        var other = Place.OpenStore();
        using var quick = other.OpenJournal(Sale);

        // Who stands still in a turn loses it; another writes where its batch was to be.
        frozen.TakeTurn(new Collector());
        JournalContract.InTurn(quick, new(), () => JournalContract.Append(quick, JournalSamples.Released(1)));
        Assert.ThrowsAny<IOException>(() => JournalContract.Append(frozen, JournalSamples.Released(2)));
        frozen.ReleaseTurn();

        var all = new Collector();
        using var reader = other.OpenJournal(Sale);
        reader.Read(all);
        JournalContract.AssertUnbroken(all);
        Assert.Equal(quick.Tail, reader.Tail);
        Assert.Equal((1L, 0L), store.Commits);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_server_frozen_in_its_turn_holds_the_others_up_no_longer_than_the_bound(bool bounded)
    {
        var store = Place.OpenStore(options => options with { TurnIdleMax = bounded ? TimeSpan.FromSeconds(1) : TimeSpan.FromSeconds(30) });
        await using var _ = await OpenSaleAsync(store);
        using var frozen = store.OpenJournal(Sale);
        frozen.TakeTurn(new Collector());

        using var other = Place.OpenStore().OpenJournal(Sale);
        var since = Stopwatch.GetTimestamp();
        var taking = Task.Run(() => other.TakeTurn(new Collector()));
        if (bounded)
        {
            await taking.WaitAsync(Bound);
            Assert.True(Stopwatch.GetElapsedTime(since) < TimeSpan.FromSeconds(4), $"{Stopwatch.GetElapsedTime(since)}");
        }
        else
        {
            // The control: without the database's bound it would hold them as long as it stands.
            await Assert.ThrowsAsync<TimeoutException>(() => taking.WaitAsync(TimeSpan.FromSeconds(4)));
            frozen.ReleaseTurn();
            await taking.WaitAsync(Bound);
        }

        other.ReleaseTurn();
        frozen.ReleaseTurn();
    }

    [Fact]
    public async Task Nothing_acknowledged_is_lost_however_often_the_database_stops_at_once()
    {
        if (PostgresServer.Missing is { } why) Assert.Skip(why);
        using var server = PostgresServer.Start();
        using var place = new PostgresPlace(server);
        await using var first = await OpenSaleAsync(place.OpenStore());
        await using var second = new Sequencer(place.OpenStore().Open(Sale));
        await using var crowd = new PostgresCrowd(first, second);
        for (var stop = 0; stop < (IsFull ? 100 : 6); stop++)
        {
            var before = crowd.Done;
            await crowd.UntilAsync(() => crowd.Done > before + 500);
            server.Restart();
        }

        var last = crowd.Done;
        await crowd.UntilAsync(() => crowd.Done > last + 500);
        await crowd.StopAsync();
        Assert.Empty(crowd.Wrong);
        await AssertKeptAsync(crowd, place);
    }

    /// <summary>
    /// The control: with commits that do not wait for the disk the same stop is seen to lose, and the witness does not go on behind it.
    /// </summary>
    [Fact]
    public async Task Commits_that_do_not_wait_are_seen_to_lose_and_the_witness_refuses()
    {
        if (PostgresServer.Missing is { } why) Assert.Skip(why);
        using var server = PostgresServer.Start("wal_writer_delay=10s", "wal_writer_flush_after=1GB");
        using var place = new PostgresPlace(server);
        await using var sequencer = await OpenSaleAsync(place.OpenStore(options => options with { SynchronousCommit = false }));
        for (var id = 0; id < 50; id++) Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(id)).AsTask().WaitAsync(Bound));
        server.Restart();

        using (var blind = PostgresStore.Open(new() { Connection = place.Connection, StateDirectory = place.State.Path, Witness = false }))
        using (var journal = blind.OpenJournal(Sale))
        {
            journal.Read(new Collector());
            Assert.True(journal.Tail.Sequence < 52, "Nothing was lost: the control shows nothing.");
        }

        var refused = Assert.Throws<JournalRefusedException>(() => new Sequencer(place.OpenStore().Open(Sale)));
        Assert.Contains("lost", refused.Message, StringComparison.Ordinal);
        Assert.Equal(Outcome.Stopped, await sequencer.SubmitAsync(Purchase(51)).AsTask().WaitAsync(Bound));
        Assert.Equal(SequencerStatusKind.Stopped, sequencer.Status.Kind);
    }

    [Fact]
    public async Task A_synchronous_standby_takes_over_with_everything_that_was_acknowledged()
    {
        if (PostgresServer.Missing is { } why) Assert.Skip(why);
        for (var time = 0; time < (IsFull ? 10 : 1); time++)
        {
            using var primary = PostgresServer.Start("synchronous_standby_names=two", "wal_level=replica");
            using var standby = primary.StartStandby("two");
            using var place = new PostgresPlaceBehind(primary);
            await using var sequencer = await OpenSaleAsync(place.OpenStore(connection: place.ConnectionAt(primary, standby)));
            await using var crowd = new PostgresCrowd(sequencer);
            await crowd.UntilAsync(() => crowd.Done > 1_000);
            primary.StopImmediately();
            standby.Promote();

            // The same server goes on by itself, with its witness, at the one that took over.
            var before = crowd.Done;
            await crowd.UntilAsync(() => crowd.Done > before + 500);
            await crowd.StopAsync();
            Assert.Empty(crowd.Wrong);

            await using var after = new Sequencer(place.OpenStore(connection: place.ConnectionAt(standby)).Open(Sale));
            await crowd.SettleAsync(after);
            await AssertKeptAsync(crowd, after);
            using var auditor = Auditor.OfPostgres(new() { Connection = place.ConnectionAt(standby) }, Sale);
            Assert.Equal(AuditVerdict.Good, auditor.Verify().Verdict);
        }
    }

    /// <summary>The control: a standby that lags is promoted, and loses; who has seen more refuses it.</summary>
    [Fact]
    public async Task An_asynchronous_standby_is_seen_to_lose_and_is_refused()
    {
        if (PostgresServer.Missing is { } why) Assert.Skip(why);
        using var primary = PostgresServer.Start("wal_level=replica");
        using var place = new PostgresPlaceBehind(primary);
        await using var sequencer = await OpenSaleAsync(place.OpenStore());
        using var standby = primary.StartStandby("two");
        standby.StopImmediately();
        for (var id = 0; id < 20; id++) Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(id)).AsTask().WaitAsync(Bound));
        primary.StopImmediately();
        standby.Run();
        standby.Promote();

        var without = new PostgresOptions { Connection = place.ConnectionAt(standby), StateDirectory = place.State.Path, Witness = false };
        using (var blind = PostgresStore.Open(without))
        using (var journal = blind.OpenJournal(Sale))
        {
            journal.Read(new Collector());
            Assert.Equal(2, journal.Tail.Sequence);
        }

        Assert.Throws<JournalRefusedException>(() => new Sequencer(place.OpenStore(connection: place.ConnectionAt(standby)).Open(Sale)));
    }

    [Fact]
    public void A_database_that_does_not_flush_is_refused()
    {
        if (PostgresServer.Missing is { } why) Assert.Skip(why);
        using var server = PostgresServer.Start("fsync=off");
        using var state = new ScratchDirectory();
        var options = new PostgresOptions { Connection = server.CreateDatabase(), StateDirectory = state.Path };
        var refused = Assert.Throws<JournalRefusedException>(() => PostgresStore.Open(options));
        Assert.Contains("fsync", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_one_server_sells_another_shows_and_one_id_at_both_is_one_order()
    {
        await using var here = await OpenSaleAsync(Place.OpenStore());
        await using var there = new Sequencer(Place.OpenStore().Open(Sale));
        for (var id = 0; id < 50; id++)
        {
            var (one, two) = (Purchase(id), Purchase(id));
            var answers = await Task.WhenAll(here.SubmitAsync(one).AsTask(), there.SubmitAsync(two).AsTask()).WaitAsync(Bound);
            Assert.Equal([Outcome.Done, Outcome.Done], answers);
            Assert.Equal((one.Reply.Sequence, one.Hash), (two.Reply.Sequence, two.Hash));
        }

        Assert.Equal(Outcome.Done, await here.SubmitAsync(Purchase(50)).AsTask().WaitAsync(Bound));
        await TickUntilAsync(() => there.Snapshot!.Hash == here.Snapshot!.Hash, there);
        AssertSold(51);
    }

    [Fact]
    public async Task Many_that_start_at_once_make_the_tables_once()
    {
        var (connection, state) = (Place.Connection, Place.State.Path);
        var stores = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(
            () => PostgresStore.Open(new() { Connection = connection, StateDirectory = state }))));
        var created = stores.Count(store => store.TryCreate(Sale, Plan(1)));
        Assert.Equal(1, created);
        Assert.Single(stores.Select(store => store.Secrets.Read(IdentityKeys.SecretName)).Distinct());
        foreach (var store in stores) store.Dispose();
    }

    [Fact]
    public void Secrets_are_sealed_and_another_cluster_key_cannot_read_them()
    {
        Place.OpenStore().Secrets.TryAdd("session.key", "the secret of all sessions");
        var database = new Npgsql.NpgsqlConnectionStringBuilder(Place.Connection).Database!;
        var raw = fixture.Server.Ask("SELECT string_agg(encode(sealed, 'escape'), ' ') FROM ticketrush.secret", database);
        Assert.DoesNotContain("the secret", (string)raw!, StringComparison.Ordinal);
        Assert.Equal("the secret of all sessions", Place.OpenStore().Secrets.Read("session.key"));

        using var stranger = new ScratchDirectory();
        var options = new PostgresOptions { Connection = Place.Connection, StateDirectory = stranger.Path };
        Assert.Throws<InvalidDataException>(() => PostgresStore.Open(options));
    }

    [Fact]
    public void A_change_that_changes_nothing_leaves_a_name_that_can_be_given()
    {
        var secrets = Place.OpenStore().Secrets;
        secrets.Change("keys", _ => null);
        Assert.Null(secrets.Read("keys"));
        Assert.True(secrets.TryAdd("keys", "first"));
        Assert.False(secrets.TryAdd("keys", "second"));
        Assert.Equal("first", Place.OpenStore().Secrets.Read("keys"));
    }

    /// <summary>All lock a secret before what they commit last; who did it the other way round would wait for one who waits for
    /// it.</summary>
    [Fact]
    public async Task Who_settles_a_secret_and_waits_for_it_holds_nobody_up()
    {
        var secrets = OpenBehindProxy().Secrets;
        var database = new Npgsql.NpgsqlConnectionStringBuilder(Place.Connection).Database!;
        await using var other = new Npgsql.NpgsqlConnection(Place.Connection + ";Pooling=false");
        await other.OpenAsync();
        secrets.TryAdd("keys", "first");
        Task? locking = null;
        var changing = Task.Run(() => secrets.Change("keys", _ =>
        {
            // It waits for this transaction, and has the secret when it is over: before it is settled.
            locking = Task.Run(() => PostgresSession.Execute(
                other, "BEGIN; SELECT 1 FROM ticketrush.secret WHERE name = 'keys' FOR UPDATE"));
            Assert.True(SpinWait.SpinUntil(() => CountWaiting() == 1, Bound));
            _proxy!.Next = CommitFate.AnswerIsCut;
            return "second";
        }));
        await UntilAsync(() => _proxy!.Lost == 1, "the answer was cut");
        await locking!.WaitAsync(Bound);
        await UntilAsync(() => CountWaiting() == 1, "it is being settled");
        PostgresSession.Execute(other, "SELECT 1 FROM ticketrush.version FOR UPDATE NOWAIT; COMMIT");
        await changing.WaitAsync(Bound);
        Assert.Equal("second", secrets.Read("keys"));

        long CountWaiting() => (long)fixture.Server.Ask(
            $"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock'")!;
    }

    public void Dispose()
    {
        _place?.Dispose();
        _proxy?.Dispose();
    }

    private PostgresStore OpenBehindProxy(Func<PostgresOptions, PostgresOptions>? change = null)
    {
        _proxy = new(fixture.Server.Port);
        var connection = new Npgsql.NpgsqlConnectionStringBuilder(Place.Connection) { Port = _proxy.Port };
        return Place.OpenStore(change, connection.ConnectionString);
    }

    private void AssertSold(int orders)
    {
        using var auditor = Auditor.OfPostgres(new() { Connection = Place.Connection }, Sale);
        var result = auditor.Verify();
        Assert.Equal((AuditVerdict.Good, orders), (result.Verdict, result.Orders));
    }

    private static async Task AssertKeptAsync(PostgresCrowd crowd, PostgresPlace place)
    {
        await using var fresh = new Sequencer(place.OpenStore().Open(Sale));
        await crowd.SettleAsync(fresh);
        await AssertKeptAsync(crowd, fresh);
        using var auditor = Auditor.OfPostgres(new() { Connection = place.Connection }, Sale);
        Assert.Equal(AuditVerdict.Good, auditor.Verify().Verdict);
    }

    private static async Task AssertKeptAsync(PostgresCrowd crowd, Sequencer fresh)
    {
        foreach (var (id, sequence) in crowd.Acknowledged)
        {
            var found = new Submission { Command = new() { Kind = CommandKind.FindOrder, Hold = new(Spread(id)) } };
            Assert.Equal(Outcome.Done, await fresh.SubmitAsync(found).AsTask().WaitAsync(Bound));
            Assert.Equal(sequence, found.Reply.Sequence);
        }

        Assert.Equal(crowd.Acknowledged.Count, fresh.Snapshot!.Orders);
    }
}

/// <summary>A place whose database is reached at whichever server has it now.</summary>
internal sealed class PostgresPlaceBehind(PostgresServer server) : IDisposable
{
    private readonly PostgresPlace _place = new(server);

    public ScratchDirectory State => _place.State;

    public string ConnectionAt(params PostgresServer[] servers) => new Npgsql.NpgsqlConnectionStringBuilder(_place.Connection)
    {
        Host = string.Join(',', servers.Select(server => $"127.0.0.1:{server.Port}")),
    }.ConnectionString;

    public PostgresStore OpenStore(Func<PostgresOptions, PostgresOptions>? change = null, string? connection = null) =>
        _place.OpenStore(change, connection);

    public void Dispose() => _place.Dispose();
}

/// <summary>Buyers at some sequencers, each one purchase at a time, who ask again with the same id when they were told nothing.</summary>
internal sealed class PostgresCrowd : IAsyncDisposable
{
    private const int Buyers = 16;

    private readonly Sequencer[] _sequencers;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _buyers;
    private readonly Thread _ticks;
    private readonly ConcurrentDictionary<int, long> _unknown = new();
    private int _id;
    private volatile bool _isQuiet;

    public PostgresCrowd(params Sequencer[] sequencers)
    {
        _sequencers = sequencers;
        _ticks = new(() =>
        {
            for (; !_isQuiet; Thread.Sleep(20))
            {
                foreach (var sequencer in sequencers) sequencer.Tick();
            }
        }) { IsBackground = true };
        _ticks.Start();
        _buyers = Task.WhenAll(
            Enumerable.Range(0, Buyers).Select(buyer => Task.Run(() => BuyAsync(sequencers[buyer % sequencers.Length]))));
    }

    /// <summary>Ids that were acknowledged, with the sequence that they were told.</summary>
    public ConcurrentDictionary<int, long> Acknowledged { get; } = new();

    public ConcurrentQueue<string> Wrong { get; } = new();

    public int Done => Acknowledged.Count;

    public async Task UntilAsync(Func<bool> isSo)
    {
        for (var since = Stopwatch.GetTimestamp(); !isSo(); await Task.Delay(5))
        {
            Assert.True(
                Stopwatch.GetElapsedTime(since) < TimeSpan.FromSeconds(60),
                $"{Done} done; {string.Join(" | ", _sequencers.Select(one => one.Status))}");
        }
    }

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _buyers;
        _isQuiet = true;
        _ticks.Join();
    }

    /// <summary>Asks again for everything of which nobody was told anything.</summary>
    public async Task SettleAsync(Sequencer sequencer)
    {
        foreach (var id in _unknown.Keys)
        {
            var again = Purchase(id);
            Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(again).AsTask().WaitAsync(Bound));
            Acknowledged[id] = again.Reply.Sequence;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }

    private async Task BuyAsync(Sequencer sequencer)
    {
        while (!_stop.IsCancellationRequested)
        {
            var id = Interlocked.Increment(ref _id);
            var isUnknown = false;
            while (true)
            {
                // Not the same one again: the sequencer may still hold one whose outcome is unknown.
                var purchase = Purchase(id);
                var outcome = await sequencer.SubmitAsync(purchase);
                if (outcome == Outcome.Done)
                {
                    Acknowledged[id] = purchase.Reply.Sequence;
                    _unknown.TryRemove(id, out _);
                    break;
                }

                isUnknown |= outcome == Outcome.Unknown;
                if (isUnknown) _unknown[id] = 0;
                if (outcome is not (Outcome.Unknown or Outcome.Busy or Outcome.Stopped))
                    Wrong.Enqueue($"{id}: {outcome} {purchase.Reply.Refusal}");
                if (_stop.IsCancellationRequested || !isUnknown) break;
                await Task.Delay(20);
            }

            if (!Acknowledged.ContainsKey(id)) await Task.Delay(20);
        }
    }
}
