using System.Net.Http.Headers;
using System.Text;
using TicketRush.Server.Tests.Hosting;

namespace TicketRush.Server.Tests;

/// <summary>What is wrong is refused with its place, and changes nothing.</summary>
public sealed class BadInputTests(RunningServer server) : IClassFixture<RunningServer>
{
    private const string GoodItems = """[{"tier":"floor","quantity":1}]""";

    public static TheoryData<string, int, string, string> BadHolds => new()
    {
        { "", 400, "INVALID_JSON", "line 1" },
        { "{", 400, "INVALID_JSON", "line 1" },
        { """{"buyer":"a","items":[{"tier":"floor","quanti""", 400, "INVALID_JSON", "" },
        { "null", 400, "INVALID_JSON", "" },
        { "[]", 400, "INVALID_JSON", "The body" },
        { "42", 400, "INVALID_JSON", "The body" },
        { "\"text\"", 400, "INVALID_JSON", "The body" },
        { "{}", 400, "INVALID_JSON", "\"items\"" },
        { """{"buyer":"a"}""", 400, "INVALID_JSON", "\"items\"" },
        { """{"buyer":null,"items":[]}""", 400, "INVALID_REQUEST", "buyer" },
        { """{"buyer":nul,"items":[]}""", 400, "INVALID_JSON", "byte" },
        { """{"buyer":"a","items":null}""", 400, "INVALID_JSON", "items" },
        { """{"buyer":"a","items":[null]}""", 400, "INVALID_REQUEST", "items[0]" },
        { """{"buyer":"a","items":[]}""", 400, "INVALID_REQUEST", "items" },
        { """{"buyer":"a","items":{}}""", 400, "INVALID_JSON", "$.items" },
        { """{"buyer":7,"items":[]}""", 400, "INVALID_JSON", "$.buyer" },
        { """{"buyer":"","items":[]}""", 400, "INVALID_REQUEST", "buyer" },
        { """{"buyer":"a","buyer":"b","items":[]}""", 400, "INVALID_JSON", "twice" },
        { """{"buyer":"a","bu\u0079er":"b","items":[]}""", 400, "INVALID_JSON", "twice" },
        { """{"buyer":"a","seller":"b","items":[]}""", 400, "INVALID_JSON", "$.seller" },
        { """{"Buyer":"a","items":[]}""", 400, "INVALID_JSON", "Buyer" },
        { """{"buyer":"a","including: null, required properties":1,"items":[]}""", 400, "INVALID_JSON", "no member" },
        { """{"buyer":"\ud800","items":[]}""", 400, "INVALID_JSON", "" },
        { """{"\ud800":"a","items":[]}""", 400, "INVALID_JSON", "" },
        { $$"""{"buyer":"a","items":{{GoodItems}}} x""", 400, "INVALID_JSON", "" },
        { $$"""{"buyer":"a","items":{{GoodItems}}}{}""", 400, "INVALID_JSON", "" },
        { $$"""{"buyer":"a","items":{{GoodItems}},}""", 400, "INVALID_JSON", "" },
        { $$"""{"buyer":"a","items":{{GoodItems}}/**/}""", 400, "INVALID_JSON", "" },
        { Item("\"1\""), 400, "INVALID_JSON", "$.items[0].quantity" },
        { Item("1.5"), 400, "INVALID_JSON", "$.items[0].quantity" },
        { Item("1e0"), 400, "INVALID_JSON", "$.items[0].quantity" },
        { Item("NaN"), 400, "INVALID_JSON", "byte" },
        { Item("null"), 400, "INVALID_JSON", "quantity" },
        { Item("true"), 400, "INVALID_JSON", "$.items[0].quantity" },
        { Item("0"), 400, "INVALID_REQUEST", "items[0].quantity" },
        { Item("-1"), 400, "INVALID_REQUEST", "items[0].quantity" },
        { Item("2147483648"), 400, "INVALID_JSON", "$.items[0].quantity" },
        { Item("99999999999999999999999999"), 400, "INVALID_JSON", "$.items[0].quantity" },
        { Item("2147483647"), 409, "ORDER_LIMIT", "6" },
        { """{"buyer":"a","items":[{"tier":"floor","quantity":1},{"tier":"floor","quantity":1}]}""", 400, "INVALID_REQUEST",
            "items[1].tier" },
        { """{"buyer":"a","items":[{"tier":null,"quantity":1}]}""", 400, "INVALID_JSON", "tier" },
        { """{"buyer":"a","items":[{"tier":"","quantity":1}]}""", 404, "UNKNOWN_TIER", "tier" },
        { """{"buyer":"a","items":[[[[[[[[[[]]]]]]]]]]}""", 400, "INVALID_JSON", "" },
        { """{"buyer":"a","x":[[[[[[[[[[]]]]]]]]]],"items":[]}""", 400, "INVALID_JSON", "" },
        { $$"""{"buyer":"a","items":[{{string.Join(',', Enumerable.Range(0, 9).Select(i => $$"""{"tier":"t{{i}}","quantity":1}"""))}}]}""",
            400, "INVALID_REQUEST", "9" },
        { $$"""{"buyer":"a","items":[{{string.Join(',', Enumerable.Repeat("0", 4_000))}}]}""", 400, "INVALID_JSON", "$.items[0]" },
        { $$"""{"buyer":"{{new string('b', 257)}}","items":{{GoodItems}}}""", 400, "INVALID_REQUEST", "257" },
        { $$"""{"buyer":"{{new string('票', 86)}}","items":{{GoodItems}}}""", 400, "INVALID_REQUEST", "258" },
        { $$"""{"buyer":"{{new string('b', 16 * 1024)}}","items":{{GoodItems}}}""", 413, "BODY_TOO_LARGE", "16384" },
        { new string(' ', 16 * 1024 + 1), 413, "BODY_TOO_LARGE", "16384" },
        { new string('[', 10_000), 400, "INVALID_JSON", "" },
    };

    [Theory]
    [Trait("Statement", "S18")]
    [MemberData(nameof(BadHolds))]
    public async Task A_bad_hold_is_refused_with_its_place(string body, int status, string code, string place)
    {
        var sale = await server.OpenSaleAsync();
        var answer = (await server.PutAsync($"{sale}/holds/{Plans.NewId()}", body)).Is(status, code);
        Assert.Contains(place, answer.Detail, StringComparison.Ordinal);
        Assert.DoesNotContain("TicketRush.", answer.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", answer.Text, StringComparison.Ordinal);
        Assert.Equal(3, await server.SequenceAsync(sale));
    }

    [Fact]
    public async Task Bytes_that_are_no_text_are_refused()
    {
        var sale = await server.OpenSaleAsync();
        foreach (var bad in new byte[][] { [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0] })
        {
            byte[] body = [.. "{\"buyer\":\""u8, .. bad, .. "\",\"items\":[{\"tier\":\"floor\",\"quantity\":1}]}"u8];
            (await PutBytesAsync($"{sale}/holds/{Plans.NewId()}", body, "application/json")).Is(400, "INVALID_JSON");
        }

        (await PutBytesAsync($"{sale}/holds/{Plans.NewId()}", [0xef, 0xbb, 0xbf, .. Encoding.UTF8.GetBytes(Plans.Hold())],
            "application/json")).Is(400, "INVALID_JSON");
        (await PutBytesAsync($"{sale}/holds/{Plans.NewId()}", Encoding.Unicode.GetBytes(Plans.Hold()), "application/json"))
            .Is(400, "INVALID_JSON");
        Assert.Equal(3, await server.SequenceAsync(sale));
    }

    [Theory]
    [Trait("Statement", "S18")]
    [InlineData(null)]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("multipart/form-data; boundary=x")]
    [InlineData("application/xml")]
    public async Task Only_json_is_read(string? type)
    {
        var sale = await server.OpenSaleAsync();
        (await PutBytesAsync($"{sale}/holds/{Plans.NewId()}", Encoding.UTF8.GetBytes(Plans.Hold()), type))
            .Is(415, "UNSUPPORTED_MEDIA_TYPE");
        (await PutBytesAsync(sale, Encoding.UTF8.GetBytes(Plans.Concert()), type)).Is(415, "UNSUPPORTED_MEDIA_TYPE");
        Assert.Equal(3, await server.SequenceAsync(sale));
    }

    public static TheoryData<string, string, string?, string, int, string> BadRequests => new()
    {
        { "PUT", "/holds/17", Plans.Hold(), "", 400, "INVALID_ID" },
        { "PUT", "/holds/{3f2504e0-4f89-11d3-9a0c-0305e82c3301}", Plans.Hold(), "", 400, "INVALID_ID" },
        { "PUT", "/holds/3f2504e0-4f89-11d3-9a0c-0305e82c330", Plans.Hold(), "", 400, "INVALID_ID" },
        { "PUT", "/holds/3f2504e0-4f89-11d3-9a0c-0305e82c3301%20", Plans.Hold(), "", 400, "INVALID_ID" },
        { "PUT", "/holds/+x2504e0-4f89-11d3-9a0c-0305e82c3301", Plans.Hold(), "", 400, "INVALID_ID" },
        { "PUT", "/holds/0x2504e0-4f89-11d3-9a0c-0305e82c3301", Plans.Hold(), "", 400, "INVALID_ID" },
        { "GET", "/holds/x", null, "", 400, "INVALID_ID" },
        { "GET", "/orders/x", null, "", 400, "INVALID_ID" },
        { "GET", "/orders?after=-1", null, "", 400, "INVALID_REQUEST" },
        { "GET", "/orders?after=x", null, "", 400, "INVALID_REQUEST" },
        { "GET", "/orders?after=1.0", null, "", 400, "INVALID_REQUEST" },
        { "GET", "/orders?after=99999999999999999999", null, "", 400, "INVALID_REQUEST" },
        { "GET", "/orders?after=1&after=2", null, "", 400, "INVALID_REQUEST" },
        { "POST", "/holds/3f2504e04f8911d39a0c0305e82c3301/extend", null, "", 400, "IDEMPOTENCY_KEY_REQUIRED" },
        { "POST", "/orders/3f2504e04f8911d39a0c0305e82c3301/refund", Plans.Refund(), "", 400, "IDEMPOTENCY_KEY_REQUIRED" },
        { "POST", "/holds/3f2504e04f8911d39a0c0305e82c3301/extend", null, "Idempotency-Key: "
            + new string('k', 257), 400, "INVALID_REQUEST" },
        { "POST", "/orders/3f2504e04f8911d39a0c0305e82c3301/refund", """{"reason":"Ann is ill","resell":true}""", "Idempotency-Key: k", 400,
            "REASON_INVALID" },
        { "POST", "/orders/3f2504e04f8911d39a0c0305e82c3301/refund", """{"reason":"ill\n","resell":true}""", "Idempotency-Key: k", 400,
            "REASON_INVALID" },
        { "POST", "/orders/3f2504e04f8911d39a0c0305e82c3301/refund", """{"reason":"ill"}""", "Idempotency-Key: k", 400, "INVALID_JSON" },
        { "POST", "/orders/3f2504e04f8911d39a0c0305e82c3301/refund", """{"reason":"ill","resell":true,"tickets":[]}""",
            "Idempotency-Key: k", 400, "INVALID_REQUEST" },
        { "POST", "/orders/3f2504e04f8911d39a0c0305e82c3301/refund", """{"reason":"ill","resell":true,"tickets":[-1]}""",
            "Idempotency-Key: k", 400, "INVALID_JSON" },
        { "POST", "/holds/3f2504e04f8911d39a0c0305e82c3301/pay", $$"""{"reference":"{{new string('r', 257)}}"}""", "", 400,
            "INVALID_REQUEST" },
        { "POST", "/holds/3f2504e04f8911d39a0c0305e82c3301/pay", """{"reference":null}""", "", 400, "INVALID_JSON" },
        { "PUT", "", Plans.Concert(capacity: 120), "If-Match: 1", 400, "INVALID_REQUEST" },
        { "PUT", "", Plans.Concert(capacity: 120), "If-Match: *", 400, "INVALID_REQUEST" },
        { "PUT", "", Plans.Concert(capacity: 120), "If-Match: W/\"1\"", 400, "INVALID_REQUEST" },
        { "PUT", "", Plans.Concert(capacity: 120), "If-Match: \"-1\"", 400, "INVALID_REQUEST" },
        { "PUT", "", Plans.Concert(capacity: 120), "If-Match: \"1\", \"2\"", 400, "INVALID_REQUEST" },
        { "PUT", "", Plans.Concert(capacity: 120), "", 428, "IF_MATCH_REQUIRED" },
    };

    [Theory]
    [MemberData(nameof(BadRequests))]
    public async Task A_bad_request_is_refused_and_changes_nothing(
        string method, string path, string? body, string header, int status, string code)
    {
        var sale = await server.OpenSaleAsync();
        (string, string)[] headers = header.Length == 0 ? [] : [(header[..header.IndexOf(':')], header[(header.IndexOf(':') + 2)..])];
        (await server.SendAsync(method, sale + path, body, RunningServer.Key, headers)).Is(status, code);
        Assert.Equal(3, await server.SequenceAsync(sale));
    }

    [Theory]
    [InlineData("Concert")]
    [InlineData("-a")]
    [InlineData("a_b")]
    [InlineData("..%2Fa")]
    [InlineData("a.rush")]
    [InlineData("票")]
    [InlineData("a1234567890123456789012345678901234567890123456789012345678901234")]
    public async Task A_name_that_can_name_no_sale_is_refused(string name)
    {
        var files = Directory.GetFileSystemEntries(server.Directory).Length;
        (await server.PutAsync($"/api/sales/{name}", Plans.Concert())).Is(400, "INVALID_ID");
        (await server.GetAsync($"/api/sales/{name}")).Is(404, "UNKNOWN_SALE");
        (await server.PutAsync($"/api/sales/{name}/holds/{Plans.NewId()}", Plans.Hold())).Is(404, "UNKNOWN_SALE");
        (await server.PostAsync($"/api/sales/{name}/open")).Is(404, "UNKNOWN_SALE");
        Assert.Equal(files, Directory.GetFileSystemEntries(server.Directory).Length);
    }

    [Theory]
    [InlineData("not an ETag", 400, "INVALID_REQUEST")]
    [InlineData("\"7\"", 404, "UNKNOWN_SALE")]
    public async Task A_change_of_a_sale_that_is_not_there_does_not_create_it(string version, int status, string code)
    {
        var sale = RunningServer.NewSale();
        (await server.PutAsync(sale, Plans.Concert(), ("If-Match", version))).Is(status, code);
        (await server.GetAsync(sale)).Is(404, "UNKNOWN_SALE");
    }

    [Theory]
    [Trait("Statement", "S18")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_beyond_its_bound_is_refused_also_in_chunks_and_the_largest_within_is_read(bool chunked)
    {
        var sale = await server.OpenSaleAsync();
        var hold = Encoding.UTF8.GetBytes(Plans.Hold());
        var plan = Encoding.UTF8.GetBytes(Plans.Concert(capacity: 120));

        (await PutBytesAsync($"{sale}/holds/{Plans.NewId()}", Pad(hold, 16 * 1024 + 1), "application/json", chunked))
            .Is(413, "BODY_TOO_LARGE");
        (await PutBytesAsync(sale, Pad(plan, 256 * 1024 + 1), "application/json", chunked)).Is(413, "BODY_TOO_LARGE");
        Assert.Equal(3, await server.SequenceAsync(sale));

        (await PutBytesAsync($"{sale}/holds/{Plans.NewId()}", Pad(hold, 16 * 1024), "application/json", chunked)).Is(200);
        (await PutBytesAsync(RunningServer.NewSale(), Pad(plan, 256 * 1024), "application/json", chunked)).Is(200);
    }

    [Fact]
    public async Task A_plan_with_every_tier_and_long_names_fits()
    {
        var tiers = string.Join(',', Enumerable.Range(0, 256).Select(i =>
            $$"""{"id":"t{{i}}","name":"{{new string('票', 200)}}","pool":"p","price":1}"""));
        var plan = $$"""
            {"name":"Big","timeZone":"UTC","currency":"CNY","paymentKind":"none","pools":[{"id":"p","capacity":9}],"tiers":[{{tiers}}]}
            """;
        var sale = await server.OpenSaleAsync(plan);
        Assert.Equal(256, (await server.GetAsync(sale)).Json.GetProperty("plan").GetProperty("tiers").GetArrayLength());
    }

    private static byte[] Pad(byte[] json, int length) => [.. json, .. Enumerable.Repeat((byte)' ', length - json.Length)];

    private Task<Answer> PutBytesAsync(string path, byte[] body, string? type, bool chunked = false)
    {
        var request = new HttpRequestMessage(HttpMethod.Put, path) { Content = new ByteArrayContent(body) };
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {RunningServer.Key}");
        if (type is not null) request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        if (chunked) request.Headers.TransferEncodingChunked = true;
        return server.SendAsync(request);
    }

    private static string Item(string quantity) => $$"""{"buyer":"a","items":[{"tier":"floor","quantity":{{quantity}}}]}""";
}
