using System.Buffers.Binary;
using System.Buffers.Text;
using System.Text;

namespace TicketRush.Server.Access;

/// <summary>
/// Staff who signed in to the office pages with a key: a signed cookie that names the key and when it was used. It is good for
/// twelve hours, on paths under <c>/office</c> only, and only while the key is: revoking the key ends it. What money or other keys hang on
/// asks for the key once more when it was not shown lately (<see cref="AccessMiddleware.NeedsKeyAgain"/>).
/// </summary>
public sealed class StaffSessions(ServerSecret secret, KeyRing keys, BuyerSessions buyers, ServerOptions options, TimeProvider time)
{
    public const string CookieName = "__Host-rush-office";
    public const string PlainCookieName = "rush-office";

    /// <summary>The paths on which the cookie counts.</summary>
    public const string Path = "/office";

    private const string Purpose = "staff session";
    private static readonly TimeSpan Age = TimeSpan.FromHours(12);

    /// <summary>Signs in. The caller has checked the key.</summary>
    public void SignIn(HttpContext http, Key key)
    {
        Span<byte> bytes = stackalloc byte[8 + 8 + ServerSecret.SignatureSize];
        Encoding.ASCII.GetBytes(key.Id.PadRight(8), bytes);
        BinaryPrimitives.WriteInt64BigEndian(bytes[8..], Now);
        secret.Sign(Purpose, Signed(bytes[..16], key), bytes[16..]);
        http.Response.Cookies.Append(NameFor(http), Base64Url.EncodeToString(bytes), buyers.CookieFor(http, Age));
        http.Features.Set(Caller.Of(key, byCookie: true));
    }

    public void SignOut(HttpContext http) => http.Response.Cookies.Delete(NameFor(http), buyers.CookieFor(http, null));

    /// <summary>Who is signed in; null when nobody is, any more.</summary>
    internal Caller? Read(HttpContext http)
    {
        if (!http.Request.Path.StartsWithSegments(Path)) return null;
        if (!http.Request.Cookies.TryGetValue(NameFor(http), out var text)) return null;

        Span<byte> bytes = stackalloc byte[8 + 8 + ServerSecret.SignatureSize];
        if (!ServerSecret.TryDecode(text, bytes)) return null;
        var since = Now - BinaryPrimitives.ReadInt64BigEndian(bytes[8..]);
        if (since < 0 || since > (long)Age.TotalSeconds) return null;
        if (keys.WithId(Encoding.ASCII.GetString(bytes[..8]).TrimEnd()) is not { } key) return null;
        return secret.Verifies(Purpose, Signed(bytes[..16], key), bytes[16..])
            ? Caller.Of(key, byCookie: true, isFresh: since < (long)options.KeyAgainAfter.TotalSeconds)
            : null;
    }

    private long Now => time.GetUtcNow().ToUnixTimeSeconds();

    // With the key's hash: another key under the same id, as the one given from outside may be tomorrow, is another session.
    private static byte[] Signed(ReadOnlySpan<byte> session, Key key) => [.. session, .. key.Hash];

    private string NameFor(HttpContext http) => buyers.IsPlain(http) ? PlainCookieName : CookieName;
}
