using Microsoft.Win32.SafeHandles;
using TicketRush.Engine;

namespace TicketRush.Journal.Files;

/// <summary>
/// A sale's journal as one file, shared by any number of processes on one machine. Beside it stands the turn file, with the
/// lock and the durable end. docs/JOURNAL.md describes both byte by byte and argues why a torn tail can be told from damage.
/// </summary>
public sealed class FileJournal : IJournal
{
    public const string Extension = ".rush";
    private const string TurnExtension = ".turn";
    private const long PreallocationMin = 64 * 1024, PreallocationMax = 1024 * 1024;
    private const int NoSpaceError = 28, QuotaError = 122;

    private static readonly byte[] Zeros = new byte[PreallocationMax];

    private readonly string _path;
    private readonly Platform _platform;
    private readonly FileJournalOptions _options;
    private readonly SafeFileHandle _file;
    private readonly (ulong, ulong) _identity;
    private readonly (ulong, ulong) _turnIdentity;
    private readonly FileHeader _header;
    private readonly FileScan _scan;
    private readonly TurnFile _turn;

    private Tail _tail;
    private long _publishedSeen;

    private FileJournal(string path, Platform platform, FileJournalOptions options)
    {
        (_path, _platform, _options) = (path, platform, options);
        RefuseNetwork(path, platform);
        _identity = platform.Identify(path);
        _file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            var head = new byte[FileHeader.Size];
            _header = FileHeader.Read(head.AsSpan(0, RandomAccess.Read(_file, head, 0)), path);
            _scan = new(_file);
            _turn = new(Path.ChangeExtension(path, TurnExtension), _header.Journal, platform);
            _turnIdentity = platform.Identify(_turn.Path);
            Rewind();
            if (!_turn.IsFirst) return;

            // The first to open it takes the wall clock; from here on sale time follows the monotonic one. Nobody knows what
            // a power cut left behind the durable end, so the first turn looks.
            SetClock(Math.Max(options.Clock.GetUtcNow().ToUnixTimeMilliseconds(), _turn.ReadEnd().TimeMs));
            _turn.Writing = 1;
            _turn.Attach();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Tail Tail => _tail;

    public bool HasNews => _turn.Published != Volatile.Read(ref _publishedSeen);

    public long NowMs => Math.Max(_turn.ClockOffsetMs + MonotonicMs, _tail.TimeMs);

    private long MonotonicMs => (long)(_options.Clock.GetTimestamp() * (1000.0 / _options.Clock.TimestampFrequency));

    /// <exception cref="FileNotFoundException">There is none.</exception>
    /// <exception cref="JournalRefusedException">The file is no journal, was replaced, or is on a network file system.</exception>
    /// <exception cref="JournalDamagedException">Its header is damaged.</exception>
    /// <exception cref="NewerFormatException">It was written by a newer program.</exception>
    public static FileJournal Open(string path, FileJournalOptions? options = null)
    {
        options ??= new();
        return new(path, options.Platform, options);
    }

    internal static FileJournal Open(string path, Platform platform) => new(path, platform, new());

    /// <summary>
    /// Makes the journal of a new sale, whole or not at all: with the plan as its first entry, durable before it has a name.
    /// </summary>
    /// <returns>False when there is one already.</returns>
    /// <exception cref="IOException">It could not be written; or it was, and its name could not be flushed.</exception>
    /// <exception cref="JournalRefusedException">The directory is on a network file system.</exception>
    public static bool TryCreate(string path, string sale, Plan plan, FileJournalOptions? options = null, string? by = null)
    {
        options ??= new();
        RefuseNetwork(path, Platform.Current);
        var nowMs = options.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        var header = FileHeader.Write(sale, nowMs);
        var tail = new Tail(0, 0, ChainHash.Read(header), FileHeader.Size);
        var batch = new BatchBuffer();
        if (by is not null) batch.Add(new Entry { Kind = EntryKind.KeyNamed, By = 1, Name = by });
        batch.Add(new Entry { Kind = EntryKind.Planned, Plan = plan, By = (ushort)(by is null ? 0 : 1) });

        var directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var temporary = Path.Combine(directory, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}");
        try
        {
            using var file = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write);
            RandomAccess.Write(file, header, 0);
            RandomAccess.Write(file, batch.Seal(ref tail, nowMs), FileHeader.Size);
            Platform.Current.FlushData(file);
        }
        catch
        {
            // On a full disk, what is left of the attempt would be in the way of everybody else.
            File.Delete(temporary);
            throw;
        }

        if (!Platform.Current.TryPublish(temporary, path)) return false;
        Platform.Current.FlushDirectory(directory);
        return true;
    }

    public void Read(IBatchReader reader) => Read(reader, int.MaxValue);

    public void ReadBatches(EntryReader reader, int most) => Read(reader, most);

    private void Read(IBatchReader reader, int most)
    {
        var published = _turn.Published;
        var end = _turn.ReadEnd();
        if (end.Sequence <= _tail.Sequence)
        {
            Volatile.Write(ref _publishedSeen, published);
            return;
        }

        _scan.Refresh();
        for (; _tail.Offset < end.Offset; most--)
        {
            if (most == 0 || reader is EntryReader { IsEnough: true }) return;
            var found = _scan.Next(_tail, end.Offset, out var header, out var batch, out var what);
            if (found == Found.Newer) throw Newer(header);
            if (found != Found.Batch) throw Damaged(found == Found.Damaged ? what : "it was acknowledged and is not there");
            Give(reader, header, batch);
        }

        if (_tail.Sequence != end.Sequence || _tail.Hash != end.Hash) throw Damaged("it is not the one that was acknowledged");
        Volatile.Write(ref _publishedSeen, published);
    }

    public void TakeTurn(IBatchReader reader)
    {
        _turn.TakeTurn();
        BeginTurn(reader);
    }

    public bool TryTakeTurn(IBatchReader reader)
    {
        if (!_turn.TryTakeTurn()) return false;
        BeginTurn(reader);
        return true;
    }

    public int Reserve(int length)
    {
        // Asked each time, for others extend the file and cut it too.
        var allocated = _platform.Length(_file);
        while (allocated < _tail.Offset + length)
        {
            // A quarter of what there is: a quiet sale stays small, a busy one extends rarely. Zeros, not a hole: writing
            // over them later changes no metadata, and a flush costs half.
            var more = (int)Math.Clamp(allocated / 4 & ~(BatchHeader.SectorSize - 1L), PreallocationMin, PreallocationMax);
            try
            {
                RandomAccess.Write(_file, Zeros.AsSpan(0, more), allocated);
                allocated += more;
            }
            catch (IOException e) when (IsFull(e))
            {
                // What was written before the disk was full is zeros too, and stays.
                allocated = _platform.Length(_file) & ~(BatchHeader.SectorSize - 1L);
                return (int)Math.Clamp(allocated - _tail.Offset, 0, length);
            }
        }

        return length;
    }

    public void Append(BatchBuffer batch, long timeMs)
    {
        var offset = _tail.Offset;
        var tail = _tail;
        var bytes = batch.Seal(ref tail, timeMs);

        _turn.Writing = tail.Sequence;
        RandomAccess.Write(_file, bytes, offset);
        if (_options.Flush) _platform.FlushData(_file);

        _tail = tail;
        _turn.PublishEnd(tail);
        _turn.Writing = 0;
        Volatile.Write(ref _publishedSeen, _turn.Published);
    }

    public void Confirm()
    {
        // What was read is before the durable end, or was made durable when the turn was taken.
    }

    public void ReleaseTurn() => _turn.ReleaseTurn();

    public void Rewind()
    {
        _tail = new(0, 0, _header.Hash, FileHeader.Size);
        Volatile.Write(ref _publishedSeen, 0);
    }

    public void Dispose()
    {
        _turn?.Dispose();
        _file?.Dispose();
    }

    private void BeginTurn(IBatchReader reader)
    {
        try
        {
            if (_identity != _platform.Identify(_path))
            {
                var what = $"{_path} was replaced or taken away while this process was selling from it.";
                throw File.Exists(_path) ? new JournalRefusedException(what) : new JournalGoneException(what);
            }

            // Another turn file has another lock: whoever opened that one would hold the turn at the same time.
            if (_turnIdentity != _platform.Identify(_turn.Path))
                throw new JournalRefusedException($"{_turn.Path} was replaced or taken away while this process was selling by it.");

            Read(reader);
            if (_turn.Writing != 0) Settle(reader);
            if (_turn.ClockOffsetMs + MonotonicMs < _tail.TimeMs) SetClock(_tail.TimeMs);
        }
        catch
        {
            _turn.ReleaseTurn();
            throw;
        }
    }

    /// <summary>
    /// In a turn, after a writer died or failed in its own: what it left complete is written and flushed again, for a failed
    /// flush leaves pages that the system calls clean and the disk has never seen; what it left torn is cut off.
    /// </summary>
    private void Settle(IBatchReader reader)
    {
        _scan.Refresh();
        var length = RandomAccess.GetLength(_file);
        var (from, tail) = (_tail.Offset, _tail);
        Found found;
        BatchHeader header;
        string what;
        while ((found = _scan.Next(tail, length, out header, out var batch, out what)) == Found.Batch)
        {
            RandomAccess.Write(_file, batch, tail.Offset);
            tail = After(tail, header);
        }

        if (found == Found.Newer) throw Newer(header);
        if (found == Found.Damaged) throw Damaged(what, tail);
        if (_scan.HasBatchAfter(tail.Offset, length)) throw Damaged("a whole batch follows it", tail);
        var torn = !_scan.IsZeroFrom(tail.Offset, length);
        if (torn) RandomAccess.SetLength(_file, tail.Offset);

        if (tail.Offset != from || torn) _platform.FlushData(_file);
        _turn.PublishEnd(tail);
        _turn.Writing = 0;
        Read(reader);
    }

    private void Give(IBatchReader reader, in BatchHeader header, ReadOnlySpan<byte> batch)
    {
        try
        {
            reader.OnBatch(header, batch.Slice(BatchHeader.Size, header.EntriesLength));
        }
        catch (InvalidDataException e)
        {
            throw Damaged(e.Message);
        }

        _tail = After(_tail, header);
    }

    private static Tail After(in Tail tail, in BatchHeader header) =>
        new(header.LastSequence, header.TimeMs, header.Hash, tail.Offset + header.Length);

    private static void RefuseNetwork(string path, Platform platform)
    {
        if (platform.NetworkFileSystem(Path.GetDirectoryName(Path.GetFullPath(path))!) is not { } network) return;
        throw new JournalRefusedException(
            $"{path} is on {network}, a network file system: its locks and flushes do not hold what TicketRush promises. "
            + "Keep the data directory on a local disk.");
    }

    private void SetClock(long nowMs) => _turn.ClockOffsetMs = nowMs - MonotonicMs;

    private JournalDamagedException Damaged(string what) => Damaged(what, _tail);

    private JournalDamagedException Damaged(string what, in Tail at) => new(
        $"{_path} is damaged at sequence {at.Sequence + 1} (byte {at.Offset}): {what}. Nothing is sold from it until it is "
        + $"restored from a copy, and the .turn file deleted with nothing running; `rush verify {_path}` says what can still be read.",
            at.Sequence + 1, at.Offset);

    private NewerFormatException Newer(in BatchHeader header) =>
        new($"{_path} goes on at sequence {_tail.Sequence + 1} in format {header.Format}; this program knows formats up to {BatchHeader.CurrentFormat}.");

    private static bool IsFull(IOException e) => (e.HResult & 0xffff) is NoSpaceError or QuotaError or 0x70 or 0x27;
}

public sealed record FileJournalOptions
{
    /// <summary>The monotonic clock that sale time runs with, and the wall clock that it is taken from at first.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>
    /// False leaves batches to the operating system: then a power cut loses what was acknowledged. Only for measuring what
    /// the flush costs.
    /// </summary>
    public bool Flush { get; init; } = true;

    /// <summary>The system that journals are read and written with; creating one uses the real one.</summary>
    internal Platform Platform { get; init; } = Platform.Current;
}
