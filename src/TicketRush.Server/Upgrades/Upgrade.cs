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

    private readonly PosixSignalRegistration? _signal;
    private WebApplication? _app;
    private ILogger _log = null!;
    private Registration? _registration;
    private int _isAsked, _isUnderWay;

    private Upgrade()
    {
        if (OperatingSystem.IsLinux()) _signal = PosixSignalRegistration.Create((PosixSignal)Signal, context =>
        {
            context.Cancel = true;
            Interlocked.Exchange(ref _isAsked, 1);
            TryBegin();
        });
    }

    /// <summary>To be called before anything that takes time, for until then the signal ends the process. One that comes before the server
    /// sells is acted on when it does.</summary>
    public static Upgrade Expect() => new();

    /// <summary>To be called when the server sells: from then on it can be upgraded, and a predecessor that waits for it leaves.</summary>
    /// <param name="app">The server, started.</param>
    /// <param name="state">The directory in which <c>rush upgrade</c> finds it.</param>
    public void Allow(WebApplication app, string state)
    {
        _log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("TicketRush.Upgrade");
        _registration = new(state);
        TellReady();
        Interlocked.Exchange(ref _app, app);
        TryBegin();
    }

    public void Dispose()
    {
        _signal?.Dispose();
        _registration?.Dispose();
    }

    private static void TellReady()
    {
        if (Environment.GetEnvironmentVariable(ReadyVariable) is not { Length: > 0 } pipe)
        {
            TellSystemd("READY=1");
            return;
        }

        Environment.SetEnvironmentVariable(ReadyVariable, null);
        Environment.SetEnvironmentVariable(PredecessorVariable, null);
        try
        {
            using var ready = new AnonymousPipeClientStream(PipeDirection.Out, pipe);
            ready.WriteByte(1);
        }
        catch (IOException)
        {
            // The predecessor has died: there is nobody to relieve, and nobody else who says that this one sells.
            TellSystemd("READY=1");
        }
    }

    private void TryBegin()
    {
        if (Volatile.Read(ref _app) is not null && Volatile.Read(ref _isAsked) == 1 && Interlocked.Exchange(ref _isUnderWay, 1) == 0)
            _ = Task.Run(RunAsync);
    }

    private async Task RunAsync()
    {
        try
        {
            var sockets = _app!.Services.GetRequiredService<ListenSockets>();
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
            _registration!.Fail(e.Message);
            Volatile.Write(ref _isAsked, 0);
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
    private const string DirectoryName = "servers", LockExtension = ".lock";
    private const int LockMaxMs = 1_000;
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
            _lock = Lock(_path + LockExtension);
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
        foreach (var path in Directory.EnumerateFiles(directory, "*" + LockExtension).Select(path => path[..^LockExtension.Length]))
        {
            if (!int.TryParse(Path.GetFileName(path), NumberStyles.None, CultureInfo.InvariantCulture, out var process)) continue;
            if (!IsLocked(path))
            {
                // One that runs may be about to lock it; or it is another program, which has the number of a server that died.
                if (!IsRunning(process)) Delete(path);
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

    private static FileStream Lock(string path)
    {
        for (var until = Environment.TickCount64 + LockMaxMs; ; Thread.Sleep(1))
        {
            try
            {
                return new(path, FileMode.Create, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (Environment.TickCount64 < until)
            {
                // Somebody looks just now whether it is locked.
            }
        }
    }

    private static bool IsLocked(string path)
    {
        try
        {
            using var free = new FileStream(path + LockExtension, FileMode.Open, FileAccess.Read, FileShare.Read);
            return false;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static bool IsRunning(int process) => Directory.Exists($"/proc/{process.ToString(CultureInfo.InvariantCulture)}");

    private static void Delete(string path)
    {
        File.Delete(path);
        File.Delete(path + LockExtension);
    }
}
