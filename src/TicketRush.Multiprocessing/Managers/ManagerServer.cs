using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace TicketRush.Multiprocessing.Managers;

/// <summary>
/// A manager's own process: it keeps the objects, and does what clients ask of them. No client waits for another: who has to wait for a
/// lock, an item or an event is put aside.
/// </summary>
internal sealed class ManagerServer
{
    /// <summary>The object that makes and deletes the others.</summary>
    public const long Itself = 0;

    private readonly ConcurrentDictionary<long, Served> _objects = [];
    private readonly Dictionary<string, long> _names = [];
    private readonly Dictionary<Guid, Session> _sessions = [];

    /// <summary>
    /// The target of the process. It tells where it listens, or why it cannot, and ends when its starter lets go of the socket.
    /// </summary>
    public static void Work(SafeFileHandle socket, string? address)
    {
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
        using var control = new Connection(socket);
        Listener listener;
        try
        {
            listener = Listen(address);
        }
        catch (Exception why) when (why is SocketException or IOException)
        {
            control.Send(Message.Reply(why).Written.Span);
            return;
        }

        using (listener)
        {
            using var termination = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
            {
                // The name in the file system goes with the listener.
                context.Cancel = true;
                listener.Dispose();
                Environment.Exit(0);
            });
            control.Send(Message.Reply().Add(ManagerAddress.Format(listener.EndPoint)).Written.Span);
            var server = new ManagerServer();
            _ = server.AcceptAsync(listener);
            try
            {
                control.Receive();
            }
            catch (IOException)
            {
                // The manager was disposed of, or its process has ended.
            }
        }
    }

    private static Listener Listen(string? address)
    {
        var options = new ListenerOptions { AuthKey = CurrentProcess.AuthKey };
        if (address is null) return new(options);
        var endPoint = ManagerAddress.Parse(address);
        try
        {
            return new(endPoint, options);
        }
        catch (SocketException why) when (why.SocketErrorCode == SocketError.AddressAlreadyInUse && IsLeftBehind(address, endPoint))
        {
            File.Delete(ManagerAddress.File(address)!);
            return new(endPoint, options);
        }
    }

    // A server that was killed could not delete its name.
    private static bool IsLeftBehind(string address, EndPoint endPoint)
    {
        if (ManagerAddress.File(address) is null) return false;
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(endPoint);
            return false;
        }
        catch (SocketException why)
        {
            return why.SocketErrorCode == SocketError.ConnectionRefused;
        }
    }

    private async Task AcceptAsync(Listener listener)
    {
        try
        {
            while (true) _ = ServeAsync(await listener.AcceptAsync().ConfigureAwait(false));
        }
        catch (Exception closed) when (closed is ObjectDisposedException or IOException)
        {
            // The process is about to end.
        }
    }

    private async Task ServeAsync(Connection connection)
    {
        using (connection)
        {
            Session? session = null;
            try
            {
                var identity = new Guid(await connection.ReceiveAsync().ConfigureAwait(false));
                session = Enter(identity);
                await ServeAsync(connection, session).ConfigureAwait(false);
            }
            catch (Exception gone) when (gone is IOException or ArgumentException or InvalidOperationException)
            {
                // The client has ended, or is none.
            }
            finally
            {
                if (session is not null) Leave(session);
            }
        }
    }

    private async Task ServeAsync(Connection connection, Session session)
    {
        Action? undo = null;
        try
        {
            while (true)
            {
                var request = await connection.ReceiveAsync().ConfigureAwait(false);
                undo = null;
                using var gone = new CancellationTokenSource();
                var turn = new Turn(session, gone.Token);
                var doing = DoAsync(request, turn);
                if (!doing.IsCompleted)
                {
                    // A client that waits for a reply sends nothing: if there is something, it is its end.
                    using var enough = new CancellationTokenSource();
                    var ending = connection.PollAsync(Timeout.InfiniteTimeSpan, enough.Token).AsTask();
                    await Task.WhenAny(doing, ending).ConfigureAwait(false);
                    if (!doing.IsCompleted) gone.Cancel();
                    enough.Cancel();
                    await Task.WhenAny(ending).ConfigureAwait(false);
                }

                var reply = await doing.ConfigureAwait(false);
                if (reply.Written.Length > connection.MaxMessageSize)
                {
                    turn.Undo?.Invoke();
                    turn.Undo = null;
                    reply = Message.Reply(new InvalidOperationException(
                        $"The reply has {reply.Written.Length} bytes, and {connection.MaxMessageSize} at most can be sent at once: "
                        + "ask for less of it."));
                }

                undo = turn.Undo;
                await connection.SendAsync(reply.Written).ConfigureAwait(false);
            }
        }
        catch (EndOfStreamException end) when (end.InnerException is not SocketException)
        {
            // All replies were read before it ended.
        }
        catch (IOException)
        {
            undo?.Invoke();
        }
    }

    private async Task<Message> DoAsync(byte[] request, Turn turn)
    {
        try
        {
            const int head = sizeof(long) + sizeof(byte);
            var (target, operation) = (BitConverter.ToInt64(request), (Operation)request[sizeof(long)]);
            var arguments = request.AsMemory(head);
            if (target == Itself) return Do(operation, new(arguments.Span));
            if (!_objects.TryGetValue(target, out var served))
            {
                throw new InvalidOperationException(
                    "The manager has no such object: it was deleted, or is of another manager that was at the same address.");
            }

            return await served.DoAsync(operation, arguments, turn).ConfigureAwait(false);
        }
        catch (Exception failure)
        {
            return Message.Reply(failure);
        }
    }

    private Message Do(Operation operation, MessageReader arguments)
    {
        switch (operation)
        {
            case Operation.Create:
                return Message.Reply().Add(Create((ServedKind)arguments.Int(), arguments.Int(), arguments.Text()));
            case Operation.Delete:
                _objects.TryRemove(arguments.Long(), out _);
                return Message.Reply();
            default:
                throw new InvalidOperationException($"A manager cannot do {operation}.");
        }
    }

    private long Create(ServedKind kind, int size, string name)
    {
        lock (_names)
        {
            if (name.Length > 0 && _names.TryGetValue(name, out var known) && _objects.TryGetValue(known, out var present))
            {
                if (present.Kind == kind) return known;
                throw new InvalidOperationException($"The manager has an object {name}, and it is of another kind: {present.Kind}.");
            }

            // Never the number of another object, of this manager or of one that was at this address before.
            var number = BitConverter.ToInt64(RandomNumberGenerator.GetBytes(sizeof(long))) | 1;
            _objects[number] = Served.Make(kind, size);
            if (name.Length > 0) _names[name] = number;
            return number;
        }
    }

    private Session Enter(Guid identity)
    {
        lock (_sessions)
        {
            if (!_sessions.TryGetValue(identity, out var session)) _sessions.Add(identity, session = new(identity));
            session.Connections++;
            return session;
        }
    }

    private void Leave(Session session)
    {
        lock (_sessions)
        {
            if (--session.Connections > 0) return;
            _sessions.Remove(session.Identity);
        }

        Mutex[] taken;
        lock (session.Taken) taken = [.. session.Taken];
        foreach (var mutex in taken) mutex.Abandon(session);
    }
}
