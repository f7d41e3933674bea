using System.Text.Json.Serialization.Metadata;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;

namespace TicketRush.Server.Api;

/// <summary>Every refusal and every error, once: its status, its code and what is said. Other fronts use the same codes.</summary>
public static class Problems
{
    private const string Busy = "Too many ask at this moment; nothing was started. Ask again with the same id.";
    private const string DiskFull = "The server's disk is full; nothing was started. Selling goes on by itself when there is room.";
    private const string Unknown = "Nobody knows yet whether it happened. Ask again with the same id, which does nothing twice and tells.";

    /// <summary>SoldOut is SOLD_OUT, everywhere.</summary>
    public static string Code(Refusal refusal)
    {
        var name = refusal.ToString();
        return string.Concat(name.Select((letter, i) => i > 0 && char.IsAsciiLetterUpper(letter) ? "_" + letter : letter.ToString()))
            .ToUpperInvariant();
    }

    private static readonly Dictionary<Refusal, (int Status, string Code, string Type)> Known =
        Enum.GetValues<Refusal>().ToDictionary(refusal => refusal, refusal => (StatusOf(refusal), Code(refusal), TypeOf(Code(refusal))));

    /// <summary>What a submission that is not done is answered.</summary>
    public static IResult From(Outcome outcome, Submission submission, OpenSale sale) => outcome switch
    {
        Outcome.Refused => From(submission),
        Outcome.Busy => Retry(503, "BUSY", Busy, 1),
        Outcome.DiskFull => Retry(503, "DISK_FULL", DiskFull, 5),
        Outcome.Stopped => Stopped(sale),
        _ => Retry(504, "OUTCOME_UNKNOWN", Unknown, 1),
    };

    /// <summary>The same in one line, for fronts without a body: the code, and what is said.</summary>
    internal static (string Code, string Detail) Tell(Outcome outcome, Submission submission, OpenSale sale) => outcome switch
    {
        Outcome.Refused when submission.Reply is { Sequence: not 0 and var sequence, Amount: var owed } =>
            (Known[submission.Reply.Refusal].Code,
                $"{Detail(submission.Reply, submission.Command)} Sequence {sequence}, owed back {owed}."),
        Outcome.Refused => (Known[submission.Reply.Refusal].Code, Detail(submission.Reply, submission.Command)),
        Outcome.Busy => ("BUSY", Busy),
        Outcome.DiskFull => ("DISK_FULL", DiskFull),
        Outcome.Stopped => ("SALE_STOPPED", StoppedDetail(sale)),
        _ => ("OUTCOME_UNKNOWN", Unknown),
    };

    /// <summary>The sale cannot be sold from here and now.</summary>
    public static IResult Stopped(OpenSale sale) =>
        Retry(503, "SALE_STOPPED", StoppedDetail(sale), sale.Status.Kind == SequencerStatusKind.Stopped ? 30 : 1);

    internal static string StoppedDetail(OpenSale sale) => $"The sale \"{sale.Name}\" is stopped. {PublicReason(sale.Status)}";

    /// <summary>Why a sale is stopped, in words that tell a stranger nothing about the machine.</summary>
    public static string PublicReason(SequencerStatus status) => status.Kind switch
    {
        SequencerStatusKind.TurnTaken => "Another server is at work in it and does not answer.",
        SequencerStatusKind.DiskFull => "The server's disk is full.",
        SequencerStatusKind.Failing => "Its journal cannot be written at the moment; this is tried again.",
        SequencerStatusKind.Stopped => status.Cause switch
        {
            JournalDamagedException => "Its journal is damaged.",
            NewerFormatException => "Its journal was written by a newer version.",
            JournalRefusedException => "Its journal was replaced or cannot be used.",
            IOException or UnauthorizedAccessException => "Its journal cannot be opened at the moment; this is tried again.",
            _ => "Something in it is not as it must be.",
        },
        _ => "",
    };

    public static IResult BadRequest(string code, string detail, int status = 400) =>
        Answer(new(TypeOf(code), Title(code), status, detail, code));

    public static IResult PlanInvalid(List<PlanError> errors) =>
        Answer(new(
            TypeOf("PLAN_INVALID"), Title("PLAN_INVALID"), 422, $"The plan has {errors.Count} error{(errors.Count == 1 ? "" : "s")}: "
            + string.Join("; ", errors.Take(3).Select(error => $"{error.Path} {error.Message}")) + (errors.Count > 3 ? "; …" : "."),
            "PLAN_INVALID")
        {
            Errors = [.. errors.Select(error => new ProblemError(error.Path, error.Message))],
        });

    public static IResult UnknownSale(string sale) => BadRequest("UNKNOWN_SALE", UnknownSaleDetail(sale), 404);

    /// <summary>Whether there is such a sale cannot be told in this moment, but in the next.</summary>
    public static IResult NotKnownNow() => Retry(503, "BUSY", Busy, 1);

    internal static (string Code, string Detail) NotKnownNowTold => ("BUSY", Busy);

    internal static string UnknownSaleDetail(string sale) => PlanCheck.IsId(sale)
        ? $"There is no sale \"{sale}\"."
        : "That names no sale: 1 to 63 of a-z, 0-9 and -, not starting with -.";

    public static IResult Retry(int status, string code, string detail, int seconds) =>
        Answer(new(TypeOf(code), Title(code), status, detail, code), seconds);

    public static IResult Answer(ProblemAnswer problem, int? retryAfter = null) => new Problem(problem, retryAfter);

    /// <summary>What the desk or the sale refuses; null when it did not.</summary>
    internal static IResult? From(DeskAnswer answer, Submission submission, OpenSale sale) => answer.Refusal switch
    {
        DeskRefusal.HoldsLimit => BadRequest(
            "HOLDS_LIMIT", "You have as many holds as one browser may have. Pay one or give one back, then ask again.", 409),
        DeskRefusal.WaitAfterLapse => Retry(
            429, "WAIT_AFTER_LAPSE", $"A hold of yours ran out unpaid. You can choose again in {answer.RetryAfter} s.", answer.RetryAfter),
        DeskRefusal.NetworkHolds => Retry(
            429, "NETWORK_HOLDS",
            "The buyers of your network have as many holds as they may together. Ask again, with the same id, when some have paid.",
            answer.RetryAfter),
        DeskRefusal.PaymentElsewhere => BadRequest(
            "PAYMENT_ELSEWHERE", "The money for this sale is taken by its office or a shop, which confirms the payment with its key.", 403),
        _ => answer.Outcome == Outcome.Done ? null : From(answer.Outcome, submission, sale),
    };

    public static IResult TooManyRequests(int seconds) =>
        Retry(429, "RATE_LIMITED", "You, or others in your network, ask too often. Nothing was started; ask again with the same id.",
            seconds);

    private static IResult From(Submission submission)
    {
        ref readonly var reply = ref submission.Reply;
        var (status, code, type) = Known[reply.Refusal];
        var written = reply.Sequence != 0;
        return Answer(new(type, Title(code), status, Detail(reply, submission.Command), code)
        {
            Allowed = !written && reply.Refusal is Refusal.BuyerLimit or Refusal.OrderLimit or Refusal.NotEnough or Refusal.SoldOut
                or Refusal.PartyTooLarge or Refusal.NotTogether ? reply.Allowed : null,
            OwedBack = written ? reply.Amount : null,
            Sequence = written ? reply.Sequence : null,
            Hash = written ? submission.Hash.ToString() : null,
        });
    }

    private static string Detail(in Reply reply, in Command command)
    {
        var said = reply.Refusal switch
        {
            // What is written down is told in the same words whenever it is asked again; the numbers are those of the day.
            Refusal.BuyerLimit when reply.Sequence != 0 => "The hold had run out, and the buyer's limit does not allow the places again.",
            Refusal.NotEnough or Refusal.SoldOut when reply.Sequence != 0 => "The hold had run out, and its places are not free any more.",
            Refusal.SeatTaken or Refusal.PassengerOverlap when reply.Sequence != 0 =>
                "The hold had run out, and its places are not free any more.",
            Refusal.UnknownSeat => $"The seat named for {PlacesAsking.PlaceOf(command, reply.Plan!, reply.Allowed)} is none of its pool; "
                + $"GET the sale to see its rows.",
            Refusal.SeatTaken => $"The {PlacesAsking.PlaceOf(command, reply.Plan!, reply.Allowed)} is not free.",
            Refusal.SeatsMixed => "Name a seat for every place of a pool or for none, and seats of one tier only where the plan says so.",
            Refusal.LeavesSingle => "These seats would leave a single one over beside them. Choose others, or ask for the best.",
            Refusal.PartyTooLarge => $"The largest party that can sit together here is {reply.Allowed}. With apart, more may sit apart.",
            Refusal.NotTogether => $"As many are free, but not together: {reply.Allowed} side by side are. With apart, you may sit apart.",
            Refusal.UnknownStop => "The plan has no such stop; GET the sale to see its stops.",
            Refusal.BadJourney => "from must be a stop before to, where something travels; where nothing does, leave both out.",
            Refusal.SeatReserved => $"The {PlacesAsking.PlaceOf(command, reply.Plan!, reply.Allowed)} is kept for a wheelchair or who "
                + $"comes along; ask for it with wheelchair.",
            Refusal.SeatsLater => "The seats of this pool are numbered later, so none can be named now.",
            Refusal.BadPassengers =>
                "Name one passenger for each place, none twice, where the plan asks for them; and none where it does not.",
            Refusal.PassengerOverlap => $"The passenger of place {reply.Allowed + 1} has a place on some of these legs already.",
            Refusal.CannotWait => "Only one tier without named seats can be waited for, in a sale with a waitlist.",
            Refusal.CannotNumber => "The seats of this pool are numbered already, or given at once.",
            Refusal.CannotExchange => "Only a live hold, or tickets that were not given back, can be exchanged for seats or journeys.",
            Refusal.StillWaiting => "It waits, and has no places yet.",
            Refusal.IdReused =>
                "This id was used before for something else. Make a new id for a new wish, and keep it for every repetition.",
            Refusal.UnknownHold => "There is no such hold in this sale.",
            Refusal.UnknownOrder => "There is no such order in this sale.",
            Refusal.UnknownTier => "The plan has no such tier; GET the sale to see its tiers.",
            Refusal.UnknownTicket => "The order has no such ticket.",
            Refusal.ReasonInvalid =>
                "reason must be a code of 1 to 40 of a-z, 0-9 and -, such as cannot-come: it is kept for ever in a journal that holds no "
                    + "personal data.",
            Refusal.SaleDraft => "The sale has not been opened.",
            Refusal.NotYetOpen => $"The sale opens at {PlanTimes.Utc(reply.Plan?.OpensAtMs ?? 0)}.",
            Refusal.SalePaused => "The sale is paused. Paying, releasing and refunding go on.",
            Refusal.SaleClosed => "The sale is closed. Paying, releasing and refunding go on.",
            Refusal.OrderLimit => $"One order may have {reply.Allowed} places.",
            Refusal.BuyerLimit => $"This buyer may have {reply.Allowed} more, live holds and tickets together.",
            Refusal.SoldOut => "No place is free in one of the tiers. Holds that lapse come back on sale.",
            Refusal.NotEnough => $"Only {reply.Allowed} are free in one of the tiers.",
            Refusal.ExtensionLimit => $"A hold may be extended {reply.Allowed} times.",
            Refusal.HoldExpired => "The hold has run out.",
            Refusal.HoldReleased => "The hold was released.",
            Refusal.AlreadyPaid => "The hold is paid already: it is an order.",
            Refusal.AlreadyRefunded => "These tickets are refunded already.",
            Refusal.PlanChanged => "The plan has changed since the version in If-Match. GET it, change that, and send its ETag.",
            Refusal.TooManyKeys => "More differently named keys have acted in this sale than it can tell apart.",
            Refusal.CapacityInUse when reply.Detail is not null && reply.Allowed == 0 =>
                "Places that are taken cannot be blocked or taken away:",
            Refusal.CapacityInUse => $"The capacity must not be below {reply.Allowed}.",
            _ => "",
        };

        var detail = reply.Detail is null ? said : said.Length == 0 ? reply.Detail : $"{said} {reply.Detail}";
        return reply.Sequence == 0 ? detail : detail + " The refused payment is written down as owed back.";
    }

    internal static int StatusOf(Refusal refusal) => refusal switch
    {
        Refusal.UnknownHold or Refusal.UnknownOrder or Refusal.UnknownTier or Refusal.UnknownTicket => 404,
        Refusal.UnknownSeat or Refusal.UnknownStop => 404,
        Refusal.ReasonInvalid or Refusal.BadJourney or Refusal.BadPassengers or Refusal.SeatsMixed => 400,
        Refusal.PlanInvalid => 422,
        Refusal.PlanChanged => 412,
        _ => 409,
    };

    private static string TypeOf(string code) => "urn:ticketrush:" + code.ToLowerInvariant().Replace('_', '-');

    private static string Title(string code)
    {
        var words = code.Replace('_', ' ').ToLowerInvariant();
        return char.ToUpperInvariant(words[0]) + words[1..];
    }
}

/// <summary>Problem details; or a page that says the same, where somebody with a browser asked.</summary>
internal sealed class Problem(ProblemAnswer problem, int? retryAfter) : IResult
{
    public ProblemAnswer Answer => problem;

    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.RequestServices.GetRequiredService<TurnedAway>().Add(problem);
        if (httpContext.RequestServices.GetService<IProblemPages>() is { } pages && pages.Takes(httpContext))
            return pages.AnswerAsync(httpContext, problem, retryAfter);
        httpContext.Response.Headers.CacheControl = "no-store";
        return new JsonAnswer<ProblemAnswer>(problem, ApiJson.Api.ProblemAnswer)
        {
            StatusCode = problem.Status,
            ContentType = "application/problem+json",
            RetryAfter = retryAfter,
        }.ExecuteAsync(httpContext);
    }
}

/// <summary>The pages that say to people what problem details say to programs. There may be none.</summary>
public interface IProblemPages
{
    /// <summary>Whether the request wants a page.</summary>
    bool Takes(HttpContext http);

    /// <param name="retryAfter">Seconds after which to ask again with the same id; null when that is pointless.</param>
    Task AnswerAsync(HttpContext http, ProblemAnswer problem, int? retryAfter);
}

/// <summary>An answer with a body whose shape is known when the program is built.</summary>
internal sealed class JsonAnswer<T>(T value, JsonTypeInfo<T> type) : IResult
{
    public int StatusCode { get; init; } = 200;
    public string ContentType { get; init; } = "application/json";
    public string? ETag { get; init; }
    public int? RetryAfter { get; init; }

    /// <summary>Says what is one caller's own: no cache keeps it.</summary>
    public bool IsPrivate { get; init; }

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = StatusCode;
        if (IsPrivate) response.Headers.CacheControl = "no-store";
        if (ETag is not null) response.Headers.ETag = ETag;
        if (RetryAfter is { } seconds) response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return response.WriteAsJsonAsync(value, type, ContentType);
    }
}
