using System.Globalization;
using System.Security.Cryptography;

namespace TicketRush.Journal;

/// <summary>
/// The two keys of a store under which ids and buyers are hashed, as the secret <c>identity.keys</c>: without them no hold or order is
/// found by its id. A sale that moves to another store is only found there under the same keys.
/// </summary>
public sealed record IdentityKeys(string Text)
{
    public const string SecretName = "identity.keys";

    // Not kept: two of the same text are equal.
    public Identities Identities => Parse(Text, SecretName);

    /// <summary>Reads the keys of a store, and makes them when there are none.</summary>
    /// <exception cref="InvalidDataException">What is kept are no keys.</exception>
    public static IdentityKeys Open(ISecrets secrets)
    {
        if (secrets.Read(SecretName) is not { } text)
        {
            secrets.TryAdd(SecretName, $"id {NewKey()}\nbuyer {NewKey()}\n");
            text = secrets.Read(SecretName)!;
        }

        Parse(text, secrets.Describe(SecretName));
        return new(text);
    }

    /// <summary>Holds the keys that a process hashes with against those that are kept now: a sale that was copied there from elsewhere
    /// brings its own, where there was none before.</summary>
    /// <exception cref="JournalRefusedException">They are others.</exception>
    internal static void Check(ISecrets secrets, IdentityKeys known)
    {
        if (secrets.Read(SecretName) == known.Text) return;
        throw new JournalRefusedException(
            $"{secrets.Describe(SecretName)}: the identity keys were replaced since this process read them, by those of a sale that was "
            + "copied there. Under the old ones nobody would find what was bought, and the same id would be sold twice. Start this server "
            + "again.");
    }

    private static string NewKey() => RandomNumberGenerator.GetHexString(32, lowercase: true);

    private static Identities Parse(string text, string where)
    {
        var lines = text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries);
        if (lines is not [var id, var buyer] || !TryKey(id, "id ", out var ids) || !TryKey(buyer, "buyer ", out var buyers))
            throw new InvalidDataException($"{where} must hold two lines, \"id\" and \"buyer\", each with 32 hexadecimal digits.");
        return new(ids, buyers);
    }

    private static bool TryKey(string line, string name, out UInt128 key)
    {
        key = 0;
        return line.StartsWith(name, StringComparison.Ordinal) && line.Length == name.Length + 32
            && UInt128.TryParse(line.AsSpan(name.Length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out key);
    }
}
