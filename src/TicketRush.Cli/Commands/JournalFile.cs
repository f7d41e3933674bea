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
        var isInDatabase = path.StartsWith(PostgresPrefix, StringComparison.Ordinal);
        if (!isInDatabase && !File.Exists(path))
        {
            error.WriteLine(Directory.Exists(path)
                ? $"{path} is a directory. Name a sale's journal in it: {Path.Combine(path, "SALE.rush")}."
                : $"There is no file {path}. Name a sale's journal, such as data/concert.rush or {PostgresPrefix}concert.");
            return CannotRead;
        }

        try
        {
            using var auditor = isInDatabase
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

    /// <summary>Everything that is there; what `rush verify` has to say about it beside, in a word.</summary>
    /// <exception cref="JournalDamagedException">It is not what was written.</exception>
    public static AuditResult ReadToEnd(ParseResult parsed, Auditor auditor, CancellationToken stop)
    {
        var (result, error) = (auditor.ReadToEnd(stop), parsed.InvocationConfiguration.Error);
        if (result.ProblemCount > 0) error.WriteLine("Entries break the rules of the sale; `rush verify` says which.");
        foreach (var note in result.Notes) error.WriteLine(note);
        return result;
    }

    /// <summary>UTC, ISO 8601, to the millisecond.</summary>
    public static string Time(long ms) =>
        DateTimeOffset.FromUnixTimeMilliseconds(ms).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    public static string Lines(AuditedLine[] lines) => string.Join(' ', lines.Select(line => $"{line.Tier}:{line.Quantity}"));

    public static string Count(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
