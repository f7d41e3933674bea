using TicketRush.Engine;
using TicketRush.Journal.Postgres;

namespace TicketRush.Journal.Tests;

/// <summary>The contract of every journal, between servers that share nothing but the database.</summary>
public sealed class PostgresJournalTests(PostgresFixture fixture) : JournalContract, IDisposable
{
    private PostgresPlace? _place;

    protected override IJournal Open()
    {
        _place ??= new(fixture.Server);
        var store = _place.OpenStore();
        store.TryCreate(PostgresPlace.Sale, JournalSamples.Plan());
        return store.Open(PostgresPlace.Sale);
    }

    [Fact]
    public void The_first_entry_is_the_plan()
    {
        using var journal = Open();
        var read = new Collector();
        journal.TakeTurn(read);
        journal.ReleaseTurn();
        var entry = default(Entry);
        EntryCodec.Decode(Assert.Single(read.Entries), ref entry);
        Assert.Equal(JournalSamples.Plan(), entry.Plan);
    }

    public void Dispose() => _place?.Dispose();
}
