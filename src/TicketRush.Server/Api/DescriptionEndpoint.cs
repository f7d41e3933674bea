using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using TicketRush.Server.Pages;

namespace TicketRush.Server.Api;

/// <summary>
/// The API's description, written once. It takes tens of milliseconds and is 300 KB long, and anybody may ask for it: written anew for each
/// who asks, it would be the cheapest way to keep a server from selling.
/// </summary>
internal static class DescriptionEndpoint
{
    public static void MapDescription(this WebApplication app)
    {
        var written = new Lazy<Task<(byte[] Plain, byte[] Packed)>>(() => WriteAsync(app.Services));
        app.MapMethods("/openapi/v1.json", ["GET", "HEAD"], async (HttpContext http) =>
        {
            var (plain, packed) = await written.Value;
            http.Response.Headers.CacheControl = "no-cache";
            await Packed.SendAsync(http, "application/json; charset=utf-8", plain, packed);
        }).ExcludeFromDescription();
    }

    private static async Task<(byte[] Plain, byte[] Packed)> WriteAsync(IServiceProvider services)
    {
        var document = await services.GetRequiredKeyedService<IOpenApiDocumentProvider>("v1").GetOpenApiDocumentAsync();

        // Whatever address it was read at is the one to use; a server behind a proxy does not know it.
        document.Servers = [new() { Url = "/" }];
        using var bytes = new MemoryStream();
        await document.SerializeAsJsonAsync(bytes, OpenApiSpecVersion.OpenApi3_1);
        return (bytes.ToArray(), Packed.Of(bytes.ToArray()));
    }
}
