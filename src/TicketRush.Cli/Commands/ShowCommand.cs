using System.CommandLine;
using System.Text.Json;
using TicketRush.Journal.Audit;

namespace TicketRush.Cli.Commands;

/// <summary><c>rush show</c>: what a sale is now, and with --follow every entry as it becomes durable.</summary>
public static class ShowCommand
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull,
    };

    public static Command Create()
    {
        var file = JournalFile.Argument();
        var follow = new Option<bool>("--follow") { Description = "Go on with one line per entry as it becomes durable; Ctrl-C ends it." };
        var from = new Option<long?>("--from")
        {
            Description = "Start at this sequence instead of behind the present end; implies entries.",
            HelpName = "SEQ",
        };
        var json = new Option<bool>("--json") { Description = "Write JSON, one object per line." };
        from.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && (!long.TryParse(token.Value, out var sequence) || sequence < 1))
                result.AddError("--from takes a sequence: 1, 2, 3, ...");
        });
        var command = new Command("show", """
            Shows a sale from its journal: state, plan, pools, orders, last sequence. Only reads, and may run while the sale is selling.
            With --from, the entries from there on come instead; with --follow, new entries as they become durable.
            Ids, buyers and payment references are never shown: a hold is named by the sequence that placed it.

            Example: rush show data/concert.rush --follow --from 1
            """) { file, follow, from, json, Shared.Journal() };
        command.SetAction((parsed, stop) => Task.Run(() => JournalFile.Read(parsed, parsed.GetValue(file)!, (auditor, output) =>
        {
            var (follows, isJson, first) = (parsed.GetValue(follow), parsed.GetValue(json), parsed.GetValue(from));
            if (first is not null) auditor.OnEntry = entry => WriteFrom(entry, first.Value, isJson, output);
            var result = JournalFile.ReadToEnd(parsed, auditor, stop);
            if (first is null && isJson) output.WriteLine(JsonSerializer.Serialize(Summary(result), Json));
            else if (first is null) WriteSummary(result, output);
            if (!follows) return JournalFile.Good;

            auditor.OnEntry = entry => WriteFrom(entry, first ?? 0, isJson, output);
            output.Flush();
            while (!stop.WaitHandle.WaitOne(Poll))
            {
                if (auditor.Follow(CancellationToken.None)) output.Flush();
            }

            return JournalFile.Good;
        })));
        return command;
    }

    internal static void WriteSummary(AuditResult result, TextWriter output)
    {
        output.WriteLine($"sale       {result.Sale}{(result.State.Length == 0 ? "" : $", {result.State}")}");
        if (result.Plan is { } plan)
        {
            var (venue, starts) = (plan.Venue.Length == 0 ? "" : $", {plan.Venue}", plan.StartsAt.Length == 0 ? "" : $", {plan.StartsAt}");
            output.WriteLine($"plan       {plan.Name}{venue}{starts} ({plan.TimeZone})");
            var opens = plan.OpensAtMs is { } openMs ? $"from {JournalFile.Time(openMs)}" : "when opened";
            var closes = plan.ClosesAtMs is { } closeMs ? $" to {JournalFile.Time(closeMs)}" : "";
            output.WriteLine($"selling    {opens}{closes}");
            output.WriteLine(
                $"rules      hold {plan.HoldSeconds} s, {plan.Extensions} extensions, {plan.PerOrder} per order, "
                + $"{plan.PerBuyer} per buyer, payment {plan.PaymentKind}");
        }

        foreach (var pool in result.Pools)
        {
            output.WriteLine(
                $"pool       {pool.Id}: capacity {JournalFile.Count(pool.Capacity)}, held {JournalFile.Count(pool.Held)}, "
                + $"sold {JournalFile.Count(pool.Sold)}, blocked {JournalFile.Count(pool.Blocked)}, free {JournalFile.Count(pool.Free)}");
            foreach (var tier in result.Tiers.Where(tier => tier.Pool == pool.Id))
            {
                output.WriteLine(
                    $"  tier     {tier.Id} at {tier.Price} {result.Plan?.Currency}: held {JournalFile.Count(tier.Held)}, "
                    + $"sold {JournalFile.Count(tier.Sold)}, refunded {JournalFile.Count(tier.Refunded)}");
            }
        }

        output.WriteLine(
            $"orders     {JournalFile.Count(result.Orders)}, {JournalFile.Count(result.Tickets)} tickets, "
            + $"{JournalFile.Count(result.RefundedTickets)} of them refunded ({result.RefundedAmount} {result.Plan?.Currency})");
        if (result.OwedPayments > 0)
            output.WriteLine($"owed back  {JournalFile.Count(result.OwedPayments)} payments, {result.OwedAmount} {result.Plan?.Currency}");
        output.WriteLine($"sequence   {result.Sequences} in {JournalFile.Count(result.Batches)} batches, "
            + $"{JournalFile.Count(result.Length)} bytes");
        if (result.Batches > 0)
            output.WriteLine($"time       {JournalFile.Time(result.FirstTimeMs)} to {JournalFile.Time(result.LastTimeMs)}");
        output.WriteLine($"hash       {result.Hash}");
    }

    private static object Summary(AuditResult result) => new
    {
        result.Sale,
        result.State,
        result.Plan,
        result.Pools,
        result.Tiers,
        result.Orders,
        result.Tickets,
        result.RefundedTickets,
        result.OwedPayments,
        result.OwedAmount,
        Sequence = result.Sequences,
        TimeMs = result.LastTimeMs,
        result.Hash,
    };

    private static void WriteFrom(AuditedEntry entry, long from, bool json, TextWriter output)
    {
        if (entry.Sequence < from) return;
        output.WriteLine(json ? JsonSerializer.Serialize(entry, Json) : Line(entry));
    }

    private static string Line(AuditedEntry entry)
    {
        var facts = new List<string>();
        if (entry.Placed != 0 && entry.Placed != entry.Sequence) facts.Add($"of {entry.Placed}");
        if (entry.Lines.Length > 0) facts.Add(JournalFile.Lines(entry.Lines));
        if (entry.Of != 0) facts.Add($"for {entry.Of}");
        if (entry.From is not null) facts.Add($"{entry.From} to {entry.To}");
        if (entry.Seats.Length > 0) facts.Add($"seats {string.Join(' ', entry.Seats.Select(seat => seat ?? "-"))}");
        if (entry.Pool is not null) facts.Add(entry.Pool);
        if (entry.FirstTicket is { } first) facts.Add($"tickets from {first}");
        if (entry.Late) facts.Add("late");
        if (entry.Tickets.Length > 0) facts.Add($"tickets {string.Join(',', entry.Tickets)}");
        if (entry.UntilMs is { } until) facts.Add($"until {JournalFile.Time(until)}");
        if (entry.Amount is { } amount) facts.Add($"amount {amount}");
        if (entry.Credit is { } credit) facts.Add($"given back {credit}");
        if (entry.By is { } by) facts.Add(entry.Kind == "KeyNamed" ? by : $"by {by}");
        if (entry.Refusal is { } refusal) facts.Add(refusal);
        if (entry.Resell is { } resell) facts.Add(resell ? "on sale again" : "blocked");

        // In quotes: no text may look like another line.
        if (!string.IsNullOrEmpty(entry.Reason)) facts.Add(JsonSerializer.Serialize(entry.Reason));
        var said = facts.Count == 0 ? "" : " " + string.Join(", ", facts);
        return $"{entry.Sequence,8} {JournalFile.Time(entry.TimeMs)} {entry.Kind}{said}";
    }
}
