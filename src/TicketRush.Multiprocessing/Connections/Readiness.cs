using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing.Connections;

/// <summary>
/// One thread per direction that waits for all the sockets which asynchronous calls wait for. The framework's own engine would do it too,
/// but it makes the socket non-blocking for every process that has it open.
/// </summary>
internal sealed partial class Readiness
{
    private const int Add = 1, Delete = 2, CloseOnExec = 0x80000;
    private const uint OneShot = 1u << 30;

    // struct epoll_event is packed on x64 and nowhere else.
    private static readonly int EventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;

    private static readonly Lazy<Readiness> LazyReadable = new(() => new(Descriptors.Readable, "sockets to read"));
    private static readonly Lazy<Readiness> LazyWritable = new(() => new(Descriptors.Writable, "sockets to write"));

    private readonly Dictionary<long, Ticket> _tickets = [];
    private readonly SafeFileHandle _set;
    private readonly uint _events;
    private long _lastTicket;

    private Readiness(short events, string name)
    {
        _events = (ushort)events | OneShot;
        var descriptor = CreateSet(CloseOnExec);
        if (descriptor < 0) throw SocketCalls.Failed("make an epoll set", Marshal.GetLastPInvokeError());
        _set = new(descriptor, true);
        new Thread(Run) { IsBackground = true, Name = name }.Start();
    }

    public static Readiness Readable => LazyReadable.Value;

    public static Readiness Writable => LazyWritable.Value;

    /// <summary>Ends when the socket is ready or has ended; also, with nothing to show for it, when a token is cancelled.</summary>
    public async ValueTask WaitAsync(SafeHandle socket, CancellationToken stop, CancellationToken closing)
    {
        // A duplicate: an epoll set takes each number only once, and two calls may wait for one connection. It also keeps the number from
        // being given to another file while it is in the set.
        using var duplicate = Descriptors.Duplicate(socket);
        var ticket = new Ticket();
        long number;
        lock (_tickets) _tickets.Add(number = ++_lastTicket, ticket);
        try
        {
            Change(Add, duplicate, number);
            using (stop.UnsafeRegister(static t => ((Ticket)t!).TrySetResult(), ticket))
            using (closing.UnsafeRegister(static t => ((Ticket)t!).TrySetResult(), ticket))
                await ticket.Task.ConfigureAwait(false);
        }
        finally
        {
            lock (_tickets) _tickets.Remove(number);

            // Closing does not take it out of the set as long as another number means the same open description.
            Change(Delete, duplicate, number);
        }
    }

    private unsafe void Change(int operation, SafeHandle socket, long number)
    {
        var change = stackalloc byte[16];
        *(uint*)change = _events;
        *(long*)(change + EventSize - sizeof(long)) = number;
        if (ControlSet(_set, operation, socket, change) != 0 && operation == Add)
            throw SocketCalls.Failed("wait for a socket", Marshal.GetLastPInvokeError());
    }

    private unsafe void Run()
    {
        const int room = 64;
        var events = stackalloc byte[room * 16];
        while (true)
        {
            var count = WaitSet(_set, events, room, -1);
            for (var i = 0; i < count; i++)
            {
                var number = *(long*)(events + i * EventSize + EventSize - sizeof(long));
                Ticket? ticket;
                lock (_tickets) _tickets.TryGetValue(number, out ticket);
                ticket?.TrySetResult();
            }
        }
    }

    // What waits for it runs elsewhere: this thread must never wait for anybody's code.
    private sealed class Ticket() : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial int CreateSet(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static unsafe partial int ControlSet(SafeHandle set, int operation, SafeHandle socket, byte* change);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static unsafe partial int WaitSet(SafeHandle set, byte* events, int room, int milliseconds);
}
