namespace TicketRush.Cli.Race;

internal enum BuyerState
{
    /// <summary>Has not done anything yet.</summary>
    Absent = 0,
    
    /// <summary>Knows what is left, and buys.</summary>
    Looked = 1,

    /// <summary>Met a file that was not whole while it only looked, and died of it, as the documents' programs do.</summary>
    LookCrashed = 2,

    /// <summary>Was told "you have one".</summary>
    Told = 3,
    Refused = 4,

    /// <summary>Met a file that was not whole while it bought, or lost who serves it.</summary>
    BuyCrashed = 5,
}

/// <summary>
/// What became of one buyer, in memory shared with the program that watches: a killed buyer's record says how far it came. Times are
/// ticks of the monotonic clock, which processes of a machine share.
/// </summary>
internal struct BuyerRecord
{
    public BuyerState State;
    public int Pid;
    public int Saw;
    public int Spare;

    /// <summary>When it began to buy.</summary>
    public long LookedAt;

    /// <inheritdoc cref="Answer" path="/param[@name='ArrivedAt']"/>
    public long ArrivedAt;
    public long AnsweredAt;

    /// <summary>Its place in the order of service, where there is one that says so, as a journal's sequence does; 0 otherwise.</summary>
    public long Sequence;

    public readonly bool IsAnswered => State is BuyerState.Told or BuyerState.Refused;

    public readonly bool IsOver => State >= BuyerState.LookCrashed;
}
