using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using TicketRush.Cli.Commands;

namespace TicketRush.Cli.Race;

/// <summary>A `rush serve` of its own, on a free port, that ends with this program.</summary>
internal sealed class Server : IDisposable
{
    private readonly Process _process;
    private bool _isDisposed;

    private Server(Process process, string url) => (_process, Url) = (process, url);

    /// <summary>A key for the races of this run.</summary>
    public static string OfficeKey { get; } = "race_" + RandomNumberGenerator.GetHexString(32, lowercase: true);

    public string Url { get; }

    /// <exception cref="IOException">It did not come up.</exception>
    public static Server Start(string data)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardInput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") start.ArgumentList.Add(typeof(Server).Assembly.Location);
        foreach (var argument in (string[])["serve", "--data", data, "--urls", "http://127.0.0.1:0", "--json"]) start.ArgumentList.Add(argument);
        start.Environment["RUSH_OFFICE_KEY"] = OfficeKey;
        var process = Process.Start(start)!;
        while (process.StandardOutput.ReadLine() is { } line)
        {
            if (!line.StartsWith('{')) continue;
            return new(process, JsonSerializer.Deserialize(line, CliJson.Default.ReadyLine)!.Urls[0]);
        }

        process.WaitForExit();
        throw new IOException($"rush serve ended with exit code {process.ExitCode} before it was ready.");
    }

    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
