using System.Text;

namespace TicketRush.Server.Tests.Hosting;

/// <summary>A buyer without a key: its cookie and its token, and nothing that the server would not have given it.</summary>
internal sealed class Browser
{
    private readonly RunningServer _server;

    private Browser(RunningServer server, string cookie, string token) => (_server, Cookie, Token) = (server, cookie, token);

    /// <summary>name=value, as it is sent back.</summary>
    public string Cookie { get; }

    public string Token { get; }

    public static async Task<Browser> OpenAsync(RunningServer server, params (string, string)[] headers)
    {
        var begun = (await server.SendAsync("POST", "/api/session", null, key: null, headers)).Is(200);
        return new(server, begun.Headers["Set-Cookie"].Single().Split(';')[0], begun.Json.GetProperty("token").GetString()!);
    }

    /// <summary>The same browser at another server of the directory.</summary>
    public Browser At(RunningServer server) => new(server, Cookie, Token);

    public Task<Answer> GetAsync(string path) => SendAsync("GET", path);

    public Task<Answer> HoldAsync(string sale, string id, int quantity = 1, string tier = "floor") =>
        SendAsync("PUT", $"{sale}/holds/{id}", Items(quantity, tier));

    public Task<Answer> PayAsync(string sale, string id) => SendAsync("POST", $"{sale}/holds/{id}/pay", "{}");

    public Task<Answer> ReleaseAsync(string sale, string id) => SendAsync("DELETE", $"{sale}/holds/{id}");

    public Task<Answer> SendAsync(string method, string path, string? json = null, params (string, string)[] headers) =>
        SendAsync(method, path, json, Cookie, Token, headers);

    public async Task<Answer> SendAsync(
        string method, string path, string? json, string? cookie, string? token, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (json is not null) request.Content = new StringContent(json, Encoding.UTF8, "application/json");
        if (cookie is not null) request.Headers.TryAddWithoutValidation("Cookie", cookie);
        if (token is not null) request.Headers.TryAddWithoutValidation("X-Rush-Token", token);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await _server.SendAsync(request);
    }

    public static string Items(int quantity = 1, string tier = "floor") => $$"""{"items":[{"tier":"{{tier}}","quantity":{{quantity}}}]}""";
}
