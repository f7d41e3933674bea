using System.Security.Cryptography;
using System.Text;
using TicketRush.Journal.Files;

namespace TicketRush.Server;

/// <summary>
/// The one key of the office. Only its hash is kept: a key has 256 random bits, so a plain SHA-256 of it can be neither
/// reversed nor guessed.
/// </summary>
public sealed class OfficeKey
{
    public const int LengthMin = 16;
    public const int LengthMax = 256;
    private const string FileName = "office.key";

    private readonly byte[] _hash;

    private OfficeKey(byte[] hash, string? made) => (_hash, Made) = (hash, made);

    /// <summary>The key itself, when it was made just now: the only moment at which it can be shown.</summary>
    public string? Made { get; }

    /// <summary>Takes the key that is given, or the one kept in the directory, or makes one.</summary>
    /// <exception cref="ArgumentException">The given key is too short or too long.</exception>
    /// <exception cref="InvalidDataException">What is kept is no hash.</exception>
    public static OfficeKey Open(string directory, string? given)
    {
        if (given is not null)
        {
            return Encoding.UTF8.GetByteCount(given) is >= LengthMin and <= LengthMax
                ? new(Hash(given), null)
                : throw new ArgumentException($"RUSH_OFFICE_KEY must have {LengthMin} to {LengthMax} characters.");
        }

        Directory.CreateDirectory(directory);
        var path = Path.Combine(directory, FileName);
        string? made = null;
        if (!File.Exists(path))
        {
            made = "office_" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

            // Of several servers that start together one writes; the others have made a key for nothing.
            if (!DataDirectory.TryWriteSecret(path, $"sha256 {Convert.ToHexStringLower(Hash(made))}\n")) made = null;
        }

        var text = File.ReadAllText(path).Trim();
        return text.StartsWith("sha256 ", StringComparison.Ordinal) && text.Length == 7 + 64
            ? new(Convert.FromHexString(text[7..]), made)
            : throw new InvalidDataException($"{path} must hold \"sha256\" and 64 hexadecimal digits; delete it to make a new key.");
    }

    public bool Matches(ReadOnlySpan<char> key)
    {
        Span<byte> bytes = stackalloc byte[LengthMax];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        if (!Encoding.UTF8.TryGetBytes(key, bytes, out var length)) return false;
        SHA256.HashData(bytes[..length], hash);
        return CryptographicOperations.FixedTimeEquals(hash, _hash);
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
