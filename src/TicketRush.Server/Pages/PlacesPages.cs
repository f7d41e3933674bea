using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;

namespace TicketRush.Server.Pages;

/// <summary>
/// Choosing seats and journeys, and waiting for them. What is kept in the end goes the way of every purchase
/// (<see cref="PurchasePages"/>); these pages only find out what is wanted.
/// </summary>
internal static class PlacesPages
{
    public static void MapPlacesPages(this IEndpointRouteBuilder app)
    {
        var sale = app.MapGroup("/sales/{sale}").ExcludeFromDescription();
        sale.MapGet("/free", MatrixAsync).Counted();
        sale.MapGet("/waitlist", AskToWaitAsync).Counted();
        sale.MapPost("/waitlist", WaitAsync).Needs(Permission.Hold);
    }

    /// <summary>The page on which the wish is made, or changed: a section's seats, a journey, or the whole plan.</summary>
    public static async Task ChooseAsync(
        HttpContext http, Purchase on, SaleView sale, PlacesWish wish, Dictionary<string, int> quantities, string? problem = null,
            int status = 200,
        string? link = null, string? linkText = null)
    {
        OldPlaces? old = null;
        if (wish.Of is not null)
        {
            old = await OldAsync(http, on, sale, wish.Of);
            if (old is null)
            {
                await ErrorPages.SendAsync(http, 404);
                return;
            }

            if (problem is null && old.Given?.Journey is { } journey && wish.From is null) wish = wish with { From = journey.From.Id,
                To = journey.To.Id };
            if (problem is null && quantities.Count == 0)
            {
                quantities = [];
                for (var i = 0; i < old.Lines.Count; i++) quantities[sale.Plan.Tiers[old.Lines[i].Tier].Id] = old.Lines[i].Quantity;
            }
        }

        var plan = sale.Plan;
        if (plan.Stops is { } stops && wish.From is null) wish = wish with { From = stops[0].Id, To = stops[^1].Id };
        var choice = new PlacesChoice(sale, Guid.NewGuid().ToString("D"), wish, quantities, problem) { Link = link, LinkText = linkText,
            Old = old };
        if (!choice.IsJourney && problem is null) choice = choice with { Problem = Languages.Of(http).BadJourneyChosen };
        var here = wish.Url(choice.ChooseUrl);
        if (wish.Pool is { } name && SeatsOf(choice, name) is { } seats && (choice.IsJourney || seats.Pool.Travel == Travel.None))
            await PageAnswer.SendAsync<SeatsPage, SeatsView>(http, on.Visit(http, here), seats, status);
        else if (plan.Stops is not null)
            await PageAnswer.SendAsync<JourneyPage, PlacesChoice>(http, on.Visit(http, here), choice, status);
        else
            await PageAnswer.SendAsync<HallPage, PlacesChoice>(http, on.Visit(http, here), choice, status);
    }

    /// <summary>What a refusal of places says to who asked for them; null for one that is not about places.</summary>
    public static string? Say(Texts texts, in Command command, in Reply reply) => reply.Refusal switch
    {
        Refusal.SeatTaken => texts.RefusedSeatTaken(SeatText(texts, command, reply.Allowed)),
        Refusal.UnknownSeat => texts.RefusedUnknownSeat,
        Refusal.SeatsMixed => texts.RefusedSeatsMixed,
        Refusal.LeavesSingle => texts.RefusedLeavesSingle,
        Refusal.PartyTooLarge => texts.RefusedPartyTooLarge(reply.Allowed),
        Refusal.NotTogether => texts.RefusedNotTogether,
        Refusal.SeatReserved => texts.RefusedSeatReserved,
        Refusal.SeatsLater => texts.RefusedSeatsLater,
        Refusal.UnknownStop or Refusal.BadJourney => texts.BadJourneyChosen,
        Refusal.BadPassengers => texts.RefusedPassengers,
        Refusal.PassengerOverlap => texts.RefusedOverlap,
        Refusal.CannotWait => texts.RefusedCannotWait,
        Refusal.CannotExchange or Refusal.UnknownTicket or Refusal.AlreadyRefunded or Refusal.UnknownHold => texts.RefusedCannotExchange,
        Refusal.StillWaiting => texts.RefusedStillWaiting,
        _ => null,
    };

    /// <summary>Where somebody may wait for what was refused; null where nobody can.</summary>
    public static string? WaitUrl(SaleView sale, Wish wish, in Reply reply)
    {
        var isGone = reply.Refusal is Refusal.SoldOut or Refusal.NotEnough or Refusal.NotTogether;
        if (!isGone || !sale.Plan.Rules.Waitlist || wish.Places.Of is not null || wish.Places.Wheelchair > 0) return null;
        if (wish.Quantities.Count(one => one.Value > 0) != 1) return null;
        var (tier, quantity) = wish.Quantities.Single(one => one.Value > 0);
        return WaitUrl(sale, tier, quantity, wish.Places);
    }

    public static string WaitUrl(SaleView sale, string tier, int quantity, PlacesWish wish)
    {
        var query = new QueryString().Add("tier", tier).Add("n", quantity.ToString(System.Globalization.CultureInfo.InvariantCulture));
        if (wish is { From: { } from, To: { } to }) query = query.Add("from", from).Add("to", to);
        return $"{sale.Url}/waitlist{query.ToUriComponent()}";
    }

    private static string SeatText(Texts texts, in Command command, int place)
    {
        var before = 0;
        for (var i = 0; i < command.Lines.Count; i++)
        {
            before += command.Lines[i].Quantity;
            if (place >= before) continue;
            var pool = command.Plan!.Pools[command.Plan.PoolNamed(command.Plan.Tiers[command.Lines[i].Tier].Pool)];
            if (command.Seats is not { } seats || place >= seats.Length || pool.Layout is not { } layout || seats[place] < 0
                || seats[place] >= layout.Count) break;
            return GivenView.SeatText(texts, layout.NameOf(seats[place]), pool.Travel != Travel.None);
        }

        return texts.Ticket(place + 1);
    }

    private static SeatsView? SeatsOf(PlacesChoice choice, string name)
    {
        var at = choice.Plan.PoolNamed(name);
        if (at < 0 || choice.Plan.Pools[at] is not { Layout: { } layout } pool
            || choice.Sale.ViewOf(at) is not { SeatCount: > 0 } view) return null;
        if (Array.Find(Sections.Of(layout), section => section.Name == choice.Wish.Section) is not { } section) return null;
        var parts = Sections.PartsOf(section);
        return new(choice, pool, section, Math.Min(choice.Wish.Part, parts.Length - 2), parts, view);
    }

    private static async Task<OldPlaces?> OldAsync(HttpContext http, Purchase on, SaleView sale, string id)
    {
        if (!Asking.TryHold(on.Sales.Identities, id, out var hold, out _)) return null;
        var submission = new Submission { Command = new() { Kind = CommandKind.FindHold, Hold = hold } };
        if ((await on.Desk.AskAsync(Caller.Of(http), on.Open(sale), submission)).Outcome != Outcome.Done) return null;
        var reply = submission.Reply;
        if (reply.State is not (HoldState.Held or HoldState.Paid)) return null;
        var refunded = reply.Refunded;
        if (reply.State == HoldState.Paid)
        {
            // What was refunded since stands with the order.
            var order = new Submission { Command = new() { Kind = CommandKind.FindOrder, Hold = hold } };
            if ((await on.Desk.AskAsync(Caller.Of(http), on.Open(sale), order)).Outcome != Outcome.Done) return null;
            refunded = order.Reply.Refunded;
        }

        return new(id, reply.State, reply.Lines, GivenOf(sale, reply, Languages.Of(http)), reply.FirstTicket, refunded);
    }

    public static GivenView? GivenOf(SaleView sale, in Reply reply, Texts texts) =>
        reply.Given is { } given ? GivenView.Of(sale, reply.Lines, given.Seats.AsSpan(), given.From, given.To, texts) : null;

    private static async Task MatrixAsync(HttpContext http, Purchase on)
    {
        if (Languages.TryChoose(http)) return;
        if (on.Sale(http) is not { } sale || Tiers(sale) is not [var first, ..] tiers)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var tier = Array.Find(tiers, tier => tier.Id == http.Request.Query["tier"]) ?? first;
        var url = $"{sale.Url}/free?tier={tier.Id}";
        await PageAnswer.SendAsync<MatrixPage, MatrixView>(
            http, on.Visit(http, url), new(sale, tier, sale.ViewOf(sale.Plan.PoolNamed(tier.Pool))!, tiers));

        static TierPlan[] Tiers(SaleView sale) => [.. sale.Plan.Tiers.Where(tier =>
            sale.Plan.Pools[sale.Plan.PoolNamed(tier.Pool)].Travel != Travel.None
                && sale.ViewOf(sale.Plan.PoolNamed(tier.Pool)) is not null)];
    }

    private static async Task AskToWaitAsync(HttpContext http, Purchase on)
    {
        if (Languages.TryChoose(http)) return;
        if (on.Sale(http) is not { Plan.Rules.Waitlist: true } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        if (!sale.IsOpen)
        {
            await PageAnswer.SeeOther(http, sale.Url);
            return;
        }

        if (on.Sessions.Ensure(http) is null)
        {
            await ErrorPages.SendAsync(http, 429, 30);
            return;
        }

        var query = http.Request.Query;
        _ = int.TryParse(query["n"].ToString(), System.Globalization.NumberStyles.None, null, out var quantity);
        await ShowWaitlistAsync(http, on, sale, PlacesWish.Read(query, on.Sales.Identities), query["tier"].ToString(), quantity, null);
    }

    public static Task ShowWaitlistAsync(
        HttpContext http, Purchase on, SaleView sale, PlacesWish wish, string tier, int quantity, string? problem, int status = 200,
            string? link = null,
        string? linkText = null)
    {
        var plan = sale.Plan;
        if (plan.Stops is { } stops && wish.From is null) wish = wish with { From = stops[0].Id, To = stops[^1].Id };
        if (plan.TierNamed(tier) < 0) tier = plan.Tiers[0].Id;
        quantity = Math.Clamp(quantity, 1, plan.Rules.PerOrder);
        var choice = new PlacesChoice(sale, Guid.NewGuid().ToString("D"), wish, [], problem) { Link = link, LinkText = linkText };
        return PageAnswer.SendAsync<WaitlistPage, WaitlistView>(
            http, on.Visit(http, WaitUrl(sale, tier, quantity, wish)), new(choice, tier, quantity), status);
    }

    private static async Task WaitAsync(HttpContext http, Purchase on)
    {
        var form = await PageForm.ReadAsync(http);
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        if (Caller.Of(http).Kind != CallerKind.Buyer)
        {
            await ErrorPages.SendAsync(http, 400);
            return;
        }

        _ = int.TryParse(form["n"].ToString(), System.Globalization.NumberStyles.None, null, out var quantity);
        var wish = PlacesWish.Read(form, on.Sales.Identities);
        var quantities = new Dictionary<string, int>(StringComparer.Ordinal) { [form["tier"].ToString()] = Math.Clamp(quantity, 1,
            ushort.MaxValue) };
        await PurchasePages.KeepAsync(
            http, on, sale, new(form["id"].ToString(), form["seen"].ToString(), quantities) { Places = wish with { Of = null },
                Waits = true });
    }
}
