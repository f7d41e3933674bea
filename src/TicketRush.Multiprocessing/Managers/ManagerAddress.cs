using System.Net;
using System.Net.Sockets;
using System.Text;

namespace TicketRush.Multiprocessing.Managers;

/// <summary>
/// Where a manager listens, as text: "unix:" and a name, whose first character is zero when it is abstract, or "tcp:" and an IP address
/// with its port.
/// </summary>
internal static class ManagerAddress
{
    private const string Unix = "unix:", Tcp = "tcp:";

    // Of a struct sockaddr_un: the family.
    private const int PathAt = 2;

    public static string Format(EndPoint endPoint)
    {
        if (endPoint is IPEndPoint) return Tcp + endPoint;
        if (endPoint is not UnixDomainSocketEndPoint)
            throw new ArgumentException($"A Unix name or an IP address with its port is needed, not {endPoint}.", nameof(endPoint));
        var address = endPoint.Serialize();
        var path = address.Buffer.Span[PathAt..address.Size];

        // A name in the file system ends with a zero; an abstract one begins with one.
        return Unix + Encoding.UTF8.GetString(path[0] == 0 ? path : path.TrimEnd((byte)0));
    }

    public static EndPoint Parse(string address) =>
        address.StartsWith(Tcp, StringComparison.Ordinal)
            ? IPEndPoint.Parse(address[Tcp.Length..])
            : new UnixDomainSocketEndPoint(address[Unix.Length..]);

    /// <summary>Null unless it is a name in the file system.</summary>
    public static string? File(string address) =>
        address.StartsWith(Unix, StringComparison.Ordinal) && address[Unix.Length] != '\0' ? address[Unix.Length..] : null;
}
