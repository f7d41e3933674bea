namespace TicketRush.Server.Terminals;

internal static class TerminalHosting
{
    /// <summary>The terminals port, where one was asked for. It opens before HTTP does, and both serve the same sales.</summary>
    public static void AddTerminals(this IServiceCollection services, ServerOptions options)
    {
        if (options.Terminals is not { } endpoint) return;
        options.TerminalLimits.Check();
        services.AddSingleton(options.TerminalLimits);
        services.AddSingleton<TerminalServices>();
        services.AddSingleton(provider => new TerminalListener(endpoint, provider));
        services.AddHostedService(provider => provider.GetRequiredService<TerminalListener>());
    }
}
