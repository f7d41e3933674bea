using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace TicketRush.Journal.Files;

/// <summary>
/// The first 4,096 bytes of a journal file. Its hash is where the chain begins.
/// <code>
///    0  hash         32  SHA-256 of the bytes 32 to 4096
///   32  magic         8  "RUSHFILE"
///   40  format        2  1
///   42  zero          6
///   48  journal      16  random; the turn file names it too
///   64  created       8  milliseconds since 1970
///   72  name length   2
///   74  name            of the sale, UTF-8; zeros to the end
/// </code>
/// </summary>
internal readonly record struct FileHeader(ChainHash Hash, int Format, UInt128 Journal, long CreatedMs, string Sale)
{
    public const int Size = 4096;

    private static ReadOnlySpan<byte> Magic => "RUSHFILE"u8;

    /// <exception cref="JournalRefusedException">The file is no journal.</exception>
    /// <exception cref="JournalDamagedException">It was one.</exception>
    /// <exception cref="NewerFormatException">It is one of a format that this program does not know.</exception>
    public static FileHeader Read(ReadOnlySpan<byte> bytes, string path)
    {
        if (bytes.Length < Size && !bytes.ContainsAnyExcept((byte)0))
            throw new JournalRefusedException($"{path} is empty: no TicketRush journal.");

        var hash = bytes.Length < Size ? default : ChainHash.Read(SHA256.HashData(bytes[32..Size]));
        var whole = bytes.Length >= Size && hash == ChainHash.Read(bytes);
        if (!whole && (bytes.Length < 40 || !bytes[32..40].SequenceEqual(Magic)))
            throw new JournalRefusedException($"{path} is no TicketRush journal.");
        if (!whole)
            throw new JournalDamagedException($"{path} is damaged: its header, the first {Size} bytes, is not what was written.", 1, 0);

        var format = BinaryPrimitives.ReadUInt16LittleEndian(bytes[40..]);
        if (format is 0 or > BatchHeader.CurrentFormat)
            throw new NewerFormatException($"{path} has format {format}; this program knows formats up to {BatchHeader.CurrentFormat}.");

        var length = Math.Min((int)BinaryPrimitives.ReadUInt16LittleEndian(bytes[72..]), 63);
        return new(
            hash, format, BinaryPrimitives.ReadUInt128LittleEndian(bytes[48..]), BinaryPrimitives.ReadInt64LittleEndian(bytes[64..]),
            Encoding.UTF8.GetString(bytes.Slice(74, length)));
    }

    public static byte[] Write(string sale, long createdMs)
    {
        var bytes = new byte[Size];
        Magic.CopyTo(bytes.AsSpan(32));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(40), BatchHeader.CurrentFormat);
        RandomNumberGenerator.Fill(bytes.AsSpan(48, 16));
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(64), createdMs);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(72), (ushort)Encoding.UTF8.GetBytes(sale, bytes.AsSpan(74)));
        SHA256.HashData(bytes.AsSpan(32), bytes);
        return bytes;
    }
}
