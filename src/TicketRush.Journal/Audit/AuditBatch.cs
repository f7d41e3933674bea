using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace TicketRush.Journal.Audit;

/// <summary>The header of a batch, read by docs/JOURNAL.md.</summary>
internal readonly record struct AuditBatch(int Format, int Length, long EntriesLength, long FirstSequence, long TimeMs, long Count, bool ZeroesHold)
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

/// <summary>The bytes of a file, a window at a time.</summary>
internal sealed class AuditBytes(SafeFileHandle file)
{
    private readonly byte[] _window = new byte[AuditBatch.LengthMax];
    private long _start;
    private int _length;

    public long FileLength => RandomAccess.GetLength(file);

    /// <summary>Forgets what was read: the file may have changed since.</summary>
    public void Refresh() => _length = 0;

    /// <returns>Fewer bytes than asked for when the file ends before. Valid until the next call.</returns>
    public ReadOnlySpan<byte> At(long offset, int count)
    {
        if (offset < _start || offset + count > _start + _length)
        {
            (_start, _length) = (offset, 0);
            while (_length < _window.Length)
            {
                var read = RandomAccess.Read(file, _window.AsSpan(_length), offset + _length);
                if (read == 0) break;
                _length += read;
            }
        }

        var at = (int)(offset - _start);
        return _window.AsSpan(at, Math.Clamp(_length - at, 0, count));
    }
}
