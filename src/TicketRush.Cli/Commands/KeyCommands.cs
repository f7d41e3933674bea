using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using TicketRush.Server;
using TicketRush.Server.Access;
using Command = System.CommandLine.Command;

namespace TicketRush.Cli.Commands;

/// <summary><c>rush keys</c>: who may do what. Works on the data directory, with or without a running server.</summary>
internal static class KeyCommands
{
    public static Command Create() => new(
        "keys",
        """
        Makes, lists and revokes the keys of a data directory or a database. Running servers follow within a second.

        A key has a role: office (everything), staff (sell, find, refund), shop (sell to buyers it names, confirm payments, see its own
        orders), read (lists and figures). Two keys of one name are one caller: to change a shop's key, add another, then revoke the
        old one.
        """) { CreateAdd(), CreateList(), CreateRevoke() };

    private static Command CreateAdd()
    {
        var (data, journal, json) = (Shared.Data(), Shared.Journal(), Shared.Json());
        var name = new Argument<string>("NAME")
        {
            Description = "Who it is for, as the journal will say for ever: a shop or a desk, never a person. 1 to 63 of a-z, 0-9 and -.",
        };
        var role = new Option<string>("--role") { Description = "office, staff, shop or read.", Required = true, HelpName = "ROLE" };
        role.AcceptOnlyFromAmong("office", "staff", "shop", "read");
        var command = new Command(
            "add", "Makes a key and shows it, this once: the key itself is kept nowhere.\n\nExample: rush keys add web-shop --role shop")
            { name, role, data, journal, json };
        command.SetAction(result => With(result.GetRequiredValue(data), result.GetValue(journal), make: true, ring =>
        {
            Permissions.TryParse(result.GetRequiredValue(role), out var parsed);
            var (key, secret) = ring.Add(result.GetRequiredValue(name), parsed);
            var line = new NewKeyLine(key.Id, key.Name, key.Role.Name(), secret);
            Console.WriteLine(result.GetValue(json)
                ? JsonSerializer.Serialize(line, CliJson.Default.NewKeyLine)
                : $"{secret}\n\nThis is the {line.Role} key of \"{key.Name}\" (id {key.Id}). "
                    + "It is shown this once; the key itself is kept nowhere.");
            return 0;
        }));
        return command;
    }

    private static Command CreateList()
    {
        var (data, journal, json) = (Shared.Data(), Shared.Journal(), Shared.Json());
        var command = new Command("list", "Lists the keys, revoked ones too; never their secrets.\n\nExample: rush keys list")
            { data, journal, json };
        command.SetAction(result => With(result.GetRequiredValue(data), result.GetValue(journal), make: false, ring =>
        {
            KeyLine[] lines = [.. ring.List().Select(key =>
                new KeyLine(key.Id, key.Name, key.Role.Name(), Text(key.Made), key.Revoked is { } at ? Text(at) : null))];
            if (result.GetValue(json))
            {
                Console.WriteLine(JsonSerializer.Serialize(lines, CliJson.Default.KeyLineArray));
                return 0;
            }

            if (lines.Length == 0) Console.WriteLine("No keys. Make one: rush keys add NAME --role ROLE");
            else Console.WriteLine($"{"ID",-8}  {"ROLE",-6}  {"MADE",-20}  {"REVOKED",-20}  NAME");
            foreach (var line in lines)
                Console.WriteLine($"{line.Id,-8}  {line.Role,-6}  {line.Made,-20}  {line.Revoked,-20}  {line.Name}");
            return 0;
        }));
        return command;
    }

    private static Command CreateRevoke()
    {
        var (data, journal) = (Shared.Data(), Shared.Journal());
        var id = new Argument<string>("ID") { Description = "The key's id: eight digits, in `rush keys list` and in the key itself." };
        var command = new Command(
            "revoke", "Ends a key. What was done with it stays, and so does its name in the journal.\n\nExample: rush keys revoke 3fa085c1")
            { id, data, journal };
        command.SetAction(result => With(result.GetRequiredValue(data), result.GetValue(journal), make: false, ring =>
        {
            if (!ring.Revoke(result.GetRequiredValue(id))) return Shared.Fail("There is no such key, or it was revoked before.");
            Console.WriteLine($"The key {result.GetRequiredValue(id)} is revoked; running servers follow within a second.");
            return 0;
        }));
        return command;
    }

    private static int With(string data, string? journal, bool make, Func<KeyRing, int> act)
    {
        if (make) Directory.CreateDirectory(data);
        else if (journal is null && !Directory.Exists(data)) return Shared.Fail($"There is no directory {data}; --data names another.");

        try
        {
            using var store = RushServer.OpenStore(data, journal);
            return act(KeyRing.Open(store.Secrets));
        }
        catch (ArgumentException e)
        {
            return Shared.Fail(e.Message, 2);
        }
        catch (Exception e) when (Shared.IsTheStores(e))
        {
            return Shared.Fail(e.Message);
        }
    }

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
