using System.Diagnostics;

namespace TicketRush.Cli.Tests.Faults;

/// <summary>The built program, run once to its end.</summary>
internal static class RushCommand
{
    public static Task<(int Code, string Said)> RunAsync(params string[] words) => RunAsync([], words);

    public static async Task<(int Code, string Said)> RunAsync(IEnumerable<KeyValuePair<string, string>> environment, params string[] words)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "rush.dll"), .. words]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, said + await error);
    }
}
