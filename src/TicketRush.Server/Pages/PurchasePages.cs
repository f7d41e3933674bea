using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Primitives;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;

namespace TicketRush.Server.Pages;

/// <summary>
/// From choosing to the order. Every form carries the id of its wish, so that a form sent twice, by a double press or because the answer
/// was lost, is one purchase; and after every post the browser is sent to a page that shows what came of it.
/// </summary>
internal static class PurchasePages
{
    // A buyer's payment moves no money (the engine takes it only where none is collected), so one name does for all: pressing twice is
    // paying once.
    private const string PageReference = "page";

    private const string FieldOfTier = "q.";

    // Of the address of a hold of which nobody knows whether it was made, paid or given back.
    private const string Asked = "?asked=yes";

    public static void MapPurchases(this IEndpointRouteBuilder app)
    {
        var sale = app.MapGroup("/sales/{sale}").ExcludeFromDescription();
        sale.MapGet("/choose", ChooseAsync).Counted();
        sale.MapPost("/holds", HoldAsync).Needs(Permission.Hold);
        sale.MapGet("/again", AgainAsync).Needs(Permission.Hold);
        sale.MapGet("/holds/{id}", ShowHoldAsync).Needs(Permission.SeeOrders);
        sale.MapPost("/holds/{id}/pay", (HttpContext http, Purchase on) => ChangeAsync(http, on, CommandKind.Pay)).Needs(Permission.Hold);
        sale.MapPost("/holds/{id}/extend", (HttpContext http, Purchase on) => ChangeAsync(http, on, CommandKind.Extend))
            .Needs(Permission.Hold);
        sale.MapPost("/holds/{id}/release", (HttpContext http, Purchase on) => ChangeAsync(http, on, CommandKind.Release))
            .Needs(Permission.Hold);
    }

    private static async Task ChooseAsync(HttpContext http, Purchase on)
    {
        if (Languages.TryChoose(http)) return;
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        // There is nothing to choose: the sale's own page says why, and when there may be.
        if (!sale.IsOpen || (sale.Free == 0 && !sale.Plan.HasPlaces)) await PageAnswer.SeeOther(http, sale.Url);
        else if (on.Sessions.Ensure(http) is null) await ErrorPages.SendAsync(http, 429, 30);
        else if (sale.Plan.HasPlaces)
        {
            await PlacesPages.ChooseAsync(
                http, on, sale, PlacesWish.Read(http.Request.Query, on.Sales.Identities), Quantities(http.Request.Query));
        }
        else await AskToChooseAsync(http, on, sale, new("", "", []), null);
    }

    private static async Task HoldAsync(HttpContext http, Purchase on)
    {
        var form = await PageForm.ReadAsync(http);
        if (on.Sale(http) is not { } sale) await ErrorPages.SendAsync(http, 404);
        // A key has the API, where it names its buyers.
        else if (Caller.Of(http).Kind != CallerKind.Buyer) await ErrorPages.SendAsync(http, 400);
        else await KeepAsync(http, on, sale, WishOf(form, sale, on));
    }

    /// <summary>
    /// The same wish again, from a browser without a script, which can only follow a link. The link was made for this session by an
    /// answer to its form and is signed: nobody else can make a browser ask with it.
    /// </summary>
    private static async Task AgainAsync(HttpContext http, Purchase on)
    {
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var query = http.Request.Query;
        var wish = WishOf(query, sale, on) with { Waits = query["waits"] == "yes" };
        if (on.IsSigned(Caller.Of(http), sale.Name, wish, query["until"].ToString(), query["sign"].ToString())) await KeepAsync(http, on,
            sale, wish);
        else await ErrorPages.SendAsync(http, 400);
    }

    private static Wish WishOf(IEnumerable<KeyValuePair<string, StringValues>> fields, SaleView sale, Purchase on)
    {
        var known = fields.Where(field => field.Key is "id" or "seen").ToDictionary(field => field.Key, field => field.Value.ToString());
        return new(known.GetValueOrDefault("id", ""), known.GetValueOrDefault("seen", ""), Quantities(fields))
        {
            Places = sale.Plan.HasPlaces ? PlacesWish.Read(fields, on.Sales.Identities) : PlacesWish.None,
        };
    }

    /// <summary>Asks the sale for what was chosen: a hold, an exchange, or a place on the waitlist.</summary>
    public static async Task KeepAsync(HttpContext http, Purchase on, SaleView sale, Wish wish)
    {
        var (plan, texts) = (sale.Plan, Languages.Of(http));
        if (!Asking.TryHold(on.Sales.Identities, wish.Id, out var hold, out _))
        {
            await ErrorPages.SendAsync(http, 400);
            return;
        }

        var total = wish.Quantities.Values.Sum(quantity => (long)quantity);
        var quantities = wish.Places.Seats.Length > 0 ? wish.Places.Share(plan, wish.Quantities) : wish.Quantities;
        if (quantities is null || Lines(plan, quantities) is not { } lines)
        {
            await AskToChooseAsync(http, on, sale, wish, quantities is null ? texts.MoreKindsThanSeats
                : wish.Quantities.Count > 0 ? texts.TooManyKinds(Engine.Lines.Max)
                : wish.Places.Pool is null ? texts.ChooseAtLeastOne : texts.ChooseAtLeastOneSeat, 422);
            return;
        }

        // Nobody is to find another price on the next page than the one that was agreed to. What was kept at the old one before its answer
        // was lost is kept: who were told to choose again would buy twice.
        if (wish.Seen != Choice.SeenOf(plan))
        {
            var (kept, _) = await FindAsync(http, on, sale, hold);
            if (kept == Outcome.Refused) await AskToChooseAsync(http, on, sale, wish, texts.RefusedPlanChanged, 409);
            else
            {
                Keepsakes.Add(http, on.Sessions, sale.Name, wish.Id);
                await PageAnswer.SeeOther(http, $"{sale.Url}/holds/{wish.Id}{(kept == Outcome.Done ? "" : Asked)}");
            }

            return;
        }

        if (!TryCommand(on, wish, hold, lines, plan, out var command))
        {
            await ErrorPages.SendAsync(http, 400);
            return;
        }

        var submission = PlacesAsking.Submission(command, plan);
        var answer = await on.Desk.AskAsync(Caller.Of(http), on.Open(sale), submission);
        var url = $"{sale.Url}/holds/{wish.Id}";
        if (answer.Outcome == Outcome.Done)
        {
            Keepsakes.Add(http, on.Sessions, sale.Name, wish.Id);
            await PageAnswer.SeeOther(http, url);
            return;
        }

        if (answer.Outcome == Outcome.Unknown)
        {
            Keepsakes.Add(http, on.Sessions, sale.Name, wish.Id);
            await WaitAsync(http, on, sale, texts.UnknownTitle, texts.UnknownText, 3, url + Asked, null, isUnknown: true);
            return;
        }

        // A wish that came by a link has its passengers as hashes, which no form sends: only the link asks for it again.
        var again = wish.Places.Passengers.Length > wish.Places.Names.Length ? null : wish.Waits
            ? new AgainForm($"{sale.Url}/waitlist", [("id", wish.Id), ("seen", wish.Seen), ("tier", wish.Quantities.Keys.Single()),
                ("n", Write(wish.Quantities.Values.Single())), .. wish.Places.Fields()])
            : new AgainForm($"{sale.Url}/holds", [("id", wish.Id), ("seen", wish.Seen),
                .. wish.Quantities.Select(one => (FieldOfTier + one.Key, Write(one.Value))), .. wish.Places.Fields()]);
        var link = on.Link(Caller.Of(http), sale.Name, wish);
        var reply = submission.Reply;
        switch (answer.Refusal, answer.Outcome, reply.Refusal)
        {
            case (DeskRefusal.HoldsLimit, _, _):
                await AskToChooseAsync(http, on, sale, wish, texts.RefusedHolds, 409, "/find", texts.YourHold);
                break;
            case (DeskRefusal.WaitAfterLapse, _, _):
                await WaitAsync(http, on, sale, texts.LapsedTitle, texts.LapsedText, Math.Max(1, answer.RetryAfter), link, again);
                break;
            case (DeskRefusal.NetworkHolds, _, _):
                await WaitAsync(http, on, sale, texts.BusyTitle, texts.NetworkHoldsText, Math.Max(1, answer.RetryAfter), link, again);
                break;
            case (_, Outcome.Busy, _):
                await WaitAsync(http, on, sale, texts.BusyTitle, texts.BusyText, 2, link, again);
                break;
            case (_, Outcome.DiskFull or Outcome.Stopped, _):
                await WaitAsync(http, on, sale, texts.Stopped, texts.DiskText, 15, link, again);
                break;
            case (_, _, Refusal.NotYetOpen):
                var opens = plan.OpensAtMs ?? 0;
                await WaitAsync(
                    http, on, sale, texts.ScheduledTitle, texts.ScheduledText, (int)Math.Clamp((opens - sale.NowMs) / 1000 + 1, 1, 60),
                        link, again,
                    texts.OpensAt(Clock.Moment(texts, opens, plan.TimeZone)));
                break;
            case (_, _, Refusal.SalePaused):
                await WaitAsync(http, on, sale, texts.PausedTitle, texts.PausedText, 10, link, again);
                break;
            case (_, _, Refusal.SaleClosed or Refusal.SaleDraft):
                await PageAnswer.SeeOther(http, sale.Url);
                break;
            default:
                var waits = PlacesPages.WaitUrl(sale, wish, reply);
                await AskToChooseAsync(http, on, on.Sale(http) ?? sale, wish,
                    PlacesPages.Say(texts, command, reply) ?? Say(texts, reply, (int)Math.Min(total, int.MaxValue)), 409,
                    wish.Waits ? null : waits, waits is null ? null : texts.WaitForThese);
                break;
        }
    }

    private static async Task ShowHoldAsync(HttpContext http, Purchase on)
    {
        if (Languages.TryChoose(http)) return;
        var texts = Languages.Of(http);
        var id = (string)http.GetRouteValue("id")!;
        var sale = on.Sale(http);
        if (sale is null || !Asking.TryHold(on.Sales.Identities, id, out var hold, out _))
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var (outcome, submission) = await FindAsync(http, on, sale, hold);
        if (outcome == Outcome.Done) await ShowAsync(http, on, on.Sale(http)!, id, submission.Reply, null);
        else if (outcome != Outcome.Refused)
        {
            // Who came here because nobody knew is not told that nothing was decided.
            var asked = http.Request.Query["asked"] == "yes";
            await WaitAsync(
                http, on, sale, asked ? texts.UnknownTitle : texts.BusyTitle, asked ? texts.UnknownText : texts.BusyLooking, asked ? 3 : 2,
                $"{sale.Url}/holds/{id}{(asked ? Asked : "")}", null, isUnknown: asked);
        }
        else if (http.Request.Query["asked"] == "yes")
        {
            // What was asked in the dark was decided before this question was: had it happened, it would have been found.
            await PageAnswer.SendAsync<MessagePage, Message>(
                http, on.Visit(http), new(texts.DidNotHappenTitle, texts.DidNotHappen, $"{sale.Url}/choose", texts.ChooseAgain));
        }
        else await ErrorPages.SendAsync(http, 404);
    }

    private static async Task ChangeAsync(HttpContext http, Purchase on, CommandKind kind)
    {
        var texts = Languages.Of(http);
        var id = (string)http.GetRouteValue("id")!;
        var sale = on.Sale(http);
        if (sale is null || !Asking.TryHold(on.Sales.Identities, id, out var hold, out _))
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        // How often it was extended when the form was made: pressing twice extends once, and the next form again.
        var nth = kind == CommandKind.Extend ? (await PageForm.ReadAsync(http))["n"].ToString() : "";
        var submission = new Submission
        {
            Command = new()
            {
                Kind = kind, Hold = hold, Reference = on.Sales.Identities.Reference(PageReference),
                Key = Caller.Of(http).RequestKey(on.Sales.Identities, $"page {id} {(nth.Length <= 4 ? nth : "")}"),
            },
        };
        var answer = await on.Desk.AskAsync(Caller.Of(http), on.Open(sale), submission);
        var url = $"{sale.Url}/holds/{id}";
        var reply = submission.Reply;
        switch (answer.Outcome)
        {
            case Outcome.Done when kind == CommandKind.Pay:
            case Outcome.Refused when reply.Refusal == Refusal.AlreadyPaid:
                await PageAnswer.SeeOther(http, $"{sale.Url}/orders/{id}");
                break;
            case Outcome.Done:
                await PageAnswer.SeeOther(http, url);
                break;
            case Outcome.Refused when reply.Refusal is Refusal.UnknownHold:
                await ErrorPages.SendAsync(http, 404);
                break;
            case Outcome.Refused:
            case Outcome.None:
                var problem = reply.Refusal switch
                {
                    Refusal.ExtensionLimit => texts.ExtensionLimit,
                    Refusal.SoldOut or Refusal.NotEnough or Refusal.BuyerLimit =>
                        sale.Plan.PaymentKind == PaymentKind.External ? texts.RefusedLateOwed : texts.RefusedLate,
                    _ => null, // The page itself says what has become of the hold.
                };
                var (found, now) = await FindAsync(http, on, sale, hold);
                if (found == Outcome.Done) await ShowAsync(http, on, on.Sale(http)!, id, now.Reply, problem, 409);
                else await PageAnswer.SeeOther(http, url);
                break;
            case Outcome.Unknown:
                await WaitAsync(http, on, sale, texts.UnknownTitle, texts.UnknownText, 3, url + Asked, null, isUnknown: true);
                break;
            default:
                var fields = nth.Length > 0 ? new[] { ("n", nth) } : [];
                await WaitAsync(http, on, sale, texts.BusyTitle, texts.BusyText, 2, url,
                    new($"{url}/{kind.ToString().ToLowerInvariant()}", fields));
                break;
        }
    }

    private static async Task<(Outcome Outcome, Submission Submission)> FindAsync(HttpContext http, Purchase on, SaleView sale, HoldId hold)
    {
        var submission = new Submission { Command = new() { Kind = CommandKind.FindHold, Hold = hold } };
        return ((await on.Desk.AskAsync(Caller.Of(http), on.Open(sale), submission)).Outcome, submission);
    }

    private static async Task ShowAsync(HttpContext http, Purchase on, SaleView sale, string id, Reply reply, string? problem,
        int status = 200)
    {
        if (reply.State == HoldState.Paid)
        {
            await PageAnswer.SeeOther(http, $"{sale.Url}/orders/{id}");
            return;
        }

        var mayPay = on.Desk.MayPay(sale.Plan.PaymentKind);
        var qr = mayPay ? null : QrSvg.Of($"TRH:{sale.Name.ToUpperInvariant()}:{id.ToUpperInvariant()}");
        var given = PlacesPages.GivenOf(sale, reply, Languages.Of(http));
        if (reply.State == HoldState.Waiting)
        {
            PageAnswer.GoOn(http, 15, $"{sale.Url}/holds/{id}");
            await PageAnswer.SendAsync<WaitingPage, WaitingView>(
                http, on.Visit(http, $"{sale.Url}/holds/{id}"),
                new(sale, id, reply.Lines, given, reply.Given!.Ahead, reply.Given.AheadElsewhere), status);
            return;
        }

        var view = new HoldView(sale, id, reply.State, reply.UntilMs, reply.Extensions, reply.Lines, mayPay, qr, problem)
        {
            Given = given, Credit = reply.Given?.Credit ?? 0,
        };

        // Without a script the page looks again when the time is up; or when somebody may have confirmed the payment.
        if (view.IsLive) PageAnswer.GoOn(http, mayPay ? view.SecondsLeft + 2 : Math.Min(15, view.SecondsLeft + 2),
            $"{sale.Url}/holds/{id}");
        await PageAnswer.SendAsync<HoldPage, HoldView>(http, on.Visit(http, $"{sale.Url}/holds/{id}"), view, status);
    }

    private static Task AskToChooseAsync(
        HttpContext http, Purchase on, SaleView sale, Wish wish, string? problem, int status = 200,
            string? link = null, string? linkText = null)
    {
        if (wish.Waits)
            return PlacesPages.ShowWaitlistAsync(
                http, on, sale, wish.Places, wish.Quantities.Keys.Single(), wish.Quantities.Values.Single(), problem, status, link,
                    linkText);
        if (sale.Plan.HasPlaces)
            return PlacesPages.ChooseAsync(http, on, sale, wish.Places, wish.Quantities, problem, status, link, linkText);
        return PageAnswer.SendAsync<ChoosePage, Choice>(
            http, on.Visit(http, $"{sale.Url}/choose"), new(sale, Guid.NewGuid().ToString("D"), wish.Quantities, problem) { Link = link,
                LinkText = linkText }, status);
    }

    private static bool TryCommand(Purchase on, Wish wish, HoldId hold, in Lines lines, Plan plan, out Command command)
    {
        command = new() { Kind = wish.Waits ? CommandKind.Wait : CommandKind.Hold, Hold = hold, Lines = lines, Plan = plan };
        if (!plan.HasPlaces) return true;
        wish.Places.AddTo(ref command);
        if (wish.Waits || wish.Places.Of is null) return true;
        if (!Asking.TryHold(on.Sales.Identities, wish.Places.Of, out command.Of, out _)) return false;
        command.Kind = CommandKind.Exchange;
        command.Reference = on.Sales.Identities.Reference(PageReference);
        command.Tickets = wish.Places.Tickets.Length == 0 ? null : wish.Places.Tickets;
        return true;
    }

    private static Task WaitAsync(
        HttpContext http, Purchase on, SaleView sale, string title, string text, int seconds, string next, AgainForm? form,
        string? opens = null, bool isUnknown = false)
    {
        http.Response.Headers.RetryAfter = Write(seconds);

        // With a script the page asks by itself, a moment before the browser would.
        PageAnswer.GoOn(http, seconds + 3, next);
        return PageAnswer.SendAsync<WaitPage, WaitView>(
            http, on.Visit(http), new(sale, title, text, seconds, next, form, opens, isUnknown), 503);
    }

    internal static string Say(Texts texts, in Reply reply, int wanted) => reply.Refusal switch
    {
        Refusal.SoldOut => texts.RefusedSoldOut,
        Refusal.NotEnough => texts.RefusedNotEnough(reply.Allowed),
        Refusal.OrderLimit => texts.RefusedOrderLimit(reply.Allowed),
        Refusal.BuyerLimit => texts.RefusedBuyerLimit(Math.Clamp(reply.Allowed, 0, wanted)),
        Refusal.IdReused => texts.RefusedIdReused,
        _ => texts.RefusedPlanChanged,
    };

    internal static Dictionary<string, int> Quantities(IEnumerable<KeyValuePair<string, StringValues>> fields)
    {
        var quantities = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (name, value) in fields)
        {
            if (name.StartsWith(FieldOfTier, StringComparison.Ordinal) && name.Length <= FieldOfTier.Length + 63
                && int.TryParse(value.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var quantity) && quantity > 0)
                quantities[name[FieldOfTier.Length..]] = Math.Min(quantity, ushort.MaxValue);
        }

        return quantities;
    }

    internal static Lines? Lines(Plan plan, Dictionary<string, int> quantities)
    {
        var lines = new Lines();
        foreach (var (tier, quantity) in quantities)
        {
            var at = plan.TierNamed(tier);
            if (!lines.TryAdd(at < 0 ? ushort.MaxValue : (ushort)at, (ushort)quantity)) return null;
        }

        return lines.Count == 0 ? null : lines;
    }

    private static string Write(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>What a buyer asked for with a form.</summary>
/// <param name="Seen">The prices that the form showed.</param>
internal sealed record Wish(string Id, string Seen, Dictionary<string, int> Quantities)
{
    public PlacesWish Places { get; init; } = PlacesWish.None;

    /// <summary>For the waitlist, and not for a hold.</summary>
    public bool Waits { get; init; }
}

/// <summary>What the pages of a purchase work with.</summary>
internal sealed class Purchase(Sales sales, Desk desk, BuyerSessions sessions, Antiforgery antiforgery, ServerSecret secret, Codes codes)
{
    private static readonly TimeSpan LinkAge = TimeSpan.FromHours(2);

    public Sales Sales => sales;
    public Desk Desk => desk;
    public BuyerSessions Sessions => sessions;
    public Codes Codes => codes;

    /// <summary>The sale of the address, as it is now; null when there is none that buyers may see.</summary>
    public SaleView? Sale(HttpContext http) => SaleView.Of(sales.Find((string)http.GetRouteValue("sale")!)) is { IsPublic: true } sale
        ? sale : null;

    public OpenSale Open(SaleView sale) => sales.Find(sale.Name)!;

    public Visit Visit(HttpContext http, string? here = null)
    {
        var caller = Caller.Of(http);
        return new(Languages.Of(http)) { Here = here, Token = caller.Kind == CallerKind.Buyer ? antiforgery.TokenFor(caller) : null };
    }

    /// <summary>An address at which the same wish is asked for again, good for this session.</summary>
    public string Link(Caller caller, string sale, Wish wish)
    {
        var until = DateTimeOffset.UtcNow.Add(LinkAge).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var query = QueryString.Create(wish.Quantities.Select(one => KeyValuePair.Create("q." + one.Key,
            (string?)one.Value.ToString(CultureInfo.InvariantCulture)))
            .Concat(wish.Places.InAddress(withPassengers: true).Select(field => KeyValuePair.Create(field.Name, (string?)field.Value)))
            .Concat(wish.Waits ? [KeyValuePair.Create("waits", (string?)"yes")] : [])
            .Append(new("id", wish.Id)).Append(new("seen", wish.Seen)).Append(new("until", until))
                .Append(new("sign", Sign(caller, sale, wish, until))));
        return $"/sales/{sale}/again{query.ToUriComponent()}";
    }

    public bool IsSigned(Caller caller, string sale, Wish wish, string until, string signature) =>
        long.TryParse(until, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            && seconds > DateTimeOffset.UtcNow.ToUnixTimeSeconds()
        && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(signature),
            Encoding.UTF8.GetBytes(Sign(caller, sale, wish, until)));

    private string Sign(Caller caller, string sale, Wish wish, string until)
    {
        var lines = string.Join(',', wish.Quantities.OrderBy(one => one.Key, StringComparer.Ordinal)
            .Select(one => $"{one.Key}={one.Value}"));
        var text = SHA256.HashData(Encoding.UTF8.GetBytes($"{caller.Session:x32} {sale} {wish.Id} {wish.Seen} {until} {lines}"
            + (wish.Waits ? " waits" : "") + (wish.Places.Canonical() is { Length: > 0 } places ? $" {places}" : "")));
        Span<byte> signature = stackalloc byte[ServerSecret.SignatureSize];
        secret.Sign("wish", text, signature);
        return Convert.ToHexStringLower(signature);
    }
}
