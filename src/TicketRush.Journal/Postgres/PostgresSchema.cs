using Npgsql;

namespace TicketRush.Journal.Postgres;

/// <summary>
/// The tables, in a schema of their own. One row of <c>sale</c> is one sale: its lock is the turn, its tail is the durable end. One row of
/// <c>journal</c> is one batch, with the bytes that it has in a file (docs/JOURNAL.md).
/// </summary>
internal static class PostgresSchema
{
    /// <summary>"RUSH" and a number: who migrates holds this lock, whatever else the database is used for.</summary>
    private const long MigrationLock = 0x52555348_00000001;

    private const int PatienceSeconds = 600;

    // Each is run once, in this order, and never changed after a release.
    internal static readonly string[] Migrations =
    [
        // The sale's row is updated with every batch and its versions are pruned in place, so its page keeps room. Payloads are hashes and
        // counters: compressing them costs more than it saves. No foreign key: the sale's row is locked and updated in every transaction
        // that inserts, and a check of the key would lock it again.
        """
        CREATE TABLE ticketrush.sale (
            id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text COLLATE "C" NOT NULL UNIQUE,
            header bytea NOT NULL,
            tail_sequence bigint NOT NULL,
            tail_time bigint NOT NULL,
            tail_hash bytea NOT NULL,
            tail_offset bigint NOT NULL
        ) WITH (fillfactor = 20);
        CREATE TABLE ticketrush.journal (
            sale integer NOT NULL,
            first_sequence bigint NOT NULL,
            payload bytea NOT NULL,
            PRIMARY KEY (sale, first_sequence)
        );
        ALTER TABLE ticketrush.journal ALTER COLUMN payload SET STORAGE EXTERNAL;
        CREATE TABLE ticketrush.secret (
            name text COLLATE "C" PRIMARY KEY,
            version bigint NOT NULL,
            sealed bytea NOT NULL
        );
        """,
    ];

    /// <summary>Makes or brings up to date the tables. Of several servers that start together one does it, and the others wait.</summary>
    /// <exception cref="NewerFormatException">A newer program was here.</exception>
    public static void Migrate(NpgsqlConnection connection, PostgresOptions options) => Migrate(connection, options, Migrations);

    internal static void Migrate(NpgsqlConnection connection, PostgresOptions options, string[] migrations)
    {
        if (VersionOf(connection, migrations.Length) == migrations.Length) return;
        PostgresSession.Begin(connection);

        // Not the bounds of a turn: who waits here waits for another to be done, and changing a large table takes its time.
        Run(connection, $"SET LOCAL lock_timeout = {PatienceSeconds * 1000}; SET LOCAL idle_in_transaction_session_timeout = 0");
        Run(connection, $"SELECT pg_advisory_xact_lock({MigrationLock})");
        Run(connection, """
            CREATE SCHEMA IF NOT EXISTS ticketrush;
            CREATE TABLE IF NOT EXISTS ticketrush.version (
                one boolean PRIMARY KEY DEFAULT true CHECK (one),
                number integer NOT NULL,
                opened bigint NOT NULL
            );
            INSERT INTO ticketrush.version (number, opened) VALUES (0, 0) ON CONFLICT DO NOTHING
            """);
        var version = VersionOf(connection, migrations.Length) ?? 0;
        for (; version < migrations.Length; version++) Run(connection, migrations[version]);
        Run(connection, $"UPDATE ticketrush.version SET number = {version}");
        PostgresSession.Commit(connection, options);
    }

    /// <exception cref="JournalRefusedException">There are no tables of TicketRush.</exception>
    /// <exception cref="NewerFormatException">They are a newer program's.</exception>
    public static void Check(NpgsqlConnection connection)
    {
        if (VersionOf(connection, Migrations.Length) is not null) return;
        throw new JournalRefusedException($"The database {connection.Database} has no sales of TicketRush; `rush serve` makes the tables.");
    }

    private static int? VersionOf(NpgsqlConnection connection, int known)
    {
        using var there = new NpgsqlCommand("SELECT to_regclass('ticketrush.version') IS NOT NULL", connection);
        if (there.ExecuteScalar() is not true) return null;
        using var command = new NpgsqlCommand("SELECT number FROM ticketrush.version", connection);
        var version = command.ExecuteScalar() as int?;
        if (version <= known || version is null) return version;
        throw new NewerFormatException(
            $"The tables in {connection.Database} have version {version}; this program knows versions up to {known}.");
    }

    private static void Run(NpgsqlConnection connection, string sql)
    {
        using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = PatienceSeconds };
        command.ExecuteNonQuery();
    }
}
