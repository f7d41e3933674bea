using System.Text.Json;
using System.Text.RegularExpressions;
using TicketRush.Engine;
using TicketRush.Server.Access;
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
        "post /api/sales/{sale}/orders/{id}/refund", "get /api/sales/{sale}/holds/{id}", "get /api/sales/{sale}/orders/{id}",
        "put /api/sales/{sale}/exchanges/{id}", "put /api/sales/{sale}/waitlist/{id}", "post /api/sales/{sale}/pools/{pool}/numbers",
        "get /api/keys", "post /api/keys", "delete /api/keys/{id}",
    ];

    private static readonly string[] Open =
    [
        "get /api/sales", "get /api/sales/{sale}", "get /api/sales/{sale}/availability", "get /api/sales/{sale}/pools/{pool}/seats",
        "get /api/sales/{sale}/live", "get /api/sales/{sale}/pools/{pool}/seats/live", "post /api/session", "get /health/live",
            "get /health/ready",
    ];

    [Fact]
    public async Task The_description_has_every_route_and_marks_those_that_need_a_key()
    {
        var description = (await server.GetAsync("/openapi/v1.json")).Is(200);
        Assert.Equal("application/json", description.MediaType);

        var operations = Operations(description.Json).ToArray();
        Assert.Equal(Guarded.Concat(Open).Order(), operations.Select(operation => operation.Name).Order());
        Assert.Equal(
            Guarded.Order(),
            operations.Where(operation => operation.Value.TryGetProperty("security", out _)).Select(operation => operation.Name).Order());
        Assert.Equal(
            "bearer", description.Json.GetProperty("components").GetProperty("securitySchemes").GetProperty("key").GetProperty("scheme")
            .GetString());
        Assert.All(operations.Where(operation => operation.Name.StartsWith("put", StringComparison.Ordinal)),
            operation => Assert.True(operation.Value.TryGetProperty("requestBody", out _)));
    }

    [Fact]
    public async Task Every_operation_has_an_example_of_each_shape_and_of_each_code_that_it_may_answer()
    {
        var codes = new HashSet<string>();
        foreach (var (name, operation) in Operations((await server.GetAsync("/openapi/v1.json")).Is(200).Json)
            .Where(operation => operation.Name.Contains("/api", StringComparison.Ordinal)))
        {
            Assert.True(operation.TryGetProperty("summary", out _), name);
            if (operation.TryGetProperty("requestBody", out var body))
                Assert.True(body.GetProperty("content").GetProperty("application/json").TryGetProperty("example", out _), name);
            if (operation.TryGetProperty("parameters", out var parameters))
                Assert.All(parameters.EnumerateArray(), parameter =>
                    Assert.True(parameter.TryGetProperty("example", out _), $"{name}: {parameter}"));

            foreach (var response in operation.GetProperty("responses").EnumerateObject().Where(response => response.Name != "304"))
            {
                var (type, media) = response.Value.GetProperty("content").EnumerateObject().Select(content => (content.Name, content.Value))
                    .Single();
                if (type == "text/event-stream") continue; // Each event is the answer of the availability, which has its example.
                Assert.True(media.TryGetProperty("schema", out _), $"{name} {response.Name}");
                if (type == "application/json")
                {
                    Assert.True(media.TryGetProperty("example", out _), $"{name} {response.Name}");
                    continue;
                }

                foreach (var example in media.GetProperty("examples").EnumerateObject())
                {
                    Assert.Equal(
                        (example.Name, response.Name),
                        (example.Value.GetProperty("value").GetProperty("code")
                        .GetString(), $"{example.Value.GetProperty("value").GetProperty("status")}"));
                    codes.Add(example.Name);
                }
            }
        }

        // Every code of the protocol but the two that routing gives, and the one that only the office's pages give, is said by some
        // operation.
        Assert.Equal(["KEY_NEEDED", "METHOD_NOT_ALLOWED", "NOT_FOUND"], Documented().Except(codes).Order());
    }

    [Fact]
    public void The_examples_are_what_the_api_reads_and_writes()
    {
        // Members that are null are left out of what is written, so they may be missing from what is read back.
        var options = new JsonSerializerOptions(ApiJson.Api.Options) { RespectRequiredConstructorParameters = false };
        foreach (var (name, text) in Examples.Of)
        {
            var type = typeof(ApiJson).Assembly.GetType($"TicketRush.Server.Api.{name}")!;
            var written = JsonSerializer.Serialize(JsonSerializer.Deserialize(text, type, options), type, options);
            Assert.True(
                JsonElement.DeepEquals(JsonDocument.Parse(text).RootElement, JsonDocument.Parse(written).RootElement),
                $"{name}: {written}");
        }
    }

    [Fact]
    public void The_table_of_permissions_in_the_protocol_document_is_the_one_in_force()
    {
        var text = File.ReadAllText(Path.Combine(Root(), "docs", "PROTOCOL.md"));
        foreach (var permission in Enum.GetValues<Permission>().Where(permission => permission != Permission.None))
        {
            var marks = new[] { Role.Office, Role.Staff, Role.Shop, Role.Read }.Select(role => role.May(permission) ? "yes" : "")
                .Append(Permissions.BuyersMay(permission) ? "yes" : "");
            Assert.Contains(
                $"| `{permission}` | {string.Join(" | ", marks)} |".Replace("  ", " ", StringComparison.Ordinal),
                text.Replace("  ", " ", StringComparison.Ordinal), StringComparison.Ordinal);
        }
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
            .Where(file =>
                Path.GetFileName(file) != "Examples.cs"
                    && Path.GetFileName(Path.GetDirectoryName(file)) is not ("Pages" or "Office" or "Terminals"))
            .SelectMany(file => CodeLiteral().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value))
            .Where(literal =>
                literal is not ("NOTIFY_SOCKET" or "GET" or "HEAD") && !literal.StartsWith("RUSH_", StringComparison.Ordinal)
                    && !literal.StartsWith("OTEL_", StringComparison.Ordinal));
        var refusals = Enum.GetValues<Refusal>().Where(refusal => refusal != Refusal.None).Select(Problems.Code);

        var documented = Documented();
        Assert.Equal(documented.Distinct(), documented);
        Assert.Equal(used.Concat(refusals).Distinct().Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_description_is_written_once_and_compressed_for_who_can_read_that()
    {
        using var plain = await server.Client.GetAsync("/openapi/v1.json");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/openapi/v1.json");
        request.Headers.TryAddWithoutValidation("Accept-Encoding", "gzip");
        request.Headers.TryAddWithoutValidation("Host", "another.example");
        using var packed = await server.Client.SendAsync(request);
        Assert.Equal("gzip", packed.Content.Headers.ContentEncoding.Single());
        await using var unpacked = new System.IO.Compression.GZipStream(
            await packed.Content.ReadAsStreamAsync(), System.IO.Compression.CompressionMode.Decompress);
        Assert.Equal(await plain.Content.ReadAsStringAsync(), await new StreamReader(unpacked).ReadToEndAsync());
        Assert.InRange(packed.Content.Headers.ContentLength!.Value, 1, plain.Content.Headers.ContentLength!.Value / 5);
    }

    private static string[] Documented() =>
        [.. TableRow().Matches(File.ReadAllText(Path.Combine(Root(), "docs", "PROTOCOL.md"))).Select(match => match.Groups[1].Value)];

    private static IEnumerable<(string Name, JsonElement Value)> Operations(JsonElement description) =>
        description.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject(), (path, operation) => ($"{operation.Name} {path.Name}", operation.Value));

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
