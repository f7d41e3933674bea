using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using TicketRush.Multiprocessing.Connections;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>
/// Takes connections at an address. A thread of its own accepts them and, with a key, goes through the handshakes side by side:
/// <see cref="Accept"/> only ever waits for a client that has the key, however many others are silent or slow.
/// </summary>
public sealed class Listener : IDisposable
{
    private readonly ListenerOptions _options;
    private readonly Address _address;
    private readonly SafeFileHandle _socket;
    private readonly Wakeup _wakeup = new();
    private readonly Thread _thread;
    private readonly Queue<(Connection Connection, EndPoint? Peer)> _accepted = new();
    private readonly SemaphoreSlim _available = new(0);
    private readonly List<Candidate> _candidates = [];
    private Deadline _pause = Deadline.After(TimeSpan.Zero);
    private bool _closed;
    private Exception? _failure;

    /// <summary>Listens at an abstract name of random letters, which <see cref="EndPoint"/> tells.</summary>
    /// <inheritdoc cref="Listener(EndPoint, ListenerOptions)"/>
    public Listener(ListenerOptions? options = null)
        : this($"\0ticketrush-{RandomNumberGenerator.GetHexString(32, lowercase: true)}", options) { }

    /// <summary>Listens at a Unix name.</summary>
    /// <param name="name">
    /// A path, where a file is made that closing deletes; or an abstract name, which begins with the character <c>\0</c>, has no file and
    /// is free again as soon as the process is gone, however it went.
    /// </param>
    /// <param name="options">Null: no key.</param>
    /// <inheritdoc cref="Listener(EndPoint, ListenerOptions)"/>
    public Listener(string name, ListenerOptions? options = null) : this(new UnixDomainSocketEndPoint(name), options) { }

    /// <summary>Listens at an address.</summary>
    /// <param name="address">A Unix name, or an IP address with a port; port 0 is any free one.</param>
    /// <param name="options">Null: no key.</param>
    /// <exception cref="SocketException">Something listens there, or may not, or a file is in the way.</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux, or the digest asked for is not to be had.</exception>
    public Listener(EndPoint address, ListenerOptions? options = null)
    {
        SocketCalls.RequireLinux();
        _options = options ?? new();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.Backlog, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.MaxHandshakes, 1, nameof(options));
        if (_options.AuthKey is { } key) _ = new Handshake(key, _options, isListener: true);

        _address = Address.Of(address);
        _socket = SocketCalls.Create(_address.Family);
        try
        {
            if (!_address.IsUnix) SocketCalls.ReuseAddresses(_socket);
            SocketCalls.Bind(_socket, _address.Bytes, _address.Name);

            // Before it listens nobody can connect, so nobody slips in under other permissions.
            if (HasFile && !OperatingSystem.IsWindows()) File.SetUnixFileMode(_address.Name, _options.SocketMode);
            SocketCalls.Listen(_socket, _options.Backlog, _address.Name);
            Span<byte> bound = stackalloc byte[128];
            EndPoint = _address.IsUnix ? address : Address.Read(bound[..SocketCalls.LocalAddress(_socket, bound)], address);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }

        _thread = new(Run) { IsBackground = true, Name = "listener" };
        _thread.Start();
    }

    /// <summary>Where it listens; with the real port if 0 was asked for.</summary>
    public EndPoint EndPoint { get; }

    /// <summary>The address of the client that the last accepted connection comes from; null for a Unix client, which has none.</summary>
    public EndPoint? LastAccepted { get; private set; }

    /// <summary>
    /// A client was turned away: wrong key, no handshake, too slow, another user's. The listener keeps serving. Called on a thread of the
    /// pool, maybe several at once.
    /// </summary>
    public event Action<AuthenticationFailedException>? HandshakeFailed;

    /// <summary>Waits for the next client that has proved to have the key.</summary>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> was cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The listener is closed, maybe during the call.</exception>
    public Connection Accept(CancellationToken stop = default)
    {
        _available.Wait(stop);
        return Take();
    }

    /// <summary>Waits for the next client, at most so long.</summary>
    /// <returns>Null after the time.</returns>
    /// <inheritdoc cref="Accept"/>
    public Connection? TryAccept(TimeSpan timeout) =>
        _available.Wait(timeout < TimeSpan.Zero && timeout != Timeout.InfiniteTimeSpan ? TimeSpan.Zero : timeout) ? Take() : null;

    /// <summary>Waits for the next client without blocking a thread.</summary>
    /// <inheritdoc cref="Accept"/>
    public async ValueTask<Connection> AcceptAsync(CancellationToken stop = default)
    {
        await _available.WaitAsync(stop).ConfigureAwait(false);
        return Take();
    }

    /// <summary>Stops listening. Clients that nobody has accepted yet are turned away; accepted connections stay open.</summary>
    public void Close() => Dispose();

    /// <inheritdoc cref="Close"/>
    public void Dispose()
    {
        lock (_accepted)
        {
            if (_closed) return;
            _closed = true;
            _wakeup.Signal();
        }

        _thread.Join();
    }

    private bool HasFile => _address is { IsUnix: true, IsAbstract: false };

    private Connection Take()
    {
        lock (_accepted)
        {
            if (!_closed && _accepted.TryDequeue(out var next))
            {
                if (_accepted.Count == _options.Backlog - 1) _wakeup.Signal();
                LastAccepted = next.Peer;
                return next.Connection;
            }
        }

        // The news of the end is for everybody who waits: each passes it on.
        _available.Release();
        throw _failure is null
            ? new ObjectDisposedException(nameof(Listener), "The listener is closed.")
            : new IOException("The listener has stopped: " + _failure.Message, _failure);
    }

    private void Run()
    {
        try
        {
            while (Turn()) { }
        }
        catch (Exception error) when (error is SocketException or IOException)
        {
            _failure = error;
        }

        lock (_accepted)
        {
            _closed = true;
            _socket.Dispose();
            _wakeup.Dispose();
            foreach (var candidate in _candidates) candidate.Connection.Dispose();
            while (_accepted.TryDequeue(out var next)) next.Connection.Dispose();
        }

        if (HasFile) File.Delete(_address.Name);
        _available.Release();
    }

    /// <summary>Waits until something happens and does what there is to do.</summary>
    /// <returns>False when the listener is closed.</returns>
    private bool Turn()
    {
        _wakeup.Reset();
        bool listens;
        lock (_accepted)
        {
            if (_closed) return false;
            listens = _accepted.Count < _options.Backlog && _pause.HasPassed;
        }

        var handles = new SafeHandle[_candidates.Count + (listens ? 1 : 0)];
        for (var i = 0; i < _candidates.Count; i++) handles[i] = _candidates[i].Connection.Handle;
        if (listens) handles[^1] = _socket;

        // They all have the same time, so the first that came is the first that must go.
        var deadline = _candidates is [var first, ..] ? first.Deadline : Deadline.Never;
        if (!_pause.HasPassed) deadline = Deadline.Earlier(deadline, _pause);

        var seen = new short[handles.Length];
        if (_wakeup.Wait(handles, Descriptors.Readable, deadline, seen))
        {
            for (var i = _candidates.Count - 1; i >= 0; i--)
            {
                if (seen[i] != 0) Advance(i);
            }

            if (listens && seen[^1] != 0) AcceptSome();
        }

        while (_candidates is [var oldest, ..] && oldest.Deadline.HasPassed)
            Drop(0, $"The client did not finish the handshake within {_options.HandshakeTimeout.TotalSeconds} s.");
        return true;
    }

    private void AcceptSome()
    {
        // Not for ever: those that have come in before must get on, too.
        for (var i = 0; i < 64; i++)
        {
            if (SocketCalls.Accept(_socket, out var error) is { } socket)
            {
                Admit(socket);
                continue;
            }

            switch (error)
            {
                case 0:
                    return;
                case 12 or 23 or 24 or 105: // ENOMEM, ENFILE, EMFILE, ENOBUFS
                    // No room for a descriptor: at the cost of the client that is slowest, or else a little later.
                    if (_candidates.Count > 0) Drop(0, "The client was slow, and its descriptor was needed: the process may open no more.");
                    else _pause = Deadline.After(TimeSpan.FromMilliseconds(50));
                    return;
                case 9 or 22 or 95: // EBADF, EINVAL, EOPNOTSUPP
                    throw SocketCalls.Failed("accept connections at " + _address.Name, error);
            }

            // Anything else is the fault of that one connection, which has gone before it came.
        }
    }

    private void Admit(SafeFileHandle socket)
    {
        var connection = new Connection(socket) { MaxMessageSize = _options.MaxMessageSize };
        try
        {
            EndPoint? peer = null;
            if (!_address.IsUnix)
            {
                SocketCalls.SendAtOnce(socket);
                Span<byte> bytes = stackalloc byte[128];
                var size = SocketCalls.RemoteAddress(socket, bytes);
                if (size > 0) peer = Address.Read(bytes[..size], EndPoint);
            }

            _address.CheckPeer(connection, _options);
            if (_options.AuthKey is not { } key)
            {
                Deliver(connection, peer);
                return;
            }

            var handshake = new Handshake(key, _options, isListener: true);
            handshake.Begin(connection);
            _candidates.Add(new(connection, handshake, Deadline.After(_options.HandshakeTimeout), peer));
            if (_candidates.Count > _options.MaxHandshakes)
                Drop(0, $"The client was slow, and {_options.MaxHandshakes} others came after it.");
        }
        catch (Exception error) when (error is AuthenticationFailedException or IOException or SocketException)
        {
            connection.Dispose();
            Report(error as AuthenticationFailedException ?? new("The client was gone before the handshake.", error));
        }
    }

    private void Advance(int index)
    {
        var candidate = _candidates[index];
        try
        {
            candidate.Handshake.Advance(candidate.Connection);
            if (!candidate.Handshake.IsDone) return;
            _candidates.RemoveAt(index);
            Deliver(candidate.Connection, candidate.Peer);
        }
        catch (AuthenticationFailedException error)
        {
            _candidates.RemoveAt(index);
            candidate.Connection.Dispose();
            Report(error);
        }
    }

    private void Drop(int index, string why)
    {
        var candidate = _candidates[index];
        _candidates.RemoveAt(index);
        candidate.Connection.Dispose();
        Report(new(why, new TimeoutException(why)));
    }

    private void Deliver(Connection connection, EndPoint? peer)
    {
        lock (_accepted) _accepted.Enqueue((connection, peer));
        _available.Release();
    }

    // On the pool: the loop waits for nobody's code.
    private void Report(AuthenticationFailedException error)
    {
        if (HandshakeFailed is not { } failed) return;
        ThreadPool.QueueUserWorkItem(static call => call.failed(call.error), (failed, error), preferLocal: false);
    }

    private sealed record Candidate(Connection Connection, Handshake Handshake, Deadline Deadline, EndPoint? Peer);
}
