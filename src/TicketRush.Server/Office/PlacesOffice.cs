using System.Globalization;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;
using TicketRush.Server.Pages;

namespace TicketRush.Server.Office;

/// <summary>What the office does with seats and journeys: block places by name, number seats, exchange what is in an order.</summary>
internal static class PlacesOffice
{
    // Names in one form at the most; a name may be a whole section.
    private const int NamesMax = 200;

    public static void Map(RouteGroupBuilder sale)
    {
        sale.MapPost("/places", BlockAsync).Needs(Permission.ChangeSales);
        sale.MapPost("/numbers", NumberAsync).Needs(Permission.ChangeSales);
        sale.MapGet("/orders/{number}/exchange", AskExchangeAsync).Needs(Permission.Refund);
        sale.MapPost("/orders/{number}/exchange", ExchangeAsync).Needs(Permission.Refund).NeedsKeyAgain();
    }

    /// <summary>What a counter asks beyond numbers of tickets: a journey, seats by name, passengers.</summary>
    public static PlacesWish Wish(IFormCollection form, Identities identities)
    {
        var wish = PlacesWish.Read(form, identities);
        var names = Names(form["seats"].ToString());
        var people = form["passengers"].ToString().Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return wish with
        {
            Seats = [.. names.Take(PlanRules.PerOrderMax + 1)],
            Names = [.. people.Take(PlanRules.PerOrderMax + 1)],
            Passengers = [.. people.Take(PlanRules.PerOrderMax + 1).Select(identities.Passenger)],
        };
    }

    /// <summary>A plan in which more, or fewer, places of a pool are blocked.</summary>
    /// <param name="stranger">A name that is none of the pool's.</param>
    internal static Plan? Change(Plan plan, int at, string[] names, int from, int to, int count, bool block, out string? stranger)
    {
        stranger = null;
        var pool = plan.Pools[at];
        var (first, end) = pool.Travel == Travel.None ? (0, 1) : (from, to);
        if (first >= end) return null;
        var blocks = new List<BlockPlan>(pool.Blocks ?? []);
        if (names.Length == 0)
        {
            for (; count > 0; count--)
            {
                if (block) blocks.Add(new(-1, first, end));
                else if (blocks.FindLastIndex(known => known.Seat < 0 && known.From >= first
                    && known.To <= end) is >= 0 and var last) blocks.RemoveAt(last);
            }
        }

        foreach (var name in names)
        {
            if (pool.Layout is not { } layout || SeatsOf(layout, name) is not { Count: > 0 } seats)
            {
                stranger = name;
                return null;
            }

            blocks.RemoveAll(known => seats.Contains(known.Seat) && known.From >= first && known.To <= end);
            if (block) blocks.AddRange(seats.Select(seat => new BlockPlan(seat, first, end)));
        }

        var pools = (PoolPlan[])plan.Pools.Clone();
        pools[at] = pool with { Blocks = [.. blocks], Blocked = blocks.Sum(known => known.To - known.From) };
        return plan with { Pools = pools };
    }

    private static string[] Names(string text) =>
        [.. text.Split([',', ' ', ';', '\n', '\r', '\t', '，', '、'],
            StringSplitOptions.RemoveEmptyEntries).Distinct(StringComparer.Ordinal).Take(NamesMax)];

    /// <summary>The seat of that name, or all seats of a row or a section.</summary>
    private static HashSet<int> SeatsOf(SeatLayout layout, string name)
    {
        if (layout.Find(name) is >= 0 and var found) return [found];
        var seats = new HashSet<int>();
        for (var seat = 0; seat < layout.Count; seat++)
        {
            if (layout.NameOf(seat).StartsWith(name + '-', StringComparison.Ordinal)) seats.Add(seat);
        }

        return seats;
    }

    private static async Task BlockAsync(HttpContext http, OfficeDesk on)
    {
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var (form, texts) = (await PageForm.ReadAsync(http), Languages.Of(http));
        var (plan, at) = (sale.Plan, sale.Plan.PoolNamed(form["pool"].ToString()));
        var names = Names(form["names"].ToString());
        _ = int.TryParse(form["count"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var count);
        if (at < 0 || !plan.Pools[at].HasPlaces || !long.TryParse(form["revision"].ToString(), NumberStyles.None,
            CultureInfo.InvariantCulture, out var revision)
            || (names.Length == 0 && count is < 1 or > PoolPlan.BlocksMax))
        {
            await OfficePages.DashboardAsync(http, on, $"{texts.BlockPlaces}: {texts.BlockHint}", 422);
            return;
        }

        var (from, to) = (plan.StopNamed(form["from"].ToString()), plan.StopNamed(form["to"].ToString()));
        var changed = Change(plan, at, names, Math.Max(from, 0), to < 0 ? plan.Legs : to, count, form["do"] != "free", out var stranger);
        if (changed is null)
        {
            await OfficePages.DashboardAsync(http, on, stranger is null ? texts.BadJourneyChosen : texts.NoSuchPlace(stranger), 422);
            return;
        }

        if (PlanCheck.Errors(changed) is [var error, ..])
        {
            await OfficePages.DashboardAsync(http, on, $"{PlanWords.Where(texts, error.Path)}: {PlanWords.Say(texts, error.Message)}", 422);
            return;
        }

        var (outcome, submission) = await on.AskAsync(http, sale, new() { Kind = CommandKind.Plan, Plan = changed, Revision = revision });
        if (outcome == Outcome.Done) await PageAnswer.SeeOther(http, $"/office/sales/{sale.Name}?done=save");
        else await OfficePages.DashboardAsync(http, on, PlanPages.Say(texts, outcome, submission.Reply), 409);
    }

    private static async Task NumberAsync(HttpContext http, OfficeDesk on)
    {
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var (form, texts) = (await PageForm.ReadAsync(http), Languages.Of(http));
        var at = sale.Plan.PoolNamed(form["pool"].ToString());
        var (outcome, submission) = await on.AskAsync(http, sale,
            new() { Kind = CommandKind.Number, Pool = at < 0 ? ushort.MaxValue : (ushort)at });
        if (outcome == Outcome.Done) await PageAnswer.SeeOther(http, $"/office/sales/{sale.Name}?done=numbers");
        else await OfficePages.DashboardAsync(http, on, PlanPages.Say(texts, outcome, submission.Reply), 409);
    }

    private static async Task AskExchangeAsync(HttpContext http, OfficeDesk on)
    {
        if (Languages.TryChoose(http)) return;
        if (on.Sale(http) is not { Plan.HasPlaces: true } sale || await RowAsync(http, on, sale, OrderDesk.NumberOf(http)) is not { } order)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var quantities = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < order.Lines.Count; i++) quantities[sale.Plan.Tiers[order.Lines[i].Tier].Id] = order.Lines[i].Quantity;
        var wish = sale.Plan.Stops is { } stops && order.To > order.From
            ? new PlacesWish { From = stops[order.From].Id, To = stops[order.To].Id } : PlacesWish.None;
        await ShowExchangeAsync(http, on, sale, order, wish, quantities, Guid.NewGuid().ToString("D"), null);
    }

    private static async Task<OrderRow?> RowAsync(HttpContext http, OfficeDesk on, SaleView sale, long number)
    {
        var (outcome, submission) = await on.AskAsync(http, sale, new() { Kind = CommandKind.ListOrders, Revision = number - 1 });
        return outcome == Outcome.Done && submission.Reply.Orders is [var first, ..] && first.Sequence == number ? first : null;
    }

    private static async Task ExchangeAsync(HttpContext http, OfficeDesk on)
    {
        if (on.Sale(http) is not { Plan.HasPlaces: true } sale || await RowAsync(http, on, sale, OrderDesk.NumberOf(http)) is not { } order)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var (form, texts, plan) = (await PageForm.ReadAsync(http), Languages.Of(http), sale.Plan);
        var (wish, id, said) = (Wish(form, on.Sales.Identities), form["id"].ToString(), PurchasePages.Quantities(form));
        if (!Asking.TryHold(on.Sales.Identities, id, out var hold, out _)
            || !Asking.IsText(form["reference"].ToString(), "reference", false, out _))
        {
            await ErrorPages.SendAsync(http, 400);
            return;
        }

        if (PurchasePages.Lines(plan, said) is not { } lines)
        {
            await ShowExchangeAsync(http, on, sale, order, wish, said, id, texts.ChooseAtLeastOne, 422);
            return;
        }

        var command = new Command
        {
            Kind = CommandKind.Exchange, Hold = hold, Order = order.Sequence, Lines = lines, Plan = plan,
            Tickets = wish.Tickets.Length == 0 ? null : wish.Tickets,
            Reference = on.Sales.Identities.Reference(form["reference"].ToString().Trim()),
        };
        wish.AddTo(ref command);
        var (outcome, submission) = await on.AskAsync(http, sale, command);
        if (outcome == Outcome.Done) await PageAnswer.SeeOther(http, $"/office/sales/{sale.Name}/orders/{submission.Reply.Sequence}");
        else await ShowExchangeAsync(
            http, on, sale, order, wish, said, outcome == Outcome.Refused ? Guid.NewGuid().ToString("D") : id,
            outcome != Outcome.Refused ? OfficeDesk.Say(texts, outcome)
                : PlacesPages.Say(texts, command, submission.Reply) ?? PurchasePages.Say(texts, submission.Reply, int.MaxValue), 409);
    }

    private static Task ShowExchangeAsync(
        HttpContext http, OfficeDesk on, SaleView sale, OrderRow order, PlacesWish wish, Dictionary<string, int> quantities, string id,
            string? problem,
        int status = 200) =>
        PageAnswer.SendAsync<ExchangePage, ExchangeView>(
            http, on.Visit(http, $"/office/sales/{sale.Name}/orders/{order.Sequence}/exchange"),
            new(
                new(sale, id, wish, quantities, problem), order,
                GivenView.Of(sale, order.Lines, order.Seats, order.From, order.To, Languages.Of(http))), status);
}

/// <summary>An order of which something is exchanged.</summary>
public sealed record ExchangeView(PlacesChoice Choice, OrderRow Order, GivenView? Given);
