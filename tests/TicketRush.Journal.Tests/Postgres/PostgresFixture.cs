using System.Diagnostics;
using TicketRush.Engine;
using TicketRush.Journal.Postgres;
using TicketRush.Testing;
using static TicketRush.Journal.Tests.SequencerRig;

[assembly: AssemblyFixture(typeof(TicketRush.Journal.Tests.PostgresFixture))]

namespace TicketRush.Journal.Tests;

/// <summary>One PostgreSQL for all tests that only need one; started by the first that asks.</summary>
public sealed class PostgresFixture : IDisposable
{
    private readonly Lazy<PostgresServer> _server = new(() => PostgresServer.Start());

    internal PostgresServer Server
    {
        get
        {
            if (PostgresServer.Missing is { } why) Assert.Skip(why);
            return _server.Value;
        }
    }

    public void Dispose()
    {
        if (_server.IsValueCreated) _server.Value.Dispose();
    }
}

/// <summary>A database with one sale, and as many servers of it as a test opens: each with its own connections and its own news.</summary>
internal sealed class PostgresPlace : IDisposable
{
    public const string Sale = "spring";

    private readonly List<PostgresStore> _stores = [];

    public PostgresPlace(PostgresServer server) => Connection = server.CreateDatabase();

    public string Connection { get; }

    public ScratchDirectory State { get; } = new();

    public PostgresStore OpenStore(Func<PostgresOptions, PostgresOptions>? change = null, string? connection = null)
    {
        var options = new PostgresOptions { Connection = connection ?? Connection, StateDirectory = State.Path };
        var store = PostgresStore.Open(change?.Invoke(options) ?? options);
        _stores.Add(store);
        return store;
    }

    public void Dispose()
    {
        foreach (var store in _stores) store.Dispose();
        State.Dispose();
    }
}

internal static class PostgresSteps
{
    /// <summary>Makes the sale where there is none, and opens it.</summary>
    public static async Task<Sequencer> OpenSaleAsync(PostgresStore store)
    {
        store.TryCreate(PostgresPlace.Sale, Plan(10_000_000));
        var sequencer = new Sequencer(store.Open(PostgresPlace.Sale));
        var opened = sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } });
        Assert.Equal(Outcome.Done, await opened.AsTask().WaitAsync(Bound));
        return sequencer;
    }

    public static async Task UntilAsync(Func<bool> isSo, string what)
    {
        for (var since = Stopwatch.GetTimestamp(); !isSo(); await Task.Delay(10))
            Assert.True(Stopwatch.GetElapsedTime(since) < Bound, $"It did not come to be so that {what}.");
    }
}
