using TicketRush.Engine;
using TicketRush.Journal;

namespace TicketRush.Server.Api;

/// <summary>From a decided submission to what the client is told.</summary>
internal static class Answering
{
    public static IResult Hold(string id, Submission submission)
    {
        ref readonly var reply = ref submission.Reply;
        return new JsonAnswer<HoldAnswer>(
            new(
                id, NameOf(reply.State), reply.UntilMs == 0 ? null : PlanTimes.Utc(reply.UntilMs), reply.Extensions,
                Items(reply.Lines, reply.Plan!),
                reply.Amount, reply.Plan!.Currency, reply.Sequence, PlanTimes.Utc(submission.TimeMs), submission.Hash.ToString())
            {
                From = StopOf(reply, isFrom: true),
                To = StopOf(reply, isFrom: false),
                Seats = reply.Given is null ? null : PlacesAsking.SeatsOf(reply.Lines, reply.Given.Seats.AsSpan(), reply.Plan!),
                Credit = reply.Given is { Credit: > 0 and var credit } ? credit : null,
                Ahead = reply.State == HoldState.Waiting ? reply.Given?.Ahead : null,
                AheadElsewhere = reply.State == HoldState.Waiting ? reply.Given?.AheadElsewhere : null,
            },
            ApiJson.Api.HoldAnswer) { IsPrivate = true };
    }

    public static IResult Order(string id, Submission submission)
    {
        ref readonly var reply = ref submission.Reply;
        return new JsonAnswer<OrderAnswer>(
            new(
                id, OrderState(reply.Lines, reply.Refunded), reply.Late, Items(reply.Lines, reply.Plan!),
                Tickets(reply.Lines, reply.FirstTicket, reply.Refunded, reply.Plan!, reply.Given is null ? [] : reply.Given.Seats.AsSpan()),
                reply.Amount,
                reply.Plan!.Currency, reply.Sequence, PlanTimes.Utc(submission.TimeMs), submission.Hash.ToString())
            {
                From = StopOf(reply, isFrom: true),
                To = StopOf(reply, isFrom: false),
                Credit = reply.Given is { Credit: > 0 and var credit } ? credit : null,
            },
            ApiJson.Api.OrderAnswer) { IsPrivate = true };
    }

    public static IResult Refund(string id, Submission submission)
    {
        ref readonly var reply = ref submission.Reply;
        var tickets = new List<uint>();
        for (var i = 0; i < reply.Lines.Places; i++)
        {
            if ((reply.Refunded >> i & 1) != 0) tickets.Add(reply.FirstTicket + (uint)i);
        }

        return new JsonAnswer<RefundAnswer>(
            new(
                id, [.. tickets], reply.Amount, reply.Plan!.Currency, reply.Sequence, PlanTimes.Utc(submission.TimeMs),
                submission.Hash.ToString()),
            ApiJson.Api.RefundAnswer) { IsPrivate = true };
    }

    public static IResult Orders(Submission submission)
    {
        var plan = submission.Reply.Plan!;
        var rows = submission.Reply.Orders!;
        var orders = Array.ConvertAll(
            rows,
            row => new OrderListItem(
                row.Sequence, PlanTimes.Utc(row.TimeMs), OrderState(row.Lines, row.Refunded), row.Late,
                Tickets(row.Lines, row.FirstTicket, row.Refunded, plan, row.Seats), row.Lines.Amount, row.By)
            {
                From = PlacesAsking.StopName(plan, row.From, row.To),
                To = PlacesAsking.StopName(plan, row.To, row.To),
            });
        return new JsonAnswer<OrderListAnswer>(
            new(plan.Currency, orders, submission.Reply.Next == 0 ? null : submission.Reply.Next),
            ApiJson.Api.OrderListAnswer) { IsPrivate = true };
    }

    public static IResult Change(string sale, Submission submission, Sequencer sequencer) =>
        new JsonAnswer<SaleChangeAnswer>(
            new(
                sale, NameOf(submission.Reply.SaleState, submission.Reply.Plan!, sequencer.NowMs), submission.Reply.Sequence,
                PlanTimes.Utc(submission.TimeMs), submission.Hash.ToString()),
            ApiJson.Api.SaleChangeAnswer);

    /// <summary>The state for people: an open sale that waits for its opening time is scheduled, one past its closing time
    /// closed.</summary>
    public static string NameOf(SaleState state, Plan plan, long nowMs) => state switch
    {
        SaleState.Open when nowMs >= plan.ClosesAtMs => "closed",
        SaleState.Open when nowMs < plan.OpensAtMs => "scheduled",
        SaleState.Open => "open",
        SaleState.Paused => "paused",
        SaleState.Closed => "closed",
        _ => "draft",
    };

    private static string NameOf(HoldState state) => state switch
    {
        HoldState.Held => "held",
        HoldState.Paid => "paid",
        HoldState.Released => "released",
        HoldState.Waiting => "waiting",
        _ => "expired",
    };

    private static string OrderState(in PricedLines lines, UInt128 refunded)
    {
        var places = lines.Places;
        var gone = (int)UInt128.PopCount(refunded);
        return gone == 0 ? "paid" : gone == places ? "refunded" : "partly-refunded";
    }

    private static ItemAnswer[] Items(in PricedLines lines, Plan plan)
    {
        var items = new ItemAnswer[lines.Count];
        for (var i = 0; i < items.Length; i++) items[i] = new(plan.Tiers[lines[i].Tier].Id, lines[i].Quantity, lines[i].Price);
        return items;
    }

    private static string? StopOf(in Reply reply, bool isFrom) =>
        reply.Given is not { } given ? null : PlacesAsking.StopName(reply.Plan!, isFrom ? given.From : given.To, given.To);

    private static TicketAnswer[] Tickets(in PricedLines lines, uint first, UInt128 refunded, Plan plan, ReadOnlySpan<int> seats)
    {
        var names = PlacesAsking.SeatsOf(lines, seats, plan);
        var tickets = new TicketAnswer[lines.Places];
        var at = 0;
        for (var i = 0; i < lines.Count; i++)
        {
            for (var end = at + lines[i].Quantity; at < end; at++)
            {
                tickets[at] = new(
                    first + (uint)at, plan.Tiers[lines[i].Tier].Id, lines[i].Price, (refunded >> at & 1) == 0 ? "valid" : "refunded")
                {
                    Seat = names is not null && at < names.Length ? names[at] : null,
                };
            }
        }

        return tickets;
    }
}
