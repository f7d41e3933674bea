using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;

namespace TicketRush.Cli.Tests.Faults;

/// <summary>One server of the built program, as a process of its own that can be killed, frozen and watched.</summary>
internal sealed partial class RushProcess : IAsyncDisposable
{
    // Random, so that terminals may prove it.
    public const string OfficeKey = "0b6f2d9c81e745a3f0d8b1c26e9a4f7352d7c8e10a9b4f63d5e2817c90fa34b6";

    private static readonly List<RushProcess> Running = [];

    private readonly Process _process;
    private readonly StringBuilder _said = new();
    private readonly Channel<string> _ready = Channel.CreateBounded<string>(1);

    static RushProcess() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        lock (Running)
        {
            foreach (var left in Running) left.Signal(9);
        }
    };

    private RushProcess(ProcessStartInfo start, string? traceLog)
    {
        TraceLog = traceLog;
        _process = new() { StartInfo = start, EnableRaisingEvents = true };
        _process.OutputDataReceived += (_, line) => Hear(line.Data);
        _process.ErrorDataReceived += (_, line) => Hear(line.Data);
        _process.Exited += (_, _) => _ready.Writer.TryComplete();
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        lock (Running) Running.Add(this);
    }

    public string Url { get; private set; } = "";

    /// <summary>Where terminals are listened for, when they are.</summary>
    public string? Terminals { get; private set; }

    /// <summary>Where the board is, when there is one.</summary>
    public string? Board { get; private set; }

    /// <summary>The system calls of the process, when it was started to be traced.</summary>
    public string? TraceLog { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    /// <summary>What the process has written so far, for messages and for checks of what it tells the operator.</summary>
    public string Said
    {
        get
        {
            lock (_said) return _said.ToString();
        }
    }

    /// <summary>Starts a server and waits until it is ready.</summary>
    /// <inheritdoc cref="Start"/>
    public static async Task<RushProcess> StartAsync(
        string data, string[]? trace = null, IEnumerable<KeyValuePair<string, string>>? environment = null,
        string urls = "http://127.0.0.1:0", string[]? before = null, string[]? options = null)
    {
        var server = Start(data, trace, environment, urls, before, options);
        try
        {
            await server.WaitUntilReadyAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a server.</summary>
    /// <param name="trace">Options of strace that say what to trace and what to inject; null to run without it.</param>
    /// <param name="before">A command that becomes the server: its words stand before the server's.</param>
    /// <param name="options">Further options of rush serve.</param>
    public static RushProcess Start(
        string data, string[]? trace = null, IEnumerable<KeyValuePair<string, string>>? environment = null,
        string urls = "http://127.0.0.1:0", string[]? before = null, string[]? options = null)
    {
        var log = trace is null ? null : Path.Combine(Path.GetTempPath(), $"rush-trace-{Guid.NewGuid():N}");
        List<string> words = [Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet"];
        words.AddRange([Path.Combine(AppContext.BaseDirectory, "rush.dll"), "serve", "--data", data, "--urls", urls, "--json", .. options
            ?? []]);

        // The tracer is the grandchild (-D): the process that is started is the server itself, and signals reach it. The filter
        // leaves every other system call alone, but with it strace 6.1 forgets to inject a signal from the second time on.
        if (trace is not null)
        {
            string[] filter = trace.Any(option => option.Contains("signal=", StringComparison.Ordinal)) ? [] : ["--seccomp-bpf"];
            words.InsertRange(0, ["strace", "-D", "-f", .. filter, "-y", "-tt", "-s", "2000", "-o", log!, .. trace]);
        }

        words.InsertRange(0, before ?? []);
        var start = new ProcessStartInfo(words[0], words.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["RUSH_OFFICE_KEY"] = OfficeKey;
        foreach (var (name, value) in environment ?? []) start.Environment[name] = value;

        return new(start, log);
    }

    public void Kill() => Signal(9);

    public void Freeze() => Signal(19);

    public void Continue() => Signal(18);

    public void Terminate() => Signal(15);

    public async Task<int> WaitForExitAsync(int seconds = 60)
    {
        // Not Process.WaitForExitAsync, which also waits for the pipes: a tracer keeps them open a little longer.
        await Until.TrueAsync(() => _process.HasExited, "the server ends", seconds);
        return _process.ExitCode;
    }

    /// <summary>The whole trace: only complete when the tracer has seen the process end.</summary>
    public async Task<string[]> ReadTraceAsync()
    {
        string[] lines = [];
        await Until.TrueAsync(
            () => (lines = File.ReadAllLines(TraceLog!)).Any(line => line.Contains("+++ exited with") || line.Contains("+++ killed by")),
            "the trace is complete");
        return lines;
    }

    public async ValueTask DisposeAsync()
    {
        lock (Running)
        {
            if (!Running.Remove(this)) return;
        }

        if (!_process.HasExited)
        {
            Continue();
            Kill();
            await WaitForExitAsync();
        }

        _process.Dispose();
        if (TraceLog is not null) File.Delete(TraceLog);
    }

    public async Task WaitUntilReadyAsync()
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            var line = await _ready.Reader.ReadAsync(timeout.Token);
            using var ready = JsonDocument.Parse(line);
            Url = ready.RootElement.GetProperty("urls")[0].GetString()!;
            Terminals = ready.RootElement.GetProperty("terminals").GetString();
            Board = ready.RootElement.GetProperty("board").GetString();
        }
        catch (Exception e) when (e is ChannelClosedException or OperationCanceledException)
        {
            throw new InvalidOperationException($"The server did not become ready. It said:\n{Said}", e);
        }
    }

    private void Hear(string? line)
    {
        if (line is null) return;
        lock (_said) _said.AppendLine(line);

        // Log lines share the stream; only the ready line is an object with addresses.
        if (line.StartsWith("{\"urls\"", StringComparison.Ordinal)) _ready.Writer.TryWrite(line);
    }

    private void Signal(int signal)
    {
        if (!_process.HasExited) _ = SendSignal(_process.Id, signal);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}
