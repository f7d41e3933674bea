using System.Buffers.Binary;
using System.Text;
using TicketRush.Engine;
using TicketRush.Journal;

namespace TicketRush.Server.Access;

public enum CallerKind : byte
{
    /// <summary>Neither key nor session.</summary>
    Nobody = 0,

    /// <summary>Somebody in a browser, whom the server gave an identity.</summary>
    Buyer = 1,
    Key = 2,
}

/// <summary>Who asks: what every handler goes by. Set before any handler runs.</summary>
public sealed class Caller
{
    private static readonly Caller Nobody = new();

    private Caller()
    {
    }

    public CallerKind Kind { get; private init; }

    /// <summary>The key; null unless <see cref="Kind"/> is Key.</summary>
    public Key? Key { get; private init; }

    /// <summary>The session's random identity, known only to it and this server; zero unless <see cref="Kind"/> is Buyer.</summary>
    public UInt128 Session { get; private init; }

    /// <summary>Where a buyer asks from, as <see cref="RateLimits.NetworkOf"/> has it; zero unless <see cref="Kind"/> is Buyer.</summary>
    public UInt128 Network { get; private init; }

    /// <summary>Came with a cookie, which a browser also sends when another site asks it to.</summary>
    public bool IsByCookie { get; private init; }

    /// <summary>Showed its key with this request or a moment ago; false for a session that has been open for a while, at a desk that
    /// somebody else may sit down at.</summary>
    public bool IsFresh { get; private init; }

    public static Caller Of(HttpContext http) => http.Features.Get<Caller>() ?? Nobody;

    public bool May(Permission permission) => Kind switch
    {
        CallerKind.Key => Key!.Role.May(permission),
        CallerKind.Buyer => Permissions.BuyersMay(permission),
        _ => permission == Permission.None,
    };

    /// <summary>Writes into a command who asks, and what of the sale it may see.</summary>
    public void Sign(ref Command command)
    {
        command.By = Key?.Name;
        command.Whose = Kind switch
        {
            CallerKind.Key => Key!.Role.SeesOnlyItsOwn() ? Whose.Keys : Whose.Everybodys,
            _ => Whose.Buyers,
        };
    }

    /// <summary>Names a request by the caller's own key for it.</summary>
    /// <param name="text">To <see cref="Identities.TextBytesMax"/> bytes.</param>
    public RequestKey RequestKey(Identities identities, string text)
    {
        // No UTF-8 has the bytes that stand behind the owner, so no owner and text read like another's.
        Span<byte> owner = stackalloc byte[80];
        int length;
        if (Key is { } key)
        {
            length = Encoding.UTF8.GetBytes(key.Name, owner);
            owner[length++] = 0xfe;
        }
        else
        {
            BinaryPrimitives.WriteUInt128BigEndian(owner, Session);
            length = 16;
            owner[length++] = 0xff;
        }

        return identities.Key(owner[..length], text);
    }

    internal static Caller Of(Key key, bool byCookie, bool isFresh = true) =>
        new() { Kind = CallerKind.Key, Key = key, IsByCookie = byCookie, IsFresh = isFresh };

    internal static Caller Of(UInt128 session, HttpContext http) => new()
    {
        Kind = CallerKind.Buyer,
        Session = session,
        Network = RateLimits.NetworkOf(http.Connection.RemoteIpAddress),
        IsByCookie = true,
    };
}
