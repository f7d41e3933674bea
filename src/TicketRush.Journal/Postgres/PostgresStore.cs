using System.Diagnostics;
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

    private readonly PostgresOptions _options;
    private readonly PostgresPool _pool;
    private readonly PostgresWatch _watch;
    private readonly SemaphoreSlim _asking = new(AskingMax);
    private volatile string[] _names = [];

    private PostgresStore(PostgresOptions options, PostgresClock clock)
    {
        _options = options;
        _pool = new(options);
        _watch = new(options, _pool, clock);
        try
        {
            Secrets = new SealedSecrets(options, _watch);
            Identities = IdentityKeys.Open(Secrets).Identities;
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

    public IEnumerable<string> Sales()
    {
        if (_watch.Names is { } names) return _names = names;
        try
        {
            return _names = Ask(connection =>
            {
                using var command = new NpgsqlCommand("SELECT name FROM ticketrush.sale ORDER BY name", connection);
                using var reader = command.ExecuteReader();
                var found = new List<string>();
                while (reader.Read())
                {
                    if (PlanCheck.IsId(reader.GetString(0))) found.Add(reader.GetString(0));
                }

                return found.ToArray();
            });
        }
        catch (IOException)
        {
            // The sales that are open say what is wrong; which there are is what it was.
            return _names;
        }
    }

    public bool Has(string sale) => _watch.Names?.Contains(sale) is true || Find(sale) is not null;

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
        var (id, header) = Find(sale) ?? throw new FileNotFoundException($"There is no sale {sale} in {Name}.");
        var read = FileHeader.Read(header, $"{sale} in {Name}");
        var witnesses = _options is { Witness: true, StateDirectory: { } state } ? Path.Combine(state, WitnessDirectory) : null;
        var witness = Witness.Open(witnesses, read.Journal, writes);
        return new(_pool, _watch, _watch.NewsOf(id), sale, header, witness);
    }

    public void Dispose()
    {
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

    /// <summary>Adds a sale with a journal, whole or not at all.</summary>
    /// <returns>False when there is another of that name.</returns>
    internal bool TryAdd(string sale, byte[] header, Tail tail, IEnumerable<(long First, ReadOnlyMemory<byte> Batch)> batches) => Ask(connection =>
    {
        using var transaction = connection.BeginTransaction();
        using var add = new NpgsqlCommand(
            """
            INSERT INTO ticketrush.sale (name, header, tail_sequence, tail_time, tail_hash, tail_offset) VALUES ($1, $2, $3, $4, $5, $6)
            ON CONFLICT DO NOTHING RETURNING id
            """, connection);
        var hash = new byte[ChainHash.Size];
        tail.Hash.Write(hash);
        add.Parameters.Add(new NpgsqlParameter<string> { TypedValue = sale });
        add.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = header });
        add.Parameters.Add(new NpgsqlParameter<long> { TypedValue = tail.Sequence });
        add.Parameters.Add(new NpgsqlParameter<long> { TypedValue = tail.TimeMs });
        add.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = hash });
        add.Parameters.Add(new NpgsqlParameter<long> { TypedValue = tail.Offset });

        // After a commit that was not answered it is tried again, and finds itself.
        if (add.ExecuteScalar() is not int id)
        {
            if (FindIn(connection, sale) is not { } there || !there.Header.AsSpan().SequenceEqual(header)) return false;
            PostgresSession.Execute(connection, PostgresSession.Barrier);
            transaction.Commit();
            return true;
        }

        using var insert = new NpgsqlCommand("INSERT INTO ticketrush.journal (sale, first_sequence, payload) VALUES ($1, $2, $3)", connection);
        var (first, payload) = (new NpgsqlParameter<long>(), new NpgsqlParameter<ReadOnlyMemory<byte>> { NpgsqlDbType = NpgsqlDbType.Bytea });
        insert.Parameters.Add(new NpgsqlParameter<int> { TypedValue = id });
        insert.Parameters.Add(first);
        insert.Parameters.Add(payload);
        insert.Prepare();
        foreach (var (sequence, bytes) in batches)
        {
            (first.TypedValue, payload.TypedValue) = (sequence, bytes);
            insert.ExecuteNonQuery();
        }

        transaction.Commit();
        _watch.ForgetNames();
        return true;
    });

    /// <summary>Takes a sale away from everybody who sells it, unless it has gone on since. It stays under a name that no sale can have.</summary>
    /// <returns>False when it has gone on.</returns>
    internal bool TrySetAside(string sale, Tail tail) => Ask(connection =>
    {
        using var transaction = connection.BeginTransaction();
        using var find = new NpgsqlCommand("SELECT id, tail_sequence, tail_offset FROM ticketrush.sale WHERE name = $1 FOR UPDATE", connection);
        find.Parameters.Add(new NpgsqlParameter<string> { TypedValue = sale });
        int id;
        using (var reader = find.ExecuteReader())
        {
            if (!reader.Read() || (reader.GetInt64(1), reader.GetInt64(2)) != (tail.Sequence, tail.Offset)) return false;
            id = reader.GetInt32(0);
        }

        // Under another id: whoever has the sale open looks for the old one.
        PostgresSession.Execute(connection, $"UPDATE ticketrush.sale SET name = name || '.gone.{id}' WHERE id = {id}");
        PostgresSession.Execute(connection, $"""
            WITH aside AS (
                INSERT INTO ticketrush.sale (name, header, tail_sequence, tail_time, tail_hash, tail_offset)
                SELECT '{sale}.moved.{id}', header, tail_sequence, tail_time, tail_hash, tail_offset FROM ticketrush.sale WHERE id = {id} RETURNING id)
            UPDATE ticketrush.journal SET sale = (SELECT id FROM aside) WHERE sale = {id}
            """);
        PostgresSession.Execute(connection, $"DELETE FROM ticketrush.sale WHERE id = {id}");
        transaction.Commit();
        _watch.ForgetNames();
        return true;
    });

    /// <summary>Takes back a sale that was just added.</summary>
    internal void Remove(string sale) => Ask(connection =>
    {
        using var command = new NpgsqlCommand(
            "WITH gone AS (DELETE FROM ticketrush.sale WHERE name = $1 RETURNING id) DELETE FROM ticketrush.journal WHERE sale IN (SELECT id FROM gone)", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = sale });
        _watch.ForgetNames();
        return command.ExecuteNonQuery();
    });

    private (int Id, byte[] Header)? Find(string sale) => Ask(connection => FindIn(connection, sale));

    private static (int Id, byte[] Header)? FindIn(NpgsqlConnection connection, string sale)
    {
        using var command = new NpgsqlCommand("SELECT id, header FROM ticketrush.sale WHERE name = $1", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = sale });
        using var reader = command.ExecuteReader();
        return reader.Read() ? (reader.GetInt32(0), reader.GetFieldValue<byte[]>(1)) : null;
    }

    /// <summary>Asks on a connection of its own, and again while the database cannot be reached, for a while.</summary>
    private T Ask<T>(Func<NpgsqlConnection, T> act)
    {
        for (var since = Stopwatch.GetTimestamp(); ; Thread.Sleep(TryAgainAfter))
        {
            if (!_asking.Wait(_options.ReconnectMax)) throw new IOException($"Too many ask {Name} at once.");
            try
            {
                using var connection = PostgresSession.Connect(_options, "sales");
                var isNoticed = false;
                connection.Notice += (_, _) => isNoticed = true;
                var answer = PostgresSession.Guarded(() => act(connection));
                return isNoticed ? throw new IOException("PostgreSQL gave notice; nothing is known to be durable.") : answer;
            }
            catch (IOException) when (Stopwatch.GetElapsedTime(since) < _options.ReconnectMax)
            {
                // It restarts, or another takes its place.
            }
            finally
            {
                _asking.Release();
            }
        }
    }
}
