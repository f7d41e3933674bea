namespace TicketRush.Server.Api;

/// <summary>What endpoints have in common, said once: the key they need and the answers they give.</summary>
internal static class EndpointMetadata
{
    public static RouteGroupBuilder NeedsOfficeKey(this RouteGroupBuilder group)
    {
        group.AddEndpointFilter(async (context, next) =>
        {
            var http = context.HttpContext;
            var header = http.Request.Headers.Authorization.ToString();
            var key = header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? header[7..] : null;
            if (http.RequestServices.GetRequiredService<OfficeKey>().Matches(key)) return await next(context);

            http.Response.Headers.WWWAuthenticate = "Bearer";
            return Problems.BadRequest(
                "UNAUTHORIZED", key is null ? "Send the office key: Authorization: Bearer KEY." : "The key is not the office key.", 401);
        });
        group.WithMetadata(new NeedsKey());
        return group;
    }

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
