namespace TicketRush.Server;

/// <summary>
/// The oldest runtime without a known hole that a server on the internet should not have. An older one is said, and not refused: the
/// operator may have a patched build of a distribution, or be on a desk.
/// </summary>
public static class RuntimeFloor
{
    /// <summary>Has the fixes of October 2026 for ASP.NET Core.</summary>
    public static Version Least { get; } = new(10, 0, 13);

    /// <returns>What to tell the operator; null when the runtime is recent enough.</returns>
    public static string? Warning(Version runtime) => runtime >= Least
        ? null
        : $"This .NET runtime is {runtime}, with holes that {Least} closed. Update it before strangers can reach this server.";
}
