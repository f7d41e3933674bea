using System.Security.Cryptography;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using TicketRush.Journal.Files;

namespace TicketRush.Journal.Postgres;

/// <summary>
/// Secrets in the database, sealed with a key that is not in it: who reads the database, its backups or its wire reads nothing. The cluster key
/// is in the environment (RUSH_CLUSTER_KEY) or in <c>cluster.key</c> of the state directory; every server has the same.
/// <code>
///    0  nonce   12
///   12  tag     16  AES-256-GCM over the text; the secret's name is authenticated too
///   28  text
/// </code>
/// </summary>
internal sealed class SealedSecrets : ISecrets
{
    public const string ClusterKeyFile = "cluster.key";
    private const string ClusterKeyVariable = "RUSH_CLUSTER_KEY";
    private const int NonceSize = 12, TagSize = 16, KeyDigits = 64;

    private readonly PostgresOptions _options;
    private readonly PostgresWatch _watch;
    private readonly byte[] _key;

    /// <exception cref="InvalidDataException">The cluster key is none.</exception>
    public SealedSecrets(PostgresOptions options, PostgresWatch watch)
    {
        (_options, _watch) = (options, watch);
        var directory = options.StateDirectory ?? throw new ArgumentException("Secrets need a state directory.", nameof(options));
        var text = Environment.GetEnvironmentVariable(ClusterKeyVariable) is { Length: > 0 } given ? given : ReadFile(new DirectorySecrets(directory));
        if (text.Length != KeyDigits || !text.All(char.IsAsciiHexDigit))
            throw new InvalidDataException($"{ClusterKeyVariable}, or {ClusterKeyFile} in {directory}, must be {KeyDigits} hexadecimal digits.");
        _key = HKDF.DeriveKey(HashAlgorithmName.SHA256, Convert.FromHexString(text), 32, info: "TicketRush sealed secrets 1"u8.ToArray());
    }

    public string Describe(string name) => $"\"{name}\" in {_options.Name}";

    public SecretStamp Stamp(string name) => _watch.VersionOf(name) is not 0 and var version ? new(DateTime.UnixEpoch, version) : default;

    public string? Read(string name) => With(connection => Read(connection, name, forUpdate: false));

    public bool TryAdd(string name, string text) => With(connection =>
    {
        using var command = new NpgsqlCommand("INSERT INTO ticketrush.secret (name, version, sealed) VALUES ($1, 1, $2) ON CONFLICT DO NOTHING", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = Seal(name, text) });
        var isAdded = command.ExecuteNonQuery() == 1;
        if (isAdded) _watch.Saw(name, 1);
        return isAdded;
    });

    public void Change(string name, Func<string?, string?> change) => With(connection =>
    {
        using var transaction = connection.BeginTransaction();
        using var make = new NpgsqlCommand("INSERT INTO ticketrush.secret (name, version, sealed) VALUES ($1, 0, '') ON CONFLICT DO NOTHING", connection);
        make.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        make.ExecuteNonQuery();
        if (change(Read(connection, name, forUpdate: true)) is not { } text) return false;

        using var command = new NpgsqlCommand("UPDATE ticketrush.secret SET version = version + 1, sealed = $2 WHERE name = $1 RETURNING version", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = Seal(name, text), NpgsqlDbType = NpgsqlDbType.Bytea });
        var version = (long)command.ExecuteScalar()!;
        transaction.Commit();
        _watch.Saw(name, version);
        return true;
    });

    private static string ReadFile(DirectorySecrets files)
    {
        if (files.Read(ClusterKeyFile) is null) files.TryAdd(ClusterKeyFile, RandomNumberGenerator.GetHexString(KeyDigits, lowercase: true) + "\n");
        return files.Read(ClusterKeyFile)!.Trim();
    }

    private T With<T>(Func<NpgsqlConnection, T> act)
    {
        using var connection = PostgresSession.Connect(_options, "secrets");
        return PostgresSession.Guarded(() => act(connection));
    }

    private string? Read(NpgsqlConnection connection, string name, bool forUpdate)
    {
        using var command = new NpgsqlCommand($"SELECT sealed FROM ticketrush.secret WHERE name = $1 {(forUpdate ? "FOR UPDATE" : "")}", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        return command.ExecuteScalar() is byte[] { Length: > 0 } found ? Unseal(name, found) : null;
    }

    private byte[] Seal(string name, string text)
    {
        var plain = Encoding.UTF8.GetBytes(text);
        var bytes = new byte[NonceSize + TagSize + plain.Length];
        RandomNumberGenerator.Fill(bytes.AsSpan(0, NonceSize));
        using var aes = new AesGcm(_key, TagSize);
        aes.Encrypt(bytes.AsSpan(0, NonceSize), plain, bytes.AsSpan(NonceSize + TagSize), bytes.AsSpan(NonceSize, TagSize), Encoding.UTF8.GetBytes(name));
        return bytes;
    }

    private string Unseal(string name, byte[] bytes)
    {
        try
        {
            var plain = new byte[bytes.Length - NonceSize - TagSize];
            using var aes = new AesGcm(_key, TagSize);
            aes.Decrypt(
                bytes.AsSpan(0, NonceSize), bytes.AsSpan(NonceSize + TagSize), bytes.AsSpan(NonceSize, TagSize), plain, Encoding.UTF8.GetBytes(name));
            return Encoding.UTF8.GetString(plain);
        }
        catch (Exception e) when (e is CryptographicException or OverflowException)
        {
            throw new InvalidDataException(
                $"{Describe(name)} is sealed under another cluster key, or damaged. Give this server the {ClusterKeyFile} of one that can read it, or its {ClusterKeyVariable}.", e);
        }
    }
}
