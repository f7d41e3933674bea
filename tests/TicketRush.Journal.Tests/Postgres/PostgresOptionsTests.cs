using Npgsql;
using TicketRush.Journal.Postgres;

namespace TicketRush.Journal.Tests;

/// <summary>What a connection string leaves open comes from the usual variables, and what it says stands.</summary>
public sealed class PostgresOptionsTests
{
    private static readonly Dictionary<string, string> Variables = new(StringComparer.Ordinal)
    {
        ["PGHOST"] = "db1,db2",
        ["PGPORT"] = "6432",
        ["PGDATABASE"] = "tickets",
        ["PGSSLMODE"] = "verify-full",
        ["PGTARGETSESSIONATTRS"] = "read-write",
    };

    [Theory]
    [InlineData("postgres")]
    [InlineData("")]
    public void All_of_it_may_come_from_the_environment(string text)
    {
        var parts = Parse(text, Variables);
        Assert.Equal(("db1,db2", 6432, "tickets"), (parts.Host, parts.Port, parts.Database));
        Assert.Equal((SslMode.VerifyFull, "read-write"), (parts.SslMode, parts.TargetSessionAttributes));
    }

    [Fact]
    public void What_the_text_says_stands()
    {
        var parts = Parse("Host=here;Port=5432;Database=mine;SSL Mode=Disable;Target Session Attributes=any", Variables);
        Assert.Equal(("here", 5432, "mine"), (parts.Host, parts.Port, parts.Database));
        Assert.Equal((SslMode.Disable, "any"), (parts.SslMode, parts.TargetSessionAttributes));
    }

    [Fact]
    public void Without_either_it_is_the_database_of_this_machine()
    {
        var parts = Parse("postgres", []);
        Assert.Equal(("localhost", 5432, null), (parts.Host, parts.Port, parts.TargetSessionAttributes));
    }

    private static NpgsqlConnectionStringBuilder Parse(string text, Dictionary<string, string> variables) =>
        new(PostgresOptions.Parse(text, null, variables.GetValueOrDefault).Connection);
}
