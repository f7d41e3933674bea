using System.Diagnostics;
using System.Globalization;
using System.IO.Pipes;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using TicketRush.Server.Board;

namespace TicketRush.Server.Upgrades;

/// <summary>
/// Changes the program under a running sale. On SIGUSR2 the server starts its own command line once more, which by then may be a newer
/// program, and gives it its sockets. When that one says that it sells, this one accepts no more, answers what it was asked, and ends;
/// when it does not, nothing has changed. Both sell from the same journals meanwhile, as any two servers may.
/// </summary>
public sealed class Upgrade : IDisposable
{
    internal const string ReadyVariable = "RUSH_READY", PredecessorVariable = "RUSH_PREDECESSOR";

    /// <summary>SIGUSR2 on Linux.</summary>
    public const int Signal = 12;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120), DrainMax = TimeSpan.FromSeconds(5);

    private readonly WebApplication _app;
    private readonly ILogger _log;
    private readonly Registration _registration;
    private readonly PosixSignalRegistration? _signal;
    private int _isUnderWay;

    private Upgrade(WebApplication app, string state)
    {
        (_app, _log) = (app, app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("TicketRush.Upgrade"));
        _registration = new(state);
        if (OperatingSystem.IsLinux()) _signal = PosixSignalRegistration.Create((PosixSignal)Signal, context =>
        {
            context.Cancel = true;
            if (Interlocked.Exchange(ref _isUnderWay, 1) == 0) _ = Task.Run(RunAsync);
        });

        if (Environment.GetEnvironmentVariable(ReadyVariable) is { Length: > 0 } pipe)
        {
            Environment.SetEnvironmentVariable(ReadyVariable, null);
            Environment.SetEnvironmentVariable(PredecessorVariable, null);
            using var ready = new AnonymousPipeClientStream(PipeDirection.Out, pipe);
            ready.WriteByte(1);
        }
        else
        {
            TellSystemd("READY=1");
        }
    }

    /// <summary>To be called when the server sells: from then on it can be upgraded, and a predecessor that waits for it leaves.</summary>
    /// <param name="app">The server, started.</param>
    /// <param name="state">The directory in which <c>rush upgrade</c> finds it.</param>
    public static Upgrade Allow(WebApplication app, string state) => new(app, state);

    public void Dispose()
    {
        _signal?.Dispose();
        _registration.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            var sockets = _app.Services.GetRequiredService<ListenSockets>();
            var successor = await StartSuccessorAsync(sockets.Share());
            TellSystemd($"MAINPID={successor}");
            Log.Upgraded(_log, successor);

            if (_app.Services.GetService<BoardServer>() is { } board) await board.LeaveAsync();
            sockets.Leave();
            await _app.Services.GetRequiredService<Drain>().LeaveAsync(DrainMax);
            _app.Lifetime.StopApplication();
        }
        catch (Exception e)
        {
            // Whatever went wrong, this server goes on as it was.
            Log.UpgradeFailed(_log, e.Message);
            _registration.Fail(e.Message);
            Volatile.Write(ref _isUnderWay, 0);
        }
    }

    /// <returns>The process that sells now.</returns>
    private static async Task<int> StartSuccessorAsync(string sockets)
    {
        // As it was started, word by word: a link in it may lead to another program by now.
        var words = (await File.ReadAllTextAsync("/proc/self/cmdline")).TrimEnd('\0').Split('\0');
        using var ready = new AnonymousPipeServerStream(PipeDirection.In, HandleInheritability.Inheritable);
        var start = new ProcessStartInfo(words[0], words[1..]) { UseShellExecute = false };
        start.Environment[ListenSockets.Variable] = sockets;
        start.Environment[ReadyVariable] = ready.GetClientHandleAsString();
        start.Environment[PredecessorVariable] = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        using var successor = Process.Start(start)!;
        ready.DisposeLocalCopyOfClientHandle();

        try
        {
            // What waits in a pipe cannot be called back; it ends with the successor.
            if (await ready.ReadAsync(new byte[1]).AsTask().WaitAsync(Patience) == 1) return successor.Id;
        }
        catch (TimeoutException)
        {
            successor.Kill();
            throw new InvalidOperationException($"The successor did not become ready in {Patience.TotalSeconds:0} s and was ended.");
        }

        await successor.WaitForExitAsync();
        throw new InvalidOperationException($"The successor ended with code {successor.ExitCode} before it was ready.");
    }

    /// <summary>Says something to systemd, when it started this process as Type=notify.</summary>
    private static void TellSystemd(string state)
    {
        if (Environment.GetEnvironmentVariable("NOTIFY_SOCKET") is not { Length: > 0 } path) return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            socket.SendTo(Encoding.UTF8.GetBytes(state), new UnixDomainSocketEndPoint(path[0] == '@' ? '\0' + path[1..] : path));
        }
        catch (SocketException)
        {
            // Then it is told nothing; the server sells all the same.
        }
    }
}

/// <summary>
/// A server that runs, as <c>rush upgrade</c> finds it: two files in the state directory, one of them locked as long as it lives.
/// </summary>
public sealed class Registration : IDisposable
{
    private const string DirectoryName = "servers";
    private readonly string _path;
    private readonly FileStream? _lock;

    internal Registration(string state)
    {
        var directory = Path.Combine(state, DirectoryName);
        _path = Path.Combine(directory, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        try
        {
            Directory.CreateDirectory(directory);
            File.WriteAllText(_path, Environment.GetEnvironmentVariable(Upgrade.PredecessorVariable) ?? "");
            _lock = new(_path + ".lock", FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // On a full disk it cannot be found; the signal still reaches it.
        }
    }

    /// <summary>The servers that run and keep their state there: process, the one before it, and why its last upgrade failed.</summary>
    public static IReadOnlyList<(int Process, int Predecessor, string? Failure)> Find(string state)
    {
        var directory = Path.Combine(state, DirectoryName);
        var found = new List<(int, int, string?)>();
        if (!Directory.Exists(directory)) return found;
        foreach (var path in Directory.EnumerateFiles(directory, "*.lock").Select(path => path[..^".lock".Length]))
        {
            if (!int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var process)) continue;
            if (IsDead(path))
            {
                Delete(path);
                continue;
            }

            string text;
            try
            {
                text = File.ReadAllText(path);
            }
            catch (IOException)
            {
                continue; // It is just ending.
            }

            _ = int.TryParse(text.Split('\n')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var predecessor);
            found.Add((process, predecessor, text.IndexOf('\n') is > -1 and var at ? text[(at + 1)..] : null));
        }

        return found;
    }

    public void Dispose()
    {
        if (_lock is null) return;
        Delete(_path);
        _lock.Dispose();
    }

    internal void Fail(string reason)
    {
        try
        {
            File.AppendAllText(_path, $"\n{reason}");
        }
        catch (IOException)
        {
            // It stands in the log too.
        }
    }

    private static bool IsDead(string path)
    {
        try
        {
            using var held = new FileStream(path + ".lock", FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (FileNotFoundException)
        {
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static void Delete(string path)
    {
        File.Delete(path);
        File.Delete(path + ".lock");
    }
}
