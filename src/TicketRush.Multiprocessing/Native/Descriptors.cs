using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TicketRush.Multiprocessing.Native;

/// <summary>
/// Descriptors in the raw: pairs of sockets, messages that carry descriptors, waiting for several. The base class library has none of
/// it. Linux, x64 and arm64, glibc and musl (whose structures are the same bytes on a 64-bit machine). Every descriptor made here is
/// closed on exec and above the three standard ones, which a program may have closed.
/// </summary>
internal static unsafe partial class Descriptors
{
    /// <summary>The most that one message can carry; the kernel's limit (SCM_MAX_FD).</summary>
    public const int MostPerMessage = 253;

    public const short Readable = 0x001, Writable = 0x004, Failed = 0x008, HungUp = 0x010, Invalid = 0x020;

    private const int UnixFamily = 1, StreamType = 1, PacketType = 5, CloseOnExec = 0x80000;
    private const int SocketLevel = 1, RightsType = 1;
    private const int NoSignal = 0x4000, ControlCut = 0x8, MessageCut = 0x20, DescriptorsCloseOnExec = 0x40000000;
    private const int DuplicateCloseOnExec = 1030, GetFlags = 1, SetFlags = 2, GetStatus = 3, NonBlocking = 0x800;
    private const int InterruptedError = 4, AgainError = 11;
    private const int ControlHeader = 16;

    /// <summary>Two connected sockets that nobody else can name.</summary>
    /// <param name="packets">True: each message arrives whole or not at all. False: a stream of bytes.</param>
    public static (SafeFileHandle, SafeFileHandle) Pair(bool packets)
    {
        var ends = stackalloc int[2];
        if (SocketPair(UnixFamily, (packets ? PacketType : StreamType) | CloseOnExec, 0, ends) != 0) throw Error("make a pair of sockets");
        return (AboveStandard(ends[0]), AboveStandard(ends[1]));
    }

    /// <summary>
    /// Sends bytes and descriptors that arrive together; waits while the socket is full, in blocking mode or not. On a stream at least one
    /// byte must go with the descriptors, and fewer than all bytes may be taken; the descriptors have then gone with the first of them.
    /// </summary>
    /// <returns>How many bytes were taken.</returns>
    /// <exception cref="IOException">The other end is closed, or the socket failed.</exception>
    public static int Send(SafeHandle socket, ReadOnlySpan<byte> bytes, ReadOnlySpan<SafeHandle> descriptors)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MostPerMessage);
        var control = stackalloc byte[ControlSpace(MostPerMessage)];
        var numbers = (int*)(control + ControlHeader);
        var (held, holdsSocket) = (0, false);
        try
        {
            for (; held < descriptors.Length; held++)
            {
                var added = false;
                descriptors[held].DangerousAddRef(ref added);
                numbers[held] = (int)descriptors[held].DangerousGetHandle();
            }

            socket.DangerousAddRef(ref holdsSocket);
            var number = (int)socket.DangerousGetHandle();
            fixed (byte* start = bytes)
            {
                var part = new Part { Start = start, Length = bytes.Length };
                var message = new Message { Parts = &part, PartCount = 1 };
                if (descriptors.Length > 0)
                {
                    *(nint*)control = ControlHeader + descriptors.Length * sizeof(int);
                    ((int*)control)[2] = SocketLevel;
                    ((int*)control)[3] = RightsType;
                    message.Control = control;
                    message.ControlLength = ControlSpace(descriptors.Length);
                }

                while (true)
                {
                    var sent = SendMessage(number, &message, NoSignal);
                    if (sent >= 0) return (int)sent;
                    Retry(number, Writable, "send");
                }
            }
        }
        finally
        {
            while (held > 0) descriptors[--held].DangerousRelease();
            if (holdsSocket) socket.DangerousRelease();
        }
    }

    /// <summary>Receives what one <see cref="Send"/> sent, or on a stream a part of it; waits for it, in blocking mode or not.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="bytes">Where the bytes go. A packet must fit.</param>
    /// <param name="descriptors">Those that came with them, now this process's own. Empty when none did.</param>
    /// <returns>How many bytes came; 0 at the end (or for an empty packet).</returns>
    /// <exception cref="IOException">The socket failed, or this process may not open that many descriptors.</exception>
    public static int Receive(SafeHandle socket, Span<byte> bytes, out SafeFileHandle[] descriptors)
    {
        var control = stackalloc byte[ControlSpace(MostPerMessage)];
        var holdsSocket = false;
        try
        {
            socket.DangerousAddRef(ref holdsSocket);
            var number = (int)socket.DangerousGetHandle();
            fixed (byte* start = bytes)
            {
                var part = new Part { Start = start, Length = bytes.Length };
                var message = new Message { Parts = &part, PartCount = 1, Control = control, ControlLength = ControlSpace(MostPerMessage) };
                nint received;
                while ((received = ReceiveMessage(number, &message, DescriptorsCloseOnExec)) < 0)
                {
                    Retry(number, Readable, "receive");
                    message.ControlLength = ControlSpace(MostPerMessage);
                }

                descriptors = TakeDescriptors(message);
                if ((message.Flags & (ControlCut | MessageCut)) == 0) return (int)received;
                foreach (var descriptor in descriptors) descriptor.Dispose();
                throw new IOException((message.Flags & ControlCut) != 0
                    ? "A message's descriptors were lost: this process may not open more of them (RLIMIT_NOFILE)."
                    : $"A message is longer than the {bytes.Length} bytes that it was expected to fit in.");
            }
        }
        finally
        {
            if (holdsSocket) socket.DangerousRelease();
        }
    }

    /// <summary>A second descriptor for the same open file.</summary>
    public static SafeFileHandle Duplicate(SafeHandle descriptor)
    {
        var added = false;
        try
        {
            descriptor.DangerousAddRef(ref added);
            var number = Control((int)descriptor.DangerousGetHandle(), DuplicateCloseOnExec, 3);
            return number >= 0 ? new(number, ownsHandle: true) : throw Error("duplicate a descriptor");
        }
        finally
        {
            if (added) descriptor.DangerousRelease();
        }
    }

    /// <summary>Takes over a descriptor by its number, and sees to it that no program started from here inherits it.</summary>
    public static SafeFileHandle Adopt(int number)
    {
        if (Control(number, SetFlags, 1) != 0) throw Error("take over descriptor " + number);
        return new(number, ownsHandle: true);
    }

    public static bool IsOpen(int number) => Control(number, GetFlags, 0) >= 0;

    /// <summary>Whether the system waits in calls on it, for whichever process has it open.</summary>
    public static bool Blocks(int number) => (Control(number, GetStatus, 0) & NonBlocking) == 0;

    /// <summary>Waits until one of them is ready. Interrupted waits go on, and end when they should.</summary>
    /// <param name="watched">What is waited for, and after the call what happened.</param>
    /// <param name="milliseconds">How long; less than zero without limit.</param>
    /// <returns>How many are ready; 0 when the time is over.</returns>
    public static int Poll(Span<Watched> watched, int milliseconds)
    {
        var start = Stopwatch.GetTimestamp();
        var left = milliseconds;
        fixed (Watched* first = watched)
        {
            while (true)
            {
                var ready = Poll(first, (nuint)watched.Length, left);
                if (ready >= 0) return ready;
                if (Marshal.GetLastPInvokeError() != InterruptedError) throw Error("wait for descriptors");
                if (milliseconds > 0) left = (int)Math.Max(0, milliseconds - (long)Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }
        }
    }

    /// <summary>The exception for the call that has just failed.</summary>
    public static IOException Error(string what) => Error(what, Marshal.GetLastPInvokeError());

    public static IOException Error(string what, int error) =>
        new($"Could not {what}: {new Win32Exception(error).Message} (errno {error}).", error);

    private static int ControlSpace(int count) => ControlHeader + (count * sizeof(int) + 7) / 8 * 8;

    private static SafeFileHandle[] TakeDescriptors(in Message message)
    {
        // A Unix socket gives all the descriptors of a message in one piece.
        var control = message.Control;
        if (message.ControlLength < ControlHeader || ((int*)control)[2] != SocketLevel || ((int*)control)[3] != RightsType) return [];
        var descriptors = new SafeFileHandle[(*(nint*)control - ControlHeader) / sizeof(int)];
        for (var i = 0; i < descriptors.Length; i++) descriptors[i] = AboveStandard(((int*)(control + ControlHeader))[i]);
        return descriptors;
    }

    private static SafeFileHandle AboveStandard(int number)
    {
        var handle = new SafeFileHandle(number, ownsHandle: true);
        if (number > 2) return handle;
        using (handle) return Duplicate(handle);
    }

    private static void Retry(int number, short what, string call)
    {
        var error = Marshal.GetLastPInvokeError();
        if (error == InterruptedError) return;
        if (error != AgainError) throw Error(call, error);
        Poll([new Watched(number, what)], -1);
    }

    /// <summary>One of those that <see cref="Poll(Span{Watched}, int)"/> waits for: a struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Watched(int number, short what)
    {
        public int Number = number;
        public short What = what;
        public short Happened;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Part
    {
        public byte* Start;
        public nint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public void* Name;
        public nint NameLength;
        public Part* Parts;
        public nint PartCount;
        public byte* Control;
        public nint ControlLength;
        public int Flags;
    }

    [LibraryImport("libc", EntryPoint = "socketpair", SetLastError = true)]
    private static partial int SocketPair(int family, int type, int protocol, int* ends);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(int socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(int socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int number, int command, int argument);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(Watched* watched, nuint count, int milliseconds);
}
