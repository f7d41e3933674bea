using System.Text;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Api;

namespace TicketRush.Server.Terminals;

/// <summary>From a decided submission to its reply. One for each connection, for it remembers how the last hash is written.</summary>
internal sealed class TerminalAnswers(RespWriter writer, TurnedAway turnedAway)
{
    private const int AllowedKept = 128;

    // Told in the same words whenever it is told: written once. By refusal, and by what would have been allowed.
    private static readonly Said?[] Kept = new Said?[256 * AllowedKept];

    private sealed record Said(string Code, byte[] Line);

    private readonly byte[] _hashText = new byte[2 * ChainHash.Size];
    private ChainHash _hash;

    public void Write(TerminalVerb verb, Outcome outcome, Submission submission, OpenSale sale)
    {
        if (outcome != Outcome.Done) WriteRefusal(outcome, submission, sale);
        else if (verb is TerminalVerb.Buy or TerminalVerb.Pay or TerminalVerb.Order) WriteOrder(submission);
        else if (verb == TerminalVerb.Refund) WriteRefund(submission);
        else WriteHold(submission);
    }

    public void WriteError(in TerminalError error)
    {
        turnedAway.Add(error.Code);
        writer.Error(error.Code, error.Detail);
    }

    private void WriteHold(Submission submission)
    {
        ref readonly var reply = ref submission.Reply;
        var more = CountMore(reply);
        writer.Array(more > 0 ? 8 : 7);
        writer.Raw(reply.State switch
        {
            HoldState.Held => "$4\r\nheld\r\n"u8,
            HoldState.Paid => "$4\r\npaid\r\n"u8,
            HoldState.Released => "$8\r\nreleased\r\n"u8,
            HoldState.Waiting => "$7\r\nwaiting\r\n"u8,
            _ => "$7\r\nexpired\r\n"u8,
        });
        writer.Integer(reply.Sequence);
        writer.Integer(submission.TimeMs);
        writer.Integer(reply.UntilMs);
        writer.Integer(reply.Extensions);
        writer.Integer(reply.Amount);
        WriteHash(submission.Hash);
        if (more > 0) WriteMore(reply, more);
    }

    private void WriteOrder(Submission submission)
    {
        ref readonly var reply = ref submission.Reply;
        var places = reply.Lines.Places;
        var gone = reply.Refunded == 0 ? 0 : (int)UInt128.PopCount(reply.Refunded);
        var more = CountMore(reply) + (reply.Late ? 1 : 0) + (gone > 0 ? 1 : 0);
        writer.Array(more > 0 ? 8 : 7);
        writer.Raw(gone == 0 ? "$4\r\npaid\r\n"u8 : gone == places ? "$8\r\nrefunded\r\n"u8 : "$15\r\npartly-refunded\r\n"u8);
        writer.Integer(reply.Sequence);
        writer.Integer(submission.TimeMs);
        writer.Integer(reply.FirstTicket);
        writer.Integer(places);
        writer.Integer(reply.Amount);
        WriteHash(submission.Hash);
        if (more == 0) return;

        WriteMore(reply, more);
        if (reply.Late)
        {
            writer.Bulk("late"u8);
            writer.Integer(1);
        }

        if (gone == 0) return;
        writer.Bulk("refunded"u8);
        WriteTickets(reply, gone, places);
    }

    private void WriteRefund(Submission submission)
    {
        ref readonly var reply = ref submission.Reply;
        writer.Array(6);
        writer.Bulk("refunded"u8);
        writer.Integer(reply.Sequence);
        writer.Integer(submission.TimeMs);
        writer.Integer(reply.Amount);
        WriteTickets(reply, (int)UInt128.PopCount(reply.Refunded), reply.Lines.Places);
        WriteHash(submission.Hash);
    }

    private void WriteTickets(in Reply reply, int count, int places)
    {
        writer.Array(count);
        for (var i = 0; i < places; i++)
        {
            if ((reply.Refunded >> i & 1) != 0) writer.Integer(reply.FirstTicket + (uint)i);
        }
    }

    private static int CountMore(in Reply reply)
    {
        if (reply.Given is not { } given) return 0;
        return (given.Seats.AsSpan().ContainsAnyExcept(-1) ? 1 : 0) + (given.To != 0 ? 2 : 0) + (given.Credit > 0 ? 1 : 0);
    }

    /// <summary>What only some sales have: a map, whose last members the caller may add.</summary>
    private void WriteMore(in Reply reply, int count)
    {
        writer.Map(count);
        if (reply.Given is not { } given) return;
        var plan = reply.Plan!;
        if (PlacesAsking.SeatsOf(reply.Lines, given.Seats.AsSpan(), plan) is { } seats)
        {
            writer.Bulk("seats"u8);
            writer.Array(seats.Length);
            foreach (var seat in seats)
            {
                if (seat is null) writer.Null();
                else writer.Bulk(seat);
            }
        }

        if (given.To != 0)
        {
            writer.Bulk("from"u8);
            writer.Bulk(PlacesAsking.StopName(plan, given.From, given.To)!);
            writer.Bulk("to"u8);
            writer.Bulk(PlacesAsking.StopName(plan, given.To, given.To)!);
        }

        if (given.Credit <= 0) return;
        writer.Bulk("credit"u8);
        writer.Integer(given.Credit);
    }

    private void WriteHash(in ChainHash hash)
    {
        // Whoever was decided together has one hash.
        if (hash != _hash)
        {
            Span<byte> bytes = stackalloc byte[ChainHash.Size];
            hash.Write(bytes);
            Convert.TryToHexStringLower(bytes, _hashText, out _);
            _hash = hash;
        }

        writer.Bulk(_hash == default ? ""u8 : _hashText);
    }

    private void WriteRefusal(Outcome outcome, Submission submission, OpenSale sale)
    {
        ref readonly var reply = ref submission.Reply;
        var at = outcome == Outcome.Refused && IsSaidAlike(reply) ? (int)reply.Refusal * AllowedKept + reply.Allowed : -1;
        var said = at < 0 ? null : Volatile.Read(ref Kept[at]);
        if (said is null)
        {
            var (code, detail) = Problems.Tell(outcome, submission, sale);
            if (at < 0)
            {
                WriteError(new(code, detail));
                return;
            }

            said = new(code, Encoding.UTF8.GetBytes($"-{code} {detail}\r\n"));
            Volatile.Write(ref Kept[at], said);
        }

        turnedAway.Add(said.Code);
        writer.Raw(said.Line);
    }

    private static bool IsSaidAlike(in Reply reply) =>
        reply is { Sequence: 0, Detail: null, Allowed: >= 0 and < AllowedKept } && reply.Refusal
        is Refusal.SoldOut or Refusal.NotEnough or Refusal.BuyerLimit or Refusal.OrderLimit or Refusal.SalePaused or Refusal.SaleClosed
        or Refusal.SaleDraft or Refusal.UnknownTier or Refusal.IdReused or Refusal.HoldExpired or Refusal.HoldReleased
        or Refusal.AlreadyPaid or Refusal.UnknownHold;
}
