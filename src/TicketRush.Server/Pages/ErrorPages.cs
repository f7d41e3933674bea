using TicketRush.Server.Access;
using TicketRush.Server.Api;
using TicketRush.Server.Office;

namespace TicketRush.Server.Pages;

/// <summary>What people are shown where programs get problem details.</summary>
internal sealed class ErrorPages(Antiforgery antiforgery) : IProblemPages
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
        if (problem.Code == "KEY_NEEDED") return AskKeyAsync(http);
        if (problem.Status != 401) return SendAsync(http, problem.Status, retryAfter, problem.Code == "TOKEN_INVALID");

        // A page asks for no key in a header, and browsers know no such scheme.
        http.Response.Headers.Remove("WWW-Authenticate");
        if (!IsOffice(http))
        {
            // Without its cookie a browser is nobody: what it looks for is not there, and it cannot keep anything.
            return HttpMethods.IsPost(http.Request.Method) ? SendAsync(http, 401) : SendAsync(http, 404);
        }

        // Whoever is not signed in, or no longer, signs in and goes on from there.
        return PageAnswer.SeeOther(http, "/office/sign-in" + (HttpMethods.IsGet(http.Request.Method)
            ? QueryString.Create("next", http.Request.Path) : default));
    }

    /// <param name="retryAfter">Seconds after which the page asks again by itself.</param>
    /// <param name="isStale">The form was not made for this browser.</param>
    public static async Task SendAsync(HttpContext http, int status, int? retryAfter = null, bool isStale = false)
    {
        var texts = Languages.Of(http);
        if (retryAfter is { } seconds)
        {
            await AskAgainAsync(http, texts, status, Math.Clamp(seconds, 1, 300));
            return;
        }

        var (title, text) = status switch
        {
            400 when isStale => (texts.FormTitle, texts.FormText),
            401 => (texts.CookieTitle, texts.CookiesNeeded),
            403 => (texts.ForbiddenTitle, texts.ForbiddenText),
            404 or 405 => (texts.NotFoundTitle, texts.NotFoundText),
            429 => (texts.TooOftenTitle, texts.TooOftenComeBack),
            >= 500 => (texts.ErrorTitle, texts.ErrorText),
            _ => (texts.BadRequestTitle, texts.BadRequestText),
        };
        var (link, linkText) = IsOffice(http) ? ("/office", texts.OfficeSales)
            : status >= 500 ? ("/find", texts.FindOrder)
            : SaleOf(http) is { } sale && status != 404 ? ($"/sales/{sale}", texts.BuyMore)
            : ("/", texts.BackToSales);
        await PageAnswer.SendAsync<MessagePage, Message>(http, VisitOf(http, texts), new(title, text, link, linkText), status);
    }

    private static async Task AskAgainAsync(HttpContext http, Texts texts, int status, int seconds)
    {
        // What a form had goes along, its id too: asking again is asking for the same. Not for who has no right to it: what another
        // site made a browser send must not become a form of ours, and no page says a key.
        var request = http.Request;
        var here = request.Path.ToUriComponent() + request.QueryString.ToUriComponent();
        var (next, form) = (here, (AgainForm?)null);
        if (HttpMethods.IsPost(request.Method))
        {
            next = IsOffice(http) ? "/office" : SaleOf(http) is { } sale ? $"/sales/{sale}" : "/";
            if (!IsOffice(http) && Antiforgery.IsFromHere(request) && request.HasFormContentType
                && request.ContentLength is <= AccessMiddleware.FormBytesMax)
                form = new(here, FieldsOf(await PageForm.ReadAsync(http)));
        }

        var (title, text) = status == 429 ? (texts.TooOftenTitle, texts.TooOftenText) : (texts.BusyTitle, texts.BusyText);
        http.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (form is null) PageAnswer.GoOn(http, seconds + 3, next);
        await PageAnswer.SendAsync<WaitPage, WaitView>(http, new(texts), new(null, title, text, seconds, next, form), status);
    }

    /// <summary>The form as it was, with a field for the key. Only after its token was found right.</summary>
    private async Task AskKeyAsync(HttpContext http)
    {
        var (request, caller) = (http.Request, Caller.Of(http));
        var form = await PageForm.ReadAsync(http);
        var visit = new Visit(
            Languages.Of(http)) { Token = antiforgery.TokenFor(caller), Staff = caller.Key!.Name, Role = caller.Key.Role };
        var back = SaleOf(http) is { } sale ? $"/office/sales/{sale}" : "/office";
        var fields = FieldsOf(form).Where(field => field.Name is not (Antiforgery.FieldName or AccessMiddleware.KeyFieldName));
        await PageAnswer.SendAsync<KeyAgainPage, KeyAgainView>(
            http, visit, new(new(request.Path.ToUriComponent(), [.. fields]), back, form.ContainsKey(AccessMiddleware.KeyFieldName)), 401);
    }

    private static (string Name, string Value)[] FieldsOf(IFormCollection form) =>
        [.. form.SelectMany(field => field.Value, (field, value) => (field.Key, value ?? ""))];

    // Who is signed in to the office stays in it.
    private static Visit VisitOf(HttpContext http, Texts texts) =>
        Caller.Of(http).Kind == CallerKind.Key && IsOffice(http) ? http.RequestServices.GetRequiredService<OfficeDesk>().Visit(http)
            : new(texts);

    private static bool IsOffice(HttpContext http) => http.Request.Path.StartsWithSegments(StaffSessions.Path);

    private static string? SaleOf(HttpContext http) =>
        http.GetRouteValue("sale") is string name && Engine.PlanCheck.IsId(name) ? name : null;
}
