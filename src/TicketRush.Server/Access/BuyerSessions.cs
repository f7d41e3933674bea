using System.Buffers.Binary;
using System.Buffers.Text;
using System.Security.Cryptography;

namespace TicketRush.Server.Access;

/// <summary>
/// The identities of buyers in browsers: 128 random bits in a signed cookie, made here and nowhere else, so that a buyer
/// is whom the server says. Nothing is kept of them but in the browser; a server that shares the data directory knows them too.
/// <para>
/// Signed with a key of our own and not by ASP.NET's data protection: all that is needed is that nobody can make one up.
/// A ring of keys that rotates, in files of its own, encrypted or not by the platform, would add only ways to sign people out.
/// </para>
/// </summary>
public sealed class BuyerSessions(ServerSecret secret, ServerOptions options)
{
    /// <summary>The cookie's name over TLS. Browsers take such a cookie from this very host only, and only over TLS.</summary>
    public const string CookieName = "__Host-rush-buyer";

    /// <summary>Its name over plain HTTP, which only a demo allows.</summary>
    public const string PlainCookieName = "rush-buyer";

    private const string Purpose = "buyer session";
    private const int Size = 16;

    /// <summary>How long a browser keeps its identity: until the doors have opened.</summary>
    private static readonly TimeSpan Age = TimeSpan.FromDays(180);

    /// <summary>The request's session; a new one, with its cookie in the answer, when it has none.</summary>
    /// <returns>Null when this network has made too many sessions.</returns>
    public Caller? Ensure(HttpContext http)
    {
        if (Caller.Of(http) is { Kind: CallerKind.Buyer } known) return known;
        if (TryRead(http, out var session)) return Caller.Of(session, http);
        if (!http.RequestServices.GetRequiredService<RateLimits>().TryNewSession(http)) return null;

        Span<byte> bytes = stackalloc byte[Size + ServerSecret.SignatureSize];
        RandomNumberGenerator.Fill(bytes[..Size]);
        secret.Sign(Purpose, bytes[..Size], bytes[Size..]);
        http.Response.Cookies.Append(NameFor(http), Base64Url.EncodeToString(bytes), CookieFor(http, Age));
        var made = Caller.Of(BinaryPrimitives.ReadUInt128BigEndian(bytes), http);
        http.Features.Set(made);
        return made;
    }

    internal bool TryRead(HttpContext http, out UInt128 session)
    {
        session = 0;
        if (!http.Request.Cookies.TryGetValue(NameFor(http), out var text)) return false;

        Span<byte> bytes = stackalloc byte[Size + ServerSecret.SignatureSize];
        if (!ServerSecret.TryDecode(text, bytes)) return false;
        if (!secret.Verifies(Purpose, bytes[..Size], bytes[Size..])) return false;
        session = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        return true;
    }

    /// <summary>How this server's cookies are: for this host, for no script, and not for other sites' posts.</summary>
    internal CookieOptions CookieFor(HttpContext http, TimeSpan? age) => new()
    {
        Path = "/",
        Secure = !IsPlain(http),
        HttpOnly = true,
        SameSite = SameSiteMode.Lax,
        MaxAge = age,
        IsEssential = true,
    };

    internal bool IsPlain(HttpContext http) => options.Demo && !http.Request.IsHttps;

    private string NameFor(HttpContext http) => IsPlain(http) ? PlainCookieName : CookieName;
}
