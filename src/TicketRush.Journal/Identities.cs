using System.Buffers.Binary;
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

    /// <param name="name">Valid UTF-8, to <see cref="TextBytesMax"/> bytes: the same buyer as the same text.</param>
    public BuyerId Buyer(ReadOnlySpan<byte> name) => new(SipHash.Hash128(buyerKey, name));

    /// <summary>The buyer that a browser's session is. No name that a seller can send is the same: no text begins with this byte.</summary>
    public BuyerId Session(UInt128 session)
    {
        Span<byte> bytes = stackalloc byte[17];
        bytes[0] = 0xff;
        BinaryPrimitives.WriteUInt128BigEndian(bytes[1..], session);
        return new(SipHash.Hash128(buyerKey, bytes));
    }

    /// <summary>A passenger; another hash than that of a buyer of the same name, and never zero.</summary>
    public ulong Passenger(string name) => (ulong)Hash(buyerKey ^ PassengerKey, name) is not 0 and var hash ? hash : 1;

    private static readonly UInt128 PassengerKey = new(0, 0x70617373656E6765);

    public PaymentReference Reference(string reference) => new(Hash(idKey, reference));

    /// <param name="reference">Valid UTF-8, to <see cref="TextBytesMax"/> bytes: the same payment as the same text.</param>
    public PaymentReference Reference(ReadOnlySpan<byte> reference) => new(SipHash.Hash128(idKey, reference));

    /// <param name="owner">Whose key it is: what another chose for its own request must never meet this one. To 80 bytes.</param>
    public RequestKey Key(ReadOnlySpan<byte> owner, string key)
    {
        Span<byte> bytes = stackalloc byte[80 + TextBytesMax];
        owner.CopyTo(bytes);
        return Encoding.UTF8.TryGetBytes(key, bytes[owner.Length..], out var length) && length <= TextBytesMax
            ? new(SipHash.Hash128(idKey, bytes[..(owner.Length + length)]))
            : throw new ArgumentException($"Longer than {TextBytesMax} bytes.", nameof(key));
    }

    private static UInt128 Hash(UInt128 key, string text)
    {
        Span<byte> bytes = stackalloc byte[TextBytesMax];
        return Encoding.UTF8.TryGetBytes(text, bytes, out var length)
            ? SipHash.Hash128(key, bytes[..length])
            : throw new ArgumentException($"Longer than {TextBytesMax} bytes.", nameof(text));
    }
}
