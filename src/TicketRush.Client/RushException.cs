namespace TicketRush.Client;

/// <summary>What a server could not, or would not, do.</summary>
public abstract class RushException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// Decided, and not a success: nothing happened, except that a refused payment is written down (it has a <see cref="Sequence"/>).
/// </summary>
public sealed class RushRefusedException(string code, string detail) : RushException($"{code}: {detail}")
{
    /// <summary>What to match on: SOLD_OUT, SEAT_TAKEN, …; docs/PROTOCOL.md lists them.</summary>
    public string Code { get; } = code;

    /// <summary>For people.</summary>
    public string Detail { get; } = detail;

    /// <summary>What a limit or a pool would still have allowed; over HTTP.</summary>
    public int? Allowed { get; init; }

    /// <summary>What is owed back for a refused payment, in minor units; over HTTP.</summary>
    public long? OwedBack { get; init; }

    /// <summary>Where the refusal stands in the journal, when it was written down; over HTTP.</summary>
    public long? Sequence { get; init; }
}

/// <summary>
/// Nobody knows whether it happened: the server did not say so in the time that was given. Ask again with the same id, now or after a
/// restart, until it is known.
/// </summary>
public sealed class RushUnknownException(string message, Exception? inner = null) : RushException(message, inner);

/// <summary>
/// The server at the other end is not the one that has the key: somebody is in between, or the address is wrong. Nothing was sent to it.
/// </summary>
public sealed class RushImpostorException(string message) : RushException(message);
