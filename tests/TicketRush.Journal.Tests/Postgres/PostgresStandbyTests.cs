using TicketRush.Engine;
using TicketRush.Journal.Postgres;
using TicketRush.Testing;
using static TicketRush.Journal.Tests.PostgresSteps;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

/// <summary>A database that waits for a standby, and the ways in which that wait may end.</summary>
[Trait("Storm", "true")]
public sealed class PostgresStandbyTests
{
    private const string Sale = PostgresPlace.Sale;
    private const string Waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

    /// <summary>
    /// A commit whose wait is cancelled is there and reported done, with a warning; whoever takes that for durable loses it with the
    /// primary (the control).
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_commit_that_is_cancelled_while_it_waits_for_its_standby_is_told_when_it_is_safe(bool notices)
    {
        if (PostgresServer.Missing is { } why) Assert.Skip(why);
        using var primary = PostgresServer.Start("synchronous_standby_names=two", "wal_level=replica");
        using var standby = primary.StartStandby("two");
        using var place = new PostgresPlaceBehind(primary);
        var store = place.OpenStore(options => options with { Notices = notices, CommitWaitMax = Bound, SettleMax = Bound });
        await using var sequencer = await OpenSaleAsync(store);
        standby.StopImmediately();
        var buying = sequencer.SubmitAsync(Purchase(1)).AsTask();
        await UntilAsync(() => IsWaiting(primary), "the commit waits");
        Assert.True((bool)primary.Ask($"SELECT bool_and(pg_cancel_backend(pid)) {Waiting}")!);
        if (notices)
        {
            await UntilAsync(() => store.Commits.Unsettled == 1 && IsWaiting(primary), "another commit waits behind it");
            Assert.False(buying.IsCompleted);
            standby.Run();
            Assert.Equal(Outcome.Done, await buying.WaitAsync(Bound));
            Assert.Equal((1L, 1L), store.Commits);
            return;
        }

        Assert.Equal(Outcome.Done, await buying.WaitAsync(Bound));
        Assert.False(IsWaiting(primary));
        primary.StopImmediately();
        standby.Run();
        standby.Promote();
        using var after = PostgresSession.Open(new() { Connection = place.ConnectionAt(standby) });
        Assert.Equal(2, after.Find(1).Tail.Sequence);
    }

    /// <summary>
    /// The server whose commit was cancelled says nothing. Another, which could read it on the connection that it has, says nothing either
    /// before something is safe behind it: nobody is told of an order that a failover would lose.
    /// </summary>
    [Theory]
    [InlineData(CommandKind.Purchase)]
    [InlineData(CommandKind.FindOrder)]
    public async Task What_another_server_committed_is_not_told_before_it_is_safe(CommandKind asks)
    {
        if (PostgresServer.Missing is { } why) Assert.Skip(why);
        using var primary = PostgresServer.Start("synchronous_standby_names=two", "wal_level=replica");
        using var standby = primary.StartStandby("two");
        using var place = new PostgresPlaceBehind(primary);
        await using var one = await OpenSaleAsync(
            place.OpenStore(options => options with { CommitWaitMax = Bound, SettleMax = TimeSpan.Zero }));
        var other = place.OpenStore(options => options with { CommitWaitMax = Bound, SettleMax = Bound });
        await using var two = new Sequencer(other.Open(Sale));
        standby.StopImmediately();
        var buying = one.SubmitAsync(Purchase(1)).AsTask();
        await UntilAsync(() => IsWaiting(primary), "the commit waits");
        Assert.True((bool)primary.Ask($"SELECT bool_and(pg_cancel_backend(pid)) {Waiting}")!);
        Assert.Equal(Outcome.Unknown, await buying.WaitAsync(Bound));

        var asking = two.SubmitAsync(Asked(asks)).AsTask();
        await UntilAsync(() => IsWaiting(primary) || asking.IsCompleted, "something waits behind it");
        Assert.False(asking.IsCompleted);

        // And whoever cancels that too has gained nothing.
        Assert.True((bool)primary.Ask($"SELECT bool_and(pg_cancel_backend(pid)) {Waiting}")!);
        await UntilAsync(() => IsWaiting(primary) || asking.IsCompleted, "something waits behind that");
        Assert.False(asking.IsCompleted);
        standby.Run();
        Assert.Equal(Outcome.Done, await asking.WaitAsync(Bound));

        // What is known to be safe waits for nobody any more.
        standby.StopImmediately();
        Assert.Equal(Outcome.Done, await two.SubmitAsync(Asked(asks)).AsTask().WaitAsync(Bound));
        Assert.False(IsWaiting(primary));
        standby.Run();
    }

    [Fact]
    public async Task A_secret_is_not_said_to_be_written_before_it_is_safe_and_its_commit_is_not_cancelled()
    {
        if (PostgresServer.Missing is { } why) Assert.Skip(why);
        using var primary = PostgresServer.Start("synchronous_standby_names=two", "wal_level=replica");
        using var standby = primary.StartStandby("two");
        using var place = new PostgresPlaceBehind(primary);
        var away = TimeSpan.FromMilliseconds(500);
        var store = place.OpenStore(options => options with { CommitWaitMax = away, SettleMax = away });
        standby.StopImmediately();
        Assert.ThrowsAny<IOException>(() => store.Secrets.TryAdd("keys", "first"));
        Assert.True(IsWaiting(primary));
        Assert.ThrowsAny<IOException>(() => store.Secrets.Change("others", _ => "second"));

        // Nothing says that it is there before it is, not even who finds it.
        Assert.ThrowsAny<IOException>(() => store.Secrets.TryAdd("keys", "third"));
        standby.Run();
        await UntilAsync(() => !IsWaiting(primary), "all of it is safe");

        // One that has the patience: the standby has just come back.
        Assert.False(place.OpenStore().Secrets.TryAdd("keys", "fourth"));
        Assert.Equal("first", store.Secrets.Read("keys"));

        // The connections that were left to themselves are closed when they were answered.
        const string Left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ticketrush secrets'";
        await UntilAsync(() => primary.Ask(Left) is 0L, "they are gone");
    }

    /// <summary>The first start: the tables are made with the standby away, and nothing is sold before they are safe.</summary>
    [Fact]
    public void Tables_are_not_said_to_be_made_before_they_are_safe()
    {
        if (PostgresServer.Missing is { } why) Assert.Skip(why);
        using var primary = PostgresServer.Start("synchronous_standby_names=two", "wal_level=replica");
        using var standby = primary.StartStandby("two");
        using var place = new PostgresPlaceBehind(primary);
        standby.StopImmediately();
        var away = TimeSpan.FromMilliseconds(500);
        Assert.ThrowsAny<IOException>(() => place.OpenStore(options => options with { CommitWaitMax = away, ReconnectMax = away }));
        Assert.True(IsWaiting(primary));
        standby.Run();
        Assert.True(place.OpenStore().TryCreate(Sale, Plan(1)));
    }

    [Fact]
    public async Task Of_several_databases_the_one_that_can_be_written_to_is_found_without_being_told()
    {
        if (PostgresServer.Missing is { } why) Assert.Skip(why);
        using var primary = PostgresServer.Start("wal_level=replica");
        using var standby = primary.StartStandby("two");
        using var place = new PostgresPlaceBehind(primary);
        await using var sequencer = await OpenSaleAsync(place.OpenStore(connection: place.ConnectionAt(standby, primary)));
        Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(1)).AsTask().WaitAsync(Bound));
    }

    private static Submission Asked(CommandKind kind) => kind == CommandKind.Purchase ? Purchase(1)
        : new() { Command = new() { Kind = kind, Hold = new(Spread(1)) } };

    private static bool IsWaiting(PostgresServer server) => server.Ask($"SELECT count(*) {Waiting}") is > 0L;
}
