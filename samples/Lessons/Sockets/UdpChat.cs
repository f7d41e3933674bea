using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>
/// A chat over UDP: no connection, each datagram for itself. One server on one socket talks with any number of clients, because every
/// datagram says whom it is from.
/// </summary>
internal static class UdpChat
{
    /// <summary>65,535 bytes of an IPv4 packet less its header (20) and that of UDP (8).</summary>
    private const int DatagramBytesMax = 65_507;

    // What UDP loses is lost without a word. Whoever waits needs an end to it.
    private const int PatienceMs = 5_000;

    private static readonly string[] Said = ["are there tickets?", "for tonight?"];

    public static void Run()
    {
        using var server = NewSocket();
        server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var port = ((IPEndPoint)server.LocalEndPoint!).Port;

        string[] names = ["client1", "client2"];
        var clients = names.Select(name => new ChildProcess(Chat, name, port) { Name = name }).ToArray();
        foreach (var client in clients) client.Start();

        // The server cannot begin: before the first datagram it does not know that there are clients, nor where.
        for (var i = 0; i < names.Length * Said.Length; i++)
        {
            var (message, from) = Receive(server);
            Console.WriteLine($"server: message from {message.Username}: {message.Msg}");
            Send(server, new($"{message.Msg} yes", "server"), from);
        }

        foreach (var client in clients) client.Join();

        try
        {
            Send(server, new(new string('x', DatagramBytesMax), "server"), server.LocalEndPoint!);
        }
        catch (ArgumentException refused)
        {
            Console.WriteLine($"server: {refused.Message}");
        }
    }

    private static void Chat(string name, int port)
    {
        using var socket = NewSocket();
        var server = new IPEndPoint(IPAddress.Loopback, port);
        foreach (var line in Said)
        {
            Send(socket, new(line, name), server);
            var (reply, _) = Receive(socket);
            Console.WriteLine($"  {name}: message from {reply.Username}: {reply.Msg}");
        }
    }

    private static Socket NewSocket() =>
        new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = PatienceMs };

    /// <exception cref="ArgumentException">
    /// The message is longer than a datagram can be. Already above 1,472 bytes it crosses an Ethernet in several pieces, and is lost whole
    /// with any one of them: UDP is for short messages.
    /// </exception>
    private static void Send(Socket socket, ChatMessage message, EndPoint to)
    {
        var datagram = JsonSerializer.SerializeToUtf8Bytes(message, UdpChatJson.Default.ChatMessage);
        if (datagram.Length > DatagramBytesMax)
        {
            throw new ArgumentException(
                $"the message has {datagram.Length:N0} bytes as JSON, and a datagram {DatagramBytesMax:N0} at most; send it over TCP.");
        }

        socket.SendTo(datagram, to);
    }

    private static (ChatMessage Message, EndPoint From) Receive(Socket socket)
    {
        // A datagram is received whole or cut off, so the buffer has room for the longest.
        var buffer = new byte[DatagramBytesMax];
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        var length = socket.ReceiveFrom(buffer, ref from);
        return (JsonSerializer.Deserialize(buffer.AsSpan(0, length), UdpChatJson.Default.ChatMessage)!, from);
    }
}

internal sealed record ChatMessage(string Msg, string Username);

[JsonSerializable(typeof(ChatMessage))]
internal sealed partial class UdpChatJson : JsonSerializerContext;
