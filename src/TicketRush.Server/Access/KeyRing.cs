using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Files;

namespace TicketRush.Server.Access;

/// <summary>A key, without its secret. Two keys of one name are one caller: that is how a key is changed without a pause.</summary>
/// <param name="Id">Eight hexadecimal digits, part of the key itself; no secret. Empty for a key that was given from outside.</param>
/// <param name="Name">Who it is, as the journal says it for ever: a shop or a desk, never a person.</param>
public sealed record Key(string Id, string Name, Role Role, DateTimeOffset Made, DateTimeOffset? Revoked)
{
    [JsonIgnore]
    internal byte[] Hash { get; init; } = [];

    /// <summary>Under which terminals prove that they have the key; null for a key that was made before there was such a thing, or that
    /// somebody might guess.</summary>
    [JsonIgnore]
    internal byte[]? Verifier { get; init; }

    [JsonIgnore]
    public bool IsLive => Revoked is null;
}

/// <summary>
/// The keys of a store: the secret <c>keys.json</c>, in a directory a file which only its owner may read. It has hashes. A key is
/// <c>rush_&lt;role&gt;_&lt;id&gt;_&lt;secret&gt;</c> with 256 random bits, so a plain SHA-256 of it can be neither reversed nor guessed.
/// <para>
/// Beside the hash stands a verifier, HMAC-SHA256 of the key's own bytes over <c>terminals</c>: a challenge is answered under a secret
/// that both sides have, which a hash of what the client sends cannot be. Who steals it can pass for the key at the terminals port, and
/// there alone: neither HTTP nor plain AUTH takes it.
/// </para>
/// <para>
/// Any number of processes may use and change it at once: it is replaced whole, under a lock that dies with its holder,
/// and read again when it changed, half a second later at the most; a second, between machines. For every thread.
/// </para>
/// </summary>
public sealed class KeyRing
{
    public const int GivenLengthMin = 16;
    public const int LengthMax = 256;

    /// <summary>Keys in one directory at the most, revoked ones among them: who did something stays known.</summary>
    public const int Max = 10_000;

    /// <summary>The name of the key that is made at the first start, and of the one that is given from outside.</summary>
    public const string OfficeName = "office";

    private const string FileName = "keys.json";
    private const int LookEveryMs = 500;

    // Of a key that nobody can guess: 256 random bits, and among so many digits far more kinds than these.
    private const int RandomDigits = 64, RandomKinds = 8;

    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    private readonly ISecrets _secrets;
    private readonly Key? _given;
    private readonly Lock _reading = new();
    private volatile Dictionary<string, Key> _keys = [];
    private SecretStamp _stamp, _unreadable;
    private long _lookedAt;

    private KeyRing(ISecrets secrets, Key? given) => (_secrets, _given) = (secrets, given);

    /// <summary>The office key itself, when it was made just now: the only moment at which it can be shown.</summary>
    public string? Made { get; private init; }

    /// <summary>Told, once for each change, when the file cannot be read any more; the keys read before stay in force.</summary>
    public Action<string>? OnUnreadable { get; set; }

    /// <summary>Opens the keys of a directory as they are.</summary>
    /// <exception cref="InvalidDataException">What is kept is no file of keys.</exception>
    public static KeyRing Open(string directory) => Open(new DirectorySecrets(directory));

    /// <inheritdoc cref="Open(string)"/>
    public static KeyRing Open(ISecrets secrets)
    {
        var ring = new KeyRing(secrets, null);
        ring.Read();
        return ring;
    }

    /// <summary>Opens the keys for a server: with the office key that is given, or one that is made when nobody could be the
    /// office.</summary>
    /// <exception cref="ArgumentException">The given key is too short or too long.</exception>
    /// <exception cref="InvalidDataException">What is kept is no file of keys.</exception>
    public static KeyRing Open(string directory, string? given)
    {
        Directory.CreateDirectory(directory);
        return Open(new DirectorySecrets(directory), given);
    }

    /// <inheritdoc cref="Open(string, string)"/>
    public static KeyRing Open(ISecrets secrets, string? given)
    {
        if (given is not null && Encoding.UTF8.GetByteCount(given) is < GivenLengthMin or > LengthMax)
            throw new ArgumentException($"RUSH_OFFICE_KEY must have {GivenLengthMin} to {LengthMax} characters.");

        var office = given is null ? null : new Key("", OfficeName, Role.Office, DateTimeOffset.UnixEpoch, null)
        {
            Hash = HashOf(given),
            Verifier = IsRandom(given) ? VerifierOf(given) : null,
        };
        string? made = null;
        if (office is null)
        {
            // Of several servers that start together one makes the key; under the lock the others see it.
            Change(secrets, keys =>
            {
                if (keys.Values.Any(key => key is { IsLive: true, Role: Role.Office })) return false;
                made = Make(keys, OfficeName, Role.Office).Secret;
                return true;
            });
        }

        var ring = new KeyRing(secrets, office) { Made = made };
        ring.Read();
        return ring;
    }

    /// <summary>The live key that this is; null when it is none.</summary>
    public Key? Find(ReadOnlySpan<char> secret)
    {
        LookAgain();
        Span<byte> bytes = stackalloc byte[LengthMax];
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        if (!Encoding.UTF8.TryGetBytes(secret, bytes, out var length)) return null;
        SHA256.HashData(bytes[..length], hash);
        if (_given is not null && CryptographicOperations.FixedTimeEquals(hash, _given.Hash)) return _given;

        // The id only says with which hash to compare; it is no secret.
        return TryId(secret, out var id) && _keys.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(id, out var key) && key.IsLive
            && CryptographicOperations.FixedTimeEquals(hash, key.Hash)
            ? key
            : null;
    }

    /// <summary>The live key of that id; the empty id is the key that was given from outside.</summary>
    public Key? WithId(string id)
    {
        LookAgain();
        if (id.Length == 0) return _given;
        return _keys.TryGetValue(id, out var key) && key.IsLive ? key : null;
    }

    /// <summary>Every key, revoked ones too, in the order in which they were made.</summary>
    public IReadOnlyList<Key> List()
    {
        LookAgain(now: true);
        var kept = _keys.Values.OrderBy(key => key.Made).ThenBy(key => key.Id, StringComparer.Ordinal);
        return _given is null ? [.. kept] : [_given, .. kept];
    }

    /// <summary>Makes a key. The secret is returned here and never again.</summary>
    /// <exception cref="ArgumentException">The name is none, or belongs to keys of another role.</exception>
    /// <exception cref="InvalidOperationException">There are as many keys as there may be.</exception>
    public (Key Key, string Secret) Add(string name, Role role)
    {
        if (!PlanCheck.IsId(name))
            throw new ArgumentException($"\"{name}\" cannot name a key: 1 to 63 of a-z, 0-9 and -, not starting with -.");
        if (role == Role.None) throw new ArgumentException("A key needs a role: office, staff, shop or read.");
        if (_given is not null && name == OfficeName && role != Role.Office)
            throw new ArgumentException("The name \"office\" is the office's.");
        (Key, string) made = default;
        Change(_secrets, keys =>
        {
            // A name is a caller: a shop that became staff overnight would find its orders to be everybody's, and the journal would lie.
            if (keys.Values.FirstOrDefault(key => key.Name == name && key.Role != role) is { } other)
                throw new ArgumentException($"\"{name}\" is a name of {other.Role.Name()} keys; take another.");
            made = Make(keys, name, role);
            return true;
        });
        Read();
        return made;
    }

    /// <summary>Ends a key, by its id; at once here, within half a second in other processes.</summary>
    /// <returns>False when there is no live key of that id.</returns>
    public bool Revoke(string id)
    {
        var found = false;
        Change(_secrets, keys =>
        {
            if (!keys.TryGetValue(id, out var key) || !key.IsLive) return false;
            keys[id] = key with { Revoked = DateTimeOffset.UtcNow };
            return found = true;
        });
        Read();
        return found;
    }

    private static (Key Key, string Secret) Make(Dictionary<string, Key> keys, string name, Role role)
    {
        if (keys.Count >= Max) throw new InvalidOperationException($"There are {Max} keys, and no more are allowed.");
        string id;
        do id = RandomNumberGenerator.GetHexString(8, lowercase: true);
        while (keys.ContainsKey(id));

        var secret = $"rush_{role.Name()}_{id}_{RandomNumberGenerator.GetHexString(64, lowercase: true)}";
        var key = new Key(id, name, role, DateTimeOffset.UtcNow, null) { Hash = HashOf(secret), Verifier = VerifierOf(secret) };
        keys.Add(id, key);
        return (key, secret);
    }

    private static bool TryId(ReadOnlySpan<char> secret, out ReadOnlySpan<char> id)
    {
        id = default;
        var end = secret.LastIndexOf('_');
        if (!secret.StartsWith("rush_", StringComparison.Ordinal) || end < 8) return false;
        id = secret[(end - 8)..end];
        return true;
    }

    /// <summary>
    /// Whether a key ends with 64 random hexadecimal digits, as <c>rush keys add</c> and <c>openssl rand -hex 32</c> make them. Any
    /// stranger may ask for a challenge, and what it is answered tells a right guess from a wrong one without asking here again: a key that
    /// a person has thought of would be found out that way, at leisure.
    /// </summary>
    internal static bool IsRandom(string key) =>
        key.Length >= RandomDigits && key.AsSpan(key.Length - RandomDigits) is var end && !end.ContainsAnyExcept(HexDigits)
        && key[^RandomDigits..].Distinct().Count() >= RandomKinds;

    /// <summary>What is shared with who has the key, for challenges: HMAC-SHA256 under the key over <c>terminals</c>.</summary>
    internal static byte[] VerifierOf(string key) => HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), "terminals"u8);

    private static byte[] HashOf(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));

    private static void Change(ISecrets secrets, Func<Dictionary<string, Key>, bool> change) => secrets.Change(FileName, text =>
    {
        var keys = Parse(secrets, text);
        return change(keys) ? KeyFile.Write(keys.Values) : null;
    });

    private static Dictionary<string, Key> Parse(ISecrets secrets, string? text) =>
        text is null ? new(StringComparer.Ordinal) : KeyFile.Read(secrets.Describe(FileName), Encoding.UTF8.GetBytes(text));

    private void LookAgain(bool now = false)
    {
        var ticks = Environment.TickCount64;
        if (!now && ticks - Volatile.Read(ref _lookedAt) < LookEveryMs) return;
        Volatile.Write(ref _lookedAt, ticks);

        var stamp = _secrets.Stamp(FileName);

        // Two changes within one tick of the file's clock have one stamp: what is young is read again.
        if (stamp == _stamp && DateTime.UtcNow - stamp.Time > TimeSpan.FromSeconds(2)) return;

        // A database may take its time to say no; one request waits for that, the others go on with the keys there are.
        if (now) _reading.Enter();
        else if (!_reading.TryEnter()) return;
        try
        {
            Read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or JournalRefusedException)
        {
            // Turning everybody away because somebody's editor is at work would be worse than half an hour of old keys. What could not be
            // read is tried again until it can be, for a key that was revoked must end here too; what could be is the same next time.
            if (e is InvalidDataException) _stamp = stamp;
            if (stamp == _unreadable) return;
            _unreadable = stamp;
            OnUnreadable?.Invoke(e.Message);
        }
        finally
        {
            _reading.Exit();
        }
    }

    private void Read()
    {
        lock (_reading)
        {
            var stamp = _secrets.Stamp(FileName);
            _keys = Parse(_secrets, _secrets.Read(FileName));
            (_stamp, _unreadable) = (stamp, default);
            Volatile.Write(ref _lookedAt, Environment.TickCount64);
        }
    }
}

/// <summary>The bytes of <c>keys.json</c>.</summary>
internal sealed record KeyFile(int Format, KeyLine[] Keys)
{
    // 1 had no verifiers.
    private const int FormatNow = 2;

    public static string Write(IEnumerable<Key> keys) => JsonSerializer.Serialize(
        new(FormatNow, [.. keys.Select(key => new KeyLine(
            key.Id, key.Name, key.Role.Name(), key.Made.ToUnixTimeSeconds(), key.Revoked?.ToUnixTimeSeconds(),
            Convert.ToHexStringLower(key.Hash), key.Verifier is null ? null : Convert.ToHexStringLower(key.Verifier)))]),
        KeyFileJson.Default.KeyFile);

    /// <exception cref="InvalidDataException">The text is no file of keys.</exception>
    public static Dictionary<string, Key> Read(string path, byte[] text)
    {
        try
        {
            var file = JsonSerializer.Deserialize(text, KeyFileJson.Default.KeyFile);
            if (file is not { Format: 1 or FormatNow, Keys.Length: <= KeyRing.Max }) throw new FormatException("it has another format");
            return file.Keys.Select(line => line.Read()).ToDictionary(key => key.Id, StringComparer.Ordinal);
        }
        catch (Exception e) when (e is JsonException or FormatException or ArgumentException or NullReferenceException)
        {
            throw new InvalidDataException($"{path} is no file of keys: {e.Message}", e);
        }
    }
}

/// <param name="Made">Seconds since 1970, UTC.</param>
/// <param name="Hash">SHA-256 of the whole key.</param>
/// <param name="Verifier">For challenges; a key of format 1 has none.</param>
internal sealed record KeyLine(string Id, string Name, string Role, long Made, long? Revoked, string Hash, string? Verifier = null)
{
    public Key Read()
    {
        var verifier = Verifier is null ? null : Convert.FromHexString(Verifier);
        DateTimeOffset? revoked = Revoked is { } at ? DateTimeOffset.FromUnixTimeSeconds(at) : null;
        return Permissions.TryParse(Role, out var role) && Convert.FromHexString(Hash) is { Length: 32 } hash
            && verifier is null or { Length: 32 } && PlanCheck.IsId(Name) && Id.Length == 8
            ? new(Id, Name, role, DateTimeOffset.FromUnixTimeSeconds(Made), revoked) { Hash = hash, Verifier = verifier }
            : throw new FormatException($"the key \"{Id}\" is none");
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow, AllowDuplicateProperties = false)]
[JsonSerializable(typeof(KeyFile))]
internal sealed partial class KeyFileJson : JsonSerializerContext;
