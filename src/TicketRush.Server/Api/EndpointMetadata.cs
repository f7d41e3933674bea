namespace TicketRush.Server.Api;

/// <summary>What endpoints have in common, said once: the answers they give.</summary>
internal static class EndpointMetadata
{
    /// <summary>Documents the answer; <see cref="Description"/> adds the problems.</summary>
    public static RouteHandlerBuilder Answers<T>(this RouteHandlerBuilder endpoint) =>
        endpoint.Produces<T>().Produces<ProblemAnswer>(500, "application/problem+json");
}
