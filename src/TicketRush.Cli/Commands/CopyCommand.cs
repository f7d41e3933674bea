using System.CommandLine;
using TicketRush.Journal;
using TicketRush.Journal.Files;
using TicketRush.Journal.Postgres;
using Command = System.CommandLine.Command;

namespace TicketRush.Cli.Commands;

/// <summary><c>rush copy</c>: a sale from a file to PostgreSQL, or back.</summary>
internal static class CopyCommand
{
    public static Command Create()
    {
        var (data, journal) = (Shared.Data(), Shared.Journal());
        var from = new Argument<string>("FROM")
        {
            Description = $"The sale: a file such as data/concert.rush, or {JournalFile.PostgresPrefix}concert.",
        };
        var to = new Argument<string>("TO")
        {
            Description = $"Where to: such a file, or {JournalFile.PostgresPrefix}concert. The name stays.",
        };
        var move = new Option<bool>("--move") { Description = "Set the original aside, so that only the copy can be sold from." };
        var command = new Command("copy", """
            Copies a sale between a file and PostgreSQL, byte for byte, and verifies what arrived. Its receipts stay good, and its ids are
            found there under the same keys, which go with the first sale that is copied. The sale must not be open.

            With --move there is no moment in which both can be sold from, and the original stays under another name (.moved). Without it
            both can: remove one. Servers that run where the first sale arrives do not sell it until they are started again, for its keys.

            Example: rush copy data/concert.rush postgres:concert --journal "Host=db;Database=rush;Username=rush" --move
            """) { from, to, move, data, journal };
        command.SetAction((parsed, _) => Task.Run(() => Run(
            parsed, parsed.GetRequiredValue(from), parsed.GetRequiredValue(to), parsed.GetRequiredValue(data), parsed.GetValue(move))));
        return command;
    }

    private static int Run(ParseResult parsed, string from, string to, string data, bool move)
    {
        try
        {
            var database = IsPostgres(from) || IsPostgres(to) ? JournalFile.Database(parsed, data) : null;
            using var source = OpenStore(from, database);
            using var target = OpenStore(to, database);
            var arrived = SaleCopy.Run(new(source, SaleOf(from)), new(target, SaleOf(to)), database, move);
            Console.WriteLine($"{to} is good: sequence {arrived.Sequences}, hash {arrived.Hash}.");
            if (!move) Console.WriteLine($"{from} is still there. Sell from one of them only.");
            return 0;
        }
        catch (Exception e) when (Shared.IsTheStores(e))
        {
            return Shared.Fail(e.Message);
        }
    }

    private static bool IsPostgres(string place) => place.StartsWith(JournalFile.PostgresPrefix, StringComparison.Ordinal);

    private static ISaleStore OpenStore(string place, PostgresOptions? database) => IsPostgres(place)
        ? PostgresStore.Open(database!)
        : Path.GetExtension(place) == FileJournal.Extension
            ? new DataDirectory(Path.GetDirectoryName(Path.GetFullPath(place))!)
            : throw new ArgumentException($"{place} is neither a {FileJournal.Extension} file nor {JournalFile.PostgresPrefix}SALE.");

    private static string SaleOf(string place) =>
        IsPostgres(place) ? place[JournalFile.PostgresPrefix.Length..] : Path.GetFileNameWithoutExtension(place);
}
