using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;

namespace TicketRush.Journal.Audit;

/// <summary>The header of a batch, read by docs/JOURNAL.md.</summary>
internal readonly record struct AuditBatch(int Format, int Length, long EntriesLength, long FirstSequence, long TimeMs, long Count,
    bool ZeroesHold)
{
    public const int HeaderSize = 104, SectorSize = 512, LengthMax = 4 * 1024 * 1024;

    /// <returns>False when no batch begins here.</returns>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out AuditBatch batch)
    {
        batch = default;
        if (bytes.Length < HeaderSize || !bytes.Slice(64, 4).SequenceEqual("RSHB"u8)) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[100..]) != Crc32C(bytes[32..100])) return false;

        var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[72..]);
        if (length is < SectorSize or > LengthMax || length % SectorSize != 0) return false;
        batch = new(
            BinaryPrimitives.ReadUInt16LittleEndian(bytes[68..]), (int)length, BinaryPrimitives.ReadUInt32LittleEndian(bytes[76..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[80..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[88..]),
            BinaryPrimitives.ReadUInt32LittleEndian(bytes[96..]), bytes[70] == 0 && bytes[71] == 0);
        return true;
    }

    public static bool HashHolds(ReadOnlySpan<byte> batch)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(batch[32..], hash);
        return hash.SequenceEqual(batch[..32]);
    }

    public static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes) crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }
}
