using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Access;

namespace TicketRush.Server.Api;

/// <summary>From what a request says to a command, and the way through the sale's sequencer.</summary>
internal static class Asking
{
    /// <summary>Finds the sale; when there is none, or it could not be opened, the problem to answer.</summary>
    public static bool TryFind(Sales sales, string name, out OpenSale sale, out IResult problem)
    {
        sale = sales.Find(name)!;
        problem = sale is null ? Problems.UnknownSale(name) : sale.Sequencer?.Snapshot is null ? Problems.Stopped(sale) : null!;
        return problem is null;
    }

    /// <summary>Reads a client-made id: a UUID, or 32 hexadecimal digits.</summary>
    public static bool TryHold(Identities identities, string id, out HoldId hold, out IResult problem)
    {
        (hold, problem) = (default, null!);
        var guid = Guid.Empty;

        // Only digits and dashes: the parser would also take spaces around an id, and 0x and + inside.
        if (!id.All(c => char.IsAsciiHexDigit(c) || c == '-')
            || (!Guid.TryParseExact(id, "D", out guid) && !Guid.TryParseExact(id, "N", out guid)))
        {
            problem = Problems.BadRequest(
                "INVALID_ID", "The id must be a UUID or 32 hexadecimal digits, made by you and kept for repeating the request.");
            return false;
        }

        Span<byte> bytes = stackalloc byte[16];
        guid.TryWriteBytes(bytes, bigEndian: true, out _);
        hold = identities.Hold(bytes);
        return true;
    }

    public static bool TryLines(ItemRequest[] items, Plan plan, out Lines lines, out IResult problem)
    {
        (lines, problem) = (default, null!);
        if (items.Length is 0 or > Lines.Max)
        {
            problem = Invalid($"items has {items.Length} elements; 1 to {Lines.Max} are allowed.");
            return false;
        }

        for (var i = 0; i < items.Length; i++)
        {
            if (items[i] is not { } item)
            {
                problem = Invalid($"items[{i}] must not be null.");
                return false;
            }

            if (item.Quantity < 1)
            {
                problem = Invalid($"items[{i}].quantity is {item.Quantity}; it must be 1 or more.");
                return false;
            }

            // An unknown tier goes on as one that no plan has: the id is looked up before the tier.
            var tier = plan.TierNamed(item.Tier);
            if (!lines.TryAdd(tier < 0 ? ushort.MaxValue : (ushort)tier, (ushort)Math.Min(item.Quantity, ushort.MaxValue)) && tier >= 0)
            {
                problem = Invalid($"items[{i}].tier is \"{item.Tier}\" again; name each tier once.");
                return false;
            }
        }

        return true;
    }

    /// <summary>Whom a request is for: with a key, whom it names; without one, the session itself, which the desk writes in.</summary>
    public static bool TryBuyer(HttpContext http, Identities identities, string? name, out BuyerId buyer, out IResult problem)
    {
        (buyer, problem) = (default, null!);
        if (Caller.Of(http).May(Permission.NameBuyers))
        {
            if (!IsText(name ?? "", "buyer", required: true, out problem)) return false;
            buyer = identities.Buyer(name!);
        }
        else if (name is not null)
        {
            problem = Problems.BadRequest("FORBIDDEN", "Only a key can name a buyer; leave buyer out.", 403);
        }

        return problem is null;
    }

    /// <summary>A text that will be hashed: a buyer, a reference, a key.</summary>
    public static bool IsText(string text, string name, bool required, out IResult problem)
    {
        problem = null!;
        var bytes = System.Text.Encoding.UTF8.GetByteCount(text);
        if (required && bytes == 0) problem = Invalid($"{name} must not be empty.");
        else if (bytes > Identities.TextBytesMax) problem = Invalid($"{name} has {bytes} bytes; {Identities.TextBytesMax} are allowed.");
        return problem is null;
    }

    /// <summary>Reads the Idempotency-Key header.</summary>
    public static bool TryKey(HttpContext http, Identities identities, bool required, out RequestKey key, out IResult problem)
    {
        (key, problem) = (default, null!);
        var text = http.Request.Headers["Idempotency-Key"].ToString();
        if (text.Length == 0)
        {
            if (!required) return true;
            problem = Problems.BadRequest(
                "IDEMPOTENCY_KEY_REQUIRED",
                "Send a header Idempotency-Key with a text of your own, and the same one when you repeat the request.");
            return false;
        }

        if (!IsText(text, "Idempotency-Key", required: true, out problem)) return false;
        key = Caller.Of(http).RequestKey(identities, text);
        return true;
    }

    /// <summary>
    /// Whether a payment may be known by this reference. Two payments without one would be taken for the same, and the second
    /// never be owed back, where money is collected.
    /// </summary>
    public static bool IsReference(HttpContext http, string reference, Plan plan, out IResult problem) =>
        IsText(
            reference, "reference", required: plan.PaymentKind == PaymentKind.External && Caller.Of(http).May(Permission.ConfirmPayments),
            out problem);

    public static IResult Invalid(string detail) => Problems.BadRequest("INVALID_REQUEST", detail);
}
