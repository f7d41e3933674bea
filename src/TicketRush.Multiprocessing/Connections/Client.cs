using System.Net;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using TicketRush.Multiprocessing.Connections;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>Connects to a <see cref="Listener"/>, here or in CPython.</summary>
public static class Client
{
    /// <summary>Connects to a Unix name.</summary>
    /// <param name="name">A path, or an abstract name, which begins with the character <c>\0</c>.</param>
    /// <param name="options">Null: no key.</param>
    /// <inheritdoc cref="Connect(EndPoint, ConnectionOptions)"/>
    public static Connection Connect(string name, ConnectionOptions? options = null) =>
        Connect(new UnixDomainSocketEndPoint(name), options);

    /// <summary>Connects, and with a key proves to have it and has the other end prove the same.</summary>
    /// <param name="address">A Unix name, an IP address with its port, or a host name with one.</param>
    /// <param name="options">Null: no key.</param>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    /// <exception cref="TimeoutException">It took longer than <see cref="ConnectionOptions.HandshakeTimeout"/>.</exception>
    /// <exception cref="AuthenticationFailedException">The other end has another key, or refused.</exception>
    public static Connection Connect(EndPoint address, ConnectionOptions? options = null)
    {
        SocketCalls.RequireLinux();
        options ??= ConnectionOptions.Default;
        var deadline = Deadline.After(options.HandshakeTimeout);
        SocketException? failure = null;
        foreach (var target in Address.Resolve(address))
        {
            try
            {
                return Shake(Connect(target, options, deadline), target, options, deadline);
            }
            catch (SocketException error)
            {
                failure = error;
            }
        }

        throw failure ?? new SocketException((int)SocketError.HostNotFound);
    }

    /// <summary>Connects to a Unix name without blocking a thread.</summary>
    /// <inheritdoc cref="Connect(string, ConnectionOptions)"/>
    public static Task<Connection> ConnectAsync(string name, ConnectionOptions? options = null, CancellationToken stop = default) =>
        ConnectAsync(new UnixDomainSocketEndPoint(name), options, stop);

    /// <summary>Connects without blocking a thread.</summary>
    /// <inheritdoc cref="Connect(EndPoint, ConnectionOptions)"/>
    public static async Task<Connection> ConnectAsync(EndPoint address, ConnectionOptions? options = null, CancellationToken stop = default)
    {
        SocketCalls.RequireLinux();
        options ??= ConnectionOptions.Default;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(options.HandshakeTimeout);
        try
        {
            SocketException? failure = null;
            foreach (var target in await Address.ResolveAsync(address, limit.Token).ConfigureAwait(false))
            {
                try
                {
                    var socket = await ConnectAsync(target, limit.Token).ConfigureAwait(false);
                    return await ShakeAsync(socket, target, options, limit.Token).ConfigureAwait(false);
                }
                catch (SocketException error)
                {
                    failure = error;
                }
            }

            throw failure ?? new SocketException((int)SocketError.HostNotFound);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw TooLate(address.ToString()!, options);
        }
    }

    private static SafeFileHandle Connect(Address address, ConnectionOptions options, Deadline deadline)
    {
        var socket = SocketCalls.Create(address.Family);
        try
        {
            for (var pause = 1; !SocketCalls.Connect(socket, address.Bytes, address.Name); pause = Math.Min(pause * 2, 20))
            {
                if (!address.IsUnix)
                {
                    if (!Wakeup.Wait(socket, Descriptors.Writable, deadline, default, default)) throw TooLate(address.Name, options);
                    SocketCalls.FinishConnecting(socket, address.Name);
                    break;
                }

                if (deadline.HasPassed) throw TooLate(address.Name, options);
                Thread.Sleep(pause);
            }

            return Connected(socket, address);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<SafeFileHandle> ConnectAsync(Address address, CancellationToken stop)
    {
        var socket = SocketCalls.Create(address.Family);
        try
        {
            for (var pause = 1; !SocketCalls.Connect(socket, address.Bytes, address.Name); pause = Math.Min(pause * 2, 20))
            {
                if (!address.IsUnix)
                {
                    await Readiness.Writable.WaitAsync(socket, stop, default).ConfigureAwait(false);
                    stop.ThrowIfCancellationRequested();
                    SocketCalls.FinishConnecting(socket, address.Name);
                    break;
                }

                await Task.Delay(pause, stop).ConfigureAwait(false);
            }

            return Connected(socket, address);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static SafeFileHandle Connected(SafeFileHandle socket, Address address)
    {
        SocketCalls.MakeBlocking(socket);
        if (!address.IsUnix) SocketCalls.SendAtOnce(socket);
        return socket;
    }

    private static Connection Shake(SafeFileHandle socket, Address address, ConnectionOptions options, Deadline deadline)
    {
        var connection = new Connection(socket) { MaxMessageSize = options.MaxMessageSize };
        try
        {
            address.CheckPeer(connection, options);
            if (options.AuthKey is not { } key) return connection;
            for (var handshake = new Handshake(key, options, isListener: false); !handshake.IsDone;)
            {
                if (!connection.Poll(deadline.Left)) throw TooLate(address.Name, options);
                handshake.Advance(connection);
            }

            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static async Task<Connection> ShakeAsync(
        SafeFileHandle socket, Address address, ConnectionOptions options, CancellationToken stop)
    {
        var connection = new Connection(socket) { MaxMessageSize = options.MaxMessageSize };
        try
        {
            address.CheckPeer(connection, options);
            if (options.AuthKey is not { } key) return connection;
            for (var handshake = new Handshake(key, options, isListener: false); !handshake.IsDone;)
            {
                await connection.PollAsync(Timeout.InfiniteTimeSpan, stop).ConfigureAwait(false);
                handshake.Advance(connection);
            }

            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static TimeoutException TooLate(string name, ConnectionOptions options) =>
        new($"{name} did not take the connection, or did not finish the handshake, within {options.HandshakeTimeout.TotalSeconds} s.");
}
