using Microsoft.AspNetCore.Http.Features;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;
using TicketRush.Server.Pages;

namespace TicketRush.Server.Office;

/// <summary>The staff's pages: signing in, the sales, one sale's dashboard and its states, the keys.</summary>
internal static class OfficePages
{
    public static void AddOffice(this IServiceCollection services)
    {
        services.AddSingleton<OfficeDesk>();
        services.AddSingleton<FigureHistory>();
    }

    public static void MapOffice(this IEndpointRouteBuilder app)
    {
        var office = app.MapGroup("/office").ExcludeFromDescription();
        office.MapGet("/sign-in", AskKeyAsync);
        office.MapPost("/sign-in", SignInAsync).WithoutToken();
        office.MapPost("/sign-out", SignOutAsync).Needs(Permission.ListOrders);
        office.MapGet("", ListAsync).Needs(Permission.SeeFigures);

        office.MapGet("/keys", (HttpContext http, OfficeDesk on, KeyRing ring) => KeysAsync(http, on, ring)).Needs(Permission.ManageKeys);
        office.MapPost("/keys", MakeKeyAsync).Needs(Permission.ManageKeys).NeedsKeyAgain();
        office.MapPost("/keys/revoke", RevokeKeyAsync).Needs(Permission.ManageKeys).NeedsKeyAgain();

        var sale = office.MapGroup("/sales/{sale}");
        sale.MapGet("", (HttpContext http, OfficeDesk on) => DashboardAsync(http, on)).Needs(Permission.SeeFigures);
        sale.MapPost("/open", (HttpContext http, OfficeDesk on) => ChangeAsync(http, on, CommandKind.Open)).Needs(Permission.ChangeSales);
        sale.MapPost("/pause", (HttpContext http, OfficeDesk on) => ChangeAsync(http, on, CommandKind.Pause)).Needs(Permission.ChangeSales);
        sale.MapPost("/close", (HttpContext http, OfficeDesk on) => ChangeAsync(http, on, CommandKind.Close)).Needs(Permission.ChangeSales);
        sale.MapPost("/block", BlockAsync).Needs(Permission.ChangeSales);

        PlanPages.Map(office);
        PlanTextPages.Map(office);
        PlacesOffice.Map(sale);
        OrderDesk.Map(sale);
        CounterPages.Map(sale);
    }

    private static Task AskKeyAsync(HttpContext http, OfficeDesk on)
    {
        if (Languages.TryChoose(http)) return Task.CompletedTask;
        var next = Safe(http.Request.Query["next"].ToString());
        return Caller.Of(http).May(Permission.SeeFigures)
            ? PageAnswer.SeeOther(http, next)
            : PageAnswer.SendAsync<SignInPage, SignInView>(http, new(Languages.Of(http)) { Here = "/office/sign-in" }, new(next, null));
    }

    private static async Task SignInAsync(HttpContext http, KeyRing ring, StaffSessions sessions, RateLimits rates)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body)
            body.MaxRequestBodySize = AccessMiddleware.FormBytesMax;
        var form = await PageForm.ReadAsync(http);
        var (texts, next, given) = (Languages.Of(http), Safe(form["next"].ToString()), form["key"].ToString().Trim());
        var key = given.Length is > 0 and <= KeyRing.LengthMax ? ring.Find(given) : null;
        if (key is null && !rates.TryWrongKey(http, out var later))
        {
            http.Response.Headers.RetryAfter = later.ToString(System.Globalization.CultureInfo.InvariantCulture);
            await PageAnswer.SendAsync<SignInPage, SignInView>(http, new(texts), new(next, texts.TooOftenTitle), 429);
        }
        else if (key is null || !key.Role.May(Permission.SeeFigures))
            await PageAnswer.SendAsync<SignInPage, SignInView>(http, new(texts), new(next, key is null ? texts.KeyWrong : texts.KeyOfShop),
                401);
        else
        {
            sessions.SignIn(http, key);
            await PageAnswer.SeeOther(http, next);
        }
    }

    private static Task SignOutAsync(HttpContext http, StaffSessions sessions)
    {
        sessions.SignOut(http);
        return PageAnswer.SeeOther(http, "/office/sign-in");
    }

    private static Task ListAsync(HttpContext http, OfficeDesk on)
    {
        if (Languages.TryChoose(http)) return Task.CompletedTask;
        var sales = on.Sales.All().Select(sale => (sale.Name, SaleView.Of(sale), (string?)Problems.PublicReason(sale.Status)))
            .OrderBy(sale => sale.Item2?.State == "closed").ThenBy(sale => sale.Name, StringComparer.Ordinal);
        return PageAnswer.SendAsync<OfficeListPage, OfficeListView>(http, on.Visit(http, "/office"), new([.. sales]));
    }

    public static async Task DashboardAsync(HttpContext http, OfficeDesk on, string? problem = null, int status = 200)
    {
        if (problem is null && Languages.TryChoose(http)) return;
        var texts = Languages.Of(http);
        if (on.Sale(http) is not { } sale)
        {
            // The list leads here also for a sale whose journal cannot be read; that it is stopped is no reason to say that there is none.
            var found = on.Sales.Find((string)http.GetRouteValue("sale")!);
            if (found is not { Sequencer: null }) await ErrorPages.SendAsync(http, 404);
            else
            {
                await PageAnswer.SendAsync<MessagePage, Message>(
                    http, on.Visit(http), new(texts.Stopped, Problems.PublicReason(found.Status), "/office", texts.OfficeSales), 503);
            }

            return;
        }

        var message = http.Request.Query["done"].ToString() switch
        {
            "open" => texts.Opened, "pause" => texts.PausedNow, "close" => texts.ClosedNow, "save" => texts.Saved,
            "numbers" => texts.Numbered, _ => null,
        };
        var url = $"/office/sales/{sale.Name}";
        await PageAnswer.SendAsync<DashboardPage, DashboardView>(
            http, on.Visit(http, url), new(sale, on.Figures.Of(on.Open(sale)), problem is null ? message : null, problem), status);
    }

    private static async Task ChangeAsync(HttpContext http, OfficeDesk on, CommandKind kind)
    {
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var (outcome, submission) = await on.AskAsync(http, sale, new() { Kind = kind });
        if (outcome == Outcome.Done) await PageAnswer.SeeOther(http,
            $"/office/sales/{sale.Name}?done={kind.ToString().ToLowerInvariant()}");
        else await DashboardAsync(http, on, PlanPages.Say(Languages.Of(http), outcome, submission.Reply), 409);
    }

    private static async Task BlockAsync(HttpContext http, OfficeDesk on)
    {
        if (on.Sale(http) is not { } sale)
        {
            await ErrorPages.SendAsync(http, 404);
            return;
        }

        var (form, texts) = (await PageForm.ReadAsync(http), Languages.Of(http));
        var at = sale.Plan.PoolNamed(form["pool"].ToString());
        var style = System.Globalization.NumberStyles.None;
        if (at < 0 || !long.TryParse(form["revision"].ToString(), style, null, out var revision)
            || !int.TryParse(form["blocked"].ToString(), style, null, out var blocked))
        {
            await DashboardAsync(http, on, $"{texts.Blocked}: {texts.IsNoNumber}", 422);
            return;
        }

        var pools = sale.Plan.Pools.ToArray();
        pools[at] = pools[at] with { Blocked = blocked };
        var plan = sale.Plan with { Pools = pools };
        if (PlanCheck.Errors(plan) is [var error, ..])
        {
            await DashboardAsync(http, on, $"{PlanWords.Where(texts, error.Path)}: {PlanWords.Say(texts, error.Message)}", 422);
            return;
        }

        var (outcome, submission) = await on.AskAsync(http, sale, new() { Kind = CommandKind.Plan, Plan = plan, Revision = revision });
        if (outcome == Outcome.Done) await PageAnswer.SeeOther(http, $"/office/sales/{sale.Name}?done=save");
        else await DashboardAsync(http, on, PlanPages.Say(texts, outcome, submission.Reply), 409);
    }

    private static Task KeysAsync(HttpContext http, OfficeDesk on, KeyRing ring, string? secret = null, string name = "",
        string? problem = null, int status = 200)
    {
        if (Languages.TryChoose(http)) return Task.CompletedTask;
        return PageAnswer.SendAsync<KeysPage, KeysView>(http, on.Visit(http, "/office/keys"), new(ring.List(), secret, name, problem),
            status);
    }

    private static async Task MakeKeyAsync(HttpContext http, OfficeDesk on, KeyRing ring)
    {
        var (form, texts) = (await PageForm.ReadAsync(http), Languages.Of(http));
        var name = form["name"].ToString();
        if (!Permissions.TryParse(form["role"].ToString(), out var role)) await ErrorPages.SendAsync(http, 400);
        else if (!PlanCheck.IsId(name)) await KeysAsync(http, on, ring, null, name.Length <= 63 ? name : "", texts.KeyNameHint, 422);
        else
        {
            try
            {
                await KeysAsync(http, on, ring, ring.Add(name, role).Secret);
            }
            catch (ArgumentException)
            {
                await KeysAsync(http, on, ring, null, name, texts.KeyNameTaken, 422);
            }
            catch (InvalidOperationException)
            {
                await KeysAsync(http, on, ring, null, name, texts.TooManyKeysMade, 409);
            }
            catch (IOException)
            {
                await KeysAsync(http, on, ring, null, name, texts.OfficeBusy, 503);
            }
        }
    }

    private static async Task RevokeKeyAsync(HttpContext http, OfficeDesk on, KeyRing ring)
    {
        var id = (await PageForm.ReadAsync(http))["id"].ToString();
        try
        {
            // Twice is once: a key that is revoked is what was asked for.
            ring.Revoke(id);
        }
        catch (IOException)
        {
            await KeysAsync(http, on, ring, problem: Languages.Of(http).OfficeBusy, status: 503);
            return;
        }

        await PageAnswer.SeeOther(http, "/office/keys");
    }

    // Only to a page of ours: an address with a host in it would make signing in a way to somewhere else.
    private static string Safe(string next) => next.StartsWith("/office", StringComparison.Ordinal)
        && next.All(c => c is > ' ' and < '\x7f' and not '\\') ? next : "/office";
}
