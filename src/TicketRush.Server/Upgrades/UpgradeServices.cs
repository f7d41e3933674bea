using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace TicketRush.Server.Upgrades;

internal static class UpgradeServices
{
    public static void AddUpgrades(this IServiceCollection services)
    {
        var (sockets, drain) = (ListenSockets.FromEnvironment(), new Drain());
        services.AddSingleton(sockets);
        services.AddSingleton(drain);
        services.Configure<SocketTransportOptions>(transport => transport.CreateBoundListenSocket = sockets.Bind);
        services.Configure<KestrelServerOptions>(kestrel => kestrel.ConfigureEndpointDefaults(drain.Count));
    }

    public static void UseDrain(this WebApplication app)
    {
        var drain = app.Services.GetRequiredService<Drain>();
        app.Use((http, next) => drain.InvokeAsync(http, next));
    }
}
