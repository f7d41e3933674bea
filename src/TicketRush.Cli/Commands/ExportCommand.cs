using System.CommandLine;
using System.Text;
using TicketRush.Journal.Audit;

namespace TicketRush.Cli.Commands;

/// <summary><c>rush export</c>: orders or tickets as CSV.</summary>
public static class ExportCommand
{
    private static readonly string[] OrderColumns =
        ["order", "time", "placed", "first_ticket", "tickets", "tiers", "amount", "currency", "late", "refunded_tickets", "refunded_amount",
        "by", "from", "to", "seats"];

    private static readonly string[] TicketColumns =
        ["ticket", "order", "order_time", "tier", "price", "currency", "state", "refunded", "refunded_time", "refund_reason", "by",
        "refunded_by", "from", "to", "seat"];

    public static Command Create()
    {
        var file = JournalFile.Argument();
        var orders = new Option<bool>("--orders") { Description = "One row per order; the default." };
        var tickets = new Option<bool>("--tickets") { Description = "One row per ticket." };
        var to = new Option<string?>("--output")
        {
            Description = "Write to this file, which is replaced, instead of standard output.",
            HelpName = "FILE",
        };
        var command = new Command("export", $"""
            Writes a sale's orders or tickets as CSV (RFC 4180, UTF-8, with a header row). Only reads, and may run while the sale is
            selling.

            Columns with --orders: {string.Join(", ", OrderColumns)}.
            Columns with --tickets: {string.Join(", ", TicketColumns)}.
            "by" and "refunded_by" name the key that confirmed the order and that refunded; empty for a buyer in a browser.
            "order", "placed" and "refunded" are sequences; "tiers" is tier:places, separated by spaces; "state" is valid or refunded.
            "from" and "to" are the stops of a journey, "seat" a seat's name, "seats" those of the order; empty where there are none. A
            ticket that was given back in an exchange is refunded with the reason exchanged.
            Times are UTC in ISO 8601; amounts and prices are in the currency's minor unit.
            Ids, buyers and payment references are never in it: the journal has only keyed hashes of them.

            Example: rush export data/concert.rush --tickets --output tickets.csv
            """) { file, orders, tickets, to, Shared.Journal() };
        command.Validators.Add(result =>
        {
            if (result.GetValue(orders) && result.GetValue(tickets)) result.AddError("Either --orders or --tickets, not both.");

            // The output replaces what is there, and a journal can be replaced by nothing.
            if (Path.GetExtension(result.GetValue(to)) is ".rush" or ".turn")
                result.AddError("--output must not be a .rush or .turn file.");
            else if (result.GetValue(to) is { } path && Path.GetFullPath(path) == Path.GetFullPath(result.GetValue(file)!))
                result.AddError("--output is the journal itself.");
        });
        command.SetAction((parsed, stop) => Task.Run(() => JournalFile.Read(parsed, parsed.GetValue(file)!, (auditor, output) =>
        {
            var result = JournalFile.ReadToEnd(parsed, auditor, stop);
            using var target = parsed.GetValue(to) is { } path ? new StreamWriter(path, append: false, new UTF8Encoding(false)) : null;
            var currency = result.Plan?.Currency ?? "";
            if (parsed.GetValue(tickets)) WriteTickets(auditor.Orders(), currency, target ?? output);
            else WriteOrders(auditor.Orders(), currency, target ?? output);
            return JournalFile.Good;
        }), stop));
        return command;
    }

    private static void WriteOrders(IEnumerable<AuditedOrder> orders, string currency, TextWriter to)
    {
        Row(to, OrderColumns);
        foreach (var order in orders)
        {
            Row(to,
                $"{order.Sequence}", JournalFile.Time(order.TimeMs), $"{order.Placed}", $"{order.FirstTicket}",
                $"{order.Lines.Sum(line => line.Quantity)}",
                JournalFile.Lines(order.Lines), $"{order.Lines.Sum(line => line.Quantity * line.Price)}", currency,
                order.Late ? "true" : "false",
                $"{order.Refunds.Sum(refund => refund.Tickets.Length)}", $"{order.Refunds.Sum(refund => refund.Amount)}",
                order.By ?? "", order.From ?? "", order.To ?? "", string.Join(' ', order.Seats.Where(seat => seat is not null)));
        }
    }

    private static void WriteTickets(IEnumerable<AuditedOrder> orders, string currency, TextWriter to)
    {
        Row(to, TicketColumns);
        foreach (var order in orders)
        {
            var (ticket, place) = (order.FirstTicket, 0);
            foreach (var line in order.Lines)
            {
                for (var i = 0; i < line.Quantity; i++, ticket++, place++)
                {
                    var refund = order.Refunds.FirstOrDefault(refund => refund.Tickets.Contains(ticket));
                    Row(to,
                        $"{ticket}", $"{order.Sequence}", JournalFile.Time(order.TimeMs), line.Tier, $"{line.Price}", currency,
                        refund is null ? "valid" : "refunded", refund is null ? "" : $"{refund.Sequence}",
                        refund is null ? "" : JournalFile.Time(refund.TimeMs), refund?.Reason ?? "", order.By ?? "", refund?.By ?? "",
                        order.From ?? "", order.To ?? "", place < order.Seats.Length ? order.Seats[place] ?? "" : "");
                }
            }
        }
    }

    private static void Row(TextWriter to, params ReadOnlySpan<string> fields)
    {
        for (var i = 0; i < fields.Length; i++)
        {
            if (i > 0) to.Write(',');
            if (fields[i].AsSpan().ContainsAny(",\"\r\n")) to.Write($"\"{fields[i].Replace("\"", "\"\"")}\"");
            else to.Write(fields[i]);
        }

        to.Write("\r\n"); // RFC 4180, on every system.
    }
}
