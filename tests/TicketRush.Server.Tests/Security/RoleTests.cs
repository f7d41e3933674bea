using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Journal.Audit;
using TicketRush.Server.Access;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests.Security;

/// <summary>Who may do what, walked over every route that there is.</summary>
public sealed class RoleTests(RunningServer server) : IClassFixture<RunningServer>
{
    private static readonly Role[] Roles = [Role.Office, Role.Staff, Role.Shop, Role.Read];

    [Fact]
    [Trait("Statement", "S26")]
    public async Task A_key_of_one_role_on_every_route_of_the_others_is_turned_away()
    {
        var sale = await server.OpenSaleAsync();
        var buyer = await Browser.OpenAsync(server);
        var keys = Roles.ToDictionary(role => role, role => Ring.Add($"walker-{role.Name()}", role).Secret);
        var sequence = await server.SequenceAsync(sale);
        var (refused, let) = (0, 0);
        foreach (var (method, path, needed) in Guarded(sale))
        {
            (await server.SendAsync(method, path, "{}", key: null)).Is(401, "UNAUTHORIZED");
            foreach (var role in Roles)
            {
                var answer = await server.SendAsync(method, path, "{}", keys[role]);
                if (!role.May(needed)) answer.Is(403, "FORBIDDEN");
                else Assert.False(answer.Status is 401 or 403, $"{role} {method} {path}: {answer.Text}");
                if (role.May(needed)) let++;
                else refused++;
            }

            var ofBuyer = await buyer.SendAsync(method, path, "{}");
            if (!Permissions.BuyersMay(needed)) ofBuyer.Is(401, "UNAUTHORIZED");
            else Assert.False(ofBuyer.Status == 401, $"a buyer: {method} {path}: {ofBuyer.Text}");
        }

        // The walk itself did something: the office opened the sale again, paused and closed it, and the others nothing.
        Assert.True(refused > 15 && let > 15, $"{refused} refused, {let} let in");
        Assert.True(await server.SequenceAsync(sale) > sequence);
    }

    [Fact]
    public void Every_route_of_the_api_that_changes_something_says_what_it_needs()
    {
        var open = Routes().Where(route => route.Needed == Permission.None && route.Method is not ("GET" or "HEAD"))
            .Select(route => $"{route.Method} {route.Pattern}");
        Assert.Equal(["POST /api/session"], open.Where(route => route.Contains("/api", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_shop_sees_its_own_orders_and_nobody_elses()
    {
        var sale = await server.OpenSaleAsync();
        var (one, other) = (Ring.Add("shop-one", Role.Shop).Secret, Ring.Add("shop-two", Role.Shop).Secret);
        var (ones, others, offices) = (Plans.NewId(), Plans.NewId(), Plans.NewId());
        (await server.SendAsync("PUT", $"{sale}/orders/{ones}", Plans.Order("a", 1), one)).Is(200);
        (await server.SendAsync("PUT", $"{sale}/orders/{others}", Plans.Order("b", 1), other)).Is(200);
        (await server.PutAsync($"{sale}/orders/{offices}", Plans.Order("c", 1))).Is(200);

        (await server.SendAsync("GET", $"{sale}/orders/{ones}", null, one)).Is(200);
        (await server.SendAsync("GET", $"{sale}/orders/{others}", null, one)).Is(404, "UNKNOWN_ORDER");
        (await server.SendAsync("GET", $"{sale}/holds/{offices}", null, one)).Is(404, "UNKNOWN_HOLD");
        (await server.SendAsync("PUT", $"{sale}/orders/{others}", Plans.Order("b", 1), one)).Is(409, "ID_REUSED");
        Assert.Equal(["shop-one"], Names(await server.SendAsync("GET", $"{sale}/orders", null, one)));
        Assert.Equal(["shop-one", "shop-two", "office"], Names(await server.GetAsync($"{sale}/orders")));

        // A second key of the same name is the same shop; the first, revoked, is nobody.
        var renewed = Ring.Add("shop-one", Role.Shop).Secret;
        (await server.SendAsync("GET", $"{sale}/orders/{ones}", null, renewed)).Is(200);
        Assert.True(Ring.Revoke(one.Split('_')[2]));
        (await server.SendAsync("GET", $"{sale}/orders/{ones}", null, one)).Is(401, "UNAUTHORIZED");
    }

    [Fact]
    [Trait("Statement", "S26")]
    public async Task What_staff_does_stands_in_the_journal_with_its_keys_name_under_the_chain()
    {
        var (desk, boss) = (Ring.Add("desk-3", Role.Staff).Secret, Ring.Add("box-office", Role.Office).Secret);
        var sale = RunningServer.NewSale();
        (await server.SendAsync("PUT", sale, Plans.Concert(), boss)).Is(200);
        (await server.SendAsync("POST", $"{sale}/open", null, boss)).Is(200);
        var id = Plans.NewId();
        (await server.SendAsync("PUT", $"{sale}/orders/{id}", Plans.Order(), desk)).Is(200);
        (await server.SendAsync("POST", $"{sale}/orders/{id}/refund", Plans.Refund(tickets: "1"), desk, ("Idempotency-Key", "1"))).Is(200);
        (await (await Browser.OpenAsync(server)).HoldAsync(sale, Plans.NewId())).Is(200);
        (await server.SendAsync("POST", $"{sale}/close", null, boss)).Is(200);

        using var auditor = new Auditor(server.JournalOf(sale));
        var seen = new List<string>();
        auditor.OnEntry = entry => seen.Add($"{entry.Kind} {entry.By}".TrimEnd());
        Assert.Equal(AuditVerdict.Good, auditor.Verify().Verdict);
        Assert.Equal(
            ["KeyNamed box-office", "Planned box-office", "Opened box-office", "KeyNamed desk-3", "Purchased desk-3", "Refunded desk-3",
                "Held", "Closed box-office"], seen);
    }

    [Fact]
    public async Task Keys_are_made_listed_and_revoked_over_the_api_by_the_office_alone()
    {
        var made = (await server.PostAsync("/api/keys", """{"name":"kiosk","role":"shop"}""")).Is(200);
        var (id, secret) = (made.Json.GetProperty("id").GetString()!, made.Json.GetProperty("key").GetString()!);
        Assert.Matches($"^rush_shop_{id}_[0-9a-f]{{64}}$", secret);
        Assert.Equal("no-store", made.Headers["Cache-Control"].Single());
        var list = (await server.GetAsync("/api/keys")).Is(200).Text;
        Assert.Contains(id, list, StringComparison.Ordinal);
        Assert.DoesNotContain(
            secret[^64..], list + await File.ReadAllTextAsync(Path.Combine(server.Directory, "keys.json")), StringComparison.Ordinal);

        (await server.PostAsync("/api/keys", """{"name":"kiosk","role":"staff"}""")).Is(400, "INVALID_REQUEST");
        (await server.PostAsync("/api/keys", """{"name":"Anna Schmidt","role":"staff"}""")).Is(400, "INVALID_REQUEST");
        (await server.PostAsync("/api/keys", """{"name":"kiosk","role":"king"}""")).Is(400, "INVALID_REQUEST");
        (await server.SendAsync("GET", "/api/keys", null, secret)).Is(403, "FORBIDDEN");
        (await server.DeleteAsync($"/api/keys/{id}")).Is(200);
        (await server.DeleteAsync($"/api/keys/{id}")).Is(404, "UNKNOWN_KEY");
        (await server.SendAsync("GET", "/api/sales/none/orders", null, secret)).Is(401, "UNAUTHORIZED");
    }

    [Fact]
    public async Task Another_process_on_the_directory_follows_a_new_and_a_revoked_key_within_a_second()
    {
        await using var second = await RunningServer.StartAsync(server.Directory);
        var sale = await server.OpenSaleAsync();
        var (key, secret) = KeyRing.Open(server.Directory).Add("from-outside", Role.Read);
        await Plans.UntilAsync(async () => (await second.SendAsync("GET", $"{sale}/orders", null, secret)).Status == 200, "the new key");
        Assert.True(KeyRing.Open(server.Directory).Revoke(key.Id));
        await Plans.UntilAsync(
            async () => (await second.SendAsync("GET", $"{sale}/orders", null, secret)).Status == 401, "the end of the key");
    }

    [Fact]
    public async Task Processes_that_change_the_keys_at_once_lose_none()
    {
        var directory = Directory.CreateTempSubdirectory("rush-keys-");
        try
        {
            await Task.WhenAll(
                Enumerable.Range(0, 20).Select(i => Task.Run(() => KeyRing.Open(directory.FullName).Add($"shop-{i}", Role.Shop))));
            Assert.Equal(20, KeyRing.Open(directory.FullName).List().Count);

            await File.WriteAllTextAsync(Path.Combine(directory.FullName, "keys.json"), "{\"format\":1");
            Assert.Throws<InvalidDataException>(() => KeyRing.Open(directory.FullName));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private KeyRing Ring => server.App.Services.GetRequiredService<KeyRing>();

    private static IEnumerable<string?> Names(Answer list) =>
        list.Is(200).Json.GetProperty("orders").EnumerateArray().Select(order => order.GetProperty("by").GetString());

    private IEnumerable<(string Method, string Path, Permission Needed)> Guarded(string sale) => Routes()
        .Where(route => route.Needed != Permission.None && route.Pattern.StartsWith("/api/", StringComparison.Ordinal))
        .Select(route => (
            route.Method,
            route.Pattern.Replace("/api/sales/{sale}", sale, StringComparison.Ordinal)
                .Replace("{id}", Plans.NewId(), StringComparison.Ordinal), route.Needed));

    private IEnumerable<(string Method, string Pattern, Permission Needed)> Routes() =>
        from endpoint in server.App.Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints)
            .OfType<RouteEndpoint>()
        from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? []
        select (method, "/" + endpoint.RoutePattern.RawText!.TrimStart('/'),
            endpoint.Metadata.GetMetadata<AccessMiddleware.NeedsPermission>()?.Permission ?? Permission.None);
}
