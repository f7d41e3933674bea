using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace TicketRush.Journal.Postgres;

/// <summary>
/// What this machine has seen of a sale to be durable: the last sequence and its hash, in a small file that the database knows nothing of. A
/// database that is behind it has lost what was acknowledged, as a standby may that was promoted before it had everything.
/// <code>
///    0  sequence   8    and the same again from byte 64
///    8  hash      32
///   40  check      4  CRC-32C of the bytes 0 to 40
/// </code>
/// Not flushed: it is there for the day on which the database fails, not this machine. One thread at a time.
/// </summary>
internal sealed class Witness : IDisposable
{
    public const string Extension = ".seen";
    private const int SlotSize = 64, Used = 44;

    private readonly SafeFileHandle? _file;
    private readonly byte[] _slot = new byte[SlotSize];
    private int _next;

    private Witness(string path, SafeFileHandle? file) => (Path, _file) = (path, file);

    public string Path { get; }

    /// <summary>0 when nothing was seen yet.</summary>
    public long Sequence { get; private set; }

    public ChainHash Hash { get; private set; }

    /// <param name="directory">Null: it remembers as long as the process lives.</param>
    /// <param name="journal">Names the journal, also in another database.</param>
    public static Witness Open(string? directory, UInt128 journal)
    {
        if (directory is null) return new("", null);

        Directory.CreateDirectory(directory);
        var path = System.IO.Path.Combine(directory, $"{journal:x32}{Extension}");
        var witness = new Witness(path, File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete));
        Span<byte> bytes = stackalloc byte[2 * SlotSize];
        bytes.Clear();
        RandomAccess.Read(witness._file!, bytes, 0);
        for (var i = 0; i < 2; i++)
        {
            var slot = bytes[(i * SlotSize)..];
            var sequence = BinaryPrimitives.ReadInt64LittleEndian(slot);
            if (sequence <= witness.Sequence || BinaryPrimitives.ReadUInt32LittleEndian(slot[40..]) != BatchHeader.Crc32C(slot[..40])) continue;
            (witness.Sequence, witness.Hash, witness._next) = (sequence, ChainHash.Read(slot[8..]), 1 - i);
        }

        return witness;
    }

    /// <summary>Whether a batch can be of the past that was seen.</summary>
    public bool Allows(in BatchHeader header) =>
        header.FirstSequence > Sequence || header.LastSequence < Sequence || (header.LastSequence == Sequence && header.Hash == Hash);

    public void Advance(in Tail tail)
    {
        if (tail.Sequence <= Sequence) return;
        (Sequence, Hash) = (tail.Sequence, tail.Hash);
        if (_file is null) return;

        BinaryPrimitives.WriteInt64LittleEndian(_slot, Sequence);
        Hash.Write(_slot.AsSpan(8));
        BinaryPrimitives.WriteUInt32LittleEndian(_slot.AsSpan(40), BatchHeader.Crc32C(_slot.AsSpan(0, 40)));
        try
        {
            RandomAccess.Write(_file, _slot.AsSpan(0, Used), _next * SlotSize);
            _next = 1 - _next;
        }
        catch (IOException)
        {
            // The entries are in the database, and this process goes on knowing them. Not to sell because this disk is full would be no help.
        }
    }

    public void Dispose() => _file?.Dispose();
}
