using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Api;
using Command = System.CommandLine.Command;

namespace TicketRush.Cli.Commands;

/// <summary>What the office does with seats and journeys from a terminal: exchange what is in an order, number seats.</summary>
internal static class PlacesCommands
{
    public static Command CreateExchange()
    {
        var (sale, data, journal, json) = (Shared.Sale(), Shared.Data(), Shared.Journal(), Shared.Json());
        var order = new Argument<long>("ORDER") { Description = "The order's number: its sequence." };
        var items = new Argument<string[]>("TIER=N") { Description = "What is taken instead.", Arity = ArgumentArity.OneOrMore };
        var (from, to) = (
            new Option<string?>("--from") { Description = "The stop where the journey begins." },
            new Option<string?>("--to") { Description = "And where it ends." });
        var seats = Several<string>("--seat", "A seat by its name, once for each place; without any, the best.");
        var tickets = Several<uint>("--ticket", "A ticket that is given back; without any, all that are left.");
        var people = Several<string>("--passenger", "Once for each place, where the plan asks for them.");
        var reference = new Option<string>("--reference")
        {
            Description = "How the difference was settled.",
            DefaultValueFactory = _ => "",
        };
        var id = new Option<Guid?>("--id") { Description = "The new order's id; the same one when the command is repeated." };
        var command = new Command(
            "exchange",
            "Gives back tickets of an order and takes other places, in one decision.\n\n"
            + "Example: rush exchange g79 17 second=1 --from wuhan --to guangzhou-south")
        {
            sale, order, items, from, to, seats, tickets, people, reference, id, data, journal, json,
        };
        command.SetAction((result, _) =>
        {
            var wish = new Wish
            {
                Items = result.GetRequiredValue(items),
                From = result.GetValue(from),
                To = result.GetValue(to),
                Seats = result.GetValue(seats) ?? [],
                Tickets = result.GetValue(tickets) ?? [],
                Passengers = result.GetValue(people) ?? [],
                Reference = result.GetValue(reference) ?? "",
                Id = result.GetValue(id) ?? Guid.NewGuid(),
                Json = result.GetValue(json),
                Output = result.InvocationConfiguration.Output,
            };
            return SaleCommands.WithSalesAsync(
                new(result.GetRequiredValue(data), result.GetValue(journal)),
                sales => ExchangeAsync(sales, result.GetRequiredValue(sale), result.GetRequiredValue(order), wish));
        });
        return command;
    }

    public static Command CreateNumber()
    {
        var (sale, data, journal, json) = (Shared.Sale(), Shared.Data(), Shared.Journal(), Shared.Json());
        var pool = new Argument<string>("POOL") { Description = "The pool whose seats were sold without numbers." };
        var command = new Command("number", "Gives the seats of a pool their numbers, once.\n\nExample: rush number g79 first")
        {
            sale, pool, data, journal, json,
        };
        command.SetAction((result, _) => SaleCommands.WithSalesAsync(new(result.GetRequiredValue(data), result.GetValue(journal)), sales =>
        {
            var name = result.GetRequiredValue(sale);
            var at = sales.Find(name)?.Sequencer?.Snapshot?.Plan.PoolNamed(result.GetRequiredValue(pool)) ?? 0;
            return at < 0
                ? Task.FromResult(Shared.Fail($"The plan has no pool \"{result.GetRequiredValue(pool)}\"."))
                : SaleCommands.TellAsync(sales, name, new() { Kind = CommandKind.Number, Pool = (ushort)at }, result.GetValue(json));
        }));
        return command;
    }

    private static Option<T[]> Several<T>(string name, string description) =>
        new(name) { Description = description, AllowMultipleArgumentsPerToken = true };

    private sealed record Wish
    {
        public required string[] Items { get; init; }
        public required string? From { get; init; }
        public required string? To { get; init; }
        public required string[] Seats { get; init; }
        public required uint[] Tickets { get; init; }
        public required string[] Passengers { get; init; }
        public required string Reference { get; init; }
        public required Guid Id { get; init; }
        public required bool Json { get; init; }
        public required TextWriter Output { get; init; }
    }

    private static async Task<int> ExchangeAsync(Sales sales, string name, long order, Wish wish)
    {
        if (sales.Find(name) is not { } sale) return Shared.Fail($"There is no sale \"{name}\".");
        if (sale.Sequencer is not { Snapshot.Plan: { } plan } sequencer)
            return Shared.Fail($"The sale \"{name}\" is stopped. {sale.Status.Reason}");
        if (order < 1) return Shared.Fail($"{order} is no order's number.", 2);
        if (wish.From is null != wish.To is null) return Shared.Fail("--from and --to belong together.", 2);

        var bytes = new byte[16];
        wish.Id.TryWriteBytes(bytes, bigEndian: true, out _);
        var command = new Engine.Command
        {
            Kind = CommandKind.Exchange, Hold = sales.Identities.Hold(bytes), Order = order, Plan = plan,
                Reference = sales.Identities.Reference(wish.Reference),
            Tickets = wish.Tickets.Length == 0 ? null : wish.Tickets,
        };
        foreach (var item in wish.Items)
        {
            if (item.Split('=') is not [var tier, var digits]
                || !ushort.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var quantity)
                || plan.TierNamed(tier) is not (>= 0 and var at) || !command.Lines.TryAdd((ushort)at, quantity))
                return Shared.Fail($"\"{item}\" is no tier of the plan, once, with a number of places, such as {plan.Tiers[0].Id}=1.", 2);
        }

        if (wish.From is not null)
        {
            var (from, to) = (plan.StopNamed(wish.From), plan.StopNamed(wish.To!));
            (command.From, command.To) = (from < 0 ? ushort.MaxValue : (ushort)from, to < 0 ? ushort.MaxValue : (ushort)to);
        }

        if (wish.Seats.Length > 0) command.Seats = SeatsOf(command, plan, wish.Seats);
        if (wish.Passengers.Length > 0) command.Passengers = Array.ConvertAll(wish.Passengers, sales.Identities.Passenger);
        var submission = new Submission { Command = command };
        var outcome = await sequencer.SubmitAsync(submission);
        var reply = submission.Reply;
        if (outcome != Outcome.Done)
        {
            return Shared.Fail(outcome switch
            {
                Outcome.Refused => $"{Problems.Code(reply.Refusal)} {reply.Detail}".Trim(),
                Outcome.Unknown => $"Nobody knows yet. Ask again with --id {wish.Id}.",
                _ => $"{outcome}: {sale.Status.Reason}",
            });
        }

        var seats = PlacesAsking.SeatsOf(reply.Lines, reply.Given!.Seats.AsSpan(), plan);
        if (wish.Json)
            await wish.Output.WriteLineAsync(JsonSerializer.Serialize(new ExchangeLine(name, order, reply.Sequence, wish.Id,
                reply.Given.Credit, reply.Amount, seats), CliJson.Default.ExchangeLine));
        else
        {
            await wish.Output.WriteLineAsync(
                $"Order {order} was exchanged for order {reply.Sequence}{(seats is null ? "" : $", {string.Join(' ', seats)}")}: {reply.Given.Credit} were given back for {reply.Amount} (minor units of {plan.Currency}).");
        }

        return 0;
    }

    private static int[] SeatsOf(in Engine.Command command, Plan plan, string[] names)
    {
        var (seats, next) = (new List<int>(), 0);
        for (var i = 0; i < command.Lines.Count; i++)
        {
            var layout = plan.Pools[plan.PoolNamed(plan.Tiers[command.Lines[i].Tier].Pool)].Layout;
            for (var k = 0; k < command.Lines[i].Quantity && seats.Count <= PlanRules.PerOrderMax; k++)
                seats.Add(layout is null || next == names.Length ? -1 : layout.Find(names[next++]) is >= 0 and var seat ? seat
                    : PlacesAsking.UnknownSeat);
        }

        // More names than places: the sale says that they do not belong together.
        for (; next < names.Length; next++) seats.Add(PlacesAsking.UnknownSeat);
        return [.. seats];
    }
}

/// <param name="Credit">What was given back, in minor units.</param>
internal sealed record ExchangeLine(string Sale, long Order, long Sequence, Guid Id, long Credit, long Total, string?[]? Seats);
