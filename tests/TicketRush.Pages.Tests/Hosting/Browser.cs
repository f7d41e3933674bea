using Microsoft.Playwright;

namespace TicketRush.Pages.Tests.Hosting;

/// <summary>A real browser: the system's Chromium. Without it, what needs it is skipped by name.</summary>
public sealed class Browser : IAsyncLifetime
{
    private const string Executable = "/usr/bin/chromium";

    private static readonly string[] Arguments =
    [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update",
        "--disable-sync",
    ];

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        if (!File.Exists(Executable)) return;
        _playwright = await Playwright.CreateAsync();
        Assertions.SetDefaultExpectTimeout(20_000);

        // Playwright gives it an empty profile of its own.
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = Executable, Args = Arguments });
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null) await _browser.DisposeAsync();
        _playwright?.Dispose();
    }

    internal async Task<Tab> OpenAsync(Site site, Look look)
    {
        Assert.SkipWhen(_browser is null, "Chromium is not installed (on Debian: apt-get install chromium).");
        var context = await _browser.NewContextAsync(new()
        {
            BaseURL = site.Url.ToString(), Locale = look.Chinese ? "zh-CN" : "en-GB", JavaScriptEnabled = look.Script,
            ViewportSize = look.Phone ? new() { Width = 360, Height = 740 } : new() { Width = 1200, Height = 900 },
            ColorScheme = look.Dark ? ColorScheme.Dark : ColorScheme.Light, ReducedMotion = ReducedMotion.Reduce,
        });
        context.SetDefaultTimeout(15_000);
        return new(await context.NewPageAsync(), look);
    }
}

/// <summary>How somebody looks at the pages.</summary>
internal sealed record Look(bool Chinese, bool Phone, bool Script, bool Dark = false)
{
    /// <summary>Four looks in which every two of language, width and script meet in every way; with <c>RUSH_FULL=1</c> all eight.</summary>
    public static IEnumerable<Look> Together =>
        from chinese in new[] { false, true } from phone in new[] { false, true } from script in new[] { false, true }
        where chinese ^ phone ^ script || Environment.GetEnvironmentVariable("RUSH_FULL") == "1"
        select new Look(chinese, phone, script);

    public override string ToString() =>
        $"{(Chinese ? "zh" : "en")}-{(Phone ? "phone" : "wide")}-{(Script ? "script" : "plain")}{(Dark ? "-dark" : "")}";
}
