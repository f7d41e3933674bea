using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace TicketRush.Client;

/// <summary>An error as the server wrote it.</summary>
internal sealed record TerminalFailure(string Code, string Detail);

/// <summary>One proved connection: frames go out, replies come in. One thread may send while another reads.</summary>
internal sealed class TerminalConnection : IAsyncDisposable
{
    // Lines that a server of ours never exceeds, and depths.
    private const int LineMax = 64 * 1024, BulkMax = 16 * 1024 * 1024, ItemsMax = 1_000_000, DepthMax = 8;

    private readonly Socket _socket;
    private readonly Stream _stream;
    private byte[] _buffer = new byte[16 * 1024];
    private int _at, _end;

    private TerminalConnection(Socket socket, Stream stream) => (_socket, _stream) = (socket, stream);

    /// <exception cref="IOException">There is no connection.</exception>
    /// <exception cref="RushRefusedException">The key is not taken.</exception>
    /// <exception cref="RushImpostorException">The server does not have the key.</exception>
    public static async Task<TerminalConnection> OpenAsync(TerminalOptions options, CancellationToken stop)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stop);
        deadline.CancelAfter(options.ConnectMax);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(options.Host, options.Port, deadline.Token);
            Stream stream = new NetworkStream(socket, ownsSocket: false);
            var channel = ChannelOf((IPEndPoint)socket.LocalEndPoint!, (IPEndPoint)socket.RemoteEndPoint!);
            if (options.Tls)
            {
                var tls = new SslStream(stream, leaveInnerStreamOpen: false, options.TlsValidation);
                await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = options.TlsName ?? options.Host }, deadline.Token);
                (stream, channel) = (tls, "tls:" + Convert.ToHexStringLower(SHA256.HashData(tls.RemoteCertificate!.GetRawCertData())));
            }

            var connection = new TerminalConnection(socket, stream);
            await connection.ProveAsync(options, channel, deadline.Token);
            return connection;
        }
        catch (Exception e)
        {
            socket.Dispose();
            if (e is SocketException or System.Security.Authentication.AuthenticationException || (e is OperationCanceledException && !stop.IsCancellationRequested))
                throw new IOException($"There is no connection to {options.Host}:{options.Port}: {e.Message}", e);
            throw;
        }
    }

    /// <summary>A command as it goes over the wire.</summary>
    public static byte[] Frame(IReadOnlyList<string> words)
    {
        var frame = new MemoryStream();
        Write(frame, $"*{words.Count}\r\n");
        foreach (var word in words)
        {
            Write(frame, $"${Encoding.UTF8.GetByteCount(word)}\r\n");
            Write(frame, word);
            Write(frame, "\r\n");
        }

        return frame.ToArray();

        static void Write(MemoryStream to, string text) => to.Write(Encoding.UTF8.GetBytes(text));
    }

    public ValueTask SendAsync(ReadOnlyMemory<byte> frames, CancellationToken stop) => _stream.WriteAsync(frames, stop);

    /// <returns>A text, a number, null, an array of these (maps and pushes too), or a <see cref="TerminalFailure"/>.</returns>
    /// <exception cref="IOException">The connection ended, or what came is no reply.</exception>
    public async ValueTask<object?> ReadAsync(CancellationToken stop, int depth = 0)
    {
        var line = await LineAsync(stop);
        if (line.Length == 0 || depth > DepthMax) throw Nonsense();
        var rest = line[1..];
        switch (line[0])
        {
            case '+': return rest;
            case '_': return null;
            case ':' when long.TryParse(rest, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number): return number;
            case '-':
                var space = rest.IndexOf(' ', StringComparison.Ordinal);
                return space < 0 ? new TerminalFailure(rest, "") : new TerminalFailure(rest[..space], rest[(space + 1)..]);
            case '$' when rest == "-1": return null;
            case '$' when TryCount(rest, BulkMax, out var length): return await BulkAsync(length, stop);
            case '*' or '>' or '%' when TryCount(rest, ItemsMax, out var count):
                var items = new object?[line[0] == '%' ? 2 * count : count];
                for (var i = 0; i < items.Length; i++) items[i] = await ReadAsync(stop, depth + 1);
                return items;
            default: throw Nonsense();
        }
    }

    public async Task<object?> AskAsync(CancellationToken stop, params string[] words)
    {
        await SendAsync(Frame(words), stop);
        return await ReadAsync(stop);
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _socket.Dispose();
    }

    private async Task ProveAsync(TerminalOptions options, string channel, CancellationToken stop)
    {
        var nonce = RandomNumberGenerator.GetHexString(64, lowercase: true);
        var challenged = await AskAsync(stop, "AUTH", "CHALLENGE", "client", options.KeyId, nonce);
        if (challenged is TerminalFailure { Code: "TOO_MANY_CONNECTIONS" } full) throw new IOException($"{full.Code}: {full.Detail}");
        if (challenged is not object?[] { Length: 2 } answer || answer is not [string { Length: 64 } serverNonce, string { Length: 64 } serverProof])
            throw new RushImpostorException("The server does not answer a challenge: it is no TicketRush server of this version.");

        var verifier = HMACSHA256.HashData(Encoding.UTF8.GetBytes(options.Key), "terminals"u8);
        if (!CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(serverProof), Encoding.ASCII.GetBytes(Proof("server"))))
        {
            throw new RushImpostorException(
                "The server did not prove that it has the key: the key is not known there, addresses are translated on the way (use TLS), or somebody is in between.");
        }

        if (await AskAsync(stop, "AUTH", "PROOF", Proof("client")) is TerminalFailure failure) throw new RushRefusedException(failure.Code, failure.Detail);

        string Proof(string role) => Convert.ToHexStringLower(HMACSHA256.HashData(
            verifier, Encoding.UTF8.GetBytes($"ticketrush-terminals-1|{role}|{options.KeyId}|{nonce}|{serverNonce}|{channel}")));
    }

    private static string ChannelOf(IPEndPoint client, IPEndPoint server)
    {
        return $"tcp:{Name(client)}>{Name(server)}";

        static string Name(IPEndPoint end) =>
            new IPEndPoint(end.Address.IsIPv4MappedToIPv6 ? end.Address.MapToIPv4() : new(end.Address.GetAddressBytes()), end.Port).ToString();
    }

    private static bool TryCount(string text, int most, out int count) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out count) && count <= most;

    private static IOException Nonsense() => new("What came is no reply of this protocol.");

    private async ValueTask<string> LineAsync(CancellationToken stop)
    {
        while (true)
        {
            var length = _buffer.AsSpan(_at, _end - _at).IndexOf("\r\n"u8);
            if (length >= 0)
            {
                var line = Encoding.UTF8.GetString(_buffer, _at, length);
                _at += length + 2;
                return line;
            }

            if (_end - _at > LineMax) throw Nonsense();
            await FillAsync(stop);
        }
    }

    private async ValueTask<string> BulkAsync(int length, CancellationToken stop)
    {
        while (_end - _at < length + 2) await FillAsync(stop);
        var text = Encoding.UTF8.GetString(_buffer, _at, length);
        if (_buffer[_at + length] != '\r' || _buffer[_at + length + 1] != '\n') throw Nonsense();
        _at += length + 2;
        return text;
    }

    private async ValueTask FillAsync(CancellationToken stop)
    {
        if (_at > 0)
        {
            _buffer.AsSpan(_at, _end - _at).CopyTo(_buffer);
            (_at, _end) = (0, _end - _at);
        }

        if (_end == _buffer.Length) Array.Resize(ref _buffer, 2 * _buffer.Length);
        var read = await _stream.ReadAsync(_buffer.AsMemory(_end), stop);
        if (read == 0) throw new EndOfStreamException("The server has ended the connection.");
        _end += read;
    }
}
