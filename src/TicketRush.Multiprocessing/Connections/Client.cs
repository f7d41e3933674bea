using System.Net;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;

namespace TicketRush.Multiprocessing;

/// <summary>Connects to a <see cref="Listener"/>, here or in CPython.</summary>
public static class Client
{
    /// <summary>Connects to a Unix name.</summary>
    /// <param name="name">A path, or an abstract name, which begins with the character <c>\0</c>.</param>
    /// <param name="options">Null: no key.</param>
    /// <inheritdoc cref="Connect(EndPoint, ConnectionOptions)"/>
    public static Connection Connect(string name, ConnectionOptions? options = null) => Connect(new UnixDomainSocketEndPoint(name), options);

    /// <summary>Connects, and with a key proves to have it and has the other end prove the same.</summary>
    /// <param name="address">A Unix name, an IP address with its port, or a host name with one.</param>
    /// <param name="options">Null: no key.</param>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    /// <exception cref="TimeoutException">It took longer than <see cref="ConnectionOptions.HandshakeTimeout"/>.</exception>
    /// <exception cref="AuthenticationFailedException">The other end has another key, or refused.</exception>
    public static Connection Connect(EndPoint address, ConnectionOptions? options = null)
    {
        options ??= ConnectionOptions.Default;
        var deadline = Deadline.After(options.HandshakeTimeout);
        SocketException? failure = null;
        foreach (var target in Addresses.Resolve(address))
        {
            try
            {
                return Shake(Connect(target, deadline), target, options, deadline);
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
        options ??= ConnectionOptions.Default;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(options.HandshakeTimeout);
        try
        {
            SocketException? failure = null;
            foreach (var target in await Addresses.ResolveAsync(address, limit.Token).ConfigureAwait(false))
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
            throw TooLate(Addresses.Name(address), options);
        }
    }
}
