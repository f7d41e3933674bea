using System.Data.Common;
using Npgsql;

namespace TicketRush.Journal.Postgres;

/// <summary>Which database, and the bounds of what is asked of it.</summary>
public sealed record PostgresOptions
{
    private const string EnvironmentOnly = "postgres";

    /// <summary>Npgsql's connection string.</summary>
    public required string Connection { get; init; }

    /// <summary>Where this machine keeps its witnesses, and the key that seals the database's secrets. Null: only reading.</summary>
    public string? StateDirectory { get; init; }

    /// <summary>Turns that this process may take at once, each on a connection of its own. Two more tell and hear of news.</summary>
    public int SessionsMax { get; init; } = 16;

    /// <summary>Connections on which this process reads for those who watch; they never take a turn's.</summary>
    public int WatchSessionsMax { get; init; } = 4;

    /// <summary>
    /// How long a turn may stand still, in a server that is frozen or cut off, before the database ends it. In the middle of a message,
    /// where no bound of the database runs, another server that waits ends it after twice that.
    /// </summary>
    public TimeSpan TurnIdleMax { get; init; } = TimeSpan.FromSeconds(1.5);

    /// <summary>How long to wait for the answer to a commit before its connection is given up, and it is settled on another.</summary>
    public TimeSpan CommitWaitMax { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long to try to learn what became of a commit that was not answered. With <see cref="CommitWaitMax"/> no more than
    /// <see cref="SequencerOptions.FlushWaitMax"/>.
    /// </summary>
    public TimeSpan SettleMax { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a turn or a read waits for a database that cannot be reached, before it fails.</summary>
    public TimeSpan ReconnectMax { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>
    /// How long who moves a sale away tries to learn what became of that commit: only when it is known can what arrived be given its name,
    /// or be taken away.
    /// </summary>
    internal TimeSpan SetAsideSettleMax { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How often news is looked for that no notification told of.</summary>
    public TimeSpan PollEvery { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// For showing what it is worth: false commits without waiting for the disk, or a standby, and a failover loses acknowledged entries.
    /// </summary>
    internal bool SynchronousCommit { get; init; } = true;

    /// <summary>For showing what it is worth: false does not hold the database against what this machine has seen.</summary>
    internal bool Witness { get; init; } = true;

    /// <summary>For showing what it is worth: false takes a commit for durable though the database gave notice at it.</summary>
    internal bool Notices { get; init; } = true;

    /// <summary>The database without its password.</summary>
    public string Name
    {
        get
        {
            var parts = new NpgsqlConnectionStringBuilder(Connection);
            var port = parts.Port == NpgsqlConnection.DefaultPort ? "" : $":{parts.Port}";
            return $"postgres://{parts.Host}{port}/{parts.Database ?? parts.Username}";
        }
    }

    /// <summary>
    /// Reads a connection string; what it leaves open, and all of it when it is "postgres", comes from PGHOST, PGPORT, PGDATABASE and the
    /// like.
    /// </summary>
    /// <exception cref="ArgumentException">It is no connection string.</exception>
    public static PostgresOptions Parse(string text, string? stateDirectory = null) =>
        Parse(text, stateDirectory, Environment.GetEnvironmentVariable);

    internal static PostgresOptions Parse(string text, string? stateDirectory, Func<string, string?> variable)
    {
        string? Variable(string name) => variable(name) is { Length: > 0 } value ? value : null;
        var given = text.Trim() == EnvironmentOnly ? "" : text;
        NpgsqlConnectionStringBuilder parts;
        DbConnectionStringBuilder words;
        try
        {
            (parts, words) = (new(given), new() { ConnectionString = given });
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException(
                "The journal's connection (--journal, RUSH_JOURNAL) must be \"Host=…;Database=…;Username=…\", or postgres for what PGHOST "
                + $"and the like say. {e.Message}",
                e);
        }

        // User, password and certificates Npgsql takes from the environment by itself.
        if (string.IsNullOrEmpty(parts.Host)) parts.Host = Variable("PGHOST") ?? "localhost";
        if (!words.ContainsKey("Port") && Variable("PGPORT") is { } port) parts["Port"] = port;
        if (string.IsNullOrEmpty(parts.Database)) parts.Database = Variable("PGDATABASE");
        if (!words.ContainsKey("SSL Mode") && !words.ContainsKey("SslMode") && Variable("PGSSLMODE") is { } ssl)
            parts["SSL Mode"] = ssl.Replace("-", "", StringComparison.Ordinal);
        if (string.IsNullOrEmpty(parts.TargetSessionAttributes)) parts.TargetSessionAttributes = Variable("PGTARGETSESSIONATTRS");
        var most = words.ContainsKey("Maximum Pool Size") ? Math.Clamp(parts.MaxPoolSize, 2, 200) : 16;
        return new() { Connection = parts.ConnectionString, StateDirectory = stateDirectory, SessionsMax = most };
    }
}
