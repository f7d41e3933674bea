using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Server.Access;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Security;

/// <summary>The office's pages: who comes in with which cookie, and what asks for the key once more.</summary>
public sealed class OfficeTests(RunningServer server) : IClassFixture<RunningServer>
{
    private static readonly Role[] Roles = [Role.Office, Role.Staff, Role.Shop, Role.Read];

    // A shop's key does not sign in at all; here it is given a cookie as if it had, which still opens nothing that is not a shop's.
    [Fact]
    [Trait("Statement", "S26")]
    public async Task A_cookie_of_one_role_on_every_page_of_the_others_is_turned_away()
    {
        await using var own = await RunningServer.StartAsync();
        var sale = await own.OpenSaleAsync();
        (await own.PutAsync($"{sale}/orders/{Plans.NewId()}", Plans.Order())).Is(200);
        var buyer = await Browser.OpenAsync(own);
        var signedIn = Roles.ToDictionary(role => role, role => Staff.SignIn(own, Ring(own).Add($"cookie-{role.Name()}", role).Key));
        var (refused, let) = (0, 0);
        var pages = Guarded(own, sale).ToArray();
        foreach (var (method, path, needed) in pages)
        {
            // Nobody, a buyer, and a cookie that the server did not make: to the page on which one signs in.
            foreach (var (
                cookie, token) in new[] { (null, null), (buyer.Cookie, buyer.Token), ("rush-office=" + new string('A', 43), buyer.Token) })
            {
                var turned = await Staff.AskAsync(own, method, path, cookie, token);
                Assert.True(turned.Status == 303, $"{method} {path}: {turned.Status}");
                Assert.StartsWith("/office/sign-in", turned.Headers["Location"].Single(), StringComparison.Ordinal);
                (await own.SendAsync(method, path, null, key: null, ("Cookie", cookie ?? "a=b"))).Is(401, "UNAUTHORIZED");
            }

            foreach (var role in Roles)
            {
                var staff = signedIn[role];
                var before = await own.SequenceAsync(sale);
                if (method == "POST" && role.May(needed))
                {
                    Assert.Equal(400, (await Staff.AskAsync(own, method, path, staff.Cookie, token: null)).Status);
                    Assert.Equal(400, (await Staff.AskAsync(own, method, path, staff.Cookie, buyer.Token)).Status);
                    Assert.Equal(before, await own.SequenceAsync(sale));
                }

                var answer = await Staff.AskAsync(own, method, path, staff.Cookie, staff.Token);
                if (role.May(needed))
                {
                    let++;
                    Assert.False(
                        answer.Status is 401 or 403 or >= 500 || answer.Text.Contains("gone stale", StringComparison.Ordinal),
                        $"{role} {method} {path}: {answer.Status} {answer.Text}");
                }
                else
                {
                    refused++;
                    Assert.Equal(403, answer.Status);
                    Assert.Contains("Your key may not do this", answer.Text, StringComparison.Ordinal);
                    Assert.Equal(before, await own.SequenceAsync(sale));
                }
            }
        }

        Assert.True(pages.Length >= 20 && refused > 20 && let > 40, $"{pages.Length} pages: {refused} refused, {let} let in");

        // The cookie is for these pages alone: on the API it is nobody's.
        (await own.SendAsync("GET", $"{sale}/orders", null, key: null, ("Cookie", signedIn[Role.Office].Cookie))).Is(401, "UNAUTHORIZED");
    }

    [Fact]
    [Trait("Statement", "S26")]
    public void Signing_in_is_all_of_the_office_that_is_open_and_what_money_hangs_on_asks_for_the_key()
    {
        var routes = Routes(server).ToArray();
        Assert.Equal(
            ["GET /office/sign-in", "POST /office/sign-in"],
            routes.Where(route => route.Needed == Permission.None).Select(route => route.Name));
        Assert.Equal(
            ["POST /office/keys", "POST /office/keys/revoke", "POST /office/sales/{sale}/change",
                "POST /office/sales/{sale}/orders/{number}/exchange", "POST /office/sales/{sale}/orders/{number}/refund",
                "POST /office/sales/{sale}/text"],
            routes.Where(route => route.NeedsKey).Select(route => route.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    [Trait("Statement", "S26")]
    public async Task What_money_or_keys_hang_on_asks_for_the_key_again_after_a_while_and_is_then_done_as_it_was_filled_in()
    {
        var clock = new Clock();
        await using var own = await RunningServer.StartAsync(configure: builder => builder.Services.AddSingleton<TimeProvider>(clock));
        var sale = await own.OpenSaleAsync();
        var order = (await own.PutAsync($"{sale}/orders/{Plans.NewId()}", Plans.Order(quantity: 4))).Is(200).Sequence;
        var (desk, secret) = Ring(own).Add("desk-1", Role.Staff);
        var other = Ring(own).Add("desk-2", Role.Staff).Secret;
        var staff = Staff.SignIn(own, desk);
        var refund = $"/office{sale[4..]}/orders/{order}/refund";

        // The control: whoever has just signed in is asked for nothing more.
        Assert.Equal(303, (await RefundAsync("1", staff.Cookie)).Status);
        clock.Go(TimeSpan.FromMinutes(14));
        Assert.Equal(303, (await RefundAsync("2", staff.Cookie)).Status);
        clock.Go(TimeSpan.FromMinutes(2));
        var before = await own.SequenceAsync(sale);
        var asked = await RefundAsync("3", staff.Cookie);
        Assert.Equal(401, asked.Status);
        foreach (var field in new[] { "name=\"_key\"", "name=\"ticket\" value=\"3\"", "name=\"reason\" value=\"cannot-come\"" })
            Assert.Contains(field, asked.Text, StringComparison.Ordinal);

        // Neither a wrong key nor somebody else's, be it the office's, goes on with this session; nor does a right one without the token.
        foreach (var wrong in new[] { "", "wrong", other, RunningServer.Key, secret[..^1], new string('x', 300) })
            Assert.Equal(401, (await RefundAsync("3", staff.Cookie, wrong)).Status);
        Assert.Equal(400, (await Staff.AskAsync(own, "POST", refund, staff.Cookie, null, Fields("3", secret))).Status);
        Assert.DoesNotContain(secret, (await RefundAsync("3", staff.Cookie, other)).Text, StringComparison.Ordinal);
        Assert.Equal(before, await own.SequenceAsync(sale));

        var done = await RefundAsync("3", staff.Cookie, secret);
        Assert.Equal(303, done.Status);
        Assert.Equal(before + 1, await own.SequenceAsync(sale));

        // The key was shown now: the new cookie is as good as one of signing in, the old one is as old as before.
        var renewed = done.Headers["Set-Cookie"].Single().Split(';')[0];
        Assert.Equal(401, (await RefundAsync("4", staff.Cookie)).Status);
        Assert.Equal(303, (await RefundAsync("4", renewed)).Status);

        // A key in a header is shown with every request.
        clock.Go(TimeSpan.FromHours(1));
        (await own.PostAsync("/api/keys", """{"name":"kiosk","role":"shop"}""")).Is(200);

        Task<Answer> RefundAsync(string ticket, string cookie, string? key = null) =>
            Staff.AskAsync(own, "POST", refund, cookie, staff.Token, Fields(ticket, key));

        static (string, string)[] Fields(string ticket, string? key) =>
            [("ticket", ticket), ("reason", "cannot-come"), ("key", "form-" + ticket), .. key is null ? Array.Empty<(string, string)>()
                : [("_key", key)]];
    }

    [Fact]
    [Trait("Statement", "S26")]
    public async Task Keys_and_plans_stay_as_they_are_until_the_key_was_shown_again()
    {
        var clock = new Clock();
        await using var own = await RunningServer.StartAsync(configure: builder => builder.Services.AddSingleton<TimeProvider>(clock));
        var sale = await own.OpenSaleAsync();
        var revision = (await own.GetAsync(sale)).Headers["ETag"].Single().Trim('"');
        var (boss, secret) = Ring(own).Add("boss", Role.Office);
        var staff = Staff.SignIn(own, boss);
        clock.Go(TimeSpan.FromMinutes(20));
        var before = (await own.SequenceAsync(sale), (await own.GetAsync("/api/keys")).Text);
        foreach (var (path, fields) in new (string, (string, string)[])[]
        {
            ("/office/keys", [("name", "new"), ("role", "shop")]), ("/office/keys/revoke", [("id", boss.Id)]),
            ($"/office{sale[4..]}/change", [("name", "Another")]), ($"/office{sale[4..]}/text", Text()),
            ($"/office{sale[4..]}/orders/1/exchange", [("id", Plans.NewId()), ("q.floor", "1")]),
        })
            Assert.Equal(401, (await Staff.AskAsync(own, "POST", path, staff.Cookie, staff.Token, fields)).Status);
        Assert.Equal(before, (await own.SequenceAsync(sale), (await own.GetAsync("/api/keys")).Text));

        // Stopping is not held up by it, and with the key the rest is done.
        Assert.Equal(303, (await Staff.AskAsync(own, "POST", $"/office{sale[4..]}/pause", staff.Cookie, staff.Token)).Status);
        Assert.Equal(
            200, (await Staff.AskAsync(
            own, "POST", "/office/keys", staff.Cookie, staff.Token, ("name", "new"), ("role", "shop"), ("_key", secret))).Status);
        Assert.Contains("\"new\"", (await own.GetAsync("/api/keys")).Text, StringComparison.Ordinal);
        var changed = await Staff.AskAsync(
            own, "POST", $"/office{sale[4..]}/text", staff.Cookie, staff.Token, [.. Text(), ("_key", secret)]);
        Assert.Equal(303, changed.Status);
        Assert.Contains("\"Another\"", (await own.GetAsync(sale)).Text, StringComparison.Ordinal);

        // After twelve hours nobody is signed in any more.
        clock.Go(TimeSpan.FromHours(12));
        Assert.Equal(303, (await Staff.AskAsync(own, "GET", "/office", staff.Cookie, null)).Status);

        (string, string)[] Text() => [("plan", Plans.Concert(name: "Another")), ("revision", revision)];
    }

    [Fact]
    public async Task A_plan_as_long_as_may_be_fits_into_the_form_and_a_longer_one_is_told_how_long()
    {
        var staff = Staff.SignIn(server, Ring(server).Add("long-plans", Role.Office).Key);
        foreach (var (length, status) in new[] { (256 * 1024, 303), (256 * 1024 + 1, 422) })
        {
            var (sale, plan) = (RunningServer.NewSale()[11..], Plans.Concert());
            var answer = await Staff.AskAsync(
                server, "POST", "/office/new/text", staff.Cookie, staff.Token, ("sale", sale), ("plan", plan.PadRight(length)));
            Assert.True(answer.Status == status, $"{length}: {answer.Status} {answer.Text}");
            if (status == 422) Assert.Contains("262144", answer.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    [Trait("Statement", "S5")]
    public async Task Guessing_keys_on_the_sign_in_page_is_slow_and_a_right_key_always_passes()
    {
        await using var strict = await RunningServer.StartAsync(limits: RunningServer.Generous with { WrongKeysPerMinute = 2 });
        foreach (var status in new[] { 401, 401, 429, 429 }) Assert.Equal(status, (await SignInAsync("wrong")).Status);
        var right = await SignInAsync(RunningServer.Key);
        Assert.Equal((303, "/office"), (right.Status, right.Headers["Location"].Single()));
        var cookie = right.Headers["Set-Cookie"].Single().ToLowerInvariant();
        foreach (var flag in new[] { "httponly", "samesite=lax", "path=/" }) Assert.Contains(flag, cookie, StringComparison.Ordinal);

        // A shop's key is for programs.
        Assert.Equal(401, (await SignInAsync(Ring(strict).Add("web", Role.Shop).Secret)).Status);

        Task<Answer> SignInAsync(string key) => Staff.AskAsync(strict, "POST", "/office/sign-in", null, null, ("key", key));
    }

    [Theory]
    [InlineData("/office/keys", "/office/keys")]
    [InlineData("//evil.example/", "/office")]
    [InlineData("https://evil.example/office", "/office")]
    [InlineData("/\\evil.example", "/office")]
    [InlineData("/office\r\nSet-Cookie: a=b", "/office")]
    [InlineData("", "/office")]
    [Trait("Statement", "S15")]
    public async Task Signing_in_leads_to_no_other_site_and_another_site_cannot_sign_anybody_in(string next, string goes)
    {
        var signed = await Staff.AskAsync(server, "POST", "/office/sign-in", null, null, ("key", RunningServer.Key), ("next", next));
        Assert.Equal((303, goes), (signed.Status, signed.Headers["Location"].Single()));
        Assert.Single(signed.Headers["Set-Cookie"]);
        foreach (var header in new[] { ("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example") })
        {
            using var request = Staff.Form("/office/sign-in", [("key", RunningServer.Key)]);
            request.Headers.TryAddWithoutValidation(header.Item1, header.Item2);
            var foreign = await server.SendAsync(request);
            Assert.Equal(400, foreign.Status);
            Assert.Empty(foreign.Headers["Set-Cookie"]);
        }
    }

    [Fact]
    [Trait("Statement", "S15")]
    public async Task Too_often_shows_a_form_again_only_to_the_page_that_sent_it_and_never_a_key()
    {
        await using var strict = await RunningServer.StartAsync(limits: RunningServer.Generous with { NetworkPerMinute = 1 });
        var sale = await strict.OpenSaleAsync();
        var ann = await Browser.OpenAsync(strict);
        foreach (var (path, site, shown) in new[]
        {
            ($"{sale[4..]}/holds", "same-origin", true), ($"{sale[4..]}/holds", "cross-site", false),
            ("/office/sign-in", "same-origin", false),
        })
        {
            using var request = Staff.Form(path, [("id", "1"), ("key", "a key that somebody typed")]);
            request.Headers.TryAddWithoutValidation("Sec-Fetch-Site", site);
            request.Headers.TryAddWithoutValidation("Cookie", ann.Cookie);
            var answer = await strict.SendAsync(request);
            Assert.Equal(429, answer.Status);
            Assert.Equal(shown, answer.Text.Contains("somebody typed", StringComparison.Ordinal));
            Assert.NotNull(answer.RetryAfter);
        }
    }

    [Fact]
    [Trait("Statement", "S25")]
    public async Task A_browser_without_its_cookie_finds_nothing_and_is_told_what_it_lacks_when_it_asks_for_something()
    {
        var sale = await server.OpenSaleAsync(Plans.Concert(payment: "test"));
        var (ann, id) = (await Browser.OpenAsync(server), Plans.NewId());
        (await ann.HoldAsync(sale, id)).Is(200);
        var there = await Staff.AskAsync(server, "GET", $"{sale[4..]}/holds/{id}", null, null);
        var nowhere = await Staff.AskAsync(server, "GET", $"{sale[4..]}/holds/{Plans.NewId()}", null, null);
        Assert.Equal((404, nowhere.Text), (there.Status, there.Text));
        Assert.Equal(200, (await Staff.AskAsync(server, "GET", $"{sale[4..]}/holds/{id}", ann.Cookie, null)).Status);

        var post = await Staff.AskAsync(server, "POST", $"{sale[4..]}/holds", null, null, ("id", id));
        Assert.Equal(401, post.Status);
        Assert.Contains("The cookie is missing", post.Text, StringComparison.Ordinal);
    }

    private static KeyRing Ring(RunningServer server) => server.App.Services.GetRequiredService<KeyRing>();

    private static IEnumerable<(string Method, string Path, Permission Needed)> Guarded(RunningServer server, string sale) =>
        Routes(server).Where(route => route.Needed != Permission.None).Select(route => (
            route.Method,
            route.Pattern.Replace("/office/sales/{sale}", "/office" + sale[4..], StringComparison.Ordinal)
                .Replace("{number}", "3", StringComparison.Ordinal),
            route.Needed));

    private static IEnumerable<(string Method, string Pattern, string Name, Permission Needed, bool NeedsKey)> Routes(
        RunningServer server) =>
        from endpoint in server.App.Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints)
            .OfType<RouteEndpoint>()
        let pattern = "/" + endpoint.RoutePattern.RawText!.Trim('/')
        where pattern.StartsWith("/office", StringComparison.Ordinal)
        from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods
        select (
            method, pattern, $"{method} {pattern}",
            endpoint.Metadata.GetMetadata<AccessMiddleware.NeedsPermission>()?.Permission ?? Permission.None,
            endpoint.Metadata.GetMetadata<AccessMiddleware.NeedsFreshKey>() is not null);
}

/// <summary>Somebody who is signed in to the office, in a browser.</summary>
internal sealed record Staff(string Cookie, string Token)
{
    public static Staff SignIn(RunningServer server, Key key)
    {
        var http = new DefaultHttpContext();
        server.App.Services.GetRequiredService<StaffSessions>().SignIn(http, key);
        var token = server.App.Services.GetRequiredService<Antiforgery>().TokenFor(Caller.Of(key, byCookie: true));
        return new(http.Response.Headers.SetCookie.ToString().Split(';')[0], token);
    }

    public static async Task<Answer> AskAsync(
        RunningServer server, string method, string path, string? cookie, string? token, params (string Name, string Value)[] fields)
    {
        using var request = method == "GET"
            ? new HttpRequestMessage(HttpMethod.Get, path)
            : Form(path, token is null ? fields : [.. fields, (Antiforgery.FieldName, token)]);
        request.Headers.TryAddWithoutValidation("Accept", "text/html");
        if (cookie is not null) request.Headers.TryAddWithoutValidation("Cookie", cookie);
        return await server.SendAsync(request);
    }

    public static HttpRequestMessage Form(string path, (string Name, string Value)[] fields)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value))),
        };
        request.Headers.TryAddWithoutValidation("Accept", "text/html");
        return request;
    }
}
