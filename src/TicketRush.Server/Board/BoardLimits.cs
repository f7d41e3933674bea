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

    /// <summary>Datagrams of a network that prove nothing and are answered, a minute. Those that prove their address are not counted:
    /// anybody can send the others in its name. Ten times as many are read of a network that nobody subscribed from.</summary>
    public int RequestsPerMinute { get; init; } = 300;

    /// <summary>How long a subscription lasts; who wants more subscribes again.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Sales that are sent to a multicast group: those that have been, then the others by name.</summary>
    public int GroupSales { get; init; } = 100;

    /// <exception cref="ArgumentException">A bound is out of bounds.</exception>
    public void Check()
    {
        int[] counts = [Subscriptions, SubscriptionsPerNetwork, RequestsPerMinute, GroupSales];
        if (counts.Any(count => count is < 1 or > 1_000_000)) throw new ArgumentException("A bound of the board is 1 to 1,000,000.");
        if (Lease < TimeSpan.FromSeconds(1) || Lease > TimeSpan.FromHours(1))
            throw new ArgumentException("A subscription to the board lasts 1 second to an hour.");
    }
}
