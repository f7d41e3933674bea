using TicketRush.Server.Access;

namespace TicketRush.Server.Api;

internal static class SessionEndpoints
{
    public static void MapSession(this IEndpointRouteBuilder api) =>
        api.MapPost("/session", Begin).WithTags("Session").WithoutToken().Answers<SessionAnswer>()
        .MayAnswer("INVALID_REQUEST").WithSummary("Begin, or go on with, a buyer's session")
        .WithDescription("Sets a cookie, and gives the token that every change needs in X-Rush-Token. For browsers; programs use a key.");

    private static IResult Begin(HttpContext http, BuyerSessions sessions, Antiforgery antiforgery, BuyerLimits limits)
    {
        // With a key there is nothing to begin: the key is who asks.
        if (Caller.Of(http).Kind == CallerKind.Key) return Asking.Invalid("A session is for buyers without a key.");
        if (sessions.Ensure(http) is not { } caller) return Problems.TooManyRequests(60);

        http.Response.Headers.CacheControl = "no-store";
        return new JsonAnswer<SessionAnswer>(
            new(antiforgery.TokenFor(caller), limits.Holds, (int)limits.WaitAfterLapse.TotalSeconds), ApiJson.Api.SessionAnswer);
    }
}
