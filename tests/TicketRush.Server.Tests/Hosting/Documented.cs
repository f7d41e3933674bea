using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Template;
using Microsoft.Extensions.DependencyInjection;
using TicketRush.Server.Api;

namespace TicketRush.Server.Tests.Hosting;

/// <summary>Whatever any test is answered, the description says that it may be.</summary>
internal static class Documented
{
    public static void Check(WebApplication app, HttpRequestMessage request, Answer answer)
    {
        var path = (request.RequestUri!.IsAbsoluteUri ? request.RequestUri.AbsolutePath : request.RequestUri.OriginalString).Split('?')[0];
        if (!path.StartsWith("/api/", StringComparison.Ordinal) || answer.Status is 404 or 405
            && answer.Code is "NOT_FOUND" or "METHOD_NOT_ALLOWED") return;

        var endpoints = app.Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods.Contains(request.Method.Method) == true)
            .Where(endpoint =>
                new TemplateMatcher(TemplateParser.Parse(endpoint.RoutePattern.RawText!), []).TryMatch(Uri.UnescapeDataString(path), []));
        foreach (var endpoint in endpoints)
        {
            var known = Description.CodesOf(endpoint);
            Assert.True(
                known.TryGetValue(answer.Status, out var codes) && codes.Contains(answer.Code!),
                $"{request.Method} {endpoint.RoutePattern.RawText} answered {answer.Status} {answer.Code}, which its description "
                    + $"does not say.");
        }
    }
}
