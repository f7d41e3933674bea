using System.Runtime.InteropServices;

namespace TicketRush.Engine;

/// <summary>
/// What a command asked, as one number: the same id with another number is a client's mistake. Ids and buyers come here as
/// keyed hashes, so a fixed key is enough: a client that finds two contents with one number fools only itself.
/// </summary>
internal static class Content
{
    public static ulong Of(params ReadOnlySpan<ulong> words) => SipHash.Hash64(0, MemoryMarshal.AsBytes(words));

    public static ulong OfHold(in Command command)
    {
        Span<ulong> words = stackalloc ulong[5 + Lines.Max];
        words[0] = (ulong)command.Kind;
        words[1] = (ulong)command.Buyer.Value;
        words[2] = (ulong)(command.Buyer.Value >> 64);
        var count = 3;
        if (command.Kind == CommandKind.Purchase)
        {
            words[count++] = (ulong)command.Reference.Value;
            words[count++] = (ulong)(command.Reference.Value >> 64);
        }

        for (var i = 0; i < command.Lines.Count; i++) words[count++] = (ulong)command.Lines[i].Tier << 16 | command.Lines[i].Quantity;
        var content = Of(words[..count]);
        return command.Kind <= CommandKind.Purchase
            && command is { From: 0, To: 0, Wheelchair: 0, Apart: false, Seats: null, Passengers: null }
            ? content
            : OfPlaces(content, command);
    }

    // What only some sales ask for, behind what all do.
    private static ulong OfPlaces(ulong content, in Command command)
    {
        content = Of(
            content, (ulong)command.From << 32 | (ulong)command.To << 16 | (ulong)command.Wheelchair << 8 | (command.Apart ? 1UL : 0),
            command.Seats is null ? 0UL : 1, command.Passengers is null ? 0UL : 1);
        foreach (var seat in command.Seats ?? []) content = Of(content, (ulong)seat);
        foreach (var passenger in command.Passengers ?? []) content = Of(content, passenger);
        if (command.Kind != CommandKind.Exchange) return content;

        content = Of(
            content, (ulong)command.Of.Value, (ulong)(command.Of.Value >> 64), (ulong)command.Reference.Value,
                (ulong)(command.Reference.Value >> 64),
            command.Tickets is null ? 0UL : 1);
        foreach (var ticket in command.Tickets ?? []) content = Of(content, ticket);
        return command.Order == 0 ? content : Of(content, (ulong)command.Order);
    }

    public static ulong OfRefund(in Command command)
    {
        var content = Of(
            (ulong)command.Kind, (ulong)command.Hold.Value, (ulong)(command.Hold.Value >> 64), command.Resell ? 1UL : 0,
            command.Tickets is null ? 0UL : 1);
        if (command.Order != 0 || command.Ticket != 0) content = Of(content, (ulong)command.Order, command.Ticket);
        foreach (var ticket in command.Tickets ?? []) content = Of(content, ticket);
        foreach (var letter in command.Reason ?? "") content = Of(content, letter);
        return content;
    }
}
