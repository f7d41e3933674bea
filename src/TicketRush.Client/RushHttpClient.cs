using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace TicketRush.Client;

/// <summary>
/// The HTTP API, typed. Every method asks again, with the same id, while the server is busy, restarts, or does not answer; so make an id
/// once for each wish, store it before the first call, and use it again after a restart. For every thread.
/// </summary>
/// <param name="http">Has the server's address, such as http://127.0.0.1:8080, and is not disposed here. Its timeout is that of one
/// try.</param>
/// <param name="key">The shop's key; null for what everybody may see.</param>
public sealed class RushHttpClient(HttpClient http, string? key = null, RushRetry? retry = null)
{
    private readonly RushRetry _retry = retry ?? new();
    private readonly AuthenticationHeaderValue? _authorization = key is null ? null : new("Bearer", key);

    public async Task<IReadOnlyList<SaleListItem>> SalesAsync(CancellationToken stop = default) =>
        (await AskAsync(HttpMethod.Get, "", null, ClientJson.Default.SaleList, null, stop)).Sales;

    public Task<Availability> AvailabilityAsync(string sale, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Get, $"/{Escape(sale)}/availability", null, ClientJson.Default.Availability, null, stop);

    /// <summary>Keeps places. The same id with the same request gives the first answer again.</summary>
    /// <exception cref="RushRefusedException">Nothing is kept.</exception>
    /// <exception cref="RushUnknownException">There was no answer; ask again with the same id.</exception>
    public Task<Hold> HoldAsync(string sale, Guid id, HoldRequest request, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Put, $"/{Escape(sale)}/holds/{id}", Json(request, ClientJson.Default.HoldRequest), ClientJson.Default.Hold, null, stop);

    public Task<Hold> FindHoldAsync(string sale, Guid id, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Get, $"/{Escape(sale)}/holds/{id}", null, ClientJson.Default.Hold, null, stop);

    /// <param name="idempotencyKey">Names this extension: 1 to 256 bytes, the same one when it is asked again.</param>
    public Task<Hold> ExtendAsync(string sale, Guid id, string idempotencyKey, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Post, $"/{Escape(sale)}/holds/{id}/extend", null, ClientJson.Default.Hold, idempotencyKey, stop);

    /// <param name="reference">Names the payment that was taken, once for each payment.</param>
    /// <exception cref="RushRefusedException">The payment is owed back when it has a sequence.</exception>
    public Task<Order> PayAsync(string sale, Guid id, string reference, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Post, $"/{Escape(sale)}/holds/{id}/pay", Json(new(reference), ClientJson.Default.PayRequest), ClientJson.Default.Order, null, stop);

    public Task<Hold> ReleaseAsync(string sale, Guid id, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Delete, $"/{Escape(sale)}/holds/{id}", null, ClientJson.Default.Hold, null, stop);

    /// <summary>Holds and pays in one. A refused one records nothing: take the money after the answer.</summary>
    public Task<Order> BuyAsync(string sale, Guid id, OrderRequest request, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Put, $"/{Escape(sale)}/orders/{id}", Json(request, ClientJson.Default.OrderRequest), ClientJson.Default.Order, null, stop);

    public Task<Order> FindOrderAsync(string sale, Guid id, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Get, $"/{Escape(sale)}/orders/{id}", null, ClientJson.Default.Order, null, stop);

    public Task<Refund> RefundAsync(string sale, Guid id, string idempotencyKey, RefundRequest request, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Post, $"/{Escape(sale)}/orders/{id}/refund", Json(request, ClientJson.Default.RefundRequest), ClientJson.Default.Refund, idempotencyKey, stop);

    /// <summary>Waits for places that are not free; the hold that is offered one day has this id.</summary>
    public Task<Hold> WaitAsync(string sale, Guid id, HoldRequest request, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Put, $"/{Escape(sale)}/waitlist/{id}", Json(request, ClientJson.Default.HoldRequest), ClientJson.Default.Hold, null, stop);

    /// <summary>The orders that the key may see, by sequence, as many pages as there are.</summary>
    public async IAsyncEnumerable<OrderListItem> OrdersAsync(string sale, long after = 0, [EnumeratorCancellation] CancellationToken stop = default)
    {
        for (long? next = after; next is not null;)
        {
            var page = await AskAsync(HttpMethod.Get, $"/{Escape(sale)}/orders?after={next}", null, ClientJson.Default.OrderList, null, stop);
            foreach (var order in page.Orders) yield return order;
            next = page.Next;
        }
    }

    private async Task<T> AskAsync<T>(HttpMethod method, string path, byte[]? body, JsonTypeInfo<T> type, string? idempotencyKey, CancellationToken stop)
    {
        var until = Environment.TickCount64 + (long)_retry.For.TotalMilliseconds;
        for (var tries = 0; ; tries++)
        {
            Exception? failed = null;
            ProblemDocument? problem = null;
            TimeSpan? after = null;
            try
            {
                using var request = new HttpRequestMessage(method, "/api/sales" + path);
                request.Headers.Authorization = _authorization;
                if (idempotencyKey is not null) request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
                if (body is not null) request.Content = new ByteArrayContent(body) { Headers = { ContentType = new("application/json") } };
                using var response = await http.SendAsync(request, stop);
                if (response.StatusCode == HttpStatusCode.OK) return (await response.Content.ReadFromJsonAsync(type, stop))!;
                after = response.Headers.RetryAfter?.Delta;
                problem = await ReadProblemAsync(response, stop);
                if (!RushRetry.IsWorthAnotherTry(problem.Code)) throw Refused(problem);
            }
            catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !stop.IsCancellationRequested))
            {
                // No answer: it may have happened. The same again tells.
                failed = e;
            }

            var pause = after ?? _retry.PauseAfter(tries);
            if (Environment.TickCount64 + pause.TotalMilliseconds >= until)
            {
                if (problem is not null && RushRetry.IsNotStarted(problem.Code)) throw Refused(problem);
                throw new RushUnknownException($"{method} {path}: there was no answer in {_retry.For.TotalSeconds:0.#} s.", failed);
            }

            await Task.Delay(pause, stop);
        }
    }

    private static async Task<ProblemDocument> ReadProblemAsync(HttpResponseMessage response, CancellationToken stop)
    {
        try
        {
            if (await response.Content.ReadFromJsonAsync(ClientJson.Default.ProblemDocument, stop) is { Code.Length: > 0 } problem) return problem;
        }
        catch (JsonException)
        {
            // Something between here and the server answered in its own words.
        }

        return new((int)response.StatusCode >= 500 ? "INTERNAL" : "HTTP_" + (int)response.StatusCode, $"The answer was {(int)response.StatusCode} without a problem that is known here.");
    }

    private static RushRefusedException Refused(ProblemDocument problem) =>
        new(problem.Code, problem.Detail) { Allowed = problem.Allowed, OwedBack = problem.OwedBack, Sequence = problem.Sequence };

    private static byte[] Json<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(value, type);

    private static string Escape(string sale) => Uri.EscapeDataString(sale);
}
