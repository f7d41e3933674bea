using Npgsql;
using TicketRush.Testing;
using static TicketRush.Journal.Tests.PostgresSteps;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

/// <summary>Counts the process's threads, so nothing else runs meanwhile.</summary>
[Collection(nameof(Alone))]
[Trait("Storm", "true")]
public sealed class PostgresThreadsTests(PostgresFixture fixture)
{
    [Fact]
    public async Task Commits_that_are_never_answered_keep_no_thread()
    {
        const int Times = 30;
        using var place = new PostgresPlace(fixture.Server);
        using var proxy = new CommitProxy(fixture.Server.Port);
        var connection = new NpgsqlConnectionStringBuilder(place.Connection) { Port = proxy.Port };
        var soon = TimeSpan.FromMilliseconds(100);
        var store = place.OpenStore(options => options with { CommitWaitMax = soon }, connection.ConnectionString);
        await using var sequencer = await OpenSaleAsync(store);
        var before = ThreadPool.ThreadCount;

        // On a busy disk a commit of the sale's making may have been given up already.
        var (unsettled, settled) = store.Commits;
        for (var id = 0; id < Times; id++)
        {
            proxy.Next = CommitFate.AnswerIsSwallowed;
            Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(id)).AsTask().WaitAsync(Bound));
        }

        Assert.True(store.Commits.Unsettled >= unsettled + Times, $"{store.Commits}");
        Assert.Equal(store.Commits.Unsettled, store.Commits.Settled);
        Assert.True(ThreadPool.ThreadCount < before + Times / 2, $"{ThreadPool.ThreadCount} threads, {before} before");
    }
}
