using System.Diagnostics;

namespace TicketRush.Cli.Tests.Samples;

/// <summary>A sample, run to its end as a program of its own.</summary>
internal static class SampleProgram
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    public static async Task<(int Code, string Output, string Error)> RunAsync(ProcessStartInfo start)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }

        return (process.ExitCode, await output, await error);
    }
}
