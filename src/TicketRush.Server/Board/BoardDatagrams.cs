using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using TicketRush.Journal;

namespace TicketRush.Server.Board;

/// <summary>What subscribers send: the form of the documents from which so many learn it.</summary>
internal sealed record BoardRequest(string Msg, string Username);

/// <param name="N">Counts the sale's datagrams of this server, one by one: a gap is a loss.</param>
/// <param name="Parts">Datagrams of one state, where one does not hold all tiers.</param>
/// <param name="Tiers">What is free, by tier.</param>
internal sealed record BoardDatagram(string Sale, long N, long Sequence, string State, long At, int Part, int Parts, Dictionary<string, int> Tiers);

/// <summary>The bytes of the board.</summary>
internal static class BoardDatagrams
{
    // Bytes of a datagram beyond its tiers: the names of the members, the longest sale's name, numbers.
    private const int HeadMax = 320;

    /// <summary>One state of a sale as datagrams, none longer than <see cref="BoardLimits.DatagramMax"/>.</summary>
    /// <param name="next">The number of the first; raised by as many as there are.</param>
    public static List<byte[]> Write(string sale, string state, SaleSnapshot snapshot, Func<int, int> freeOf, ref long next)
    {
        var parts = new List<Dictionary<string, int>> { new(StringComparer.Ordinal) };
        var length = HeadMax;
        for (var i = 0; i < snapshot.Plan.Tiers.Length; i++)
        {
            var id = snapshot.Plan.Tiers[i].Id;
            var more = id.Length + 14; // Quotes, colon, comma, a number.
            if (length + more > BoardLimits.DatagramMax)
            {
                parts.Add(new(StringComparer.Ordinal));
                length = HeadMax;
            }

            parts[^1].Add(id, freeOf(i));
            length += more;
        }

        var datagrams = new List<byte[]>(parts.Count);
        for (var i = 0; i < parts.Count; i++)
        {
            datagrams.Add(JsonSerializer.SerializeToUtf8Bytes(
                new(sale, next++, snapshot.Sequence, state, snapshot.TimeMs, i + 1, parts.Count, parts[i]), BoardJson.Default.BoardDatagram));
        }

        return datagrams;
    }

    /// <summary>Reads <c>{"msg": "subscribe SALE [TOKEN]", "username": "…"}</c>; other members are passed over.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out string sale, out string token)
    {
        (sale, token) = ("", "");
        try
        {
            if (JsonSerializer.Deserialize(bytes, BoardJson.Default.BoardRequest) is not { Msg: { } msg, Username: { Length: <= 64 } }) return false;
            var words = msg.Split(' ', 4, StringSplitOptions.RemoveEmptyEntries);
            if (words is not ["subscribe", var name, ..] || words.Length > 3) return false;
            (sale, token) = (name, words.Length == 3 ? words[2] : "");
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    public static byte[] Prove(string token) => Encoding.ASCII.GetBytes($$"""{"msg":"prove {{token}}"}""");

    /// <summary>What only somebody at this address can know: it was sent there. Good for this minute and the next.</summary>
    public static string Token(ReadOnlySpan<byte> secret, IPEndPoint from, string sale, long minute)
    {
        Span<byte> data = stackalloc byte[16 + 2 + 8 + 63], mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        var address = from.Address.MapToIPv6();
        address.TryWriteBytes(data, out _);
        BinaryPrimitives.WriteUInt16BigEndian(data[16..], (ushort)from.Port);
        BinaryPrimitives.WriteInt64BigEndian(data[18..], minute);
        var length = 26 + Encoding.ASCII.GetBytes(sale, data[26..]);
        HMACSHA256.HashData(secret, data[..length], mac);
        return Convert.ToHexStringLower(mac[..8]);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 4, AllowDuplicateProperties = false, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(BoardRequest))]
[JsonSerializable(typeof(BoardDatagram))]
internal sealed partial class BoardJson : JsonSerializerContext;
