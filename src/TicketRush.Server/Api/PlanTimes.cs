using System.Globalization;
using System.Text.RegularExpressions;
using TicketRush.Engine;

namespace TicketRush.Server.Api;

/// <summary>
/// Times as people write them: with an offset, or by the clock on the wall in the plan's time zone. A wall time that does
/// not exist there, or exists twice, is refused with the two choices; guessing would open a sale an hour wrong.
/// </summary>
internal static partial class PlanTimes
{
    private const long YearEndMs = 253_370_764_800_000; // The year 9999 begins.

    private static readonly string[] LocalFormats = ["yyyy-MM-ddTHH:mm", "yyyy-MM-ddTHH:mm:ss"];
    private static readonly string[] OffsetFormats = ["yyyy-MM-ddTHH:mmzzz", "yyyy-MM-ddTHH:mm:sszzz"];

    /// <returns>Milliseconds since 1970, or null after adding what is wrong.</returns>
    public static long? Parse(string? text, string path, TimeZoneInfo? zone, List<PlanError> errors)
    {
        if (string.IsNullOrEmpty(text)) return null;

        if (OffsetPattern().IsMatch(text))
        {
            var offsetText = text.EndsWith('Z') ? text[..^1] + "+00:00" : text;
            if (DateTimeOffset.TryParseExact(offsetText, OffsetFormats, CultureInfo.InvariantCulture, DateTimeStyles.None, out var exact))
                return InRange(exact.ToUnixTimeMilliseconds(), text, path, errors);
        }

        if (!DateTime.TryParseExact(text, LocalFormats, CultureInfo.InvariantCulture, DateTimeStyles.None, out var local))
        {
            errors.Add(new(path, $"\"{text}\" is no time; write 2027-04-18T19:30:00, with or without an offset such as +08:00"));
            return null;
        }

        if (zone is null) return null; // Said already, where the zone stands.

        if (zone.IsInvalidTime(local))
        {
            var before = zone.GetUtcOffset(local.AddHours(-3));
            var after = zone.GetUtcOffset(local.AddHours(3));
            errors.Add(new(path,
                $"{text} does not exist in {zone.Id}, where the clocks go forward then; write "
                + $"{Write(local, before)} (which the clocks show as {local + (after - before):HH:mm}) or {Write(local, after)} (shown "
                + $"as {local - (after - before):HH:mm})"));
            return null;
        }

        if (zone.IsAmbiguousTime(local))
        {
            var offsets = zone.GetAmbiguousTimeOffsets(local);
            errors.Add(new(path,
                $"{text} comes twice in {zone.Id}, where the clocks go back then; write {Write(local, offsets.Max())} (the first) or "
                    + $"{Write(local, offsets.Min())} (the second)"));
            return null;
        }

        var ticks = local.Ticks - zone.GetUtcOffset(local).Ticks - DateTime.UnixEpoch.Ticks;
        return InRange(ticks / TimeSpan.TicksPerMillisecond, text, path, errors);
    }

    /// <summary>The time zone of that name; null after adding what is wrong.</summary>
    public static TimeZoneInfo? Zone(string name, List<PlanError> errors)
    {
        if (name.Length is > 0 and <= 64 && TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone)) return zone;
        errors.Add(new("timeZone", $"\"{name}\" is no time zone known here; write an IANA name such as Asia/Shanghai or UTC"));
        return null;
    }

    /// <summary>An instant in UTC, to the millisecond.</summary>
    public static string Utc(long ms) =>
        DateTimeOffset.FromUnixTimeMilliseconds(ms).UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

    // Every such instant can be written in every zone, too.
    private static long? InRange(long ms, string text, string path, List<PlanError> errors)
    {
        if (ms is >= 0 and < YearEndMs) return ms;
        errors.Add(new(path, $"\"{text}\" must be in the years 1970 to 9998, in UTC"));
        return null;
    }

    private static string Write(DateTime local, TimeSpan offset) =>
        new DateTimeOffset(local, offset).ToString("yyyy-MM-ddTHH:mm:sszzz", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(Z|[+-]\d\d:\d\d)$")]
    private static partial Regex OffsetPattern();
}
