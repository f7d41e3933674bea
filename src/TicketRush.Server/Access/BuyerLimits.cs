using System.Net;

namespace TicketRush.Server.Access;

/// <summary>
/// What buyers without a key may do. Each server process counts for itself and forgets at its end; what must hold whatever the
/// number of servers, the places that one buyer may have, is the plan's <c>perBuyer</c>, which the sale itself decides.
/// </summary>
public sealed record BuyerLimits
{
    /// <summary>Holds that a session may have at once, over all sales.</summary>
    public int Holds { get; init; } = 3;

    /// <summary>Holds that all sessions of a network may have at once, over all sales: making sessions is cheap, so without it one
    /// machine could hold the house.</summary>
    public int NetworkHolds { get; init; } = 300;

    /// <summary>How long a session waits after a hold of its ran out unpaid.</summary>
    public TimeSpan WaitAfterLapse { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Requests of a session a minute, and at once after a quiet minute.</summary>
    public int SessionPerMinute { get; init; } = 120;

    /// <summary>Requests of a network a minute: an IPv4 address or an IPv6 /64, behind which there may be a school.</summary>
    public int NetworkPerMinute { get; init; } = 3_000;

    /// <summary>New sessions of a network a minute.</summary>
    public int NewSessionsPerMinute { get; init; } = 300;

    /// <summary>Wrong keys of a network a minute. A right key is never turned away for the wrong ones of others.</summary>
    public int WrongKeysPerMinute { get; init; } = 30;

    /// <summary>The proxies whose <c>X-Forwarded-For</c> and <c>X-Forwarded-Proto</c> are believed; nobody's, when there are
    /// none.</summary>
    public IPNetwork[] TrustedProxies { get; init; } = [];

    /// <summary>Sessions and networks that are remembered; beyond it, new ones share what is left.</summary>
    public int RememberedMax { get; init; } = 200_000;

    /// <exception cref="ArgumentException">A bound is out of bounds.</exception>
    public void Check()
    {
        if (Holds is < 1 or > 100) throw new ArgumentException($"A session may have 1 to 100 holds, not {Holds}.");
        if (NetworkHolds is < 1 or > 1_000_000)
            throw new ArgumentException($"A network may have 1 to 1,000,000 holds, not {NetworkHolds}.");
        if (WaitAfterLapse < TimeSpan.Zero || WaitAfterLapse > TimeSpan.FromHours(1))
            throw new ArgumentException("The wait after a lapsed hold is 0 to 3600 seconds.");
        int[] rates = [SessionPerMinute, NetworkPerMinute, NewSessionsPerMinute, WrongKeysPerMinute];
        if (rates.Any(rate => rate is < 1 or > 1_000_000)) throw new ArgumentException("A rate is 1 to 1,000,000 a minute.");
        if (RememberedMax < 1) throw new ArgumentException("At least one session must be remembered.");
    }
}
