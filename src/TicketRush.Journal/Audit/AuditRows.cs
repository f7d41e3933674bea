using System.Buffers.Binary;
using Npgsql;
using TicketRush.Journal.Postgres;

namespace TicketRush.Journal.Audit;

/// <summary>
/// A journal in a database, laid out as it would be in a file: the header from the sale's row, then the rows of its batches one behind the
/// other. The tail that the sale's row names is the durable end. Only reads, and also from a standby.
/// </summary>
internal sealed class AuditRows : AuditSource
{
    private const int HeaderSize = 4096, RowsAtOnce = 16;

    private readonly NpgsqlConnection _connection;
    private readonly Queue<(long First, byte[] Batch)> _ahead = new();
    private readonly byte[] _header;
    private readonly int _sale;
    private byte[] _batch = [];
    private long _start = HeaderSize, _first;

    public AuditRows(PostgresOptions options, string sale)
    {
        Name = $"{sale} in {options.Name}";
        _connection = new(new NpgsqlConnectionStringBuilder(options.Connection)
        {
            Pooling = false, Enlist = false, Options = "-c default_transaction_read_only=on -c enable_seqscan=off",
                ApplicationName = "ticketrush audit",
        }.ConnectionString);
        try
        {
            (_sale, _header) = PostgresSession.Guarded(() =>
            {
                _connection.Open();
                PostgresSchema.Check(_connection);
                using var reader = Query("SELECT id, header FROM ticketrush.sale WHERE name = $1",
                    new NpgsqlParameter<string> { TypedValue = sale });
                if (!reader.Read()) throw new FileNotFoundException($"There is no sale {sale} in {options.Name}.");
                return (reader.GetInt32(0), reader.GetFieldValue<byte[]>(1));
            });
        }
        catch
        {
            _connection.Dispose();
            throw;
        }
    }

    public override string Name { get; }

    public override long Length => Turn()!.Value.Offset;

    public override bool IsOpen => true;

    public override bool IsInTurn => false;

    public override AuditTurn? Turn() => PostgresSession.Guarded<AuditTurn?>(() =>
    {
        using var reader = Query("SELECT tail_sequence, tail_time, tail_hash, tail_offset FROM ticketrush.sale WHERE id = $1",
            new NpgsqlParameter<int> { TypedValue = _sale });
        if (!reader.Read()) throw new IOException($"{Name} is not there any more.");
        var journal = _header.Length < HeaderSize ? 0 : BinaryPrimitives.ReadUInt128LittleEndian(_header.AsSpan(48));
        return new(journal, reader.GetInt64(3), reader.GetInt64(0), reader.GetInt64(1),
            Convert.ToHexStringLower(reader.GetFieldValue<byte[]>(2)), Writing: false);
    });

    public override void Refresh()
    {
        // What is committed never changes; what comes behind it was not read yet.
    }

    public override ReadOnlySpan<byte> At(long offset, int count)
    {
        if (offset < HeaderSize) return Slice(_header, offset, count);
        if (offset < _start) (_batch, _start, _first) = ([], HeaderSize, 0);
        if (_first == 0) _ahead.Clear();
        while (offset >= _start + _batch.Length)
        {
            if (_ahead.Count == 0) ReadAhead();
            if (!_ahead.TryDequeue(out var next)) return default;
            _start += _batch.Length;
            (_first, _batch) = next;
        }

        return Slice(_batch, offset - _start, count);
    }

    public override void Dispose() => _connection.Dispose();

    private static ReadOnlySpan<byte> Slice(byte[] bytes, long at, int count) =>
        bytes.AsSpan((int)Math.Min(at, bytes.Length), (int)Math.Clamp(bytes.Length - at, 0, count));

    private void ReadAhead() => PostgresSession.Guarded(() =>
    {
        using var reader = Query(
            $"SELECT first_sequence, payload FROM ticketrush.journal WHERE sale = $1 AND first_sequence > $2 ORDER BY first_sequence LIMIT {RowsAtOnce}",
            new NpgsqlParameter<int> { TypedValue = _sale }, new NpgsqlParameter<long> { TypedValue = _first });
        while (reader.Read()) _ahead.Enqueue((reader.GetInt64(0), reader.GetFieldValue<byte[]>(1)));
        return true;
    });

    private NpgsqlDataReader Query(string sql, params NpgsqlParameter[] parameters)
    {
        using var command = new NpgsqlCommand(sql, _connection);
        command.Parameters.AddRange(parameters);
        return command.ExecuteReader();
    }
}
