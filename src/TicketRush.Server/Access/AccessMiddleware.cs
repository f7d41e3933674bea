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

    /// <summary>Only callers with the permission come in: 401 without a key or session, 403 with the wrong one.</summary>
    public static TBuilder Needs<TBuilder>(this TBuilder endpoint, Permission permission)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new NeedsPermission(permission));

    /// <summary>Counts every request of callers without a key, also those that only look: it makes a sale work.</summary>
    public static TBuilder Counted<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new IsCounted());

    /// <summary>A post that needs no token: whoever sends it gains nothing that it cannot have without.</summary>
    public static TBuilder WithoutToken<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder => endpoint.WithMetadata(new NeedsNoToken());

    internal sealed record NeedsPermission(Permission Permission);

    internal sealed class IsCounted;

    internal sealed class NeedsNoToken;

    internal static void AddAccess(this IServiceCollection services, ServerOptions options)
    {
        options.Limits.Check();
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
            (form.ValueCountLimit, form.KeyLengthLimit, form.ValueLengthLimit) = (4_096, 256, 64 * 1024));
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
        var keys = app.Services.GetRequiredService<KeyRing>();
        var buyers = app.Services.GetRequiredService<BuyerSessions>();
        var staff = app.Services.GetRequiredService<StaffSessions>();
        var rates = app.Services.GetRequiredService<RateLimits>();
        var antiforgery = app.Services.GetRequiredService<Antiforgery>();
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
                if (staff.Read(http) is { } key) http.Features.Set(Caller.Of(key, byCookie: true));
                else if (buyers.TryRead(http, out var session)) http.Features.Set(Caller.Of(session));
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

            var method = http.Request.Method;
            var changes = !(HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsOptions(method));
            var counts = changes || needed != Permission.None || endpoint.Metadata.GetMetadata<IsCounted>() is not null;
            if (caller.Kind != CallerKind.Key && counts && !rates.TryRequest(http, out var retryAfter))
                return Problems.TooManyRequests(retryAfter).ExecuteAsync(http);

            if (!changes) return next(http);
            if (!Antiforgery.IsFromHere(http.Request)) return Untrusted(http);
            return endpoint.Metadata.GetMetadata<NeedsNoToken>() is not null ? next(http) : CheckTokenAsync(http, next, caller, antiforgery);
        });
    }

    private static async Task CheckTokenAsync(HttpContext http, RequestDelegate next, Caller caller, Antiforgery antiforgery)
    {
        var token = http.Request.Headers[Antiforgery.HeaderName].ToString();
        const string Form = "application/x-www-form-urlencoded";
        if (token.Length == 0 && http.Request.ContentType?.StartsWith(Form, StringComparison.OrdinalIgnoreCase) == true)
        {
            if (caller.Kind != CallerKind.Key && http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body)
                body.MaxRequestBodySize = FormBytesMax;
            try
            {
                token = (await http.Request.ReadFormAsync())[Antiforgery.FieldName].ToString();
            }
            catch (InvalidDataException)
            {
                await Problems.BadRequest("INVALID_REQUEST", "The form has too many or too long fields.").ExecuteAsync(http);
                return;
            }
        }

        if (caller.Kind != CallerKind.Nobody && antiforgery.Verifies(caller, token)) await next(http);
        else await Untrusted(http);
    }

    private static Task Untrusted(HttpContext http) => Problems.BadRequest(
        "TOKEN_INVALID",
        $"The request lacks its session's token ({Antiforgery.HeaderName}, or the form's field), or comes from another site. Nothing happened.")
        .ExecuteAsync(http);

    private static Task Unauthorized(HttpContext http, string detail)
    {
        http.Response.Headers.WWWAuthenticate = "Bearer";
        return Problems.BadRequest("UNAUTHORIZED", detail, 401).ExecuteAsync(http);
    }
}
