using System.CommandLine;
using System.Text.Json;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server;
using TicketRush.Server.Api;
using Command = System.CommandLine.Command;

namespace TicketRush.Cli.Commands;

/// <summary>
/// What the office does from a terminal. These commands take turns at the journal like any server, so they need neither a
/// running one nor its key: who may write the files may sell.
/// </summary>
internal static class SaleCommands
{
    public static Command CreateCreate()
    {
        var (sale, data, journal, test, json) = (Shared.Sale(), Shared.Data(), Shared.Journal(), Shared.AllowTestPayments(), Shared.Json());
        var file = new Argument<FileInfo>("PLAN.json") { Description = "The plan; docs/PROTOCOL.md has an example and every member." };
        var command = new Command(
            "create", "Creates a sale as a draft, from its plan.\n\nExample: rush create spring samples/plans/concert.json")
            { sale, file, data, journal, test, json };
        command.SetAction((result, stop) => CreateAsync(
            result.GetRequiredValue(sale), result.GetRequiredValue(file), new(result.GetRequiredValue(data), result.GetValue(journal)),
            result.GetValue(test), result.GetValue(json)));
        return command;
    }

    public static Command CreateChange(string name, CommandKind kind, string description)
    {
        var (sale, data, journal, json) = (Shared.Sale(), Shared.Data(), Shared.Journal(), Shared.Json());
        var command = new Command(name, $"{description}\n\nExample: rush {name} spring") { sale, data, journal, json };
        command.SetAction((result, _) => ChangeAsync(
            result.GetRequiredValue(sale), kind, new(result.GetRequiredValue(data), result.GetValue(journal)), result.GetValue(json)));
        return command;
    }

    public static Command CreateList()
    {
        var (data, journal, json) = (Shared.Data(), Shared.Journal(), Shared.Json());
        var command = new Command("list", "Lists the sales of a data directory or a database.\n\nExample: rush list --json")
        {
            data, journal, json,
        };
        command.SetAction((result, _) => ListAsync(new(result.GetRequiredValue(data), result.GetValue(journal)), result.GetValue(json)));
        return command;
    }

    private static async Task<int> CreateAsync(string sale, FileInfo file, Where where, bool allowTest, bool json)
    {
        if (!PlanCheck.IsId(sale)) return Shared.Fail($"\"{sale}\" cannot name a sale: 1 to 63 of a-z, 0-9 and -, not starting with -.", 2);

        PlanDocument? document;
        try
        {
            document = JsonSerializer.Deserialize(await File.ReadAllBytesAsync(file.FullName), ApiJson.Api.PlanDocument);
        }
        catch (JsonException e)
        {
            return Shared.Fail($"{file} is no plan: {e.Message}", 2);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Shared.Fail($"Cannot read {file}: {e.Message}", 2);
        }

        if (document is null) return Shared.Fail($"{file} is no plan: it is null.", 2);
        if (PlanMapping.HasNull(document) is { } nothing) return Shared.Fail($"{file}: {nothing} must not be null.", 2);
        var (plan, errors) = PlanMapping.Read(document, allowTest);
        if (plan is null)
        {
            foreach (var error in errors) Console.Error.WriteLine($"{file}: {error.Path} {error.Message}");
            return Shared.Fail($"{errors.Count} error{(errors.Count == 1 ? "" : "s")}; nothing was created.", 2);
        }

        Directory.CreateDirectory(where.Data);
        return await WithSalesAsync(where, async sales =>
        {
            if (!sales.TryCreate(sale, plan)) return Shared.Fail($"There is a sale \"{sale}\" already; nothing was changed.");
            return await TellAsync(sales, sale, new() { Kind = CommandKind.Plan, Plan = plan }, json);
        });
    }

    private static Task<int> ChangeAsync(string sale, CommandKind kind, Where where, bool json) =>
        WithSalesAsync(where, sales => TellAsync(sales, sale, new() { Kind = kind }, json));

    public static async Task<int> TellAsync(Sales sales, string name, TicketRush.Engine.Command command, bool json)
    {
        if (sales.Find(name) is not { } sale) return Shared.Fail($"There is no sale \"{name}\".");
        if (sale.Sequencer is null) return Shared.Fail($"The sale \"{name}\" is stopped. {sale.Status.Reason}");

        var submission = new Submission { Command = command };
        var outcome = await sale.Sequencer.SubmitAsync(submission);
        if (outcome != Outcome.Done)
        {
            if (outcome != Outcome.Refused) return Shared.Fail($"{outcome}: {sale.Status.Reason}");
            var (code, detail) = Problems.Tell(outcome, submission, sale);
            return Shared.Fail($"{code}: {detail}");
        }

        var state = submission.Reply.SaleState.ToString().ToLowerInvariant();
        if (json)
        {
            var line = new ChangeLine(name, state, submission.Reply.Sequence, submission.Hash.ToString());
            Console.WriteLine(JsonSerializer.Serialize(line, CliJson.Default.ChangeLine));
        }
        else
        {
            Console.WriteLine($"{name} is {state} since sequence {submission.Reply.Sequence}.");
        }

        return 0;
    }

    private static Task<int> ListAsync(Where where, bool json) => WithSalesAsync(where, sales =>
    {
        SaleLine[] lines = [.. sales.All().Select(sale =>
        {
            if (sale.Sequencer?.Snapshot is not { } snapshot) return new(sale.Name, "stopped", null, 0, 0, 0, 0, 0, sale.Status.Reason);
            return new SaleLine(
                sale.Name, snapshot.State.ToString().ToLowerInvariant(), snapshot.Plan.Name, snapshot.Sequence,
                snapshot.Pools.Sum(pool => pool.Capacity),
                snapshot.Pools.Sum(pool => pool.Held), snapshot.Pools.Sum(pool => pool.Sold), snapshot.Pools.Sum(pool => pool.Free), null);
        })];

        if (json) Console.WriteLine(JsonSerializer.Serialize(lines, CliJson.Default.SaleLineArray));
        else if (lines.Length == 0) Console.WriteLine("No sales. Make one: rush create SALE PLAN.json");
        else
        {
            Console.WriteLine($"{"SALE",-24} {"STATE",-8} {"FREE",9} {"HELD",9} {"SOLD",9} {"SEQUENCE",10}  NAME");
            foreach (var line in lines)
                Console.WriteLine(
                    $"{line.Sale,-24} {line.State,-8} {line.Free,9} {line.Held,9} {line.Sold,9} {line.Sequence,10}  "
                    + (line.Name ?? line.Reason));
        }

        return Task.FromResult(0);
    });

    public static async Task<int> WithSalesAsync(Where where, Func<Sales, Task<int>> act)
    {
        if (where.Journal is null && !Directory.Exists(where.Data))
            return Shared.Fail($"There is no directory {where.Data}; --data names another.");

        try
        {
            using var store = RushServer.OpenStore(where.Data, where.Journal);
            await using var sales = new Sales(store);
            return await act(sales);
        }
        catch (Exception e) when (Shared.IsTheStores(e))
        {
            return Shared.Fail(e.Message);
        }
    }

    /// <summary>A data directory, and the database beside it when there is one.</summary>
    public sealed record Where(string Data, string? Journal);
}
