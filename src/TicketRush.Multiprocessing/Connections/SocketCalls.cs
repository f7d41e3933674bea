using System.ComponentModel;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing.Connections;

/// <summary>
/// The socket calls of Linux that <see cref="Socket"/> does not offer or does not offer without changing the descriptor: it makes a
/// socket non-blocking for good at its first asynchronous call, and that flag is shared with every process that has the same end open.
/// Here every single call says for itself that it must not block.
/// </summary>
internal static unsafe partial class SocketCalls
{
    public const int Unix = 1;

    private const int Stream = 1, CloseOnExec = 0x80000, NonBlocking = 0x800;
    private const int SocketLevel = 1, TcpLevel = 6, Rights = 1;
    private const int ReuseAddress = 2, PendingError = 4, PeerCredentials = 17, NoDelay = 1;
    private const int DontWait = 0x40, NoSignal = 0x4000, ReceiveCloseOnExec = 0x40000000, ControlTruncated = 8;
    private const int Interrupted = 4, Again = 11, NotASocket = 88, BrokenPipe = 32, Reset = 104, InProgress = 115;
    private const int ControlHeader = 16;

    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public static void RequireLinux()
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException(
                "Connections need Linux: pairs of sockets, descriptors passed over them, poll and epoll. There is no other back end yet.");
        }
    }

    /// <summary>A stream socket that is closed on exec and, until <see cref="MakeBlocking"/>, does not block.</summary>
    public static SafeFileHandle Create(int family)
    {
        var descriptor = NewSocket(family, Stream | CloseOnExec | NonBlocking, 0);
        return descriptor < 0 ? throw Failed("make a socket", Marshal.GetLastPInvokeError()) : Own(descriptor);
    }

    /// <summary>The other processes that this socket may travel to, CPython's for one, expect a blocking one.</summary>
    public static void MakeBlocking(SafeHandle socket)
    {
        if (Control(socket, 4 /* F_SETFL */, 0) != 0) throw Failed("make the socket blocking", Marshal.GetLastPInvokeError());
    }

    public static void ReuseAddresses(SafeHandle socket) => SetOption(socket, SocketLevel, ReuseAddress, 1);

    /// <summary>A message is one write already; holding back the next until the first is acknowledged only costs time.</summary>
    public static void SendAtOnce(SafeHandle socket) => SetOption(socket, TcpLevel, NoDelay, 1);

    public static void Bind(SafeHandle socket, ReadOnlySpan<byte> address, string name)
    {
        fixed (byte* bytes = address)
        {
            if (Bind(socket, bytes, address.Length) != 0) throw Failed("listen at " + name, Marshal.GetLastPInvokeError());
        }
    }

    public static void Listen(SafeHandle socket, int backlog, string name)
    {
        if (ListenOn(socket, backlog) != 0) throw Failed("listen at " + name, Marshal.GetLastPInvokeError());
    }

    /// <returns>
    /// True when connected. False when it takes longer: wait until a TCP socket is writable and call <see cref="FinishConnecting"/>; the
    /// backlog of a Unix listener is full, and all that can be done is to try again.
    /// </returns>
    public static bool Connect(SafeHandle socket, ReadOnlySpan<byte> address, string name)
    {
        fixed (byte* bytes = address)
        {
            while (Connect(socket, bytes, address.Length) != 0)
            {
                var error = Marshal.GetLastPInvokeError();
                if (error == Interrupted) continue;
                return error is InProgress or Again ? false : throw Failed("connect to " + name, error);
            }
        }

        return true;
    }

    public static void FinishConnecting(SafeHandle socket, string name)
    {
        int error, size = sizeof(int);
        if (GetOption(socket, SocketLevel, PendingError, &error, &size) != 0) error = Marshal.GetLastPInvokeError();
        if (error != 0) throw Failed("connect to " + name, error);
    }

    /// <returns>The next connection, blocking and closed on exec; or null and why: nobody is waiting, or this error.</returns>
    public static SafeFileHandle? Accept(SafeHandle listener, out int error)
    {
        while (true)
        {
            var descriptor = Accept4(listener, null, null, CloseOnExec);
            error = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
            if (descriptor >= 0) return Own(descriptor);
            if (error == Interrupted) continue;
            if (error == Again) error = 0;
            return null;
        }
    }

    /// <returns>How many bytes of a socket address in <paramref name="address"/>.</returns>
    public static int LocalAddress(SafeHandle socket, Span<byte> address)
    {
        var size = address.Length;
        fixed (byte* bytes = address)
        {
            if (SocketName(socket, bytes, &size) != 0) throw Failed("ask for the address", Marshal.GetLastPInvokeError());
        }

        return size;
    }

    public static int RemoteAddress(SafeHandle socket, Span<byte> address)
    {
        var size = address.Length;
        fixed (byte* bytes = address) return PeerName(socket, bytes, &size) == 0 ? size : 0;
    }

    /// <returns>The address family; null when the descriptor is no stream socket.</returns>
    public static int? StreamFamily(SafeHandle socket)
    {
        int value, size = sizeof(int);
        if (GetOption(socket, SocketLevel, 3 /* SO_TYPE */, &value, &size) != 0 || value != Stream) return null;
        return GetOption(socket, SocketLevel, 39 /* SO_DOMAIN */, &value, &size) == 0 ? value : null;
    }

    /// <returns>The user that the process at the other end of a Unix socket ran as when it connected or began to listen.</returns>
    public static uint PeerUser(SafeHandle socket)
    {
        var credentials = stackalloc int[3]; // process, user, group
        var size = 3 * sizeof(int);
        if (GetOption(socket, SocketLevel, PeerCredentials, credentials, &size) != 0)
            throw Failed("ask who the peer is", Marshal.GetLastPInvokeError());
        return (uint)credentials[1];
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint CurrentUser();

    /// <summary>Ends one direction for every process that has this end open.</summary>
    public static void Shutdown(SafeHandle socket, bool receiving) => _ = Shutdown(socket, receiving ? 0 : 1);

    /// <summary>Never blocks.</summary>
    /// <returns>The number of bytes, 0 at the end of the stream, −1 when there is nothing yet.</returns>
    /// <exception cref="SocketException">It has failed; <see cref="SocketError.ConnectionReset"/> when the peer went away.</exception>
    public static int Receive(SafeHandle socket, Span<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            while (true)
            {
                var count = Receive(socket, bytes, (nuint)buffer.Length, DontWait);
                if (count >= 0) return (int)count;
                var error = Marshal.GetLastPInvokeError();
                if (error == Again) return -1;
                if (error != Interrupted) throw Failed("receive", error);
            }
        }
    }

    /// <summary>As <see cref="Receive(SafeHandle, Span{byte})"/>, and takes the descriptors that came with these bytes.</summary>
    /// <exception cref="IOException">More descriptors came than fit, or this process may open no more; none is kept.</exception>
    public static int Receive(SafeHandle socket, Span<byte> buffer, List<SafeFileHandle> descriptors)
    {
        const int room = ControlHeader + Descriptors.MostPerMessage * sizeof(int) + 4;
        var control = stackalloc byte[room];
        fixed (byte* bytes = buffer)
        {
            var part = new Part { Bytes = bytes, Length = (nuint)buffer.Length };
            var message = new Message { Parts = &part, Count = 1 };
            while (true)
            {
                message.Control = control;
                message.ControlLength = room;
                var count = ReceiveMessage(socket, &message, DontWait | ReceiveCloseOnExec);
                if (count < 0)
                {
                    var error = Marshal.GetLastPInvokeError();
                    if (error == Again) return -1;
                    if (error == Interrupted) continue;
                    throw Failed("receive", error);
                }

                Collect(control, message.ControlLength, descriptors);
                if ((message.Flags & ControlTruncated) == 0) return (int)count;

                foreach (var descriptor in descriptors) descriptor.Dispose();
                descriptors.Clear();
                throw new IOException(
                    "Some of the descriptors sent with the message could not be taken: this process has too many open (ulimit -n).");
            }
        }
    }

    /// <summary>Sends what fits of the two parts, in one call and without blocking; the descriptors go with the first byte.</summary>
    /// <returns>The number of bytes, −1 when there is no room yet.</returns>
    /// <exception cref="SocketException">It has failed; <see cref="SocketError.ConnectionReset"/> when the peer went away.</exception>
    public static int Send(SafeHandle socket, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, ReadOnlySpan<SafeHandle> descriptors)
    {
        if (second.IsEmpty && descriptors.IsEmpty) return Send(socket, first);
        var room = descriptors.IsEmpty ? 0 : ControlHeader + (descriptors.Length * sizeof(int) + 7 & ~7);
        var control = stackalloc byte[room];
        var held = 0;
        try
        {
            for (; held < descriptors.Length; held++)
            {
                var added = false;
                descriptors[held].DangerousAddRef(ref added);
                ((int*)(control + ControlHeader))[held] = (int)descriptors[held].DangerousGetHandle();
            }

            if (room > 0)
            {
                *(nuint*)control = (nuint)(ControlHeader + held * sizeof(int));
                ((int*)control)[2] = SocketLevel;
                ((int*)control)[3] = Rights;
            }

            fixed (byte* firstBytes = first, secondBytes = second)
            {
                var parts = stackalloc Part[2];
                parts[0] = new() { Bytes = firstBytes, Length = (nuint)first.Length };
                parts[1] = new() { Bytes = secondBytes, Length = (nuint)second.Length };
                var message = new Message { Parts = parts, Count = 2, Control = control, ControlLength = (nuint)room };
                while (true)
                {
                    var count = SendMessage(socket, &message, DontWait | NoSignal);
                    if (count >= 0) return (int)count;
                    var error = Marshal.GetLastPInvokeError();
                    if (error == Again) return -1;
                    if (error != Interrupted) throw Failed("send", error);
                }
            }
        }
        finally
        {
            while (held > 0) descriptors[--held].DangerousRelease();
        }
    }

    private static int Send(SafeHandle socket, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            while (true)
            {
                var count = SendBytes(socket, start, (nuint)bytes.Length, DontWait | NoSignal);
                if (count >= 0) return (int)count;
                var error = Marshal.GetLastPInvokeError();
                if (error == Again) return -1;
                if (error != Interrupted) throw Failed("send", error);
            }
        }
    }

    public static SafeFileHandle NewEvent()
    {
        var descriptor = EventDescriptor(0, CloseOnExec | NonBlocking);
        return descriptor < 0 ? throw Failed("make an event", Marshal.GetLastPInvokeError()) : Own(descriptor);
    }

    public static void SetEvent(SafeHandle set)
    {
        var one = 1UL;
        _ = Write(set, (byte*)&one, sizeof(ulong));
    }

    public static void ResetEvent(SafeHandle set)
    {
        ulong count;
        _ = Read(set, (byte*)&count, sizeof(ulong));
    }

    /// <summary>An exception for an error number of the system, with the code that .NET gives it.</summary>
    public static SocketException Failed(string what, int error) => new(
        (int)(error switch
        {
            1 or 13 => SocketError.AccessDenied,
            2 or 99 => SocketError.AddressNotAvailable,
            22 => SocketError.InvalidArgument,
            23 or 24 => SocketError.TooManyOpenSockets,
            NotASocket => SocketError.NotSocket,
            98 => SocketError.AddressAlreadyInUse,
            101 => SocketError.NetworkUnreachable,
            BrokenPipe or Reset => SocketError.ConnectionReset,
            110 => SocketError.TimedOut,
            111 => SocketError.ConnectionRefused,
            113 => SocketError.HostUnreachable,
            _ => SocketError.SocketError,
        }),
        $"Could not {what}: {new Win32Exception(error).Message} (errno {error}).");

    /// <summary>Never one of the three standard ones, which a program may have closed: what is printed would be sent.</summary>
    private static SafeFileHandle Own(int number)
    {
        var handle = new SafeFileHandle(number, ownsHandle: true);
        if (number > 2) return handle;
        using (handle) return Descriptors.Duplicate(handle);
    }

    private static void Collect(byte* control, nuint length, List<SafeFileHandle> descriptors)
    {
        for (nuint at = 0; at + ControlHeader <= length;)
        {
            var size = *(nuint*)(control + at);
            if (size < ControlHeader || at + size > length) return;
            if (((int*)(control + at))[2] == SocketLevel && ((int*)(control + at))[3] == Rights)
            {
                var numbers = new ReadOnlySpan<int>(control + at + ControlHeader, (int)(size - ControlHeader) / sizeof(int));
                foreach (var number in numbers) descriptors.Add(Own(number));
            }

            at += size + 7 & ~(nuint)7;
        }
    }

    private static void SetOption(SafeHandle socket, int level, int option, int value)
    {
        if (SetOption(socket, level, option, &value, sizeof(int)) != 0)
            throw Failed("set an option of the socket", Marshal.GetLastPInvokeError());
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Part
    {
        public byte* Bytes;
        public nuint Length;
    }

    // struct msghdr. Where musl has an int and padding glibc has a size_t: the same bytes on a little-endian machine.
    [StructLayout(LayoutKind.Sequential)]
    private struct Message
    {
        public void* Name;
        public nuint NameLength;
        public Part* Parts;
        public nuint Count;
        public byte* Control;
        public nuint ControlLength;
        public int Flags;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int NewSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(SafeHandle socket, byte* address, int size);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    private static partial int ListenOn(SafeHandle socket, int backlog);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(SafeHandle socket, byte* address, int size);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial int Accept4(SafeHandle listener, byte* address, int* size, int flags);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    private static partial int SocketName(SafeHandle socket, byte* address, int* size);

    [LibraryImport("libc", EntryPoint = "getpeername", SetLastError = true)]
    private static partial int PeerName(SafeHandle socket, byte* address, int* size);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetOption(SafeHandle socket, int level, int option, int* value, int* size);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetOption(SafeHandle socket, int level, int option, int* value, int size);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    private static partial int Shutdown(SafeHandle socket, int direction);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint SendBytes(SafeHandle socket, byte* bytes, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(SafeHandle socket, byte* bytes, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(SafeHandle socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(SafeHandle socket, Message* message, int flags);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial int EventDescriptor(uint count, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(SafeHandle descriptor, byte* bytes, nuint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(SafeHandle descriptor, byte* bytes, nuint length);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(SafeHandle descriptor, int command, nint argument);
}
