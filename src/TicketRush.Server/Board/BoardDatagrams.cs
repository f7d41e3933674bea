using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using TicketRush.Journal;
using TicketRush.Server.Access;

namespace TicketRush.Server.Board;

/// <summary>What subscribers send: the form of the documents from which so many learn it.</summary>
internal sealed record BoardRequest(string Msg, string Username);

/// <summary>What is answered to who has not proved its address, or should do so anew.</summary>
internal sealed record BoardProof(string Msg);

/// <param name="Sale">Its name.</param>
/// <param name="Server">Who sends: made anew at each start.</param>
/// <param name="N">Counts the sale's datagrams of this server, one by one: a gap is a loss.</param>
/// <param name="Sequence">The sale's sequence of which the rest is true.</param>
/// <param name="State">As HTTP's availability has it.</param>
/// <param name="At">Milliseconds since 1970, in sale time.</param>
/// <param name="Part">1 and up.</param>
/// <param name="Parts">Datagrams of one state, where one does not hold all tiers.</param>
/// <param name="Tiers">What is free, by tier.</param>
internal sealed record BoardDatagram(
    string Sale, string Server, long N, long Sequence, string State, long At, int Part, int Parts, Dictionary<string, int> Tiers);

/// <summary>The bytes of the board.</summary>
internal static class BoardDatagrams
{
    // Bytes of a datagram beyond its tiers: the names of the members, the longest sale's name, numbers.
    private const int HeadMax = 320;

    private const string Proving = "prove ";
    private const string Purpose = "board";
    private const int TokenMax = 64;

    /// <summary>One state of a sale as datagrams, none longer than <see cref="BoardLimits.DatagramMax"/>.</summary>
    /// <param name="sale">Its name.</param>
    /// <param name="server">Who sends.</param>
    /// <param name="state">Its state's name.</param>
    /// <param name="snapshot">What is true of it.</param>
    /// <param name="freeOf">What is free of a tier.</param>
    /// <param name="next">The number of the first; raised by as many as there are.</param>
    public static List<byte[]> Write(
        string sale, string server, string state, SaleSnapshot snapshot, Func<int, int> freeOf, ref long next)
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
                new(sale, server, next++, snapshot.Sequence, state, snapshot.TimeMs, i + 1, parts.Count, parts[i]),
                BoardJson.Default.BoardDatagram));
        }

        return datagrams;
    }

    /// <summary>Reads <c>{"msg": "subscribe SALE [TOKEN]", "username": "…"}</c>; other members are passed over.</summary>
    public static bool TryReadRequest(ReadOnlySpan<byte> bytes, out string sale, out string token)
    {
        (sale, token) = ("", "");
        try
        {
            var request = JsonSerializer.Deserialize(bytes, BoardJson.Default.BoardRequest);
            if (request is not { Username.Length: <= 64 }) return false;
            var words = request.Msg.Split(' ', 4, StringSplitOptions.RemoveEmptyEntries);
            if (words is not ["subscribe", var name, ..] || words.Length > 3) return false;
            (sale, token) = (name, words.Length == 3 ? words[2] : "");
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Reads a state, for who shows it; what a datagram has beyond it is passed over.</summary>
    public static bool TryReadState(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out BoardDatagram? datagram)
    {
        try
        {
            datagram = JsonSerializer.Deserialize(bytes, BoardJson.Default.BoardDatagram);
            return datagram is { N: > 0, Sequence: >= 0, Part: > 0 } && datagram.Part <= datagram.Parts;
        }
        catch (JsonException)
        {
            datagram = null;
            return false;
        }
    }

    /// <summary>Reads what is to be subscribed with.</summary>
    public static bool TryReadProof(ReadOnlySpan<byte> bytes, out string token)
    {
        token = "";
        try
        {
            if (JsonSerializer.Deserialize(bytes, BoardJson.Default.BoardProof) is not { Msg: { } msg }
                || !msg.StartsWith(Proving, StringComparison.Ordinal)) return false;
            token = msg[Proving.Length..];
            return token.Length is > 0 and <= TokenMax && token.All(char.IsAsciiLetterOrDigit);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    public static byte[] Prove(string token) => JsonSerializer.SerializeToUtf8Bytes(new(Proving + token), BoardJson.Default.BoardProof);

    /// <summary>
    /// What only somebody at this address can know: it was sent there. Good for this minute and the next, at every server of the store.
    /// </summary>
    public static string Token(ServerSecret secret, IPEndPoint from, string sale, long minute)
    {
        Span<byte> data = stackalloc byte[16 + 2 + 8 + 63], signature = stackalloc byte[ServerSecret.SignatureSize];
        var address = from.Address.MapToIPv6();
        address.TryWriteBytes(data, out _);
        BinaryPrimitives.WriteUInt16BigEndian(data[16..], (ushort)from.Port);
        BinaryPrimitives.WriteInt64BigEndian(data[18..], minute);
        var length = 26 + Encoding.ASCII.GetBytes(sale, data[26..]);
        secret.Sign(Purpose, data[..length], signature);
        return Convert.ToHexStringLower(signature[..8]);
    }

    public static bool IsSame(string given, string right) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(right));
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, MaxDepth = 4, AllowDuplicateProperties = false,
    RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(BoardRequest))]
[JsonSerializable(typeof(BoardProof))]
[JsonSerializable(typeof(BoardDatagram))]
internal sealed partial class BoardJson : JsonSerializerContext;
