using System.Text.Json;
using System.Text.RegularExpressions;
using TicketRush.Engine;
using TicketRush.Server.Api;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

/// <summary>What the server and its documents say about it is so.</summary>
public sealed partial class DescriptionTests(RunningServer server) : IClassFixture<RunningServer>
{
    private static readonly string[] Guarded =
    [
        "get /api/sales/{sale}/orders", "put /api/sales/{sale}", "post /api/sales/{sale}/open", "post /api/sales/{sale}/pause",
        "post /api/sales/{sale}/close", "put /api/sales/{sale}/holds/{id}", "post /api/sales/{sale}/holds/{id}/extend",
        "post /api/sales/{sale}/holds/{id}/pay", "delete /api/sales/{sale}/holds/{id}", "put /api/sales/{sale}/orders/{id}",
        "post /api/sales/{sale}/orders/{id}/refund", "put /api/sales/{sale}/exchanges/{id}", "put /api/sales/{sale}/waitlist/{id}",
        "post /api/sales/{sale}/pools/{pool}/numbers",
    ];

    private static readonly string[] Open =
    [
        "get /api/sales", "get /api/sales/{sale}", "get /api/sales/{sale}/availability", "get /api/sales/{sale}/holds/{id}",
        "get /api/sales/{sale}/orders/{id}", "get /api/sales/{sale}/pools/{pool}/seats", "get /health/live", "get /health/ready",
    ];

    [Fact]
    public async Task The_description_has_every_route_and_marks_those_that_need_the_key()
    {
        var description = (await server.GetAsync("/openapi/v1.json")).Is(200);
        Assert.Equal("application/json", description.MediaType);

        var operations = description.Json.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject(), (path, operation) => (Name: $"{operation.Name} {path.Name}", operation.Value)).ToArray();
        Assert.Equal(Guarded.Concat(Open).Order(), operations.Select(operation => operation.Name).Order());
        Assert.Equal(Guarded.Order(), operations.Where(operation => operation.Value.TryGetProperty("security", out _)).Select(operation => operation.Name).Order());
        Assert.Equal("bearer", description.Json.GetProperty("components").GetProperty("securitySchemes").GetProperty("office").GetProperty("scheme").GetString());
        Assert.All(operations.Where(operation => operation.Name.StartsWith("put", StringComparison.Ordinal)),
            operation => Assert.True(operation.Value.TryGetProperty("requestBody", out _)));
    }

    [Fact]
    public async Task Health_tells_that_the_server_can_sell()
    {
        Assert.Equal("live", (await server.GetAsync("/health/live")).Is(200).Text);
        var ready = (await server.GetAsync("/health/ready")).Is(200).Json;
        Assert.Equal("ready", ready.GetProperty("status").GetString());
        Assert.Equal(JsonValueKind.Array, ready.GetProperty("stopped").ValueKind);
    }

    [Fact]
    public async Task What_is_not_there_and_what_is_not_allowed_are_problems_too()
    {
        (await server.GetAsync("/nothing")).Is(404, "NOT_FOUND");
        (await server.GetAsync("/api/sales/")).Is(200);
        (await server.GetAsync("/api/sales/none")).Is(404, "UNKNOWN_SALE");
        (await server.GetAsync("/api/sales/none/availability")).Is(404, "UNKNOWN_SALE");
        var deleted = (await server.DeleteAsync("/api/sales/none")).Is(405, "METHOD_NOT_ALLOWED");
        Assert.Contains("PUT", deleted.Allow, StringComparison.Ordinal);
        (await server.PostAsync("/api/sales/none/availability")).Is(405, "METHOD_NOT_ALLOWED");
    }

    [Fact]
    public void Every_code_is_in_the_protocol_document_and_the_document_invents_none()
    {
        var root = Root();
        var used = Directory.GetFiles(Path.Combine(root, "src", "TicketRush.Server"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(file => CodeLiteral().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value))
            .Where(literal => literal != "RUSH_OFFICE_KEY");
        var refusals = Enum.GetValues<Refusal>().Where(refusal => refusal != Refusal.None).Select(Problems.Code);

        var documented = TableRow().Matches(File.ReadAllText(Path.Combine(root, "docs", "PROTOCOL.md"))).Select(match => match.Groups[1].Value).ToArray();
        Assert.Equal(documented.Distinct(), documented);
        Assert.Equal(used.Concat(refusals).Distinct().Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    internal static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "TicketRush.slnx"))) directory = directory.Parent;
        return directory.FullName;
    }

    [GeneratedRegex("\"([A-Z]{2,}(?:_[A-Z]+)*)\"(?=[,)\\s])")]
    private static partial Regex CodeLiteral();

    [GeneratedRegex(@"^\| `([A-Z_]+)` \| \d{3}", RegexOptions.Multiline)]
    private static partial Regex TableRow();
}
