using System.CommandLine;
using System.Text.Json.Serialization;
using TicketRush.Journal;

namespace TicketRush.Cli.Commands;

/// <summary>Options and endings that commands have in common. Exit codes: 0 done, 1 refused or failed, 2 wrong usage.</summary>
internal static class Shared
{
    public static Option<string> Data() => new("--data")
    {
        Description = "The data directory: journals, turn files, keys. Made when it is not there.",
        DefaultValueFactory = _ => "data",
        HelpName = "DIR",
    };

    /// <summary>The database, when the sales are kept in one.</summary>
    public static Option<string?> Journal() => new(JournalOption)
    {
        Description = "Keep the sales in PostgreSQL: \"Host=…;Database=…;Username=…\", or postgres for PGHOST, PGDATABASE and the like "
            + "alone. RUSH_JOURNAL says the same without showing a password to everybody on the machine.",
        HelpName = "CONNECTION",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable("RUSH_JOURNAL") is { Length: > 0 } given ? given : null,
    };

    public const string JournalOption = "--journal";

    /// <summary>What may be wrong with a store, which a person can put right; anything else is a defect.</summary>
    public static bool IsTheStores(Exception e) => e is IOException or UnauthorizedAccessException or InvalidDataException
        or InvalidOperationException or JournalRefusedException or JournalDamagedException or NewerFormatException or ArgumentException
        or FormatException;

    public static Option<bool> Json(string description = "Print JSON.") => new("--json") { Description = description };

    public static Option<bool> AllowTestPayments() => new("--allow-test-payments")
    {
        Description = "Allow plans with paymentKind test, with which anybody may pay. Never where tickets are worth something.",
    };

    public static Argument<string> Sale() => new("SALE") { Description = "The sale's name: 1 to 63 of a-z, 0-9 and -." };

    /// <summary>Says every usage error, and where to read on; 2.</summary>
    public static int UsageError(ParseResult parsed)
    {
        foreach (var error in parsed.Errors) Console.Error.WriteLine(error.Message);
        return Fail("rush --help, or rush COMMAND --help, says what is allowed.", 2);
    }

    public static int Fail(string message, int code = 1)
    {
        Console.Error.WriteLine(message);
        return code;
    }
}

internal sealed record ReadyLine(
    string[] Urls, string Data, string? OfficeKey, string[] Sales, string? Terminals = null, string? Board = null);

internal sealed record SaleLine(
    string Sale, string State, string? Name, long Sequence, int Capacity, int Held, int Sold, int Free, string? Reason);

internal sealed record ChangeLine(string Sale, string State, long Sequence, string Hash);

internal sealed record KeyLine(string Id, string Name, string Role, string Made, string? Revoked);

internal sealed record NewKeyLine(string Id, string Name, string Role, string Key);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ReadyLine))]
[JsonSerializable(typeof(SaleLine[]))]
[JsonSerializable(typeof(ChangeLine))]
[JsonSerializable(typeof(ExchangeLine))]
[JsonSerializable(typeof(KeyLine[]))]
[JsonSerializable(typeof(NewKeyLine))]
internal sealed partial class CliJson : JsonSerializerContext;
