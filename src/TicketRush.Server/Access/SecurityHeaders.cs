using Microsoft.Extensions.Primitives;

namespace TicketRush.Server.Access;

/// <summary>What browsers are told with every answer: to run and load nothing but what comes from here, and to tell nobody where they
/// were.</summary>
public static class SecurityHeaders
{
    private static readonly StringValues Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        + "form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";

    // What is no page runs nothing, whoever shows it: the rest would only make every answer of the API longer.
    private static readonly StringValues DataPolicy = "default-src 'none'; frame-ancestors 'none'";

    private static readonly StringValues NoSniff = "nosniff", NoReferrer = "no-referrer", SameOrigin = "same-origin",
    Strict = "max-age=31536000";

    internal static void UseSecurityHeaders(this WebApplication app) => app.Use((http, next) =>
    {
        Set(http);
        return next(http);
    });

    internal static void Set(HttpContext http)
    {
        var headers = http.Response.Headers;
        headers.XContentTypeOptions = NoSniff;
        if (http.Request.IsHttps) headers.StrictTransportSecurity = Strict;
        if (http.Request.Path.StartsWithSegments("/api"))
        {
            headers.ContentSecurityPolicy = DataPolicy;
            return;
        }

        headers.ContentSecurityPolicy = Policy;
        headers["Referrer-Policy"] = NoReferrer;
        headers["Cross-Origin-Opener-Policy"] = SameOrigin;
        headers["Cross-Origin-Resource-Policy"] = SameOrigin;
    }
}
