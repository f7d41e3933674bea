using System.Net;
using System.Net.Sockets;

namespace TicketRush.Multiprocessing.Connections;

/// <summary>An address as the system calls take it.</summary>
/// <param name="Family">As the kernel numbers it.</param>
/// <param name="Bytes">A struct sockaddr.</param>
/// <param name="Name">For messages.</param>
internal readonly record struct Address(int Family, byte[] Bytes, string Name)
{
    public bool IsUnix => Family == SocketCalls.Unix;

    // Abstract: the name begins with a zero byte, there is no file, and nobody's permissions are asked for.
    public bool IsAbstract => IsUnix && Bytes.Length > 2 && Bytes[2] == 0;

    public static Address Of(EndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        if (endPoint is not (UnixDomainSocketEndPoint or IPEndPoint))
            throw new ArgumentException($"A Unix name or an IP address with its port is needed, not {endPoint}.", nameof(endPoint));
        var bytes = endPoint.Serialize();
        return new(BitConverter.ToUInt16(bytes.Buffer.Span), bytes.Buffer[..bytes.Size].ToArray(), endPoint.ToString()!);
    }

    /// <summary>A host name may mean several addresses, to be tried in order.</summary>
    public static Address[] Resolve(EndPoint endPoint) => endPoint is DnsEndPoint host
        ? [.. Dns.GetHostAddresses(host.Host).Select(a => Of(new IPEndPoint(a, host.Port)))]
        : [Of(endPoint)];

    public static async Task<Address[]> ResolveAsync(EndPoint endPoint, CancellationToken stop) => endPoint is DnsEndPoint host
        ? [.. (await Dns.GetHostAddressesAsync(host.Host, stop).ConfigureAwait(false)).Select(a => Of(new IPEndPoint(a, host.Port)))]
        : [Of(endPoint)];

    /// <summary>The address in bytes from the system, in the form that <paramref name="like"/> has.</summary>
    public static EndPoint Read(ReadOnlySpan<byte> bytes, EndPoint like)
    {
        var address = new SocketAddress(like.AddressFamily, bytes.Length);
        bytes.CopyTo(address.Buffer.Span);
        return like.Create(address);
    }

    /// <exception cref="AuthenticationFailedException">Another user's process is at the other end of an abstract name.</exception>
    public void CheckPeer(Connection connection, ConnectionOptions options)
    {
        if (!IsAbstract || options.AllowOtherUsers) return;
        var user = SocketCalls.PeerUser(connection.Handle);
        if (user != SocketCalls.CurrentUser() && user != 0)
            throw new AuthenticationFailedException($"The other end of {Name} is user {user}'s, and AllowOtherUsers is not set.");
    }
}
