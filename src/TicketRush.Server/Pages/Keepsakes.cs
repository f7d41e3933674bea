using TicketRush.Engine;
using TicketRush.Server.Access;
using TicketRush.Server.Api;

namespace TicketRush.Server.Pages;

/// <summary>
/// What this browser holds or bought last, so that a closed tab is no lost order: a cookie with sales and ids, which no script and nobody
/// else sees. It proves nothing; what it names is looked up like everything else.
/// </summary>
internal static class Keepsakes
{
    public const int Max = 8;

    public const string CookieName = "__Host-rush-kept";
    public const string PlainCookieName = "rush-kept";

    public static void Add(HttpContext http, BuyerSessions sessions, string sale, string id)
    {
        // The answer to a repeated form must not push out what is there already.
        var kept = Read(http, sessions).Where(one => one != (sale, id)).Prepend((sale, id)).Take(Max);
        http.Response.Cookies.Append(NameFor(http, sessions), string.Join('~', kept.Select(one => $"{one.Item1}.{one.Item2}")),
            sessions.CookieFor(http, TimeSpan.FromDays(180)));
    }

    public static IEnumerable<(string Sale, string Id)> Read(HttpContext http, BuyerSessions sessions)
    {
        var text = http.Request.Cookies[NameFor(http, sessions)];
        if (text is null || text.Length > 2_000) return [];
        return text.Split('~').Select(one => one.Split('.'))
            .Where(parts => parts.Length == 2 && PlanCheck.IsId(parts[0]) && parts[1].Length is 32 or 36
                && parts[1].All(c => char.IsAsciiHexDigit(c) || c == '-'))
            .Select(parts => (parts[0], parts[1])).Take(Max);
    }

    private static string NameFor(HttpContext http, BuyerSessions sessions) => sessions.IsPlain(http) ? PlainCookieName : CookieName;
}
