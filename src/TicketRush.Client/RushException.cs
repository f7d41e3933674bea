namespace TicketRush.Client;

/// <summary>What a server could not, or would not, do. Which of its three kinds it is says what happened to the request.</summary>
/// <param name="message">For people.</param>
/// <param name="inner">Why.</param>
public abstract class RushException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// Not a success, and for certain: no try of this request was done, nothing happened, except that a refused payment is written down (it has
/// a <see cref="Sequence"/>).
/// </summary>
/// <param name="code">What to match on.</param>
/// <param name="detail">For people.</param>
public sealed class RushRefusedException(string code, string detail) : RushException($"{code}: {detail}")
{
    /// <summary>What to match on: SOLD_OUT, SEAT_TAKEN, …; docs/PROTOCOL.md lists them. New ones may come to be.</summary>
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
/// Nobody knows whether it happened: the server did not say so in the time that was given, or said something after a lost try that does not
/// tell (the inner exception). Ask again with the same id, now or after a restart, until it is known.
/// </summary>
/// <param name="message">For people.</param>
/// <param name="inner">Why there was no answer, or the last one.</param>
public sealed class RushUnknownException(string message, Exception? inner = null) : RushException(message, inner);

/// <summary>
/// The server at the other end is not the one that has the key: somebody is in between, the address is wrong, or the key was revoked, or
/// made this moment. It was sent nothing, and nothing happened. The next request tries the server again.
/// </summary>
/// <param name="message">For people.</param>
/// <param name="inner">What the certificate was not trusted for.</param>
public sealed class RushImpostorException(string message, Exception? inner = null) : RushException(message, inner);
