using Microsoft.Extensions.Primitives;

namespace TicketRush.Server.Pages;

/// <summary>How a page is sent.</summary>
internal static class PageAnswer
{
    public const string Html = "text/html; charset=utf-8";

    // Other sites are told nothing. Ours is: without it a browser would not say either where a form comes from.
    private static readonly StringValues OwnReferrer = "same-origin";

    public static void SetHeaders(HttpResponse response) => response.Headers["Referrer-Policy"] = OwnReferrer;

    /// <summary>Sends a page that is one visitor's own: no cache keeps it.</summary>
    public static async Task SendAsync<TPage, TModel>(HttpContext http, Visit visit, TModel model, int status = 200)
        where TPage : Page<TModel>
    {
        var bytes = await http.RequestServices.GetRequiredService<PageRenderer>().RenderAsync<TPage, TModel>(visit, model);
        var response = http.Response;
        SetHeaders(response);
        response.StatusCode = status;
        response.Headers.CacheControl = "no-store";
        response.ContentType = Html;
        response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(http.Request.Method)) await response.Body.WriteAsync(bytes);
    }

    /// <summary>After a post: the browser gets the page that shows what came of it, and reloading that asks for nothing again.</summary>
    public static Task SeeOther(HttpContext http, string url)
    {
        SetHeaders(http.Response);
        http.Response.StatusCode = StatusCodes.Status303SeeOther;
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers.Location = url;
        return Task.CompletedTask;
    }

    /// <summary>The browser itself goes on after so many seconds, also without a script.</summary>
    public static void GoOn(HttpContext http, int seconds, string url) => http.Response.Headers["Refresh"] = $"{seconds}; url={url}";
}
