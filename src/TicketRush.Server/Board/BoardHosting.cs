using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Upgrades;

namespace TicketRush.Server.Board;

internal static class BoardHosting
{
    /// <summary>The board, where one was asked for.</summary>
    public static void AddBoard(this IServiceCollection services, ServerOptions options)
    {
        if (options.Board is not { } endpoint) return;
        services.AddSingleton(provider => new BoardServer(
            provider.GetRequiredService<Sales>(), endpoint, options.BoardLimits, provider.GetRequiredService<ListenSockets>(),
            provider.GetRequiredService<ServerSecret>(), provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILoggerFactory>()));
        services.AddHostedService(provider => provider.GetRequiredService<BoardServer>());
    }
}
