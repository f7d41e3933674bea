using TicketRush.Multiprocessing.Connections;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>Two connected ends, to be shared out between a process and its child, or between two children.</summary>
public static class Pipe
{
    /// <summary>Makes a pipe.</summary>
    /// <param name="duplex">Both ends send and receive; else the first only receives and the second only sends.</param>
    /// <exception cref="System.Net.Sockets.SocketException">This process may open no more descriptors.</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public static (Connection First, Connection Second) Create(bool duplex = true)
    {
        SocketCalls.RequireLinux();
        var (first, second) = Descriptors.Pair(packets: false);
        if (duplex) return (new(first), new(second));

        // A socket in one direction too, rather than a pipe of the system: descriptors can travel through it.
        SocketCalls.Shutdown(first, receiving: false);
        SocketCalls.Shutdown(second, receiving: true);
        return (new(first, writable: false), new(second, readable: false));
    }
}
