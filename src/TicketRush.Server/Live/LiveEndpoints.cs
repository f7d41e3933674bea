using System.Globalization;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;

namespace TicketRush.Server.Live;

internal static class LiveEndpoints
{
    public static void MapLive(this IEndpointRouteBuilder api)
    {
        api.MapGet("/sales/{sale}/live", WatchAsync).Produces<string>(200, "text/event-stream").MayAnswer("SALE_STOPPED", "BUSY")
            .WithTags("Sales")
            .WithSummary("What is free, live").WithDescription(
                "Server-sent events \"availability\": each is the answer of GET …/availability, its id the sequence. "
                + "Only the newest is sent, at most ten times a second.");
        api.MapGet("/sales/{sale}/pools/{pool}/seats/live", WatchSeatsAsync).Produces<string>(200, "text/event-stream")
            .MayAnswer("SALE_STOPPED", "UNKNOWN_POOL", "NO_SEATS", "UNKNOWN_STOP", "BAD_JOURNEY", "BUSY")
            .WithTags("Places")
            .WithSummary("Which seats of a pool are free, live").WithDescription(
                "Server-sent events, each with its sequence as id: \"seats\" has one bit for each seat, as GET …/seats; \"changed\" the bytes of it "
                + "that are different from those at \"since\", as they are now. With since, or Last-Event-ID, only what has changed since, "
                + "where that is known. Ignore what has a lower sequence than you have. At most ten times a second.");
    }

    private static async Task WatchAsync(string sale, HttpContext http, Sales sales, LiveUpdates live)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem))
        {
            await problem.ExecuteAsync(http);
            return;
        }

        await StreamAsync(http, network => live.TryWatchAsync(found, http, network));
    }

    private static async Task WatchSeatsAsync(
        string sale, string pool, HttpContext http, Sales sales, LiveUpdates live, string? from = null, string? to = null,
            string? since = null)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem)
            || !PlacesAsking.TrySeats(found.Sequencer!.Snapshot!, pool, from, to, out var seats, out problem))
        {
            await problem.ExecuteAsync(http);
            return;
        }

        // A browser that lost its connection says what it has; that is newer than what the page was made with.
        var last = http.Request.Headers["Last-Event-ID"].ToString();
        var known = Math.Max(SequenceOf(last), SequenceOf(since));
        await StreamAsync(http, network => live.TryWatchSeatsAsync(found, seats.Pool, seats.From, seats.To, known, http, network));
    }

    // What is no sequence is none.
    private static long SequenceOf(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var sequence) ? sequence : Channel.NothingSeen;

    private static async Task StreamAsync(HttpContext http, Func<UInt128, Task<bool>> watch)
    {
        var response = http.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";

        // What collects answers before it passes them on (nginx) would turn live into late.
        response.Headers["X-Accel-Buffering"] = "no";
        if (await watch(RateLimits.NetworkOf(http.Connection.RemoteIpAddress))) return;

        response.Headers.Remove("X-Accel-Buffering");
        await Problems.Retry(503, "BUSY", "As many watch as can be served. Ask for the availability instead, or try again.", 30)
            .ExecuteAsync(http);
    }
}
