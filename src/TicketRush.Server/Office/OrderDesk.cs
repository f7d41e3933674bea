using System.Globalization;
using System.Text;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Pages;

namespace TicketRush.Server.Office;

/// <summary>Orders as the staff see them: found by number, ticket or buyer, refunded in part, exported.</summary>
internal static class OrderDesk
{
    public static void Map(RouteGroupBuilder sale)
    {
        // Not for a shop's key, which sees its own alone: what is found here is everybody's.
        sale.MapGet("/orders", ListAsync).Needs(Permission.SeeFigures);
        sale.MapPost("/orders", FindAsync).Needs(Permission.SeeFigures);
        sale.MapGet("/orders.csv", ExportAsync).Needs(Permission.SeeFigures);
        sale.MapGet("/orders/{number}", (HttpContext http, OfficeDesk on) => ShowAsync(http, on, NumberOf(http)))
            .Needs(Permission.SeeFigures);
        sale.MapPost("/orders/{number}/refund", (HttpContext http, OfficeDesk on) => RefundAsync(http, on, NumberOf(http)))
            .Needs(Permission.Refund).NeedsKeyAgain();
    }

    // What is no number is the number of no order.
    public static long NumberOf(HttpContext http) =>
        long.TryParse((string?)http.GetRouteValue("number"), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static async Task ListAsync(HttpContext http, OfficeDesk on)
    {
        if (Languages.TryChoose(http)) return;
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        _ = long.TryParse(http.Request.Query["after"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var after);
        var (outcome, submission) = await on.AskAsync(http, sale, new() { Kind = CommandKind.ListOrders, Revision = after });
        await SendAsync(
            http, on, sale, outcome == Outcome.Done ? submission.Reply.Orders! : [], submission.Reply.Next,
            problem: outcome == Outcome.Done ? null : OfficeDesk.Say(Languages.Of(http), outcome));
    }

    /// <summary>A post, so that a buyer's name is in no address and no log.</summary>
    private static async Task FindAsync(HttpContext http, OfficeDesk on)
    {
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var (form, texts) = (await PageForm.ReadAsync(http), Languages.Of(http));
        var (number, ticket, buyer) = (form["number"].ToString().Trim(), form["ticket"].ToString().Trim(), form["buyer"].ToString().Trim());
        if (number.Length > 0 || ticket.Length > 0)
        {
            // An order's code is as good as its number, and a scanned ticket as good as the ticket's.
            var command = new Command { Kind = CommandKind.FindOrder };
            if (on.Codes.TryOrder(sale.Name, number, out var order) || long.TryParse(number, NumberStyles.None,
                CultureInfo.InvariantCulture, out order)) command.Order = order;
            else if (on.Codes.TryTicket(ticket, out var other, out var scanned)) command.Ticket = other == sale.Name
                && scanned <= uint.MaxValue ? (uint)scanned : 0;
            else if (uint.TryParse(ticket, NumberStyles.None, CultureInfo.InvariantCulture, out var typed)) command.Ticket = typed;

            var (outcome, found) = command is { Order: 0, Ticket: 0 } ? (Outcome.Refused, null!) : await on.AskAsync(http, sale, command);
            if (outcome == Outcome.Done) await PageAnswer.SeeOther(http, $"/office/sales/{sale.Name}/orders/{found.Reply.Sequence}");
            else await SendAsync(http, on, sale, [], 0, number, ticket, buyer, outcome == Outcome.Refused ? texts.NoSuchOrder
                : OfficeDesk.Say(texts, outcome), 404);
            return;
        }

        if (buyer.Length == 0)
        {
            await PageAnswer.SeeOther(http, $"/office/sales/{sale.Name}/orders");
            return;
        }

        var rows = new List<OrderRow>();
        for (long after = 0; ;)
        {
            var submission = new Submission
            {
                Command = new() { Kind = CommandKind.ListOrders, Whose = Whose.OfBuyer, Buyer = on.Sales.Identities.Buyer(buyer),
                    Revision = after },
            };

            // A page of the sale at a time: others are decided in between.
            var outcome = Encoding.UTF8.GetByteCount(buyer) > Identities.TextBytesMax ? Outcome.Refused : await on.Open(sale)
                .Sequencer!.SubmitAsync(submission);
            if (outcome != Outcome.Done)
            {
                await SendAsync(http, on, sale, [], 0, number, ticket, buyer, outcome == Outcome.Refused ? texts.NoSuchOrder
                    : OfficeDesk.Say(texts, outcome), 404);
                return;
            }

            rows.AddRange(submission.Reply.Orders!);
            after = submission.Reply.Next;
            if (after == 0 || rows.Count >= 1_000) break;
        }

        await SendAsync(http, on, sale, [.. rows], 0, number, ticket, buyer, rows.Count == 0 ? texts.NoSuchOrder : null, rows.Count == 0
            ? 404 : 200, isSearch: true);
    }

    private static Task SendAsync(
        HttpContext http, OfficeDesk on, SaleView sale, OrderRow[] orders, long next, string number = "", string ticket = "",
            string buyer = "", string? problem = null, int status = 200,
        bool isSearch = false) =>
        PageAnswer.SendAsync<OrdersPage, OrdersView>(
            http, on.Visit(http, $"/office/sales/{sale.Name}/orders"), new(sale, orders, next, number, ticket, buyer, problem, isSearch),
                status);

    private static async Task ShowAsync(HttpContext http, OfficeDesk on, long number, string? problem = null, int status = 200)
    {
        if (problem is null && Languages.TryChoose(http)) return;
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var texts = Languages.Of(http);
        var (outcome, submission) = await on.AskAsync(http, sale, new() { Kind = CommandKind.ListOrders, Revision = number - 1 });
        if (outcome != Outcome.Done)
        {
            // What is not known is not missing.
            await PageAnswer.SendAsync<MessagePage, Message>(
                http, on.Visit(http),
                new(texts.Stopped, problem ?? texts.OfficeLooking, $"/office/sales/{sale.Name}/orders/{number}", texts.AskNow), 503);
            return;
        }

        if (submission.Reply.Orders is not [var order, ..] || order.Sequence != number)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var message = long.TryParse(http.Request.Query["refunded"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture,
            out var amount)
            ? texts.Refunded(Money.Say(amount, sale.Plan.Currency))
            : null;
        await PageAnswer.SendAsync<OrderDeskPage, OrderDeskView>(
            http, on.Visit(http, $"/office/sales/{sale.Name}/orders/{number}"),
            new(
                sale, order, OrderPages.Tickets(on.Codes, sale, order, texts, withQr: false), on.Codes.Order(sale.Name, number),
                    $"{sale.Url}/orders/{on.Codes.Link(sale.Name, number)}",
                Guid.NewGuid().ToString("N"), problem is null ? message : null, problem),
            status);
    }

    private static async Task RefundAsync(HttpContext http, OfficeDesk on, long number)
    {
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var (form, texts) = (await PageForm.ReadAsync(http), Languages.Of(http));
        var tickets = form["ticket"].Where(text => text is not null).Select(text =>
            uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var ticket) ? ticket : 0).ToArray();
        var (outcome, submission) = await on.AskAsync(http, sale, new()
        {
            Kind = CommandKind.Refund, Order = number, Key = on.KeyOf(http, form["key"].ToString()), Tickets = tickets.Length == 0 ? null
                : tickets,
            Reason = form["reason"].ToString().Trim(), Resell = form["resell"] != "no",
        });
        if (outcome == Outcome.Done)
        {
            await PageAnswer.SeeOther(http, $"/office/sales/{sale.Name}/orders/{number}?refunded={submission.Reply.Amount}");
            return;
        }

        await ShowAsync(
            http, on, number,
            (outcome, submission.Reply.Refusal) switch
            {
                (Outcome.Refused, Refusal.AlreadyRefunded) => texts.AlreadyRefunded,
                (Outcome.Refused, Refusal.ReasonInvalid) => texts.ReasonInvalid,
                (Outcome.Refused, Refusal.UnknownTicket or Refusal.UnknownOrder) => texts.NoSuchOrder,
                (Outcome.Refused, _) => texts.NotDone(Api.Problems.Code(submission.Reply.Refusal)),

                // Sent again, the form has another key; but tickets that are refunded already are said to be, and not refunded twice.
                _ => OfficeDesk.Say(texts, outcome),
            },
            409);
    }

    private static async Task ExportAsync(HttpContext http, OfficeDesk on)
    {
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var response = http.Response;
        response.ContentType = "text/csv; charset=utf-8";
        response.Headers.CacheControl = "no-store";
        response.Headers.ContentDisposition = $"attachment; filename=\"{sale.Name}-orders.csv\"";

        // Names that the office typed are left out: a spreadsheet takes some texts for formulas.
        await response.WriteAsync("order,paid_at,state,late,first_ticket,tickets,refunded,amount_minor,currency,sold_by,tiers\n");
        for (long after = 0; ;)
        {
            var (outcome, submission) = await on.AskAsync(http, sale, new() { Kind = CommandKind.ListOrders, Revision = after });
            if (outcome != Outcome.Done)
            {
                // What is cut off must not look whole.
                http.Abort();
                return;
            }

            var lines = new StringBuilder();
            foreach (var order in submission.Reply.Orders!)
            {
                var (places, gone) = (order.Lines.Places, (int)UInt128.PopCount(order.Refunded));
                var tiers = string.Join(' ', Enumerable.Range(0, order.Lines.Count)
                    .Select(i => $"{order.Lines[i].Quantity}x{sale.Plan.Tiers[order.Lines[i].Tier].Id}"));
                lines.Append(CultureInfo.InvariantCulture,
                    $"{order.Sequence},{Clock.Machine(order.TimeMs)},"
                        + $"{(gone == 0 ? "paid" : gone == places ? "refunded" : "partly-refunded")},")
                    .Append(CultureInfo.InvariantCulture,
                        $"{(order.Late ? "yes" : "no")},{order.FirstTicket},{places},{gone},{order.Lines.Amount},{sale.Plan.Currency},"
                            + $"{order.By},{tiers}\n");
            }

            await response.WriteAsync(lines.ToString());
            after = submission.Reply.Next;
            if (after == 0) return;
        }
    }
}
