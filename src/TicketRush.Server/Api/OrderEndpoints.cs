using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;

namespace TicketRush.Server.Api;

internal static class OrderEndpoints
{
    public static void MapOrders(this IEndpointRouteBuilder api)
    {
        var orders = api.MapGroup("/sales/{sale}/orders").WithTags("Orders");

        orders.MapPut("{id}", Put).Needs(Permission.Hold).Accepts<OrderRequest>("application/json").Answers<OrderAnswer>()
            .AsksSale(
                Refusal.IdReused, Refusal.SaleDraft, Refusal.SalePaused, Refusal.SaleClosed, Refusal.NotYetOpen, Refusal.UnknownTier,
                Refusal.OrderLimit, Refusal.BuyerLimit,
                Refusal.SoldOut, Refusal.NotEnough, Refusal.TooManyKeys)
            .AsksSale(PlacesAsking.Refusals)
            .MayAnswer("PAYMENT_ELSEWHERE")
            .WithSummary("Hold and pay in one")
            .WithDescription("The same id with the same body repeats the first answer, sequence included.");
        orders.MapGet("{id}", Get).Needs(Permission.SeeOrders).Answers<OrderAnswer>().AsksSale(Refusal.UnknownOrder)
            .WithSummary("An order and its tickets");
        orders.MapGet("", List).Needs(Permission.ListOrders).Answers<OrderListAnswer>()
            .AsksSale().MayAnswer("INVALID_REQUEST")
            .WithSummary("Orders by sequence, a page at a time; their ids are never shown").WithDescription("A shop sees its own.");
        orders.MapPost("{id}/refund", Refund).Needs(Permission.Refund).Accepts<RefundRequest>("application/json").Answers<RefundAnswer>()
            .AsksSale(
                Refusal.IdReused, Refusal.ReasonInvalid, Refusal.UnknownOrder, Refusal.UnknownTicket, Refusal.AlreadyRefunded,
                Refusal.TooManyKeys)
            .Reads("Idempotency-Key", required: true, "A text of your own, 1 to 256 bytes; the same one when you repeat the request.",
                "refund-1")
            .WithSummary("Refund an order or some of its tickets").WithDescription("Without tickets, all that are left.");
    }

    private static async Task<IResult> Put(string sale, string id, HttpContext http, Sales sales, Desk desk)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem)
            || !Asking.TryHold(sales.Identities, id, out var hold, out problem)) return problem;
        var (body, wrong) = await Body.ReadAsync(http.Request, ApiJson.Api.OrderRequest);
        if (body is null) return wrong!;

        var plan = found.Sequencer!.Snapshot!.Plan;
        if (!Asking.TryBuyer(http, sales.Identities, body.Buyer, out var buyer, out problem)
            || !Asking.IsReference(http, body.Reference, plan, out problem)
            || !Asking.TryLines(body.Items, plan, out var lines, out problem))
            return problem;

        var command = new Command
        {
            Kind = CommandKind.Purchase,
            Hold = hold,
            Buyer = buyer,
            Reference = sales.Identities.Reference(body.Reference),
            Lines = lines,
            Plan = plan,
        };
        if (!PlacesAsking.TryPlaces(
            ref command, body.Items, body.From, body.To, body.Wheelchair, body.Apart, sales.Identities, out problem)) return problem;
        var submission = PlacesAsking.Submission(command, plan);
        var answer = await desk.AskAsync(Caller.Of(http), found, submission);
        return Problems.From(answer, submission, found) ?? Answering.Order(id, submission);
    }

    private static Task<IResult> Get(string sale, string id, HttpContext http, Sales sales, Desk desk) =>
        HoldEndpoints.AskAsync(http, desk, sales, sale, id, new() { Kind = CommandKind.FindOrder }, Answering.Order);

    private static async Task<IResult> List(string sale, HttpContext http, Sales sales, Desk desk, string? after = null)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem)) return problem;
        if (!long.TryParse(after ?? "0", System.Globalization.NumberStyles.None, null, out var from))
            return Asking.Invalid("after must be a sequence: a whole number, 0 or more.");

        var submission = new Submission { Command = new() { Kind = CommandKind.ListOrders, Revision = from } };
        var answer = await desk.AskAsync(Caller.Of(http), found, submission);
        return Problems.From(answer, submission, found) ?? Answering.Orders(submission);
    }

    private static async Task<IResult> Refund(string sale, string id, HttpContext http, Sales sales, Desk desk)
    {
        if (!Asking.TryKey(http, sales.Identities, required: true, out var key, out var problem)) return problem;
        var (body, wrong) = await Body.ReadAsync(http.Request, ApiJson.Api.RefundRequest);
        if (body is null) return wrong!;

        if (body.Tickets is { Length: 0 or > PlanRules.PerOrderMax })
            return Asking.Invalid(
                $"tickets has {body.Tickets.Length} elements; 1 to {PlanRules.PerOrderMax} are allowed, or null for all.");

        var command =
            new Command { Kind = CommandKind.Refund, Key = key, Tickets = body.Tickets, Reason = body.Reason, Resell = body.Resell };
        return await HoldEndpoints.AskAsync(http, desk, sales, sale, id, command, Answering.Refund);
    }
}
