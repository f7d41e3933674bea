using System.Globalization;
using TicketRush.Server.Access;

namespace TicketRush.Server.Api;

internal static class KeyEndpoints
{
    public static void MapKeys(this IEndpointRouteBuilder api)
    {
        var keys = api.MapGroup("/keys").WithTags("Keys").Needs(Permission.ManageKeys);
        keys.MapGet("", List).Answers<KeyListAnswer>().WithSummary("The keys, revoked ones too; never their secrets");
        keys.MapPost("", Add).Accepts<KeyRequest>("application/json").Answers<NewKeyAnswer>()
            .MayAnswer("TOO_MANY_KEYS", "DISK_FULL")
            .WithSummary("Make a key").WithDescription(
                "The key itself is in this answer and nowhere else, ever. Lost answers leave a key that nobody has: revoke it.");
        keys.MapDelete("{id}", Revoke).Answers<KeyAnswer>().MayAnswer("UNKNOWN_KEY", "DISK_FULL")
            .WithSummary("Revoke a key: at once here, within a second at other servers of the directory");
    }

    private static IResult List(HttpContext http, KeyRing ring)
    {
        http.Response.Headers.CacheControl = "no-store";
        return new JsonAnswer<KeyListAnswer>(new([.. ring.List().Select(Describe)]), ApiJson.Api.KeyListAnswer);
    }

    private static async Task<IResult> Add(HttpContext http, KeyRing ring)
    {
        var (body, wrong) = await Body.ReadAsync(http.Request, ApiJson.Api.KeyRequest);
        if (body is null) return wrong!;
        if (!Permissions.TryParse(body.Role, out var role)) return Asking.Invalid("role must be office, staff, shop or read.");
        try
        {
            var (key, secret) = ring.Add(body.Name, role);
            http.Response.Headers.CacheControl = "no-store";
            return new JsonAnswer<NewKeyAnswer>(new(key.Id, key.Name, key.Role.Name(), secret), ApiJson.Api.NewKeyAnswer);
        }
        catch (ArgumentException e)
        {
            return Asking.Invalid(e.Message);
        }
        catch (InvalidOperationException e)
        {
            return Problems.BadRequest("TOO_MANY_KEYS", e.Message, 409);
        }
        catch (IOException)
        {
            return Problems.Retry(503, "DISK_FULL", "The key could not be written: the server's disk is full, or failing. Ask again.", 5);
        }
    }

    private static IResult Revoke(string id, KeyRing ring)
    {
        try
        {
            if (!ring.Revoke(id)) return Problems.BadRequest("UNKNOWN_KEY", "There is no such key, or it was revoked before.", 404);
        }
        catch (IOException)
        {
            return Problems.Retry(
                503, "DISK_FULL", "The end of the key could not be written: the server's disk is full, or failing. Ask again.", 5);
        }

        return new JsonAnswer<KeyAnswer>(Describe(ring.List().Single(key => key.Id == id)), ApiJson.Api.KeyAnswer);
    }

    private static KeyAnswer Describe(Key key) =>
        new(key.Id, key.Name, key.Role.Name(), key.Id.Length == 0 ? null : Text(key.Made), key.Revoked is { } at ? Text(at) : null);

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
