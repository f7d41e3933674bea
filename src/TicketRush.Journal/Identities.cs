using System.Text;
using TicketRush.Engine;

namespace TicketRush.Journal;

/// <summary>
/// Turns what clients send into what the journal may hold: keyed hashes, from which nobody without the key finds the id or the
/// person. There are two keys, so that the one for ids may be published for an audit.
/// </summary>
public sealed class Identities(UInt128 idKey, UInt128 buyerKey)
{
    /// <summary>Bytes of a buyer's name, a payment reference or an idempotency key at the most.</summary>
    public const int TextBytesMax = 256;

    /// <param name="id">The client's id: a UUID's sixteen bytes.</param>
    public HoldId Hold(ReadOnlySpan<byte> id) => new(SipHash.Hash128(idKey, id));

    public BuyerId Buyer(string name) => new(Hash(buyerKey, name));

    /// <summary>A passenger; another hash than that of a buyer of the same name, and never zero.</summary>
    public ulong Passenger(string name) => (ulong)Hash(buyerKey ^ PassengerKey, name) is not 0 and var hash ? hash : 1;

    private static readonly UInt128 PassengerKey = new(0, 0x70617373656E6765);

    public PaymentReference Reference(string reference) => new(Hash(idKey, reference));

    public RequestKey Key(string key) => new(Hash(idKey, key));

    private static UInt128 Hash(UInt128 key, string text)
    {
        Span<byte> bytes = stackalloc byte[TextBytesMax];
        return Encoding.UTF8.TryGetBytes(text, bytes, out var length)
            ? SipHash.Hash128(key, bytes[..length])
            : throw new ArgumentException($"Longer than {TextBytesMax} bytes.", nameof(text));
    }
}
