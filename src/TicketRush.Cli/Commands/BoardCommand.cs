using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using TicketRush.Server.Board;

namespace TicketRush.Cli.Commands;

/// <summary><c>rush board</c>: what is free, as a server's board sends it.</summary>
internal static class BoardCommand
{
    private static readonly TimeSpan SubscribeEvery = TimeSpan.FromSeconds(20);

    public static Command Create()
    {
        var sale = Shared.Sale();
        var from = new Option<string>("--from")
        {
            Description = "The board's address, as serve --board was given it; a multicast group is joined.",
            HelpName = "HOST:PORT",
            DefaultValueFactory = _ => "127.0.0.1:6381",
        };
        var name = new Option<string>("--name") { Description = "What this board is called, for the server.", DefaultValueFactory = _ => "board", HelpName = "TEXT" };
        var count = new Option<int?>("--count") { Description = "End after so many datagrams.", HelpName = "N" };
        var json = Shared.Json("Print each datagram as it came.");
        from.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !BoardEndpoint.TryParse(token.Value, out _)) result.AddError($"--from takes an address and a port such as 127.0.0.1:6381, not {token.Value}.");
        });
        var command = new Command(
            "board",
            """
            Shows what is free of a sale, live, from a server that was started with --board. Says when datagrams were lost, and when none comes any more.

            Example: rush board spring --from 127.0.0.1:6381
            """) { sale, from, name, count, json };
        command.SetAction(async (result, stop) =>
        {
            BoardEndpoint.TryParse(result.GetRequiredValue(from), out var endpoint);
            try
            {
                return await ShowAsync(
                    result.GetRequiredValue(sale), endpoint, result.GetRequiredValue(name), result.GetValue(count) ?? int.MaxValue, result.GetValue(json), stop);
            }
            catch (SocketException e)
            {
                return Shared.Fail($"Cannot listen to the board: {e.Message}");
            }
        });
        return command;
    }

    private static async Task<int> ShowAsync(string sale, BoardEndpoint endpoint, string name, int count, bool json, CancellationToken stop)
    {
        using var socket = Open(endpoint, out var server);
        var (buffer, token, silent) = (new byte[2_048], "", false);
        var view = new BoardView();
        var subscribeAt = 0L;
        while (count > 0 && !stop.IsCancellationRequested)
        {
            if (server is not null && Environment.TickCount64 >= subscribeAt)
            {
                // As long as the proof that answers it, at the least: a board never sends a stranger more than it got.
                var msg = $"subscribe {sale}{(token.Length == 0 ? "" : " " + token)}";
                await socket.SendToAsync(JsonSerializer.SerializeToUtf8Bytes(new() { ["msg"] = msg, ["username"] = name.PadRight(16) }, BoardCliJson.Default.DictionaryStringString), server, stop);
                subscribeAt = Environment.TickCount64 + (token.Length == 0 ? 1_000 : (long)SubscribeEvery.TotalMilliseconds);
            }

            int length;
            try
            {
                using var wait = CancellationTokenSource.CreateLinkedTokenSource(stop);
                wait.CancelAfter(3_000);
                length = await socket.ReceiveAsync(buffer, wait.Token);
            }
            catch (OperationCanceledException)
            {
                if (!stop.IsCancellationRequested && !silent) Console.Error.WriteLine("Nothing comes from the board.");
                (silent, token, subscribeAt) = (true, "", 0);
                continue;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                await Task.Delay(500, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                continue;
            }

            silent = false;
            using var datagram = Parse(buffer.AsMemory(0, length));
            if (datagram is null) continue;
            if (datagram.RootElement.TryGetProperty("msg", out var said))
            {
                if (said.GetString() is ['p', 'r', 'o', 'v', 'e', ' ', .. var proof]) (token, subscribeAt) = (proof, 0);
                continue;
            }

            if (!view.Take(datagram.RootElement, sale)) continue;
            if (view.Lost > 0) Console.Error.WriteLine($"{view.Lost} datagram{(view.Lost == 1 ? " was" : "s were")} lost.");
            if (json) Console.WriteLine(Encoding.UTF8.GetString(buffer, 0, length));
            else if (view.HasChanged) Console.WriteLine(view.Line());
            count--;
        }

        return 0;
    }

    private static Socket Open(BoardEndpoint endpoint, out IPEndPoint? server)
    {
        var address = endpoint.Host switch { "*" or "localhost" => IPAddress.Loopback, var host => IPAddress.Parse(host.Trim('[', ']')) };
        var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        var any = address.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any;
        server = endpoint.IsMulticast ? null : new(address, endpoint.Port);
        if (server is not null)
        {
            socket.Bind(new IPEndPoint(any, 0));
            return socket;
        }

        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(new IPEndPoint(any, endpoint.Port));
        if (address.AddressFamily == AddressFamily.InterNetworkV6) socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.AddMembership, new IPv6MulticastOption(address));
        else socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(address));
        return socket;
    }

    private static JsonDocument? Parse(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            var document = JsonDocument.Parse(bytes, new() { MaxDepth = 4 });
            return document.RootElement.ValueKind == JsonValueKind.Object ? document : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>What a board has shown so far of one sale: puts parts together, leaves out what is older, counts what was lost.</summary>
internal sealed class BoardView
{
    private readonly SortedDictionary<string, int> _tiers = new(StringComparer.Ordinal);
    private long _last, _sequence, _seen = -1;
    private string _state = "", _sale = "", _seenState = "";

    /// <summary>Datagrams between the last two that came.</summary>
    public long Lost { get; private set; }

    /// <summary>Whether the last says something that the one before it did not.</summary>
    public bool HasChanged { get; private set; }

    /// <returns>False for what is no datagram of this sale, or comes late.</returns>
    public bool Take(JsonElement datagram, string sale)
    {
        if (!datagram.TryGetProperty("sale", out var name) || name.GetString() != sale || !datagram.TryGetProperty("n", out var number)
            || !datagram.TryGetProperty("sequence", out var sequence) || !datagram.TryGetProperty("state", out var state)
            || !datagram.TryGetProperty("tiers", out var tiers) || tiers.ValueKind != JsonValueKind.Object)
            return false;

        // A server that began anew counts from 1 again; what merely comes late is near.
        var n = number.GetInt64();
        if (n <= _last && _last - n < 100) return false;
        (Lost, _last) = (_last == 0 || n < _last ? 0 : n - _last - 1, n);
        (_sale, _sequence, _state) = (sale, sequence.GetInt64(), state.GetString() ?? "");
        foreach (var tier in tiers.EnumerateObject()) _tiers[tier.Name] = tier.Value.GetInt32();
        HasChanged = Lost > 0 || _sequence != _seen || _state != _seenState;
        (_seen, _seenState) = (_sequence, _state);
        return true;
    }

    public string Line() => $"{_sale}  {_state,-9}  {_sequence,8}  {string.Join("  ", _tiers.Select(tier => $"{tier.Key} {tier.Value}"))}";
}

[System.Text.Json.Serialization.JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class BoardCliJson : System.Text.Json.Serialization.JsonSerializerContext;
