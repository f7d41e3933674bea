using TicketRush.Engine;
using TicketRush.Journal;

namespace TicketRush.Server.Api;

internal static class HoldEndpoints
{
    public static void MapHolds(this IEndpointRouteBuilder api)
    {
        var holds = api.MapGroup("/sales/{sale}/holds/{id}").WithTags("Holds");
        var changes = holds.MapGroup("").NeedsOfficeKey();

        // PUT, not POST: the client names the hold, so a retry after a lost answer is the same request.
        changes.MapPut("", Put).Accepts<HoldRequest>("application/json").Answers<HoldAnswer>(404, 409)
            .WithSummary("Keep places for a buyer").WithDescription("The same id with the same body repeats the first answer, sequence included.");
        holds.MapGet("", Get).Answers<HoldAnswer>(404).WithSummary("What has become of a hold");
        changes.MapPost("extend", Extend).Answers<HoldAnswer>(404, 409)
            .WithSummary("Extend a hold by holdSeconds").WithDescription("Needs the header Idempotency-Key.");
        changes.MapPost("pay", Pay).Accepts<PayRequest>("application/json").Answers<OrderAnswer>(404, 409)
            .WithSummary("Pay a hold: it becomes an order").WithDescription("A refused payment is written down as owed back; its problem has a sequence.");
        changes.MapDelete("", Release).Answers<HoldAnswer>(404, 409).WithSummary("Give the places back");
    }

    private static async Task<IResult> Put(string sale, string id, HttpRequest request, Sales sales)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem) || !Asking.TryHold(sales.Identities, id, out var hold, out problem)) return problem;
        var (body, wrong) = await Body.ReadAsync(request, ApiJson.Api.HoldRequest);
        if (body is null) return wrong!;

        var plan = found.Sequencer!.Snapshot!.Plan;
        if (!Asking.IsText(body.Buyer, "buyer", required: true, out problem) || !Asking.TryLines(body.Items, plan, out var lines, out problem)) return problem;

        var command = new Command { Kind = CommandKind.Hold, Hold = hold, Buyer = sales.Identities.Buyer(body.Buyer), Lines = lines, Plan = plan };
        if (!PlacesAsking.TryPlaces(ref command, body.Items, body.From, body.To, body.Wheelchair, body.Apart, sales.Identities, out problem)) return problem;
        var submission = PlacesAsking.Submission(command, plan);
        var outcome = await found.Sequencer.SubmitAsync(submission);
        return outcome == Outcome.Done ? Answering.Hold(id, submission) : Problems.From(outcome, submission, found);
    }

    private static Task<IResult> Get(string sale, string id, Sales sales) =>
        AskAsync(sales, sale, id, new() { Kind = CommandKind.FindHold }, Answering.Hold);

    private static async Task<IResult> Extend(string sale, string id, HttpRequest request, Sales sales)
    {
        if (!Asking.TryKey(request, sales.Identities, required: true, out var key, out var problem)) return problem;
        return await AskAsync(sales, sale, id, new() { Kind = CommandKind.Extend, Key = key }, Answering.Hold);
    }

    private static async Task<IResult> Pay(string sale, string id, HttpRequest request, Sales sales)
    {
        var (body, wrong) = await Body.ReadAsync(request, ApiJson.Api.PayRequest);
        if (body is null) return wrong!;
        if (!Asking.TryFind(sales, sale, out var found, out var problem)
            || !Asking.IsReference(body.Reference, found.Sequencer!.Snapshot!.Plan, out problem))
            return problem;

        return await AskAsync(
            sales, sale, id, new() { Kind = CommandKind.Pay, Reference = sales.Identities.Reference(body.Reference) }, Answering.Order);
    }

    private static Task<IResult> Release(string sale, string id, Sales sales) =>
        AskAsync(sales, sale, id, new() { Kind = CommandKind.Release }, Answering.Hold);

    /// <summary>Submits a command about the hold or order of that id.</summary>
    internal static async Task<IResult> AskAsync(Sales sales, string sale, string id, Command command, Func<string, Submission, IResult> answer)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem) || !Asking.TryHold(sales.Identities, id, out command.Hold, out problem)) return problem;

        var submission = PlacesAsking.Submission(command, found.Sequencer!.Snapshot!.Plan);
        var outcome = await found.Sequencer!.SubmitAsync(submission);
        return outcome == Outcome.Done ? answer(id, submission) : Problems.From(outcome, submission, found);
    }
}
