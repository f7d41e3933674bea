using System.Globalization;

namespace TicketRush.Server.Pages;

/// <summary>Which language a browser is answered in: what was chosen on a page, or else what the browser says it reads.</summary>
internal static class Languages
{
    private const string CookieName = "rush-lang";

    public static Texts Of(HttpContext http)
    {
        if (http.Request.Headers.Cookie.Count > 0 && http.Request.Cookies.TryGetValue(CookieName, out var chosen))
        {
            if (chosen == "zh") return Texts.Chinese;
            if (chosen == "en") return Texts.English;
        }

        return Accepted(http.Request.Headers.AcceptLanguage.ToString());
    }

    /// <summary>Remembers a choice that the address has (<c>?lang=zh</c>), and goes to the address without it.</summary>
    /// <returns>Whether the request is answered.</returns>
    public static bool TryChoose(HttpContext http)
    {
        var query = http.Request.Query;
        if (!query.TryGetValue("lang", out var chosen) || chosen is not (["zh"] or ["en"])) return false;

        // It says which language and nothing else: no session, nothing to steal, and no reason to keep it from plain HTTP.
        http.Response.Cookies.Append(CookieName, chosen.ToString(), new()
        {
            Path = "/", MaxAge = TimeSpan.FromDays(365), SameSite = SameSiteMode.Lax, HttpOnly = true, Secure = http.Request.IsHttps, IsEssential = true,
        });
        var rest = QueryString.Create(query.Where(pair => pair.Key != "lang"));
        http.Response.StatusCode = StatusCodes.Status303SeeOther;
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers.Location = http.Request.Path.ToUriComponent() + rest.ToUriComponent();
        return true;
    }

    /// <summary>The first of our languages by the header's weights; English when it names neither.</summary>
    internal static Texts Accepted(string header)
    {
        var (best, weight) = (Texts.English, 0.0);
        foreach (var part in header.AsSpan(0, Math.Min(header.Length, 512)).Split(','))
        {
            var range = header.AsSpan()[part].Trim();
            var q = 1.0;
            if (range.IndexOf(';') is >= 0 and var semicolon)
            {
                var parameter = range[(semicolon + 1)..].Trim();
                if (parameter.StartsWith("q=") && !double.TryParse(parameter[2..], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out q)) continue;
                range = range[..semicolon].Trim();
            }

            var texts = range.StartsWith("zh", StringComparison.OrdinalIgnoreCase) ? Texts.Chinese
                : range.StartsWith("en", StringComparison.OrdinalIgnoreCase) ? Texts.English
                : null;
            if (texts is not null && q > weight) (best, weight) = (texts, q);
        }

        return best;
    }
}
