using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace TicketRush.Cli.Tests.Faults;

internal sealed record Answer(int Status, string Code, string? RetryAfter, DateTimeOffset? Date, JsonElement Body);

/// <summary>What the tests ask of a server, over HTTP like everybody else.</summary>
internal sealed class Shop : IDisposable
{
    private readonly HttpClient _http = new(
        new SocketsHttpHandler { PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30), ConnectTimeout = TimeSpan.FromSeconds(10) })
    {
        Timeout = TimeSpan.FromSeconds(20),
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", RushProcess.OfficeKey) },
    };

    /// <summary>Asks for the order, and writes down in the ledger what was answered.</summary>
    /// <returns>Null when no answer came.</returns>
    public async Task<Answer?> BuyAsync(Ledger ledger, Wish wish, string url)
    {
        if (wish.Fate == Fate.None)
        {
            lock (wish)
            {
                wish.Server = url;
                ledger.Add(wish);
            }
        }

        Answer? answer = null;
        try
        {
            answer = await SendAsync(HttpMethod.Put, $"{url}/api/sales/{wish.Sale}/orders/{wish.Id}", Body(wish));
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or JsonException or IOException)
        {
            // The connection broke or the answer is half an answer: the buyer knows nothing.
        }

        ledger.Record(wish, answer);
        return answer;
    }

    public Task<Answer> HoldAsync(Guid id, string sale, string buyer, string url) =>
        SendAsync(HttpMethod.Put, $"{url}/api/sales/{sale}/holds/{id}", Body(new(sale, buyer, 1)));

    public Task<Answer> GetAsync(string url) => SendAsync(HttpMethod.Get, url, null);

    public Task<Answer> PutAsync(string url, object body) => SendAsync(HttpMethod.Put, url, body);

    /// <summary>Asks again for everything whose fate is unknown, until each has a definite one.</summary>
    public async Task SettleAsync(Ledger ledger, string url)
    {
        foreach (var wish in ledger.With(Fate.Unknown).ToList())
        {
            await Until.TrueAsync(
                async () =>
                {
                    await BuyAsync(ledger, wish, url);
                    return wish.Fate != Fate.Unknown;
                },
                $"{wish.Id} has a definite answer");
        }
    }

    public void Dispose() => _http.Dispose();

    private static object Body(Wish wish) => new { buyer = wish.Buyer, items = new[] { new { tier = "place", quantity = wish.Quantity } } };

    private async Task<Answer> SendAsync(HttpMethod method, string url, object? body)
    {
        using var request = new HttpRequestMessage(method, url) { Content = body is null ? null : JsonContent.Create(body) };
        using var response = await _http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        var json = text.StartsWith('{') ? JsonDocument.Parse(text).RootElement : default;
        var code = json.ValueKind == JsonValueKind.Object && json.TryGetProperty("code", out var said) ? said.GetString()! : "";
        return new((int)response.StatusCode, code, response.Headers.RetryAfter?.ToString(), response.Headers.Date, json);
    }
}

/// <summary>Buyers who keep buying, each one order at a time, and ask again with the same id when they were told nothing.</summary>
internal sealed class Crowd : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _buyers;
    private readonly long[] _servedAt;
    private readonly int[] _served;

    /// <param name="urlOf">Where a buyer finds a server now; null while there is none.</param>
    public Crowd(Shop shop, Ledger ledger, int buyers, Func<int, string?> urlOf, Func<int, string>? saleOf = null)
    {
        (_servedAt, _served) = (new long[buyers], new int[buyers]);
        _buyers = Task.WhenAll(Enumerable.Range(0, buyers).Select(buyer => Task.Run(
            () => BuyAsync(shop, ledger, buyer, () => urlOf(buyer), saleOf?.Invoke(buyer) ?? Place.Sale))));
    }

    /// <summary>How often a buyer was told that it has what it wanted.</summary>
    public int Served(int buyer) => Volatile.Read(ref _served[buyer]);

    /// <summary>When a buyer was last told that it has what it wanted, by the stopwatch.</summary>
    public long ServedAt(int buyer) => Volatile.Read(ref _servedAt[buyer]);

    /// <summary>Lets everybody finish what they are asking.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _buyers;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }

    private async Task BuyAsync(Shop shop, Ledger ledger, int buyer, Func<string?> url, string sale)
    {
        var random = new Random(buyer);
        Wish? unknown = null;
        while (!_stop.IsCancellationRequested)
        {
            if (url() is not { } server)
            {
                await Task.Delay(10);
                continue;
            }

            var wish = unknown ?? new Wish(sale, $"buyer {buyer} {random.Next(100)}", random.Next(1, 5));
            await shop.BuyAsync(ledger, wish, server);
            unknown = wish.Fate == Fate.Unknown ? wish : null;
            if (wish.Fate == Fate.Done)
            {
                Volatile.Write(ref _servedAt[buyer], Stopwatch.GetTimestamp());
                Volatile.Write(ref _served[buyer], _served[buyer] + 1);
            }

            // A repeated success must be the same success.
            if (wish.Fate == Fate.Done && random.Next(8) == 0) await shop.BuyAsync(ledger, wish, server);
            if (wish.Fate != Fate.Done) await Task.Delay(20);
        }
    }
}
