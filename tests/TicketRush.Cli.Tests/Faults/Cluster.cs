using Npgsql;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Postgres;
using TicketRush.Testing;

namespace TicketRush.Cli.Tests.Faults;

/// <summary>A private PostgreSQL with one open sale, and servers of it, each with a state directory of its own as on a machine of its
/// own.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    private const string ClusterKey = "5ba3f5c2d08e4f6a9d0c7be1f3a24680135724689bdf0ace1357fedc89ab4567";

    private readonly List<RushProcess> _servers = [];
    private readonly List<DirectoryInfo> _directories = [];

    private Cluster(PostgresServer database) => (Database, Connection) = (database, database.CreateDatabase());

    public PostgresServer Database { get; }

    public string Connection { get; }

    public Shop Shop { get; } = new();

    public Ledger Ledger { get; } = new();

    public IReadOnlyList<KeyValuePair<string, string>> Environment => EnvironmentOf(Connection);

    /// <summary>The environment with another server in the database's place, which has what the database has.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> At(PostgresServer other) =>
        EnvironmentOf(Database.ConnectionTo(new NpgsqlConnectionStringBuilder(Connection).Database!, other.Port));

    public static async Task<Cluster> MakeAsync()
    {
        Needs.Postgres();
        System.Environment.SetEnvironmentVariable("RUSH_CLUSTER_KEY", ClusterKey);
        var cluster = new Cluster(PostgresServer.Start());
        using var store = cluster.OpenStore();
        Assert.True(store.TryCreate(Place.Sale, new()
        {
            Name = Place.Sale, Venue = "", StartsAt = "", TimeZone = "UTC", Currency = "EUR", PaymentKind = PaymentKind.None,
            Pools = [new("place", 10_000_000, 0)],
            Tiers = [new("place", "Place", "place", 100)],
            Rules = new(600, Extensions: 1, PerOrder: 6, PerBuyer: PlanRules.PerBuyerMax),
        }));
        await using var sequencer = new Sequencer(store.Open(Place.Sale));
        Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } }));
        return cluster;
    }

    public PostgresStore OpenStore() => PostgresStore.Open(new() { Connection = Connection, StateDirectory = NewState() });

    public string NewState()
    {
        var directory = Directory.CreateTempSubdirectory("rush-cluster-");
        _directories.Add(directory);
        return directory.FullName;
    }

    public async Task<RushProcess> ServeAsync(string? state = null, string urls = "http://127.0.0.1:0")
    {
        var server = await RushProcess.StartAsync(state ?? NewState(), environment: Environment, urls: urls);
        lock (_servers) _servers.Add(server);
        return server;
    }

    public async Task SettleAndAuditAsync()
    {
        foreach (var server in _servers) await server.DisposeAsync();
        var last = await ServeAsync();
        await Shop.SettleAsync(Ledger, last.Url);
        last.Terminate();
        Assert.Equal(0, await last.WaitForExitAsync());
        using var store = OpenStore();
        Assert.Empty(await Audit.FindAsync(store, new() { Connection = Connection }, Ledger, Place.Sale));
        Assert.Empty(Ledger.With(Fate.Unknown));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers) await server.DisposeAsync();
        Shop.Dispose();
        Database.Dispose();
        foreach (var directory in _directories) directory.Delete(recursive: true);
    }

    private static KeyValuePair<string, string>[] EnvironmentOf(string connection) =>
        [new("RUSH_JOURNAL", connection), new("RUSH_CLUSTER_KEY", ClusterKey)];
}
