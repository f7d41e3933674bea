using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using TicketRush.Journal.Files;

namespace TicketRush.Journal.Postgres;

/// <summary>
/// Secrets in the database, sealed with a key that is not in it: who reads the database, its backups or its wire reads nothing. The cluster
/// key is in the environment (RUSH_CLUSTER_KEY) or in <c>cluster.key</c> of the state directory; every server has the same.
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
    private const string Purpose = "secrets";
    private const int NonceSize = 12, TagSize = 16, KeyDigits = 64;

    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromMilliseconds(50);

    private readonly PostgresOptions _options;
    private readonly PostgresWatch _watch;
    private readonly byte[] _key;

    /// <exception cref="InvalidDataException">The cluster key is none.</exception>
    public SealedSecrets(PostgresOptions options, PostgresWatch watch)
    {
        (_options, _watch) = (options, watch);
        var directory = options.StateDirectory ?? throw new ArgumentException("Secrets need a state directory.", nameof(options));
        var given = Environment.GetEnvironmentVariable(ClusterKeyVariable);
        var text = string.IsNullOrEmpty(given) ? ReadFile(new DirectorySecrets(directory)) : given;
        if (text.Length != KeyDigits || !text.All(char.IsAsciiHexDigit))
        {
            throw new InvalidDataException(
                $"{ClusterKeyVariable}, or {ClusterKeyFile} in {directory}, must be {KeyDigits} hexadecimal digits.");
        }

        _key = HKDF.DeriveKey(HashAlgorithmName.SHA256, Convert.FromHexString(text), 32, info: "TicketRush sealed secrets 1"u8.ToArray());
    }

    public string Describe(string name) => $"\"{name}\" in {_options.Name}";

    public SecretStamp Stamp(string name) => _watch.VersionOf(name) is not 0 and var version ? new(DateTime.UnixEpoch, version) : default;

    public string? Read(string name) => PostgresSession.With(_options, Purpose, connection => Read(connection, name, forUpdate: false));

    public bool TryAdd(string name, string text) => Write(name, connection =>
    {
        using var command = new NpgsqlCommand(
            """
            INSERT INTO ticketrush.secret AS there (name, version, sealed) VALUES ($1, 1, $2)
            ON CONFLICT (name) DO UPDATE SET version = there.version + 1, sealed = excluded.sealed WHERE there.sealed = ''
            RETURNING version
            """, connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = Seal(name, text) });
        return command.ExecuteScalar() is long version ? (text, version) : default;
    });

    public void Change(string name, Func<string?, string?> change) => Write(name, connection =>
    {
        using var make = new NpgsqlCommand(
            "INSERT INTO ticketrush.secret (name, version, sealed) VALUES ($1, 0, '') ON CONFLICT DO NOTHING", connection);
        make.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        make.ExecuteNonQuery();
        if (change(Read(connection, name, forUpdate: true)) is not { } text) return default;

        using var command = new NpgsqlCommand(
            "UPDATE ticketrush.secret SET version = version + 1, sealed = $2 WHERE name = $1 RETURNING version", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = Seal(name, text), NpgsqlDbType = NpgsqlDbType.Bytea });
        return (text, (long)command.ExecuteScalar()!);
    });

    private static string ReadFile(DirectorySecrets files)
    {
        if (files.Read(ClusterKeyFile) is null)
            files.TryAdd(ClusterKeyFile, RandomNumberGenerator.GetHexString(KeyDigits, lowercase: true) + "\n");
        return files.Read(ClusterKeyFile)!.Trim();
    }

    /// <summary>
    /// Writes in a transaction, and says so when that is durable. Where nothing was to be written, what was found is: it may be the work of
    /// another whose commit still waits.
    /// </summary>
    /// <param name="name">The secret's name.</param>
    /// <param name="write">Gives what it has written, and its version; the default for nothing.</param>
    /// <returns>Whether anything was written.</returns>
    /// <exception cref="IOException">It could not be written, or nobody knows whether it was.</exception>
    private bool Write(string name, Func<NpgsqlConnection, (string? Text, long Version)> write)
    {
        (string? Text, long Version) written = default;
        var isCommitting = false;
        try
        {
            PostgresSession.With(_options, Purpose, connection =>
            {
                PostgresSession.Begin(connection);
                written = write(connection);
                if (written.Text is null) PostgresSession.Execute(connection, PostgresSession.Barrier);
                isCommitting = true;
                PostgresSession.Commit(connection, _options);
                return true;
            });
        }
        catch (IOException e) when (isCommitting)
        {
            if (ReadBehindBarrier(name, e) != written.Text && written.Text is not null)
            {
                throw new IOException(
                    $"{Describe(name)} was not written, or another has changed it since: look, and try again. {e.Message}", e);
            }
        }

        if (written.Text is null) return false;
        _watch.Saw(name, written.Version);
        return true;
    }

    /// <summary>What is there on a new connection, known to be durable.</summary>
    private string? ReadBehindBarrier(string name, IOException unknown)
    {
        for (var since = Stopwatch.GetTimestamp(); ; Thread.Sleep(TryAgainAfter))
        {
            try
            {
                return PostgresSession.With(_options, Purpose, connection =>
                {
                    PostgresSession.Begin(connection);

                    // The barrier last, as everywhere: two that lock the same rows in another order would wait for each other.
                    var text = Read(connection, name, forUpdate: true);
                    PostgresSession.Execute(connection, PostgresSession.Barrier);
                    PostgresSession.Commit(connection, _options);
                    return text;
                });
            }
            catch (IOException e) when (Stopwatch.GetElapsedTime(since) > _options.SettleMax)
            {
                throw new IOException($"Nobody can tell whether {Describe(name)} was written. {e.Message}", unknown);
            }
            catch (IOException)
            {
                // It restarts, or waits for its standby.
            }
        }
    }

    private string? Read(NpgsqlConnection connection, string name, bool forUpdate)
    {
        using var command = new NpgsqlCommand(
            $"SELECT sealed FROM ticketrush.secret WHERE name = $1 {(forUpdate ? "FOR UPDATE" : "")}", connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name });
        return command.ExecuteScalar() is byte[] { Length: > 0 } found ? Unseal(name, found) : null;
    }

    private byte[] Seal(string name, string text)
    {
        var plain = Encoding.UTF8.GetBytes(text);
        var bytes = new byte[NonceSize + TagSize + plain.Length];
        RandomNumberGenerator.Fill(bytes.AsSpan(0, NonceSize));
        using var aes = new AesGcm(_key, TagSize);
        var nonce = bytes.AsSpan(0, NonceSize);
        var tag = bytes.AsSpan(NonceSize, TagSize);
        aes.Encrypt(nonce, plain, bytes.AsSpan(NonceSize + TagSize), tag, Encoding.UTF8.GetBytes(name));
        return bytes;
    }

    private string Unseal(string name, byte[] bytes)
    {
        try
        {
            var plain = new byte[bytes.Length - NonceSize - TagSize];
            using var aes = new AesGcm(_key, TagSize);
            var nonce = bytes.AsSpan(0, NonceSize);
            var tag = bytes.AsSpan(NonceSize, TagSize);
            aes.Decrypt(nonce, bytes.AsSpan(NonceSize + TagSize), tag, plain, Encoding.UTF8.GetBytes(name));
            return Encoding.UTF8.GetString(plain);
        }
        catch (Exception e) when (e is CryptographicException or OverflowException)
        {
            throw new InvalidDataException(
                $"{Describe(name)} is sealed under another cluster key, or damaged. Give this server the {ClusterKeyFile} of one that can "
                + $"read it, or its {ClusterKeyVariable}.", e);
        }
    }
}
