using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;

namespace TicketRush.Server.Api;

internal static class SaleEndpoints
{
    // One body for each published snapshot, whatever the number of those who look.
    private static readonly ConditionalWeakTable<SaleSnapshot, Lazy<byte[]>> Availabilities = [];

    public static void MapSales(this IEndpointRouteBuilder api)
    {
        var sales = api.MapGroup("/sales").WithTags("Sales");
        var changes = sales.MapGroup("").Needs(Permission.ChangeSales);


        // Counted, for it looks at the directory; what is asked for in a rush, the availability, looks at nothing but memory.
        sales.MapGet("", List).Counted().Answers<SaleListAnswer>().WithSummary("The sales");
        sales.MapGet("{sale}", Get).Answers<SaleAnswer>().WithSummary("A sale and its plan")
            .WithDescription("Its ETag is what a change of the plan sends in If-Match.");
        sales.MapGet("{sale}/availability", Availability).Answers<AvailabilityAnswer>()
            .Produces(304).MayAnswer("SALE_STOPPED")
            .Reads("If-None-Match", required: false, "The ETag of what you have.", "\"6-open\"")
            .WithSummary("What is free").WithDescription("True at its sequence. With If-None-Match, 304 when nothing has changed.");
        changes.MapPut("{sale}", Put).Accepts<PlanDocument>("application/json").Answers<SaleChangeAnswer>()
            .AsksSale(Refusal.PlanInvalid, Refusal.PlanChanged, Refusal.PlanFrozen, Refusal.CapacityInUse, Refusal.TooManyKeys)
            .MayAnswer("INVALID_ID", "IF_MATCH_REQUIRED", "TOO_MANY_SALES")
            .Reads("If-Match", required: false, "The ETag of the version that is to change; none to create.", "\"2\"")
            .WithSummary("Create a sale as a draft, or change its plan")
            .WithDescription("A change names the version it was made from in If-Match.");
        changes.MapPost("{sale}/open", (string sale, HttpRequest request, Sales all) => Change(sale, CommandKind.Open, request, all))
            .Answers<SaleChangeAnswer>().AsksSale(Refusal.IdReused, Refusal.SaleClosed, Refusal.PlanInvalid, Refusal.TooManyKeys)
            .Reads("Idempotency-Key", required: false, "A text of your own, 1 to 256 bytes; the same one when you repeat the request.",
                "open-1")
            .WithSummary("Open a sale, or go on with it");
        changes.MapPost("{sale}/pause", (string sale, HttpRequest request, Sales all) => Change(sale, CommandKind.Pause, request, all))
            .Answers<SaleChangeAnswer>().AsksSale(Refusal.IdReused, Refusal.SaleDraft, Refusal.SaleClosed, Refusal.TooManyKeys)
            .Reads("Idempotency-Key", required: false, "A text of your own, 1 to 256 bytes; the same one when you repeat the request.",
                "pause-1")
            .WithSummary("Pause a sale: no new holds");
        changes.MapPost("{sale}/close", (string sale, HttpRequest request, Sales all) => Change(sale, CommandKind.Close, request, all))
            .Answers<SaleChangeAnswer>().AsksSale(Refusal.IdReused, Refusal.SaleDraft, Refusal.TooManyKeys)
            .Reads("Idempotency-Key", required: false, "A text of your own, 1 to 256 bytes; the same one when you repeat the request.",
                "close-1")
            .WithSummary("Close a sale: no new holds");
    }

    private static IResult List(HttpContext http, Sales sales) =>
        new JsonAnswer<SaleListAnswer>(
            new([.. sales.All().Where(sale => Caller.Of(http).Kind == CallerKind.Key || !AccessMiddleware.IsDraft(sale))
                .Select(sale => new SaleListItem(sale.Name, sale.Sequencer?.Snapshot?.Plan.Name, StateOf(sale)))]),
            ApiJson.Api.SaleListAnswer);

    private static IResult Get(string sale, HttpContext http, Sales sales)
    {
        if (sales.Find(sale) is not { } found) return Problems.UnknownSale(sale);

        // A stopped sale is shown, and why it is stopped; the office must be able to see what it asks about.
        if (found.Sequencer?.Snapshot is not { } snapshot)
        {
            return new JsonAnswer<SaleAnswer>(
                new(sale, StateOf(found), Problems.PublicReason(found.Status), 0, 0, null, null), ApiJson.Api.SaleAnswer);
        }

        var reason = found.Status.Kind == SequencerStatusKind.Selling ? null : Problems.PublicReason(found.Status);
        return new JsonAnswer<SaleAnswer>(
            new(
                sale, StateOf(found), reason, snapshot.Sequence, snapshot.Revision, PlanMapping.Write(snapshot.Plan),
                Caller.Of(http).May(Permission.SeeFigures) ? new(snapshot.Owed.Payments, snapshot.Owed.Amount) : null),
            ApiJson.Api.SaleAnswer) { ETag = ETagOf(snapshot.Revision) };
    }

    private static IResult Availability(string sale, HttpContext http, Sales sales)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem)) return problem;

        var snapshot = found.Sequencer!.Snapshot!;
        var state = StateOf(found);

        // The state can change without an entry, when an opening or closing time comes.
        var etag = $"\"{snapshot.Sequence}-{state}\"";
        http.Response.Headers.ETag = etag;
        http.Response.Headers.CacheControl = "no-cache";
        if (http.Request.Headers.IfNoneMatch.ToString() == etag) return TypedResults.StatusCode(304);
        var byTheClock = snapshot.State == SaleState.Open && state != "open";
        if (byTheClock || state == "stopped") return TypedResults.Bytes(WriteAvailability(sale, state, snapshot), "application/json");
        return TypedResults.Bytes(
            Availabilities.GetValue(snapshot, seen => new(() => WriteAvailability(sale, state, seen))).Value, "application/json");
    }

    private static async Task<IResult> Put(string sale, HttpRequest request, Sales sales, ServerOptions options)
    {
        if (!PlanCheck.IsId(sale))
            return Problems.BadRequest("INVALID_ID", "A sale's name is 1 to 63 of a-z, 0-9 and -, and does not start with -.");
        var (document, wrong) = await Body.ReadAsync(request, ApiJson.Api.PlanDocument, Body.PlanBytesMax);
        if (document is null) return wrong!;
        if (PlanMapping.HasNull(document) is { } nothing) return Problems.BadRequest("INVALID_JSON", $"{nothing} must not be null.");
        var (plan, errors) = PlanMapping.Read(document, options.AllowTestPayments);
        if (plan is null) return Problems.PlanInvalid(errors);

        var version = request.Headers.IfMatch.ToString();
        var revision = ParseETag(version);
        if (version.Length > 0 && revision is null)
            return Problems.BadRequest("INVALID_REQUEST", "If-Match must be the ETag that GET of the sale gave.");

        try
        {
            // Who names a version means to change a sale, not to create one.
            if (revision is null && sales.Opened(sale) is null) sales.TryCreate(sale, plan, Caller.Of(request.HttpContext).Key?.Name);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JournalRefusedException)
        {
            return Problems.Retry(
                503, "DISK_FULL", "The sale could not be written: the server's disk is full, or failing. Ask again; it does nothing twice.",
                5);
        }
        catch (InvalidOperationException e)
        {
            return Problems.BadRequest("TOO_MANY_SALES", e.Message, 409);
        }

        if (!Asking.TryFind(sales, sale, out var found, out var problem)) return problem;
        // Asking for the plan that stands is a repeat, with or without a version; anything else must say what it changes.
        var submission = new Submission { Command = new() { Kind = CommandKind.Plan, Plan = plan, Revision = revision ?? -1 } };
        Caller.Of(request.HttpContext).Sign(ref submission.Command);
        var outcome = await found.Sequencer!.SubmitAsync(submission);
        if (outcome == Outcome.Refused && submission.Reply.Refusal == Refusal.PlanChanged && revision is null)
        {
            return Problems.BadRequest(
                "IF_MATCH_REQUIRED", $"There is a sale \"{sale}\" with another plan. GET it, change that, and send its ETag in If-Match.",
                428);
        }

        if (outcome != Outcome.Done) return Problems.From(outcome, submission, found);
        request.HttpContext.Response.Headers.ETag = ETagOf(submission.Reply.Sequence);
        return Answering.Change(sale, submission, found.Sequencer);
    }

    private static async Task<IResult> Change(string sale, CommandKind kind, HttpRequest request, Sales sales)
    {
        if (!Asking.TryFind(sales, sale, out var found, out var problem)) return problem;
        if (!Asking.TryKey(request.HttpContext, sales.Identities, required: false, out var key, out problem)) return problem;

        var submission = new Submission { Command = new() { Kind = kind, Key = key } };
        Caller.Of(request.HttpContext).Sign(ref submission.Command);
        var outcome = await found.Sequencer!.SubmitAsync(submission);
        return outcome == Outcome.Done ? Answering.Change(sale, submission, found.Sequencer) : Problems.From(outcome, submission, found);
    }

    internal static byte[] WriteAvailability(string sale, string state, SaleSnapshot snapshot)
    {
        var plan = snapshot.Plan;
        return JsonSerializer.SerializeToUtf8Bytes(
            new(
                sale, state, plan.Currency,
                Array.ConvertAll(
                    plan.Tiers, tier => new TierAvailability(tier.Id, tier.Name, tier.Price, FreeOf(snapshot, plan.PoolNamed(tier.Pool)))),
                [.. snapshot.Pools.Select((pool, i) =>
                    new PoolAvailability(plan.Pools[i].Id, pool.Capacity, pool.Blocked, pool.Held, pool.Sold, pool.Free)
                    {
                        Pairs = PairsOf(snapshot, i),
                    })],
                snapshot.Sequence, PlanTimes.Utc(snapshot.TimeMs), snapshot.Hash.ToString())
            {
                Waiting = plan.Rules.Waitlist ? snapshot.Waiting : null,
            },
            ApiJson.Api.AvailabilityAnswer);
    }

    // What anybody may have: for the whole journey, where the pool travels; without the places for wheelchairs.
    internal static int FreeOf(SaleSnapshot snapshot, int pool) =>
        pool < snapshot.Views.Length && snapshot.Views[pool] is { } view ? Math.Max(view.FreeFor(0, view.Legs), 0)
            : snapshot.Pools[pool].Free;

    private static int[][]? PairsOf(SaleSnapshot snapshot, int pool)
    {
        if (snapshot.Plan.Pools[pool].Travel == Travel.None || snapshot.Views[pool] is not { } view) return null;
        var pairs = new int[view.Legs][];
        for (var from = 0; from < pairs.Length; from++)
        {
            pairs[from] = new int[view.Legs - from];
            for (var to = from + 1; to <= view.Legs; to++) pairs[from][to - from - 1] = Math.Max(view.FreeFor(from, to), 0);
        }

        return pairs;
    }

    internal static string StateOf(OpenSale sale) =>
        sale.Status.Kind is SequencerStatusKind.Stopped or SequencerStatusKind.Failing || sale.Sequencer?.Snapshot is not { } snapshot
            ? "stopped"
            : Answering.NameOf(snapshot.State, snapshot.Plan, sale.Sequencer.NowMs);

    private static string ETagOf(long revision) => string.Create(CultureInfo.InvariantCulture, $"\"{revision}\"");

    private static long? ParseETag(string text) =>
        text is ['"', .. var digits, '"'] && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var revision)
            ? revision : null;
}
