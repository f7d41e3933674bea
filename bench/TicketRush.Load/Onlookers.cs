using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace TicketRush.Load;

/// <summary>
/// A process of viewers, with as little of a client as can be: they share the machine with what is measured. Says "here" when all of them
/// saw something; for each line that it is told it says how many events came so far and how many viewers are left.
/// </summary>
internal static class Onlookers
{
    private static long s_events;
    private static int s_here;

    public static async Task<int> RunAsync(string[] args)
    {
        // Real viewers have processors of their own: here each event is read where it arrives, without waking another thread for it.
        Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
        var (url, count) = (new Uri(args[1]), int.Parse(args[2], CultureInfo.InvariantCulture));
        var hello = Encoding.ASCII.GetBytes(
            $"GET /api/sales/load/live HTTP/1.1\r\nHost: {url.Authority}\r\nAccept: text/event-stream\r\n\r\n");
        for (var i = 0; i < count; i++)
        {
            // Every address of the loopback network has ports of its own.
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
            socket.Bind(new IPEndPoint(new IPAddress([127, 0, 1, (byte)(1 + i % 200)]), 0));
            await socket.ConnectAsync(IPAddress.Loopback, url.Port);
            await socket.SendAsync(hello);
            _ = LookAsync(socket);
        }

        for (var until = Environment.TickCount64 + 60_000; Volatile.Read(ref s_here) < count; await Task.Delay(50))
        {
            if (Environment.TickCount64 > until) return 1;
        }

        Console.WriteLine("here");
        while (Console.ReadLine() is not null)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Volatile.Read(ref s_events)} {Volatile.Read(ref s_here)}"));
        return 0;
    }

    private static async Task LookAsync(Socket socket)
    {
        var buffer = new byte[2048];
        var seen = false;
        try
        {
            while (await socket.ReceiveAsync(buffer) is > 0 and var count)
            {
                var events = buffer.AsSpan(0, count).Count("event: availability"u8);
                Interlocked.Add(ref s_events, events);
                if (seen || events == 0) continue;
                seen = true;
                Interlocked.Increment(ref s_here);
            }
        }
        catch (SocketException)
        {
        }

        if (seen) Interlocked.Decrement(ref s_here);
    }
}
