using System.Collections.Concurrent;
using System.Net.Sockets;

namespace TicketRush.Multiprocessing.Managers;

/// <summary>
/// This process's way to one manager: as many connections as there are calls under way, kept for the next.
/// </summary>
internal sealed class ManagerClient
{
    /// <summary>How many connections wait for the next call; others are closed.</summary>
    private const int IdleMost = 16;

    private static readonly ConcurrentDictionary<string, ManagerClient> Known = [];

    private static readonly Dictionary<string, Func<string, Exception, Exception>> Rebuilt = new()
    {
        [typeof(InvalidOperationException).FullName!] = (message, cause) => new InvalidOperationException(message, cause),
        [typeof(SynchronizationLockException).FullName!] = (message, cause) => new SynchronizationLockException(message, cause),
        [typeof(ArgumentOutOfRangeException).FullName!] = (message, cause) => new ArgumentOutOfRangeException(message, cause),
        [typeof(ArgumentException).FullName!] = (message, cause) => new ArgumentException(message, cause),
        [typeof(SocketException).FullName!] = (message, cause) => new IOException(message, cause),
    };

    private readonly Guid _identity = Guid.NewGuid();
    private readonly ConcurrentBag<Connection> _idle = [];
    private readonly Lock _anchoring = new();
    private Connection? _anchor;

    // None until it is needed: a child reads its arguments before it is told its own.
    private volatile byte[]? _authKey;

    private ManagerClient(string address) => Address = address;

    public string Address { get; }

    /// <param name="address">Where it listens.</param>
    /// <param name="authKey">None: the one that was given last, or else this process's.</param>
    public static ManagerClient For(string address, byte[]? authKey = null)
    {
        var client = Known.GetOrAdd(address, static address => new(address));
        if (authKey is not null) client._authKey = authKey;
        return client;
    }

    /// <summary>Sends a request and waits for the reply.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="cancellation">Ends the wait, and the server's.</param>
    /// <returns>What the server replied, behind its first byte.</returns>
    /// <exception cref="ManagerLostException">The manager has ended.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; nothing was taken.</exception>
    public ReadOnlySpan<byte> Call(Message request, CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        if (cancellation.CanBeCanceled) Anchor();
        var connection = Rent();
        byte[] reply;
        try
        {
            // The end of the connection ends the call on the server's side too; a reply that is not read is taken back there.
            using var registration = cancellation.UnsafeRegister(static connection => ((Connection)connection!).Dispose(), connection);
            connection.Send(request.Written.Span);
            reply = connection.Receive();
        }
        catch (ObjectDisposedException) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (ArgumentException)
        {
            // Too long to be sent: nothing was, and the connection is as it was.
            Return(connection);
            throw;
        }
        catch (IOException why)
        {
            connection.Dispose();
            throw Lost(why);
        }

        Return(connection);
        var reader = new MessageReader(reply);
        return reader.Byte() == 0 ? reply.AsSpan(1) : throw Thrown(reader);
    }

    /// <summary>Closes the connections that wait. What this process has taken from the manager is given back.</summary>
    public void Close()
    {
        Known.TryRemove(new(Address, this));
        lock (_anchoring)
        {
            _anchor?.Dispose();
            _anchor = null;
        }

        while (_idle.TryTake(out var connection)) connection.Dispose();
    }

    /// <summary>The exception that a reply tells of, with the same type if it is one that the server throws.</summary>
    public static Exception Thrown(MessageReader reply)
    {
        var cause = new RemoteException(reply.Text(), reply.Text(), reply.Text());
        return Rebuilt.TryGetValue(cause.TypeName, out var rebuild) ? rebuild(cause.Message, cause) : cause;
    }

    /// <summary>
    /// A cancelled call ends its connection. Were that the only one, the server would take this process for gone, and give what it has
    /// taken to others: so there is one more, which no call uses.
    /// </summary>
    private void Anchor()
    {
        lock (_anchoring)
        {
            if (_anchor is { } present)
            {
                if (!present.Poll()) return;
                present.Dispose();
                _anchor = null;
            }

            var connection = Rent();
            try
            {
                // The server counts it when it has read from it.
                connection.Send(Message.Request(ManagerServer.Itself, Operation.Delete).Add(ManagerServer.Itself).Written.Span);
                connection.Receive();
                _anchor = connection;
            }
            catch (IOException why)
            {
                connection.Dispose();
                throw Lost(why);
            }
        }
    }

    private Connection Rent()
    {
        // One with something to read has come to its end while nobody looked.
        while (_idle.TryTake(out var idle))
        {
            if (!idle.Poll()) return idle;
            idle.Dispose();
        }

        try
        {
            var connection = Client.Connect(ManagerAddress.Parse(Address), new() { AuthKey = _authKey ?? CurrentProcess.AuthKey });
            connection.Send(_identity.ToByteArray());
            return connection;
        }
        catch (Exception why)
            when (why is SocketException or IOException or TimeoutException
                or AuthenticationFailedException { InnerException: IOException })
        {
            throw Lost(why);
        }
    }

    private void Return(Connection connection)
    {
        // Closed where the call was cancelled when it had its reply.
        if (!connection.IsClosed && _idle.Count < IdleMost) _idle.Add(connection);
        else connection.Dispose();
    }

    private ManagerLostException Lost(Exception why)
    {
        var name = Address.Replace("\0", "@", StringComparison.Ordinal);
        return new($"The manager at {name} has ended, or cannot be reached: {why.Message}", why);
    }
}
