using TicketRush.Engine;
using TicketRush.Journal;

namespace TicketRush.Server.Api;

internal static class OrderEndpoints
{
    public static void MapOrders(this IEndpointRouteBuilder api)
    {
        var orders = api.MapGroup("/sales/{sale}/orders").WithTags("Orders");
        var office = orders.MapGroup("").NeedsOfficeKey();

        office.MapPut("{id}", Put).Accepts<OrderRequest>("application/json").Answers<OrderAnswer>(404, 409)
            .WithSummary("Hold and pay in one").WithDescription("The same id with the same body repeats the first answer, sequence included.");
        orders.MapGet("{id}", Get).Answers<OrderAnswer>(404).WithSummary("An order and its tickets");
        office.MapGet("", List).Answers<OrderListAnswer>().WithSummary("Orders by sequence, a page at a time; their ids are never shown");
        office.MapPost("{id}/refund", Refund).Accepts<RefundRequest>("application/json").Answers<RefundAnswer>(404, 409)
            .WithSummary("Refund an order or some of its tickets").WithDescription("Needs the header Idempotency-Key. Without tickets, all that are left.");
    }

    private static async Task<IResult> Put(string sale, string id, HttpRequest request, Sales sales)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem) || !Asking.TryHold(sales.Identities, id, out var hold, out problem)) return problem;
        var (body, wrong) = await Body.ReadAsync(request, ApiJson.Api.OrderRequest);
        if (body is null) return wrong!;

        var plan = found.Sequencer!.Snapshot!.Plan;
        if (!Asking.IsText(body.Buyer, "buyer", required: true, out problem)
            || !Asking.IsReference(body.Reference, plan, out problem)
            || !Asking.TryLines(body.Items, plan, out var lines, out problem))
            return problem;

        var command = new Command
        {
            Kind = CommandKind.Purchase,
            Hold = hold,
            Buyer = sales.Identities.Buyer(body.Buyer),
            Reference = sales.Identities.Reference(body.Reference),
            Lines = lines,
            Plan = plan,
        };
        if (!PlacesAsking.TryPlaces(ref command, body.Items, body.From, body.To, body.Wheelchair, body.Apart, sales.Identities, out problem)) return problem;
        var submission = PlacesAsking.Submission(command, plan);
        var outcome = await found.Sequencer.SubmitAsync(submission);
        return outcome == Outcome.Done ? Answering.Order(id, submission) : Problems.From(outcome, submission, found);
    }

    private static Task<IResult> Get(string sale, string id, Sales sales) =>
        HoldEndpoints.AskAsync(sales, sale, id, new() { Kind = CommandKind.FindOrder }, Answering.Order);

    private static async Task<IResult> List(string sale, Sales sales, string? after = null)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem)) return problem;
        if (!long.TryParse(after ?? "0", System.Globalization.NumberStyles.None, null, out var from))
            return Asking.Invalid("after must be a sequence: a whole number, 0 or more.");

        var submission = new Submission { Command = new() { Kind = CommandKind.ListOrders, Revision = from } };
        var outcome = await found.Sequencer!.SubmitAsync(submission);
        return outcome == Outcome.Done ? Answering.Orders(submission) : Problems.From(outcome, submission, found);
    }

    private static async Task<IResult> Refund(string sale, string id, HttpRequest request, Sales sales)
    {
        if (!Asking.TryKey(request, sales.Identities, required: true, out var key, out var problem)) return problem;
        var (body, wrong) = await Body.ReadAsync(request, ApiJson.Api.RefundRequest);
        if (body is null) return wrong!;

        if (body.Tickets is { Length: 0 or > PlanRules.PerOrderMax })
            return Asking.Invalid($"tickets has {body.Tickets.Length} elements; 1 to {PlanRules.PerOrderMax} are allowed, or null for all.");

        var command = new Command { Kind = CommandKind.Refund, Key = key, Tickets = body.Tickets, Reason = body.Reason, Resell = body.Resell };
        return await HoldEndpoints.AskAsync(sales, sale, id, command, Answering.Refund);
    }
}
