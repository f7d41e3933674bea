namespace TicketRush.Cli.Race;

/// <summary>What is raced for, by how many, and how. Checked: nothing in it can be refused any more.</summary>
internal sealed record RaceOptions
{
    public const int BuyersMax = 1_000_000, WorkersMax = 500;

    /// <summary>A process of .NET takes tens of milliseconds to start; more of them would be waited for.</summary>
    public const int WorkersUsual = 20;

    public required Document Document { get; init; }

    public required int Buyers { get; init; }

    public required int Tickets { get; init; }

    public required int DelayMs { get; init; }

    public required int Workers { get; init; }

    public required Strategy[] Strategies { get; init; }

    /// <summary>Somebody's own file; null for one in a scratch directory.</summary>
    public string? File { get; init; }

    public required string Key { get; init; }

    public int Kill { get; init; }

    public bool Json { get; init; }

    public string? Plot { get; init; }

    public bool VersusPython { get; init; }

    /// <summary>A crowd small enough for a line for each of its doings.</summary>
    public bool IsTold => Buyers <= 200;
}
