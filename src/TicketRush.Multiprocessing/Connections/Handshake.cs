using System.Security.Cryptography;
using System.Text;

namespace TicketRush.Multiprocessing.Connections;

/// <summary>
/// Each end proves to the other that it has the key, without showing it: messages in, messages out, nothing else. The listener begins.
/// <code>
///   listener                                        client
///   #CHALLENGE#{sha256} + 40 random bytes     →
///                                             ←     {sha256} + HMAC-SHA256(key, all after #CHALLENGE#)
///   #WELCOME#, or #FAILURE# and the end       →
///                                             ←     #CHALLENGE#{sha256} + 40 random bytes
///   {sha256} + HMAC                           →
///                                             ←     #WELCOME#, or #FAILURE# and the end
/// </code>
/// CPython up to 3.11 sends 20 random bytes without a digest's name, and answers every challenge with a bare HMAC-MD5.
/// </summary>
internal sealed class Handshake
{
    /// <summary>No honest message is longer.</summary>
    public const int MessageMax = 256;

    private const int RandomSize = 40, LegacyChallengeSize = 20, Md5Size = 16;

    private readonly byte[] _key;
    private readonly ConnectionOptions _options;
    private readonly bool _isListener;
    private byte[] _challenge = [];
    private Expects _next;

    public Handshake(byte[] key, ConnectionOptions options, bool isListener)
    {
        if (!Digest.Of(options.Digest).IsSupported)
            throw new PlatformNotSupportedException($"{options.Digest} is not to be had here: it needs OpenSSL 1.1.1 or later.");
        (_key, _options, _isListener, _next) = (key, options, isListener, isListener ? Expects.Response : Expects.Challenge);
    }

    private enum Expects { Challenge, Response, Welcome, Nothing }

    private static ReadOnlySpan<byte> ChallengePrefix => "#CHALLENGE#"u8;
    private static ReadOnlySpan<byte> Welcome => "#WELCOME#"u8;

    private static ReadOnlySpan<byte> Failure => "#FAILURE#"u8;

    /// <summary>Both ends have proved themselves.</summary>
    public bool IsDone => _next == Expects.Nothing;

    /// <summary>The listener's first message, before it has received any.</summary>
    public byte[] Begin() => NewChallenge();

    /// <summary>Sends the listener's first message.</summary>
    public void Begin(Connection connection) => Send(connection, Begin());

    /// <summary>Takes the peer's next message.</summary>
    /// <returns>What to send, if anything.</returns>
    /// <exception cref="AuthenticationFailedException">The peer does not have the key or does not keep to the protocol.</exception>
    public byte[]? Continue(ReadOnlySpan<byte> message)
    {
        switch (_next)
        {
            case Expects.Challenge:
                if (!message.StartsWith(ChallengePrefix))
                    throw new AuthenticationFailedException("The peer does not speak the handshake: its first message is no challenge.");
                var response = Respond(_key, message[ChallengePrefix.Length..], _options.AllowLegacyMd5);
                _next = Expects.Welcome;
                return response;

            case Expects.Welcome:
                if (!message.SequenceEqual(Welcome))
                    throw new AuthenticationFailedException("The peer did not accept the proof: its key is another.");
                if (!_isListener) return NewChallenge();
                _next = Expects.Nothing;
                return null;

            case Expects.Response:
                Verify(_key, _challenge, message, Digest.Of(_options.Digest), _options.AllowLegacyMd5);
                _next = _isListener ? Expects.Challenge : Expects.Nothing;
                return Welcome.ToArray();

            default:
                throw new InvalidOperationException("The handshake is done.");
        }
    }

    /// <summary>Takes what has arrived on the connection and sends what it asks for. Never blocks.</summary>
    /// <exception cref="AuthenticationFailedException">The handshake has failed; the peer has been told if it waits for that.</exception>
    public void Advance(Connection connection)
    {
        try
        {
            // One message at a time is all that an honest peer sends; the rest is for whoever gets the connection.
            if (connection.TryReceive(MessageMax) is { } message && Continue(message) is { } answer) Send(connection, answer);
        }
        catch (AuthenticationFailedException) when (_next == Expects.Response)
        {
            try
            {
                Send(connection, Failure);
            }
            catch (IOException)
            {
                // It has gone already.
            }

            throw;
        }
        catch (IOException error)
        {
            throw new AuthenticationFailedException("The peer ended the connection, or sent no message, during the handshake.", error);
        }
    }

    /// <summary>The proof that a challenge asks for.</summary>
    /// <exception cref="AuthenticationFailedException">It asks for a digest that is unknown or refused.</exception>
    public static byte[] Respond(byte[] key, ReadOnlySpan<byte> challenge, bool allowMd5)
    {
        if (challenge.Length < LegacyChallengeSize)
            throw new AuthenticationFailedException($"The peer's challenge has {challenge.Length} bytes: it is too short.");
        if (challenge.Length == LegacyChallengeSize)
            return allowMd5 ? HMACMD5.HashData(key, challenge) : throw Md5Refused();

        var digest = Digest.Named(challenge, allowMd5, out _);
        return [.. digest.Prefix, .. digest.Mac(key, challenge)];
    }

    /// <summary>Compares in constant time, after the length.</summary>
    /// <exception cref="AuthenticationFailedException">The response is not the proof that the challenge asks for.</exception>
    public static void Verify(byte[] key, ReadOnlySpan<byte> challenge, ReadOnlySpan<byte> response, Digest asked, bool allowMd5)
    {
        Digest digest;
        if (response.Length == Md5Size) digest = allowMd5 ? Digest.Md5 : throw Md5Refused();
        else digest = Digest.Named(response, allowMd5, out response);

        // The prefix is part of what is signed, so nobody in between can weaken it; and the peer may not choose for itself.
        if (digest != asked && digest != Digest.Md5)
            throw new AuthenticationFailedException("The peer answered with another digest than the challenge asked for.");

        var expected = digest.Mac(key, challenge);
        if (response.Length != expected.Length || !CryptographicOperations.FixedTimeEquals(expected, response))
            throw new AuthenticationFailedException("The peer's proof is wrong: its key is another.");
    }

    // A few dozen bytes into an empty socket: one that has no room for them is no honest peer's.
    private static void Send(Connection connection, ReadOnlySpan<byte> message)
    {
        if (!connection.TrySend(message)) throw new AuthenticationFailedException("The peer does not read what it is sent.");
    }

    private static AuthenticationFailedException Md5Refused() => new(
        "The peer speaks HMAC-MD5, as CPython up to 3.11 does, which is refused unless AllowLegacyMd5 is set.");

    private byte[] NewChallenge()
    {
        _challenge = [.. Digest.Of(_options.Digest).Prefix, .. RandomNumberGenerator.GetBytes(RandomSize)];
        _next = Expects.Response;
        return [.. ChallengePrefix, .. _challenge];
    }

    /// <summary>A digest by its name on the wire.</summary>
    internal sealed class Digest
    {
        public static readonly Digest Md5 = new("{md5}", true, HMACMD5.HashData);

        private static readonly Digest[] Modern =
        [
            new("{sha256}", true, HMACSHA256.HashData),
            new("{sha384}", true, HMACSHA384.HashData),
            new("{sha3_256}", HMACSHA3_256.IsSupported, HMACSHA3_256.HashData),
            new("{sha3_384}", HMACSHA3_384.IsSupported, HMACSHA3_384.HashData),
        ];

        private Digest(string prefix, bool isSupported, Func<byte[], byte[], byte[]> hash) =>
            (Prefix, IsSupported, Hash) = (Encoding.ASCII.GetBytes(prefix), isSupported, hash);

        public byte[] Prefix { get; }

        public bool IsSupported { get; }

        private Func<byte[], byte[], byte[]> Hash { get; }

        public static Digest Of(HandshakeDigest digest) => Enum.IsDefined(digest)
            ? Modern[(int)digest]
            : throw new ArgumentOutOfRangeException(nameof(digest), digest, "There is no such digest.");

        public static Digest Named(ReadOnlySpan<byte> message, bool allowMd5, out ReadOnlySpan<byte> rest)
        {
            foreach (var digest in Modern)
            {
                if (!digest.IsSupported || !message.StartsWith(digest.Prefix)) continue;
                rest = message[digest.Prefix.Length..];
                return digest;
            }

            if (!message.StartsWith(Md5.Prefix))
                throw new AuthenticationFailedException("The peer's message begins with no digest that is known here.");
            if (!allowMd5) throw Md5Refused();
            rest = message[Md5.Prefix.Length..];
            return Md5;
        }

        public byte[] Mac(byte[] key, ReadOnlySpan<byte> message) => Hash(key, message.ToArray());
    }
}
