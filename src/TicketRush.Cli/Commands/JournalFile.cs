using System.CommandLine;
using System.Globalization;
using TicketRush.Journal;
using TicketRush.Journal.Audit;
using TicketRush.Journal.Postgres;

namespace TicketRush.Cli.Commands;

/// <summary>What the commands that read a journal share: the argument, the exit codes, and how things are written.</summary>
internal static class JournalFile
{
    public const int Good = 0, Damaged = 1, CannotRead = 2, Torn = 3;

    public static Argument<string> Argument() => new("FILE")
    {
        Description = $"The sale's journal: a file such as data/concert.rush, or {PostgresPrefix}concert, in the database that --journal, RUSH_JOURNAL or PGHOST name.",
    };

    /// <summary>What stands before the name of a sale that is in a database.</summary>
    public const string PostgresPrefix = "postgres:";

    /// <summary>The database that a command means.</summary>
    public static PostgresOptions Database(ParseResult parsed, string? state = null) =>
        PostgresOptions.Parse(parsed.GetValue<string?>(Shared.JournalOption) ?? "postgres", state);

    /// <summary>Runs a command on a journal; what cannot be read is said in one line, not thrown.</summary>
    public static int Read(ParseResult parsed, string path, Func<Auditor, TextWriter, int> run)
    {
        var error = parsed.InvocationConfiguration.Error;
        try
        {
            using var auditor = path.StartsWith(PostgresPrefix, StringComparison.Ordinal)
                ? Auditor.OfPostgres(Database(parsed), path[PostgresPrefix.Length..])
                : new Auditor(path);
            return run(auditor, parsed.InvocationConfiguration.Output);
        }
        catch (JournalDamagedException e)
        {
            error.WriteLine(e.Message);
            return Damaged;
        }
        catch (Exception e) when (
            e is JournalRefusedException or NewerFormatException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            error.WriteLine(e.Message);
            return CannotRead;
        }
    }

    /// <summary>UTC, ISO 8601, to the millisecond.</summary>
    public static string Time(long ms) =>
        DateTimeOffset.FromUnixTimeMilliseconds(ms).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    public static string Lines(AuditedLine[] lines) => string.Join(' ', lines.Select(line => $"{line.Tier}:{line.Quantity}"));

    public static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
