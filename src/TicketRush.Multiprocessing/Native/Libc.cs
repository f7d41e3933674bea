using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace TicketRush.Multiprocessing.Native;

/// <summary>The calls of Linux and glibc that shared memory, sleeping on it and knowing who is alive are made of.</summary>
internal static unsafe partial class Libc
{
    public const int Busy = 16, OwnerDead = 130;

    private const int NoSuchProcess = 3, Interrupted = 4, Again = 11, OutOfMemory = 12, Exists = 17, InvalidArgument = 22, NoSpace = 28;

    private const int ReadWrite = 2, Create = 0x40, Exclusive = 0x80, CloseOnExec = 0x80000;

    // The numbers of the calls that glibc has no function for, or had none in the oldest version that .NET runs on.
    private static readonly nint FutexCall = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 202 : 98;
    private static readonly nint MemoryFileCall = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 319 : 279;
    private const nint ProcessHandleCall = 434;

    /// <summary>
    /// Sleeps while the word has the expected value, at most for the given time, which is of the monotonic clock. Returns for any
    /// reason and for none: the caller looks again.
    /// </summary>
    public static void Sleep(uint* word, uint expected, long nanoseconds)
    {
        if (nanoseconds <= 0) return;
        var time = new Time { Seconds = nanoseconds / 1_000_000_000, Nanoseconds = nanoseconds % 1_000_000_000 };
        Futex(FutexCall, word, 0 /* FUTEX_WAIT, shared */, expected, &time, 0, 0);
    }

    /// <summary>Wakes up to that many of those who sleep on the word, in any process.</summary>
    /// <returns>How many it woke.</returns>
    public static int Wake(uint* word, int most) => (int)FutexWake(FutexCall, word, 1 /* FUTEX_WAKE, shared */, (nuint)most);

    /// <summary>Makes a file that has no name and goes when the last descriptor and mapping of it do.</summary>
    /// <returns>The descriptor, which no child inherits.</returns>
    public static int MakeMemoryFile(string name)
    {
        // Kernels that may refuse executable memory files know the flag that says this is none; older ones refuse the flag.
        var file = (int)MemoryFile(MemoryFileCall, name, 1 /* close on exec */ | 8 /* never executable */);
        if (file < 0 && Marshal.GetLastPInvokeError() == InvalidArgument) file = (int)MemoryFile(MemoryFileCall, name, 1);
        return file >= 0 ? file : throw Failed("make a shared memory file");
    }

    public static int Open(string path)
    {
        var file = OpenFile(path, ReadWrite | CloseOnExec, 0);
        return file >= 0 ? file : throw Failed("open " + path);
    }

    /// <returns>False when there is a file of that name already.</returns>
    public static bool TryCreate(string path, out int file)
    {
        file = OpenFile(path, ReadWrite | Create | Exclusive | CloseOnExec, 0x180 /* 0600 */);
        return file >= 0 || (Marshal.GetLastPInvokeError() == Exists ? false : throw Failed("create " + path));
    }

    /// <summary>
    /// Makes pages of the file real, so that a lack of memory is an exception here and not a bus error at some later store.
    /// </summary>
    public static void Commit(int file, long offset, long bytes)
    {
        int result;
        while ((result = Allocate(file, 0, offset, bytes)) != 0 && Marshal.GetLastPInvokeError() == Interrupted) { }
        if (result == 0) return;
        if (Marshal.GetLastPInvokeError() is OutOfMemory or NoSpace)
            throw new OutOfMemoryException($"There is no room for {bytes} more bytes of shared memory.");
        throw Failed($"reserve {bytes} bytes of shared memory");
    }

    /// <summary>Gives whole pages inside the range back to the system; they read as zeros once they are committed again.</summary>
    public static void Discard(int file, long offset, long bytes) => _ = Allocate(file, 3 /* punch a hole, keep the size */, offset, bytes);

    public static void SetLength(int file, long bytes)
    {
        if (Truncate(file, bytes) != 0) throw Failed("set the length of a shared memory file");
    }

    public static long Length(int file)
    {
        var length = Seek(file, 0, 2 /* from the end */);
        return length >= 0 ? length : throw Failed("ask for the length of a shared memory file");
    }

    /// <returns>Null when the address space has no room for it.</returns>
    public static byte* TryMap(int file, long bytes)
    {
        var address = Map(0, (nuint)bytes, 3 /* read, write */, 0x4001 /* shared, no reserve */, file, 0);
        if (address == -1) return null;
        _ = Advise(address, (nuint)bytes, 16 /* not in core dumps */);
        return (byte*)address;
    }

    public static void Unmap(byte* address, long bytes) => _ = UnmapMemory((nint)address, (nuint)bytes);

    /// <summary>Locks the whole file for this descriptor, until it is closed, also by the end of the process.</summary>
    public static bool TryLock(int file, bool shared)
    {
        while (LockFile(file, (shared ? 1 : 2) | 4 /* do not wait */) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error == Again) return false;
            if (error != Interrupted) throw Failed("lock a shared memory file");
        }

        return true;
    }

    /// <returns>What tells the file from others of its file system; 0 when there is none.</returns>
    public static ulong Inode(string path)
    {
        var status = stackalloc byte[256];
        return Status(-100 /* the working directory */, path, 0, 0x100 /* inode */, status) == 0 ? *(ulong*)(status + 0x20) : 0;
    }

    public static void Close(int file) => _ = CloseFile(file);

    public static void Unlink(string path) => _ = UnlinkFile(path);

    /// <summary>Makes a mutex in shared memory that the kernel marks when the thread that holds it ends for whatever reason.</summary>
    public static void MakeRobustMutex(byte* mutex)
    {
        var attributes = stackalloc byte[64];
        Check(MutexAttributes(attributes));
        Check(MutexShared(attributes, 1));
        Check(MutexRobust(attributes, 1));
        Check(MutexMake(mutex, attributes));

        static void Check(int error)
        {
            if (error != 0)
                throw new PlatformNotSupportedException($"This system has no robust mutexes between processes (errno {error}).");
        }
    }

    /// <summary>
    /// Waits until every thread of the process has ended, at most that long.
    /// </summary>
    /// <param name="pid">Whose end to wait for.</param>
    /// <param name="startTime">What <see cref="StartTime"/> said of it, for the number may belong to another by now.</param>
    /// <param name="milliseconds">0 only looks.</param>
    public static bool WaitForEnd(int pid, long startTime, int milliseconds)
    {
        var handle = (int)ProcessHandle(ProcessHandleCall, pid, 0);
        if (handle < 0)
        {
            if (Marshal.GetLastPInvokeError() == NoSuchProcess) return true;
            Thread.Sleep(milliseconds);
            return StartTime(pid) != startTime;
        }

        try
        {
            if (StartTime(pid) != startTime) return true;
            var poll = new PollEntry { File = handle, Events = 1 };
            return Poll(&poll, 1, milliseconds) > 0;
        }
        finally
        {
            Close(handle);
        }
    }

    /// <summary>When the process began, in the kernel's ticks since the system did; -1 when there is none of that number.</summary>
    public static long StartTime(int pid)
    {
        try
        {
            // The second field is a name in brackets that may contain anything; the twentieth after it is the time.
            var status = File.ReadAllText($"/proc/{pid}/stat");
            return long.Parse(status[(status.LastIndexOf(')') + 2)..].Split(' ')[19]);
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            return -1;
        }
    }

    /// <summary>What tells the process numbers of one container from those of another.</summary>
    public static long PidNamespace()
    {
        var link = new FileInfo("/proc/self/ns/pid").LinkTarget ?? "";
        return long.TryParse(link.AsSpan().Trim("pid:[]"), out var inode) ? inode : 0;
    }

    public static IOException Failed(string what)
    {
        var error = Marshal.GetLastPInvokeError();
        return new($"Could not {what}: {new Win32Exception(error).Message} (errno {error}).", error);
    }

    /// <exception cref="PlatformNotSupportedException">Says what is missing here.</exception>
    public static void Require()
    {
        if (!OperatingSystem.IsLinux())
            throw Unsupported($"it needs Linux, and this is {RuntimeInformation.OSDescription}");
        if (RuntimeInformation.ProcessArchitecture is not (Architecture.X64 or Architecture.Arm64))
            throw Unsupported($"it needs an x64 or arm64 process, and this is {RuntimeInformation.ProcessArchitecture}");
        if (!NativeLibrary.TryLoad("libc.so.6", out var library) || !NativeLibrary.TryGetExport(library, "gnu_get_libc_version", out _))
            throw Unsupported("it needs glibc, and this system has another C library");

        static PlatformNotSupportedException Unsupported(string why) => new($"TicketRush.Multiprocessing does not run here: {why}.");
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Time
    {
        public long Seconds, Nanoseconds;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int File;
        public short Events, Returned;
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    private static partial nint Futex(nint call, uint* word, nint operation, nuint value, Time* time, nint unused, nint mask);

    // Short and never blocking, so the runtime need not be told: that is half of what it costs.
    [LibraryImport("libc", EntryPoint = "syscall")]
    [SuppressGCTransition]
    private static partial nint FutexWake(nint call, uint* word, nint operation, nuint value);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint MemoryFile(nint call, string name, nint flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint ProcessHandle(nint call, nint pid, nint flags);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int OpenFile(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "fallocate", SetLastError = true)]
    private static partial int Allocate(int file, int mode, long offset, long bytes);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int Truncate(int file, long bytes);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Seek(int file, long offset, int from);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint bytes, int access, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int UnmapMemory(nint address, nuint bytes);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(nint address, nuint bytes, int advice);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int LockFile(int file, int operation);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int CloseFile(int file);

    [LibraryImport("libc", EntryPoint = "unlink", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnlinkFile(string path);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int directory, string path, int flags, uint mask, byte* status);

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(PollEntry* entries, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "pthread_mutexattr_init")]
    private static partial int MutexAttributes(byte* attributes);

    [LibraryImport("libc", EntryPoint = "pthread_mutexattr_setpshared")]
    private static partial int MutexShared(byte* attributes, int shared);

    [LibraryImport("libc", EntryPoint = "pthread_mutexattr_setrobust")]
    private static partial int MutexRobust(byte* attributes, int robust);

    [LibraryImport("libc", EntryPoint = "pthread_mutex_init")]
    private static partial int MutexMake(byte* mutex, byte* attributes);

    /// <returns>0: taken. <see cref="OwnerDead"/>: taken, and its last holder ended while it had it. <see cref="Busy"/>: not
    /// taken.</returns>
    [LibraryImport("libc", EntryPoint = "pthread_mutex_trylock")]
    [SuppressGCTransition]
    public static partial int MutexTryLock(byte* mutex);

    [LibraryImport("libc", EntryPoint = "pthread_mutex_consistent")]
    [SuppressGCTransition]
    public static partial int MutexConsistent(byte* mutex);

    [LibraryImport("libc", EntryPoint = "pthread_mutex_unlock")]
    [SuppressGCTransition]
    public static partial int MutexUnlock(byte* mutex);
}
