using System.Collections.Frozen;

namespace TicketRush.Client;

/// <summary>What a code of docs/PROTOCOL.md says about whether something happened.</summary>
internal static class RushCodes
{
    // The sale looks the id up before it refuses, so these tell that no earlier try with the same id was done either. A code that is not
    // among them, also one of a newer server, says so much about its own try alone.
    internal static readonly FrozenSet<string> Decided = FrozenSet.Create(
        StringComparer.Ordinal,
        "ID_REUSED", "UNKNOWN_HOLD", "UNKNOWN_ORDER", "UNKNOWN_TIER", "UNKNOWN_TICKET", "SALE_DRAFT", "NOT_YET_OPEN", "SALE_PAUSED",
        "SALE_CLOSED", "ORDER_LIMIT", "BUYER_LIMIT", "SOLD_OUT", "NOT_ENOUGH", "EXTENSION_LIMIT", "HOLD_EXPIRED", "HOLD_RELEASED",
        "ALREADY_PAID", "ALREADY_REFUNDED", "REASON_INVALID", "PLAN_INVALID", "PLAN_CHANGED", "PLAN_FROZEN", "CAPACITY_IN_USE",
        "UNKNOWN_SEAT", "SEAT_TAKEN", "SEATS_MIXED", "LEAVES_SINGLE", "PARTY_TOO_LARGE", "UNKNOWN_STOP", "BAD_JOURNEY", "NOT_TOGETHER",
        "SEAT_RESERVED", "SEATS_LATER", "BAD_PASSENGERS", "PASSENGER_OVERLAP", "CANNOT_WAIT", "CANNOT_NUMBER", "CANNOT_EXCHANGE",
        "STILL_WAITING", "TOO_MANY_KEYS");

    /// <summary>Answers after which the same is asked again: it was not started, or nobody knows.</summary>
    public static bool IsWorthAnotherTry(string code) => MayBeDone(code)
        || code is "BUSY" or "DISK_FULL" or "SALE_STOPPED" or "RATE_LIMITED" or "WAIT_AFTER_LAPSE";

    /// <summary>Answers to a try that may have been done all the same.</summary>
    public static bool MayBeDone(string code) => code is "OUTCOME_UNKNOWN" or "INTERNAL";

    /// <summary>What a connection is turned away with, or ended, while nobody looked at its key: later it may be let in.</summary>
    public static bool IsNoVerdictOnKey(string code) => IsWorthAnotherTry(code)
        || code is "TOO_MANY_CONNECTIONS" or "NONCE_EXPIRED" or "HANDSHAKE_TIMEOUT" or "IDLE_TIMEOUT";

    /// <summary>What the caller is told when it is not asked again.</summary>
    /// <param name="what">What was asked.</param>
    /// <param name="refusal">The last answer.</param>
    /// <param name="mayBeDone">Whether this try or one before it may have been done.</param>
    public static RushException Verdict(string what, RushRefusedException refusal, bool mayBeDone)
    {
        if (!MayBeDone(refusal.Code) && (!mayBeDone || Decided.Contains(refusal.Code))) return refusal;
        return new RushUnknownException(
            $"{what}: it may have been done, and the last answer does not tell: {refusal.Message} Ask again with the same id.", refusal);
    }
}
