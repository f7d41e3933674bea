using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace TicketRush.Load;

/// <summary>
/// Fifty connections that each send sixteen commands, wait for sixteen replies, and do it again, from one thread of a process of its own.
/// For replies that redis-benchmark gives up at: refusals.
/// </summary>
internal sealed class Lockstep : IDisposable
{
    private const int Connections = 50, Pipeline = 16, Frames = 256;

    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(0.5);

    private readonly Socket[] _sockets = new Socket[Connections];
    private readonly byte[] _buffer = new byte[64 * 1024];

    private Lockstep(int port)
    {
        for (var i = 0; i < Connections; i++)
        {
            _sockets[i] = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            _sockets[i].Connect("127.0.0.1", port);
            _sockets[i].Send(Frame("AUTH", "office", Shop.Key));
            ReadLines(_sockets[i], 1, '+');
        }
    }

    /// <summary>Replies per second to <c>PING</c>, or to a <c>BUY</c> of the sale of which nothing is left.</summary>
    public static async Task<double> RunAsync(int port, TimeSpan time, bool refused)
    {
        var (where, seconds) = (port.ToString(CultureInfo.InvariantCulture), time.TotalSeconds.ToString(CultureInfo.InvariantCulture));
        using var process = Self.Start("lockstep", where, seconds, refused ? "refused" : "ping");
        var said = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException("The lockstep process failed.");
        return double.Parse(said, CultureInfo.InvariantCulture);
    }

    /// <summary>The process.</summary>
    public static int RunProcess(string[] args)
    {
        var time = TimeSpan.FromSeconds(double.Parse(args[2], CultureInfo.InvariantCulture));
        var refused = args[3] == "refused";
        using var lockstep = new Lockstep(int.Parse(args[1], CultureInfo.InvariantCulture));

        // Framed beforehand: what is measured is the server.
        var frames = Enumerable.Range(0, Frames)
            .Select(_ => Enumerable.Range(0, Pipeline).SelectMany(_ => refused ? Refused() : Frame("PING")).ToArray()).ToArray();
        lockstep.Run(WarmUp, frames, refused);
        Console.WriteLine(lockstep.Run(time, frames, refused).ToString(CultureInfo.InvariantCulture));
        return 0;

        static byte[] Refused() => Frame("BUY", "gone", Guid.NewGuid().ToString("N"), $"buyer-{Random.Shared.Next():x8}", "standing", "1");
    }

    public void Dispose()
    {
        foreach (var socket in _sockets) socket?.Dispose();
    }

    private double Run(TimeSpan time, byte[][] frames, bool refused)
    {
        long done = 0;
        var since = Stopwatch.GetTimestamp();
        for (var round = 0; Stopwatch.GetElapsedTime(since) < time; round++)
        {
            for (var i = 0; i < Connections; i++) _sockets[i].Send(frames[(round + i) % frames.Length]);
            for (var i = 0; i < Connections; i++) ReadLines(_sockets[i], Pipeline, refused ? '-' : '+');
            done += Connections * Pipeline;
        }

        return done / Stopwatch.GetElapsedTime(since).TotalSeconds;
    }

    private void ReadLines(Socket socket, int lines, char kind)
    {
        while (lines > 0)
        {
            var read = socket.Receive(_buffer);
            if (read == 0) throw new InvalidOperationException("The server has ended the connection.");
            if (_buffer[0] != kind && _buffer[0] is (byte)'+' or (byte)'-')
                throw new InvalidOperationException($"It answered {Encoding.ASCII.GetString(_buffer, 0, Math.Min(read, 80))}.");
            lines -= _buffer.AsSpan(0, read).Count((byte)'\n');
        }
    }

    private static byte[] Frame(params string[] words) =>
        Encoding.ASCII.GetBytes($"*{words.Length}\r\n" + string.Concat(words.Select(word => $"${word.Length}\r\n{word}\r\n")));
}
