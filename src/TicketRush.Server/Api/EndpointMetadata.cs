namespace TicketRush.Server.Api;

/// <summary>What endpoints have in common, said once: the answers they give.</summary>
internal static class EndpointMetadata
{
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
}
