using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Playwright;

namespace TicketRush.Pages.Tests.Hosting;

/// <summary>One open tab, and what it complained about.</summary>
internal sealed class Tab : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private static readonly string Axe = ReadAxe();
    private static readonly string? Pictures = Environment.GetEnvironmentVariable("RUSH_PICTURES");

    private readonly List<string> _complaints = [];

    public Tab(IPage page, Look look)
    {
        (Page, Look) = (page, look);
        page.Console += (_, message) =>
        {
            // An answer that is no success is one that the test looks at itself.
            if (message.Type == "error" && !message.Text.Contains("Failed to load resource",
                StringComparison.Ordinal)) _complaints.Add(message.Text);
        };
        page.PageError += (_, error) => _complaints.Add(error);
    }

    public IPage Page { get; }

    public Look Look { get; }

    public ILocator Heading => Page.Locator("h1");

    public async ValueTask DisposeAsync() => await Page.Context.DisposeAsync();

    /// <summary>Everything that must be true of every page: nothing that axe-core minds, nothing that scrolls sideways, no complaint in the
    /// console.</summary>
    public async Task IsGoodAsync(string name)
    {
        try
        {
            await LookHereAsync(name);
        }
        catch (TimeoutException)
        {
            // Now and then the browser never answers a script that came just as a page went on to the next. That says nothing of the page.
            await LookHereAsync(name);
        }
    }

    private async Task LookHereAsync(string name)
    {
        // Pages that ask again by themselves must not go on to the next while they are looked at; what belongs to this one is there.
        await Site.UntilAsync(IsThereAsync, "the page with everything that belongs to it");
        var looked = new TaskCompletionSource();
        await Page.RouteAsync("**/*", async route =>
        {
            if (route.Request.ResourceType is "document" or "fetch") await looked.Task;
            await route.ContinueAsync();
        });
        try
        {
            await LookAsync(name).WaitAsync(Patience);
        }
        finally
        {
            looked.SetResult();
            await Page.UnrouteAllAsync(new() { Behavior = UnrouteBehavior.Wait });
        }
    }

    private async Task<bool> IsThereAsync()
    {
        try
        {
            return await Page.EvaluateAsync<bool>("document.readyState === 'complete'").WaitAsync(TimeSpan.FromSeconds(5));
        }
        catch (Exception e) when (e is PlaywrightException or TimeoutException)
        {
            return false; // It went on to the next in this very moment.
        }
    }

    private async Task LookAsync(string name)
    {
        if (Pictures is not null)
        {
            var picture = Path.Combine(Pictures, $"{name}-{Look}.png");
            try
            {
                await Page.ScreenshotAsync(new() { Path = picture, FullPage = true });
            }
            catch (Exception e) when (e is PlaywrightException or TimeoutException)
            {
                // A picture is for people; a browser on a busy machine that makes none is no wrong page.
            }
        }

        Assert.Empty(await ViolationsAsync());
        var wider = await Page.EvaluateAsync<int>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        Assert.True(wider <= 0, $"{name} is {wider} pixels wider than the window ({Look}).");
        Assert.Equal(Look.Chinese ? "zh-Hans" : "en", await Page.GetAttributeAsync("html", "lang"));
        Assert.Empty(_complaints);

        // Everything that is pressed can be hit with a thumb: 44 pixels, except a link inside a text.
        var small = await Page.EvaluateAsync<string[]>("""
            [...document.querySelectorAll('a, button, input:not([type=hidden]), select, summary')]
              .filter(e => e.offsetParent
                  && !e.closest('p.note, p.lead, .facts, h2, p.of, td, label, li > p, .calm > p:last-child, .problem')
                  && !e.matches('.skip'))
              .filter(e => Math.round(e.getBoundingClientRect().height) < 44).map(e => e.outerHTML.slice(0, 120))
            """);
        Assert.Empty(small);
    }

    public async Task<string[]> ViolationsAsync()
    {
        if (Look.Script) return await ViolationsAsync(Page);

        // Where scripts are off axe-core cannot run either: it looks at the same document in a tab where they are on, without the page's
        // own.
        var document = Regex.Replace(await Page.ContentAsync(), "<script.*?</script>|<noscript.*?</noscript>", "", RegexOptions.Singleline);
        await using var context = await Page.Context.Browser!.NewContextAsync(new()
        {
            ViewportSize = new() { Width = Page.ViewportSize!.Width, Height = Page.ViewportSize.Height }, ColorScheme = Look.Dark
                ? ColorScheme.Dark : ColorScheme.Light,
        });
        var twin = await context.NewPageAsync();

        // At the page's own address: the style sheet is for pages of its own site alone.
        await twin.EmulateMediaAsync(
            new() { Media = await Page.EvaluateAsync<bool>("matchMedia('print').matches") ? Media.Print : Media.Screen });
        await twin.RouteAsync(
            url => url == Page.Url, route => route.FulfillAsync(new() { Body = document, ContentType = "text/html; charset=utf-8" }));
        await twin.GotoAsync(Page.Url);
        Assert.NotEqual("0px", await twin.EvaluateAsync<string>("getComputedStyle(document.querySelector('.wide')).paddingLeft"));
        return await ViolationsAsync(twin);
    }

    private static async Task<string[]> ViolationsAsync(IPage page)
    {
        var json = await page.EvaluateAsync<string>(Axe + """
            ;(async () => {
              const found = await axe.run(document, { resultTypes: ['violations'] });
              return JSON.stringify(found.violations.map(v => v.id + ': ' + v.help + ' '
                  + v.nodes.map(n => n.html + ' ' + (n.any[0]?.message ?? '')).slice(0, 3).join(' | ')));
            })()
            """);
        return JsonSerializer.Deserialize<string[]>(json)!;
    }

    private static string ReadAxe()
    {
        using var reader = new StreamReader(typeof(Tab).Assembly.GetManifestResourceStream("axe.js")!);
        return reader.ReadToEnd();
    }
}
