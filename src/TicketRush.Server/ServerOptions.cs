namespace TicketRush.Server;

/// <summary>What <c>rush serve</c> was told.</summary>
public sealed record ServerOptions
{
    public required string DataDirectory { get; init; }

    /// <summary>
    /// The database that keeps the sales instead, as <see cref="Journal.Postgres.PostgresOptions.Parse"/> reads it; the directory then
    /// has what is this machine's own. Null: the directory keeps everything.
    /// </summary>
    public string? Journal { get; init; }

    /// <summary>Where to listen; loopback unless somebody asks for more.</summary>
    public string[] Urls { get; init; } = ["http://127.0.0.1:8080"];

    /// <summary>Where terminals are listened for; nowhere without.</summary>
    public Terminals.TerminalEndpoint? Terminals { get; init; }

    /// <summary>What a connection of the terminals port may cost.</summary>
    public Terminals.TerminalLimits TerminalLimits { get; init; } = new();

    /// <summary>Where the board is subscribed to, or its multicast group; there is none without.</summary>
    public Board.BoardEndpoint? Board { get; init; }

    /// <summary>What the board may cost.</summary>
    public Board.BoardLimits BoardLimits { get; init; } = new();

    /// <summary>Plans may say <c>paymentKind: test</c>, with which anybody may pay.</summary>
    public bool AllowTestPayments { get; init; }

    /// <summary>For trying things out: sessions also over plain HTTP, where anybody on the way can read them.</summary>
    public bool Demo { get; init; }

    /// <summary>One JSON object a line, for programs that collect logs.</summary>
    public bool JsonLogs { get; init; }

    /// <summary>What buyers without a key may do.</summary>
    public Access.BuyerLimits Limits { get; init; } = new();

    /// <summary>The office key, when it is given and not made; at least 16 characters.</summary>
    public string? OfficeKey { get; init; }

    /// <summary>How long after showing their key staff in a browser may refund, exchange, change a plan or change keys without showing it
    /// again.</summary>
    public TimeSpan KeyAgainAfter { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Who may watch sales live at once, on this server. Connections have a bound of their own, and buyers need some.</summary>
    public int ViewersMax { get; init; } = 15_000;

    /// <summary>Connections at once, viewers among them, so that onlookers alone never take the last one.</summary>
    public int ConnectionsMax => ViewersMax + 5_000;

    /// <summary>… from one network: an IPv4 address, which a whole office or village may share, or the first 64 bits of an IPv6
    /// address.</summary>
    public int ViewersPerNetwork { get; init; } = 1_000;

    /// <exception cref="ArgumentException">A bound is out of bounds.</exception>
    public void Check()
    {
        Limits.Check();
        BoardLimits.Check();
        if (ViewersMax is < 0 or > 1_000_000 || ViewersPerNetwork is < 0 or > 1_000_000)
            throw new ArgumentException("0 to 1,000,000 may watch at once.");
        if (KeyAgainAfter < TimeSpan.Zero || KeyAgainAfter > TimeSpan.FromHours(12))
            throw new ArgumentException("Staff show their key again after 0 to 720 minutes.");
    }
}
