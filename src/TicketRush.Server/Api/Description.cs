using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using TicketRush.Engine;
using TicketRush.Server.Access;

namespace TicketRush.Server.Api;

/// <summary>
/// The API's description for machines: every operation with its examples and every code it may answer. What follows from an
/// endpoint's shape (a body, an id, a permission) is added here; what a sale may refuse stands at the endpoint.
/// </summary>
internal static class Description
{
    /// <summary>The operation asks a sale, which may refuse with these codes.</summary>
    internal sealed record Asks(Refusal[] Refusals, string[] Others);

    /// <summary>Documents that the endpoint asks a sale, and what else it may answer.</summary>
    public static RouteHandlerBuilder AsksSale(this RouteHandlerBuilder endpoint, params Refusal[] refusals) =>
        endpoint.WithMetadata(new Asks(refusals, []));

    /// <summary>Documents codes that are no refusal of a sale.</summary>
    public static RouteHandlerBuilder MayAnswer(this RouteHandlerBuilder endpoint, params string[] codes) =>
        endpoint.WithMetadata(new Asks([], codes));

    /// <summary>Documents a header that the endpoint reads.</summary>
    public static RouteHandlerBuilder Reads(
        this RouteHandlerBuilder endpoint, string header, bool required, string description, string example) =>
        endpoint.WithMetadata(new Header(header, required, description, example));

    internal sealed record Header(string Name, bool IsRequired, string Description, string Example);

    /// <summary>Every code that is no refusal of a sale: its status and what it means.</summary>
    public static readonly Dictionary<string, (int Status, string Meaning)> Others = new()
    {
        ["UNKNOWN_SALE"] = (404, "no such sale"),
        ["UNKNOWN_POOL"] = (404, "the plan has no such pool"),
        ["NO_SEATS"] = (409, "the pool's places have no numbers, or none yet"),
        ["IF_MATCH_REQUIRED"] = (428, "the sale exists with another plan; name the version that is to change"),
        ["TOO_MANY_SALES"] = (409, "as many sales as there may be"),
        ["UNKNOWN_KEY"] = (404, "no such live key"),
        ["UNAUTHORIZED"] = (401, "no key or session, or a wrong key"),
        ["FORBIDDEN"] = (403, "the caller's role may not do this"),
        ["PAYMENT_ELSEWHERE"] = (403, "a buyer cannot confirm a payment of this sale"),
        ["TOKEN_INVALID"] = (400, "a session's change without its token, or from another site"),
        ["HOLDS_LIMIT"] = (409, "the session has as many holds as it may"),
        ["NETWORK_HOLDS"] = (429, "the buyers of the network have as many holds as they may together"),
        ["WAIT_AFTER_LAPSE"] = (429, "a hold of the session ran out unpaid a moment ago"),
        ["RATE_LIMITED"] = (429, "session or network asks too often; not started"),
        ["IDEMPOTENCY_KEY_REQUIRED"] = (400, "the header is missing"),
        ["INVALID_ID"] = (400, "no UUID; or no name for a sale"),
        ["INVALID_JSON"] = (400, "no JSON, or of another shape"),
        ["INVALID_REQUEST"] = (400, "a value out of bounds"),
        ["BODY_TOO_LARGE"] = (413, "beyond the bound"),
        ["UNSUPPORTED_MEDIA_TYPE"] = (415, "not JSON"),
        ["BUSY"] = (503, "too many wait; not started"),
        ["DISK_FULL"] = (503, "no room on disk; not started"),
        ["SALE_STOPPED"] = (503, "the sale's journal cannot be used"),
        ["OUTCOME_UNKNOWN"] = (504, "it may have happened; ask again with the same id"),
        ["INTERNAL"] = (500, "a defect of the server; it may have happened"),
    };

    /// <summary>Every code that the endpoint may answer, and with which status.</summary>
    public static SortedDictionary<int, SortedSet<string>> CodesOf(RouteEndpoint endpoint) =>
        CodesOf(endpoint.Metadata, endpoint.RoutePattern.RawText!);

    internal static SortedDictionary<int, SortedSet<string>> CodesOf(IReadOnlyList<object> metadata, string pattern)
    {
        var codes = new HashSet<string> { "INTERNAL", "UNAUTHORIZED", "RATE_LIMITED" };
        var statuses = Others.ToDictionary(code => code.Key, code => code.Value.Status);
        if (pattern.Contains("{sale}", StringComparison.Ordinal)) codes.UnionWith(["UNKNOWN_SALE"]);
        if (pattern.Contains("{sale}", StringComparison.Ordinal) && pattern.Contains("{id}", StringComparison.Ordinal))
            codes.Add("INVALID_ID");
        if (metadata.OfType<AccessMiddleware.NeedsPermission>().Any()) codes.UnionWith(["FORBIDDEN"]);
        if (!metadata.OfType<IHttpMethodMetadata>().Any(methods => methods.HttpMethods.Contains("GET"))) codes.UnionWith(["TOKEN_INVALID"]);
        if (metadata.OfType<IAcceptsMetadata>().Any())
            codes.UnionWith(["INVALID_JSON", "INVALID_REQUEST", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE"]);
        if (metadata.OfType<Header>().Any(header => header.Name == "Idempotency-Key")) codes.UnionWith(["INVALID_REQUEST", "ID_REUSED"]);
        if (metadata.OfType<Header>().Any(header => header is { Name: "Idempotency-Key", IsRequired: true }))
            codes.Add("IDEMPOTENCY_KEY_REQUIRED");
        foreach (var asks in metadata.OfType<Asks>())
        {
            codes.UnionWith(asks.Others);
            if (asks.Others.Length > 0) continue;
            codes.UnionWith(["BUSY", "SALE_STOPPED", "OUTCOME_UNKNOWN", "DISK_FULL"]);
            codes.UnionWith(asks.Refusals.Select(Problems.Code));
        }

        foreach (var refusal in Enum.GetValues<Refusal>()) statuses[Problems.Code(refusal)] = Problems.StatusOf(refusal);
        var byStatus = new SortedDictionary<int, SortedSet<string>>();
        foreach (var code in codes)
        {
            if (!byStatus.TryGetValue(statuses[code], out var set)) byStatus.Add(statuses[code], set = new(StringComparer.Ordinal));
            set.Add(code);
        }

        return byStatus;
    }

    public static void Write(OpenApiOptions openApi)
    {
        openApi.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new()
            {
                Title = "TicketRush",
                Version = "v1",
                Description = "Sells tickets when everyone arrives at once. Refusals are problem details with a stable code; "
                    + "docs/PROTOCOL.md says what to do about each.",
            };
            document.Components ??= new();
            document.Components.SecuritySchemes ??= new Dictionary<string, IOpenApiSecurityScheme>();
            document.Components.SecuritySchemes["key"] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "A key of role office, staff, shop or read.",
            };
            document.Components.SecuritySchemes["session"] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.ApiKey, In = ParameterLocation.Cookie, Name = BuyerSessions.CookieName,
                Description = "A buyer's session, from POST /api/session. Every change also sends its token in X-Rush-Token.",
            };
            return Task.CompletedTask;
        });
        openApi.AddOperationTransformer((operation, context, _) =>
        {
            var metadata = (IReadOnlyList<object>)[.. context.Description.ActionDescriptor.EndpointMetadata];
            var path = context.Description.RelativePath!;
            if (!path.StartsWith("api", StringComparison.Ordinal)) return Task.CompletedTask;

            DescribeAnswers(operation, context.Document!, CodesOf(metadata, path));
            DescribeRequest(operation, metadata);
            if (metadata.OfType<AccessMiddleware.NeedsPermission>().FirstOrDefault() is not { } needed) return Task.CompletedTask;

            string[] roles = [
                .. new[] { Role.Office, Role.Staff, Role.Shop, Role.Read }.Where(role => role.May(needed.Permission))
                .Select(role => role.Name())];
            operation.Description = $"{operation.Description} For: "
                + $"{string.Join(", ", roles)}{(Permissions.BuyersMay(needed.Permission) ? ", buyers with a session" : "")}.".Trim();
            operation.Security ??= [];
            operation.Security.Add(new() { [new OpenApiSecuritySchemeReference("key", context.Document)] = [] });
            if (Permissions.BuyersMay(needed.Permission))
                operation.Security.Add(new() { [new OpenApiSecuritySchemeReference("session", context.Document)] = [] });
            return Task.CompletedTask;
        });
    }

    private static void DescribeAnswers(
        OpenApiOperation operation, OpenApiDocument document, SortedDictionary<int, SortedSet<string>> codes)
    {
        operation.Responses ??= [];
        foreach (var (status, set) in codes)
        {
            operation.Responses[$"{status}"] = new OpenApiResponse
            {
                Description = string.Join(
                    "; ", set.Select(code => Others.TryGetValue(code, out var other) ? $"{code}: {other.Meaning}" : code)) + ".",
                Headers = status is 429 or 503 or 504
                    ? new Dictionary<string, IOpenApiHeader>
                    {
                        ["Retry-After"] = new OpenApiHeader
                        {
                            Description = "Seconds.", Schema = new OpenApiSchema { Type = JsonSchemaType.Integer },
                        },
                    }
                    : null,
                Content = new Dictionary<string, OpenApiMediaType>
                {
                    ["application/problem+json"] = new()
                    {
                        Schema = new OpenApiSchemaReference(nameof(ProblemAnswer), document),
                        Examples = set.ToDictionary(
                            code => code, code => (IOpenApiExample)new OpenApiExample { Value = Problem(status, code) }),
                    },
                },
            };
        }

        if (operation.Responses.TryGetValue("200", out var done) && done.Content is { } content
            && content.TryGetValue("application/json", out var media)
            && media.Schema is OpenApiSchemaReference { Reference.Id: { } name } && Examples.Of.TryGetValue(name, out var example))
            media.Example = JsonNode.Parse(example);
    }

    private static void DescribeRequest(OpenApiOperation operation, IReadOnlyList<object> metadata)
    {
        if (operation.RequestBody?.Content is { } content && content.TryGetValue("application/json", out var media)
            && media.Schema is OpenApiSchemaReference { Reference.Id: { } name } && Examples.Of.TryGetValue(name, out var example))
            media.Example = JsonNode.Parse(example);

        operation.Parameters ??= [];
        foreach (var parameter in operation.Parameters.OfType<OpenApiParameter>())
        {
            parameter.Example = parameter.Name switch
            {
                "sale" => "spring",
                "pool" => "coaches",
                "from" => "north",
                "to" => "south",
                "id" => metadata.OfType<AccessMiddleware.NeedsPermission>().Any(needed => needed.Permission == Permission.ManageKeys)
                    ? "3fa085c1" : Examples.Id,
                "after" => "0",
                "since" => "6",
                _ => parameter.Example,
            };
        }

        foreach (var header in metadata.OfType<Header>())
        {
            operation.Parameters.Add(new OpenApiParameter
            {
                Name = header.Name, In = ParameterLocation.Header, Required = header.IsRequired, Description = header.Description,
                Schema = new OpenApiSchema { Type = JsonSchemaType.String }, Example = header.Example,
            });
        }
    }

    private static JsonObject Problem(int status, string code)
    {
        var words = code.Replace('_', ' ').ToLowerInvariant();
        return new()
        {
            ["type"] = "urn:ticketrush:" + code.ToLowerInvariant().Replace('_', '-'),
            ["title"] = char.ToUpperInvariant(words[0]) + words[1..],
            ["status"] = status,
            ["detail"] = Others.TryGetValue(code, out var other) ? char.ToUpperInvariant(other.Meaning[0]) + other.Meaning[1..] + "."
                : "What exactly, in words for people.",
            ["code"] = code,
        };
    }
}
