using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TicketRush.Journal.Audit;

/// <summary>What a journal's .turn file said when it was looked at. It is read, never locked, written or made.</summary>
/// <param name="Journal">Of which journal it is.</param>
/// <param name="Offset">The durable end; 0 when it names none.</param>
/// <param name="Writing">A batch is being written, or its writer died.</param>
internal readonly partial record struct AuditTurn(UInt128 Journal, long Offset, long Sequence, long TimeMs, string Hash, bool Writing)
{
    public const int TurnByte = 4096, AttachedByte = 4097;

    /// <returns>Null when there is none, or it is not set up yet.</returns>
    public static AuditTurn? Read(string path)
    {
        if (!File.Exists(path)) return null;

        Span<byte> bytes = stackalloc byte[328];
        bool isWriting;
        try
        {
            using var file = Open(path);

            // The flag is read first: a writer publishes the end before it takes the flag down, so a flag that is down with
            // an old end behind it cannot be read.
            isWriting = RandomAccess.Read(file, bytes[..8], 320) == 8 && BinaryPrimitives.ReadInt64LittleEndian(bytes) != 0;
            if (RandomAccess.Read(file, bytes, 0) < bytes.Length || !bytes[..8].SequenceEqual("RUSHTURN"u8)) return null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }

        var (a, b) = (Slot(bytes[64..136]), Slot(bytes[192..264]));
        var end = a.Counter >= b.Counter ? a : b;
        return new(
            BinaryPrimitives.ReadUInt128LittleEndian(bytes[16..]), end.Offset, end.Sequence, end.TimeMs, end.Hash, isWriting);
    }

    /// <summary>Whether somebody has locked the byte. Only asks; where the system cannot be asked, nobody has.</summary>
    public static bool IsLocked(string path, int which)
    {
        if (!OperatingSystem.IsLinux() || !File.Exists(path)) return false;
        try
        {
            using var file = Open(path);
            var region = new Region { Type = 1 /* a write lock */, Start = which, Length = 1 };
            return Control(file, 36 /* F_OFD_GETLK */, ref region) == 0 && region.Type != 2 /* free */;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static SafeFileHandle Open(string path) =>
        File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);

    // A slot that is being written has a wrong check; it then names no end, and the other one does.
    private static (long Counter, long Offset, long Sequence, long TimeMs, string Hash) Slot(ReadOnlySpan<byte> slot)
    {
        var counter = BinaryPrimitives.ReadInt64LittleEndian(slot);
        if (counter == 0 || BinaryPrimitives.ReadUInt32LittleEndian(slot[64..]) != AuditBatch.Crc32C(slot[..64])) return (0, 0, 0, 0, "");
        return (
            counter, BinaryPrimitives.ReadInt64LittleEndian(slot[8..]), BinaryPrimitives.ReadInt64LittleEndian(slot[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(slot[24..]), Convert.ToHexStringLower(slot.Slice(32, 32)));
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Region
    {
        public short Type, Whence;
        public long Start, Length;
        public int Process;
    }

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(SafeFileHandle file, int command, ref Region region);
}
