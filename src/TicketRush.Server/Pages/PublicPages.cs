using System.Buffers.Text;
using System.Collections.Concurrent;
using System.IO.Compression;
using System.Security.Cryptography;
using TicketRush.Journal;

namespace TicketRush.Server.Pages;

/// <summary>
/// The pages that everybody is shown alike, kept as bytes, by language. In a rush a sale changes thousands of times a second: a page is
/// rendered anew ten times a second at the most, and what it shows in between is brought up to date by the live updates.
/// </summary>
internal sealed class PublicPages(Sales sales, PageRenderer renderer)
{
    private const int RenderEveryMs = 100;

    // The list looks at every sale and at the directory.
    private const int ListEveryMs = 500;

    private readonly Kept[] _lists = [new(), new()];
    private readonly ConcurrentDictionary<string, Kept[]> _sales = new(StringComparer.Ordinal);

    public async Task ListAsync(HttpContext http)
    {
        if (Languages.TryChoose(http)) return;
        var texts = Languages.Of(http);
        var kept = _lists[texts == Texts.English ? 0 : 1];
        var page = kept.Newest;
        if (page is null || (page.IsOlderThan(ListEveryMs) && kept.TryBegin()))
        {
            page = await kept.RenderAsync(null, "", async () =>
            {
                var views = sales.All().Select(SaleView.Of).OfType<SaleView>().Where(sale => sale.IsPublic)
                    .OrderBy(Rank).ThenBy(sale => Clock.Starts(sale.Plan) ?? DateTime.MaxValue)
                        .ThenBy(sale => sale.Name, StringComparer.Ordinal).ToArray();
                return await renderer.RenderAsync<SalesPage, SaleView[]>(new(texts) { Here = "/" }, views);
            });
        }

        await page.SendAsync(http);
    }

    public async Task SaleAsync(HttpContext http)
    {
        if (Languages.TryChoose(http)) return;
        var texts = Languages.Of(http);
        var name = (string)http.GetRouteValue("sale")!;
        var found = sales.Find(name);
        if (SaleView.Of(found) is not { IsPublic: true } view)
        {
            // A sale whose journal cannot be read is there all the same, and so are the orders in it.
            if (found is { Sequencer: null })
            {
                await PageAnswer.SendAsync<MessagePage, Message>(
                    http, new(texts), new(texts.Stopped, texts.StoppedHint, "/", texts.BackToSales),
                    StatusCodes.Status503ServiceUnavailable);
            }
            else await ErrorPages.SendAsync(http, 404);
            return;
        }

        var kept = _sales.GetOrAdd(name, static _ => [new(), new()])[texts == Texts.English ? 0 : 1];
        var page = kept.Newest;
        if (page is null || (!page.Shows(view) && page.IsOlderThan(RenderEveryMs) && kept.TryBegin()))
            page = await kept.RenderAsync(view.Snapshot, view.State, () => renderer.RenderAsync<SalePage,
                SaleView>(new(texts) { Here = view.Url }, view));

        await page.SendAsync(http);
    }

    // What can be bought comes first, what is over last.
    private static int Rank(SaleView sale) => sale.State switch { "open" when sale.Free > 0 => 0, "scheduled" => 1, "open" => 2,
        "paused" => 3, _ => 4 };

    /// <summary>One page in one language, as it was rendered last.</summary>
    private sealed class Kept
    {
        private volatile PublicPage? _newest;
        private int _rendering;

        public PublicPage? Newest => _newest;

        /// <summary>One of those who find the page old renders it; the others are shown what there is.</summary>
        public bool TryBegin() => Interlocked.Exchange(ref _rendering, 1) == 0;

        public async Task<PublicPage> RenderAsync(SaleSnapshot? snapshot, string state, Func<Task<byte[]>> render)
        {
            try
            {
                return _newest = new(snapshot, state, await render());
            }
            finally
            {
                Volatile.Write(ref _rendering, 0);
            }
        }
    }

    private sealed class PublicPage(SaleSnapshot? snapshot, string state, byte[] bytes)
    {
        private readonly byte[] _packed = Packed.Of(bytes, CompressionLevel.Fastest);
        private readonly string _etag = $"W/\"{Base64Url.EncodeToString(SHA256.HashData(bytes).AsSpan(0, 12))}\"";
        private readonly long _renderedAt = Environment.TickCount64;

        public bool Shows(SaleView view) => view.Snapshot == snapshot && view.State == state;

        public bool IsOlderThan(int ms) => Environment.TickCount64 - _renderedAt >= ms;

        public Task SendAsync(HttpContext http)
        {
            var response = http.Response;
            response.Headers.CacheControl = "no-cache";
            response.Headers.Vary = "Accept-Language, Cookie";
            response.Headers.ETag = _etag;
            if (http.Request.Headers.IfNoneMatch.ToString() != _etag) return Packed.SendAsync(http, PageAnswer.Html, bytes, _packed);
            response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }
    }
}
