using System.Collections;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace TicketRush.Multiprocessing.Native;

/// <summary>
/// Starting programs and seeing them end. <see cref="System.Diagnostics.Process"/> will not do: it does not say a signal from an exit
/// code, cannot choose what a child inherits, gives it the ear of a terminal, and starts it from whichever thread asks.
/// </summary>
internal static unsafe partial class Programs
{
    public const int Terminate = 15, Kill = 9;

    /// <summary>The number under which a child finds the one descriptor that it inherits beside the standard ones.</summary>
    public const int InheritedDescriptor = 3;

    /// <summary>What a child has exited with when somebody else in this process has taken the kernel's answer.</summary>
    public const int UnknownExitCode = 255;

    private const int DefaultSignals = 0x04, SignalMask = 0x08;
    private const int ReadWrite = 2;
    private const int Process = 1, ProcessDescriptor = 3, Exited = 4, ExitedByItself = 1;
    private const int ParentDeathSignal = 1;
    private const int InterruptedError = 4, NoChild = 10, NoSuchProcess = 3, NoSuchCall = 38;
    private const int SendSignalCall = 424, OpenProcessCall = 434; // pidfd_send_signal, pidfd_open: the same on x64 and arm64

    private static readonly delegate* unmanaged<void*, int, int> AddCloseFrom = FindCloseFrom();

    /// <summary>
    /// Starts a program. Its standard input is the null device; standard output and error are this process's; of everything else that is
    /// open here it gets only <paramref name="inherited"/>, as descriptor 3. To be called from a thread that never ends: the kernel tells
    /// a child that its parent died when that thread does.
    /// </summary>
    /// <param name="path">The program file.</param>
    /// <param name="arguments">Its arguments, the first being its own name; without zeros.</param>
    /// <param name="environment">Added to this process's environment.</param>
    /// <param name="inherited">The descriptor that it gets.</param>
    /// <returns>Its process id, which stays its own until <see cref="Reap"/>.</returns>
    /// <exception cref="IOException">The system did not start it.</exception>
    public static int Start(string path, IReadOnlyList<byte[]> arguments, (string Name, string Value) environment, SafeHandle inherited)
    {
        // Larger than the C library's structures on any of the supported systems (80 and 336 bytes).
        Span<byte> actions = stackalloc byte[512], attributes = stackalloc byte[512];
        var argumentList = Strings(arguments);
        var environmentList = Strings(EnvironmentWith(environment));
        fixed (byte* actionBytes = actions, attributeBytes = attributes)
        {
            Check(InitActions(actionBytes));
            Check(InitAttributes(attributeBytes));
            try
            {
                Check(AddDuplicate(actionBytes, (int)inherited.DangerousGetHandle(), InheritedDescriptor));
                Check(AddOpen(actionBytes, 0, "/dev/null", 0, 0));

                // Where the program has closed one of them, the child's first file would become its output.
                for (var standard = 1; standard <= 2; standard++)
                    if (!Descriptors.IsOpen(standard)) Check(AddOpen(actionBytes, standard, "/dev/null", ReadWrite, 0));
                CloseOthers(actionBytes);

                // Back to what the runtime found: it ignores broken pipes, and who ignores the end of children never sees one. Others stay
                // ignored (a program under nohup has children under nohup), and those with a handler are reset by the system.
                var signals = stackalloc byte[128];
                new Span<byte>(signals, 128).Clear();
                Check(SetSignalMask(attributeBytes, signals));
                *(ulong*)signals = 1ul << 12 | 1ul << 16; // SIGPIPE, SIGCHLD
                Check(SetDefaultSignals(attributeBytes, signals));
                Check(SetFlags(attributeBytes, DefaultSignals | SignalMask));

                Check(Spawn(out var id, path, actionBytes, attributeBytes, argumentList, environmentList));
                return id;
            }
            finally
            {
                DestroyActions(actionBytes);
                DestroyAttributes(attributeBytes);
                NativeMemory.Free(argumentList);
                NativeMemory.Free(environmentList);
            }
        }

        void Check(int error)
        {
            if (error != 0) throw Descriptors.Error("start " + path, error);
        }
    }

    /// <summary>A descriptor that becomes readable when the process has ended, and never means another process.</summary>
    /// <exception cref="IOException">There is no such process.</exception>
    /// <exception cref="PlatformNotSupportedException">The kernel is older than Linux 5.4.</exception>
    public static SafeFileHandle Open(int id)
    {
        var number = SystemCall(OpenProcessCall, id, 0, 0, 0);
        if (number >= 0) return new((int)number, ownsHandle: true);
        throw Marshal.GetLastPInvokeError() == NoSuchCall
            ? new PlatformNotSupportedException("TicketRush.Multiprocessing needs process descriptors (pidfd_open): Linux 5.4 or newer.")
            : Descriptors.Error("open process " + id);
    }

    /// <summary>Takes the exit status of an ended child from the kernel, once. It waits only where a debugger has it first.</summary>
    /// <returns>Its exit code, or its signal as a negative number.</returns>
    public static int Reap(SafeHandle process)
    {
        var status = stackalloc int[32]; // siginfo_t
        while (WaitId(ProcessDescriptor, (int)process.DangerousGetHandle(), status, Exited) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error == NoChild) return UnknownExitCode;
            if (error != InterruptedError) throw Descriptors.Error("ask how a child ended", error);
        }

        // si_code and si_status, after si_signo, si_errno, padding, si_pid and si_uid.
        var (how, code) = (status[2], status[6]);
        return how == ExitedByItself ? code : -code;
    }

    /// <summary>
    /// Kills a child that was just started and has no descriptor yet, and waits until it is gone. Its id is its own until then.
    /// </summary>
    public static void EndAndReap(int id)
    {
        _ = SendSignal(id, Kill);
        var status = stackalloc int[32];
        while (WaitId(Process, id, status, Exited) != 0 && Marshal.GetLastPInvokeError() == InterruptedError) { }
    }

    /// <summary>Sends a signal; nothing happens when the process has ended.</summary>
    public static void Signal(SafeHandle process, int signal)
    {
        if (SystemCall(SendSignalCall, (int)process.DangerousGetHandle(), signal, 0, 0) == 0) return;
        if (Marshal.GetLastPInvokeError() != NoSuchProcess) throw Descriptors.Error("send signal " + signal);
    }

    /// <summary>
    /// From now on the kernel kills this process when the thread that started it ends. One that has ended already is not noticed: look at
    /// <see cref="ParentId"/> afterwards.
    /// </summary>
    public static void DieWithParent() => _ = ProcessControl(ParentDeathSignal, Kill, 0, 0, 0);

    /// <summary>Ends this process at once, as a signal from outside would.</summary>
    public static void Die() => _ = SendSignal(Environment.ProcessId, Kill);

    [LibraryImport("libc", EntryPoint = "getppid")]
    public static partial int ParentId();

    /// <summary>Removes a variable from the environment that native code in this process sees, and hands on.</summary>
    [LibraryImport("libc", EntryPoint = "unsetenv", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int RemoveVariable(string name);

    /// <summary>A file that has no name and no place on a disk; it lives as long as descriptors for it do.</summary>
    public static SafeFileHandle MemoryFile(string name)
    {
        var number = MemoryFileCreate(name, 1 /* closed on exec */);
        return number >= 0 ? new(number, ownsHandle: true) : throw Descriptors.Error("make a file in memory");
    }

    private static void CloseOthers(byte* actions)
    {
        // Everything the runtime opens is closed on exec; this is for what native libraries have open. glibc before 2.34 and musl cannot
        // close a range, so there it is what is open now.
        if (AddCloseFrom != null)
        {
            _ = AddCloseFrom(actions, InheritedDescriptor + 1);
            return;
        }

        foreach (var name in Directory.EnumerateFileSystemEntries("/proc/self/fd"))
        {
            if (int.TryParse(Path.GetFileName(name), out var number) && number > InheritedDescriptor) _ = AddClose(actions, number);
        }
    }

    private static delegate* unmanaged<void*, int, int> FindCloseFrom() =>
        (delegate* unmanaged<void*, int, int>)(NativeLibrary.TryGetExport(
            NativeLibrary.GetMainProgramHandle(), "posix_spawn_file_actions_addclosefrom_np", out var address) ? address : 0);

    private static List<byte[]> EnvironmentWith((string Name, string Value) added)
    {
        var all = new List<byte[]> { Encoding.UTF8.GetBytes(added.Name + "=" + added.Value) };
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
            if ((string)variable.Key != added.Name) all.Add(Encoding.UTF8.GetBytes(variable.Key + "=" + variable.Value));
        return all;
    }

    // One block: the pointers, the last of them null, then what they point to.
    private static byte** Strings(IReadOnlyList<byte[]> strings)
    {
        var pointers = (byte**)NativeMemory.AllocZeroed((nuint)((strings.Count + 1) * sizeof(byte*) + strings.Sum(one => one.Length + 1)));
        var next = (byte*)(pointers + strings.Count + 1);
        for (var i = 0; i < strings.Count; next += strings[i++].Length + 1)
        {
            pointers[i] = next;
            strings[i].CopyTo(new Span<byte>(next, strings[i].Length));
        }

        return pointers;
    }

    [LibraryImport("libc", EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Spawn(out int id, string path, void* actions, void* attributes, byte** arguments, byte** environment);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int InitActions(void* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int DestroyActions(void* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int AddDuplicate(void* actions, int from, int to);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int AddOpen(void* actions, int number, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addclose")]
    private static partial int AddClose(void* actions, int number);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static partial int InitAttributes(void* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static partial int DestroyAttributes(void* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static partial int SetFlags(void* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static partial int SetDefaultSignals(void* attributes, void* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    private static partial int SetSignalMask(void* attributes, void* signals);

    [LibraryImport("libc", EntryPoint = "waitid", SetLastError = true)]
    private static partial int WaitId(int kind, int id, void* status, int options);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int id, int signal);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    private static partial int ProcessControl(int option, nint first, nint second, nint third, nint fourth);

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemoryFileCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint first, nint second, nint third, nint fourth);
}
