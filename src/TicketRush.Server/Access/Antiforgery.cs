using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace TicketRush.Server.Access;

/// <summary>
/// Tells a post that a page of ours made from one that another site made a browser send. Every post that is not made with a
/// key in a header needs two things: it says that it comes from here (<c>Sec-Fetch-Site</c>, <c>Origin</c>), and it has a token
/// bound to its session, which other sites cannot read.
/// </summary>
public sealed class Antiforgery(ServerSecret secret)
{
    /// <summary>The hidden field of a form.</summary>
    public const string FieldName = "_token";

    /// <summary>The header of a script's request.</summary>
    public const string HeaderName = "X-Rush-Token";

    private const string Purpose = "form";
    private const int Size = ServerSecret.SignatureSize;

    /// <summary>A token for the caller's session, different each time and good as long as the session is.</summary>
    public string TokenFor(Caller caller)
    {
        // Masked with chance, so that no page says the same secret twice: compressed answers could be made to betray it.
        Span<byte> bytes = stackalloc byte[Size * 2];
        RandomNumberGenerator.Fill(bytes[..Size]);
        Write(caller, bytes[Size..]);
        for (var i = 0; i < Size; i++) bytes[Size + i] ^= bytes[i];
        return Base64Url.EncodeToString(bytes);
    }

    public bool Verifies(Caller caller, string? token)
    {
        Span<byte> bytes = stackalloc byte[Size * 2];
        if (token is null || !ServerSecret.TryDecode(token, bytes)) return false;
        for (var i = 0; i < Size; i++) bytes[Size + i] ^= bytes[i];
        Span<byte> right = stackalloc byte[Size];
        Write(caller, right);
        return CryptographicOperations.FixedTimeEquals(right, bytes[Size..]);
    }

    /// <summary>Whether the browser says that the request comes from a page of this host, or says nothing, as old ones do.</summary>
    public static bool IsFromHere(HttpRequest request)
    {
        var site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site.Length > 0) return site is "same-origin" or "none";

        // "null" is what a page that sends no referrer says of itself; then the token alone decides.
        var origin = request.Headers.Origin.ToString();
        return origin is "" or "null" || origin.Equals($"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);
    }

    private void Write(Caller caller, Span<byte> token)
    {
        Span<byte> whose = stackalloc byte[40];
        if (caller.Key is { } key)
        {
            var length = Encoding.ASCII.GetBytes(key.Id, whose);
            key.Hash.CopyTo(whose[length..]);
            secret.Sign(Purpose, whose[..(length + key.Hash.Length)], token);
            return;
        }

        BinaryPrimitives.WriteUInt128BigEndian(whose, caller.Session);
        secret.Sign(Purpose, whose[..16], token);
    }
}
