using System.Buffers.Binary;
using TicketRush.Journal.Files;

namespace TicketRush.Journal.Postgres;

/// <summary>
/// What this machine has seen of a sale to be durable: the last sequence and its hash, in a small file that the database knows nothing of.
/// A database that is behind it has lost what was acknowledged, as a standby may that was promoted before it had everything.
/// <code>
///    0  sequence   8    and the same again from byte 64
///    8  hash      32
///   40  check      4  CRC-32C of the bytes 0 to 40
/// </code>
/// All processes of the machine share the file, and it never runs back: who writes holds its lock, has just read it, and takes the place of
/// the lower of the two. Not flushed: it is there for the day on which the database fails, not this machine. One thread at a time.
/// </summary>
internal sealed class Witness : IDisposable
{
    public const string Extension = ".seen";
    private const int SlotSize = 64, Used = 44, CheckAt = 40;
    private const int TriesMax = 20;

    private readonly TurnHandle? _file;
    private readonly bool _writes;
    private readonly byte[] _slot = new byte[SlotSize];
    private bool _isOwed;

    private Witness(string path, TurnHandle? file, bool writes) => (Path, _file, _writes) = (path, file, writes);

    public string Path { get; }

    /// <summary>0 when nothing was seen yet.</summary>
    public long Sequence { get; private set; }

    public ChainHash Hash { get; private set; }

    /// <param name="directory">Null: it remembers as long as the process lives.</param>
    /// <param name="journal">Names the journal, also in another database.</param>
    /// <param name="writes">False for who only looks on: it is held against what was seen, and leaves no trace of how far it has
    /// come.</param>
    public static Witness Open(string? directory, UInt128 journal, bool writes = true)
    {
        if (directory is null) return new("", null, writes);

        Directory.CreateDirectory(directory);
        var path = System.IO.Path.Combine(directory, $"{journal:x32}{Extension}");
        var witness = new Witness(path, new TurnHandle(path), writes);
        witness.Refresh();
        return witness;
    }

    /// <summary>
    /// Learns what other processes of this machine have seen. What is in the file was durable before; so whatever is read from the database
    /// after this must not be behind it.
    /// </summary>
    public void Refresh()
    {
        if (_file is null) return;
        try
        {
            Look();
        }
        catch (IOException)
        {
            // What this process has seen itself it knows all the same.
        }
    }

    /// <summary>Whether a batch can be of the past that was seen.</summary>
    public bool Allows(in BatchHeader header) =>
        header.FirstSequence > Sequence || header.LastSequence < Sequence || (header.LastSequence == Sequence && header.Hash == Hash);

    /// <summary>Whether a journal that ends there, or goes on from there, can be of the past that was seen.</summary>
    public bool Allows(in Tail tail) => tail.Sequence != Sequence || tail.Sequence == 0 || tail.Hash == Hash;

    public void Advance(in Tail tail)
    {
        if (tail.Sequence > Sequence) (Sequence, Hash, _isOwed) = (tail.Sequence, tail.Hash, true);
        if (!_isOwed || !_writes || _file is null) return;
        try
        {
            _isOwed = !TryWrite(_file);
        }
        catch (IOException)
        {
            // The entries are in the database, and this process goes on knowing them. Not to sell because this disk is full would be no
            // help.
        }
    }

    public void Dispose()
    {
        Advance(default);
        _file?.Dispose();
    }

    /// <summary>Reads both places, and keeps what is further than what was known.</summary>
    /// <returns>The place that is further behind: the next to be written.</returns>
    private (int Lower, long Highest) Look()
    {
        Span<byte> bytes = stackalloc byte[2 * SlotSize];
        bytes.Clear();
        RandomAccess.Read(_file!.File, bytes, 0);
        var (first, second) = (SequenceIn(bytes), SequenceIn(bytes[SlotSize..]));
        var (lower, highest) = first > second ? (1, first) : (0, second);
        if (highest > Sequence) (Sequence, Hash, _isOwed) = (highest, ChainHash.Read(bytes[((1 - lower) * SlotSize + 8)..]), false);
        return (lower, highest);
    }

    private static long SequenceIn(ReadOnlySpan<byte> slot)
    {
        var sequence = BinaryPrimitives.ReadInt64LittleEndian(slot);
        return BinaryPrimitives.ReadUInt32LittleEndian(slot[CheckAt..]) == BatchHeader.Crc32C(slot[..CheckAt]) ? Math.Max(sequence, 0) : 0;
    }

    /// <returns>False when another process has the lock and does not move: it is written next time.</returns>
    private bool TryWrite(TurnHandle file)
    {
        // Others hold it for as long as two system calls take. Nobody sleeps for it in a turn: what is owed is written with the next.
        var wait = new SpinWait();
        for (var tries = 0; !Platform.Current.TryLock(file, TurnByte.Turn, shared: false); tries++)
        {
            if (tries == TriesMax) return false;
            wait.SpinOnce(sleep1Threshold: -1);
        }

        try
        {
            var (lower, highest) = Look();
            if (highest >= Sequence) return true;
            BinaryPrimitives.WriteInt64LittleEndian(_slot, Sequence);
            Hash.Write(_slot.AsSpan(8));
            BinaryPrimitives.WriteUInt32LittleEndian(_slot.AsSpan(CheckAt), BatchHeader.Crc32C(_slot.AsSpan(0, CheckAt)));
            RandomAccess.Write(file.File, _slot.AsSpan(0, Used), lower * SlotSize);
            return true;
        }
        finally
        {
            Platform.Current.Unlock(file, TurnByte.Turn);
        }
    }
}
