using System.Collections.Concurrent;
using System.Text.Json;
using TicketRush.Engine;
using TicketRush.Server.Api;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

/// <summary>Seats, journeys, exchanges and the waitlist over HTTP.</summary>
public sealed class PlacesTests(RunningServer server) : IClassFixture<RunningServer>
{
    private const string Small = """
        {
          "name": "Small", "timeZone": "UTC", "currency": "EUR", "paymentKind": "external",
          "stops": [{ "id": "a", "name": "A" }, { "id": "b", "name": "B" }, { "id": "c", "name": "C" }],
          "pools": [
            { "id": "hall", "rows": [{ "rows": "1", "seats": "1-6" },
            { "rows": "2", "seats": "1-4", "wheelchair": "1", "companion": "2" }], "noSingles": true },
            { "id": "coach", "travel": "seat-now", "rows": [{ "section": "1", "rows": "1", "seats": "A-B" }] },
            { "id": "flex", "travel": "seat-later", "rows": [{ "section": "2", "rows": "1", "seats": "A-B" }] },
            { "id": "standing", "travel": "standing", "capacity": 3 }
          ],
          "tiers": [
            { "id": "hall", "name": "Hall", "pool": "hall", "price": 500 },
            { "id": "child", "name": "Child", "pool": "hall", "price": 200 },
            { "id": "coach", "name": "Coach", "pool": "coach", "legPrices": [10, 20] },
            { "id": "flex", "name": "Flex", "pool": "flex", "pairPrices": [[5, 8], [6]] },
            { "id": "standing", "name": "Standing", "pool": "standing", "price": 3 }
          ],
          "rules": { "perOrder": 8, "perBuyer": 20, "waitlist": true, "oneTier": true }
        }
        """;

    [Theory]
    [InlineData("hall-2000", 2_000)]
    [InlineData("stadium-60000", 60_000)]
    [InlineData("train-16-coaches", 1_200)]
    public async Task The_sample_plans_are_of_their_size_and_sell(string name, int seats)
    {
        var document = await File.ReadAllTextAsync(Path.Combine(DescriptionTests.Root(), "samples", "plans", $"{name}.json"));
        var sale = await server.OpenSaleAsync(document);
        var plan = (await server.GetAsync(sale)).Is(200).Json.GetProperty("plan");
        Assert.Equal(
            seats, plan.GetProperty("pools").EnumerateArray().Where(pool => pool.TryGetProperty("rows", out _))
            .Sum(pool => pool.GetProperty("capacity").GetInt32()));

        // The plan that is shown is read again as the same: nothing of it is lost.
        (await server.PutAsync(sale, plan.GetRawText())).Is(200);
        var travels = plan.TryGetProperty("stops", out var stops);
        var tier = plan.GetProperty("tiers")[0].GetProperty("id").GetString();
        var passengers = travels ? ",\"passengers\":[\"p1\",\"p2\",\"p3\",\"p4\"]" : "";
        var journey = travels
            ? $",\"from\":\"{stops[2].GetProperty("id").GetString()}\",\"to\":\"{stops[6].GetProperty("id").GetString()}\"" : "";
        var hold = (
            await server.PutAsync(Hold(sale), $$"""{"buyer":"ann","items":[{"tier":"{{tier}}","quantity":4{{passengers}}}]{{journey}}}"""))
            .Is(200);
        Assert.Equal(4, hold.Json.GetProperty("seats").EnumerateArray().Select(seat => seat.GetString()).Distinct().Count());

        var pool = plan.GetProperty("tiers")[0].GetProperty("pool").GetString();
        var stretch = travels ? journey.Replace(",\"from\":\"", "?from=").Replace("\",\"to\":\"", "&to=").TrimEnd('"') : "";
        var free = (await server.GetAsync($"{sale}/pools/{pool}/seats{stretch}")).Is(200).Json;
        var bits = free.GetProperty("free").GetBytesFromBase64().Sum(bits => System.Numerics.BitOperations.PopCount(bits));
        Assert.Equal(free.GetProperty("seats").GetInt32() - 4, bits);
    }

    // One story that meets every refusal of seats and journeys there is.
    [Fact]
    public async Task Every_refusal_has_its_status_and_its_code()
    {
        var met = new ConcurrentDictionary<string, byte>();
        var protocol = await File.ReadAllTextAsync(Path.Combine(DescriptionTests.Root(), "docs", "PROTOCOL.md"));
        var sale = await server.OpenSaleAsync(Small);
        Meet(await Put(Item("hall", 1, "9-9")), 404, Refusal.UnknownSeat);
        Meet(await Put(Item("standing", 1, "x"), "a", "b"), 404, Refusal.UnknownSeat);
        Meet(await Put(Item("hall", 1, "2-1")), 409, Refusal.SeatReserved);
        Meet(await Put(Item("hall", 2, "1-1", "1-1")), 409, Refusal.SeatTaken);
        Meet(await Put(Item("hall", 1, "1-2")), 409, Refusal.LeavesSingle);
        Meet(await Put(Item("hall", 1) + "," + Item("child", 1)), 400, Refusal.SeatsMixed);
        Meet(await Put(Item("hall", 7)), 409, Refusal.PartyTooLarge, allowed: 6);
        Meet(await Put(Item("hall", 1), "a", "b"), 400, Refusal.BadJourney);
        Meet(await Put(Item("coach", 1)), 400, Refusal.BadJourney);
        Meet(await Put(Item("coach", 1), "b", "b"), 400, Refusal.BadJourney);
        Meet(await Put(Item("coach", 1), "b", "a"), 400, Refusal.BadJourney);
        Meet(await Put(Item("coach", 1), "a", "z"), 404, Refusal.UnknownStop);
        Meet(await Put(Item("flex", 1, "2-1-A"), "a", "b"), 409, Refusal.SeatsLater);
        Meet(await Put("""{"tier":"hall","quantity":1,"passengers":["p"]}"""), 400, Refusal.BadPassengers);
        Meet(await Put(Item("hall", 8)), 409, Refusal.PartyTooLarge);
        (await Put("""{"tier":"hall","quantity":1000000}""")).Is(409, "ORDER_LIMIT");
        (await Put("""{"tier":"hall","quantity":2,"seats":["1-1"]}""")).Is(400, "INVALID_REQUEST");
        (await Put("""{"tier":"hall","quantity":1,"seats":[null]}""")).Is(400, "INVALID_REQUEST");
        Assert.Equal(3, await server.SequenceAsync(sale)); // The plan, the opening, and the name of the key.

        var taken = (await Put(Item("hall", 2, "1-3", "1-4"))).Is(200);
        Meet(await Put(Item("hall", 1, "1-3")), 409, Refusal.SeatTaken);
        Meet(await Put(Item("hall", 5)), 409, Refusal.NotTogether, allowed: 2);
        (await server.PutAsync(Hold(sale), $$"""{"buyer":"bob","items":[{{Item("hall", 5)}}],"apart":true}""")).Is(200);
        Meet(await server.PostAsync($"{sale}/pools/coach/numbers"), 409, Refusal.CannotNumber);
        (await server.PostAsync($"{sale}/pools/flex/numbers")).Is(200);
        Meet(await server.PostAsync($"{sale}/pools/flex/numbers"), 409, Refusal.CannotNumber);
        (await Put(Item("flex", 1, "2-1-B"), "a", "b")).Is(200);

        Meet(await Wait(Item("hall", 1) + "," + Item("coach", 1), "a", "b"), 409, Refusal.CannotWait);
        (await Put(Item("coach", 2), "a", "c")).Is(200);
        var waits = (await Wait(Item("coach", 1), "a", "b")).Is(200);
        Assert.Equal("waiting", waits.State);
        Meet(await server.PostAsync($"{sale}/holds/{Id(waits)}/extend", null, ("Idempotency-Key", "w")), 409, Refusal.StillWaiting);
        (await server.DeleteAsync($"{sale}/holds/{Id(waits)}")).Is(200);
        Meet(await server.PutAsync($"{sale}/exchanges/{Plans.NewId()}", $$"""{"of":"{{Id(waits)}}","items":[{{Item("hall", 1)}}]}"""), 409,
            Refusal.CannotExchange);
        (await server.PutAsync($"{sale}/exchanges/{Plans.NewId()}", $$"""{"of":"{{Plans.NewId()}}","items":[{{Item("hall", 1)}}]}"""))
            .Is(404, "UNKNOWN_HOLD");
        (await server.GetAsync($"{sale}/pools/nowhere/seats")).Is(404, "UNKNOWN_POOL");
        (await server.GetAsync($"{sale}/pools/standing/seats")).Is(409, "NO_SEATS");
        (await server.GetAsync($"{sale}/pools/coach/seats?from=b&to=a")).Is(400, "BAD_JOURNEY");

        var named = await server.OpenSaleAsync(Small.Replace("\"waitlist\": true", "\"passengers\": true"));
        (await server.PutAsync(
            Hold(named), """{"buyer":"a","from":"a","to":"c","items":[{"tier":"standing","quantity":1,"passengers":["p"]}]}""")).Is(200);
        Meet(await server.PutAsync(
            Hold(named), """{"buyer":"a","from":"b","to":"c","items":[{"tier":"coach","quantity":1,"passengers":["p"]}]}"""), 409,
            Refusal.PassengerOverlap);
        Meet(await server.PutAsync(Hold(named), """{"buyer":"a","from":"b","to":"c","items":[{"tier":"coach","quantity":1}]}"""), 400,
            Refusal.BadPassengers);
        Meet(await server.PutAsync($"{named}/waitlist/{Plans.NewId()}",
            """{"buyer":"a","from":"b","to":"c","items":[{"tier":"coach","quantity":1,"passengers":["q"]}]}"""), 409, Refusal.CannotWait);

        var places = Enum.GetValues<Refusal>().Where(refusal => refusal is >= Refusal.UnknownSeat and < Refusal.TooManyKeys);
        Assert.Equal(places.Select(Problems.Code).Order(), met.Keys.Order());

        Task<Answer> Put(string items, string? from = null, string? to = null) => server.PutAsync(Hold(sale), Ask(items, from, to));
        Task<Answer> Wait(string items, string? from = null, string? to = null) =>
            server.PutAsync($"{sale}/waitlist/{Plans.NewId()}", Ask(items, from, to));
        void Meet(Answer answer, int status, Refusal refusal, int? allowed = null)
        {
            answer.Is(status, Problems.Code(refusal));
            met[answer.Code!] = 0;
            Assert.Contains($"| `{answer.Code}` | {status} |", protocol, StringComparison.Ordinal);
            if (allowed is not null) Assert.Equal(allowed, answer.Json.GetProperty("allowed").GetInt32());
        }
    }

    [Fact]
    public async Task A_journey_from_hold_to_exchange_and_what_comes_back_goes_to_who_waits()
    {
        var sale = await server.OpenSaleAsync(Small);
        var order = (await server.PutAsync($"{sale}/orders/{Plans.NewId()}", Paid(Item("coach", 2), "a", "b"))).Is(200).Json;
        Assert.Equal(
            ["1-1-A", "1-1-B"], order.GetProperty("tickets").EnumerateArray().Select(ticket => ticket.GetProperty("seat").GetString()));
        Assert.Equal(
            ("a", "b", 20),
            (order.GetProperty("from").GetString(), order.GetProperty("to").GetString(), order.GetProperty("total").GetInt32()));

        var pairs = (await server.GetAsync($"{sale}/availability")).Json.GetProperty("pools")[1].GetProperty("pairs");
        Assert.Equal("[[0,0],[2]]", pairs.GetRawText());

        // Ann waits for one leg; Bob's exchange of one seat to the other leg brings it back, and she holds it at once.
        var waiting = Plans.NewId();
        var first = await server.PutAsync($"{sale}/waitlist/{waiting}", Ask(Item("coach", 1), "a", "b"));
        Assert.Equal(("waiting", 0), (first.Is(200).State, first.Json.GetProperty("ahead").GetInt32()));
        var second = await server.PutAsync($"{sale}/waitlist/{Plans.NewId()}", Ask(Item("coach", 1), "a", "b"));
        Assert.Equal(1, (await server.GetAsync($"{sale}/holds/{Id(second)}")).Json.GetProperty("ahead").GetInt32());

        var exchange = $"{sale}/exchanges/{Plans.NewId()}";
        var of = order.GetProperty("id").GetString();
        var body = $$"""{"of":"{{of}}","tickets":[2],"reference":"r2","from":"b","to":"c","items":[{{Item("coach", 1)}}]}""";
        var exchanged = (await server.PutAsync(exchange, body)).Is(200);
        Assert.Equal((20, 10), (exchanged.Json.GetProperty("total").GetInt32(), exchanged.Json.GetProperty("credit").GetInt32()));
        Assert.Equal(exchanged.Text, (await server.PutAsync(exchange, body)).Text);
        var offered = (await server.GetAsync($"{sale}/holds/{waiting}")).Is(200);
        Assert.Equal(("held", "1-1-B"), (offered.State, offered.Json.GetProperty("seats")[0].GetString()));
        Assert.Equal("waiting", (await server.GetAsync($"{sale}/holds/{Id(second)}")).State);
        Assert.Equal(first.Text, (await server.PutAsync($"{sale}/waitlist/{waiting}", Ask(Item("coach", 1), "a", "b"))).Text);

        (await server.PostAsync($"{sale}/holds/{waiting}/pay", Plans.Pay("ann"))).Is(200);
        var listed = (await server.SendAsync("GET", $"{sale}/orders", null, RunningServer.Key)).Is(200).Json.GetProperty("orders");
        Assert.Equal(3, listed.GetArrayLength());
        Assert.Equal("1-1-B", listed[2].GetProperty("tickets")[0].GetProperty("seat").GetString());

        // Blocked seats are named in the plan, and a plan that sets them free gives them to who waits.
        (await server.PostAsync(
            $"{sale}/orders/{order.GetProperty("id").GetString()}/refund", Plans.Refund(resell: false), ("Idempotency-Key", "1"))).Is(200);
        var shown = await server.GetAsync(sale);
        Assert.Contains("\"blocks\":[{\"seat\":\"1-1-A\",\"from\":\"a\",\"to\":\"b\"}]", shown.Text, StringComparison.Ordinal);
        var freed = shown.Json.GetProperty("plan").GetRawText()
            .Replace("\"blocks\":[{\"seat\":\"1-1-A\",\"from\":\"a\",\"to\":\"b\"}]", "\"blocks\":[]");
        (await server.PutAsync(sale, freed, ("If-Match", shown.ETag!))).Is(200);
        Assert.Equal("held", (await server.GetAsync($"{sale}/holds/{Id(second)}")).State);
    }

    [Fact]
    public async Task Every_error_of_a_plan_is_named_with_its_place()
    {
        var wrong = Small.Replace("\"seats\": \"1-6\"", "\"seats\": \"1-6\", \"aisles\": \"9\"")
            .Replace("[10, 20]", "[10]").Replace("[[5, 8], [6]]", "[[5], [6]]")
            .Replace("{ \"id\": \"b\", \"name\": \"B\" }", "{ \"id\": \"a\", \"name\": \"\" }")
            .Replace("\"standing\", \"capacity\": 3", "\"flying\", \"capacity\": 3, \"blocks\": [{ \"from\": \"q\" }]");
        var errors = (await server.PutAsync(RunningServer.NewSale(), wrong)).Is(422, "PLAN_INVALID").Json.GetProperty("errors")
            .EnumerateArray()
            .Select(error => error.GetProperty("path").GetString()).ToArray();
        Assert.Equal(
            ["pools[0].rows[0].aisles", "pools[3].blocks[0].from", "pools[3].travel", "stops[1].id", "stops[1].name", "tiers[2].legPrices",
                "tiers[3].pairPrices[0]"],
            errors.Distinct().Order(StringComparer.Ordinal));
    }

    private static string Hold(string sale) => $"{sale}/holds/{Plans.NewId()}";

    private static string Id(Answer answer) => answer.Json.GetProperty("id").GetString()!;

    private static string Item(string tier, int quantity, params string[] seats) =>
        $$"""{"tier":"{{tier}}","quantity":{{quantity}}{{(seats.Length == 0 ? "" : $",\"seats\":{JsonSerializer.Serialize(seats)}")}}}""";

    private static string Ask(string items, string? from = null, string? to = null) =>
        $$"""{"buyer":"ann","items":[{{items}}]{{(from is null ? "" : $",\"from\":\"{from}\",\"to\":\"{to}\"")}}}""";

    private static string Paid(string items, string from, string to) => Ask(items, from, to)[..^1] + ",\"reference\":\"r\"}";
}
