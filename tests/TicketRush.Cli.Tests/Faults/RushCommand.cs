using System.Diagnostics;

namespace TicketRush.Cli.Tests.Faults;

/// <summary>The built program, run once to its end.</summary>
internal static class RushCommand
{
    public static Task<(int Code, string Said)> RunAsync(params string[] words) => RunAsync([], words);

    public static Task<(int Code, string Said)> RunAsync(IEnumerable<KeyValuePair<string, string>> environment, params string[] words) =>
        RunAsync("dotnet", environment, [Path.Combine(AppContext.BaseDirectory, "rush.dll"), .. words]);

    /// <summary>The same for another program.</summary>
    public static Task<(int Code, string Said)> RunProgramAsync(string program, params string[] words) => RunAsync(program, [], words);

    private static async Task<(int Code, string Said)> RunAsync(
        string program, IEnumerable<KeyValuePair<string, string>> environment, string[] words)
    {
        var start = new ProcessStartInfo(program, words) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, said + await error);
    }
}
