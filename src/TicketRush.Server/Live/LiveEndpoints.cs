using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;

namespace TicketRush.Server.Live;

internal static class LiveEndpoints
{
    public static void MapLive(this IEndpointRouteBuilder api) =>
        api.MapGet("/sales/{sale}/live", WatchAsync).Produces<string>(200, "text/event-stream").MayAnswer("SALE_STOPPED", "BUSY").WithTags("Sales")
            .WithSummary("What is free, live").WithDescription(
                "Server-sent events \"availability\": each is the answer of GET …/availability, its id the sequence. Only the newest is sent, at most ten times a second.");

    private static async Task WatchAsync(string sale, HttpContext http, Sales sales, LiveUpdates live)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem))
        {
            await problem.ExecuteAsync(http);
            return;
        }

        var response = http.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";

        // What collects answers before it passes them on (nginx) would turn live into late.
        response.Headers["X-Accel-Buffering"] = "no";
        if (await live.TryWatchAsync(found, http, RateLimits.NetworkOf(http.Connection.RemoteIpAddress))) return;

        response.Headers.Remove("X-Accel-Buffering");
        await Problems.Retry(503, "BUSY", "As many watch as can be served. Ask for the availability instead, or try again.", 30).ExecuteAsync(http);
    }
}
