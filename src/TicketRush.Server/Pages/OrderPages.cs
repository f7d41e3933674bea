using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;

namespace TicketRush.Server.Pages;

/// <summary>Orders and how they are found again: in the browser that bought them, by their link, by their short code.</summary>
internal static class OrderPages
{
    public static void MapOrderPages(this IEndpointRouteBuilder app)
    {
        app.MapGet("/sales/{sale}/orders/{order}", ShowAsync).Counted().ExcludeFromDescription();
        app.MapGet("/find", AskAsync).Counted().ExcludeFromDescription();
        app.MapPost("/find", FindAsync).ExcludeFromDescription();
    }

    private static async Task ShowAsync(HttpContext http, Purchase on)
    {
        if (Languages.TryChoose(http)) return;
        var name = (string)http.GetRouteValue("order")!;
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        // Ids begin with eight or thirty-two hexadecimal digits and codes with a number and a dash: whatever fits both is tried as both.
        var (outcome, order, hash, isOwn) = (Outcome.Refused, default(OrderRow), (string?)null, false);
        if (on.Codes.TryOrder(sale.Name, name, out var sequence) && sequence > 0) (outcome, order, hash) = await BySequenceAsync(on, sale,
            sequence);
        else if (Asking.TryHold(on.Sales.Identities, name, out var hold, out _) && Caller.Of(http).May(Permission.SeeOrders))
        {
            var submission = new Submission { Command = new() { Kind = CommandKind.FindOrder, Hold = hold } };
            outcome = (await on.Desk.AskAsync(Caller.Of(http), on.Open(sale), submission)).Outcome;
            (order, hash, isOwn) = (Row(submission), submission.Hash.ToString(), true);
        }

        if (outcome == Outcome.Done)
        {
            var url = $"{sale.Url}/orders/{name}";
            var view = View(http, on, sale, order, hash);

            // Only who bought it exchanges it, and only while something of it is left.
            var left = (int)UInt128.PopCount(order.Refunded) < order.Lines.Places;
            if (isOwn && left && sale.IsOpen && sale.Plan.HasPlaces)
                view = view with { ExchangeUrl = $"{sale.Url}/choose?of={name}" };
            await PageAnswer.SendAsync<OrderPage, OrderView>(http, on.Visit(http, url), view);
        }
        else if (outcome == Outcome.Refused) await ErrorPages.SendAsync(http, 404);
        else await ErrorPages.SendAsync(http, 503, 2);
    }

    private static async Task AskAsync(HttpContext http, Purchase on)
    {
        if (Languages.TryChoose(http)) return;
        if (on.Sessions.Ensure(http) is null) await ErrorPages.SendAsync(http, 429, 30);
        else await SendAsync(http, on, http.Request.Query["sale"].ToString(), null, null);
    }

    private static async Task FindAsync(HttpContext http, Purchase on)
    {
        var form = await PageForm.ReadAsync(http);
        var (name, code) = (form["sale"].ToString(), form["code"].ToString());
        if (code.Length <= 64 && SaleView.Of(on.Sales.Find(name)) is { IsPublic: true } sale
            && on.Codes.TryOrder(sale.Name, code, out var sequence))
            await PageAnswer.SeeOther(http, $"{sale.Url}/orders/{on.Codes.Order(sale.Name, sequence)}");
        else await SendAsync(http, on, name, code.Length <= 64 ? code : null, Languages.Of(http).FindNothing, 404);
    }

    private static async Task SendAsync(HttpContext http, Purchase on, string? name, string? code, string? problem, int status = 200)
    {
        var kept = Caller.Of(http).Kind == CallerKind.Buyer ? await Task.WhenAll(Keepsakes.Read(http, on.Sessions)
            .Select(one => LookUpAsync(http, on, one))) : [];

        // Those that this server knows by now: everybody may ask for this page, and reading the directory is no small thing.
        var sales = on.Sales.Opened().Select(SaleView.Of).OfType<SaleView>().Where(sale => sale.IsPublic)
            .OrderBy(sale => sale.Plan.Name, StringComparer.Ordinal);
        await PageAnswer.SendAsync<FindPage, FindView>(
            http, on.Visit(http, "/find"), new([.. sales], name, code, [.. kept.OfType<KeptView>()], problem), status);
    }

    private static async Task<KeptView?> LookUpAsync(HttpContext http, Purchase on, (string Sale, string Id) kept)
    {
        if (SaleView.Of(on.Sales.Find(kept.Sale)) is not { } sale || !Asking.TryHold(on.Sales.Identities, kept.Id, out var hold,
            out _)) return null;
        var submission = new Submission { Command = new() { Kind = CommandKind.FindHold, Hold = hold } };
        if ((await on.Desk.AskAsync(Caller.Of(http), on.Open(sale), submission)).Outcome != Outcome.Done) return null;

        var (state, places) = (submission.Reply.State, submission.Reply.Lines.Places);
        return state switch
        {
            HoldState.Paid => new(sale.Plan.Name, $"{sale.Url}/orders/{kept.Id}", places, true, submission.Reply.Sequence),
            HoldState.Held => new(sale.Plan.Name, $"{sale.Url}/holds/{kept.Id}", places, false, 0),
            HoldState.Waiting => new(sale.Plan.Name, $"{sale.Url}/holds/{kept.Id}", places, false, 0, IsWaiting: true),
            _ => null,
        };
    }

    private static async Task<(Outcome, OrderRow, string?)> BySequenceAsync(Purchase on, SaleView sale, long sequence)
    {
        // The code is the right to see this order, whoever has it.
        var submission = new Submission { Command = new() { Kind = CommandKind.FindOrder, Order = sequence } };
        var outcome = await on.Open(sale).Sequencer!.SubmitAsync(submission);
        return (outcome, Row(submission), submission.Hash.ToString());
    }

    private static OrderRow Row(Submission submission)
    {
        var reply = submission.Reply;
        return new(reply.Sequence, submission.TimeMs, reply.FirstTicket, reply.Lines, reply.Refunded, reply.Late, null)
        {
            Seats = reply.Given?.Seats.AsSpan().ToArray(), From = reply.Given?.From ?? 0, To = reply.Given?.To ?? 0,
        };
    }

    private static OrderView View(HttpContext http, Purchase on, SaleView sale, in OrderRow order, string? hash)
    {
        var link = $"{http.Request.Scheme}://{http.Request.Host}{sale.Url}/orders/{on.Codes.Link(sale.Name, order.Sequence)}";
        return new(sale, order, on.Codes.Order(sale.Name, order.Sequence), link, Tickets(on.Codes, sale, order, Languages.Of(http)), hash)
        {
            Given = GivenView.Of(sale, order.Lines, order.Seats, order.From, order.To, Languages.Of(http)),
        };
    }

    internal static TicketView[] Tickets(Codes codes, SaleView sale, in OrderRow order, Texts texts, bool withQr = true)
    {
        var given = GivenView.Of(sale, order.Lines, order.Seats, order.From, order.To, texts);
        var tickets = new TicketView[order.Lines.Places];
        var at = 0;
        for (var i = 0; i < order.Lines.Count; i++)
        {
            var line = order.Lines[i];
            for (var end = at + line.Quantity; at < end; at++)
            {
                var number = order.FirstTicket + (long)at;
                var isRefunded = (order.Refunded >> at & 1) != 0;
                tickets[at] = new(
                    number, sale.Plan.Tiers[line.Tier].Name, line.Price, isRefunded,
                    isRefunded || !withQr ? "" : QrSvg.Of(codes.Ticket(sale.Name, number)), given?.Places[at].Seat);
            }
        }

        return tickets;
    }
}
