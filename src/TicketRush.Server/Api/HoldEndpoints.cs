using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;

namespace TicketRush.Server.Api;

internal static class HoldEndpoints
{
    public static void MapHolds(this IEndpointRouteBuilder api)
    {
        var holds = api.MapGroup("/sales/{sale}/holds/{id}").WithTags("Holds");
        var changes = holds.MapGroup("").Needs(Permission.Hold);

        // PUT, not POST: the client names the hold, so a retry after a lost answer is the same request.
        changes.MapPut("", Put).Accepts<HoldRequest>("application/json").Answers<HoldAnswer>()
            .AsksSale(
                Refusal.IdReused, Refusal.SaleDraft, Refusal.SalePaused, Refusal.SaleClosed, Refusal.NotYetOpen, Refusal.UnknownTier,
                Refusal.OrderLimit, Refusal.BuyerLimit,
                Refusal.SoldOut, Refusal.NotEnough, Refusal.TooManyKeys)
            .AsksSale(PlacesAsking.Refusals)
            .MayAnswer("HOLDS_LIMIT", "NETWORK_HOLDS", "WAIT_AFTER_LAPSE")
            .WithSummary("Keep places for a buyer")
            .WithDescription("The same id with the same body repeats the first answer, sequence included.");
        holds.MapGet("", Get).Needs(Permission.SeeOrders).Answers<HoldAnswer>().AsksSale(Refusal.UnknownHold)
            .WithSummary("What has become of a hold");
        changes.MapPost("extend", Extend).Answers<HoldAnswer>()
            .AsksSale(
                Refusal.IdReused, Refusal.UnknownHold, Refusal.AlreadyPaid, Refusal.HoldReleased, Refusal.HoldExpired, Refusal.StillWaiting,
                Refusal.ExtensionLimit,
                Refusal.TooManyKeys)
            .Reads("Idempotency-Key", required: true, "A text of your own, 1 to 256 bytes; the same one when you repeat the request.",
                "more-time-1")
            .WithSummary("Extend a hold by holdSeconds");
        changes.MapPost("pay", Pay).Accepts<PayRequest>("application/json").Answers<OrderAnswer>()
            .AsksSale(
                Refusal.UnknownHold, Refusal.AlreadyPaid, Refusal.HoldReleased, Refusal.BuyerLimit, Refusal.SoldOut, Refusal.NotEnough,
                Refusal.SeatTaken,
                Refusal.PassengerOverlap, Refusal.StillWaiting, Refusal.TooManyKeys)
            .MayAnswer("PAYMENT_ELSEWHERE")
            .WithSummary("Pay a hold: it becomes an order")
            .WithDescription("A refused payment is written down as owed back; its problem has a sequence.");
        changes.MapDelete("", Release).Answers<HoldAnswer>()
            .AsksSale(Refusal.UnknownHold, Refusal.AlreadyPaid, Refusal.HoldExpired, Refusal.TooManyKeys)
            .WithSummary("Give the places back");
    }

    private static async Task<IResult> Put(string sale, string id, HttpContext http, Sales sales, Desk desk)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem)
            || !Asking.TryHold(sales.Identities, id, out var hold, out problem)) return problem;
        var (body, wrong) = await Body.ReadAsync(http.Request, ApiJson.Api.HoldRequest);
        if (body is null) return wrong!;

        var plan = found.Sequencer!.Snapshot!.Plan;
        if (!Asking.TryBuyer(http, sales.Identities, body.Buyer, out var buyer, out problem)
            || !Asking.TryLines(body.Items, plan, out var lines, out problem)) return problem;

        var command = new Command { Kind = CommandKind.Hold, Hold = hold, Buyer = buyer, Lines = lines, Plan = plan };
        if (!PlacesAsking.TryPlaces(
            ref command, body.Items, body.From, body.To, body.Wheelchair, body.Apart, sales.Identities, out problem)) return problem;
        var submission = PlacesAsking.Submission(command, plan);
        var answer = await desk.AskAsync(Caller.Of(http), found, submission);
        return Problems.From(answer, submission, found) ?? Answering.Hold(id, submission);
    }

    private static Task<IResult> Get(string sale, string id, HttpContext http, Sales sales, Desk desk) =>
        AskAsync(http, desk, sales, sale, id, new() { Kind = CommandKind.FindHold }, Answering.Hold);

    private static async Task<IResult> Extend(string sale, string id, HttpContext http, Sales sales, Desk desk)
    {
        if (!Asking.TryKey(http, sales.Identities, required: true, out var key, out var problem)) return problem;
        return await AskAsync(http, desk, sales, sale, id, new() { Kind = CommandKind.Extend, Key = key }, Answering.Hold);
    }

    private static async Task<IResult> Pay(string sale, string id, HttpContext http, Sales sales, Desk desk)
    {
        var (body, wrong) = await Body.ReadAsync(http.Request, ApiJson.Api.PayRequest);
        if (body is null) return wrong!;
        if (!Asking.TryFind(sales, sale, out var found, out var problem)
            || !Asking.IsReference(http, body.Reference, found.Sequencer!.Snapshot!.Plan, out problem))
            return problem;

        return await AskAsync(
            http, desk, sales, sale, id, new() { Kind = CommandKind.Pay, Reference = sales.Identities.Reference(body.Reference) },
            Answering.Order);
    }

    private static Task<IResult> Release(string sale, string id, HttpContext http, Sales sales, Desk desk) =>
        AskAsync(http, desk, sales, sale, id, new() { Kind = CommandKind.Release }, Answering.Hold);

    /// <summary>Submits a command about the hold or order of that id.</summary>
    internal static async Task<IResult> AskAsync(
        HttpContext http, Desk desk, Sales sales, string sale, string id, Command command, Func<string, Submission, IResult> answer)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem)
            || !Asking.TryHold(sales.Identities, id, out command.Hold, out problem)) return problem;

        var submission = PlacesAsking.Submission(command, found.Sequencer!.Snapshot!.Plan);
        var said = await desk.AskAsync(Caller.Of(http), found, submission);
        return Problems.From(said, submission, found) ?? answer(id, submission);
    }
}
