namespace TicketRush.Engine.Tests;

/// <summary>The seeds of one run: a few always, fifty times as many with RUSH_FULL=1. A failure prints the one that failed.</summary>
internal static class Seeds
{
    public static IEnumerable<int> Of(int count) =>
        Enumerable.Range(1, Environment.GetEnvironmentVariable("RUSH_FULL") == "1" ? count * 50 : count);
}
