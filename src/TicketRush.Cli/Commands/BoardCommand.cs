using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using TicketRush.Server.Board;

namespace TicketRush.Cli.Commands;

/// <summary><c>rush board</c>: what is free, as a server's board sends it.</summary>
internal static class BoardCommand
{
    private const int SilenceMs = 3_000;
    private const int SubscribeAgainMs = 1_000;
    private const int RenewMs = 20_000;
    private const int RefusedMs = 500;
    private const int ProvedAgainMs = 50;

    public static Command Create()
    {
        var sale = Shared.Sale();
        var from = new Option<string>("--from")
        {
            Description = "The board's address, as serve --board was given it; a multicast group is joined.",
            HelpName = "HOST:PORT",
            DefaultValueFactory = _ => "127.0.0.1:6381",
        };
        var name = new Option<string>("--name")
        {
            Description = "What this board is called, for the server.",
            HelpName = "TEXT",
            DefaultValueFactory = _ => "board",
        };
        var count = new Option<int?>("--count") { Description = "End after so many datagrams.", HelpName = "N" };
        var json = Shared.Json("Print each datagram, one a line.");
        from.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !BoardEndpoint.TryParse(token.Value, out _))
                result.AddError($"--from takes an address and a port such as 127.0.0.1:6381, not {token.Value}.");
        });
        name.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value.Length: > 64 }]) result.AddError("--name takes up to 64 characters.");
        });
        var command = new Command(
            "board",
            """
            Shows what is free of a sale, live, from a server that was started with --board. Says when datagrams were lost, and when none
            comes any more.

            Example: rush board spring --from 127.0.0.1:6381
            """) { sale, from, name, count, json };
        command.SetAction(async (result, stop) =>
        {
            BoardEndpoint.TryParse(result.GetRequiredValue(from), out var endpoint);
            try
            {
                return await ShowAsync(
                    result.GetRequiredValue(sale), endpoint, result.GetRequiredValue(name), result.GetValue(count) ?? int.MaxValue,
                    result.GetValue(json), stop);
            }
            catch (SocketException e)
            {
                return Shared.Fail($"Cannot listen to the board: {e.Message}");
            }
        });
        return command;
    }

    private static async Task<int> ShowAsync(
        string sale, BoardEndpoint endpoint, string name, int count, bool json, CancellationToken stop)
    {
        using var socket = Open(endpoint);
        var (buffer, token, isSilent) = (new byte[2_048], "", false);
        var view = new BoardView();
        var (subscribeAt, silentAt) = (0L, Environment.TickCount64 + SilenceMs);
        while (count > 0 && !stop.IsCancellationRequested)
        {
            int length;
            try
            {
                if (!endpoint.IsMulticast && Environment.TickCount64 >= subscribeAt)
                {
                    await socket.SendAsync(Request(sale, token, name), stop);
                    subscribeAt = Environment.TickCount64 + (token.Length == 0 ? SubscribeAgainMs : RenewMs);
                }

                using var wait = CancellationTokenSource.CreateLinkedTokenSource(stop);
                var wakeAt = endpoint.IsMulticast ? silentAt : Math.Min(silentAt, subscribeAt);
                wait.CancelAfter((int)Math.Max(wakeAt - Environment.TickCount64, 1));
                length = await socket.ReceiveAsync(buffer, wait.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                // Nobody listens there, or the network is away: either may be otherwise in a moment, and a board hangs on a wall.
                if (e is SocketException) await Task.Delay(RefusedMs, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (Environment.TickCount64 < silentAt) continue;
                if (!stop.IsCancellationRequested && !isSilent) Console.Error.WriteLine("Nothing comes from the board.");
                (isSilent, token, subscribeAt, silentAt) = (true, "", 0, Environment.TickCount64 + SilenceMs);
                continue;
            }

            if (!BoardDatagrams.TryReadState(buffer.AsSpan(0, length), out var datagram))
            {
                // The same again comes from a server that leaves: its successor is to be asked.
                if (BoardDatagrams.TryReadProof(buffer.AsSpan(0, length), out var proof))
                    (token, subscribeAt) = (proof, proof == token ? Environment.TickCount64 + ProvedAgainMs : 0);
                continue;
            }

            if (!view.Take(datagram, sale, Environment.TickCount64)) continue;
            (isSilent, silentAt) = (false, Environment.TickCount64 + SilenceMs);
            if (view.Lost > 0) Console.Error.WriteLine($"{view.Lost} datagram{(view.Lost == 1 ? " was" : "s were")} lost.");

            // Written anew, for a string may hold what a terminal obeys; so it is escaped.
            if (json) Console.WriteLine(JsonSerializer.Serialize(datagram, BoardJson.Default.BoardDatagram));
            else if (view.HasChanged) Console.WriteLine(view.Line());
            count--;
        }

        return 0;
    }

    // As long as the proof that answers it, at the least: a board never sends a stranger more than it got.
    private static byte[] Request(string sale, string token, string name) => JsonSerializer.SerializeToUtf8Bytes(
        new($"subscribe {sale}{(token.Length == 0 ? "" : " " + token)}", name.PadRight(16)), BoardJson.Default.BoardRequest);

    private static Socket Open(BoardEndpoint endpoint)
    {
        var address = endpoint.Reached.Address;
        var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (!endpoint.IsMulticast)
            {
                // What anybody else sends here is not let in.
                socket.Connect(endpoint.Reached);
                return socket;
            }

            var isV6 = address.AddressFamily == AddressFamily.InterNetworkV6;
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(new IPEndPoint(isV6 ? IPAddress.IPv6Any : IPAddress.Any, endpoint.Port));
            if (isV6) socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.AddMembership, new IPv6MulticastOption(address));
            else socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(address));
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
