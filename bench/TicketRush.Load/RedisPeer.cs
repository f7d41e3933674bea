using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace TicketRush.Load;

/// <summary>A Redis server of this run's own: every write on stable storage before its answer.</summary>
internal sealed class RedisPeer : IAsyncDisposable
{
    private const string Program = "/usr/bin/redis-server";

    // The same purchase: the id is looked up first and answers again what it answered; then the places, then the buyer's limit; then
    // places, ticket numbers, the buyer's count and the order's row, all or nothing.
    private const string Script = """
        local order = redis.call('HGET', KEYS[1], ARGV[1])
        if order then
          local asked = ARGV[2] .. '|' .. ARGV[3] .. '|'
          if string.sub(order, 1, #asked) ~= asked then return redis.error_reply('ID_REUSED') end
          return {'paid', tonumber(string.sub(order, #asked + 1)), tonumber(ARGV[3])}
        end
        local quantity = tonumber(ARGV[3])
        local free = tonumber(redis.call('HGET', KEYS[2], 'free'))
        if free < quantity then return redis.error_reply('SOLD_OUT') end
        local has = tonumber(redis.call('HGET', KEYS[3], ARGV[2]) or '0')
        if has + quantity > tonumber(ARGV[4]) then return redis.error_reply('BUYER_LIMIT') end
        redis.call('HINCRBY', KEYS[2], 'free', -quantity)
        local first = redis.call('HINCRBY', KEYS[2], 'tickets', quantity) - quantity + 1
        redis.call('HINCRBY', KEYS[3], ARGV[2], quantity)
        redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. '|' .. ARGV[3] .. '|' .. first)
        return {'paid', first, quantity}
        """;

    private readonly Process _process;
    private string _sha = "";

    private RedisPeer(Process process, int port) => (_process, Port) = (process, port);

    public int Port { get; }

    /// <summary>What redis-benchmark sends.</summary>
    public string[] Buy => ["EVALSHA", _sha, "3", "orders", "sale", "buyers", RedisBenchmark.Id, RedisBenchmark.Buyer, "1", "1000000"];

    public static bool IsInstalled => File.Exists(Program);

    public static async Task<RedisPeer> StartAsync(string directory)
    {
        var port = FreePort();
        var process = Process.Start(new ProcessStartInfo(
            Program,
            [
                "--port", $"{port}", "--bind", "127.0.0.1", "--dir", directory, "--daemonize", "no", "--save", "",
                "--appendonly", "yes", "--appendfsync", "always", "--auto-aof-rewrite-percentage", "0",
            ]) { RedirectStandardOutput = true })!;
        _ = process.StandardOutput.ReadToEndAsync();
        var peer = new RedisPeer(process, port);
        using var client = await ConnectAsync(port);
        await AskAsync(client, "HSET", "sale", "free", "100000000", "tickets", "0");
        peer._sha = (await AskAsync(client, "SCRIPT", "LOAD", Script)).Split("\r\n")[1];

        // Asked twice with one id, it must answer the same and sell once, as ours does.
        string[] once = [.. peer.Buy.Select(word => word.Replace("__rand_int__", "000000000000", StringComparison.Ordinal))];
        if (await AskAsync(client, once) != await AskAsync(client, once) || await peer.OrdersAsync() != 1)
            throw new InvalidOperationException("Redis does not do what it is compared for.");
        return peer;
    }

    /// <summary>Orders that are there.</summary>
    public async Task<long> OrdersAsync()
    {
        using var client = await ConnectAsync(Port);
        return long.Parse((await AskAsync(client, "HLEN", "orders")).Trim()[1..], CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static async Task<TcpClient> ConnectAsync(int port)
    {
        for (var until = Environment.TickCount64 + 10_000; ; await Task.Delay(50))
        {
            var client = new TcpClient();
            try
            {
                await client.ConnectAsync(IPAddress.Loopback, port);
                return client;
            }
            catch (SocketException) when (Environment.TickCount64 < until)
            {
                client.Dispose();
            }
        }
    }

    private static async Task<string> AskAsync(TcpClient client, params string[] words)
    {
        var frame = $"*{words.Length}\r\n" + string.Concat(words.Select(word => $"${word.Length}\r\n{word}\r\n"));
        await client.GetStream().WriteAsync(System.Text.Encoding.ASCII.GetBytes(frame));
        var buffer = new byte[4096];
        var read = await client.GetStream().ReadAsync(buffer);
        var reply = System.Text.Encoding.ASCII.GetString(buffer, 0, read);
        return reply[0] == '-' ? throw new InvalidOperationException(reply) : reply;
    }
}
