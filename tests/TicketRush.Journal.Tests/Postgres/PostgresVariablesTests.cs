using Npgsql;
using TicketRush.Journal.Postgres;

namespace TicketRush.Journal.Tests;

/// <summary>Which database is meant, by what is written and by the usual variables. They are the process's.</summary>
public sealed class PostgresVariablesTests(PostgresFixture fixture) : IDisposable
{
    private static readonly string[] Names = ["PGHOST", "PGPORT", "PGDATABASE", "PGSSLMODE"];

    private readonly string?[] _before = [.. Names.Select(Environment.GetEnvironmentVariable)];

    [Fact]
    public void What_a_connection_string_leaves_open_comes_from_the_usual_variables()
    {
        Set(null, null, null, null);
        Assert.Equal(("localhost", 5432, null, SslMode.Prefer), Read("postgres"));
        Assert.Equal(("localhost", 5432, null, SslMode.Prefer), Read(""));

        Set("db.example", "6432", "tickets", "verify-full");
        Assert.Equal(("db.example", 6432, "tickets", SslMode.VerifyFull), Read("postgres"));
        Assert.Equal(("db.example", 6432, "tickets", SslMode.VerifyFull), Read("Username=rush"));
        Assert.Equal(("here", 1, "mine", SslMode.Disable), Read("Host=here;Port=1;Database=mine;SSL Mode=Disable"));
        Assert.Equal(("here", 6432, "tickets", SslMode.Require), Read("Server=here;SslMode=Require"));
        Assert.Equal("postgres://db.example:6432/tickets", PostgresOptions.Parse("postgres").Name);
        foreach (var (text, mode) in new[]
        {
            ("disable", SslMode.Disable), ("allow", SslMode.Allow), ("prefer", SslMode.Prefer), ("require", SslMode.Require),
            ("verify-ca", SslMode.VerifyCA),
        })
        {
            Set("db.example", "", "", text);
            Assert.Equal(("db.example", 5432, null, mode), Read("postgres"));
        }

        // An empty one is none, and one that is nonsense is no silent default.
        Set("", "", "", "nonsense");
        Assert.Throws<ArgumentException>(() => Read("postgres"));
        Set("", "many", "", "");
        Assert.Throws<ArgumentException>(() => Read("postgres"));
    }

    [Fact]
    public void The_database_that_the_variables_name_is_the_one_that_is_opened()
    {
        using var place = new PostgresPlace(fixture.Server);
        var at = new NpgsqlConnectionStringBuilder(place.Connection);
        Set(at.Host, $"{at.Port}", at.Database, "disable");
        var who = new NpgsqlConnectionStringBuilder { Username = at.Username, Password = at.Password };
        using var store = PostgresStore.Open(PostgresOptions.Parse(who.ConnectionString, place.State.Path));
        Assert.True(store.TryCreate("spring", SequencerRig.Plan(1)));
        Assert.Equal(1L, fixture.Server.Ask("SELECT count(*) FROM ticketrush.sale", at.Database!));
    }

    public void Dispose() => Set(_before);

    private static (string?, int, string?, SslMode) Read(string text)
    {
        var read = new NpgsqlConnectionStringBuilder(PostgresOptions.Parse(text).Connection);
        return (read.Host, read.Port, read.Database, read.SslMode);
    }

    private static void Set(params string?[] values)
    {
        for (var i = 0; i < Names.Length; i++) Environment.SetEnvironmentVariable(Names[i], values[i]);
    }
}
