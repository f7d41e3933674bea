using System.Net;
using System.Security.Cryptography;
using System.Text;
using TicketRush.Server.Access;

namespace TicketRush.Server.Terminals;

/// <summary>
/// Proof of a key without sending it. The client sends its role in this exchange, the key's id and a nonce; the server a nonce of its own
/// and its proof; the client then its proof. A proof is HMAC-SHA256, under what is kept of the key (<see cref="KeyRing"/>), over
/// <code>ticketrush-terminals-1|role|key id|client's nonce|server's nonce|channel</code>
/// with role <c>server</c> or <c>client</c>, so that an echoed proof never verifies, and the nonces as 64 lower-case hexadecimal digits.
/// Nothing of it can be chosen: no algorithm, no length. The channel is <c>tls:</c> and the SHA-256 of the server's certificate, or
/// <c>tcp:</c>, the client's end, <c>&gt;</c> and the server's, as each side sees them: who sits between the two and passes on what they
/// say has another certificate, or another address, and proves nothing.
/// </summary>
internal sealed class Handshake
{
    public const string Version = "ticketrush-terminals-1";
    public const int NonceBytes = 32;
    public const int HexDigits = 64;

    private readonly byte[] _serverNonce = new byte[NonceBytes];
    private string _keyId = "", _clientNonce = "";
    private long _since;
    private bool _isOpen;

    /// <summary>Begins an exchange; one that was under way before is over.</summary>
    /// <returns>The server's nonce, in hexadecimal digits.</returns>
    public string Begin(string keyId, string clientNonce, TimeProvider time)
    {
        RandomNumberGenerator.Fill(_serverNonce);
        (_keyId, _clientNonce, _since, _isOpen) = (keyId, clientNonce, time.GetTimestamp(), true);
        return Convert.ToHexStringLower(_serverNonce);
    }

    public string KeyId => _keyId;

    /// <summary>Ends the exchange, whatever comes of it: a nonce is good once.</summary>
    /// <returns>False when there is none, or it is too old.</returns>
    public bool TryEnd(TimeSpan age, TimeProvider time)
    {
        var wasOpen = _isOpen;
        _isOpen = false;
        return wasOpen && time.GetElapsedTime(_since) <= age;
    }

    /// <param name="role">client or server.</param>
    /// <param name="proof">32 bytes.</param>
    public void Prove(string role, string channel, ReadOnlySpan<byte> verifier, Span<byte> proof) =>
        Prove(role, _keyId, _clientNonce, Convert.ToHexStringLower(_serverNonce), channel, verifier, proof);

    /// <summary>The proof in full; a client computes the same.</summary>
    public static void Prove(
        string role, string keyId, string clientNonce, string serverNonce, string channel, ReadOnlySpan<byte> verifier, Span<byte> proof) =>
        HMACSHA256.HashData(verifier, Encoding.UTF8.GetBytes($"{Version}|{role}|{keyId}|{clientNonce}|{serverNonce}|{channel}"), proof);

    /// <summary>64 lower-case hexadecimal digits: one way to write a nonce or a proof.</summary>
    public static bool IsHex(ReadOnlySpan<byte> text) => text.Length == HexDigits && !text.ContainsAnyExcept("0123456789abcdef"u8);

    public static string ChannelOf(ReadOnlySpan<byte> certificate) => "tls:" + Convert.ToHexStringLower(SHA256.HashData(certificate));

    public static string ChannelOf(IPEndPoint client, IPEndPoint server) => $"tcp:{NameOf(client)}>{NameOf(server)}";

    // An IPv4 address that came by an IPv6 socket is still that address at the other end; a scope is a machine's own.
    private static string NameOf(IPEndPoint end) =>
        new IPEndPoint(end.Address.IsIPv4MappedToIPv6 ? end.Address.MapToIPv4() : new(end.Address.GetAddressBytes()), end.Port).ToString();
}
