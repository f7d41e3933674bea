namespace TicketRush.Cli.Race;

/// <summary>How buyers who all look at once go about buying.</summary>
internal enum Strategy : byte
{
    /// <summary>Read, decide, write in place; nothing keeps two from doing so at once. Oversells.</summary>
    Unlocked,

    /// <summary>Each buyer starts when the one before has ended: safe, and nobody is served at once with anybody.</summary>
    Join,

    /// <summary>
    /// One lock around reading, deciding and writing in place. Who only looks does not take it, and may meet half a file.
    /// </summary>
    Lock,

    /// <summary>The same, but the file is replaced: whoever looks sees it whole, and a killed buyer leaves it whole.</summary>
    LockAtomic,

    /// <summary>Each buyer takes a lock, but one of its own. Oversells as if there were none.</summary>
    OwnLock,

    /// <summary>Buyers put their wish in a queue; one seller takes them out, one after another, and answers.</summary>
    Queue,

    /// <summary>Buyers open the sale's journal and take turns at it.</summary>
    Journal,

    /// <summary>Buyers call a running server.</summary>
    Server,
}

internal static class Strategies
{
    public static readonly Strategy[] All = Enum.GetValues<Strategy>();

    /// <summary>The name as people write it: own-lock.</summary>
    public static string Name(this Strategy strategy) => strategy switch
    {
        Strategy.LockAtomic => "lock-atomic",
        Strategy.OwnLock => "own-lock",
        _ => strategy.ToString().ToLowerInvariant(),
    };

    /// <summary>Whether it promises never to sell more than there is.</summary>
    public static bool IsSafe(this Strategy strategy) => strategy is not (Strategy.Unlocked or Strategy.OwnLock);

    public static bool UsesFile(this Strategy strategy) => strategy is not (Strategy.Journal or Strategy.Server);

    public static bool TryParse(string text, out Strategy strategy)
    {
        foreach (var candidate in All)
        {
            strategy = candidate;
            if (candidate.Name() == text) return true;
        }

        strategy = default;
        return false;
    }
}
