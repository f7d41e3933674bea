using System.Globalization;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;
using TicketRush.Server.Pages;

namespace TicketRush.Server.Office;

/// <summary>
/// Creating and changing a sale with a form. Its fields have the names that the plan's errors have as paths, so that everything that is
/// wrong is said at once, each beside its field.
/// </summary>
internal static class PlanPages
{
    private const int MoreRows = 3;

    private static readonly string[] PoolFields = ["id", "capacity", "blocked"];
    private static readonly string[] TierFields = ["id", "name", "pool", "price"];

    public static void Map(RouteGroupBuilder office)
    {
        office.MapGet("/new", AskNewAsync).Needs(Permission.ChangeSales);
        office.MapPost("/new", CreateAsync).Needs(Permission.ChangeSales);
        office.MapGet("/sales/{sale}/change", AskChangeAsync).Needs(Permission.ChangeSales);
        office.MapPost("/sales/{sale}/change", ChangeAsync).Needs(Permission.ChangeSales).NeedsKeyAgain();
    }

    /// <summary>Why a plan was not taken.</summary>
    public static string Say(Texts texts, Outcome outcome, in Reply reply) => outcome switch
    {
        Outcome.Refused => reply.Refusal switch
        {
            Refusal.PlanChanged => texts.ChangedMeanwhile,
            Refusal.CapacityInUse when reply.Detail is { } places => $"{texts.PlacesInUse} {places}",
            Refusal.CapacityInUse => texts.CapacityInUse(reply.Allowed),
            Refusal.TooManyKeys => texts.TooManyKeys,
            _ => reply.Detail is { } detail ? PlanWords.Say(texts, detail) : texts.NotDone(Problems.Code(reply.Refusal)),
        },
        _ => OfficeDesk.Say(texts, outcome),
    };

    private static Task AskNewAsync(HttpContext http, OfficeDesk on)
    {
        if (Languages.TryChoose(http)) return Task.CompletedTask;
        var rules = new RulesDocument();
        var values = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["timeZone"] = "Asia/Shanghai", ["currency"] = "CNY", ["paymentKind"] = "external", ["pools[0].id"] = "hall",
                ["tiers[0].id"] = "standard", ["tiers[0].pool"] = "hall",
            ["rules.holdSeconds"] = Write(rules.HoldSeconds), ["rules.extensions"] = Write(rules.Extensions),
                ["rules.perOrder"] = Write(rules.PerOrder),
            ["rules.perBuyer"] = Write(rules.PerBuyer),
        };
        return SendAsync(http, on, new(null, 0, false, values, 3, 4, [], null));
    }

    private static async Task AskChangeAsync(HttpContext http, OfficeDesk on)
    {
        if (Languages.TryChoose(http)) return;
        if (on.Sale(http) is not { } sale) await ErrorPages.SendAsync(http, 404);
        else if (!HasForm(sale.Plan)) await PageAnswer.SeeOther(http, $"/office/sales/{sale.Name}/text");
        else await SendAsync(http, on, View(sale));
    }

    private static async Task CreateAsync(HttpContext http, OfficeDesk on)
    {
        var (form, texts) = (await PageForm.ReadAsync(http), Languages.Of(http));
        var view = Typed(form, null, false);
        if (form.ContainsKey("more"))
        {
            await SendAsync(http, on, More(view));
            return;
        }

        var name = view.Value("sale");
        var plan = Read(view, on.AllowTestPayments, texts);
        if (!PlanCheck.IsId(name)) view.Errors["sale"] = texts.SaleNameHint;
        else if (on.Sales.Find(name) is not null) view.Errors["sale"] = texts.SaleExists;
        if (view.Errors.Count > 0)
        {
            await SendAsync(http, on, view, 422);
            return;
        }

        try
        {
            if (!on.Sales.TryCreate(name, plan!, Caller.Of(http).Key!.Name)) view.Errors["sale"] = texts.SaleExists;
        }
        catch (InvalidOperationException)
        {
            view = view with { Problem = texts.TooManySales };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JournalRefusedException)
        {
            view = view with { Problem = texts.OfficeBusy };
        }

        if (view.Errors.Count > 0 || view.Problem is not null) await SendAsync(http, on, view, 409);
        else await PageAnswer.SeeOther(http, $"/office/sales/{name}?done=save");
    }

    private static async Task ChangeAsync(HttpContext http, OfficeDesk on)
    {
        if (on.Sale(http) is not { } sale || !HasForm(sale.Plan))
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var (form, texts) = (await PageForm.ReadAsync(http), Languages.Of(http));
        var view = Typed(form, sale.Name, sale.State != "draft");
        if (form.ContainsKey("more"))
        {
            await SendAsync(http, on, More(view));
            return;
        }

        var plan = Read(view, on.AllowTestPayments, texts);
        if (plan is null)
        {
            await SendAsync(http, on, view, 422);
            return;
        }

        var (outcome, submission) = await on.AskAsync(http, sale, new() { Kind = CommandKind.Plan, Plan = plan, Revision = view.Revision });
        if (outcome == Outcome.Done) await PageAnswer.SeeOther(http, $"/office/sales/{sale.Name}?done=save");
        else await SendAsync(http, on, view with { Problem = Say(texts, outcome, submission.Reply) }, 409);
    }

    private static Task SendAsync(HttpContext http, OfficeDesk on, PlanView view, int status = 200) =>
        PageAnswer.SendAsync<PlanPage, PlanView>(http, on.Visit(http, view.IsNew ? "/office/new" : $"/office/sales/{view.Sale}/change"),
            view, status);

    private static PlanView More(PlanView view) =>
        view with { Pools = Math.Min(view.Pools + MoreRows, Plan.PoolsMax), Tiers = Math.Min(view.Tiers + MoreRows, Plan.TiersMax) };

    /// <summary>The plan that stands, as the form has it.</summary>
    private static PlanView View(SaleView sale)
    {
        var plan = PlanMapping.Write(sale.Plan);
        var values = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["name"] = plan.Name, ["venue"] = plan.Venue, ["startsAt"] = plan.StartsAt, ["timeZone"] = plan.TimeZone,
                ["currency"] = plan.Currency,
            ["opensAt"] = plan.OpensAt ?? "", ["closesAt"] = plan.ClosesAt ?? "", ["paymentKind"] = plan.PaymentKind,
            ["rules.holdSeconds"] = Write(plan.Rules.HoldSeconds), ["rules.extensions"] = Write(plan.Rules.Extensions),
            ["rules.perOrder"] = Write(plan.Rules.PerOrder), ["rules.perBuyer"] = Write(plan.Rules.PerBuyer),
        };
        for (var i = 0; i < plan.Pools.Length; i++)
            (values[$"pools[{i}].id"], values[$"pools[{i}].capacity"], values[$"pools[{i}].blocked"]) = (plan.Pools[i].Id,
                Write(plan.Pools[i].Capacity ?? 0), Write(plan.Pools[i].Blocked ?? 0));
        for (var i = 0; i < plan.Tiers.Length; i++)
        {
            var tier = plan.Tiers[i];
            (values[$"tiers[{i}].id"], values[$"tiers[{i}].name"], values[$"tiers[{i}].pool"]) = (tier.Id, tier.Name, tier.Pool!);
            values[$"tiers[{i}].price"] = tier.Price is { } price ? Money.Number(price, plan.Currency) : "";
        }

        return new(
            sale.Name, sale.Snapshot.Revision, sale.State != "draft", values, Math.Min(plan.Pools.Length + 1, Plan.PoolsMax),
                Math.Min(plan.Tiers.Length + 1, Plan.TiersMax), [], null);
    }

    /// <summary>What was typed, row by row as it stood.</summary>
    private static PlanView Typed(IFormCollection form, string? sale, bool isFrozen)
    {
        var values = form.Where(field => field.Key.Length is > 0 and <= 64 && field.Key[0] != '_')
            .ToDictionary(field => field.Key, field => field.Value.ToString().Trim(), StringComparer.Ordinal);
        _ = long.TryParse(form["revision"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var revision);
        return new(sale, revision, isFrozen, values, Rows("pools", Plan.PoolsMax), Rows("tiers", Plan.TiersMax),
            new(StringComparer.Ordinal), null);

        int Rows(string list, int most)
        {
            var rows = 0;
            while (rows < most && values.ContainsKey($"{list}[{rows}].id")) rows++;
            return rows;
        }
    }

    /// <summary>The plan that was typed; null after everything that is wrong was added to the view's errors.</summary>
    private static Plan? Read(PlanView view, bool allowTestPayments, Texts texts)
    {
        var currency = view.Value("currency");
        var pools = Filled("pools", view.Pools, PoolFields);
        var tiers = Filled("tiers", view.Tiers, TierFields);
        var document = new PlanDocument
        {
            Name = view.Value("name"), Venue = view.Value("venue"), StartsAt = view.Value("startsAt"), TimeZone = view.Value("timeZone"),
                Currency = currency,
            OpensAt = Optional("opensAt"), ClosesAt = Optional("closesAt"), PaymentKind = view.Value("paymentKind"),
            Pools = [.. pools.Select(row => new PoolDocument
            {
                Id = view.Value($"pools[{row}].id"), Capacity = Number($"pools[{row}].capacity"),
                    Blocked = view.Value($"pools[{row}].blocked").Length == 0 ? 0 : Number($"pools[{row}].blocked"),
            })],
            Tiers = [.. tiers.Select(row => new TierDocument
            {
                Id = view.Value($"tiers[{row}].id"), Name = view.Value($"tiers[{row}].name"), Pool = view.Value($"tiers[{row}].pool"),
                    Price = Price($"tiers[{row}].price"),
            })],
            Rules = new() { HoldSeconds = Number("rules.holdSeconds"), Extensions = Number("rules.extensions"),
                PerOrder = Number("rules.perOrder"), PerBuyer = Number("rules.perBuyer") },
        };

        var (plan, errors) = PlanMapping.Read(document, allowTestPayments);
        foreach (var (path, message) in errors) view.Errors.TryAdd(Typed(path), PlanWords.Say(texts, message));
        return view.Errors.Count == 0 ? plan : null;

        string? Optional(string path) => view.Value(path) is { Length: > 0 } text ? text : null;

        int Number(string path)
        {
            if (int.TryParse(view.Value(path), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)) return number;
            view.Errors.TryAdd(path, texts.IsNoNumber);
            return 0;
        }

        long Price(string path)
        {
            if (Money.TryParse(view.Value(path), currency, out var price)) return price;
            view.Errors.TryAdd(path, texts.IsNoPrice(currency));
            return 0;
        }

        // Rows that were left empty are no rows of the plan; an error's row is the one on the page.
        List<int> Filled(string list, int rows, string[] fields) =>
            [.. Enumerable.Range(0, rows).Where(row => fields.Any(field => view.Value($"{list}[{row}].{field}").Length > 0))];

        string Typed(string path)
        {
            var end = path.IndexOf(']');
            if (end < 7 || !int.TryParse(path.AsSpan(6, end - 6), NumberStyles.None, CultureInfo.InvariantCulture,
                out var at)) return path == "pools" ? "pools[0].id" : path == "tiers" ? "tiers[0].id" : path;
            var rows = path.StartsWith("pools", StringComparison.Ordinal) ? pools : tiers;
            return at < rows.Count ? $"{path[..5]}[{rows[at]}]{path[(end + 1)..]}" : path;
        }
    }

    // The form knows of neither rows nor stops, and would take them away.
    private static bool HasForm(Plan plan) => !plan.HasPlaces;

    private static string Write(int number) => number.ToString(CultureInfo.InvariantCulture);
}
