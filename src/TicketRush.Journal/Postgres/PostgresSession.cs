using System.Data;
using System.Diagnostics;
using System.Net.Sockets;
using Npgsql;
using NpgsqlTypes;

namespace TicketRush.Journal.Postgres;

/// <summary>Where a sale's row says that its journal ends, and the database's time in the moment in which that was read.</summary>
internal readonly record struct SaleRow(Tail Tail, long NowMs);

/// <summary>
/// One connection, set up so that what it commits is durable, with the statements of a turn prepared. One thread at a time. Whatever goes
/// wrong is an <see cref="IOException"/>, after which it must be disposed of: the database then ends what it had begun.
/// </summary>
internal sealed class PostgresSession : IDisposable
{
    /// <summary>Batches of one answer at the most.</summary>
    public const int ReadMax = 256;

    private const string LockNotAvailable = "55P03";
    private const string TurnsPurpose = "turns";

    // Bounds of the server's waiting; ours are longer, so that no cancel of ours is ever sent.
    public const int LockWaitMs = 1_000;
    private const int CommandSeconds = 5;

    // A transaction that writes nothing of its own still waits for nothing at its commit: only behind a write of ours is everything
    // before it known to be flushed here and by the standbys that count.
    internal const string Barrier = "UPDATE ticketrush.version SET opened = opened + 1";

    internal const string NowSql = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

    // A sale that was set aside, or has not arrived yet, has its row, under a name that no sale can have.
    private const string IsForSaleSql = "strpos(name, '.') = 0";

    // The time is read when the lock is held: what is computed beside the lock may be from before the wait. With it comes what a pooler
    // between the transactions of others would change: which process it is, and whether its commits are durable.
    private const string LockSql = $"""
        WITH held AS MATERIALIZED (
            SELECT tail_sequence, tail_time, tail_hash, tail_offset FROM ticketrush.sale WHERE id = $1 AND {IsForSaleSql} FOR UPDATE)
        SELECT *, {NowSql}, pg_backend_pid(), current_setting('synchronous_commit') FROM held
        """;

    // Who has begun a statement and not sent all of it, or does not read what it asked for, stands still in the middle of a message, where
    // no bound of the database runs.
    private const string EndFrozenSql = """
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND usename = current_user AND application_name = $1 AND pid <> pg_backend_pid()
            AND state = 'active' AND wait_event IN ('ClientRead', 'ClientWrite')
            AND state_change < clock_timestamp() - $2 * interval '1 millisecond'
        """;

    // Some at a time: no snapshot is held for minutes, and the planner has no reason to sort.
    private const string ReadSql =
        "SELECT first_sequence, payload FROM ticketrush.journal WHERE sale = $1 AND first_sequence > $2 ORDER BY first_sequence LIMIT $3";

    // In one statement, so that the batch is there if and only if the tail was the one it continues; and the key (sale, first_sequence)
    // would refuse a second batch in the same place.
    private const string WriteSql = """
        WITH moved AS (
            UPDATE ticketrush.sale SET tail_sequence = $2, tail_time = $3, tail_hash = $4, tail_offset = $5
            WHERE id = $1 AND tail_sequence = $6 AND tail_hash = $7 RETURNING id)
        INSERT INTO ticketrush.journal (sale, first_sequence, payload) SELECT id, $6 + 1, $8 FROM moved
        """;

    private readonly NpgsqlConnection _connection;
    private readonly NpgsqlBatch _lock, _tryLock, _lockAndRead, _write, _confirm;
    private readonly NpgsqlCommand _find, _read, _hashAt, _rollback;
    private readonly byte[] _hash = new byte[ChainHash.Size], _oldHash = new byte[ChainHash.Size];
    private readonly NpgsqlParameter<int>[] _sales;
    private readonly NpgsqlParameter<int> _readMost = new(), _lockedReadMost = new() { TypedValue = ReadMax };
    private readonly NpgsqlParameter<long> _readAfter = new(), _lockedReadAfter = new(), _hashOf = new();
    private readonly NpgsqlParameter<long> _sequence = new(), _time = new(), _offset = new(), _oldSequence = new();
    private readonly NpgsqlParameter<ReadOnlyMemory<byte>> _payload = new() { NpgsqlDbType = NpgsqlDbType.Bytea };
    private byte[] _batch = new byte[64 * 1024];
    private readonly PostgresOptions _options;
    private readonly int _process;
    private bool _isAbandoned;

    private PostgresSession(NpgsqlConnection connection, PostgresOptions options)
    {
        (_connection, _options) = (connection, options);
        using (var command = new NpgsqlCommand("SELECT pg_backend_pid()", connection)) _process = (int)command.ExecuteScalar()!;
        _sales = [.. Enumerable.Range(0, 9).Select(_ => new NpgsqlParameter<int>())];
        _lock = Batch(CommandSeconds, ("BEGIN", []), (LockSql, [_sales[0]]));
        var tryLockSql = LockSql.Replace("FOR UPDATE", "FOR UPDATE SKIP LOCKED", StringComparison.Ordinal);
        _tryLock = Batch(CommandSeconds, ("BEGIN", []), (tryLockSql, [_sales[1]]));

        // No time limit: Npgsql would send a cancel, and a commit that is cancelled while it waits for a standby is reported done.
        NpgsqlParameter[] written = [_sales[2], _sequence, _time, Bytes(_hash), _offset, _oldSequence, Bytes(_oldHash), _payload];
        _write = Batch(0, (WriteSql, written), ("COMMIT", []));
        _confirm = Batch(0, ("UPDATE ticketrush.sale SET tail_offset = tail_offset WHERE id = $1", [_sales[3]]), ("COMMIT", []));
        _rollback = Command("ROLLBACK");
        _find = Command(
            $"SELECT tail_sequence, tail_time, tail_hash, tail_offset, {NowSql} FROM ticketrush.sale WHERE id = $1 AND {IsForSaleSql}",
            _sales[4]);
        _read = Command(ReadSql, _sales[5], _readAfter, _readMost);
        _hashAt = Command(
            "SELECT substring(payload FOR 32) FROM ticketrush.journal WHERE sale = $1 AND first_sequence = $2", _sales[6], _hashOf);
        NpgsqlParameter[] lockedRead = [_sales[8], _lockedReadAfter, _lockedReadMost];
        _lockAndRead = Batch(CommandSeconds, ("BEGIN", []), (LockSql, [_sales[7]]), (ReadSql, lockedRead));
    }

    /// <summary>When it was last used, for whoever closes idle ones.</summary>
    public long UsedAt { get; set; } = Stopwatch.GetTimestamp();

    /// <exception cref="IOException">The database cannot be reached, or is not one to write to now.</exception>
    /// <exception cref="JournalRefusedException">It does not keep what it commits.</exception>
    public static PostgresSession Open(PostgresOptions options) => Keep(options, TurnsPurpose, connection =>
    {
        var session = new PostgresSession(connection, options);
        session.Prepare();

        // What is read from here on was committed before: a commit whose wait for a standby was broken off, or that was still on its way
        // when the last connection broke, is visible, and only now known to be durable.
        Begin(connection);
        Execute(connection, Barrier);
        Commit(connection, options);
        return session;
    });

    /// <summary>Does something on a connection of its own.</summary>
    /// <exception cref="IOException">The database cannot be reached, or nobody knows what became of a commit.</exception>
    internal static T With<T>(PostgresOptions options, string purpose, Func<NpgsqlConnection, T> act) =>
        Keep(options, purpose, connection =>
        {
            var answer = act(connection);
            connection.Dispose();
            return answer;
        });

    /// <summary>
    /// Begins a transaction. Not an <see cref="NpgsqlTransaction"/>: disposing of one waits for the answer to its commit.
    /// </summary>
    internal static void Begin(NpgsqlConnection connection) => Execute(connection, "BEGIN");

    /// <summary>
    /// Commits, without a time limit of Npgsql's, which would send a cancel: a commit that is cancelled while it waits for a standby is
    /// reported done. One whose answer does not come is left to itself, and so is the connection, which closes when it has come: it must
    /// not be disposed of, for that would wait (<see cref="With"/> knows).
    /// </summary>
    /// <exception cref="IOException">Nobody knows what became of it.</exception>
    internal static void Commit(NpgsqlConnection connection, PostgresOptions options)
    {
        using var command = new NpgsqlCommand("COMMIT", connection) { CommandTimeout = 0 };
        if (Commit(connection, options, () => command.ExecuteNonQueryAsync(CancellationToken.None)))
            throw new IOException("PostgreSQL gave notice at a commit; nothing is known to be durable.");
    }

    /// <summary>Opens a connection and sees to it that what it commits is durable.</summary>
    public static NpgsqlConnection Connect(PostgresOptions options, string purpose)
    {
        var settings = new NpgsqlConnectionStringBuilder(options.Connection)
        {
            Pooling = false,
            Enlist = false,
            Timeout = 5,
            CommandTimeout = CommandSeconds,
            ReadBufferSize = 64 * 1024,
            WriteBufferSize = 128 * 1024,
            MaxAutoPrepare = 0,
            TcpKeepAlive = true,
            TcpKeepAliveTime = 2,
            TcpKeepAliveInterval = 1,
            ApplicationName = ApplicationOf(purpose),
        };

        // Its probing for a library that few have is for who asks for it.
        var asks = options.Connection.Contains("Gss", StringComparison.OrdinalIgnoreCase);
        if (!asks) settings.GssEncryptionMode = GssEncryptionMode.Disable;

        // Of several the one that can be written to; without being told Npgsql takes the first that answers, for ever, also when it is a
        // standby. Which one that is changes with a failover, so what it was is soon forgotten.
        if (settings.Host?.Contains(',', StringComparison.Ordinal) is true)
        {
            settings.TargetSessionAttributes ??= "primary";
            settings.HostRecheckSeconds = 1;
        }

        var connection = new NpgsqlConnection(settings.ConnectionString);
        try
        {
            return Guarded(() =>
            {
                connection.Open();
                SetUp(connection, options);
                return connection;
            });
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Begins a transaction and takes the lock of the sale's row, if need be after a second of waiting.</summary>
    /// <param name="sale">Its id.</param>
    /// <param name="row">What it says.</param>
    /// <returns>False when another has the lock; the transaction is then over.</returns>
    /// <exception cref="JournalGoneException">There is no such row any more, or it was set aside.</exception>
    public bool Lock(int sale, out SaleRow row)
    {
        _sales[0].TypedValue = sale;
        return Lock(_lock, null, out row) ?? throw Gone();
    }

    /// <summary>Like <see cref="Lock(int, out SaleRow)"/>, and in the same round trip gives some batches behind a sequence.</summary>
    public bool Lock(int sale, long after, Action<long, ReadOnlyMemory<byte>> give, out SaleRow row)
    {
        (_sales[7].TypedValue, _sales[8].TypedValue, _lockedReadAfter.TypedValue) = (sale, sale, after);
        return Lock(_lockAndRead, give, out row) ?? throw Gone();
    }

    /// <summary>Like <see cref="Lock(int, out SaleRow)"/>, without waiting.</summary>
    public bool TryLock(int sale, out SaleRow row)
    {
        _sales[1].TypedValue = sale;
        return Lock(_tryLock, null, out row) ?? false;
    }

    /// <summary>The sale's row without its lock.</summary>
    /// <exception cref="JournalGoneException">There is none any more, or it was set aside.</exception>
    public SaleRow Find(int sale)
    {
        _sales[4].TypedValue = sale;
        return Guarded(() =>
        {
            using var reader = _find.ExecuteReader();
            return TryReadRow(reader, out var row) ? row : throw Gone();
        });
    }

    /// <summary>Gives some batches behind a sequence, in order.</summary>
    /// <param name="most">1 to <see cref="ReadMax"/>.</param>
    /// <returns>How many; 0 when there is none.</returns>
    public int ReadBatches(int sale, long after, Action<long, ReadOnlyMemory<byte>> give, int most = ReadMax)
    {
        (_sales[5].TypedValue, _readAfter.TypedValue, _readMost.TypedValue) = (sale, after, most);
        return Guarded(() =>
        {
            using var reader = _read.ExecuteReader(CommandBehavior.SequentialAccess);
            return Give(reader, give);
        });
    }

    /// <summary>The hash of the batch that begins at a sequence; null when none does.</summary>
    public ChainHash? HashOf(int sale, long firstSequence)
    {
        (_sales[6].TypedValue, _hashOf.TypedValue) = (sale, firstSequence);
        return Guarded<ChainHash?>(() => _hashAt.ExecuteScalar() is byte[] { Length: ChainHash.Size } hash ? ChainHash.Read(hash) : null);
    }

    /// <summary>Writes the batch, moves the tail and commits, in one round trip.</summary>
    /// <returns>True when all of it is durable. False: the tail was another, or the database had something to say about the
    /// commit.</returns>
    public bool Write(int sale, in Tail before, in Tail after, ReadOnlyMemory<byte> batch)
    {
        _sales[2].TypedValue = sale;
        (_sequence.TypedValue, _time.TypedValue, _offset.TypedValue) = (after.Sequence, after.TimeMs, after.Offset);
        _oldSequence.TypedValue = before.Sequence;
        after.Hash.Write(_hash);
        before.Hash.Write(_oldHash);
        _payload.TypedValue = batch;
        return Commit(_write) == 1;
    }

    /// <summary>In a turn: commits something behind everything that the database has, which is durable when this is.</summary>
    public bool Confirm(int sale)
    {
        _sales[3].TypedValue = sale;
        return Commit(_confirm) == 1;
    }

    public void Rollback() => Guarded(() => _rollback.ExecuteNonQuery());

    /// <summary>
    /// Ends the connections of other servers that stand still in the middle of a statement: what was sent of it has stopped the bound on
    /// their transactions, and the rest of it, or the reading of its answer, may never come, and with it what gives back the lock. Outside
    /// a transaction.
    /// </summary>
    public void EndFrozen(TimeSpan standing) => Guarded(() =>
    {
        using var command = Command(
            EndFrozenSql, new NpgsqlParameter<string> { TypedValue = ApplicationOf(TurnsPurpose) },
            new NpgsqlParameter<double> { TypedValue = standing.TotalMilliseconds });
        return command.ExecuteScalar();
    });

    public void Dispose()
    {
        // One that waits for the answer to a commit is closed when it comes.
        if (!_isAbandoned) _connection.Dispose();
    }

    /// <summary>Whatever a connection throws, as what the sequencer takes for a journal that cannot be reached now.</summary>
    internal static T Guarded<T>(Func<T> act)
    {
        try
        {
            return act();
        }
        catch (Exception e) when (e is NpgsqlException or SocketException or TimeoutException or ObjectDisposedException
            || (e is InvalidOperationException && e.Source == "Npgsql"))
        {
            throw new IOException($"PostgreSQL: {e.Message}", e);
        }
    }

    /// <summary>Sets a clock by the database's.</summary>
    internal static void Observe(NpgsqlConnection connection, PostgresClock clock)
    {
        var askedAt = clock.Ticks;
        using var command = new NpgsqlCommand($"SELECT {NowSql}", connection);
        clock.Observe((long)command.ExecuteScalar()!, askedAt);
    }

    internal static int Execute(NpgsqlConnection connection, string sql)
    {
        using var command = new NpgsqlCommand(sql, connection);
        return command.ExecuteNonQuery();
    }

    private static JournalGoneException Gone() => new("The sale was moved away or deleted while this process was selling from it.");

    /// <returns>Null when there is no row; the transaction is over then, as it is when another has its lock.</returns>
    private bool? Lock(NpgsqlBatch batch, Action<long, ReadOnlyMemory<byte>>? give, out SaleRow row)
    {
        SaleRow found = default;
        var isLocked = Guarded<bool?>(() =>
        {
            try
            {
                using var reader = batch.ExecuteReader(CommandBehavior.SequentialAccess);
                if (!TryReadRow(reader, out found)) return null;
                CheckSession(reader);
                if (give is not null && reader.NextResult()) Give(reader, give);
                return true;
            }
            catch (PostgresException e) when (e.SqlState == LockNotAvailable)
            {
                return false;
            }
        });
        row = found;
        if (isLocked != true) Rollback();
        return isLocked;
    }

    private int Give(NpgsqlDataReader reader, Action<long, ReadOnlyMemory<byte>> give)
    {
        var count = 0;
        for (; reader.Read(); count++)
        {
            var first = reader.GetInt64(0);
            var length = (int)reader.GetBytes(1, 0, null, 0, 0);
            if (length > _batch.Length) _batch = new byte[length];
            for (var at = 0; at < length;) at += (int)reader.GetBytes(1, at, _batch, at, length - at);
            give(first, _batch.AsMemory(0, length));
        }

        return count;
    }

    private static bool TryReadRow(NpgsqlDataReader reader, out SaleRow row)
    {
        row = default;
        if (!reader.Read()) return false;
        var tail = new Tail(reader.GetInt64(0), reader.GetInt64(1), ChainHash.Read(reader.GetFieldValue<byte[]>(2)), reader.GetInt64(3));
        row = new(tail, reader.GetInt64(4));
        return true;
    }

    private void CheckSession(NpgsqlDataReader reader)
    {
        if (reader.GetInt32(5) == _process && reader.GetString(6) == CommitSetting(_options)) return;
        throw new JournalRefusedException(
            $"{_options.Name} is reached through something that gives each transaction another connection, or changes its settings: what "
            + "is committed that way is not known to be durable. Connect to it directly, or through a pooler in session mode.");
    }

    private static string CommitSetting(PostgresOptions options) => options.SynchronousCommit ? "on" : "off";

    private static void SetUp(NpgsqlConnection connection, PostgresOptions options)
    {
        var idle = (long)options.TurnIdleMax.TotalMilliseconds;

        // Only what the server knows: others speak this protocol too. The last ones make it notice sooner that this machine is gone.
        using var command = new NpgsqlCommand($"""
            SELECT count(set_config(name, value, false)) FROM (VALUES
                ('synchronous_commit', '{CommitSetting(options)}'), ('statement_timeout', '0'), ('transaction_timeout', '0'),
                ('lock_timeout', '{LockWaitMs}'), ('idle_in_transaction_session_timeout', '{idle}'), ('idle_session_timeout', '0'),
                ('default_transaction_isolation', 'read committed'), ('default_transaction_read_only', 'off'),
                ('enable_seqscan', 'off'), ('enable_bitmapscan', 'off'), ('jit', 'off'), ('client_min_messages', 'notice'),
                ('client_connection_check_interval', '{idle}'), ('tcp_keepalives_idle', '2'), ('tcp_keepalives_interval', '1'),
                ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '5000')) AS wanted (name, value)
            WHERE name IN (SELECT name FROM pg_settings WHERE context = 'user');
            SELECT current_setting('fsync', true), current_setting('synchronous_commit', true), pg_is_in_recovery()
            """, connection);
        using var reader = command.ExecuteReader();
        reader.NextResult();
        reader.Read();
        if (!reader.IsDBNull(0) && reader.GetString(0) == "off")
        {
            throw new JournalRefusedException(
                $"{options.Name} runs with fsync = off: what it commits is lost when the machine stops. Set fsync = on and restart it.");
        }

        if (options.SynchronousCommit && !reader.IsDBNull(1) && reader.GetString(1) != "on")
            throw new JournalRefusedException($"{options.Name} does not let synchronous_commit be set to on.");
        if (reader.GetBoolean(2)) throw new IOException($"{options.Name} is a standby: nothing can be sold from it until it is promoted.");
    }

    private static NpgsqlParameter Bytes(byte[] value) =>
        new NpgsqlParameter<byte[]> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Bytea };

    private int Commit(NpgsqlBatch batch)
    {
        try
        {
            // A warning at a commit says that it is there and perhaps nowhere else.
            var isNoticed = Commit(_connection, _options, () => batch.ExecuteNonQueryAsync(CancellationToken.None));
            return isNoticed ? -1 : (int)batch.BatchCommands[0].RecordsAffected;
        }
        catch (UnansweredException)
        {
            _isAbandoned = true;
            throw;
        }
    }

    /// <returns>Whether the database had something to say about it.</returns>
    private static bool Commit(NpgsqlConnection connection, PostgresOptions options, Func<Task> execute) => Guarded(() =>
    {
        var isNoticed = false;
        void OnNotice(object sender, NpgsqlNoticeEventArgs notice) => isNoticed = options.Notices;
        connection.Notice += OnNotice;
        var answer = execute();
        if (!((IAsyncResult)answer).AsyncWaitHandle.WaitOne(options.CommitWaitMax))
        {
            _ = CloseAfterAsync(answer, connection);
            throw new UnansweredException($"The commit was not answered for {options.CommitWaitMax.TotalSeconds:0.#} s.");
        }

        connection.Notice -= OnNotice;
        answer.GetAwaiter().GetResult();
        return isNoticed;
    });

    // No thread waits for it. The database may be waiting for a standby, or be cut off from here until the connection breaks.
    private static async Task CloseAfterAsync(Task answer, NpgsqlConnection connection)
    {
        try
        {
            await answer.ConfigureAwait(false);
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException or IOException or SocketException)
        {
            // Whatever became of it was settled elsewhere.
        }
        finally
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Opens a connection and does something with it. When that fails it is closed, at once or when it is answered.</summary>
    private static T Keep<T>(PostgresOptions options, string purpose, Func<NpgsqlConnection, T> act)
    {
        var connection = Connect(options, purpose);
        try
        {
            return Guarded(() => act(connection));
        }
        catch (Exception e) when (e is not UnansweredException)
        {
            connection.Dispose();
            throw;
        }
    }

    private static string ApplicationOf(string purpose) => $"ticketrush {purpose}";

    /// <summary>A commit to which no answer came in time; its connection must be left alone.</summary>
    private sealed class UnansweredException(string message) : IOException(message);

    private void Prepare()
    {
        foreach (var batch in new[] { _lock, _tryLock, _lockAndRead, _write, _confirm }) batch.Prepare();
        foreach (var command in new[] { _find, _read, _hashAt, _rollback }) command.Prepare();
    }

    private NpgsqlCommand Command(string sql, params NpgsqlParameter[] parameters)
    {
        var command = new NpgsqlCommand(sql, _connection);
        command.Parameters.AddRange(parameters);
        return command;
    }

    private NpgsqlBatch Batch(int timeout, params (string Sql, NpgsqlParameter[] Parameters)[] statements)
    {
        var batch = new NpgsqlBatch(_connection) { Timeout = timeout };
        foreach (var (sql, parameters) in statements)
        {
            var command = new NpgsqlBatchCommand(sql);
            command.Parameters.AddRange(parameters);
            batch.BatchCommands.Add(command);
        }

        return batch;
    }
}
