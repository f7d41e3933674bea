using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>
/// Only clients that know the key are served, and the key is never sent: the server asks something new each time, and only who has the key
/// can answer. First by hand, then by the library.
/// </summary>
internal static class ClientAuthentication
{
    private const int ChallengeBytes = 32;

    private static readonly byte[] Key = "only the theatre's own tills know this"u8.ToArray();
    private static readonly byte[] Forged = "a guess"u8.ToArray();

    public static async Task Run()
    {
        await ByHand("honest", Key);
        await ByHand("forged", Forged);
        await ByLibrary("honest", Key);
        await ByLibrary("forged", Forged);
    }

    private static async Task ByHand(string who, byte[] key)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        var serving = ServeAsync(await listener.AcceptTcpClientAsync());

        var stream = client.GetStream();
        var challenge = new byte[ChallengeBytes];
        await stream.ReadExactlyAsync(challenge);
        await stream.WriteAsync(HMACSHA256.HashData(key, challenge));

        var reply = new byte[100];
        try
        {
            await stream.WriteAsync("two tickets, please"u8.ToArray());
            var length = await stream.ReadAsync(reply);
            Console.WriteLine($"{who}, by hand: {(length > 0 ? Encoding.UTF8.GetString(reply, 0, length) : "hung up on")}");
        }
        catch (IOException)
        {
            // The server had hung up before it read what was said last.
            Console.WriteLine($"{who}, by hand: hung up on");
        }

        await serving;
    }

    private static async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            var stream = client.GetStream();

            // Random, and so never the same: who has listened to an earlier answer has learned nothing for this one.
            var challenge = RandomNumberGenerator.GetBytes(ChallengeBytes);
            await stream.WriteAsync(challenge);

            // Exactly as many bytes as the hash has. They may arrive in pieces, and more than these belong to what comes next.
            var answer = new byte[HMACSHA256.HashSizeInBytes];
            await stream.ReadExactlyAsync(answer);

            // A comparison that stops at the first difference would tell by its time how many bytes of a guess were right.
            var isHonest = CryptographicOperations.FixedTimeEquals(answer, HMACSHA256.HashData(Key, challenge));
            Console.WriteLine($"  server: the client is {(isHonest ? "one of ours" : "not one of ours, and nothing it says is read")}");
            if (!isHonest) return;

            var request = new byte[100];
            var length = await stream.ReadAsync(request);
            await stream.WriteAsync(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(request, 0, length).ToUpperInvariant()));
        }
    }

    /// <summary>The library asks in both directions: a client does not talk to a server that lacks the key either.</summary>
    private static async Task ByLibrary(string who, byte[] key)
    {
        using var listener = new Listener(new IPEndPoint(IPAddress.Loopback, 0), new() { AuthKey = Key });
        var told = new TaskCompletionSource<AuthenticationFailedException>();
        listener.HandshakeFailed += told.SetResult;
        try
        {
            using var client = await Client.ConnectAsync(listener.EndPoint, new() { AuthKey = key });
            using var server = await listener.AcceptAsync();
            client.Send("two tickets, please"u8);
            Console.WriteLine($"{who}, by the library: {Encoding.UTF8.GetString(server.Receive())}");
        }
        catch (AuthenticationFailedException refused)
        {
            // Such a client never comes out of Accept, so it costs the server nothing; that it was there is told by an event.
            Console.WriteLine($"  listener: {(await told.Task).Message}");
            Console.WriteLine($"{who}, by the library: {refused.Message}");
        }
    }
}
