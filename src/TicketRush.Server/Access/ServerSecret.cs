using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using TicketRush.Journal;
using TicketRush.Journal.Files;

namespace TicketRush.Server.Access;

/// <summary>
/// The one secret under which the servers of a store sign what they hand out: sessions, form tokens, order links. Kept in
/// <c>session.key</c>, for its owner only, so that a restart or a second server signs nobody out and breaks no form. Whoever
/// deletes it ends every session.
/// </summary>
public sealed class ServerSecret
{
    /// <summary>Bytes of a signature: beyond guessing, and short enough for a link.</summary>
    public const int SignatureSize = 16;

    private const string FileName = "session.key";

    private readonly byte[] _key;

    private ServerSecret(byte[] key) => _key = key;

    /// <exception cref="InvalidDataException">What is kept is no key.</exception>
    public static ServerSecret Open(string directory) => Open(new DirectorySecrets(directory));

    /// <inheritdoc cref="Open(string)"/>
    public static ServerSecret Open(ISecrets secrets)
    {
        if (secrets.Read(FileName) is null) secrets.TryAdd(FileName, RandomNumberGenerator.GetHexString(64, lowercase: true) + "\n");
        var text = secrets.Read(FileName)!.Trim();
        return text.Length == 64 && text.All(char.IsAsciiHexDigit)
            ? new(Convert.FromHexString(text))
            : throw new InvalidDataException(
                $"{secrets.Describe(FileName)} must hold 64 hexadecimal digits; delete it to make a new one, which ends every session.");
    }

    /// <summary>Reads what was handed out, whatever came back: exactly so many bytes, or none.</summary>
    /// <param name="text">Base64 for addresses, without padding.</param>
    /// <param name="bytes">To be filled whole.</param>
    internal static bool TryDecode(ReadOnlySpan<char> text, Span<byte> bytes)
    {
        // Not with the library's Try method, which throws at what is no letter of it: strangers would fill our log.
        return text.Length == Base64Url.GetEncodedLength(bytes.Length)
            && Base64Url.DecodeFromChars(text, bytes, out _, out var length) == OperationStatus.Done && length == bytes.Length;
    }

    /// <summary>Signs data for one purpose; a signature for one is none for another.</summary>
    /// <param name="purpose">A constant of the program, to 32 ASCII characters.</param>
    /// <param name="data">To 256 bytes.</param>
    /// <param name="signature"><see cref="SignatureSize"/> bytes.</param>
    public void Sign(string purpose, ReadOnlySpan<byte> data, Span<byte> signature)
    {
        Span<byte> text = stackalloc byte[33 + 256];
        var length = Encoding.ASCII.GetBytes(purpose, text);
        text[length++] = 0;
        data.CopyTo(text[length..]);
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, text[..(length + data.Length)], mac);
        mac[..SignatureSize].CopyTo(signature);
    }

    /// <inheritdoc cref="Sign"/>
    public bool Verifies(string purpose, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature)
    {
        Span<byte> right = stackalloc byte[SignatureSize];
        Sign(purpose, data, right);
        return CryptographicOperations.FixedTimeEquals(right, signature);
    }
}
