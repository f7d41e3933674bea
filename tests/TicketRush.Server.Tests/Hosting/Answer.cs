using System.Text.Json;

namespace TicketRush.Server.Tests.Hosting;

/// <summary>An answer, read whole.</summary>
internal sealed record Answer(
    int Status, string Text, string? MediaType, string? ETag, string? RetryAfter, string? Authenticate, string? Allow)
{
    /// <summary>The headers, several of one name in lines of their own.</summary>
    public ILookup<string, string> Headers { get; init; } = Enumerable.Empty<string>().ToLookup(name => name);

    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    public string? Code => Json.TryGetProperty("code", out var code) ? code.GetString() : null;

    public string Detail => Json.GetProperty("detail").GetString()!;

    public string State => Json.GetProperty("state").GetString()!;

    public long Sequence => Json.GetProperty("sequence").GetInt64();

    public string Hash => Json.GetProperty("hash").GetString()!;

    public static async Task<Answer> OfAsync(HttpResponseMessage response) => new(
        (int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType?.MediaType,
        response.Headers.ETag?.ToString(), response.Headers.RetryAfter?.ToString(),
        response.Headers.WwwAuthenticate.FirstOrDefault()?.ToString(),
        response.Content.Headers.Allow.Count == 0 ? null : string.Join(", ", response.Content.Headers.Allow))
    {
        Headers = response.Headers.Concat(response.Content.Headers)
            .SelectMany(header => header.Value, (header, value) => (header.Key, value))
            .ToLookup(pair => pair.Key, pair => pair.value, StringComparer.OrdinalIgnoreCase),
    };

    /// <summary>Asserts the status; for a problem its code too, and that it is one in every respect.</summary>
    public Answer Is(int status, string? code = null)
    {
        Assert.True(Status == status, $"{status} was expected, and this came: {Status} {Text}");
        if (code is null) return this;

        Assert.Equal("application/problem+json", MediaType);
        Assert.Equal(code, Code);
        Assert.Equal(status, Json.GetProperty("status").GetInt32());
        Assert.Equal("urn:ticketrush:" + code.ToLowerInvariant().Replace('_', '-'), Json.GetProperty("type").GetString());
        Assert.NotEmpty(Json.GetProperty("title").GetString()!);
        Assert.NotEmpty(Detail);
        Assert.Equal(status is 503 or 504 or 429, RetryAfter is not null);
        return this;
    }
}
