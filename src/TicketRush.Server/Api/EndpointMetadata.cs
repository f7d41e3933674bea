namespace TicketRush.Server.Api;

/// <summary>What endpoints have in common, said once: the key they need and the answers they give.</summary>
internal static class EndpointMetadata
{
    public static RouteGroupBuilder NeedsOfficeKey(this RouteGroupBuilder group) => group.WithMetadata(new NeedsKey());

    /// <summary>Turns away who has no key, before anything of the request is read, wherever an endpoint needs one.</summary>
    public static void UseOfficeKey(this WebApplication app, OfficeKey office) => app.Use((http, next) =>
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<NeedsKey>() is null) return next(http);

        var header = http.Request.Headers.Authorization.ToString();
        var hasKey = header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase);
        if (hasKey && office.Matches(header.AsSpan(7))) return next(http);

        http.Response.Headers.WWWAuthenticate = "Bearer";
        return Problems.BadRequest(
            "UNAUTHORIZED", hasKey ? "The key is not the office key." : "Send the office key: Authorization: Bearer KEY.", 401).ExecuteAsync(http);
    });

    /// <summary>Documents the answer, and the problems beside those that every endpoint may give.</summary>
    public static RouteHandlerBuilder Answers<T>(this RouteHandlerBuilder endpoint, params int[] problems)
    {
        endpoint.Produces<T>();
        foreach (var status in problems)
        {
            if (status < 400) endpoint.Produces(status);
            else endpoint.Produces<ProblemAnswer>(status, "application/problem+json");
        }

        return endpoint.Produces<ProblemAnswer>(400, "application/problem+json").Produces<ProblemAnswer>(503, "application/problem+json")
            .Produces<ProblemAnswer>(504, "application/problem+json");
    }

    /// <summary>Marks an endpoint that changes something.</summary>
    internal sealed class NeedsKey;
}
