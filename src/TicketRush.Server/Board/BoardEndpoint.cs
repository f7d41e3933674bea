using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace TicketRush.Server.Board;

/// <summary>Where the board is subscribed to, or the multicast group that it is sent to: <c>HOST:PORT</c>.</summary>
/// <param name="Host">An address, <c>localhost</c>, or <c>*</c> for all.</param>
public sealed record BoardEndpoint(string Host, int Port)
{
    /// <summary>Where a server binds. <c>*</c> is all addresses of both families, and of IPv4 alone where there is no other.</summary>
    internal IPEndPoint Bound => new(
        Host switch
        {
            "*" => Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any,
            _ => Address,
        },
        Port);

    /// <summary>Where it is found from this machine, or the group.</summary>
    internal IPEndPoint Reached => new(Address, Port);

    public bool IsMulticast =>
        Address.AddressFamily == AddressFamily.InterNetwork ? (Address.GetAddressBytes()[0] & 0xf0) == 0xe0 : Address.IsIPv6Multicast;

    private IPAddress Address => Host is "*" or "localhost" ? IPAddress.Loopback : IPAddress.Parse(Host.Trim('[', ']'));

    public static bool TryParse(string text, out BoardEndpoint endpoint)
    {
        endpoint = null!;
        var colon = text.LastIndexOf(':');
        if (colon < 1 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port))
            return false;
        var host = text[..colon];
        if (host is not ("*" or "localhost") && !IPAddress.TryParse(host.Trim('[', ']'), out _)) return false;
        endpoint = new(host, port);
        return !endpoint.IsMulticast || port > 0;
    }
}
