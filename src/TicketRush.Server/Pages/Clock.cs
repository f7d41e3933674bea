using System.Globalization;
using TicketRush.Engine;

namespace TicketRush.Server.Pages;

/// <summary>Times for people: by the clock on the wall where the event is.</summary>
public static class Clock
{
    private static readonly string[] Formats = ["yyyy-MM-ddTHH:mm", "yyyy-MM-ddTHH:mm:ss"];
    private static readonly string[] OffsetFormats = ["yyyy-MM-ddTHH:mmzzz", "yyyy-MM-ddTHH:mm:sszzz"];

    /// <summary>Sale time in the plan's time zone.</summary>
    public static DateTime Local(long ms, string zone)
    {
        var instant = DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(ms, 0, 253_370_764_800_000));
        return TimeZoneInfo.TryFindSystemTimeZoneById(zone, out var there) ? TimeZoneInfo.ConvertTime(instant, there).DateTime : instant.UtcDateTime;
    }

    /// <summary>When the doors open, as the plan has it; null when it says nothing.</summary>
    public static DateTime? Starts(Plan plan)
    {
        var text = plan.StartsAt;
        if (DateTime.TryParseExact(text, Formats, CultureInfo.InvariantCulture, DateTimeStyles.None, out var local)) return local;
        if (text.EndsWith('Z')) text = text[..^1] + "+00:00";
        return DateTimeOffset.TryParseExact(text, OffsetFormats, CultureInfo.InvariantCulture, DateTimeStyles.None, out var exact)
            ? Local(exact.ToUnixTimeMilliseconds(), plan.TimeZone)
            : null;
    }

    public static string Moment(Texts texts, long ms, string zone) => texts.Moment(Local(ms, zone));

    public static string Time(long ms, string zone) => Local(ms, zone).ToString("HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>For machines: what a <c>time</c> element says.</summary>
    public static string Machine(long ms) => Api.PlanTimes.Utc(ms);
}
