using TicketRush.Server.Access;
using TicketRush.Server.Api;

namespace TicketRush.Server.Pages;

/// <summary>What people are shown where programs get problem details.</summary>
internal sealed class ErrorPages : IProblemPages
{
    /// <summary>Whoever asks for the API gets problem details, also in a browser; elsewhere, whoever reads HTML gets a page.</summary>
    public bool Takes(HttpContext http)
    {
        var path = http.Request.Path;
        return !path.StartsWithSegments("/api") && !path.StartsWithSegments("/openapi") && !path.StartsWithSegments("/health")
            && http.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);
    }

    public Task AnswerAsync(HttpContext http, ProblemAnswer problem, int? retryAfter)
    {
        // Whoever is not signed in, or no longer, signs in and goes on from there.
        if (problem.Status == 401 && http.Request.Path.StartsWithSegments(StaffSessions.Path))
            return PageAnswer.SeeOther(http, "/office/sign-in" + (HttpMethods.IsGet(http.Request.Method) ? QueryString.Create("next", http.Request.Path) : default));
        return SendAsync(http, problem.Status, retryAfter);
    }

    /// <param name="retryAfter">Seconds after which the page asks again by itself.</param>
    public static async Task SendAsync(HttpContext http, int status, int? retryAfter = null)
    {
        var texts = Languages.Of(http);
        if (retryAfter is { } seconds)
        {
            await AskAgainAsync(http, texts, status, Math.Clamp(seconds, 1, 300));
            return;
        }

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
        await PageAnswer.SendAsync<MessagePage, Message>(http, new(texts), new(title, text, link, linkText), status);
    }

    private static async Task AskAgainAsync(HttpContext http, Texts texts, int status, int seconds)
    {
        // What a form had goes along, its id too: asking again is asking for the same.
        var request = http.Request;
        var here = request.Path.ToUriComponent() + request.QueryString.ToUriComponent();
        var (next, form) = (here, (AgainForm?)null);
        if (HttpMethods.IsPost(request.Method))
        {
            next = "/";
            if (request.HasFormContentType && request.ContentLength is <= AccessMiddleware.FormBytesMax)
                form = new(here, [.. (await PageForm.ReadAsync(http)).Select(field => (field.Key, field.Value.ToString()))]);
        }

        var (title, text) = status == 429 ? (texts.TooOftenTitle, texts.TooOftenText) : (texts.BusyTitle, texts.BusyText);
        http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (form is null) PageAnswer.GoOn(http, seconds + 3, next);
        await PageAnswer.SendAsync<WaitPage, WaitView>(http, new(texts), new(null, title, text, seconds, next, form), status);
    }
}
