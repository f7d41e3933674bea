using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.HttpOverrides;
using TicketRush.Server.Api;

namespace TicketRush.Server.Access;

/// <summary>
/// Before any handler runs: who asks, may they, not too often, and was it their own page that asked. What an endpoint says of
/// itself stands in its metadata; an endpoint that says nothing is open, and its posts need a token all the same.
/// </summary>
public static class AccessMiddleware
{
    /// <summary>Bytes of a form that somebody without a key sends, at the most.</summary>
    public const int FormBytesMax = 16 * 1024;

    /// <summary>The field in which a form carries the key that is shown again.</summary>
    public const string KeyFieldName = "_key";

    /// <summary>Only callers with the permission come in: 401 without a key or session, 403 with the wrong one.</summary>
    public static TBuilder Needs<TBuilder>(this TBuilder endpoint, Permission permission)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new NeedsPermission(permission));

    /// <summary>Counts every request of callers without a key, also those that only look: it makes a sale work.</summary>
    public static TBuilder Counted<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new IsCounted());

    /// <summary>A post that needs no token: whoever sends it gains nothing that it cannot have without.</summary>
    public static TBuilder WithoutToken<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new NeedsNoToken());

    /// <summary>Of who is signed in with a cookie, only those come in who showed their key a moment ago, or show it with this form: money
    /// or other keys hang on it, and a desk is left alone for a minute.</summary>
    public static TBuilder NeedsKeyAgain<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new NeedsFreshKey());

    internal sealed record NeedsPermission(Permission Permission);

    internal sealed class IsCounted;

    internal sealed class NeedsNoToken;

    internal sealed class NeedsFreshKey;

    internal static void AddAccess(this IServiceCollection services, ServerOptions options)
    {
        services.AddSingleton(options.Limits);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(provider => KeyRing.Open(provider.GetRequiredService<Journal.ISaleStore>().Secrets, options.OfficeKey));
        services.AddSingleton(provider => ServerSecret.Open(provider.GetRequiredService<Journal.ISaleStore>().Secrets));
        services.AddSingleton<BuyerSessions>();
        services.AddSingleton<StaffSessions>();
        services.AddSingleton<Antiforgery>();
        services.AddSingleton<RateLimits>();
        services.AddSingleton(provider => new Desk(
            provider.GetRequiredService<Journal.Sales>().Identities, options.Limits, options.AllowTestPayments,
            provider.GetRequiredService<TimeProvider>()));
        services.Configure<FormOptions>(form =>
            // A plan is one field, and written for a form it is longer; what the whole body may have bounds it.
            (form.ValueCountLimit, form.KeyLengthLimit, form.ValueLengthLimit) = (4_096, 256, 2 * Body.PlanBytesMax));
    }

    /// <summary>Before everything: whose address and scheme it is, when a proxy stands in front that is trusted to say so.</summary>
    internal static void UseProxies(this WebApplication app, BuyerLimits limits)
    {
        if (limits.TrustedProxies.Length == 0) return;
        var forwarded = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto,

            // From the nearest backwards, as far as they are trusted: what a client wrote into the header itself is never reached.
            ForwardLimit = null,
        };
        forwarded.KnownProxies.Clear();
        forwarded.KnownIPNetworks.Clear();
        foreach (var network in limits.TrustedProxies) forwarded.KnownIPNetworks.Add(network);
        app.UseForwardedHeaders(forwarded);
    }

    internal static void UseAccess(this WebApplication app)
    {
        // Before the keys: a directory that cannot be used fails before a key is made that nobody would see.
        var sales = app.Services.GetRequiredService<Journal.Sales>();
        var keys = app.Services.GetRequiredService<KeyRing>();
        var buyers = app.Services.GetRequiredService<BuyerSessions>();
        var staff = app.Services.GetRequiredService<StaffSessions>();
        var rates = app.Services.GetRequiredService<RateLimits>();
        var antiforgery = app.Services.GetRequiredService<Antiforgery>();
        Func<HttpContext, RequestDelegate, Caller, Task> showKey = (http, next, caller) =>
            ShowKeyAsync(http, next, caller, keys, staff, rates);
        app.Use((http, next) =>
        {
            // What routing answers itself, no such path and no such method, is nobody's to guard.
            if (http.GetEndpoint() is not RouteEndpoint endpoint) return next(http);

            var header = http.Request.Headers.Authorization.ToString();
            if (header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
            {
                if (keys.Find(header.AsSpan(7)) is not { } key)
                {
                    if (!rates.TryWrongKey(http, out var later)) return Problems.TooManyRequests(later).ExecuteAsync(http);
                    return Unauthorized(http, "The key is not known here, or was revoked.");
                }

                http.Features.Set(Caller.Of(key, byCookie: false));
            }
            else if (http.Request.Headers.Cookie.Count > 0)
            {
                if (staff.Read(http) is { } signedIn) http.Features.Set(signedIn);
                else if (buyers.TryRead(http, out var session)) http.Features.Set(Caller.Of(session, http));
            }

            var caller = Caller.Of(http);
            var needed = endpoint.Metadata.GetMetadata<NeedsPermission>()?.Permission ?? Permission.None;
            if (!caller.May(needed))
            {
                return caller.Kind == CallerKind.Key
                    ? Problems.BadRequest("FORBIDDEN", $"A {caller.Key!.Role.Name()} key may not do this.", 403).ExecuteAsync(http)
                    : Unauthorized(http, Permissions.BuyersMay(needed)
                        ? "Send a key: Authorization: Bearer KEY; or begin a session with POST /api/session and send its cookie and token."
                        : "Send a key: Authorization: Bearer KEY.");
            }

            if (caller is { Kind: CallerKind.Key, IsByCookie: false }) return next(http);

            // To look for a sale that is not open here makes its store work; and whether it does must not show.
            var name = caller.Kind != CallerKind.Key ? http.GetRouteValue("sale") as string : null;
            var isHidden = name is not null && sales.Opened(name) is var open && (open?.Sequencer is null || IsDraft(open));
            var method = http.Request.Method;
            var changes = !(HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method));
            var counts = changes || isHidden || needed != Permission.None || endpoint.Metadata.GetMetadata<IsCounted>() is not null;
            if (caller.Kind != CallerKind.Key && counts && !rates.TryRequest(http, out var retryAfter))
                return Problems.TooManyRequests(retryAfter).ExecuteAsync(http);

            // What the office has not announced is not there for strangers, by whatever name they guess; and what is not there need not
            // be looked for again by who would answer.
            if (isHidden && (sales.Find(name!) is not { } found || IsDraft(found))) return Problems.UnknownSale(name!).ExecuteAsync(http);

            if (!changes) return next(http);
            if (!Antiforgery.IsFromHere(http.Request)) return Untrusted(http);
            if (endpoint.Metadata.GetMetadata<NeedsNoToken>() is not null) return next(http);
            var needsKey = !caller.IsFresh && endpoint.Metadata.GetMetadata<NeedsFreshKey>() is not null;
            return CheckTokenAsync(http, next, caller, antiforgery, needsKey ? showKey : null);
        });
    }

    internal static bool IsDraft(Journal.OpenSale? sale) => sale?.Sequencer?.Snapshot is { State: Engine.SaleState.Draft };

    /// <param name="then">What the request has to pass before it goes on.</param>
    private static async Task CheckTokenAsync(
        HttpContext http, RequestDelegate next, Caller caller, Antiforgery antiforgery,
        Func<HttpContext, RequestDelegate, Caller, Task>? then)
    {
        if (caller.Kind != CallerKind.Key && http.Request.HasFormContentType
            && http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body)
            body.MaxRequestBodySize = FormBytesMax;
        var token = http.Request.Headers[Antiforgery.HeaderName].ToString();
        if (token.Length == 0 && IsForm(http.Request))
        {
            if (await ReadFormAsync(http) is not { } form)
            {
                await Problems.BadRequest("INVALID_REQUEST", "The form has too many or too long fields.").ExecuteAsync(http);
                return;
            }

            token = form[Antiforgery.FieldName].ToString();
        }

        if (caller.Kind == CallerKind.Nobody || !antiforgery.Verifies(caller, token)) await Untrusted(http);
        else if (then is not null) await then(http, next, caller);
        else await next(http);
    }

    /// <summary>Goes on with the key of who is signed in, which the form has in a field; that is when it was shown last, from now
    /// on.</summary>
    private static async Task ShowKeyAsync(
        HttpContext http, RequestDelegate next, Caller caller, KeyRing keys, StaffSessions staff, RateLimits rates)
    {
        var given = (await ReadFormAsync(http))?[KeyFieldName].ToString().Trim() ?? "";
        if (given.Length is > 0 and <= KeyRing.LengthMax && keys.Find(given) is { } key && key.Name == caller.Key!.Name)
        {
            staff.SignIn(http, key);
            await next(http);
        }
        else if (given.Length > 0 && !rates.TryWrongKey(http, out var later)) await Problems.TooManyRequests(later).ExecuteAsync(http);
        else
        {
            await Problems.BadRequest(
                "KEY_NEEDED", $"Show the key again, in the form's field {KeyFieldName}: it was last shown a while ago. Nothing happened.",
                401).ExecuteAsync(http);
        }
    }

    private static bool IsForm(HttpRequest request) =>
        request.ContentType?.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase) == true;

    /// <summary>The request's form; null when there is none, or one with too many or too long fields.</summary>
    private static async Task<IFormCollection?> ReadFormAsync(HttpContext http)
    {
        if (!IsForm(http.Request)) return null;
        try
        {
            return await http.Request.ReadFormAsync();
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private static Task Untrusted(HttpContext http) => Problems.BadRequest(
        "TOKEN_INVALID",
        $"The request lacks its session's token ({Antiforgery.HeaderName}, or the form's field), or comes from another site. "
            + "Nothing happened.")
        .ExecuteAsync(http);

    private static Task Unauthorized(HttpContext http, string detail)
    {
        http.Response.Headers.WWWAuthenticate = "Bearer";
        return Problems.BadRequest("UNAUTHORIZED", detail, 401).ExecuteAsync(http);
    }
}
