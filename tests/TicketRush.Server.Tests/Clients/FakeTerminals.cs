using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace TicketRush.Server.Tests.Clients;

/// <summary>A terminals port that has the key and answers as a test wants it to: what a real server says once in a year.</summary>
internal sealed class FakeTerminals : IDisposable
{
    /// <summary>What is answered to end the connection, and to say nothing.</summary>
    public const string Cut = "cut", Mute = "mute";

    public const string Key = "the key of the made-up server";

    public const string Paid =
        "*7\r\n$4\r\npaid\r\n:4\r\n:1795278013493\r\n:1\r\n:2\r\n:76000\r\n$4\r\nhash\r\n";

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Func<int, string[], string> _answer;
    private int _connections;

    /// <param name="answer">What the connection of that number, from 1, is answered to these words.</param>
    /// <param name="isOpen">False: its port is taken, and refuses everybody until <see cref="Open"/>.</param>
    public FakeTerminals(Func<int, string[], string> answer, bool isOpen = true)
    {
        _answer = answer;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        if (isOpen) Open();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint!).Port;

    /// <summary>Connections so far, proved or not.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>What was asked on proved connections, in order: the connection's number, and the words.</summary>
    public ConcurrentQueue<(int Connection, string Words)> Asked { get; } = [];

    /// <summary>False: it proves another key, like a server that does not know this one.</summary>
    public bool HasKey { get; set; } = true;

    /// <summary>What the connection of that number is answered to its proof.</summary>
    public Func<int, string> OnProof { get; set; } = _ => "+OK\r\n";

    public void Open()
    {
        _listener.Listen();
        _ = Task.Run(async () =>
        {
            while (true) _ = ServeAsync(await _listener.AcceptAsync());
        });
    }

    public void Dispose() => _listener.Dispose();

    private async Task ServeAsync(Socket socket)
    {
        var connection = Interlocked.Increment(ref _connections);
        using (socket)
        {
            try
            {
                using var stream = new NetworkStream(socket);
                using var reader = new StreamReader(stream, Encoding.UTF8);
                var nonce = RandomNumberGenerator.GetHexString(64, lowercase: true);
                while (await ReadAsync(reader) is { } words)
                {
                    var answer = words switch
                    {
                        ["AUTH", "CHALLENGE", _, var id, var clientNonce] =>
                            $"*2\r\n$64\r\n{nonce}\r\n$64\r\n{Prove(socket, id, clientNonce, nonce)}\r\n",
                        ["AUTH", ..] => OnProof(connection),
                        _ => Answer(connection, words),
                    };
                    if (answer == Cut) return;
                    if (answer != Mute) await stream.WriteAsync(Encoding.UTF8.GetBytes(answer));
                }
            }
            catch (IOException)
            {
                // The client has gone.
            }
        }
    }

    private string Answer(int connection, string[] words)
    {
        Asked.Enqueue((connection, string.Join(' ', words)));
        return _answer(connection, words);
    }

    private string Prove(Socket socket, string id, string clientNonce, string serverNonce)
    {
        var verifier = HMACSHA256.HashData(Encoding.UTF8.GetBytes(HasKey ? Key : "another key"), "terminals"u8);
        var proven = $"ticketrush-terminals-1|server|{id}|{clientNonce}|{serverNonce}|tcp:{socket.RemoteEndPoint}>{socket.LocalEndPoint}";
        return Convert.ToHexStringLower(HMACSHA256.HashData(verifier, Encoding.UTF8.GetBytes(proven)));
    }

    private static async Task<string[]?> ReadAsync(StreamReader reader)
    {
        if (await reader.ReadLineAsync() is not { } header) return null;
        var words = new string[int.Parse(header[1..], System.Globalization.CultureInfo.InvariantCulture)];
        for (var i = 0; i < words.Length; i++)
        {
            await reader.ReadLineAsync();
            words[i] = await reader.ReadLineAsync() ?? throw new EndOfStreamException();
        }

        return words;
    }
}
