// A shop that sells tickets with a shop key: it holds places, takes the money, confirms, and prints the tickets. Replies may get lost,
// servers may be busy or restart, this program may be killed: started again with the same customer, it goes on where it was.
//   RUSH_URL=http://127.0.0.1:8080 RUSH_KEY=rush_shop_… dotnet run -- SALE CUSTOMER TIER QUANTITY
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;

if (args is not [var sale, var customer, var tier, var quantity]) return Fail("Usage: shop SALE CUSTOMER TIER QUANTITY", 2);

var url = Environment.GetEnvironmentVariable("RUSH_URL") ?? "http://127.0.0.1:8080";
using var http = new HttpClient { BaseAddress = new(url), Timeout = TimeSpan.FromSeconds(10) };
http.DefaultRequestHeaders.Authorization = new("Bearer", Environment.GetEnvironmentVariable("RUSH_KEY"));

// The id is made and kept before anybody is asked: with it, asking twice is asking once. It also names the payment.
var note = $"shop-{sale}-{customer}.id";
if (!File.Exists(note)) await File.WriteAllTextAsync(note, Guid.NewGuid().ToString());
var id = await File.ReadAllTextAsync(note);
var path = $"/api/sales/{sale}/holds/{id}";

var items = new JsonArray(new JsonObject { ["tier"] = tier, ["quantity"] = int.Parse(quantity) });
var (status, held) = await AskAsync(HttpMethod.Put, path, new() { ["buyer"] = customer, ["items"] = items });
if (status != HttpStatusCode.OK) return End($"No places: {held["code"]}. {held["detail"]}", 1);

var reference = $"payment-{id}";
// Here a real shop takes the money, once for each reference.
Console.WriteLine($"Took {held["total"]} {held["currency"]} from {customer}, {reference}");

(status, var order) = await AskAsync(HttpMethod.Post, $"{path}/pay", new() { ["reference"] = reference });
if (status != HttpStatusCode.OK) return End($"Too late: {order["code"]}. Give {order["owedBack"]} back to {customer}, {reference}", 1);
return End($"Tickets for {customer}: {string.Join(' ', order["tickets"]!.AsArray().Select(ticket => ticket!["number"]))}", 0);

// Asks until there is an answer that says what happened: a 200, or a refusal.
async Task<(HttpStatusCode Status, JsonNode Answer)> AskAsync(HttpMethod method, string to, JsonObject body)
{
    for (var pause = TimeSpan.FromMilliseconds(100); ; pause = TimeSpan.FromSeconds(Math.Min(10, pause.TotalSeconds * 2)))
    {
        try
        {
            using var answer = await http.SendAsync(new(method, to) { Content = JsonContent.Create(body) });
            if (answer.StatusCode < HttpStatusCode.InternalServerError && answer.StatusCode != HttpStatusCode.TooManyRequests)
                return (answer.StatusCode, (await answer.Content.ReadFromJsonAsync<JsonNode>())!);
            if (answer.Headers.RetryAfter?.Delta is { } wait) pause = wait;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            // No answer: it may have happened. The same again tells.
        }

        await Task.Delay(pause + TimeSpan.FromMilliseconds(Random.Shared.Next(100)));
    }
}

int End(string message, int code)
{
    File.Delete(note);
    return code == 0 ? Say(message) : Fail(message, code);
}

static int Say(string message) => Write(Console.Out, message, 0);
static int Fail(string message, int code) => Write(Console.Error, message, code);
static int Write(TextWriter to, string message, int code) { to.WriteLine(message); return code; }
