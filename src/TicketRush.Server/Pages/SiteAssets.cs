using System.Buffers.Text;
using System.IO.Compression;
using System.Security.Cryptography;

namespace TicketRush.Server.Pages;

/// <summary>
/// The style sheet, the script and the icon. They are part of the program, and their addresses say what is in them: a browser that has
/// one never asks again, and never has an old one with a new page.
/// </summary>
public static class SiteAssets
{
    private static readonly Asset[] All = [Load("site.css", "text/css"), Load("site.js", "text/javascript"),
        Load("icon.svg", "image/svg+xml"), Load("places.css", "text/css"), Load("places.js", "text/javascript")];

    public static string Css => All[0].Url;
    public static string Js => All[1].Url;
    public static string Icon => All[2].Url;
    public static string PlacesCss => All[3].Url;
    public static string PlacesJs => All[4].Url;

    public static void MapAssets(this IEndpointRouteBuilder app)
    {
        foreach (var asset in All) app.MapGet(asset.Url, asset.SendAsync).ExcludeFromDescription();
        app.MapGet("/favicon.ico", () => TypedResults.Redirect(Icon)).ExcludeFromDescription();
    }

    private static Asset Load(string name, string type)
    {
        using var stream = typeof(SiteAssets).Assembly.GetManifestResourceStream($"TicketRush.Server.Pages.Assets.{name}")!;
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return new(name, type, bytes.ToArray());
    }

    private sealed class Asset(string name, string type, byte[] bytes)
    {
        private readonly byte[] _packed = Packed.Of(bytes);

        public string Url { get; } = $"/assets/{Base64Url.EncodeToString(SHA256.HashData(bytes).AsSpan(0, 9))}/{name}";

        public Task SendAsync(HttpContext http)
        {
            http.Response.Headers.CacheControl = "public, max-age=31536000, immutable";
            http.Response.Headers.XContentTypeOptions = "nosniff";
            return Packed.SendAsync(http, type + "; charset=utf-8", bytes, _packed);
        }
    }
}

/// <summary>Bytes that everybody is sent alike, and the same bytes compressed once, for browsers that say they can read them.</summary>
internal static class Packed
{
    public static byte[] Of(byte[] bytes, CompressionLevel level = CompressionLevel.SmallestSize)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, level)) gzip.Write(bytes);
        return packed.ToArray();
    }

    public static Task SendAsync(HttpContext http, string type, byte[] bytes, byte[] packed)
    {
        var response = http.Response;
        response.ContentType = type;
        response.Headers.Append("Vary", "Accept-Encoding");
        if (http.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase))
        {
            response.Headers.ContentEncoding = "gzip";
            bytes = packed;
        }

        response.ContentLength = bytes.Length;
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : response.Body.WriteAsync(bytes).AsTask();
    }
}
