using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Npgsql;

namespace TicketRush.Testing;

/// <summary>
/// A PostgreSQL of its own, with a data directory of its own, on the loopback: started for tests and measurements, stopped in every way that
/// a database can stop, and gone without a trace when disposed of.
/// </summary>
internal sealed partial class PostgresServer : IDisposable
{
    private const string User = "rush";
    private static readonly List<PostgresServer> Running = [];

    private readonly string _directory;
    private readonly string[] _settings;
    private Process? _process;
    private int _databases;

    static PostgresServer() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        lock (Running)
        {
            foreach (var left in Running.ToArray()) left.Dispose();
        }
    };

    private PostgresServer(string directory, string password, string[] settings)
    {
        (_directory, Password, _settings) = (directory, password, settings);
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        Port = ((IPEndPoint)free.LocalEndpoint).Port;
        lock (Running) Running.Add(this);
    }

    public int Port { get; }

    public string Password { get; }

    public string Data => Path.Combine(_directory, "data");

    /// <summary>Where Debian, or whoever, put the programs; null when they are not there.</summary>
    public static string? Programs { get; } = FindPrograms();

    /// <summary>Why there can be none here; null when there can.</summary>
    public static string? Missing => !OperatingSystem.IsLinux() ? "needs Linux"
        : Programs is null ? "needs PostgreSQL: apt-get install postgresql"
        : IsRoot && !File.ReadLines("/etc/passwd").Any(line => line.StartsWith("postgres:", StringComparison.Ordinal)) ? "needs the user postgres, for the server refuses to run as root"
        : null;

    private static bool IsRoot => Environment.UserName == "root";

    public static PostgresServer Start(params string[] settings)
    {
        var directory = Directory.CreateTempSubdirectory("rush-postgres-").FullName;
        var server = new PostgresServer(directory, RandomNumberGenerator.GetHexString(32), settings);
        try
        {
            File.WriteAllText(Path.Combine(directory, "password"), server.Password);
            if (IsRoot) Run("chown", "-R", "postgres", directory);
            Run([.. AsUser("initdb"), "-D", server.Data, "-U", User, "-E", "UTF8", "--locale=C", "--auth=scram-sha-256", "--pwfile", Path.Combine(directory, "password"), "--no-sync"]);
            server.Run();
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>A standby of this server, streaming; known to it by that name.</summary>
    public PostgresServer StartStandby(string name, params string[] settings)
    {
        var directory = Directory.CreateTempSubdirectory("rush-standby-").FullName;
        var standby = new PostgresServer(directory, Password, settings);
        try
        {
            if (IsRoot) Run("chown", "-R", "postgres", directory);
            Run([.. AsUser("pg_basebackup"), "-D", standby.Data, "-d", $"host=127.0.0.1 port={Port} user={User} password={Password} application_name={name}", "-R", "-c", "fast", "--no-sync"]);
            standby.Run();
            return standby;
        }
        catch
        {
            standby.Dispose();
            throw;
        }
    }

    /// <summary>A fresh database; its connection string.</summary>
    public string CreateDatabase()
    {
        var name = $"rush_{Interlocked.Increment(ref _databases)}";
        Execute($"CREATE DATABASE {name}");
        return ConnectionTo(name);
    }

    public string ConnectionTo(string database, int? port = null) =>
        $"Host=127.0.0.1;Port={port ?? Port};Username={User};Password={Password};Database={database};Gss Encryption Mode=Disable";

    /// <summary>Runs a statement as the owner of the server.</summary>
    public void Execute(string sql, string database = "postgres")
    {
        using var connection = new NpgsqlConnection(ConnectionTo(database) + ";Pooling=false");
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    public object? Ask(string sql, string database = "postgres")
    {
        using var connection = new NpgsqlConnection(ConnectionTo(database) + ";Pooling=false");
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        return command.ExecuteScalar();
    }

    /// <summary>As at a power cut, but for the disk: nothing is finished, nobody is told.</summary>
    public void StopImmediately() => Stop(3);

    public void Restart()
    {
        StopImmediately();
        Run();
    }

    /// <summary>Makes a standby the server that is written to.</summary>
    public void Promote()
    {
        Run([.. AsUser("pg_ctl"), "promote", "-D", Data, "-w"]);
    }

    /// <summary>Starts what was stopped.</summary>
    public void Run()
    {
        string[] words =
        [
            .. AsUser("postgres"), "-D", Data, "-p", $"{Port}", "-c", "listen_addresses=127.0.0.1", "-c", $"unix_socket_directories={_directory}",
            "-c", "max_connections=200", "-c", "logging_collector=off", "-c", "max_wal_size=4GB", "-c", "max_prepared_transactions=0",
            .. _settings.SelectMany(setting => new[] { "-c", setting }),
        ];
        var log = new List<string>();
        _process = new() { StartInfo = new(words[0], words[1..]) { RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = "/" } };
        _process.ErrorDataReceived += (_, line) => Hear(log, line.Data);
        _process.OutputDataReceived += (_, line) => Hear(log, line.Data);
        _process.Start();
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        for (var since = Stopwatch.GetTimestamp(); ; Thread.Sleep(20))
        {
            try
            {
                Execute("SELECT 1");
                return;
            }
            catch (NpgsqlException e)
            {
                if (!_process.HasExited && Stopwatch.GetElapsedTime(since).TotalSeconds < 60) continue;
                lock (log) throw new InvalidOperationException($"PostgreSQL did not start: {string.Join('\n', log.TakeLast(20))}", e);
            }
        }
    }

    public void Dispose()
    {
        lock (Running)
        {
            if (!Running.Remove(this)) return;
        }

        Stop(3);
        Directory.Delete(_directory, recursive: true);
    }

    private static void Hear(List<string> log, string? line)
    {
        if (line is null) return;
        lock (log) log.Add(line);
    }

    private void Stop(int signal)
    {
        if (_process is null) return;
        if (!_process.HasExited) _ = SendSignal(_process.Id, signal);
        if (!_process.WaitForExit(30_000)) _process.Kill();
        _process.Dispose();
        _process = null;
        NpgsqlConnection.ClearAllPools();
    }

    private static string[] AsUser(string program)
    {
        var path = Path.Combine(Programs!, program);
        return IsRoot ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", path] : [path];
    }

    private static void Run(params string[] words)
    {
        using var process = Process.Start(new ProcessStartInfo(words[0], words[1..]) { RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = "/" })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{words[^1]}: {error}{output.Result}");
    }

    private static string? FindPrograms()
    {
        IEnumerable<string> candidates = Directory.Exists("/usr/lib/postgresql")
            ? Directory.EnumerateDirectories("/usr/lib/postgresql").OrderByDescending(path => path.Length).ThenByDescending(path => path).Select(path => Path.Combine(path, "bin"))
            : [];
        return candidates.Concat((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')).FirstOrDefault(path => File.Exists(Path.Combine(path, "initdb")));
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}
