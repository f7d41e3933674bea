using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;

namespace TicketRush.Cli.Tests.Faults;

internal sealed record FileBatch(long Offset, int Length, long FirstSequence, int Count, long TimeMs, string Hash)
{
    public long LastSequence => FirstSequence + Count - 1;

    public long End => Offset + Length;
}

/// <summary>
/// The journal file by its description (Batch.cs, FileHeader.cs, TurnFile.cs) and nothing else: reads it, and does to it what
/// another program or a bad disk would.
/// </summary>
internal static class JournalFile
{
    private const int HeaderSize = 4096, BatchHeaderSize = 104;

    /// <returns>The batches up to the first bytes that are none, and what is wrong with the chain, if anything.</returns>
    public static (List<FileBatch> Batches, string? Problem) Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var batches = new List<FileBatch>();
        var (offset, sequence) = (HeaderSize, 0L);
        var previous = bytes[..32];
        if (!SHA256.HashData(bytes.AsSpan(32, HeaderSize - 32)).AsSpan().SequenceEqual(previous))
            return (batches, "the header does not have its hash");

        while (offset + BatchHeaderSize <= bytes.Length && bytes.AsSpan(offset + 64, 4).SequenceEqual("RSHB"u8))
        {
            var batch = bytes.AsSpan(offset, BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(offset + 72)));
            var read = new FileBatch(
                offset, batch.Length, BinaryPrimitives.ReadInt64LittleEndian(batch[80..]),
                    BinaryPrimitives.ReadInt32LittleEndian(batch[96..]),
                BinaryPrimitives.ReadInt64LittleEndian(batch[88..]), Convert.ToHexStringLower(batch[..32]));
            if (!SHA256.HashData(batch[32..]).AsSpan().SequenceEqual(batch[..32]))
                return (batches, $"sequence {read.FirstSequence} does not have its hash");
            if (!batch[32..64].SequenceEqual(previous)) return (batches, $"the chain breaks before sequence {read.FirstSequence}");
            if (read.FirstSequence != sequence + 1) return (batches, $"sequence {read.FirstSequence} follows {sequence}");
            batches.Add(read);
            (offset, sequence, previous) = (offset + read.Length, read.LastSequence, batch[..32].ToArray());
        }

        return (batches, bytes.AsSpan(Math.Min(offset, bytes.Length)).ContainsAnyExcept((byte)0)
            ? $"bytes follow the batch that ends at {offset}" : null);
    }

    /// <summary>Takes the last batch away, and with it the turn file, which remembers that there was one.</summary>
    public static void CutLastBatch(string path)
    {
        var last = Read(path).Batches[^1];
        using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            RandomAccess.SetLength(file, last.Offset);
        File.Delete(Path.ChangeExtension(path, ".turn"));
    }

    /// <summary>Writes what a newer program would: a whole batch of format 2 that continues the chain, with one entry.</summary>
    /// <param name="publish">It was made durable and published; otherwise its writer died before that.</param>
    public static void AppendNewer(string path, bool publish)
    {
        var last = Read(path).Batches[^1];
        var batch = new byte[512];
        Convert.FromHexString(last.Hash).CopyTo(batch, 32);
        "RSHB"u8.CopyTo(batch.AsSpan(64));
        BinaryPrimitives.WriteInt16LittleEndian(batch.AsSpan(68), 2);
        BinaryPrimitives.WriteInt32LittleEndian(batch.AsSpan(72), batch.Length);
        BinaryPrimitives.WriteInt32LittleEndian(batch.AsSpan(76), 16);
        BinaryPrimitives.WriteInt64LittleEndian(batch.AsSpan(80), last.LastSequence + 1);
        BinaryPrimitives.WriteInt64LittleEndian(batch.AsSpan(88), last.TimeMs);
        BinaryPrimitives.WriteInt32LittleEndian(batch.AsSpan(96), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(batch.AsSpan(100), Crc32C(batch.AsSpan(32, 68)));
        batch.AsSpan(BatchHeaderSize, 16).Fill(0xA5);
        SHA256.HashData(batch.AsSpan(32), batch);

        using var turn = File.OpenHandle(Path.ChangeExtension(path, ".turn"), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var slots = new byte[512];
        RandomAccess.Read(turn, slots, 0);
        RandomAccess.Write(turn, BitConverter.GetBytes(last.LastSequence + 1), 320);
        using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            RandomAccess.Write(file, batch, last.End);
        if (!publish) return;

        var (first, second) = (BitConverter.ToInt64(slots, 64), BitConverter.ToInt64(slots, 192));
        var slot = new byte[68];
        BinaryPrimitives.WriteInt64LittleEndian(slot, Math.Max(first, second) + 1);
        BinaryPrimitives.WriteInt64LittleEndian(slot.AsSpan(8), last.End + batch.Length);
        BinaryPrimitives.WriteInt64LittleEndian(slot.AsSpan(16), last.LastSequence + 1);
        BinaryPrimitives.WriteInt64LittleEndian(slot.AsSpan(24), last.TimeMs);
        batch.AsSpan(0, 32).CopyTo(slot.AsSpan(32));
        BinaryPrimitives.WriteUInt32LittleEndian(slot.AsSpan(64), Crc32C(slot.AsSpan(0, 64)));
        RandomAccess.Write(turn, slot, first < second ? 64 : 192);
        RandomAccess.Write(turn, new byte[8], 320);
    }

    public static void FlipByte(string path, long offset)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        var one = new byte[1];
        RandomAccess.Read(file, one, offset);
        one[0] ^= 0x10;
        RandomAccess.Write(file, one, offset);
    }

    private static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes) crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }
}
