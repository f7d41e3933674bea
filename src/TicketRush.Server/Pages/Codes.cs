using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using TicketRush.Server.Access;

namespace TicketRush.Server.Pages;

/// <summary>
/// What a buyer takes along: the short code and the link of an order, and what a ticket's QR code says. Each is a number that everybody
/// could guess and a signature that nobody can; nothing is kept for them anywhere.
/// </summary>
public sealed class Codes(ServerSecret secret)
{
    // Without I, L, O and U: what is read aloud or copied by hand comes back right.
    private const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    /// <summary>Characters of a short code's signature: 40 bits, tried a few thousand times a minute by a network at the most.</summary>
    private const int ShortLength = 8;

    /// <summary>Characters of a link's: 125 bits.</summary>
    private const int LongLength = 25;

    /// <summary>Such as 1234-7K3M-Q9TX.</summary>
    public string Order(string sale, long sequence)
    {
        var code = Signature("order code", sale, sequence, ShortLength);
        return $"{sequence}-{code[..4]}-{code[4..]}";
    }

    /// <summary>The part of an order's link that nobody can make up.</summary>
    public string Link(string sale, long sequence) => $"{sequence}-{Signature("order link", sale, sequence, LongLength)}";

    /// <summary>What a ticket's QR code says; capital letters make the code smaller.</summary>
    public string Ticket(string sale, long number) => $"TR1:{sale.ToUpperInvariant()}:{number}:{Signature("ticket", sale, number, LongLength)}";

    /// <summary>Reads a short code or a link's part, as people type it: spaces, dashes, and letters that look alike do not matter.</summary>
    public bool TryOrder(string sale, string text, out long sequence)
    {
        sequence = 0;
        var dash = text.AsSpan().Trim().IndexOf('-');
        if (text.Length > 64 || dash < 1) return false;
        text = text.Trim();
        if (!long.TryParse(text.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out sequence)) return false;

        var said = Tidy(text.AsSpan(dash + 1));
        var right = said.Length == LongLength ? Signature("order link", sale, sequence, LongLength) : Signature("order code", sale, sequence, ShortLength);
        return Matches(said, right);
    }

    /// <summary>Reads what a ticket's QR code says.</summary>
    public bool TryTicket(string text, out string sale, out long number)
    {
        (sale, number) = ("", 0);
        var parts = text.Trim().Split(':');
        if (text.Length > 160 || parts is not ["TR1", var name, var digits, var signature]) return false;
        sale = name.ToLowerInvariant();
        return Engine.PlanCheck.IsId(sale) && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && Matches(signature, Signature("ticket", sale, number, LongLength));
    }

    private static bool Matches(string said, string right) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(said), Encoding.UTF8.GetBytes(right));

    private static string Tidy(ReadOnlySpan<char> text)
    {
        var tidy = new StringBuilder(LongLength);
        foreach (var letter in text)
        {
            if (letter is '-' or ' ') continue;
            tidy.Append(char.ToUpperInvariant(letter) switch { 'O' => '0', 'I' or 'L' => '1', var other => other });
        }

        return tidy.ToString();
    }

    private string Signature(string purpose, string sale, long number, int length)
    {
        Span<byte> data = stackalloc byte[8 + 64];
        BinaryPrimitives.WriteInt64BigEndian(data, number);
        var used = 8 + Encoding.ASCII.GetBytes(sale, data[8..]);
        Span<byte> signature = stackalloc byte[ServerSecret.SignatureSize];
        secret.Sign(purpose, data[..used], signature);
        var bits = BinaryPrimitives.ReadUInt128BigEndian(signature);
        return string.Create(length, bits, static (text, bits) =>
        {
            for (var i = 0; i < text.Length; i++) text[i] = Alphabet[(int)(bits >> (123 - 5 * i) & 31)];
        });
    }
}
