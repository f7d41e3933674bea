using TicketRush.Server.Access;

namespace TicketRush.Server.Pages;

/// <summary>What people are shown where programs get problem details.</summary>
internal static class ErrorPages
{
    /// <summary>Whether the path is one that people look at.</summary>
    public static bool IsPage(HttpContext http) =>
        !http.Request.Path.StartsWithSegments("/api") && !http.Request.Path.StartsWithSegments("/openapi") && !http.Request.Path.StartsWithSegments("/health")
        && !http.Request.Path.StartsWithSegments("/assets");

    public static Task SendAsync(HttpContext http, int status)
    {
        var texts = Languages.Of(http);
        var (title, text) = status switch
        {
            400 => (texts.FormTitle, texts.FormText),
            401 or 403 => (texts.ForbiddenTitle, texts.ForbiddenText),
            404 or 405 => (texts.NotFoundTitle, texts.NotFoundText),
            429 => (texts.TooOftenTitle, texts.TooOftenText),
            >= 500 => (texts.ErrorTitle, texts.ErrorText),
            _ => (texts.BadRequestTitle, texts.NotFoundText),
        };
        var (link, linkText) = status >= 500 ? ("/find", texts.FindOrder) : ("/", texts.BackToSales);
        return PageAnswer.SendAsync<MessagePage, Message>(http, new(texts), new(title, text, link, linkText), status);
    }
}
