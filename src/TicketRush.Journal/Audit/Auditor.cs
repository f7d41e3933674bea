using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using TicketRush.Journal.Postgres;

namespace TicketRush.Journal.Audit;

/// <summary>
/// Checks a journal from the outside. It reads the bytes by docs/JOURNAL.md with code of its own and recomputes everything
/// that follows from the entries: the chain, and every rule of the sale. It shares nothing with the code that writes
/// journals, so a mistake there is not repeated here.
/// <para>
/// It only reads, takes no lock, and may look at a journal that is being sold from. One thread at a time.
/// </para>
/// </summary>
public sealed class Auditor : IDisposable
{
    private const int HeaderSize = 4096;
    private const int FormatMax = 1;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly AuditSource _source;
    private readonly AuditRules _rules;
    private readonly List<AuditProblem> _problems = [];
    private readonly List<string> _notes = [];
    private readonly string _sale = "";
    private readonly UInt128 _journal;

    private long _problemCount;
    private bool _broken, _torn;
    private long _offset = HeaderSize, _sequence, _batches, _firstTimeMs, _timeMs;
    private string _hash = "";
    private long? _durable;

    /// <summary>Opens a journal that is a file, to read it.</summary>
    /// <exception cref="IOException">It is not there or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="JournalRefusedException">It is no journal.</exception>
    /// <exception cref="NewerFormatException">It was written by a newer program.</exception>
    public Auditor(string path)
        : this(new AuditFile(path))
    {
    }

    private Auditor(AuditSource source)
    {
        (_source, _path) = (source, source.Name);
        _rules = new(Report);
        try
        {
            var header = _source.At(0, HeaderSize);
            if (header.Length < 40 || !header[32..40].SequenceEqual("RUSHFILE"u8))
                throw new JournalRefusedException($"{_path} is no TicketRush journal.");

            Span<byte> hash = stackalloc byte[32];
            SHA256.HashData(header[32..], hash);
            if (header.Length < HeaderSize || !hash.SequenceEqual(header[..32]))
            {
                Break($"the file's header, its first {HeaderSize} bytes, is not what was written");
                return;
            }

            var format = BinaryPrimitives.ReadUInt16LittleEndian(header[40..]);
            if (format > FormatMax)
                throw new NewerFormatException($"{_path} has format {format}; this program knows formats up to {FormatMax}.");
            _hash = Convert.ToHexStringLower(hash);
            _journal = BinaryPrimitives.ReadUInt128LittleEndian(header[48..]);
            var length = BinaryPrimitives.ReadUInt16LittleEndian(header[72..]);
            _sale = Encoding.UTF8.GetString(header.Slice(74, Math.Min(length, (ushort)63)));
            if (format == 0 || length > 63 || header[(74 + length)..].ContainsAnyExcept((byte)0)
                || header[42..48].ContainsAnyExcept((byte)0))
                Break("the file's header has a right hash, and bytes that no header has");
        }
        catch
        {
            _source.Dispose();
            throw;
        }
    }

    /// <summary>Opens a sale's journal in a database to read it; a standby will do.</summary>
    /// <exception cref="IOException">It is not there or cannot be read.</exception>
    /// <exception cref="JournalRefusedException">There are no sales of TicketRush.</exception>
    /// <exception cref="NewerFormatException">It was written by a newer program.</exception>
    public static Auditor OfPostgres(PostgresOptions options, string sale) => new(new AuditRows(options, sale));

    /// <summary>Told of every entry that was read, after it was applied; for showing them. Costs time.</summary>
    public Action<AuditedEntry>? OnEntry { get; set; }

    /// <summary>Told after every batch how many bytes of how many were read.</summary>
    public Action<long, long>? OnProgress { get; set; }

    /// <summary>The last sequence that was read.</summary>
    public long Sequence => _sequence;

    /// <summary>
    /// Reads everything that is there and judges it. On a journal that is being sold from, everything that was there when
    /// this was called, and perhaps more.
    /// </summary>
    /// <exception cref="IOException">Reading failed.</exception>
    /// <exception cref="NewerFormatException">It goes on in a newer format.</exception>
    public AuditResult Verify(CancellationToken stop = default)
    {
        if (!_broken) ReadAll(stop);
        if (!_broken) _rules.Recount();
        return Result();
    }

    /// <summary>
    /// Reads what has become durable since the last call: up to the durable end while somebody has the journal open, else
    /// every whole batch.
    /// </summary>
    /// <returns>Whether anything was read.</returns>
    /// <exception cref="JournalDamagedException">What is there is not what was written.</exception>
    /// <exception cref="NewerFormatException">It goes on in a newer format.</exception>
    public bool Follow(CancellationToken stop = default)
    {
        var before = _sequence;
        var isOpen = _source.IsOpen;
        var turn = Turn();
        if (!_broken && (!isOpen || turn is null || turn.Value.Offset > _offset))
        {
            _source.Refresh();
            ReadBatches(isOpen && turn is { } end ? end.Offset : long.MaxValue, turn, stop);
        }

        ThrowIfBroken();
        return _sequence > before;
    }

    /// <summary>
    /// For who goes on with what was read: while somebody has the journal open what <see cref="Follow"/> reads, for behind the durable end
    /// stands what may never come to be; else everything, and what stands behind the last whole batch is judged.
    /// </summary>
    /// <returns>The account; its notes say what was never finished.</returns>
    /// <exception cref="JournalDamagedException">What is there is not what was written.</exception>
    /// <exception cref="NewerFormatException">It goes on in a newer format.</exception>
    public AuditResult ReadToEnd(CancellationToken stop = default)
    {
        if (_source.IsOpen) Follow(stop);
        else if (!_broken) ReadAll(stop);
        ThrowIfBroken();
        return Result();
    }

    /// <summary>The account of what was read so far.</summary>
    public AuditResult Result() => new()
    {
        Verdict = _problemCount > 0 ? AuditVerdict.Damaged : _torn ? AuditVerdict.Torn : AuditVerdict.Good,
        Sale = _sale,
        State = _rules.SaleState.ToLowerInvariant(),
        Plan = _rules.Plan is not { } plan ? null : new(
            plan.Name, plan.Venue, plan.StartsAt, plan.TimeZone, plan.Currency, plan.OpensAtMs, plan.ClosesAtMs,
            plan.PaymentKind.ToLowerInvariant(), (int)plan.HoldSeconds, (int)plan.Extensions, (int)plan.PerOrder, (int)plan.PerBuyer),
        Sequences = _sequence,
        Batches = _batches,
        Length = _offset,
        DurableSequence = _durable,
        FirstTimeMs = _firstTimeMs,
        LastTimeMs = _timeMs,
        Hash = _hash,
        Pools = _rules.Pools(),
        Tiers = _rules.Tiers(),
        Orders = _rules.Orders,
        Tickets = _rules.Tickets,
        RefundedTickets = _rules.RefundedTickets,
        RefundedAmount = _rules.RefundedAmount,
        OwedPayments = _rules.OwedPayments,
        OwedAmount = _rules.OwedAmount,
        Problems = [.. _problems.OrderBy(problem => problem.Sequence)],
        ProblemCount = _problemCount,
        Notes = [.. _notes],
    };

    /// <summary>The orders among what was read, in the order in which they were made.</summary>
    public IEnumerable<AuditedOrder> Orders() => _rules.ListOrders();

    /// <summary>The bytes that it reads, for whoever copies what it found good.</summary>
    internal AuditSource Source => _source;

    public void Dispose() => _source.Dispose();

    private void ThrowIfBroken()
    {
        if (!_broken) return;
        var problem = _problems[^1];
        throw new JournalDamagedException($"{_path} is damaged at sequence {problem.Sequence}: {problem.What}.", problem.Sequence, _offset);
    }

    private void ReadAll(CancellationToken stop)
    {
        // What was there at the start is read; chasing a writer who is as fast as this would never end.
        var length = _source.Length;
        var turn = Turn();
        _source.Refresh();
        ReadBatches(Math.Max(length, turn?.Offset ?? 0), turn, stop);
        if (_broken || _offset >= length) return;

        // Something stands here that is no batch: free space, a batch that is just being written, what a dead writer left,
        // or damage. A writer at work is done in a moment; the others stay as they are.
        var since = TimeProvider.System.GetTimestamp();
        while (true)
        {
            turn = Turn();
            _source.Refresh();
            var offset = _offset;
            ReadBatches(Math.Max(length, turn?.Offset ?? 0), turn, stop);
            if (_broken || _offset >= length) return;

            var (end, what) = JudgeEnd();
            if (end == AuditVerdict.Good) return;
            if (_offset != offset) since = TimeProvider.System.GetTimestamp();

            // Asked after the bytes were read: a batch that was finished in between has moved the durable end, or the turn is
            // still taken by its writer.
            var isWriting = Turn() is { } now && (now.Writing || now.Offset > _offset);
            if (isWriting && TimeProvider.System.GetElapsedTime(since) < Patience)
            {
                stop.WaitHandle.WaitOne(5);
                stop.ThrowIfCancellationRequested();
                continue;
            }

            if (isWriting && end == AuditVerdict.Torn && _source.IsInTurn)
            {
                _notes.Add($"A batch behind sequence {_sequence} is being written, and was not finished while this waited.");
                return;
            }

            if (end == AuditVerdict.Damaged)
            {
                Break(what);
                return;
            }

            _torn = true;
            _notes.Add($"Behind sequence {_sequence} (byte {_offset}) stands a batch whose writing was never finished: {what}. It was never acknowledged.");
            return;
        }
    }

    /// <summary>The .turn file, unless it is another journal's; and the durable end it names.</summary>
    private AuditTurn? Turn()
    {
        var turn = _source.Turn();
        if (turn is null) return null;
        if (turn.Value.Journal != _journal)
        {
            const string Foreign =
                "The .turn file beside it belongs to another journal: one of the two was replaced. It was left out of account.";
            if (!_notes.Contains(Foreign)) _notes.Add(Foreign);
            return null;
        }

        if (turn.Value.Sequence > 0) _durable = turn.Value.Sequence;
        return turn;
    }

    /// <summary>Reads whole batches until something else comes or the limit; up to the durable end nothing else may come.</summary>
    private void ReadBatches(long limit, AuditTurn? turn, CancellationToken stop)
    {
        while (_offset < limit && !_broken)
        {
            stop.ThrowIfCancellationRequested();
            var isDurable = turn is { } end && _offset < end.Offset;
            var found = _source.At(_offset, AuditBatch.SectorSize);
            if (!AuditBatch.TryRead(found, out var header))
            {
                if (isDurable)
                    Break(found.Length < AuditBatch.SectorSize || IsZero(found)
                        ? "it was acknowledged, and is not there" : "no batch begins there");
                return;
            }

            var batch = _source.At(_offset, header.Length);
            if (batch.Length < header.Length || !AuditBatch.HashHolds(batch))
            {
                if (isDurable)
                    Break(batch.Length < header.Length ? "it was acknowledged, and the file ends in it" : "its bytes do not have its hash");
                return;
            }

            ReadBatch(header, batch);
            if (isDurable && turn is { } durable && _offset >= durable.Offset && !_broken
                && (_offset, _sequence, _hash) != (durable.Offset, durable.Sequence, durable.Hash))
                Break($"what was acknowledged ended with sequence {durable.Sequence} and hash {durable.Hash}, and this is another journal's past");
        }
    }

    private void ReadBatch(in AuditBatch header, ReadOnlySpan<byte> batch)
    {
        if (header.Format > FormatMax)
            throw new NewerFormatException(
                $"{_path} goes on at sequence {_sequence + 1} in format {header.Format}; this program knows formats up to {FormatMax}.");

        var what = header.Format != FormatMax ? $"its format is {header.Format}"
            : Convert.ToHexStringLower(batch.Slice(32, 32)) != _hash ? "it does not continue the batch before it"
            : header.FirstSequence != _sequence + 1 ? $"it begins with sequence {header.FirstSequence}"
            : header.TimeMs < _timeMs ? $"its time, {header.TimeMs}, is before that of the batch before it, {_timeMs}"
            : header.Count == 0 ? "it has no entries"
            : header.EntriesLength > header.Length - AuditBatch.HeaderSize
                || header.Length - AuditBatch.HeaderSize - header.EntriesLength >= AuditBatch.SectorSize ? "its lengths do not fit"
            : !header.ZeroesHold ? "it has bytes set where zeros belong"
            : batch[(AuditBatch.HeaderSize + (int)header.EntriesLength)..].ContainsAnyExcept((byte)0xff) ? "what fills it is not 0xFF"
            : null;
        if (what is not null)
        {
            Break(what);
            return;
        }

        var sequence = _sequence;
        var entries = batch.Slice(AuditBatch.HeaderSize, (int)header.EntriesLength);
        for (var i = 0L; i < header.Count; i++)
        {
            var wrong = AuditEntry.Read(entries, out var entry, out var length);
            if (wrong is not null)
            {
                // Its facts are unknown, so nothing behind it can be judged.
                _sequence = sequence;
                Break(wrong);
                return;
            }

            entries = entries[length..];
            sequence++;
            _rules.Apply(entry, sequence, header.TimeMs);
            OnEntry?.Invoke(_rules.Show(entry, sequence, header.TimeMs));
        }

        _sequence = sequence;
        if (entries.Length > 0)
        {
            Report(sequence, $"{entries.Length} bytes follow the last entry of its batch");
            _broken = true;
        }

        if (_batches++ == 0) _firstTimeMs = header.TimeMs;
        _timeMs = header.TimeMs;
        _hash = Convert.ToHexStringLower(batch[..32]);
        _offset += header.Length;
        OnProgress?.Invoke(_offset, Math.Max(_offset, _source.Length));
    }

    /// <summary>Judges what stands behind the last whole batch, by the table in docs/JOURNAL.md, "Torn or damaged".</summary>
    private (AuditVerdict Verdict, string What) JudgeEnd()
    {
        var sector = _source.At(_offset, AuditBatch.SectorSize);
        string torn;
        if (IsZero(sector))
        {
            if (IsZeroFrom(_offset)) return (AuditVerdict.Good, "");
            torn = "its header was never written";
        }
        else if (!AuditBatch.TryRead(sector, out var header))
        {
            if (sector.Length == AuditBatch.SectorSize) return (AuditVerdict.Damaged, "no batch begins there");
            torn = "the file ends in its first sector";
        }
        else
        {
            var batch = _source.At(_offset, header.Length);
            if (batch.Length < header.Length)
            {
                torn = "the file ends in it";
            }
            else if (HasZeroSector(batch))
            {
                torn = "a sector of it was never written";
            }
            else
            {
                return (AuditVerdict.Damaged, "its bytes do not have its hash");
            }
        }

        return BatchAfter(_offset) ? (AuditVerdict.Damaged, "it is not there, and a whole batch follows") : (AuditVerdict.Torn, torn);
    }

    private bool BatchAfter(long offset)
    {
        var length = _source.Length;
        for (offset += AuditBatch.SectorSize; offset < length; offset += AuditBatch.SectorSize)
        {
            if (!AuditBatch.TryRead(_source.At(offset, AuditBatch.SectorSize), out var header)) continue;
            var batch = _source.At(offset, header.Length);
            if (batch.Length == header.Length && AuditBatch.HashHolds(batch)) return true;
        }

        return false;
    }

    private bool IsZeroFrom(long offset)
    {
        for (var length = _source.Length; offset < length; offset += AuditBatch.SectorSize)
        {
            if (!IsZero(_source.At(offset, AuditBatch.SectorSize))) return false;
        }

        return true;
    }

    private static bool HasZeroSector(ReadOnlySpan<byte> batch)
    {
        for (; batch.Length > 0; batch = batch[AuditBatch.SectorSize..])
        {
            if (IsZero(batch[..AuditBatch.SectorSize])) return true;
        }

        return false;
    }

    private static bool IsZero(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExcept((byte)0);

    /// <summary>The next sequence cannot be read, and so nothing behind it.</summary>
    private void Break(string what)
    {
        Report(_sequence + 1, what);
        _broken = true;
    }

    private void Report(long sequence, string what)
    {
        _problemCount++;
        if (_problems.Count < AuditResult.ProblemsMax) _problems.Add(new(sequence, what));
    }
}
