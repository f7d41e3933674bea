using TicketRush.Server.Office;

namespace TicketRush.Server.Pages;

/// <summary>The pages for people: what there is, and what it needs.</summary>
internal static class PageEndpoints
{
    public static void AddPages(this IServiceCollection services)
    {
        services.AddSingleton<PageRenderer>();
        services.AddSingleton<Api.IProblemPages, ErrorPages>();
        services.AddSingleton<PublicPages>();
        services.AddSingleton<Codes>();
        services.AddSingleton<Purchase>();
        services.AddOffice();
    }

    public static void MapPages(this WebApplication app)
    {
        var pages = app.Services.GetRequiredService<PublicPages>();
        app.MapAssets();

        // Straight to the page: what everybody asks for at the same moment passes through as little as possible.
        app.MapMethods("/", ["GET", "HEAD"], pages.ListAsync).ExcludeFromDescription();
        app.MapMethods("/sales/{sale}", ["GET", "HEAD"], pages.SaleAsync).ExcludeFromDescription();
        app.MapPurchases();
        app.MapPlacesPages();
        app.MapOrderPages();
        app.MapOffice();

        // From now on: a dashboard that is opened in the middle of a rush shows the minute before.
        app.Services.GetRequiredService<FigureHistory>();
    }
}
