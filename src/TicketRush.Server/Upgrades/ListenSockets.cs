using System.ComponentModel;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace TicketRush.Server.Upgrades;

/// <summary>
/// The sockets on which a server listens, which its successor takes over: the very same sockets, with the connections and datagrams that
/// wait in them. Two sockets on one port would each have a queue of its own, and what waits in the leaver's would be reset.
/// </summary>
public sealed partial class ListenSockets
{
    internal const string Variable = "RUSH_SOCKETS";
    private const int SetDescriptorFlags = 2;

    private readonly Dictionary<string, Queue<int>> _inherited = [];
    private readonly List<(string Endpoint, Socket Socket)> _bound = [];

    /// <summary>Takes over what a predecessor left in the environment, and nothing when there is none.</summary>
    public static ListenSockets FromEnvironment()
    {
        var sockets = new ListenSockets();
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } text) return sockets;

        // No program that this one starts is to take them for its own.
        Environment.SetEnvironmentVariable(Variable, null);
        foreach (var part in text.Split(';'))
        {
            var at = part.IndexOf('=');
            if (!sockets._inherited.TryGetValue(part[(at + 1)..], out var queue)) sockets._inherited[part[(at + 1)..]] = queue = new();
            queue.Enqueue(int.Parse(part[..at], CultureInfo.InvariantCulture));
        }

        return sockets;
    }

    /// <summary>A socket bound to the endpoint: the predecessor's, when it had one there.</summary>
    internal Socket Bind(EndPoint endpoint) =>
        Bind(endpoint.ToString()!, () => SocketTransportOptions.CreateDefaultBoundListenSocket(endpoint));

    /// <summary>The same for datagrams. One for any IPv6 address takes IPv4's too.</summary>
    internal Socket BindDatagrams(IPEndPoint endpoint)
    {
        var socket = Bind($"udp:{endpoint}", () =>
        {
            var made = new Socket(endpoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            try
            {
                if (endpoint.Address.Equals(IPAddress.IPv6Any)) made.DualMode = true;
                made.Bind(endpoint);
                return made;
            }
            catch
            {
                made.Dispose();
                throw;
            }
        });

        // The predecessor has made it non-blocking, for which the runtime would refuse every call that may wait.
        socket.Blocking = true;
        return socket;
    }

    private Socket Bind(string name, Func<Socket> make)
    {
        var socket = _inherited.TryGetValue(name, out var queue) && queue.TryDequeue(out var descriptor)
            ? new Socket(new SafeSocketHandle(descriptor, ownsHandle: true))
            : make();
        lock (_bound) _bound.Add((name, socket));
        return socket;
    }

    /// <summary>Makes the sockets so that a process started from here has them, and says which they are.</summary>
    /// <exception cref="NotSupportedException">One of them is no socket of a network.</exception>
    internal string Share()
    {
        lock (_bound)
        {
            // Without the flag they outlive an exec; and the runtime, when it closes one, does not shut it down, which would end it for
            // the successor too.
            foreach (var (endpoint, socket) in _bound)
            {
                // The runtime deletes the path when it closes the socket: nobody would find the successor's.
                if (socket.AddressFamily == AddressFamily.Unix)
                    throw new NotSupportedException($"The Unix socket {endpoint} cannot be passed on. Start this server again instead.");
                if (Control((int)socket.Handle, SetDescriptorFlags, 0) != 0) throw new Win32Exception();
            }

            return string.Join(
                ';', _bound.Select(bound => string.Create(CultureInfo.InvariantCulture, $"{(int)bound.Socket.Handle}={bound.Endpoint}")));
        }
    }

    /// <summary>Takes nothing more in this process. What waits in the sockets stays, for who has them too.</summary>
    internal void Leave()
    {
        lock (_bound)
        {
            foreach (var (_, socket) in _bound) socket.Dispose();
        }
    }

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int descriptor, int command, int argument);
}
