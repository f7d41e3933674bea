namespace TicketRush.Server.Terminals;

/// <summary>What a connection of the terminals port may cost. Whoever comes to a bound is told which, where it can still be told
/// anything.</summary>
public sealed record TerminalLimits
{
    /// <summary>Arguments of one command: an order of 100 seats and 100 passengers fits.</summary>
    public const int ArgumentsMax = 256;

    /// <summary>Bytes of one argument.</summary>
    public const int ArgumentBytesMax = 1_024;

    /// <summary>Bytes of one command with its framing; also of an inline command's line.</summary>
    public const int CommandBytesMax = 32 * 1024;

    /// <summary>Commands of one connection that are decided together. More may be sent at once: they are served in parts, and none is
    /// refused.</summary>
    public const int PipelineMax = 256;

    /// <summary>Connections at once.</summary>
    public int Connections { get; init; } = 10_000;

    /// <summary>Connections that have not proved who they are, in all.</summary>
    public int Strangers { get; init; } = 2_000;

    /// <summary>… and from one network: an IPv4 address, or the first 64 bits of an IPv6 address.</summary>
    public int StrangersPerNetwork { get; init; } = 100;

    /// <summary>Connections with keys of one name.</summary>
    public int ConnectionsPerKey { get; init; } = 1_000;

    /// <summary>Wrong keys and proofs that end the connection they come by. Whoever guesses has to come again, and there is the bound on
    /// strangers.</summary>
    public int WrongKeys { get; init; } = 5;

    /// <summary>How long a connection may take to prove who it is; before that, as long again for TLS.</summary>
    public TimeSpan HandshakeMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a server's nonce is good for.</summary>
    public TimeSpan NonceAge { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a connection may be silent; one that watches may be so for ever.</summary>
    public TimeSpan IdleMax { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a connection may take to read what it was sent.</summary>
    public TimeSpan SlowReaderMax { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a peer's machine may say nothing, when it is asked whether it is still there or sent something, before the
    /// connection is given up: its power or its network is gone.</summary>
    public TimeSpan SilentPeerMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes that wait for a reader before nothing more is written.</summary>
    public int OutputMax { get; init; } = 256 * 1024;

    /// <summary>Sales watched at once, by all connections together: each reads the journal for itself. A watch that was ended counts
    /// until its reader has ended.</summary>
    public int Watches { get; init; } = 64;

    /// <summary>… and by one connection.</summary>
    public int WatchesPerConnection { get; init; } = 4;

    /// <summary>… and with keys of one name.</summary>
    public int WatchesPerKey { get; init; } = 8;

    /// <summary>Holds that all watches together remember, at 40 bytes each: those that concern the watch's key, of the whole sale. A watch
    /// that comes to one more ends.</summary>
    public int WatchedHolds { get; init; } = 10_000_000;

    /// <exception cref="ArgumentException">A bound is out of bounds.</exception>
    public void Check()
    {
        int[] counts =
            [Connections, Strangers, StrangersPerNetwork, ConnectionsPerKey, WrongKeys, Watches, WatchesPerConnection, WatchesPerKey];
        if (counts.Any(count => count is < 1 or > 1_000_000)) throw new ArgumentException("A bound on connections is 1 to 1,000,000.");
        if (WatchedHolds is < 1_000 or > 1_000_000_000) throw new ArgumentException("Watches remember 1,000 to 1,000,000,000 holds.");
        TimeSpan[] times = [HandshakeMax, NonceAge, IdleMax, SlowReaderMax];
        if (times.Any(time => time < TimeSpan.FromMilliseconds(10) || time > TimeSpan.FromDays(1)))
            throw new ArgumentException("A time is 10 ms to a day.");
        if (SilentPeerMax < TimeSpan.FromSeconds(1) || SilentPeerMax > TimeSpan.FromHours(1))
            throw new ArgumentException("A peer may be silent for 1 s to an hour.");
        if (OutputMax is < 4_096 or > 64 * 1024 * 1024) throw new ArgumentException("4 KiB to 64 MiB may wait for a reader.");
    }
}
