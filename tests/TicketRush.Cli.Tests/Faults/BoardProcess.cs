using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace TicketRush.Cli.Tests.Faults;

/// <summary><c>rush board … --json</c>, as long as somebody looks at it.</summary>
internal sealed class BoardProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _errors = new();

    private BoardProcess(Process process)
    {
        _process = process;
        _process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is { Length: > 0 } text) Shown.Enqueue(JsonDocument.Parse(text).RootElement);
        };
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors) _errors.AppendLine(line.Data);
        };
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>What it has shown, in order.</summary>
    public ConcurrentQueue<JsonElement> Shown { get; } = new();

    /// <summary>What it has complained about.</summary>
    public string Errors
    {
        get
        {
            lock (_errors) return _errors.ToString();
        }
    }

    public static BoardProcess Start(string sale, string from) => new(new()
    {
        StartInfo = new("dotnet", [Path.Combine(AppContext.BaseDirectory, "rush.dll"), "board", sale, "--from", from, "--json"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        },
    });

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
