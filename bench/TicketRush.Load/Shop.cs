namespace TicketRush.Load;

/// <summary>The office of the measured server, and what its buyers send.</summary>
internal sealed class Shop : IDisposable
{
    public const string Key = "office-key-of-the-load-program";

    // Another id each, another buyer each, the same bytes but for those.
    private const string Script = """
        local n = 0
        local seed = SEED
        request = function()
          n = n + 1
          local id = string.format("%016x%016x", seed, n)
          local buyer = string.format("buyer-%08x", n)
          local body = '{"buyer":"' .. buyer .. '","items":[{"tier":"standing","quantity":1}],"reference":"r"}'
          return wrk.format("PUT", "PREFIX" .. id, nil, body)
        end
        """;

    public Shop(string url)
    {
        Http = new() { BaseAddress = new(url) };
        Http.DefaultRequestHeaders.Authorization = new("Bearer", Key);
    }

    public HttpClient Http { get; }

    public void Dispose() => Http.Dispose();

    /// <summary>A sale "load" that is never sold out, open.</summary>
    public async Task MakeSaleAsync()
    {
        var plan = """
            {"name":"Load","venue":"The Hall","startsAt":"2027-04-18T19:30","timeZone":"UTC","currency":"EUR","paymentKind":"none",
             "tiers":[{"id":"standing","name":"Standing","capacity":20000000,"price":100}],"rules":{"perBuyer":1000000}}
            """;
        (await Http.PutAsync("/api/sales/load", new StringContent(plan, null, "application/json"))).EnsureSuccessStatusCode();
        (await Http.PostAsync("/api/sales/load/open", null)).EnsureSuccessStatusCode();
    }

    /// <summary>A sale "gone" of which nothing is left, open.</summary>
    public async Task MakeSoldOutAsync()
    {
        var plan = """
            {"name":"Gone","timeZone":"UTC","currency":"EUR","paymentKind":"none","tiers":[{"id":"standing","name":"Standing","capacity":0,"price":100}]}
            """;
        (await Http.PutAsync("/api/sales/gone", new StringContent(plan, null, "application/json"))).EnsureSuccessStatusCode();
        (await Http.PostAsync("/api/sales/gone/open", null)).EnsureSuccessStatusCode();
    }

    /// <summary>Writes the script with which wrk puts orders, or something of the same shape.</summary>
    /// <returns>Its path.</returns>
    public static async Task<string> WriteScriptAsync(string directory, string prefix)
    {
        var path = Path.Combine(directory, "wrk.lua");
        await File.WriteAllTextAsync(
            path,
            $"wrk.headers[\"Content-Type\"] = \"application/json\"\nwrk.headers[\"Authorization\"] = \"Bearer {Key}\"\n"
            + Script.Replace("SEED", Random.Shared.Next().ToString(System.Globalization.CultureInfo.InvariantCulture),
                StringComparison.Ordinal)
                .Replace("PREFIX", prefix, StringComparison.Ordinal));
        return path;
    }
}
