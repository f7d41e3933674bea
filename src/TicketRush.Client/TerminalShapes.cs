namespace TicketRush.Client;

/// <summary>Where the terminals port is, and who asks.</summary>
/// <param name="Key">The whole key, rush_…; it never crosses the wire: both ends prove that they have it.</param>
public sealed record TerminalOptions(string Host, int Port, string Key)
{
    /// <summary>The key's id; read from the key where it has one. A key that was given to the server from outside is
    /// <c>office</c>.</summary>
    public string KeyId { get; init; } = Key.Split('_') is ["rush", _, { Length: 8 } id, _] ? id : "office";

    /// <summary>Over TLS. The server's certificate must be trusted, for <see cref="TlsName"/>.</summary>
    public bool Tls { get; init; }

    /// <summary>The name in the certificate; the host without.</summary>
    public string? TlsName { get; init; }

    /// <summary>Replaces the check of the certificate. The proof of the key is bound to the certificate all the same.</summary>
    public System.Net.Security.RemoteCertificateValidationCallback? TlsValidation { get; init; }

    public RushRetry Retry { get; init; } = new();

    /// <summary>Commands that may be on their way at once; who asks for more waits for its turn.</summary>
    public int PipelineMax { get; init; } = 1_024;

    /// <summary>How long connecting and proving the key may take, each time.</summary>
    public TimeSpan ConnectMax { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>What a terminal asks beyond a number of places; what is null is not asked.</summary>
public sealed record TerminalPlaces
{
    /// <summary>A name for each place.</summary>
    public string[]? Seats { get; init; }

    /// <summary>One for each place, where the plan asks for them.</summary>
    public string[]? Passengers { get; init; }
    public string? From { get; init; }
    public string? To { get; init; }
    public int Wheelchair { get; init; }
    public bool Apart { get; init; }

    internal void AddTo(List<string> words)
    {
        if (Seats is not null) words.AddRange(["SEATS", .. Seats]);
        if (Passengers is not null) words.AddRange(["PASSENGERS", .. Passengers]);
        if (From is not null || To is not null) words.AddRange(["FROM", From ?? "", "TO", To ?? ""]);
        if (Wheelchair > 0) words.AddRange(["WHEELCHAIR", $"{Wheelchair}"]);
        if (Apart) words.Add("APART");
    }
}

/// <param name="State">held, paid, released, expired or waiting.</param>
/// <param name="Until">When it runs out, in sale time.</param>
/// <param name="Total">In minor units.</param>
/// <param name="Seats">In the order of the plan's tiers; null where no place has one.</param>
public sealed record TerminalHold(
    string State, long Sequence, DateTimeOffset At, DateTimeOffset Until, int Extensions, long Total, string Hash, IReadOnlyList<string?>? Seats);

/// <param name="State">paid, partly-refunded or refunded.</param>
/// <param name="FirstTicket">The others follow without a gap.</param>
public sealed record TerminalOrder(
    string State, long Sequence, DateTimeOffset At, long FirstTicket, int Tickets, long Total, string Hash, IReadOnlyList<string?>? Seats,
    IReadOnlyList<long> Refunded, bool Late);

public sealed record TerminalRefund(long Sequence, DateTimeOffset At, long Amount, IReadOnlyList<long> Tickets, string Hash);

public sealed record TerminalSale(string Sale, string State, long Sequence, string Name, string Currency);

/// <summary>An entry of the journal that concerns the key.</summary>
/// <param name="Kind">held, paid, expired, …; docs/PROTOCOL.md lists them.</param>
/// <param name="Of">The sequence that the hold or order was first answered with; 0 for what concerns the whole sale.</param>
/// <param name="Until">When the hold runs out; null where the entry sets no such time.</param>
public sealed record TerminalEntry(
    string Sale, long Sequence, string Kind, DateTimeOffset At, long Of, long FirstTicket, int Places, long Amount, DateTimeOffset? Until);
