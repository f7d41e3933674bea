using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using TicketRush.Server;

namespace TicketRush.Load;

/// <summary>Selling while thousands look on: purchases over HTTP, without viewers and with, in turn.</summary>
internal static class Viewers
{
    private const int Count = 10_000;
    private const int Connections = 64;

    public static async Task RunAsync(Run run)
    {
        if (!Wrk.IsThere(run)) return;
        using var scratch = run.Scratch();
        await using var app = RushServer.Build(new()
        {
            DataDirectory = scratch.Path, Urls = ["http://127.0.0.1:0"], OfficeKey = Shop.Key, ViewersMax = Count, ViewersPerNetwork = Count,
        });
        await app.StartAsync();
        var url = app.Urls.First();
        using var shop = new Shop(url);
        await shop.MakeSaleAsync();
        var script = await Shop.WriteScriptAsync(scratch.Path, "/api/sales/load/orders/");
        await Wrk.RunAsync(url, Connections, run.Time, script); // A warm-up.

        List<double> alone = [], watched = [], ratios = [], events = [];
        for (var i = 0; i < run.Runs; i++)
        {
            run.Report.Progress($"run {i + 1} of {run.Runs}: nobody looks");
            alone.Add((await Wrk.RunAsync(url, Connections, run.Time, await Shop.WriteScriptAsync(scratch.Path, "/api/sales/load/orders/"))).PerSecond);

            run.Report.Progress($"run {i + 1} of {run.Runs}: {Count} viewers come");
            using var crowd = await Crowd.ComeAsync(new(url), Count);
            run.Report.Progress($"run {i + 1} of {run.Runs}: {Count} viewers look");
            var (before, start) = (crowd.Events, System.Diagnostics.Stopwatch.GetTimestamp());
            watched.Add((await Wrk.RunAsync(url, Connections, run.Time, await Shop.WriteScriptAsync(scratch.Path, "/api/sales/load/orders/"))).PerSecond);
            events.Add((crowd.Events - before) / System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds);
            if (crowd.Here < Count) throw new InvalidOperationException($"Only {crowd.Here} of {Count} viewers are still there.");
            ratios.Add(watched[^1] / alone[^1]);
        }

        run.Report.Row("nobody looks", ("purchases/s", Median.Of(alone)), ("min", alone.Min()), ("max", alone.Max()));
        run.Report.Row($"{Count} viewers", ("purchases/s", Median.Of(watched)), ("min", watched.Min()), ("max", watched.Max()), ("events/s", Median.Of(events)));
        run.Report.Aim("with viewers, of without", Median.Of(ratios), 0.80);
        await app.StopAsync();
    }

    /// <summary>Viewers with as little of a client as can be: they share the machine with what is measured.</summary>
    private sealed class Crowd : IDisposable
    {
        private readonly Socket[] _sockets;
        private long _events;
        private int _here;

        private Crowd(int count) => _sockets = new Socket[count];

        public long Events => Volatile.Read(ref _events);

        public int Here => Volatile.Read(ref _here);

        public static async Task<Crowd> ComeAsync(Uri url, int count)
        {
            var crowd = new Crowd(count);
            var hello = Encoding.ASCII.GetBytes($"GET /api/sales/load/live HTTP/1.1\r\nHost: {url.Authority}\r\nAccept: text/event-stream\r\n\r\n");
            for (var i = 0; i < count; i++)
            {
                // Every address of the loopback network has ports of its own.
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
                socket.Bind(new IPEndPoint(new IPAddress([127, 0, 1, (byte)(1 + i % 200)]), 0));
                await socket.ConnectAsync(IPAddress.Loopback, url.Port);
                await socket.SendAsync(hello);
                crowd._sockets[i] = socket;
                _ = crowd.LookAsync(socket);
            }

            for (var until = Environment.TickCount64 + 60_000; crowd.Here < count; await Task.Delay(50))
            {
                if (Environment.TickCount64 > until) throw new TimeoutException($"Only {crowd.Here} of {count} viewers saw something.");
            }

            return crowd;
        }

        public void Dispose()
        {
            foreach (var socket in _sockets) socket?.Dispose();
        }

        private async Task LookAsync(Socket socket)
        {
            var buffer = new byte[2048];
            var seen = false;
            try
            {
                while (await socket.ReceiveAsync(buffer) is > 0 and var count)
                {
                    var events = buffer.AsSpan(0, count).Count("event: availability"u8);
                    Interlocked.Add(ref _events, events);
                    if (seen || events == 0) continue;
                    seen = true;
                    Interlocked.Increment(ref _here);
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
            }

            if (seen) Interlocked.Decrement(ref _here);
        }
    }
}
