using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

public sealed class PlanTests(RunningServer server) : IClassFixture<RunningServer>
{
    [Fact]
    public async Task The_same_plan_again_is_a_repeat_and_a_change_names_the_version_it_was_made_from()
    {
        var sale = RunningServer.NewSale();
        var created = (await server.PutAsync(sale, Plans.Concert())).Is(200);
        Assert.Equal(created.Text, (await server.PutAsync(sale, Plans.Concert())).Is(200).Text);
        Assert.Equal(created.Text, (await server.PutAsync(sale, Plans.Concert(), ("If-Match", "\"999\""))).Is(200).Text);

        var read = (await server.GetAsync(sale)).Is(200);
        Assert.Equal("\"2\"", read.ETag);
        var written = read.Json.GetProperty("plan").GetRawText();
        Assert.Equal(created.Text, (await server.PutAsync(sale, written)).Is(200).Text);

        (await server.PutAsync(sale, Plans.Concert(capacity: 120))).Is(428, "IF_MATCH_REQUIRED");
        (await server.PutAsync(sale, Plans.Concert(capacity: 120), ("If-Match", "\"0\""))).Is(412, "PLAN_CHANGED");
        var changed = (await server.PutAsync(sale, Plans.Concert(capacity: 120), ("If-Match", read.ETag!))).Is(200);
        Assert.Equal((3, "\"3\""), (changed.Sequence, changed.ETag));
        (await server.PutAsync(sale, Plans.Concert(capacity: 130), ("If-Match", read.ETag!))).Is(412, "PLAN_CHANGED");
        Assert.Equal(120, (await server.GetAsync($"{sale}/availability")).Json.GetProperty("pools")[0].GetProperty("free").GetInt32());
    }

    [Fact]
    public async Task Of_two_that_create_one_sale_at_once_one_creates_it()
    {
        var sale = RunningServer.NewSale();
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 16).Select(i => Task.Run(() => server.PutAsync(sale, Plans.Concert(capacity: 100 + i)))));
        Assert.Single(answers, answer => answer.Status == 200);
        Assert.All(answers.Where(answer => answer.Status != 200), answer => answer.Is(428, "IF_MATCH_REQUIRED"));
        Assert.Equal(2, await server.SequenceAsync(sale));
    }

    [Fact]
    public async Task Opening_freezes_all_but_what_may_still_change()
    {
        var sale = await server.OpenSaleAsync();
        string[] frozen =
        [
            Plans.Concert(holdSeconds: 601), Plans.Concert(perBuyer: 7), Plans.Concert(zone: "UTC"), Plans.Concert(payment: "none"),
            Plans.Concert(opensAt: "2020-01-01T10:00:00"), Plans.Concert().Replace("CNY", "EUR", StringComparison.Ordinal),
            Plans.Concert().Replace("\"balcony\"", "\"loge\"", StringComparison.Ordinal),
        ];
        foreach (var plan in frozen) (await server.PutAsync(sale, plan, ("If-Match", "\"2\""))).Is(409, "PLAN_FROZEN");

        var allowed = Plans.Concert(capacity: 300, name: "Another name", closesAt: "2099-01-01T00:00Z")
            .Replace("38000", "39000", StringComparison.Ordinal);
        var changed = (await server.PutAsync(sale, allowed, ("If-Match", "\"2\""))).Is(200);
        Assert.Equal("open", changed.State);
        var hold = (await server.PutAsync($"{sale}/holds/{Plans.NewId()}", Plans.Hold(quantity: 1))).Is(200);
        Assert.Equal(39_000, hold.Json.GetProperty("total").GetInt32());
    }

    [Fact]
    public async Task Every_error_of_a_plan_is_named_at_once_with_its_place()
    {
        var sale = RunningServer.NewSale();
        var answer = (await server.PutAsync(sale, """
            {
              "name": " ", "venue": "a\u0001b", "timeZone": "Mars/Olympus", "currency": "yuan", "paymentKind": "gold",
              "startsAt": "tomorrow", "opensAt": "2027-13-01T10:00:00", "closesAt": "2027-01-01",
              "pools": [{ "id": "Floor", "capacity": -1 }, { "id": "p", "capacity": 5, "blocked": 6 }, { "id": "p", "capacity": 20000001 }],
              "tiers": [{ "id": "a", "name": "", "pool": "nowhere", "price": -1 }, { "id": "a", "name": "A", "price": 1 },
                        { "id": "b", "name": "B", "pool": "p", "capacity": 3, "price": 1000000000001 }],
              "rules": { "holdSeconds": 0, "extensions": 11, "perOrder": 101, "perBuyer": 1 }
            }
            """)).Is(422, "PLAN_INVALID");

        string[] expected =
        [
            "closesAt", "currency", "name", "opensAt", "paymentKind", "pools[0].blocked", "pools[0].capacity", "pools[0].id",
            "pools[1].blocked", "pools[2].capacity",
            "pools[2].id", "rules.extensions", "rules.holdSeconds", "rules.perBuyer", "rules.perOrder", "startsAt", "tiers[0].name",
            "tiers[0].pool",
            "tiers[0].price", "tiers[1].id", "tiers[1].pool", "tiers[2].capacity", "tiers[2].price", "timeZone", "venue",
        ];
        var errors = answer.Json.GetProperty("errors").EnumerateArray().ToArray();
        Assert.Equal(expected, errors.Select(error => error.GetProperty("path").GetString()!).Order(StringComparer.Ordinal));
        Assert.All(errors, error => Assert.NotEmpty(error.GetProperty("message").GetString()!));
        (await server.GetAsync(sale)).Is(404, "UNKNOWN_SALE");
    }

    [Theory]
    [InlineData("""{"name":"C","timeZone":"UTC","currency":"CNY","paymentKind":"none","tiers":[null]}""", "INVALID_JSON", "tiers[0]")]
    [InlineData(
        """{"name":"C","timeZone":"UTC","currency":"CNY","paymentKind":"none","tiers":[],"pools":[null]}""", "INVALID_JSON", "pools[0]")]
    [InlineData("""{"name":"C","timeZone":"UTC","currency":"CNY","paymentKind":"none","tiers":[],"rules":null}""", "INVALID_JSON", "rules")]
    [InlineData("""{"name":"C","timeZone":"UTC","currency":"CNY","paymentKind":"none"}""", "INVALID_JSON", "tiers")]
    [InlineData("""{"name":"C","timeZone":"UTC","currency":"CNY","paymentKind":3,"tiers":[]}""", "INVALID_JSON", "$.paymentKind")]
    [InlineData(
        """{"name":"C","timeZone":"UTC","currency":"CNY","paymentKind":"none","tiers":[{"id":"a","name":"A","capacity":"5","price":1}]}""",
        "INVALID_JSON", "$.tiers[0].capacity")]
    public async Task A_plan_of_the_wrong_shape_is_refused_with_its_place(string plan, string code, string place)
    {
        var sale = RunningServer.NewSale();
        Assert.Contains(place, (await server.PutAsync(sale, plan)).Is(400, code).Detail, StringComparison.Ordinal);
        (await server.GetAsync(sale)).Is(404, "UNKNOWN_SALE");
    }

    [Fact]
    public async Task A_plan_full_of_errors_is_answered_quickly()
    {
        var tiers = string.Join(',', Enumerable.Repeat("""{"id":"","name":"","price":-1}""", 8_000));
        var plan = $$"""{"name":"C","timeZone":"UTC","currency":"CNY","paymentKind":"none","tiers":[{{tiers}}]}""";
        var started = Environment.TickCount64;
        var answer = (await server.PutAsync(RunningServer.NewSale(), plan)).Is(422, "PLAN_INVALID");
        Assert.InRange(Environment.TickCount64 - started, 0, 10_000);
        Assert.InRange(answer.Text.Length, 1, 4_000_000);
    }

    [Theory]
    [InlineData("Asia/Shanghai", "2027-04-18T19:30:00", "2027-04-18T19:30:00+08:00")]
    [InlineData("Asia/Shanghai", "2027-04-18T19:30", "2027-04-18T19:30:00+08:00")]
    [InlineData("Asia/Shanghai", "2027-03-28T02:30:00", "2027-03-28T02:30:00+08:00")]
    [InlineData("Asia/Shanghai", "2027-04-18T11:30:00Z", "2027-04-18T19:30:00+08:00")]
    [InlineData("Asia/Shanghai", "2027-04-18T13:30+02:00", "2027-04-18T19:30:00+08:00")]
    [InlineData("Europe/Madrid", "2027-03-28T01:59:59", "2027-03-28T01:59:59+01:00")]
    [InlineData("Europe/Madrid", "2027-03-28T03:00:00", "2027-03-28T03:00:00+02:00")]
    [InlineData("Europe/Madrid", "2027-10-31T02:30:00+02:00", "2027-10-31T02:30:00+02:00")]
    [InlineData("Europe/Madrid", "2027-10-31T02:30:00+01:00", "2027-10-31T02:30:00+01:00")]
    [InlineData("America/New_York", "1970-01-01T00:00:00Z", "1969-12-31T19:00:00-05:00")]
    [InlineData("Asia/Shanghai", "9998-12-31T23:59:59Z", "9999-01-01T07:59:59+08:00")]
    public async Task A_time_is_read_in_the_zone_of_the_plan_and_shown_with_its_offset(string zone, string written, string shown)
    {
        var sale = await server.CreateSaleAsync(Plans.Concert(zone: zone, opensAt: written));
        var plan = (await server.GetAsync(sale)).Json.GetProperty("plan");
        Assert.Equal(shown, plan.GetProperty("opensAt").GetString());
        Assert.Equal(2, (await server.PutAsync(sale, plan.GetRawText())).Is(200).Sequence);
    }

    [Theory]
    [InlineData("Europe/Madrid", "2027-03-28T02:30:00", "does not exist", "2027-03-28T02:30:00+01:00", "2027-03-28T02:30:00+02:00")]
    [InlineData("Europe/Madrid", "2027-10-31T02:30:00", "comes twice", "2027-10-31T02:30:00+02:00", "2027-10-31T02:30:00+01:00")]
    [InlineData("America/New_York", "2027-11-07T01:30", "comes twice", "2027-11-07T01:30:00-04:00", "2027-11-07T01:30:00-05:00")]
    [InlineData("Europe/Madrid", "2027-02-30T10:00:00", "no time", "+08:00", "")]
    [InlineData("Europe/Madrid", "2027-03-28 02:30:00", "no time", "", "")]
    [InlineData("Europe/Madrid", "2027-03-28T10:00:00.5", "no time", "", "")]
    [InlineData("Europe/Madrid", "2027-03-28T10:00:00+25:00", "no time", "", "")]
    [InlineData("Asia/Shanghai", "0001-01-01T00:00:00", "years 1970 to 9998", "", "")]
    [InlineData("America/New_York", "9999-12-31T23:59:59", "years 1970 to 9998", "", "")]
    public async Task A_time_that_is_none_or_two_is_refused_with_the_choices(
        string zone, string written, string why, string first, string second)
    {
        var answer = (await server.PutAsync(RunningServer.NewSale(), Plans.Concert(zone: zone, opensAt: written))).Is(422, "PLAN_INVALID");
        var error = answer.Json.GetProperty("errors").EnumerateArray().Single();
        Assert.Equal("opensAt", error.GetProperty("path").GetString());
        foreach (var part in new[] { why, first, second })
            Assert.Contains(part, error.GetProperty("message").GetString()!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/dev/null")]
    [InlineData("../zoneinfo/UTC")]
    [InlineData("Asia/../UTC")]
    [InlineData("")]
    [InlineData("Asia/Shanghai ")]
    public async Task A_time_zone_is_a_name_and_never_a_path(string zone)
    {
        var answer = (await server.PutAsync(RunningServer.NewSale(), Plans.Concert(zone: zone))).Is(422, "PLAN_INVALID");
        Assert.Contains(
            "timeZone", answer.Json.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("path").GetString()));
    }

    [Fact]
    public async Task A_time_zone_that_names_a_pipe_makes_nobody_wait()
    {
        if (!OperatingSystem.IsLinux()) return;
        var pipe = Path.Combine(Path.GetTempPath(), $"rush-{Environment.ProcessId}");
        using (var made = System.Diagnostics.Process.Start("mkfifo", pipe)) await made.WaitForExitAsync();
        try
        {
            var answer = await server.PutAsync(RunningServer.NewSale(), Plans.Concert(zone: pipe)).WaitAsync(TimeSpan.FromSeconds(20));
            answer.Is(422, "PLAN_INVALID");
        }
        finally
        {
            File.Delete(pipe);
        }
    }

    [Fact]
    public async Task Several_tiers_may_share_a_pool_and_a_tier_may_have_its_own()
    {
        var sale = await server.OpenSaleAsync("""
            {"name":"C","timeZone":"UTC","currency":"EUR","paymentKind":"none","pools":[{"id":"hall","capacity":5,"blocked":1}],
             "tiers":[{"id":"adult","name":"Adult","pool":"hall","price":100},{"id":"child","name":"Child","pool":"hall","price":50},
                      {"id":"box","name":"Box","capacity":2,"price":900}]}
            """);
        (await server.PutAsync($"{sale}/holds/{Plans.NewId()}",
            """{"buyer":"a","items":[{"tier":"adult","quantity":2},{"tier":"child","quantity":1},{"tier":"box","quantity":2}]}""")).Is(200);
        (await server.PutAsync($"{sale}/holds/{Plans.NewId()}",
            """{"buyer":"b","items":[{"tier":"adult","quantity":1},{"tier":"child","quantity":1}]}""")).Is(409, "NOT_ENOUGH");
        (await server.PutAsync($"{sale}/holds/{Plans.NewId()}", """{"buyer":"b","items":[{"tier":"box","quantity":1}]}"""))
            .Is(409, "SOLD_OUT");
        var free = (await server.GetAsync($"{sale}/availability")).Json.GetProperty("tiers").EnumerateArray()
            .Select(tier => tier.GetProperty("available").GetInt32());
        Assert.Equal([1, 1, 0], free);
    }

    [Fact]
    public async Task Test_payments_need_a_server_that_allows_them()
    {
        (await server.PutAsync(RunningServer.NewSale(), Plans.Concert(payment: "test"))).Is(200);
        await using var strict = await RunningServer.StartAsync(allowTestPayments: false);
        var sale = RunningServer.NewSale();
        var answer = (await strict.PutAsync(sale, Plans.Concert(payment: "test"))).Is(422, "PLAN_INVALID");
        Assert.Equal("paymentKind", answer.Json.GetProperty("errors")[0].GetProperty("path").GetString());
        (await strict.GetAsync(sale)).Is(404, "UNKNOWN_SALE");
    }
}
