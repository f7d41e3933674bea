using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace TicketRush.Cli.Tests.Faults;

/// <summary>
/// Terminals that keep buying over connections that they keep, in the protocol's own bytes. Whose connection is cut connects again and
/// asks again with the same id.
/// </summary>
internal sealed class Tills : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Ledger _ledger;
    private readonly string _host;
    private readonly int _port;
    private readonly Task _tills;
    private int _cuts;

    public Tills(Ledger ledger, string address, int tills)
    {
        var colon = address.LastIndexOf(':');
        (_ledger, _host, _port) = (ledger, address[..colon], int.Parse(address[(colon + 1)..]));
        _tills = Task.WhenAll(Enumerable.Range(0, tills).Select(till => Task.Run(() => SellAsync(till))));
    }

    /// <summary>Connections that nobody took, or that were turned away: none may be.</summary>
    public ConcurrentQueue<string> Refused { get; } = new();

    /// <summary>Connections that ended while an answer was waited for, or between two.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    /// <summary>Lets everybody finish what they are asking.</summary>
    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _tills;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
    }

    private async Task SellAsync(int till)
    {
        var random = new Random(till);
        Wish? unknown = null;
        while (!_stop.IsCancellationRequested)
        {
            using var connection = await ConnectAsync();
            if (connection is null)
            {
                await Task.Delay(20);
                continue;
            }

            while (connection.Connected && !_stop.IsCancellationRequested)
            {
                var wish = unknown ?? new Wish(Place.Sale, $"till {till} {random.Next(100)}", random.Next(1, 5));
                if (unknown is null) _ledger.Add(wish);
                var answer = await BuyAsync(connection, wish);
                _ledger.Record(wish, answer);
                unknown = wish.Fate == Fate.Unknown ? wish : null;
                if (answer is not null) continue;
                Interlocked.Increment(ref _cuts);
                break;
            }
        }
    }

    private async Task<TcpClient?> ConnectAsync()
    {
        var connection = new TcpClient();
        try
        {
            await connection.ConnectAsync(_host, _port);
            if (await AskAsync(connection, "AUTH", RushProcess.OfficeKey) is not [['+', 'O', 'K']] and var said)
                throw new IOException(said is null ? "cut before it was let in" : string.Join(' ', said));
            return connection;
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            Refused.Enqueue(e.Message);
            connection.Dispose();
            return null;
        }
    }

    /// <returns>Null when no answer came.</returns>
    private static async Task<Answer?> BuyAsync(TcpClient connection, Wish wish)
    {
        var said = await AskAsync(
            connection, "BUY", wish.Sale, wish.Id.ToString(), wish.Buyer, "place", wish.Quantity.ToString());
        if (said is null) return null;
        if (said is [['-', .. var error]])
        {
            var code = error.Split(' ')[0];
            var status = code switch { "OUTCOME_UNKNOWN" => 504, "BUSY" or "DISK_FULL" or "SALE_STOPPED" => 503, _ => 409 };
            return new(status, code, "1", null, default);
        }

        // State, sequence, time, first ticket, tickets, total, hash.
        var first = uint.Parse(said[3]);
        var tickets = Enumerable.Range(0, int.Parse(said[4])).Select(i => new { number = first + i });
        var body = JsonSerializer.SerializeToElement(new { sequence = long.Parse(said[1]), hash = said[6], tickets });
        return new(200, "", null, null, body);
    }

    /// <returns>The items of the reply; one, with its sign, for a line. Null when the connection ended.</returns>
    private static async Task<string[]?> AskAsync(TcpClient connection, params string[] words)
    {
        try
        {
            var request = new StringBuilder().Append($"*{words.Length}\r\n");
            foreach (var word in words) request.Append($"${Encoding.UTF8.GetByteCount(word)}\r\n{word}\r\n");
            var stream = connection.GetStream();
            await stream.WriteAsync(Encoding.UTF8.GetBytes(request.ToString()));

            // One command at a time: nothing is read beyond its reply, so no reader has to be kept.
            using var reader = new StreamReader(stream, Encoding.UTF8, false, 1_024, leaveOpen: true);
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            var line = await LineAsync();
            if (!line.StartsWith('*')) return [line];
            var items = new string[int.Parse(line[1..])];
            for (var i = 0; i < items.Length; i++)
            {
                var item = await LineAsync();
                items[i] = item.StartsWith('$') ? await LineAsync() : item[1..];
            }

            return items;

            async Task<string> LineAsync() => await reader.ReadLineAsync(patience.Token) ?? throw new IOException("It ended.");
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            return null;
        }
    }
}
