// A kiosk that sells through the terminals port: a hundred buyers at once over one connection, while another follows every entry that concerns the key.
//   rush serve --demo --terminals 127.0.0.1:6380
//   RUSH_KEY=rush_shop_… dotnet run -- 127.0.0.1:6380 demo standing
using TicketRush.Client;

if (args is not [var address, var sale, var tier] || address.Split(':') is not [var host, var port]) return Fail("Usage: client HOST:PORT SALE TIER", 2);

var options = new TerminalOptions(host, int.Parse(port), Environment.GetEnvironmentVariable("RUSH_KEY") ?? "");
await using var terminal = new TerminalClient(options);
var sequence = (await terminal.SalesAsync()).Single(row => row.Sale == sale).Sequence;

using var stop = new CancellationTokenSource();
var following = FollowAsync();

// A real kiosk stores each id before it asks, and asks again with it after a restart.
var orders = await Task.WhenAll(Enumerable.Range(1, 100).Select(async number =>
{
    try
    {
        return await terminal.BuyAsync(sale, Guid.NewGuid(), $"buyer-{number}", tier, 1);
    }
    catch (RushRefusedException refused) when (refused.Code is "SOLD_OUT" or "NOT_ENOUGH")
    {
        return null;
    }
}));
var sold = orders.OfType<TerminalOrder>().ToArray();
Console.WriteLine($"{sold.Length} of {orders.Length} have a ticket: {string.Join(' ', sold.Select(order => order.FirstTicket).Order())}");
Console.WriteLine($"{await terminal.AvailableAsync(sale, tier)} are left");
stop.CancelAfter(TimeSpan.FromSeconds(5));
Console.WriteLine($"{await following} purchases were seen in the journal");
return 0;

async Task<int> FollowAsync()
{
    var seen = 0;
    try
    {
        await foreach (var entry in terminal.WatchAsync(sale, sequence, stop.Token))
        {
            if (entry.Kind == "purchased" && ++seen == 100) break;
        }
    }
    catch (OperationCanceledException)
    {
        // Fewer than a hundred had a ticket.
    }

    return seen;
}

static int Fail(string message, int code)
{
    Console.Error.WriteLine(message);
    return code;
}
