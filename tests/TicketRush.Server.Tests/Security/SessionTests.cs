using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Server.Access;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Security;

/// <summary>Buyers in browsers: whose cookie it is, who made them post, and what they can learn of each other.</summary>
public sealed class SessionTests(RunningServer server) : IClassFixture<RunningServer>
{
    [Fact]
    [Trait("Statement", "S2")]
    public async Task Steps_cannot_be_skipped_and_trying_does_nothing()
    {
        var sale = await server.OpenSaleAsync(Plans.Concert(payment: "test"));
        var ann = await Browser.OpenAsync(server);
        var sequence = await server.SequenceAsync(sale);
        (await ann.PayAsync(sale, Plans.NewId())).Is(404, "UNKNOWN_HOLD");
        (await ann.SendAsync("POST", $"{sale}/holds/{Plans.NewId()}/extend", null, ("Idempotency-Key", "1"))).Is(404, "UNKNOWN_HOLD");
        (await ann.ReleaseAsync(sale, Plans.NewId())).Is(404, "UNKNOWN_HOLD");
        (await server.PostAsync($"{sale}/orders/{Plans.NewId()}/refund", Plans.Refund(), ("Idempotency-Key", "1")))
            .Is(404, "UNKNOWN_ORDER");
        Assert.Equal(sequence, await server.SequenceAsync(sale));

        // A hold is no order yet: it cannot be shown as one, nor refunded.
        var id = Plans.NewId();
        (await ann.HoldAsync(sale, id)).Is(200);
        (await ann.GetAsync($"{sale}/orders/{id}")).Is(404, "UNKNOWN_ORDER");
        (await server.PostAsync($"{sale}/orders/{id}/refund", Plans.Refund(), ("Idempotency-Key", "2"))).Is(404, "UNKNOWN_ORDER");

        // Nor can a buyer confirm a payment where somebody else takes the money; the control is the shop's key, which can.
        var collected = await server.OpenSaleAsync(Plans.Concert(payment: "external"));
        (await ann.HoldAsync(collected, id)).Is(200);
        var held = await server.SequenceAsync(collected);
        (await ann.PayAsync(collected, id)).Is(403, "PAYMENT_ELSEWHERE");
        (await ann.SendAsync("PUT", $"{collected}/orders/{Plans.NewId()}", Browser.Items())).Is(403, "PAYMENT_ELSEWHERE");
        Assert.Equal(held, await server.SequenceAsync(collected));
        (await server.PostAsync($"{collected}/holds/{id}/pay", Plans.Pay("bank-1"))).Is(200);
    }

    [Fact]
    [Trait("Statement", "S2")]
    public async Task Where_the_server_does_not_allow_test_payments_nobody_pays_with_nothing()
    {
        await using var first = await RunningServer.StartAsync();
        var sale = await first.OpenSaleAsync(Plans.Concert(payment: "test"));
        await using var strict = await RunningServer.StartAsync(first.Directory, allowTestPayments: false);
        var ann = await Browser.OpenAsync(strict);
        var id = Plans.NewId();
        (await ann.HoldAsync(sale, id)).Is(200);
        (await ann.PayAsync(sale, id)).Is(403, "PAYMENT_ELSEWHERE");
        (await ann.At(first).PayAsync(sale, id)).Is(200);
    }

    [Fact]
    [Trait("Statement", "S15")]
    public async Task A_change_with_a_cookie_needs_its_own_token_and_comes_from_here()
    {
        var sale = await server.OpenSaleAsync(Plans.Concert(payment: "test"));
        var (ann, bob) = (await Browser.OpenAsync(server), await Browser.OpenAsync(server));
        var sequence = await server.SequenceAsync(sale);
        var here = server.Url.GetLeftPart(UriPartial.Authority);
        (string? Token, (string, string)[] Headers)[] wrong =
        [
            (null, []), ("", []), (bob.Token, []), (ann.Token[..^1], []), (ann.Token + "A", []), (new string('A', 43), []),
            (Flip(ann.Token), []), (new string('!', 43), []), (ann.Token[..^1] + "=", []),
            (ann.Token, [("Sec-Fetch-Site", "cross-site")]), (ann.Token, [("Sec-Fetch-Site", "same-site")]),
            (ann.Token, [("Origin", "https://evil.example")]),
            (ann.Token, [("Origin", here.Replace("http:", "https:", StringComparison.Ordinal))]),
        ];
        foreach (var (token, headers) in wrong)
            (await ann.SendAsync("PUT", $"{sale}/holds/{Plans.NewId()}", Browser.Items(), ann.Cookie, token, headers))
                .Is(400, "TOKEN_INVALID");
        (await ann.SendAsync("PUT", $"{sale}/holds/{Plans.NewId()}", Browser.Items(), cookie: null, ann.Token)).Is(401, "UNAUTHORIZED");
        Assert.Equal(sequence, await server.SequenceAsync(sale));

        // The controls: what a browser sends of itself is right, and so is a key without any of it.
        foreach (var headers in new (
            string, string)[][] { [], [("Sec-Fetch-Site", "same-origin")], [("Origin", here)], [("Origin", "null")] })
            (await ann.SendAsync("PUT", $"{sale}/orders/{Plans.NewId()}", Browser.Items(), headers)).Is(200);
        (await server.PutAsync($"{sale}/orders/{Plans.NewId()}", Plans.Order(), ("Origin", "https://shop.example"))).Is(200);
    }

    [Fact]
    [Trait("Statement", "S15")]
    public async Task A_form_carries_its_token_in_a_field_and_a_form_without_it_does_nothing()
    {
        var reached = 0;
        await using var own = await RunningServer.StartAsync(map: app => app.MapPost("/form", async (HttpContext http) =>
        {
            await http.Request.ReadFormAsync();
            return Interlocked.Increment(ref reached);
        }));
        var ann = await Browser.OpenAsync(own);
        Assert.Equal(400, await PostAsync("quantity=1"));
        Assert.Equal(400, await PostAsync("_token=" + new string('A', 43)));
        Assert.Equal(413, await PostAsync("_token=" + ann.Token + "&big=" + new string('x', AccessMiddleware.FormBytesMax)));
        Assert.Equal(413, await PostAsync("big=" + new string('x', AccessMiddleware.FormBytesMax), ann.Token));
        Assert.Equal(0, reached);
        Assert.Equal(200, await PostAsync("quantity=1&_token=" + ann.Token));
        Assert.Equal(1, reached);

        async Task<int> PostAsync(string form, string? token = null)
        {
            using var request =
                new HttpRequestMessage(
                HttpMethod.Post, "/form") { Content = new StringContent(form, Encoding.UTF8, "application/x-www-form-urlencoded") };
            request.Headers.TryAddWithoutValidation("Cookie", ann.Cookie);
            if (token is not null) request.Headers.TryAddWithoutValidation(Antiforgery.HeaderName, token);
            return (await own.SendAsync(request)).Status;
        }
    }

    [Theory]
    [InlineData(true, "rush-buyer", false)]
    [InlineData(false, "__Host-rush-buyer", true)]
    [Trait("Statement", "S15")]
    public async Task The_cookie_is_for_this_host_alone_and_for_no_script(bool demo, string name, bool secure)
    {
        await using var own = await RunningServer.StartAsync(demo: demo);
        var cookie = (await own.SendAsync("POST", "/api/session", null, key: null)).Is(200).Headers["Set-Cookie"].Single()
            .ToLowerInvariant().Split("; ");
        Assert.StartsWith(name.ToLowerInvariant() + "=", cookie[0]);
        Assert.Equal(43, cookie[0].Length - name.Length - 1);
        Assert.Contains("path=/", cookie);
        Assert.Contains("httponly", cookie);
        Assert.Contains("samesite=lax", cookie);
        Assert.Equal(secure, cookie.Contains("secure"));
        Assert.DoesNotContain(cookie, part => part.StartsWith("domain", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Statement", "S15")]
    public async Task No_get_changes_anything()
    {
        var sale = await server.OpenSaleAsync(Plans.Concert(payment: "test"));
        var ann = await Browser.OpenAsync(server);
        var id = Plans.NewId();
        (await ann.HoldAsync(sale, id)).Is(200);
        var before = (await server.SequenceAsync(sale), (await server.GetAsync("/api/keys")).Text);
        var paths = server.App.Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Contains("GET") != false)
            // It never ends.
            .Where(endpoint => endpoint.RoutePattern.RawText?.EndsWith("/live", StringComparison.Ordinal) != true
                || endpoint.RoutePattern.RawText.StartsWith("/health", StringComparison.Ordinal))
            .Select(endpoint => "/" + endpoint.RoutePattern.RawText!.TrimStart('/')
                .Replace("api/sales/{sale}", sale[1..], StringComparison.Ordinal).Replace("{id}", id, StringComparison.Ordinal))
            .ToArray();
        Assert.True(paths.Length > 8);
        foreach (var path in paths.Concat(
            [$"{sale}/open", $"{sale}/holds/{id}/pay", $"{sale}/holds/{id}/extend", $"{sale}/orders/{id}/refund", "/api/session"]))
        {
            foreach (var answer in new[] { await server.GetAsync(path), await ann.GetAsync(path), await server.SendAsync(
                "HEAD", path, null, RunningServer.Key) })
                Assert.True(answer.Status < 500, $"{path}: {answer.Text}");
        }

        Assert.Equal(before, (await server.SequenceAsync(sale), (await server.GetAsync("/api/keys")).Text));
    }

    [Fact]
    [Trait("Statement", "S16")]
    public async Task A_restart_or_a_second_server_signs_nobody_out_and_breaks_no_form()
    {
        var first = await RunningServer.StartAsync();
        await using var second = await RunningServer.StartAsync(first.Directory);
        var sale = await first.OpenSaleAsync(Plans.Concert(payment: "test"));
        var ann = await Browser.OpenAsync(first);
        var id = Plans.NewId();
        (await ann.HoldAsync(sale, id)).Is(200);
        (await ann.At(second).PayAsync(sale, id)).Is(200);
        var desk = first.App.Services.GetRequiredService<KeyRing>().Add("desk", Role.Staff).Key;
        var staff = Staff.SignIn(first, desk);
        var form = $"/office{sale[4..]}/counter";

        await first.App.StopAsync();
        await using var third = await RunningServer.StartAsync(first.Directory);
        (await ann.At(third).GetAsync($"{sale}/orders/{id}")).Is(200);
        (await ann.At(third).HoldAsync(sale, Plans.NewId())).Is(200);
        (string, string)[] typed = [("id", Plans.NewId()), ("q.floor", "1"), ("reference", "cash 1")];
        Assert.Equal(303, (await Staff.AskAsync(third, "POST", form, staff.Cookie, staff.Token, typed)).Status);
        if (!OperatingSystem.IsWindows())
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(first.Directory, "session.key")));

        // The control: with another secret the same cookie is nobody's.
        await using var stranger = await RunningServer.StartAsync();
        (await ann.At(stranger).GetAsync($"{sale}/orders/{id}")).Is(401, "UNAUTHORIZED");
        (await stranger.SendAsync("GET", "/office", null, key: null, ("Cookie", staff.Cookie))).Is(401, "UNAUTHORIZED");
        await first.DisposeAsync();
    }

    [Fact]
    [Trait("Statement", "S16")]
    public async Task No_cookie_can_be_made_up()
    {
        var sale = await server.OpenSaleAsync(Plans.Concert(payment: "test"));
        var ann = await Browser.OpenAsync(server);
        (await ann.GetAsync($"{sale}/orders/{Plans.NewId()}")).Is(404);
        var (name, value) = (ann.Cookie[..(ann.Cookie.IndexOf('=') + 1)], ann.Cookie[(ann.Cookie.IndexOf('=') + 1)..]);

        // The last letter of 43 has two bits that say nothing.
        for (var i = 0; i < 42; i++)
            (await ann.SendAsync("GET", $"{sale}/orders/{Plans.NewId()}", null, name + Flip(value, i), ann.Token)).Is(401, "UNAUTHORIZED");
        foreach (var made in new[] { "", "=", new string('A', 43), new string('!', 43), value[..^1] + "=", value + "A", value[..^1],
            $"{value} ", "AAAA" })
            (await ann.SendAsync("GET", $"{sale}/orders/{Plans.NewId()}", null, name + made, ann.Token))
                .Is(made == $"{value} " ? 404 : 401);
    }

    [Fact]
    [Trait("Statement", "S25")]
    public async Task Another_buyers_order_cannot_be_told_from_one_that_is_not_there()
    {
        var sale = await server.OpenSaleAsync(Plans.Concert(payment: "test", extensions: 5));
        var (ann, bob) = (await Browser.OpenAsync(server), await Browser.OpenAsync(server));
        var (paid, held) = (Plans.NewId(), Plans.NewId());
        (await ann.HoldAsync(sale, paid)).Is(200);
        (await ann.PayAsync(sale, paid)).Is(200);
        (await ann.HoldAsync(sale, held)).Is(200);
        var sequence = await server.SequenceAsync(sale);

        foreach (var id in new[] { paid, held })
        {
            (string Method, string Path, string? Body)[] asked =
            [
                ("GET", $"{sale}/orders/{{0}}", null), ("GET", $"{sale}/holds/{{0}}", null), ("DELETE", $"{sale}/holds/{{0}}", null),
                ("POST", $"{sale}/holds/{{0}}/pay", "{}"), ("POST", $"{sale}/holds/{{0}}/extend", null),
            ];
            foreach (var (method, path, body) in asked)
            {
                var others = await bob.SendAsync(
                    method, path.Replace("{0}", id, StringComparison.Ordinal), body, ("Idempotency-Key", "guess"));
                var nobodys = await bob.SendAsync(
                    method, path.Replace("{0}", Plans.NewId(), StringComparison.Ordinal), body, ("Idempotency-Key", "guess"));
                Assert.Equal((404, nobodys.Text), (others.Status, others.Text));
                Assert.Equal(nobodys.Headers.Select(header => header.Key), others.Headers.Select(header => header.Key));
            }

            // The control: its owner sees it.
            (await ann.GetAsync($"{sale}/holds/{id}")).Is(200);
        }

        // Nor is what one calls its request in the way of what another calls its own.
        (await ann.SendAsync("POST", $"{sale}/holds/{held}/extend", null, ("Idempotency-Key", "guess"))).Is(200);
        var bobs = Plans.NewId();
        (await bob.HoldAsync(sale, bobs)).Is(200);
        (await bob.SendAsync("POST", $"{sale}/holds/{bobs}/extend", null, ("Idempotency-Key", "guess"))).Is(200);
        Assert.Equal(sequence + 3, await server.SequenceAsync(sale));
    }

    [Fact]
    [Trait("Statement", "S25")]
    public async Task Walking_through_ids_finds_nothing_and_only_a_key_can_name_a_buyer()
    {
        await using var own = await RunningServer.StartAsync(limits: RunningServer.Generous with { SessionPerMinute = 100_000 });
        var sale = await own.OpenSaleAsync(Plans.Concert(capacity: 1_000, payment: "test"));
        var ids = Enumerable.Range(0, 20).Select(i => new Guid(i, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)).ToArray();
        foreach (var id in ids) (await own.PutAsync($"{sale}/orders/{id}", Plans.Order($"b{id}", 1))).Is(200);

        var bob = await Browser.OpenAsync(own);
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 200).Select(i => bob.GetAsync($"{sale}/orders/{new Guid(i, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)}")));
        Assert.Single(answers.Select(answer => answer.Is(404, "UNKNOWN_ORDER").Text).Distinct());

        (await bob.SendAsync("PUT", $"{sale}/holds/{Plans.NewId()}", Plans.Hold("ann"))).Is(403, "FORBIDDEN");
        (await bob.SendAsync("PUT", $"{sale}/orders/{Plans.NewId()}", Plans.Order("ann"))).Is(403, "FORBIDDEN");
        (await own.PutAsync($"{sale}/holds/{Plans.NewId()}", Browser.Items())).Is(400, "INVALID_REQUEST");
    }

    [Fact]
    [Trait("Statement", "S25")]
    public async Task A_sale_that_was_not_announced_is_not_there_for_strangers_and_is_for_every_key()
    {
        var draft = await server.CreateSaleAsync(Plans.Concert(name: "Not yet announced"));
        var shop = server.App.Services.GetRequiredService<KeyRing>().Add($"shop-{Guid.NewGuid():N}", Role.Shop).Secret;
        var ann = await Browser.OpenAsync(server);
        foreach (var (method, path, body) in new (string, string, string?)[]
        {
            ("GET", "", null), ("GET", "/availability", null), ("GET", "/live", null), ("PUT", $"/holds/{Plans.NewId()}", Browser.Items()),
        })
        {
            var nothing = $"/api/sales/{new string('n', draft.Length - 11)}";
            var there = await ann.SendAsync(method, draft + path, body);
            var nowhere = await ann.SendAsync(method, nothing + path, body);
            Assert.Equal(
                (404, "UNKNOWN_SALE", nowhere.Text.Replace(nothing[11..], draft[11..], StringComparison.Ordinal)),
                (there.Status, there.Code, there.Text));
        }

        Assert.DoesNotContain(draft[11..] + "\"", (await ann.GetAsync("/api/sales")).Text, StringComparison.Ordinal);
        Assert.Contains(draft[11..] + "\"", (await server.SendAsync("GET", "/api/sales", null, shop)).Text, StringComparison.Ordinal);
        (await server.SendAsync("GET", draft, null, shop)).Is(200);
        (await server.PostAsync($"{draft}/open")).Is(200);
        (await ann.GetAsync(draft)).Is(200);
    }

    [Fact]
    public void A_staff_session_is_good_under_office_while_its_key_is()
    {
        var directory = Directory.CreateTempSubdirectory("rush-staff-");
        try
        {
            var options = new ServerOptions { DataDirectory = directory.FullName, Demo = true };
            var (secret, ring) = (ServerSecret.Open(directory.FullName), KeyRing.Open(directory.FullName));
            var sessions = new StaffSessions(secret, ring, new(secret, options), options, TimeProvider.System);
            var (key, text) = ring.Add("desk", Role.Staff);

            var signing = new DefaultHttpContext();
            sessions.SignIn(signing, ring.Find(text)!);
            var cookie = signing.Response.Headers.SetCookie.ToString().Split(';')[0];
            Assert.Equal("desk", Read(cookie, "/office/sales")?.Name);
            Assert.Null(Read(cookie, "/"));
            Assert.Null(Read(cookie, "/api/keys"));
            Assert.Null(Read("rush-office=" + Flip(cookie[12..]), "/office/sales"));
            Assert.Null(Read("rush-office=" + new string('!', 43), "/office/sales"));
            Assert.Null(Read(cookie.Replace("office=", "buyer=", StringComparison.Ordinal), "/office/sales"));
            ring.Revoke(key.Id);
            Assert.Null(Read(cookie, "/office/sales"));

            Key? Read(string sent, string path)
            {
                var http = new DefaultHttpContext { Request = { Path = path } };
                http.Request.Headers.Cookie = sent;
                return sessions.Read(http)?.Key;
            }
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static string Flip(string text, int at = 5) =>
        string.Concat(text.AsSpan(0, at), text[at] == 'A' ? "B" : "A", text.AsSpan(at + 1));
}
