using System.Buffers;

namespace TicketRush.Engine;

/// <summary>
/// Why tickets were refunded, as a code and not a sentence: it is kept for ever, in a journal that holds no personal data.
/// </summary>
public static class RefundReason
{
    public const int LengthMax = 40;

    private static readonly SearchValues<char> Allowed = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>1 to 40 of a-z, 0-9 and -, not starting with -.</summary>
    public static bool IsValid(string? reason) =>
        reason is { Length: >= 1 and <= LengthMax } && reason[0] != '-' && !reason.AsSpan().ContainsAnyExcept(Allowed);
}
