using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;

namespace TicketRush.Server.Api;

/// <summary>Exchanges, the waitlist, numbers for seats that were sold without, and which seats are free.</summary>
internal static class PlacesEndpoints
{
    public static void MapPlaces(this IEndpointRouteBuilder api)
    {
        var sale = api.MapGroup("/sales/{sale}").WithTags("Places");

        sale.MapGet("pools/{pool}/seats", Seats).Answers<SeatsAnswer>().Produces(304)
            .MayAnswer("SALE_STOPPED", "UNKNOWN_POOL", "NO_SEATS", "UNKNOWN_STOP", "BAD_JOURNEY")
            .Reads("If-None-Match", required: false, "The ETag of what you have.", "\"6\"")
            .WithSummary("Which seats of a pool are free")
            .WithDescription("One bit for each seat; with from and to, free on that whole journey.");
        sale.MapPut("exchanges/{id}", Exchange).Needs(Permission.Hold).Accepts<ExchangeRequest>("application/json").Answers<HoldAnswer>()
            .AsksSale(
                Refusal.IdReused, Refusal.SaleDraft, Refusal.SalePaused, Refusal.SaleClosed, Refusal.NotYetOpen, Refusal.UnknownHold,
                Refusal.CannotExchange,
                Refusal.UnknownTicket, Refusal.AlreadyRefunded, Refusal.UnknownTier, Refusal.OrderLimit, Refusal.BuyerLimit,
                Refusal.SoldOut, Refusal.NotEnough,
                Refusal.TooManyKeys)
            .AsksSale(PlacesAsking.Refusals)
            .WithSummary("Give back a hold or tickets and take other places, in one decision")
            .WithDescription(
                "Answers the new hold, or the new order, with what was given back as credit. The same id with the same body repeats the "
                    + "first answer. "
                + "Orders are exchanged by the office and its staff.");
        sale.MapPut("waitlist/{id}", Wait).Needs(Permission.Hold).Accepts<WaitRequest>("application/json").Answers<HoldAnswer>()
            .AsksSale(
                Refusal.IdReused, Refusal.SaleDraft, Refusal.SalePaused, Refusal.SaleClosed, Refusal.NotYetOpen, Refusal.UnknownTier,
                Refusal.UnknownStop,
                Refusal.BadJourney, Refusal.OrderLimit, Refusal.BuyerLimit, Refusal.CannotWait, Refusal.PartyTooLarge,
                Refusal.BadPassengers,
                Refusal.PassengerOverlap, Refusal.TooManyKeys)
            .MayAnswer("HOLDS_LIMIT", "WAIT_AFTER_LAPSE")
            .WithSummary("Wait for places")
            .WithDescription("The id is that of the hold that is offered when places come back; GET and DELETE it as a hold.");
        sale.MapPost("pools/{pool}/numbers", Number).Needs(Permission.ChangeSales).Answers<SaleChangeAnswer>()
            .AsksSale(Refusal.IdReused, Refusal.SaleDraft, Refusal.CannotNumber, Refusal.TooManyKeys)
            .MayAnswer("UNKNOWN_POOL")
            .Reads("Idempotency-Key", required: false, "A text of your own, 1 to 256 bytes; the same one when you repeat the request.",
                "numbers-1")
            .WithSummary("Number the seats of a pool that sold them without numbers");
    }

    private static IResult Seats(string sale, string pool, HttpContext http, Sales sales, string? from = null, string? to = null)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem)) return problem;
        var snapshot = found.Sequencer!.Snapshot!;
        var number = snapshot.Plan.PoolNamed(pool);
        if (number < 0) return Problems.BadRequest("UNKNOWN_POOL", $"The plan has no pool \"{pool}\".", 404);
        if (snapshot.Plan.Pools[number].Rows is null || snapshot.Views[number] is not { SeatCount: > 0 } view)
            return Problems.BadRequest("NO_SEATS", "The places of this pool have no numbers, or none yet.", 409);

        var travels = snapshot.Plan.Pools[number].Travel != Travel.None;
        var (first, end) = (0, view.Legs);
        if (from is not null || to is not null)
        {
            (first, end) = (PlacesAsking.StopOf(snapshot.Plan, from ?? ""), PlacesAsking.StopOf(snapshot.Plan, to ?? ""));
            if (first == ushort.MaxValue || end == ushort.MaxValue)
                return Problems.BadRequest("UNKNOWN_STOP", "The plan has no such stop; give from and to.", 404);
            if (!travels || first >= end)
                return Problems.BadRequest("BAD_JOURNEY", "A journey goes from a stop to a later one, in a pool that travels.");
        }

        var etag = $"\"{snapshot.Sequence}\"";
        http.Response.Headers.ETag = etag;
        http.Response.Headers.CacheControl = "no-cache";
        if (http.Request.Headers.IfNoneMatch.ToString() == etag) return TypedResults.StatusCode(304);
        return new JsonAnswer<SeatsAnswer>(
            new(
                pool, travels ? snapshot.Plan.Stops![first].Id : null, travels ? snapshot.Plan.Stops![end].Id : null, view.SeatCount,
                view.FreeSeats(first, end),
                snapshot.Sequence, PlanTimes.Utc(snapshot.TimeMs), snapshot.Hash.ToString()),
            ApiJson.Api.SeatsAnswer);
    }

    private static async Task<IResult> Exchange(string sale, string id, HttpContext http, Sales sales, Desk desk)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem)
            || !Asking.TryHold(sales.Identities, id, out var hold, out problem)) return problem;
        var (body, wrong) = await Body.ReadAsync(http.Request, ApiJson.Api.ExchangeRequest);
        if (body is null) return wrong!;

        var plan = found.Sequencer!.Snapshot!.Plan;
        if (body.Tickets is { Length: 0 or > PlanRules.PerOrderMax })
            return Asking.Invalid(
                $"tickets has {body.Tickets.Length} elements; 1 to {PlanRules.PerOrderMax} are allowed, or null for all.");
        if (!Asking.TryHold(sales.Identities, body.Of, out var of, out problem)
            || !Asking.IsText(body.Reference, "reference", required: false, out problem)
            || !Asking.TryLines(body.Items, plan, out var lines, out problem))
            return problem;

        var command = new Command
        {
            Kind = CommandKind.Exchange, Hold = hold, Of = of, Tickets = body.Tickets, Lines = lines, Plan = plan,
            Reference = sales.Identities.Reference(body.Reference),
        };
        if (!PlacesAsking.TryPlaces(
            ref command, body.Items, body.From, body.To, body.Wheelchair, body.Apart, sales.Identities, out problem)) return problem;
        var submission = PlacesAsking.Submission(command, plan);
        var answer = await desk.AskAsync(Caller.Of(http), found, submission);
        return Problems.From(answer, submission, found)
            ?? (submission.Reply.State == HoldState.Paid ? Answering.Order(id, submission) : Answering.Hold(id, submission));
    }

    private static async Task<IResult> Wait(string sale, string id, HttpContext http, Sales sales, Desk desk)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem)
            || !Asking.TryHold(sales.Identities, id, out var hold, out problem)) return problem;
        var (body, wrong) = await Body.ReadAsync(http.Request, ApiJson.Api.WaitRequest);
        if (body is null) return wrong!;

        var plan = found.Sequencer!.Snapshot!.Plan;
        if (!Asking.TryBuyer(http, sales.Identities, body.Buyer, out var buyer, out problem)
            || !Asking.TryLines(body.Items, plan, out var lines, out problem)) return problem;
        var command = new Command { Kind = CommandKind.Wait, Hold = hold, Buyer = buyer, Lines = lines, Plan = plan };
        if (!PlacesAsking.TryPlaces(
            ref command, body.Items, body.From, body.To, wheelchair: 0, apart: false, sales.Identities, out problem)) return problem;
        var submission = PlacesAsking.Submission(command, plan);
        var answer = await desk.AskAsync(Caller.Of(http), found, submission);
        return Problems.From(answer, submission, found) ?? Answering.Hold(id, submission);
    }

    private static async Task<IResult> Number(string sale, string pool, HttpContext http, Sales sales, Desk desk)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem)) return problem;
        if (!Asking.TryKey(http, sales.Identities, required: false, out var key, out problem)) return problem;
        var number = found.Sequencer!.Snapshot!.Plan.PoolNamed(pool);
        if (number < 0) return Problems.BadRequest("UNKNOWN_POOL", $"The plan has no pool \"{pool}\".", 404);

        var submission = new Submission { Command = new() { Kind = CommandKind.Number, Pool = (ushort)number, Key = key } };
        var answer = await desk.AskAsync(Caller.Of(http), found, submission);
        return Problems.From(answer, submission, found) ?? Answering.Change(sale, submission, found.Sequencer);
    }
}
