using System.Collections.Concurrent;
using Npgsql;
using TicketRush.Engine;
using TicketRush.Journal.Postgres;
using TicketRush.Testing;
using static TicketRush.Journal.Tests.PostgresSteps;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

/// <summary>What a turn's connection insists on, and what it does where that is not so.</summary>
[Trait("Storm", "true")]
public sealed class PostgresSessionTests(PostgresFixture fixture) : IDisposable
{
    private const string Sale = PostgresPlace.Sale;

    private PostgresPlace? _place;
    private CommitProxy? _proxy;

    private PostgresPlace Place => _place ??= new(fixture.Server);

    private string Database => new NpgsqlConnectionStringBuilder(Place.Connection).Database!;

    [Theory]
    [InlineData("lock_timeout = 1", "1s")]
    [InlineData("statement_timeout = 10000", "0")]
    [InlineData("default_transaction_read_only = on", "off")]
    [InlineData("default_transaction_isolation = 'serializable'", "read committed")]
    [InlineData("synchronous_commit = off", "on")]
    [InlineData("idle_in_transaction_session_timeout = 1", "1500ms")]
    public async Task What_the_database_or_its_role_sets_otherwise_does_not_hold_here(string setting, string holds)
    {
        fixture.Server.Execute($"ALTER DATABASE {Database} SET {setting}");
        var found = PostgresSession.With(new() { Connection = Place.Connection }, "test", connection =>
        {
            using var command = new NpgsqlCommand($"SELECT current_setting('{setting.Split(' ')[0]}')", connection);
            return command.ExecuteScalar();
        });
        Assert.Equal(holds, found);

        await using var one = await OpenSaleAsync(Place.OpenStore());
        await using var two = new Sequencer(Place.OpenStore().Open(Sale));
        for (var id = 0; id < 20; id++)
        {
            var told = await Task.WhenAll(
                one.SubmitAsync(Purchase(id)).AsTask(), two.SubmitAsync(Purchase(100 + id)).AsTask()).WaitAsync(Bound);
            Assert.Equal([Outcome.Done, Outcome.Done], told);
        }
    }

    [Fact]
    public async Task A_statement_that_waits_for_its_turn_meets_no_time_limit_of_the_database()
    {
        fixture.Server.Execute($"ALTER DATABASE {Database} SET statement_timeout = 200");
        await using var sequencer = await OpenSaleAsync(Place.OpenStore());
        await using var holder = new NpgsqlConnection(Place.Connection + ";Pooling=false");
        await holder.OpenAsync();
        PostgresSession.Execute(holder, "BEGIN; SELECT * FROM ticketrush.sale FOR UPDATE");
        var buying = sequencer.SubmitAsync(Purchase(1)).AsTask();
        await UntilAsync(
            () => fixture.Server.Ask($"SELECT count(*) FROM pg_stat_activity WHERE datname = '{Database}' AND wait_event_type = 'Lock' "
                + "AND clock_timestamp() - query_start > interval '500 milliseconds'") is > 0L,
            "it has waited for longer than that");
        PostgresSession.Execute(holder, "ROLLBACK");
        Assert.Equal(Outcome.Done, await buying.WaitAsync(Bound));
    }

    [Fact]
    public async Task A_session_whose_settings_are_anothers_is_refused()
    {
        var store = OpenBehindProxy();
        await using var sequencer = await OpenSaleAsync(store);
        _proxy!.Next = CommitFate.SettingIsAnothers;
        Assert.NotEqual(Outcome.Done, await sequencer.SubmitAsync(Purchase(1)).AsTask().WaitAsync(Bound));
        Assert.Equal(SequencerStatusKind.Stopped, sequencer.Status.Kind);
        Assert.Contains("pooler", sequencer.Status.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_frozen_in_the_middle_of_its_batch_loses_its_turn_too()
    {
        var idle = TimeSpan.FromMilliseconds(500);
        var store = OpenBehindProxy(options => options with { TurnIdleMax = idle, CommitWaitMax = Bound });
        await using var sequencer = await OpenSaleAsync(store);
        using var frozen = store.OpenJournal(Sale);
        frozen.TakeTurn(new Collector());
        _proxy!.Next = CommitFate.CommitIsHeld;
        var writing = Task.Run(() => JournalContract.Append(frozen, JournalSamples.Released(1)));

        // Not a broken connection: the lock would be gone with it, and nothing shown.
        await UntilAsync(
            () => fixture.Server.Ask($"SELECT count(*) FROM pg_stat_activity WHERE datname = '{Database}' AND state = 'active' "
                + "AND wait_event = 'ClientRead' AND query LIKE 'WITH moved%'") is 1L,
            "it stands still behind its batch");
        Assert.Equal(1, _proxy.Lost);

        using var other = Place.OpenStore(options => options with { TurnIdleMax = idle }).OpenJournal(Sale);
        var taking = Task.Run(() => JournalContract.InTurn(
            other, new(), () => JournalContract.Append(other, JournalSamples.Released(2))));
        await taking.WaitAsync(Bound);

        // Unlike one that is frozen it wakes when its connection ends: its batch goes in once if it comes before the other, and never after.
        var lost = await Record.ExceptionAsync(() => writing.WaitAsync(Bound));
        Assert.True(lost is null or TurnLostException, $"{lost}");
        frozen.ReleaseTurn();
        var all = new Collector();
        using var reader = store.OpenJournal(Sale);
        reader.Read(all);
        JournalContract.AssertUnbroken(all);
        Assert.Equal(lost is null ? 4 : 3, all.Headers.Count);
    }

    /// <summary>The database has the lock of who asked for much and reads nothing of it, and waits for it without a bound.</summary>
    [Fact]
    public async Task A_server_that_is_frozen_while_it_reads_loses_its_turn_too()
    {
        await using var sequencer = await OpenSaleAsync(Place.OpenStore());
        await using var frozen = new NpgsqlConnection(Place.Connection + ";Pooling=false;Application Name=ticketrush turns");
        await frozen.OpenAsync();
        PostgresSession.Execute(frozen, "BEGIN; SELECT * FROM ticketrush.sale FOR UPDATE");
        await using var much = new NpgsqlCommand("SELECT repeat('x', 100000) FROM generate_series(1, 1000)", frozen);
        var reader = await much.ExecuteReaderAsync(System.Data.CommandBehavior.SequentialAccess);
        await UntilAsync(
            () => fixture.Server.Ask($"SELECT count(*) FROM pg_stat_activity WHERE datname = '{Database}' AND wait_event = 'ClientWrite'")
                is 1L,
            "the database waits for it to read");

        using var other = Place.OpenStore(options => options with { TurnIdleMax = TimeSpan.FromMilliseconds(500) }).OpenJournal(Sale);
        await Task.Run(() => JournalContract.InTurn(other, new(), () => JournalContract.Append(other, JournalSamples.Released(1))))
            .WaitAsync(Bound);
        var ended = await Assert.ThrowsAnyAsync<NpgsqlException>(async () =>
        {
            while (await reader.ReadAsync())
            {
                // Up to where it was ended.
            }
        });
        Assert.NotNull(ended);
    }

    /// <summary>What the freeze above rests on: a part of a message is not taken for one, however TCP cuts it.</summary>
    [Fact]
    public void The_proxy_knows_a_statement_only_when_it_is_whole()
    {
        byte[] messages = [(byte)'B', 0, 0, 0, 6, 1, 2, (byte)'E', 0, 0, 0, 5, 9, (byte)'S', 0, 0, 0, 4];
        const int End = 13;
        for (var length = 0; length <= messages.Length; length++)
            Assert.Equal(length < End ? -1 : End, CommitProxy.FirstStatement(messages.AsSpan(0, length)));
    }

    /// <summary>An engine that lacks the means to end a frozen turn, or a role that may not use it, sells all the same.</summary>
    [Fact]
    public async Task Where_a_frozen_turn_cannot_be_ended_to_wait_for_it_is_no_failure()
    {
        var role = $"seller_{Database}";
        Run($"CREATE ROLE {role} LOGIN PASSWORD 'seller'");
        Run($"GRANT CREATE ON DATABASE {Database} TO {role}");
        Run("REVOKE EXECUTE ON FUNCTION pg_terminate_backend FROM PUBLIC");
        var connection = new NpgsqlConnectionStringBuilder(Place.Connection) { Username = role, Password = "seller" };
        var bound = TimeSpan.FromMilliseconds(500);
        var store = Place.OpenStore(options => options with { TurnIdleMax = bound, ReconnectMax = bound }, connection.ConnectionString);
        var warnings = new ConcurrentQueue<string>();
        store.OnWarning = warnings.Enqueue;
        store.TryCreate(Sale, Plan(10));
        using var journal = store.OpenJournal(Sale);
        await using var holder = new NpgsqlConnection(Place.Connection + ";Pooling=false");
        await holder.OpenAsync();
        PostgresSession.Execute(holder, "BEGIN; SELECT * FROM ticketrush.sale FOR UPDATE");
        var taking = Task.Run(() => journal.TakeTurn(new Collector()));
        await UntilAsync(() => !warnings.IsEmpty || taking.IsCompleted, "it was tried");
        await Task.WhenAny(taking, Task.Delay(TimeSpan.FromSeconds(3.5)));
        Assert.False(taking.IsCompleted, $"{taking.Exception}");
        PostgresSession.Execute(holder, "ROLLBACK");
        await taking.WaitAsync(Bound);
        journal.ReleaseTurn();
        Assert.Contains("stands still", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_batch_of_a_turn_is_not_written_where_another_server_came_between()
    {
        var store = Place.OpenStore();
        await using var sequencer = await OpenSaleAsync(store);
        using var one = store.OpenJournal(Sale);
        using var two = Place.OpenStore().OpenJournal(Sale);
        one.TakeTurn(new Collector());
        JournalContract.Append(one, JournalSamples.Released(1));
        JournalContract.Append(one, JournalSamples.Released(2));
        JournalContract.InTurn(two, new(), () => JournalContract.Append(two, JournalSamples.Released(3)));
        var overtaken = Assert.Throws<IOException>(() => JournalContract.Append(one, JournalSamples.Released(4)));
        Assert.Contains("between", overtaken.Message, StringComparison.Ordinal);
        one.ReleaseTurn();

        var all = new Collector();
        using var reader = store.OpenJournal(Sale);
        reader.Read(all);
        JournalContract.AssertUnbroken(all);
        Assert.Equal(two.Tail, reader.Tail);
    }

    [Fact]
    public async Task A_database_that_is_away_at_the_start_is_waited_for_and_not_for_ever()
    {
        if (PostgresServer.Missing is { } why) Assert.Skip(why);
        using var server = PostgresServer.Start();
        using var place = new PostgresPlace(server);
        server.StopImmediately();
        Assert.ThrowsAny<IOException>(() => place.OpenStore(options => options with { ReconnectMax = TimeSpan.FromMilliseconds(300) }));
        var opening = Task.Run(() => place.OpenStore(options => options with { ReconnectMax = Bound }));
        server.Run();
        await using var sequencer = await OpenSaleAsync(await opening.WaitAsync(Bound));
        Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(1)).AsTask().WaitAsync(Bound));
    }

    /// <summary>A standby with another clock takes over, or somebody sets the clock: no hold ends for that, and none lives on.</summary>
    [Theory]
    [InlineData(1_800)]
    [InlineData(-1_800)]
    public async Task A_step_of_the_databases_clock_moves_no_holds_end(int step)
    {
        Run("CREATE SCHEMA skewed; CREATE TABLE skewed.step AS SELECT 0 AS seconds");
        Run("CREATE FUNCTION skewed.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS "
            + "$$ SELECT pg_catalog.clock_timestamp() + (SELECT seconds FROM skewed.step) * interval '1 second' $$");
        Run($"ALTER DATABASE {Database} SET search_path = skewed, pg_catalog, public");
        var store = Place.OpenStore();
        var warnings = new ConcurrentQueue<string>();
        store.OnWarning = warnings.Enqueue;
        await using var sequencer = await OpenSaleAsync(store);
        await UntilAsync(() => Directory.GetFiles(Place.State.Path, "clock.*").Length == 1, "it is kept for the next process");
        Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(1, CommandKind.Hold)).AsTask().WaitAsync(Bound));
        var before = Purchase(2);
        Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(before).AsTask().WaitAsync(Bound));

        Run($"UPDATE skewed.step SET seconds = {step}");
        var since = sequencer.NowMs;
        await TickUntilAsync(() => sequencer.NowMs >= since + 1_200, sequencer);
        var after = Purchase(3);
        Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(after).AsTask().WaitAsync(Bound));
        Assert.InRange(after.TimeMs - before.TimeMs, 1_000, 60_000);
        Assert.Equal(1, sequencer.Snapshot!.Pools[0].Held);
        await UntilAsync(() => !warnings.IsEmpty, "it was said");
        Assert.Contains("sale time", Assert.Single(warnings), StringComparison.Ordinal);

        // A server that is upgraded or restarts on this machine goes on from there, and takes nobody along.
        await using var next = new Sequencer(Place.OpenStore().Open(Sale));
        var later = Purchase(4);
        Assert.Equal(Outcome.Done, await next.SubmitAsync(later).AsTask().WaitAsync(Bound));
        Assert.InRange(later.TimeMs - before.TimeMs, 1_000, 60_000);
        Assert.InRange(next.NowMs - sequencer.NowMs, -1_000, 1_000);
        await TickUntilAsync(() => next.NowMs >= later.TimeMs + 500, next);
        Assert.Equal(1, next.Snapshot!.Pools[0].Held);

        // The control: one that knows nothing of it takes the database's time.
        using var empty = new ScratchDirectory();
        File.Copy(Path.Combine(Place.State.Path, SealedSecrets.ClusterKeyFile), Path.Combine(empty.Path, SealedSecrets.ClusterKeyFile));
        using var blind = PostgresStore.Open(new() { Connection = Place.Connection, StateDirectory = empty.Path });
        Assert.True(blind.TryCreate("other", Plan(1)));
        using var other = blind.OpenJournal("other");
        other.Read(new Collector());
        Assert.InRange(other.Tail.TimeMs - sequencer.NowMs, (step * 1_000) - 60_000, (step * 1_000) + 60_000);
    }

    public void Dispose()
    {
        _place?.Dispose();
        _proxy?.Dispose();
    }

    private void Run(string sql) => fixture.Server.Execute(sql, Database);

    private PostgresStore OpenBehindProxy(Func<PostgresOptions, PostgresOptions>? change = null)
    {
        _proxy = new(fixture.Server.Port);
        var connection = new NpgsqlConnectionStringBuilder(Place.Connection) { Port = _proxy.Port };
        return Place.OpenStore(change, connection.ConnectionString);
    }
}
