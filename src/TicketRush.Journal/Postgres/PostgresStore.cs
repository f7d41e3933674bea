using System.Diagnostics;
using System.Diagnostics.Metrics;
using Npgsql;
using NpgsqlTypes;
using TicketRush.Engine;
using TicketRush.Journal.Files;

namespace TicketRush.Journal.Postgres;

/// <summary>The sales of a database, for any number of servers on any number of machines. For every thread.</summary>
public sealed class PostgresStore : ISaleStore
{
    private const string WitnessDirectory = "witness";
    private const int AskingMax = 4;
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromMilliseconds(50);

    // Of a sale that is copied: a standby must have got all of it.
    private static readonly TimeSpan CopyCommitMax = TimeSpan.FromMinutes(10);

    private readonly PostgresOptions _options;
    private readonly PostgresPool _pool;
    private readonly PostgresWatch _watch;
    private readonly SemaphoreSlim _asking = new(AskingMax);
    private readonly SaleNames _names;
    private readonly IdentityKeys _keys;
    private readonly Meter _meter = new(SalesMeter.Name);
    private long _keysVersion;

    private PostgresStore(PostgresOptions options, PostgresClock clock)
    {
        _options = options;
        _pool = new(options);
        _watch = new(options, _pool, clock);
        _names = new(options, _watch, () => Ask(AllIn));
        _meter.CreateObservableCounter(
            "ticketrush.commits.unsettled", () => Commits.Unsettled, "{commit}", "Commits that the database did not answer cleanly.");
        _meter.CreateObservableCounter(
            "ticketrush.commits.settled", () => Commits.Settled, "{commit}", "Those of them that are there for good.");
        _meter.CreateObservableGauge(
            "ticketrush.clock.behind", () => clock.BehindMs / 1000.0, "s", "How far the database's clock is ahead of sale time.");
        try
        {
            Secrets = new SealedSecrets(options, _watch);
            _keys = IdentityKeys.Open(Secrets);
            Identities = _keys.Identities;
            _watch.ClockFile = ClockFile.Open(options.StateDirectory!, _keys, clock);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Name => _options.Name;

    public Identities Identities { get; }

    public ISecrets Secrets { get; }

    /// <summary>Told what whoever runs this server should know, though selling goes on; also of what was before it was set.</summary>
    public Action<string>? OnWarning
    {
        set => _watch.Warnings.Tell = value;
    }

    /// <summary>Commits of this process that were not answered cleanly, and how many of them were settled.</summary>
    public (long Unsettled, long Settled) Commits => (Volatile.Read(ref _watch.Unsettled), Volatile.Read(ref _watch.Settled));

    /// <summary>Opens the database, and makes or brings up to date its tables.</summary>
    /// <exception cref="IOException">It cannot be reached.</exception>
    /// <exception cref="JournalRefusedException">It does not keep what it commits.</exception>
    /// <exception cref="NewerFormatException">Its tables are a newer program's.</exception>
    /// <exception cref="InvalidDataException">Its secrets are sealed under another cluster key.</exception>
    public static PostgresStore Open(PostgresOptions options)
    {
        var clock = new PostgresClock();
        for (var since = Stopwatch.GetTimestamp(); ; Thread.Sleep(TryAgainAfter))
        {
            try
            {
                PostgresSession.With(options, "schema", connection =>
                {
                    PostgresSchema.Migrate(connection, options);
                    PostgresSession.Observe(connection, clock);
                    return true;
                });
                break;
            }
            catch (IOException) when (Stopwatch.GetElapsedTime(since) < options.ReconnectMax)
            {
                // It restarts, or is slow to answer.
            }
        }

        return new(options, clock);
    }

    public IEnumerable<string> Sales() => _names.All();

    public bool Has(string sale) => _names.Has(sale);

    public bool TryCreate(string sale, Plan plan, string? by = null)
    {
        var nowMs = _watch.Clock.NowMs;
        var header = FileHeader.Write(sale, nowMs);
        var tail = new Tail(0, 0, ChainHash.Read(header), FileHeader.Size);
        var batch = FirstBatch(plan, by);
        batch.Seal(ref tail, nowMs);
        return TryAdd(sale, header, tail, [(1, batch.Bytes)]);
    }

    public IJournal Open(string sale) => OpenJournal(sale);

    public IJournal OpenToRead(string sale) => OpenJournal(sale, writes: false);

    public PostgresJournal OpenJournal(string sale, bool writes = true)
    {
        var (id, header, keys) = Ask(connection => FindIn(connection, sale))
            ?? throw new FileNotFoundException($"There is no sale {sale} in {Name}.");
        CheckKeys(keys);
        var read = FileHeader.Read(header, $"{sale} in {Name}");
        var witnesses = _options is { Witness: true, StateDirectory: { } state } ? Path.Combine(state, WitnessDirectory) : null;
        var witness = Witness.Open(witnesses, read.Journal, writes);
        return new(_pool, _watch, _watch.NewsOf(id), sale, header, witness);
    }

    public void Dispose()
    {
        _meter.Dispose();
        _names.Dispose();
        _watch.Dispose();
        _pool.Dispose();
    }

    internal static BatchBuffer FirstBatch(Plan plan, string? by)
    {
        var batch = new BatchBuffer();
        if (by is not null) batch.Add(new Entry { Kind = EntryKind.KeyNamed, By = 1, Name = by });
        batch.Add(new Entry { Kind = EntryKind.Planned, Plan = plan, By = (ushort)(by is null ? 0 : 1) });
        return batch;
    }

    /// <summary>Whether there is one of that name in the database now.</summary>
    internal bool HasNow(string sale) => Ask(connection => FindIn(connection, sale) is not null);

    /// <summary>Whether there is any row but that one, under whatever name.</summary>
    internal bool HasOthersThan(string name) => Ask(connection =>
    {
        using var command = Command(connection, "SELECT EXISTS (SELECT 1 FROM ticketrush.sale WHERE name <> $1)", Text(name));
        return (bool)command.ExecuteScalar()!;
    });

    /// <summary>Adds a sale with a journal, whole or not at all.</summary>
    /// <returns>False when there is another of that name.</returns>
    internal bool TryAdd(string sale, byte[] header, Tail tail, IEnumerable<(long First, ReadOnlyMemory<byte> Batch)> batches)
    {
        var isAdded = Ask(connection =>
        {
            PostgresSession.Begin(connection);

            // Who copies may stand still for a moment, and holds nobody up with a sale that nobody can see.
            Run(connection, "SET LOCAL idle_in_transaction_session_timeout = '60s'");

            // While the identity keys are replaced, because there is no sale under them yet, there must be none.
            KeepKeys(connection);
            var hash = new byte[ChainHash.Size];
            tail.Hash.Write(hash);
            using var add = Command(
                connection,
                """
                INSERT INTO ticketrush.sale (name, header, tail_sequence, tail_time, tail_hash, tail_offset) VALUES ($1, $2, $3, $4, $5, $6)
                ON CONFLICT DO NOTHING RETURNING id
                """,
                Text(sale), Bytes(header), Number(tail.Sequence), Number(tail.TimeMs), Bytes(hash), Number(tail.Offset));

            // After a commit that was not answered it is tried again, and finds itself.
            if (add.ExecuteScalar() is not int id)
            {
                if (FindIn(connection, sale) is not { } there || !there.Header.AsSpan().SequenceEqual(header)) return false;
                Run(connection, PostgresSession.Barrier);
                Commit(connection, PlanCheck.IsId(sale) ? _options.CommitWaitMax : CopyCommitMax);
                return true;
            }

            var (first, payload) = (Number(0), new NpgsqlParameter<ReadOnlyMemory<byte>> { NpgsqlDbType = NpgsqlDbType.Bytea });
            using var insert = Command(
                connection, "INSERT INTO ticketrush.journal (sale, first_sequence, payload) VALUES ($1, $2, $3)",
                Id(id), first, payload);
            insert.Prepare();
            foreach (var (sequence, bytes) in batches)
            {
                (first.TypedValue, payload.TypedValue) = (sequence, bytes);
                insert.ExecuteNonQuery();
            }

            Commit(connection, PlanCheck.IsId(sale) ? _options.CommitWaitMax : CopyCommitMax);
            return true;
        });

        // Or somebody else's is there.
        if (PlanCheck.IsId(sale)) _names.Note(sale, isThere: true);
        return isAdded;
    }

    /// <summary>
    /// Gives a sale that has arrived, or was set aside, under another name its own, with which it is sold from: unless there is one, or the
    /// identity keys are not those that its ids are hashed with.
    /// </summary>
    /// <returns>False when it cannot have it.</returns>
    /// <exception cref="IOException">Nobody can tell whether it has it.</exception>
    internal bool TryPublish(string former, string sale, byte[] header, IdentityKeys keys)
    {
        var isPublished = Ask(connection =>
        {
            PostgresSession.Begin(connection);
            KeepKeys(connection);
            if (Secrets.Read(IdentityKeys.SecretName) != keys.Text) return false;
            var isNamed = Run(
                connection,
                "UPDATE ticketrush.sale SET name = $2 WHERE name = $1 AND NOT EXISTS (SELECT 1 FROM ticketrush.sale WHERE name = $2)",
                Text(former), Text(sale)) == 1;

            // After a commit that was not answered it has its name already.
            if (!isNamed && FindIn(connection, sale)?.Header.AsSpan().SequenceEqual(header) is not true) return false;
            if (!isNamed) Run(connection, PostgresSession.Barrier);
            Commit(connection, CopyCommitMax);
            return true;
        });
        if (isPublished) _names.Note(sale, isThere: true);
        return isPublished;
    }

    /// <summary>
    /// Takes a sale away from everybody who sells it, unless it has gone on since. Its row stays as it is, under a name that no sale can
    /// have: when it gets its own again, whoever had it open can go on.
    /// </summary>
    /// <returns>That name; null when it has gone on.</returns>
    /// <exception cref="AsideUnknownException">Nobody can tell whether it was.</exception>
    /// <exception cref="IOException">It was not.</exception>
    internal string? TrySetAside(string sale, Tail tail)
    {
        var (id, isCommitting) = (0, false);
        try
        {
            if (!Ask(SetAside, () => isCommitting ? _options.SetAsideSettleMax : _options.ReconnectMax)) return null;
        }
        catch (Exception e) when (isCommitting && e is IOException or JournalRefusedException)
        {
            throw new AsideUnknownException(AsideOf(id), e);
        }

        _names.Note(sale, isThere: false);
        return AsideOf(id);

        string AsideOf(int row) => $"{sale}{SaleCopy.AsideExtension}.{row}";

        bool SetAside(NpgsqlConnection connection)
        {
            PostgresSession.Begin(connection);

            // After a commit that was not answered it is looked for by its id: behind the row's lock its name tells what became of that.
            using var find = isCommitting
                ? Command(connection, "SELECT id, name, tail_sequence, tail_offset FROM ticketrush.sale WHERE id = $1 FOR UPDATE", Id(id))
                : Command(
                    connection, "SELECT id, name, tail_sequence, tail_offset FROM ticketrush.sale WHERE name = $1 FOR UPDATE", Text(sale));
            bool isAside;
            using (var reader = find.ExecuteReader())
            {
                if (!reader.Read()) return isCommitting ? throw new IOException($"Somebody deleted {AsideOf(id)}.") : false;
                id = reader.GetInt32(0);
                isAside = reader.GetString(1) == AsideOf(id);
                isCommitting = isAside;
                if (!isAside && (reader.GetString(1), reader.GetInt64(2), reader.GetInt64(3)) != (sale, tail.Sequence, tail.Offset))
                    return false;
            }

            if (isAside) Run(connection, PostgresSession.Barrier);
            else Run(connection, "UPDATE ticketrush.sale SET name = $2 WHERE id = $1", Id(id), Text(AsideOf(id)));
            isCommitting = true;
            Commit(connection, CopyCommitMax);
            return true;
        }
    }

    /// <summary>Takes away a sale that was on its way here, under the name that it had then.</summary>
    internal void Remove(string arriving) => Ask(connection =>
    {
        RunLong(
            connection,
            """
            WITH gone AS (DELETE FROM ticketrush.sale WHERE name = $1 RETURNING id)
            DELETE FROM ticketrush.journal WHERE sale IN (SELECT id FROM gone)
            """,
            Text(arriving));
        return true;
    });

    private static string[] AllIn(NpgsqlConnection connection)
    {
        using var command = Command(connection, "SELECT name FROM ticketrush.sale ORDER BY name");
        using var reader = command.ExecuteReader();
        var found = new List<string>();
        while (reader.Read())
        {
            // One that was moved away, or is arriving, has a name that is none.
            if (PlanCheck.IsId(reader.GetString(0))) found.Add(reader.GetString(0));
        }

        return [.. found];
    }

    /// <summary>A sale, and the version of the identity keys that was in force when it was found.</summary>
    private static (int Id, byte[] Header, long Keys)? FindIn(NpgsqlConnection connection, string sale)
    {
        using var command = Command(
            connection,
            "SELECT id, header, coalesce((SELECT version FROM ticketrush.secret WHERE name = $2), 0) FROM ticketrush.sale WHERE name = $1",
            Text(sale), Text(IdentityKeys.SecretName));
        using var reader = command.ExecuteReader();
        return reader.Read() ? (reader.GetInt32(0), reader.GetFieldValue<byte[]>(1), reader.GetInt64(2)) : null;
    }

    private void CheckKeys(long version)
    {
        // A version is never used again: once looked at, its number says enough.
        if (version == Volatile.Read(ref _keysVersion)) return;
        IdentityKeys.Check(Secrets, _keys);
        Volatile.Write(ref _keysVersion, version);
    }

    /// <summary>Until the transaction ends nobody replaces the identity keys.</summary>
    private static void KeepKeys(NpgsqlConnection connection) =>
        Run(connection, "SELECT 1 FROM ticketrush.secret WHERE name = $1 FOR SHARE", Text(IdentityKeys.SecretName));

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params NpgsqlParameter[] parameters)
    {
        var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        return command;
    }

    private static int Run(NpgsqlConnection connection, string sql, params NpgsqlParameter[] parameters)
    {
        using var command = Command(connection, sql, parameters);
        return command.ExecuteNonQuery();
    }

    /// <summary>Runs what takes the longer the longer the sale is.</summary>
    private static void RunLong(NpgsqlConnection connection, string sql, params NpgsqlParameter[] parameters)
    {
        using var command = Command(connection, sql, parameters);
        command.CommandTimeout = 0;
        command.ExecuteNonQuery();
    }

    private void Commit(NpgsqlConnection connection, TimeSpan most) =>
        PostgresSession.Commit(connection, _options with { CommitWaitMax = most });

    private static NpgsqlParameter Text(string value) => new NpgsqlParameter<string> { TypedValue = value };

    private static NpgsqlParameter Bytes(byte[] value) => new NpgsqlParameter<byte[]> { TypedValue = value };

    private static NpgsqlParameter<long> Number(long value) => new() { TypedValue = value };

    private static NpgsqlParameter<int> Id(int value) => new() { TypedValue = value };

    /// <summary>
    /// Asks on a connection of its own, and again while the database cannot be reached, for a while. That begins with the first failure:
    /// what took long before its connection was cut is asked again as well.
    /// </summary>
    /// <param name="act">What to do; not the first time it may find that it was done.</param>
    /// <param name="most">How long the while is.</param>
    private T Ask<T>(Func<NpgsqlConnection, T> act, Func<TimeSpan>? most = null)
    {
        for (long since = 0; ; Thread.Sleep(TryAgainAfter))
        {
            if (!_asking.Wait(_options.ReconnectMax)) throw new IOException($"Too many ask {Name} at once.");
            var (begunAt, isConnected) = (Stopwatch.GetTimestamp(), false);
            try
            {
                return PostgresSession.With(_options, "sales", connection =>
                {
                    isConnected = true;
                    return act(connection);
                });
            }
            catch (IOException)
            {
                // It restarts, or another takes its place.
                if (since == 0) since = isConnected ? Stopwatch.GetTimestamp() : begunAt;
                if (Stopwatch.GetElapsedTime(since) >= (most?.Invoke() ?? _options.ReconnectMax)) throw;
            }
            finally
            {
                _asking.Release();
            }
        }
    }
}

/// <summary>Nobody can tell whether a sale was set aside under that name, so what has arrived elsewhere must not be taken away.</summary>
internal sealed class AsideUnknownException(string aside, Exception inner) : IOException(inner.Message, inner)
{
    public string Aside => aside;
}
