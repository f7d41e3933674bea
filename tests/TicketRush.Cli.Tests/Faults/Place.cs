using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Files;
using TicketRush.Server.Access;

namespace TicketRush.Cli.Tests.Faults;

/// <summary>A data directory with its open sales, and the servers on it; ends all of them however the test ends.</summary>
internal sealed class Place : IAsyncDisposable
{
    public const string Sale = "rush";

    private readonly List<RushProcess> _servers = [];
    private readonly bool _own;

    private Place(string? path) => (_own, Data) = (path is null, path ?? Directory.CreateTempSubdirectory("rush-faults-").FullName);

    public string Data { get; }

    public Shop Shop { get; } = new();

    public Ledger Ledger { get; } = new();

    public static async Task<Place> MakeAsync(int capacity = 10_000_000, string? path = null, int holdSeconds = 600)
    {
        Needs.Linux();
        var place = new Place(path);
        await place.AddSaleAsync(Sale, capacity, holdSeconds);
        return place;
    }

    public string JournalPath(string sale = Sale) => new DataDirectory(Data).JournalPath(sale);

    /// <summary>Makes and opens a sale like `rush create` and `rush open` do, without a server.</summary>
    public async Task AddSaleAsync(string sale, int capacity, int holdSeconds = 600)
    {
        var directory = new DataDirectory(Data);
        ServerSecret.Open(Data); // Made before any fault: a server that cannot keep its secrets does not start.
        Assert.True(directory.TryCreate(sale, new()
        {
            Name = sale,
            Venue = "",
            StartsAt = "",
            TimeZone = "UTC",
            Currency = "EUR",
            PaymentKind = PaymentKind.None,
            Pools = [new("place", capacity, 0)],
            Tiers = [new("place", "Place", "place", 100)],
            Rules = new(holdSeconds, Extensions: 1, PerOrder: 6, PerBuyer: PlanRules.PerBuyerMax),
        }));
        await using var sequencer = new Sequencer(directory.Open(sale));
        Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } }));
    }

    public async Task<RushProcess> ServeAsync(
        string[]? trace = null, IEnumerable<KeyValuePair<string, string>>? environment = null, string[]? options = null)
    {
        var server = await RushProcess.StartAsync(Data, trace, environment, options: options);
        lock (_servers) _servers.Add(server);
        return server;
    }

    public Task<Answer?> BuyAsync(RushProcess server, Wish wish) => Shop.BuyAsync(Ledger, wish, server.Url);

    /// <summary>One more ticket of the sale, for a buyer of its own.</summary>
    public static Wish NewWish(string sale = Sale, int quantity = 1) => new(sale, "ann", quantity);

    /// <summary>
    /// The end of every scenario: whatever is unknown is asked for again at a fresh server, all servers end, and the
    /// journals are held against the ledger.
    /// </summary>
    public async Task SettleAndAuditAsync(params string[] sales)
    {
        foreach (var server in _servers) await server.DisposeAsync();
        var last = await ServeAsync();
        await Shop.SettleAsync(Ledger, last.Url);
        last.Terminate();
        Assert.Equal(0, await last.WaitForExitAsync());
        Assert.Empty(await Audit.FindAsync(Data, Ledger, sales.Length == 0 ? [Sale] : sales));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers) await server.DisposeAsync();
        Shop.Dispose();
        if (_own) Directory.Delete(Data, recursive: true);
    }
}
