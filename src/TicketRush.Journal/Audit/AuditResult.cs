namespace TicketRush.Journal.Audit;

/// <summary>What an audit found. Zero is no verdict, so a forgotten assignment never reads as a good journal.</summary>
public enum AuditVerdict
{
    None = 0,

    /// <summary>Every byte and every rule holds.</summary>
    Good = 1,

    /// <summary>Good, but for a last batch whose writing was never finished and which was never acknowledged.</summary>
    Torn = 2,

    /// <summary>Bytes are not what was written, acknowledged entries are missing, or an entry breaks a rule.</summary>
    Damaged = 3,
}

/// <param name="Sequence">The entry that is wrong, or the first one that cannot be read.</param>
public readonly record struct AuditProblem(long Sequence, string What);

/// <summary>The places of one pool, those that travel counted once for every leg: free = capacity − blocked − held − sold.</summary>
public sealed record AuditedPool(string Id, long Capacity, long Blocked, long Held, long Sold)
{
    public long Free => Capacity - Blocked - Held - Sold;
}

/// <param name="Refunded">Tickets that were sold and given back; they are no longer in <paramref name="Sold"/>.</param>
public sealed record AuditedTier(string Id, string Name, string Pool, long Price, long Held, long Sold, long Refunded);

/// <summary>What the plan in force says, as the auditor read it.</summary>
public sealed record AuditedPlan(
    string Name, string Venue, string StartsAt, string TimeZone, string Currency, long? OpensAtMs, long? ClosesAtMs, string PaymentKind,
    int HoldSeconds, int Extensions, int PerOrder, int PerBuyer);

/// <summary>The auditor's account of a journal: its verdict, and everything it counted on the way.</summary>
public sealed record AuditResult
{
    public required AuditVerdict Verdict { get; init; }
    public required string Sale { get; init; }

    /// <summary>draft, open, paused or closed; empty before the first entry.</summary>
    public required string State { get; init; }

    /// <summary>Null before the first entry.</summary>
    public required AuditedPlan? Plan { get; init; }

    /// <summary>The last sequence that was read.</summary>
    public required long Sequences { get; init; }
    public required long Batches { get; init; }

    /// <summary>Where the last good batch ends, in bytes.</summary>
    public required long Length { get; init; }

    /// <summary>The durable end that the .turn file names; null when it names none.</summary>
    public required long? DurableSequence { get; init; }

    /// <summary>Sale time of the first and of the last entry; 0 when there is none.</summary>
    public required long FirstTimeMs { get; init; }
    public required long LastTimeMs { get; init; }

    /// <summary>The chain at the last sequence, 64 hexadecimal digits.</summary>
    public required string Hash { get; init; }
    public required AuditedPool[] Pools { get; init; }
    public required AuditedTier[] Tiers { get; init; }
    public required long Orders { get; init; }

    /// <summary>Tickets that were ever sold, refunded ones among them.</summary>
    public required long Tickets { get; init; }
    public required long RefundedTickets { get; init; }
    public required long RefundedAmount { get; init; }

    /// <summary>Payments that were refused after money may have moved: they are owed back.</summary>
    public required long OwedPayments { get; init; }
    public required long OwedAmount { get; init; }

    /// <summary>At most <see cref="ProblemsMax"/>, in the order of the journal.</summary>
    public required AuditProblem[] Problems { get; init; }

    /// <summary>All problems, also those that are not listed.</summary>
    public required long ProblemCount { get; init; }

    /// <summary>What a reader should know and what is no damage.</summary>
    public required string[] Notes { get; init; }

    public const int ProblemsMax = 100;
}

/// <summary>One entry as it may be shown: without ids, buyers, references and keys, of which a journal has only hashes.</summary>
public sealed record AuditedEntry
{
    public required long Sequence { get; init; }
    public required long TimeMs { get; init; }

    /// <summary>The kind's name in docs/JOURNAL.md.</summary>
    public required string Kind { get; init; }

    /// <summary>
    /// The name of the key that asked for it; null for a buyer in a browser, for who wrote the file, and for what no one asked for.
    /// </summary>
    public string? By { get; init; }

    /// <summary>The sequence that placed the hold which the entry is about: its name where its id is a secret. 0 for none.</summary>
    public long Placed { get; init; }
    public AuditedLine[] Lines { get; init; } = [];
    public long? UntilMs { get; init; }
    public uint? FirstTicket { get; init; }
    public bool Late { get; init; }

    /// <summary>Refunded tickets by number.</summary>
    public uint[] Tickets { get; init; } = [];
    public long? Amount { get; init; }
    public bool? Resell { get; init; }
    public string? Reason { get; init; }

    /// <summary>The code of the refusal, as clients know it.</summary>
    public string? Refusal { get; init; }

    /// <summary>By ticket, null for a place without a seat; empty where no place has one.</summary>
    public string?[] Seats { get; init; } = [];

    /// <summary>Stops of the journey.</summary>
    public string? From { get; init; }
    public string? To { get; init; }

    /// <summary>The sequence that placed what was exchanged; 0 for none.</summary>
    public long Of { get; init; }

    /// <summary>What was given back in exchange.</summary>
    public long? Credit { get; init; }

    /// <summary>The pool whose seats were numbered.</summary>
    public string? Pool { get; init; }
}

/// <param name="Price">Per place, in minor units.</param>
public readonly record struct AuditedLine(string Tier, int Quantity, long Price);

/// <param name="Sequence">The entry that made the order.</param>
/// <param name="Placed">The entry that placed its hold; the same for a purchase.</param>
/// <param name="Late">Paid after its hold had run out.</param>
/// <param name="By">The name of the key that confirmed it; null for a buyer in a browser.</param>
public sealed record AuditedOrder(
    long Sequence, long TimeMs, long Placed, uint FirstTicket, AuditedLine[] Lines, bool Late, string? By, AuditedRefund[] Refunds)
{
    /// <summary>By ticket, null for a place without a seat; empty where no place has one.</summary>
    public string?[] Seats { get; init; } = [];
    public string? From { get; init; }
    public string? To { get; init; }
}

/// <param name="Tickets">By number.</param>
public sealed record AuditedRefund(long Sequence, long TimeMs, uint[] Tickets, long Amount, bool Resell, string Reason, string? By);
