namespace TicketRush.Server;

/// <summary>What <c>rush serve</c> was told.</summary>
public sealed record ServerOptions
{
    public required string DataDirectory { get; init; }

    /// <summary>Where to listen; loopback unless somebody asks for more.</summary>
    public string[] Urls { get; init; } = ["http://127.0.0.1:8080"];

    /// <summary>Plans may say <c>paymentKind: test</c>, with which anybody may pay.</summary>
    public bool AllowTestPayments { get; init; }

    /// <summary>The office key, when it is given and not made; at least 16 characters.</summary>
    public string? OfficeKey { get; init; }
}
