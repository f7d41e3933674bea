namespace TicketRush.Server.Board;

/// <summary>What the board may cost.</summary>
public sealed record BoardLimits
{
    /// <summary>Bytes of a datagram: none is cut into pieces on an Ethernet, tunnels included.</summary>
    public const int DatagramMax = 1_400;

    /// <summary>Subscriptions at once, each an address and a sale.</summary>
    public int Subscriptions { get; init; } = 1_000;

    /// <summary>… of one network: an IPv4 address, or the first 64 bits of an IPv6 address.</summary>
    public int SubscriptionsPerNetwork { get; init; } = 50;

    /// <summary>Datagrams of a network that are looked at, a minute.</summary>
    public int RequestsPerMinute { get; init; } = 300;

    /// <summary>How long a subscription lasts; who wants more subscribes again.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Sales that are sent to a multicast group.</summary>
    public int GroupSales { get; init; } = 100;
}
