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
                + "Where money is collected, orders are exchanged for another price by the office and its staff alone.");
        sale.MapPut("waitlist/{id}", Wait).Needs(Permission.Hold).Accepts<WaitRequest>("application/json").Answers<HoldAnswer>()
            .AsksSale(
                Refusal.IdReused, Refusal.SaleDraft, Refusal.SalePaused, Refusal.SaleClosed, Refusal.NotYetOpen, Refusal.UnknownTier,
                Refusal.UnknownStop,
                Refusal.BadJourney, Refusal.OrderLimit, Refusal.BuyerLimit, Refusal.CannotWait, Refusal.PartyTooLarge,
                Refusal.BadPassengers,
                Refusal.PassengerOverlap, Refusal.TooManyKeys)
            .MayAnswer("HOLDS_LIMIT", "NETWORK_HOLDS", "WAIT_AFTER_LAPSE")
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
        if (!PlacesAsking.TrySeats(snapshot, pool, from, to, out var seats, out problem)) return problem;

        var etag = $"\"{snapshot.Sequence}\"";
        http.Response.Headers.ETag = etag;
        http.Response.Headers.CacheControl = "no-cache";
        if (http.Request.Headers.IfNoneMatch.ToString() == etag) return TypedResults.StatusCode(304);
        return new JsonAnswer<SeatsAnswer>(
            new(
                pool, seats.Travels ? snapshot.Plan.Stops![seats.From].Id : null, seats.Travels ? snapshot.Plan.Stops![seats.To].Id : null,
                seats.View.SeatCount, seats.View.FreeSeats(seats.From, seats.To),
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
        if (body.Of is null == body.Order is null)
            return Asking.Invalid("Name what is given back: of, an id, or order, an order's number.");
        if (body.Order is <= 0) return Asking.Invalid($"order is {body.Order}; it must be an order's number, 1 or more.");
        var of = default(HoldId);
        if ((body.Of is not null && !Asking.TryHold(sales.Identities, body.Of, out of, out problem))
            || !Asking.IsText(body.Reference, "reference", required: false, out problem)
            || !Asking.TryLines(body.Items, plan, out var lines, out problem))
            return problem;

        var command = new Command
        {
            Kind = CommandKind.Exchange, Hold = hold, Of = of, Order = body.Order ?? 0, Tickets = body.Tickets, Lines = lines, Plan = plan,
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
