using System.Globalization;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;
using TicketRush.Server.Pages;

namespace TicketRush.Server.Office;

/// <summary>The counter: sell to whoever stands there, and take the payment for what somebody holds in a browser.</summary>
internal static class CounterPages
{
    public static void Map(RouteGroupBuilder sale)
    {
        sale.MapGet("/counter", AskAsync).Needs(Permission.NameBuyers);
        sale.MapPost("/counter", SellAsync).Needs(Permission.NameBuyers);
        sale.MapPost("/take", TakeAsync).Needs(Permission.ConfirmPayments);
    }

    private static async Task AskAsync(HttpContext http, OfficeDesk on)
    {
        if (Languages.TryChoose(http)) return;
        if (on.Sale(http) is not { } sale) await ErrorPages.SendAsync(http, 404);
        else await SendAsync(http, on, sale, new(), null);
    }

    private static async Task SellAsync(HttpContext http, OfficeDesk on)
    {
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var (form, texts, plan) = (await PageForm.ReadAsync(http), Languages.Of(http), sale.Plan);
        var typed = new Sold(
            form["id"].ToString(), PurchasePages.Quantities(form), form["buyer"].ToString().Trim(), form["reference"].ToString().Trim())
        {
            Wish = plan.HasPlaces ? PlacesOffice.Wish(form, on.Sales.Identities) : PlacesWish.None,
        };
        if (!Asking.TryHold(on.Sales.Identities, typed.Id, out var hold, out _) || !Asking.IsText(typed.Buyer, "buyer", false, out _)
            || !Asking.IsText(typed.Reference, "reference", false, out _))
        {
            await ErrorPages.SendAsync(http, 400);
            return;
        }

        if (PurchasePages.Lines(plan, typed.Quantities) is not { } lines)
        {
            await SendAsync(http, on, sale, typed, texts.ChooseAtLeastOne, 422);
            return;
        }

        if (plan.PaymentKind == PaymentKind.External && typed.Reference.Length == 0)
        {
            await SendAsync(http, on, sale, typed, texts.ReferenceNeeded, 422);
            return;
        }

        var command = new Command
        {
            Kind = CommandKind.Purchase, Hold = hold, Lines = lines, Plan = plan,
                Reference = on.Sales.Identities.Reference(typed.Reference),

            // Who walks in has no name, and shares no limit with others who have none.
            Buyer = on.Sales.Identities.Buyer(typed.Buyer.Length > 0 ? typed.Buyer : "walk-in " + typed.Id),
        };
        if (plan.HasPlaces) typed.Wish.AddTo(ref command);
        var (outcome, submission) = await on.AskAsync(http, sale, command);
        if (outcome == Outcome.Done) await PageAnswer.SeeOther(http, $"/office/sales/{sale.Name}/orders/{submission.Reply.Sequence}");

        // The id stays: after an unknown outcome the same form again finds out, and sells nothing twice.
        else await SendAsync(
            http, on, on.Sale(http) ?? sale, typed, outcome == Outcome.Refused
                ? PlacesPages.Say(texts, command, submission.Reply) ?? PurchasePages.Say(texts, submission.Reply, int.MaxValue)
                : OfficeDesk.Say(texts, outcome), 409,
            keepsId: outcome != Outcome.Refused);
    }

    private static Task SendAsync(HttpContext http, OfficeDesk on, SaleView sale, Sold typed, string? problem, int status = 200,
        bool keepsId = false) =>
        PageAnswer.SendAsync<CounterPage, CounterView>(
            http, on.Visit(http, $"/office/sales/{sale.Name}/counter"),
            new(sale, keepsId ? typed.Id : Guid.NewGuid().ToString("D"), typed.Quantities, typed.Buyer, typed.Reference, problem)
            {
                Wish = typed.Wish,
            },
                status);

    /// <summary>Shows a hold by its code, and then confirms that it was paid. Posts both: the code is a secret between buyer and
    /// counter.</summary>
    private static async Task TakeAsync(HttpContext http, OfficeDesk on)
    {
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var (form, texts) = (await PageForm.ReadAsync(http), Languages.Of(http));
        var (code, reference) = (form["code"].ToString().Trim(), form["reference"].ToString().Trim());

        // What a scanner reads has the sale before it.
        if (code.Split(':') is ["TRH", var name, var scanned]) code = name.Equals(sale.Name, StringComparison.OrdinalIgnoreCase) ? scanned
            : "";
        if (code.Length is 0 or > 36 || !Asking.TryHold(on.Sales.Identities, code, out var hold, out _))
        {
            await SendAsync(http, on, sale, new(), texts.NoSuchHold, 404);
            return;
        }

        string? problem = null;
        if (form["paid"] == "yes")
        {
            if (!Asking.IsText(reference, "reference", required: true, out _)) problem = texts.ReferenceNeeded;
            else
            {
                var (outcome, paid) = await on.AskAsync(http, sale, new() { Kind = CommandKind.Pay, Hold = hold,
                    Reference = on.Sales.Identities.Reference(reference) });
                if (outcome == Outcome.Done)
                {
                    await PageAnswer.SeeOther(http, $"/office/sales/{sale.Name}/orders/{paid.Reply.Sequence}");
                    return;
                }

                problem = outcome != Outcome.Refused ? OfficeDesk.Say(texts, outcome)
                    : paid.Reply.Refusal is Refusal.SoldOut or Refusal.NotEnough or Refusal.BuyerLimit ? texts.RefusedLateOwed
                    : texts.NotDone(Problems.Code(paid.Reply.Refusal));
            }
        }

        var (found, now) = await on.AskAsync(http, sale, new() { Kind = CommandKind.FindHold, Hold = hold });
        var reply = now.Reply;
        if (found == Outcome.Refused) await SendAsync(http, on, sale, new(), texts.NoSuchHold, 404);
        else if (found != Outcome.Done) await SendAsync(http, on, sale, new(), problem ?? texts.OfficeLooking, 503);
        else if (reply.State == HoldState.Paid && problem is null) await PageAnswer.SeeOther(http,
            $"/office/sales/{sale.Name}/orders/{reply.Sequence.ToString(CultureInfo.InvariantCulture)}");
        else
        {
            await PageAnswer.SendAsync<TakePage, TakeView>(
                http, on.Visit(http), new(sale, code, reply.State, reply.UntilMs, reply.Lines, reference, problem), problem is null ? 200
                    : 409);
        }
    }

    private sealed record Sold(string Id, Dictionary<string, int> Quantities, string Buyer, string Reference)
    {
        public PlacesWish Wish { get; init; } = PlacesWish.None;

        public Sold()
            : this("", [], "", "")
        {
        }
    }
}
