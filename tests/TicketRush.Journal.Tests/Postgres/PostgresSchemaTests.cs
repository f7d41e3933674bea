using System.Buffers.Binary;
using System.Security.Cryptography;
using Npgsql;
using TicketRush.Engine;
using TicketRush.Journal.Postgres;
using static TicketRush.Journal.Tests.PostgresSteps;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

/// <summary>Tables of an older program are brought up to date under their sales; those of a newer one are left alone.</summary>
public sealed class PostgresSchemaTests(PostgresFixture fixture) : IDisposable
{
    private const string Sale = PostgresPlace.Sale;

    private readonly PostgresPlace _place = new(fixture.Server);

    private PostgresOptions Options => new() { Connection = _place.Connection, StateDirectory = _place.State.Path };

    private string Database => new NpgsqlConnectionStringBuilder(_place.Connection).Database!;

    [Fact]
    public async Task Tables_of_an_older_version_are_migrated_once_by_whoever_comes_first_and_keep_their_sales()
    {
        await using (var sequencer = await OpenSaleAsync(_place.OpenStore()))
            Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(1)).AsTask().WaitAsync(Bound));

        // Neither of these can be done twice.
        string[] next =
        [
            .. PostgresSchema.Migrations, "ALTER TABLE ticketrush.sale ADD COLUMN note text NOT NULL DEFAULT ''",
            "CREATE TABLE ticketrush.more (id integer)",
        ];
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => Migrate(next))));
        Assert.Equal(PostgresSchema.Migrations.Length + 2, Ask("SELECT number FROM ticketrush.version"));
        Assert.Equal(1L, Ask("SELECT count(*) FROM ticketrush.sale WHERE note = ''"));

        // Who is older by now does not touch them; the sale goes on under who knows them.
        Assert.Throws<NewerFormatException>(() => Migrate(PostgresSchema.Migrations));
        Assert.Throws<NewerFormatException>(() => PostgresStore.Open(Options));
        fixture.Server.Execute($"UPDATE ticketrush.version SET number = {PostgresSchema.Migrations.Length}", Database);
        await using var again = new Sequencer(_place.OpenStore().Open(Sale));
        Assert.Equal(1, again.Snapshot!.Orders);
    }

    [Fact]
    public void A_migration_that_fails_leaves_the_tables_as_they_were()
    {
        _place.OpenStore();
        string[] next = [.. PostgresSchema.Migrations, "CREATE TABLE ticketrush.more (id integer)", "no statement"];
        Assert.ThrowsAny<IOException>(() => Migrate(next));
        Assert.Equal(PostgresSchema.Migrations.Length, Ask("SELECT number FROM ticketrush.version"));
        Assert.Equal(false, Ask("SELECT to_regclass('ticketrush.more') IS NOT NULL"));
    }

    /// <summary>A newer program may write to a sale that this one has open.</summary>
    [Fact]
    public async Task A_batch_of_a_newer_format_stops_the_sale_and_is_not_called_damage()
    {
        var store = _place.OpenStore();
        await using var sequencer = await OpenSaleAsync(store);
        using (var session = PostgresSession.Open(Options))
        {
            Assert.True(session.Lock(1, out var row));
            var (batch, after) = (JournalSamples.Batch(JournalSamples.Released(1)), row.Tail);
            batch.Seal(ref after, row.NowMs);
            var bytes = batch.Bytes.ToArray();
            Assert.True(BatchHeader.TryRead(bytes, out var header));
            Assert.Equal(BatchHeader.CurrentFormat, header.Format);

            // With everything that may change changed.
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(68), (ushort)(BatchHeader.CurrentFormat + 1));
            bytes.AsSpan(76, 24).Fill(0xee);
            bytes.AsSpan(BatchHeader.Size).Fill(0xee);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(100), BatchHeader.Crc32C(bytes.AsSpan(32, 68)));
            SHA256.HashData(bytes.AsSpan(32), bytes);
            after = after with { Hash = ChainHash.Read(bytes) };
            Assert.True(session.Write(1, row.Tail, after, bytes));
        }

        Assert.NotEqual(Outcome.Done, await sequencer.SubmitAsync(Purchase(1)).AsTask().WaitAsync(Bound));
        Assert.Equal(SequencerStatusKind.Stopped, sequencer.Status.Kind);
        Assert.IsType<NewerFormatException>(sequencer.Status.Cause);
        Assert.Throws<NewerFormatException>(() => new Sequencer(store.Open(Sale)));
    }

    public void Dispose() => _place.Dispose();

    private void Migrate(string[] migrations) => PostgresSession.With(Options, "test", connection =>
    {
        PostgresSchema.Migrate(connection, Options, migrations);
        return true;
    });

    private object? Ask(string sql) => fixture.Server.Ask(sql, Database);
}
