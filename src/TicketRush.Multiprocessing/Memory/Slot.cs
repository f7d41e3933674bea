using System.Runtime.InteropServices;

namespace TicketRush.Multiprocessing;

/// <summary>
/// What an arena knows of one process. The mutex is held by a thread of the process that does nothing else for as long as the
/// process lives: the kernel, and nobody's clock, says when it no longer does.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct Slot
{
    public const int Size = 256;

    /// <summary>Nobody's. A claimer holds the mutex and stores <see cref="Alive"/> last.</summary>
    public const int Free = 0;

    public const int Alive = 1;

    /// <summary>The mutex said that its holder ended; other threads of that process may yet be running towards their end.</summary>
    public const int Dying = 2;

    /// <summary>The process is gone as a whole. What it held is being cleared up, or waits for that; then the slot is free.</summary>
    public const int Dead = 3;

    /// <summary>pthread_mutex_t: 40 bytes on x64, 48 on arm64.</summary>
    [FieldOffset(0)] public fixed byte Mutex[128];

    [FieldOffset(128)] public int State;
    [FieldOffset(132)] public uint Generation;
    [FieldOffset(136)] public int Pid;
    [FieldOffset(144)] public long StartTime;
    [FieldOffset(152)] public long PidNamespace;

    /// <summary>Bit 32 says that there is one, the lower half is it. Kept until the slot's next claim.</summary>
    [FieldOffset(160)] public long ExitCode;
}
