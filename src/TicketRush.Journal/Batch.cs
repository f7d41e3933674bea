using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using TicketRush.Engine;

namespace TicketRush.Journal;

/// <summary>
/// One batch as bytes, the same in a file, in memory and in a database row. Little-endian; docs/JOURNAL.md is its contract.
/// <code>
///    0  hash            32  SHA-256 of the bytes 32 to length
///   32  previous hash   32  of the batch before; of the file header for the first
///   64  magic            4  "RSHB"
///   68  format           2  1
///   70  zero             2
///   72  length           4  of the whole batch, a multiple of 512
///   76  entries length   4  bytes of entries from 104 on; 0xFF fills the rest
///   80  first sequence   8
///   88  time             8  sale time of all its entries, milliseconds since 1970
///   96  count            4  entries
///  100  header check     4  CRC-32C of the bytes 32 to 100
///  104  entries
/// </code>
/// The header never crosses a sector, so it is there whole or not at all; the check tells a header that is whole from one
/// that is damaged before its length is believed. Hash, previous hash, magic, format, length and check keep their places in
/// every format to come.
/// </summary>
public readonly record struct BatchHeader(
    ChainHash Hash, ChainHash Previous, int Format, int Length, int EntriesLength, long FirstSequence, long TimeMs, int Count)
{
    public const int Size = 104;
    public const int SectorSize = 512;

    /// <summary>The newest format that this program reads, and the one it writes.</summary>
    public const int CurrentFormat = 1;

    /// <summary>The longest batch that is ever written: what a reader must be able to hold.</summary>
    public const int LengthMax = 4 * 1024 * 1024;

    private const uint Magic = 0x42485352; // "RSHB"

    public long LastSequence => FirstSequence + Count - 1;

    /// <returns>False when the bytes are no whole, undamaged header.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out BatchHeader header)
    {
        header = default;
        if (bytes.Length < Size || Word(bytes, 64) != Magic || Word(bytes, 100) != Check(bytes)) return false;

        header = new(
            ChainHash.Read(bytes), ChainHash.Read(bytes[32..]), (int)(Word(bytes, 68) & 0xffff), (int)Word(bytes, 72), (int)Word(bytes, 76),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[80..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[88..]), (int)Word(bytes, 96));
        return header.Length is >= SectorSize and <= LengthMax && header.Length % SectorSize == 0;
    }

    /// <summary>Whether the bytes of the whole batch are those that were written.</summary>
    public bool Verifies(ReadOnlySpan<byte> batch)
    {
        Span<byte> hash = stackalloc byte[ChainHash.Size];
        SHA256.HashData(batch[32..Length], hash);
        return ChainHash.Read(hash) == Hash;
    }

    internal static ChainHash Seal(Span<byte> batch, int entriesLength, in ChainHash previous, long firstSequence, long timeMs, int count)
    {
        previous.Write(batch[32..]);
        BinaryPrimitives.WriteUInt32LittleEndian(batch[64..], Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(batch[68..], CurrentFormat);
        BinaryPrimitives.WriteInt32LittleEndian(batch[72..], batch.Length);
        BinaryPrimitives.WriteInt32LittleEndian(batch[76..], entriesLength);
        BinaryPrimitives.WriteInt64LittleEndian(batch[80..], firstSequence);
        BinaryPrimitives.WriteInt64LittleEndian(batch[88..], timeMs);
        BinaryPrimitives.WriteInt32LittleEndian(batch[96..], count);
        BinaryPrimitives.WriteUInt32LittleEndian(batch[100..], Check(batch));
        SHA256.HashData(batch[32..], batch[..ChainHash.Size]);
        return ChainHash.Read(batch);
    }

    private static uint Word(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static uint Check(ReadOnlySpan<byte> bytes) => Crc32C(bytes[32..100]);

    internal static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        for (; bytes.Length >= 8; bytes = bytes[8..]) crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var value in bytes) crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }
}

/// <summary>The batch that is being filled: entries are encoded behind room for the header, which is written last.</summary>
public sealed class BatchBuffer
{
    private byte[] _bytes = new byte[64 * 1024];
    private int _length = BatchHeader.Size;

    /// <summary>Entries in the batch.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes that the batch will take in the journal.</summary>
    public int Length => RoundUp(_length);

    /// <summary>The batch's bytes, whole once it was sealed; good until the next entry.</summary>
    public ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(0, Length);

    /// <summary>Bytes that the batch would take with this entry more.</summary>
    public int LengthWith(in Entry entry) => RoundUp(_length + EntryCodec.LengthMax(entry));

    public void Add(in Entry entry)
    {
        var needed = RoundUp(_length + EntryCodec.LengthMax(entry));
        if (needed > _bytes.Length) Array.Resize(ref _bytes, (int)BitOperations.RoundUpToPowerOf2((uint)needed));
        _length += EntryCodec.Encode(entry, _bytes.AsSpan(_length));
        Count++;
    }

    public void Clear() => (_length, Count) = (BatchHeader.Size, 0);

    /// <summary>Completes the batch and gives its bytes; the tail moves to its end.</summary>
    public ReadOnlySpan<byte> Seal(ref Tail tail, long timeMs)
    {
        var batch = _bytes.AsSpan(0, Length);

        // Not zeros: an entry may end in some, and a whole sector of zeros must mean that it was never written.
        batch[_length..].Fill(0xff);
        var hash = BatchHeader.Seal(batch, _length - BatchHeader.Size, tail.Hash, tail.Sequence + 1, timeMs, Count);
        tail = new(tail.Sequence + Count, timeMs, hash, tail.Offset + batch.Length);
        return batch;
    }

    private static int RoundUp(int length) => (length + BatchHeader.SectorSize - 1) & ~(BatchHeader.SectorSize - 1);
}

/// <summary>Where a journal ends, or how far a reader of it has come.</summary>
/// <param name="Sequence">Of the last entry; 0 before the first.</param>
/// <param name="TimeMs">Sale time of the last entry.</param>
/// <param name="Hash">The chain there.</param>
/// <param name="Offset">Where the next batch begins: bytes from the start of the file, or of what stands for it.</param>
public readonly record struct Tail(long Sequence, long TimeMs, ChainHash Hash, long Offset);
