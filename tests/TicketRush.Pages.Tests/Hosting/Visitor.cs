using System.Net;
using System.Text.RegularExpressions;

namespace TicketRush.Pages.Tests.Hosting;

/// <summary>What a browser without a script does, without a browser.</summary>
internal sealed partial class Visitor : IDisposable
{
    private readonly HttpClient _http;

    public Visitor(Uri url, string language)
    {
        _http = new(new SocketsHttpHandler { CookieContainer = Cookies, AllowAutoRedirect = false, MaxConnectionsPerServer = 4 })
        {
            BaseAddress = url, Timeout = TimeSpan.FromSeconds(60),
        };
        _http.DefaultRequestHeaders.Add("Accept", "text/html,application/xhtml+xml");
        _http.DefaultRequestHeaders.TryAddWithoutValidation("Accept-Language", language);
    }

    public CookieContainer Cookies { get; } = new();

    public void Dispose() => _http.Dispose();

    /// <summary>Looks at a page, following redirects as browsers do.</summary>
    public Task<Seen> LookAsync(string path) => SendAsync(new(HttpMethod.Get, path));

    /// <summary>Signs in to the office.</summary>
    public async Task<Seen> SignInAsync(string key = Site.Key) =>
        (await SubmitAsync(await LookAsync("/office"), "/office/sign-in", ("key", key))).Is(200);

    /// <summary>Sends a form of a page, with what it has and what is filled in.</summary>
    public Task<Seen> SubmitAsync(Seen page, string action, params (string Name, string Value)[] filled) =>
        PostAsync(action, [.. page.FormOf(action).Where(field => filled.All(one => one.Name != field.Name)), .. filled]);

    public Task<Seen> PostAsync(string path, params (string Name, string Value)[] fields) => SendAsync(new(HttpMethod.Post, path)
    {
        Content = new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Name, field.Value))),
    });

    private async Task<Seen> SendAsync(HttpRequestMessage request)
    {
        var path = request.RequestUri!.OriginalString;
        for (var hops = 0; ; hops++)
        {
            Assert.True(hops < 10, "Redirected in a circle.");
            using var answer = await _http.SendAsync(request);
            if ((int)answer.StatusCode is 303 or 302)
            {
                path = answer.Headers.Location!.OriginalString;
                request = new(HttpMethod.Get, path);
                continue;
            }

            return new(path, (int)answer.StatusCode, await answer.Content.ReadAsStringAsync(), answer.Headers, answer.Content.Headers);
        }
    }

    /// <summary>A page as it came.</summary>
    internal sealed partial record Seen(
        string Path, int Status, string Html, System.Net.Http.Headers.HttpResponseHeaders Headers,
            System.Net.Http.Headers.HttpContentHeaders ContentHeaders)
    {
        public string Title => WebUtility.HtmlDecode(TitlePattern().Match(Html).Groups[1].Value);

        /// <summary>What people read.</summary>
        public string Text => WebUtility.HtmlDecode(TagPattern().Replace(Html, " "));

        public Seen Is(int status)
        {
            Assert.True(Status == status, $"{status} was expected, and this came: {Status} {Html}");
            return this;
        }

        public (string Name, string Value)[] FormOf(string action)
        {
            var form = Regex.Match(Html,
                $"""<form method="post" action="{Regex.Escape(WebUtility.HtmlEncode(action))}"[^>]*>(.*?)</form>""",
                RegexOptions.Singleline);
            Assert.True(form.Success, $"The page {Path} has no form for {action}: {Html}");
            return [.. FieldPattern().Matches(form.Groups[1].Value).Select(field =>
                (WebUtility.HtmlDecode(field.Groups[1].Value), WebUtility.HtmlDecode(field.Groups[2].Value)))];
        }

        [GeneratedRegex("<title>(.*?)</title>")]
        private static partial Regex TitlePattern();

        [GeneratedRegex("<[^>]*>")]
        private static partial Regex TagPattern();

        [GeneratedRegex("""<input type="hidden" name="([^"]*)" value="([^"]*)"\s*/>""")]
        private static partial Regex FieldPattern();
    }
}
