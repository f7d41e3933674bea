using System.Diagnostics;
using System.Globalization;

namespace TicketRush.Load;

/// <summary>Runs redis-benchmark and reads what it says.</summary>
internal static class RedisBenchmark
{
    public const string Program = "/usr/bin/redis-benchmark";

    // Two numbers of twelve digits each: another id every time, without a repetition that would be answered and not sold.
    public const string Id = "00000000__rand_int____rand_int__";
    public const string Buyer = "buyer-__rand_int__";

    /// <exception cref="InvalidOperationException">It failed, or the server refused.</exception>
    public static async Task<(double PerSecond, double P99)> RunAsync(int port, string? key, int pipeline, int count, params string[] command)
    {
        var start = new ProcessStartInfo(Program) { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments =
        [
            "-p", port.ToString(CultureInfo.InvariantCulture), "-c", "50", "-P", pipeline.ToString(CultureInfo.InvariantCulture),
            "-n", count.ToString(CultureInfo.InvariantCulture), "-r", "2000000000", "--csv", .. key is null ? Array.Empty<string>() : ["--user", "office", "-a", key], .. command,
        ];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var benchmark = Process.Start(start)!;
        var (output, error) = (benchmark.StandardOutput.ReadToEndAsync(), benchmark.StandardError.ReadToEndAsync());
        await benchmark.WaitForExitAsync();
        var line = (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault(text => !text.StartsWith("\"test\"", StringComparison.Ordinal));
        if (benchmark.ExitCode != 0 || line is null) throw new InvalidOperationException($"redis-benchmark failed: {await error}");

        // "test","rps","avg_latency_ms","min","p50","p95","p99","max"
        var fields = line.Split("\",\"").Select(field => field.Trim('"')).ToArray();
        return (double.Parse(fields[^7], CultureInfo.InvariantCulture), double.Parse(fields[^2], CultureInfo.InvariantCulture));
    }
}

/// <summary>
/// Fifty connections that each send sixteen commands, wait for sixteen replies, and do it again, from one thread. For replies that
/// redis-benchmark gives up at: refusals.
/// </summary>
internal sealed class Lockstep : IDisposable
{
    private const int Connections = 50, Pipeline = 16;

    private readonly System.Net.Sockets.Socket[] _sockets = new System.Net.Sockets.Socket[Connections];
    private readonly byte[] _buffer = new byte[64 * 1024];

    public Lockstep(int port, string key)
    {
        for (var i = 0; i < Connections; i++)
        {
            _sockets[i] = new(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp) { NoDelay = true };
            _sockets[i].Connect("127.0.0.1", port);
            _sockets[i].Send(Frame("AUTH", "office", key));
            ReadLines(_sockets[i], 1);
        }
    }

    /// <param name="command">The n-th command; its reply is one line.</param>
    public double Run(TimeSpan time, Func<int, string[]> command)
    {
        // Framed beforehand: what is measured is the server.
        var frames = Enumerable.Range(0, 256).Select(i => Enumerable.Range(i * Pipeline, Pipeline).SelectMany(n => Frame(command(n))).ToArray()).ToArray();
        long done = 0;
        var since = Stopwatch.GetTimestamp();
        for (var round = 0; Stopwatch.GetElapsedTime(since) < time; round++)
        {
            for (var i = 0; i < Connections; i++) _sockets[i].Send(frames[(round + i) % frames.Length]);
            for (var i = 0; i < Connections; i++) ReadLines(_sockets[i], Pipeline);
            done += Connections * Pipeline;
        }

        return done / Stopwatch.GetElapsedTime(since).TotalSeconds;
    }

    public void Dispose()
    {
        foreach (var socket in _sockets) socket?.Dispose();
    }

    private void ReadLines(System.Net.Sockets.Socket socket, int lines)
    {
        while (lines > 0)
        {
            var read = socket.Receive(_buffer);
            if (read == 0) throw new InvalidOperationException("The server has ended the connection.");
            lines -= _buffer.AsSpan(0, read).Count((byte)'\n');
        }
    }

    private static byte[] Frame(params string[] words) =>
        System.Text.Encoding.ASCII.GetBytes($"*{words.Length}\r\n" + string.Concat(words.Select(word => $"${word.Length}\r\n{word}\r\n")));
}
