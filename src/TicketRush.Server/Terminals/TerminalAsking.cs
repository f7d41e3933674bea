using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;
using TicketRush.Server.Api;

namespace TicketRush.Server.Terminals;

/// <summary>Why a command is not even asked.</summary>
internal readonly record struct TerminalError(string Code, string Detail)
{
    public static TerminalError Invalid(string detail) => new("INVALID_REQUEST", detail);
}

/// <summary>From the words of a command to what a sale is asked. What is wrong is told as over HTTP, with the same codes.</summary>
internal sealed class TerminalAsking(Identities identities)
{
    private readonly PaymentReference _noReference = identities.Reference([]);

    /// <summary>Writes the command into the submission. Words 0 and 1 are the command's name and the sale's, and there are as many as it
    /// takes at the least.</summary>
    /// <returns>Null when it can be submitted.</returns>
    public TerminalError? Write(TerminalCommand command, in Words words, Caller caller, Plan plan, Submission submission)
    {
        if (!TryHold(words[2], out var hold)) return InvalidId;
        ref var asked = ref submission.Command;
        asked = new() { Kind = command.Asks, Hold = hold };
        if (plan.HasPlaces) submission.Reply.Given ??= new();
        else submission.Reply.Given = null;
        var error = command.Verb switch
        {
            TerminalVerb.Hold or TerminalVerb.Buy => WriteWish(words, plan, ref asked),
            TerminalVerb.Pay => WritePayment(words, plan, ref asked),
            TerminalVerb.Extend => WriteKey(words[3], caller, ref asked),
            TerminalVerb.Refund => WriteRefund(words, caller, ref asked),
            _ => null,
        };
        caller.Sign(ref asked);
        return error;
    }

    private static TerminalError InvalidId =>
        new("INVALID_ID", "The id must be a UUID or 32 hexadecimal digits, made by you and kept for repeating the request.");

    private bool TryHold(ReadOnlySpan<byte> word, out HoldId hold)
    {
        hold = default;
        var format = word.Length switch { 36 => 'D', 32 => 'N', _ => default };
        if (format == default || !Utf8Parser.TryParse(word, out Guid id, out var consumed, format) || consumed != word.Length) return false;

        Span<byte> bytes = stackalloc byte[16];
        id.TryWriteBytes(bytes, bigEndian: true, out _);
        hold = identities.Hold(bytes);
        return true;
    }

    /// <summary>sale id buyer tier quantity, and what some sales ask beyond that.</summary>
    private TerminalError? WriteWish(in Words words, Plan plan, ref Command asked)
    {
        if (CheckText(words[3], "buyer", required: true) is { } wrong) return wrong;
        if (!words.TryNumber(5, out var quantity) || quantity < 1) return TerminalError.Invalid("The quantity must be 1 or more.");
        asked.Buyer = identities.Buyer(words[3]);
        asked.Plan = plan;

        // An unknown tier goes on as one that no plan has: the id is looked up before the tier.
        var tier = TierNamed(words[4], plan);
        asked.Lines.TryAdd(tier < 0 ? ushort.MaxValue : (ushort)tier, (ushort)Math.Min(quantity, ushort.MaxValue));
        var reference = 0;
        if (words.Count > 6)
        {
            if (asked.Kind == CommandKind.Purchase && words.Is(6, "REFERENCE"u8) && words.Count == 8) reference = 7;
            else if (WritePlaces(words, quantity, plan, ref asked, out reference) is { } bad) return bad;
        }

        return asked.Kind == CommandKind.Purchase ? WriteReference(reference == 0 ? default : words[reference], plan, ref asked) : null;
    }

    /// <param name="reference">The word that is the payment's reference; 0 for none.</param>
    private TerminalError? WritePlaces(in Words words, int quantity, Plan plan, ref Command asked, out int reference)
    {
        reference = 0;
        string[]? seats = null, passengers = null;
        string? from = null, to = null;
        var (wheelchair, apart) = (0, false);
        for (var i = 6; i < words.Count;)
        {
            var left = words.Count - i - 1;
            if (words.Is(i, "SEATS"u8) && seats is null && left >= quantity) i = Take(words, i, quantity, out seats);
            else if (words.Is(i, "PASSENGERS"u8) && passengers is null && left >= quantity) i = Take(words, i, quantity, out passengers);
            else if (words.Is(i, "FROM"u8) && from is null && left >= 3 && words.Is(i + 2, "TO"u8))
                (from, to, i) = (words.Text(i + 1), words.Text(i + 3), i + 4);
            else if (words.Is(i, "WHEELCHAIR"u8) && wheelchair == 0 && left >= 1 && words.TryNumber(i + 1, out wheelchair)) i += 2;
            else if (words.Is(i, "APART"u8) && !apart) (apart, i) = (true, i + 1);
            else if (words.Is(i, "REFERENCE"u8) && asked.Kind == CommandKind.Purchase && reference == 0 && left >= 1)
            {
                reference = i + 1;
                i += 2;
            }
            else
            {
                return TerminalError.Invalid(
                    $"Word {i + 1} is none that may stand there: SEATS or PASSENGERS and as many names as places, FROM stop TO stop, "
                    + "WHEELCHAIR number, APART"
                    + (asked.Kind == CommandKind.Purchase ? ", REFERENCE text." : "."));
            }
        }

        ItemRequest[] items = [new() { Tier = words.Text(4), Quantity = quantity, Seats = seats, Passengers = passengers }];
        return PlacesAsking.TryPlaces(ref asked, items, from, to, wheelchair, apart, identities, out var problem)
            ? null
            : problem is Problem { Answer: var said } ? new(said.Code, said.Detail) : TerminalError.Invalid("The places cannot be read.");

        static int Take(in Words words, int at, int count, out string[] names)
        {
            names = new string[count];
            for (var k = 0; k < count; k++) names[k] = words.Text(at + 1 + k);
            return at + 1 + count;
        }
    }

    private TerminalError? WritePayment(in Words words, Plan plan, ref Command asked) => words.Count > 4
        ? TerminalError.Invalid("PAY takes a sale, an id and a reference.")
        : WriteReference(words.Count == 4 ? words[3] : default, plan, ref asked);

    // Two payments without a reference would be taken for the same, and the second never be owed back, where money is collected.
    private TerminalError? WriteReference(ReadOnlySpan<byte> reference, Plan plan, ref Command asked)
    {
        if (CheckText(reference, "reference", required: plan.PaymentKind == PaymentKind.External) is { } wrong) return wrong;
        asked.Reference = reference.IsEmpty ? _noReference : identities.Reference(reference);
        return null;
    }

    private TerminalError? WriteKey(ReadOnlySpan<byte> key, Caller caller, ref Command asked)
    {
        if (CheckText(key, "key", required: true) is { } wrong) return wrong;
        asked.Key = caller.RequestKey(identities, Encoding.UTF8.GetString(key));
        return null;
    }

    private TerminalError? WriteRefund(in Words words, Caller caller, ref Command asked)
    {
        if (WriteKey(words[3], caller, ref asked) is { } wrong) return wrong;
        if (words.Is(5, "RESELL"u8)) asked.Resell = true;
        else if (!words.Is(5, "BLOCK"u8)) return TerminalError.Invalid("Word 6 must be RESELL or BLOCK.");
        asked.Reason = words.Text(4);
        if (words.Count == 6) return null;

        var count = words.Count - 7;
        if (!words.Is(6, "TICKETS"u8) || count is < 1 or > PlanRules.PerOrderMax)
            return TerminalError.Invalid($"Behind TICKETS stand 1 to {PlanRules.PerOrderMax} numbers; leave it out for all that are left.");
        asked.Tickets = new uint[count];
        for (var i = 0; i < count; i++)
        {
            if (!words.TryNumber(7 + i, out var number)) return TerminalError.Invalid("A ticket's number is a whole number.");
            asked.Tickets[i] = (uint)number;
        }

        return null;
    }

    private static TerminalError? CheckText(ReadOnlySpan<byte> text, string name, bool required)
    {
        if (required && text.IsEmpty) return TerminalError.Invalid($"The {name} must not be empty.");
        if (text.Length > Identities.TextBytesMax)
            return TerminalError.Invalid($"The {name} has {text.Length} bytes; {Identities.TextBytesMax} are allowed.");

        // What HTTP cannot send would name somebody whom HTTP cannot name; and no text may be a browser's identity.
        return Utf8.IsValid(text) ? null : TerminalError.Invalid($"The {name} is no UTF-8.");
    }

    /// <returns>The tier's place in the plan, or -1.</returns>
    public static int TierNamed(ReadOnlySpan<byte> name, Plan plan)
    {
        Span<char> text = stackalloc char[64];
        return name.Length <= text.Length && Ascii.ToUtf16(name, text, out var length) == System.Buffers.OperationStatus.Done
            ? plan.TierNamed(text[..length]) : -1;
    }
}
