using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TicketRush.Journal.Files;

/// <summary>The few calls that the base class library does not offer. glibc and musl, x64 and arm64.</summary>
internal static partial class Linux
{
    private const int SetLock = 37, SetLockWait = 38; // F_OFD_SETLK, F_OFD_SETLKW
    private const int AgainError = 11, AccessError = 13, InterruptedError = 4;

    public const short ReadLock = 0, WriteLock = 1, Unlock = 2;

    /// <summary>
    /// Locks one byte for the open file description: the kernel gives it back when the last handle on that description is
    /// closed, so also when the process dies, and not (as a POSIX lock) when any other handle on the file is.
    /// </summary>
    /// <returns>False when another has it and <paramref name="wait"/> is false.</returns>
    public static bool LockByte(SafeFileHandle file, long position, short type, bool wait)
    {
        var region = new FileLock { Type = type, Start = position, Length = 1 };
        while (Control(file, wait ? SetLockWait : SetLock, ref region) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error == InterruptedError) continue;
            if (!wait && error is AgainError or AccessError) return false;
            throw Failed("lock", error);
        }

        return true;
    }

    /// <summary>Puts the file's bytes, and as much of its metadata as reading them needs, on stable storage.</summary>
    /// <exception cref="IOException">The flush failed; what is on the disk is unknown.</exception>
    public static void FlushData(SafeFileHandle file)
    {
        while (DataSync(file) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != InterruptedError) throw Failed("flush", error);
        }
    }

    /// <summary>Puts a directory's names on stable storage.</summary>
    public static void FlushDirectory(string path)
    {
        using var directory = OpenDirectory(path);
        if (Sync(directory) != 0) throw Failed("flush the directory", Marshal.GetLastPInvokeError());
    }

    /// <returns>False when the new name is taken.</returns>
    public static bool TryLink(string from, string to)
    {
        if (Link(from, to) == 0) return true;
        var error = Marshal.GetLastPInvokeError();
        return error == 17 /* EEXIST */ ? false : throw Failed("name the new file", error);
    }

    /// <summary>What tells one file from another: device and inode. Zeros when there is none at the path.</summary>
    public static (ulong Device, ulong Inode) Identify(string path)
    {
        Span<byte> status = stackalloc byte[256];
        if (Status(-100 /* the working directory */, path, 0, 0x100 /* inode */, ref MemoryMarshal.GetReference(status)) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return error == 2 /* ENOENT */ ? default : throw Failed("identify " + path, error);
        }

        return (BinaryPrimitives.ReadUInt64LittleEndian(status[0x88..]), BinaryPrimitives.ReadUInt64LittleEndian(status[0x20..]));
    }

    /// <summary>
    /// How long the file is, and nothing else. A plain stat also asks for the time of the last write; a kernel with fine-grained
    /// times (6.13 and later) then gives the next write one of its own, which makes the flush behind it half as slow again.
    /// </summary>
    public static long Length(SafeFileHandle file)
    {
        Span<byte> status = stackalloc byte[256];
        var added = false;
        try
        {
            file.DangerousAddRef(ref added);
            if (Status((int)file.DangerousGetHandle(), "", 0x1000 /* the descriptor itself */, 0x200 /* size */,
                ref MemoryMarshal.GetReference(status)) != 0)
                throw Failed("ask for the length of the file", Marshal.GetLastPInvokeError());
        }
        finally
        {
            if (added) file.DangerousRelease();
        }

        return BinaryPrimitives.ReadInt64LittleEndian(status[0x28..]);
    }

    /// <returns>The name of the network file system that the directory is on, or null when it is on a local one.</returns>
    public static string? NetworkFileSystem(string directory)
    {
        Span<byte> status = stackalloc byte[256];
        if (FileSystemStatus(directory, ref MemoryMarshal.GetReference(status)) != 0)
            throw Failed("ask for the file system of " + directory, Marshal.GetLastPInvokeError());

        return (uint)BinaryPrimitives.ReadInt64LittleEndian(status) switch
        {
            0x6969 => "NFS",
            0xFF534D42 or 0xFE534D42 or 0x517B => "SMB",
            0x01021997 => "9P",
            0x00C36400 => "Ceph",
            0x5346414F => "AFS",
            0x7461636F => "OCFS2",
            0x01161970 => "GFS2",
            _ => null,
        };
    }

    private static SafeFileHandle OpenDirectory(string path)
    {
        var handle = Open(path, 0x80000 /* read only, closed on exec */);
        return handle.IsInvalid ? throw Failed("open the directory " + path, Marshal.GetLastPInvokeError()) : handle;
    }

    private static IOException Failed(string what, int error) =>
        new($"Could not {what}: {new Win32Exception(error).Message} (errno {error}).", error);

    [StructLayout(LayoutKind.Sequential)]
    private struct FileLock
    {
        public short Type, Whence;
        public long Start, Length;
        public int Process;
    }

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(SafeFileHandle file, int command, ref FileLock region);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int DataSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string from, string to);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int directory, string path, int flags, uint mask, ref byte status);

    [LibraryImport("libc", EntryPoint = "statfs", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int FileSystemStatus(string path, ref byte status);
}
