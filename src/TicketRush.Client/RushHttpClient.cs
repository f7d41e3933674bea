using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace TicketRush.Client;

/// <summary>
/// The HTTP API, typed. Every method asks again, with the same id, while the server is busy, restarts, or does not answer; so make an id
/// once for each wish, store it before the first call, and use it again after a restart. For every thread.
/// <para>
/// A request ends in one of three ways: with its answer; with a <see cref="RushRefusedException"/>, and nothing happened; or with a
/// <see cref="RushUnknownException"/>, and it is asked again with the same id. Who cancels does not know either.
/// </para>
/// </summary>
public sealed class RushHttpClient
{
    private const int IdempotencyKeyMax = 256;

    private readonly HttpClient _http;
    private readonly RushRetry _retry;
    private readonly AuthenticationHeaderValue? _authorization;

    /// <summary>Asks nothing yet.</summary>
    /// <param name="http">Has the server's address, such as http://127.0.0.1:8080, and is not disposed here. A try ends at its timeout or
    /// at <see cref="RushRetry.AnswerMax"/>, whichever is earlier.</param>
    /// <param name="key">The shop's key; null for what everybody may see.</param>
    /// <param name="retry">How long to go on asking; null for half a minute.</param>
    /// <exception cref="ArgumentException">A time is out of bounds.</exception>
    public RushHttpClient(HttpClient http, string? key = null, RushRetry? retry = null)
    {
        ArgumentNullException.ThrowIfNull(http);
        (_http, _retry) = (http, retry ?? new());
        _retry.Check();
        _authorization = key is null ? null : new("Bearer", key);
    }

    /// <summary>All sales.</summary>
    /// <param name="stop">Ends the waiting.</param>
    /// <exception cref="RushUnknownException">There was no answer.</exception>
    public async Task<IReadOnlyList<SaleListItem>> SalesAsync(CancellationToken stop = default) =>
        (await AskAsync(HttpMethod.Get, "", null, ClientJson.Default.SaleList, null, stop).ConfigureAwait(false)).Sales;

    /// <summary>What is free in a sale.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="stop">Ends the waiting.</param>
    /// <exception cref="RushRefusedException">There is no such sale.</exception>
    /// <exception cref="RushUnknownException">There was no answer.</exception>
    public Task<Availability> AvailabilityAsync(string sale, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Get, $"/{Escape(sale)}/availability", null, ClientJson.Default.Availability, null, stop);

    /// <summary>Keeps places until a time. The same id with the same request gives the first answer again.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">Made by the caller, and stored, before it asks first.</param>
    /// <param name="request">What to keep.</param>
    /// <param name="stop">Ends the waiting. It may be held all the same.</param>
    /// <exception cref="RushRefusedException">Nothing is kept.</exception>
    /// <exception cref="RushUnknownException">There was no answer that tells; ask again with the same id.</exception>
    public Task<Hold> HoldAsync(string sale, Guid id, HoldRequest request, CancellationToken stop = default) => AskAsync(
        HttpMethod.Put, $"/{Escape(sale)}/holds/{id}", Json(request, ClientJson.Default.HoldRequest), ClientJson.Default.Hold, null, stop);

    /// <summary>A hold as it stands.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">The hold's.</param>
    /// <param name="stop">Ends the waiting.</param>
    /// <exception cref="RushRefusedException">There is none, with UNKNOWN_HOLD; or it may not be seen.</exception>
    /// <exception cref="RushUnknownException">There was no answer.</exception>
    public Task<Hold> FindHoldAsync(string sale, Guid id, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Get, $"/{Escape(sale)}/holds/{id}", null, ClientJson.Default.Hold, null, stop);

    /// <summary>Keeps the places of a hold for longer.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">The hold's.</param>
    /// <param name="idempotencyKey">Names this extension: 1 to 256 characters from ! to ~, the same ones when it is asked again.</param>
    /// <param name="stop">Ends the waiting. It may be extended all the same.</param>
    /// <exception cref="RushRefusedException">It is not extended.</exception>
    /// <exception cref="RushUnknownException">There was no answer that tells; ask again with the same key.</exception>
    public Task<Hold> ExtendAsync(string sale, Guid id, string idempotencyKey, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Post, $"/{Escape(sale)}/holds/{id}/extend", null, ClientJson.Default.Hold, Checked(idempotencyKey), stop);

    /// <summary>Makes an order of a hold, for which the money was taken.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">The hold's; it is the order's from then on.</param>
    /// <param name="reference">Names the payment that was taken, once for each payment.</param>
    /// <param name="stop">Ends the waiting. It may be paid all the same.</param>
    /// <exception cref="RushRefusedException">It is not paid. The payment is owed back when it has a sequence.</exception>
    /// <exception cref="RushUnknownException">There was no answer that tells; ask again with the same reference.</exception>
    public Task<Order> PayAsync(string sale, Guid id, string reference, CancellationToken stop = default) => AskAsync(
        HttpMethod.Post, $"/{Escape(sale)}/holds/{id}/pay", Json(new(reference), ClientJson.Default.PayRequest), ClientJson.Default.Order,
        null, stop);

    /// <summary>Gives the places of a hold back. To release what is released is no error.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">The hold's.</param>
    /// <param name="stop">Ends the waiting. It may be released all the same.</param>
    /// <exception cref="RushRefusedException">It is not released.</exception>
    /// <exception cref="RushUnknownException">There was no answer that tells; ask again.</exception>
    public Task<Hold> ReleaseAsync(string sale, Guid id, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Delete, $"/{Escape(sale)}/holds/{id}", null, ClientJson.Default.Hold, null, stop);

    /// <summary>Holds and pays in one. A refused one records nothing: take the money after the answer.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">Made by the caller, and stored, before it asks first.</param>
    /// <param name="request">What to buy.</param>
    /// <param name="stop">Ends the waiting. It may be bought all the same.</param>
    /// <exception cref="RushRefusedException">Nothing was bought.</exception>
    /// <exception cref="RushUnknownException">There was no answer that tells; ask again with the same id.</exception>
    public Task<Order> BuyAsync(string sale, Guid id, OrderRequest request, CancellationToken stop = default) => AskAsync(
        HttpMethod.Put, $"/{Escape(sale)}/orders/{id}", Json(request, ClientJson.Default.OrderRequest), ClientJson.Default.Order, null,
        stop);

    /// <summary>An order as it stands.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">The order's.</param>
    /// <param name="stop">Ends the waiting.</param>
    /// <exception cref="RushRefusedException">There is none, with UNKNOWN_ORDER; or it may not be seen.</exception>
    /// <exception cref="RushUnknownException">There was no answer.</exception>
    public Task<Order> FindOrderAsync(string sale, Guid id, CancellationToken stop = default) =>
        AskAsync(HttpMethod.Get, $"/{Escape(sale)}/orders/{id}", null, ClientJson.Default.Order, null, stop);

    /// <summary>Takes tickets back. The money is the caller's to give back.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">The order's.</param>
    /// <param name="idempotencyKey">Names this refund: 1 to 256 characters from ! to ~, the same ones when it is asked again.</param>
    /// <param name="request">Which tickets, and why.</param>
    /// <param name="stop">Ends the waiting. It may be refunded all the same.</param>
    /// <exception cref="RushRefusedException">Nothing is refunded.</exception>
    /// <exception cref="RushUnknownException">There was no answer that tells; ask again with the same key.</exception>
    public Task<Refund> RefundAsync(
        string sale, Guid id, string idempotencyKey, RefundRequest request, CancellationToken stop = default) => AskAsync(
        HttpMethod.Post, $"/{Escape(sale)}/orders/{id}/refund", Json(request, ClientJson.Default.RefundRequest), ClientJson.Default.Refund,
        Checked(idempotencyKey), stop);

    /// <summary>Waits for places that are not free; the hold that is offered one day has this id.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="id">Made by the caller, and stored, before it asks first.</param>
    /// <param name="request">What is wished for: one tier, no names of seats.</param>
    /// <param name="stop">Ends the waiting for the answer. It may stand on the waitlist all the same.</param>
    /// <exception cref="RushRefusedException">It does not stand on the waitlist.</exception>
    /// <exception cref="RushUnknownException">There was no answer that tells; ask again with the same id.</exception>
    public Task<Hold> WaitAsync(string sale, Guid id, HoldRequest request, CancellationToken stop = default) => AskAsync(
        HttpMethod.Put, $"/{Escape(sale)}/waitlist/{id}", Json(request, ClientJson.Default.HoldRequest), ClientJson.Default.Hold, null,
        stop);

    /// <summary>The orders that the key may see, by sequence, as many pages as there are.</summary>
    /// <param name="sale">The sale.</param>
    /// <param name="after">The last sequence that the caller has; 0 for all.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="RushRefusedException">They may not be seen.</exception>
    /// <exception cref="RushUnknownException">There was no answer.</exception>
    public async IAsyncEnumerable<OrderListItem> OrdersAsync(
        string sale, long after = 0, [EnumeratorCancellation] CancellationToken stop = default)
    {
        for (long? next = after; next is not null;)
        {
            var path = $"/{Escape(sale)}/orders?after={next}";
            var page = await AskAsync(HttpMethod.Get, path, null, ClientJson.Default.OrderList, null, stop).ConfigureAwait(false);
            foreach (var order in page.Orders) yield return order;
            next = page.Next;
        }
    }

    private async Task<T> AskAsync<T>(
        HttpMethod method, string path, byte[]? body, JsonTypeInfo<T> type, string? idempotencyKey, CancellationToken stop)
        where T : class
    {
        var (what, changes, mayBeDone) = ($"{method} {path}", method != HttpMethod.Get, false);
        var until = Environment.TickCount64 + (long)_retry.For.TotalMilliseconds;
        for (var tries = 0; ; tries++)
        {
            RushException verdict;
            TimeSpan? after = null;
            try
            {
                using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
                patience.CancelAfter(Shorter(_retry.AnswerMax, TimeSpan.FromMilliseconds(Math.Max(1, until - Environment.TickCount64))));
                using var request = new HttpRequestMessage(method, "/api/sales" + path);
                request.Headers.Authorization = _authorization;
                if (idempotencyKey is not null) request.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
                if (body is not null) request.Content = new ByteArrayContent(body) { Headers = { ContentType = new("application/json") } };
                using var response = await _http.SendAsync(request, patience.Token).ConfigureAwait(false);
                var text = await response.Content.ReadAsByteArrayAsync(patience.Token).ConfigureAwait(false);
                if (response.StatusCode == HttpStatusCode.OK) return Read(text, type, response, "application/json");

                var refusal = Refusal(text, response);
                mayBeDone |= changes && RushCodes.MayBeDone(refusal.Code);
                verdict = RushCodes.Verdict(what, refusal, mayBeDone);
                if (!RushCodes.IsWorthAnotherTry(refusal.Code)) throw verdict;
                after = Asked(response.Headers.RetryAfter);
            }
            catch (OperationCanceledException e) when (stop.IsCancellationRequested)
            {
                throw new OperationCanceledException(e.Message, e, stop);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or JsonException)
            {
                // No answer, or none of ours: it may have happened. The same again tells.
                mayBeDone = changes;
                verdict = new RushUnknownException(
                    $"{what}: there was no answer in {_retry.For.TotalSeconds:0.#} s. Ask again with the same id.", e);
            }
            catch (ObjectDisposedException e) when (mayBeDone)
            {
                throw new RushUnknownException($"{what}: an earlier try may have been done. Ask again with the same id.", e);
            }

            var pause = _retry.PauseAfter(tries, after);
            if (Environment.TickCount64 + pause.TotalMilliseconds >= until) throw verdict;
            await Task.Delay(pause, stop).ConfigureAwait(false);
        }
    }

    /// <exception cref="JsonException">It is nothing that the server says.</exception>
    private static T Read<T>(byte[] text, JsonTypeInfo<T> type, HttpResponseMessage response, string mediaType)
        where T : class
    {
        // What stands between here and the server may say 200 in its own words: a page to log in, for instance.
        if (!mediaType.Equals(response.Content.Headers.ContentType?.MediaType, StringComparison.OrdinalIgnoreCase))
            throw new JsonException($"The answer is no {mediaType}.");
        return JsonSerializer.Deserialize(text, type) ?? throw new JsonException("The answer is null.");
    }

    private static RushRefusedException Refusal(byte[] text, HttpResponseMessage response)
    {
        try
        {
            if (Read(text, ClientJson.Default.ProblemDocument, response, "application/problem+json") is { Code.Length: > 0 } problem)
            {
                return new(problem.Code, problem.Detail ?? "")
                {
                    Allowed = problem.Allowed,
                    OwedBack = problem.OwedBack,
                    Sequence = problem.Sequence,
                };
            }
        }
        catch (JsonException)
        {
            // Something between here and the server answered in its own words: before it passed the request on, or after it got no answer.
        }

        var status = (int)response.StatusCode;
        return new(
            status >= 500 || status == 408 ? "INTERNAL" : status == 429 ? "RATE_LIMITED" : $"HTTP_{status}",
            $"The answer was {status} without a problem that is known here.");
    }

    private static TimeSpan? Asked(RetryConditionHeaderValue? header) => header switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - DateTimeOffset.UtcNow,
        _ => null,
    };

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static byte[] Json<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(value, type);

    private static string Escape(string sale) => Uri.EscapeDataString(sale);

    // What no header can carry would fail as if there were no server.
    private static string Checked(string idempotencyKey) =>
        idempotencyKey is { Length: >= 1 and <= IdempotencyKeyMax } && idempotencyKey.AsSpan().IndexOfAnyExceptInRange('!', '~') < 0
            ? idempotencyKey
            : throw new ArgumentException($"A key is 1 to {IdempotencyKeyMax} characters from ! to ~.", nameof(idempotencyKey));
}
