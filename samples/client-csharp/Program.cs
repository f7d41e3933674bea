// A kiosk that sells through the terminals port: a hundred buyers at once over one connection; then it reads in the journal what became
// of them, as a kiosk does that was away.
//   rush serve --demo --terminals 127.0.0.1:6380
//   RUSH_KEY=rush_shop_… dotnet run -- 127.0.0.1:6380 demo standing
using System.Globalization;
using TicketRush.Client;

const int Buyers = 100;

if (args is not [var address, var sale, var tier] || address.Split(':') is not [var host, var number]
    || !ushort.TryParse(number, CultureInfo.InvariantCulture, out var port)
    || Environment.GetEnvironmentVariable("RUSH_KEY") is not { Length: > 0 } key)
    return Fail("Usage: RUSH_KEY=… client HOST:PORT SALE TIER", 2);

try
{
    await using var terminal = new TerminalClient(new(host, port, key));
    if ((await terminal.SalesAsync()).SingleOrDefault(row => row.Sale == sale) is not { } before)
        return Fail($"There is no sale \"{sale}\".", 1);

    var answers = await Task.WhenAll(Enumerable.Range(1, Buyers).Select(buyer => SellAsync(terminal, $"buyer-{buyer}")));
    var orders = answers.OfType<TerminalOrder>().OrderBy(order => order.FirstTicket).ToArray();
    Console.WriteLine($"{orders.Length} of {Buyers} have a ticket: {string.Join(' ', orders.Select(order => order.FirstTicket))}");
    Console.WriteLine($"{await terminal.AvailableAsync(sale, tier)} are left");

    // A watch gives every entry behind a sequence, in order, those of long ago first, and then waits for more.
    var seen = 0;
    if (orders.Length > 0)
    {
        var last = orders.Max(order => order.Sequence);
        await foreach (var entry in terminal.WatchAsync(sale, before.Sequence))
        {
            if (entry.Kind == "purchased") seen++;
            if (entry.Sequence >= last) break;
        }
    }

    Console.WriteLine($"{seen} purchases were seen in the journal");
    return 0;
}
catch (RushException e)
{
    return Fail(e.Message, 1);
}

async Task<TerminalOrder?> SellAsync(TerminalClient terminal, string buyer)
{
    // A real kiosk stores the id before it asks, and asks again with it after a restart.
    var id = Guid.NewGuid();
    while (true)
    {
        try
        {
            return await terminal.BuyAsync(sale, id, buyer, tier, 1);
        }
        catch (RushRefusedException refused) when (refused.Code is "SOLD_OUT" or "NOT_ENOUGH")
        {
            return null;
        }
        catch (RushUnknownException unknown)
        {
            // It may have been bought. The same id tells, and buys nothing twice.
            Console.Error.WriteLine($"{unknown.Message} Asking again.");
        }
    }
}

static int Fail(string message, int code)
{
    Console.Error.WriteLine(message);
    return code;
}
