using TicketRush.Engine;

namespace TicketRush.Server.Tests.Hosting;

/// <summary>Bodies as clients would write them.</summary>
internal static class Plans
{
    /// <summary>Of a sale that another process makes, past the server that is tested.</summary>
    public static Plan Elsewhere => new()
    {
        Name = "Elsewhere",
        Venue = "",
        StartsAt = "",
        TimeZone = "UTC",
        Currency = "EUR",
        PaymentKind = PaymentKind.None,
        Pools = [new("place", 10, 0)],
        Tiers = [new("place", "Place", "place", 100)],
        Rules = new(HoldSeconds: 600, Extensions: 1, PerOrder: 6, PerBuyer: 6),
    };

    public static string Concert(
        int capacity = 100, string payment = "external", int holdSeconds = 600, int extensions = 1, int perOrder = 6, int perBuyer = 6,
        string? closesAt = null, string? opensAt = null, string name = "Concert", string zone = "Asia/Shanghai") => $$"""
        {
          "name": "{{name}}", "timeZone": "{{zone}}", "currency": "CNY", "paymentKind": "{{payment}}",
          {{(opensAt is null ? "" : $"\"opensAt\": \"{opensAt}\",")}} {{(closesAt is null ? "" : $"\"closesAt\": \"{closesAt}\",")}}
          "tiers": [{ "id": "floor", "name": "Floor", "capacity": {{capacity}}, "price": 38000 },
                    { "id": "balcony", "name": "Balcony", "capacity": 50, "price": 58000 }],
          "rules": { "holdSeconds": {{holdSeconds}}, "extensions": {{extensions}}, "perOrder": {{perOrder}}, "perBuyer": {{perBuyer}} }
        }
        """;

    public static string Hold(string buyer = "ann", int quantity = 2, string tier = "floor") =>
        $$"""{"buyer":"{{buyer}}","items":[{"tier":"{{tier}}","quantity":{{quantity}}}]}""";

    public static string Order(string buyer = "ann", int quantity = 2, string reference = "r1") =>
        $$"""{"buyer":"{{buyer}}","items":[{"tier":"floor","quantity":{{quantity}}}],"reference":"{{reference}}"}""";

    public static string Pay(string reference) => $$"""{"reference":"{{reference}}"}""";

    public static string Refund(bool resell = true, string tickets = "") =>
        $$"""
        {"reason":"cannot-come","resell":{{(resell ? "true" : "false")}}{{(tickets.Length == 0 ? "" : $",\"tickets\":[{tickets}]")}}}
        """;

    public static string NewId() => Guid.NewGuid().ToString();

    /// <summary>Waits for what must come soon; how soon depends on how busy the machine is.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        for (var until = Environment.TickCount64 + 20_000; !await condition();)
        {
            Assert.True(Environment.TickCount64 < until, $"It did not come: {what}.");
            await Task.Delay(20);
        }
    }
}
