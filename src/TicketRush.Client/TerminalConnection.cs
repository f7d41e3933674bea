using System.Buffers.Text;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text;

namespace TicketRush.Client;

/// <summary>An error as the server wrote it.</summary>
internal sealed record TerminalFailure(string Code, string Detail)
{
    public RushRefusedException Refused() => new(Code, Detail);

    public IOException Ended() => new($"{Code}: {Detail}");
}

/// <summary>One proved connection: frames go out, replies come in. One may send while another reads.</summary>
internal sealed class TerminalConnection : IAsyncDisposable
{
    // What one command may be: docs/PROTOCOL.md, "Bounds of a connection". A longer one would end the connection for everybody.
    private const int WordsMax = 256, WordBytesMax = 1_024, CommandBytesMax = 32 * 1024;

    // What a server of ours never exceeds; and one that has proved nothing yet.
    private const int LineMax = 64 * 1024, BulkMax = 16 * 1024 * 1024, ItemsMax = 1_000_000, DepthMax = 8;
    private const int StrangersBulkMax = 1_024, StrangersItemsMax = 16;

    // A text that is none would arrive as another one.
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Socket _socket;
    private readonly Stream _stream;
    private byte[] _buffer = new byte[16 * 1024];
    private int _at, _end;
    private bool _isProved;
    private long _readingSince, _heardAt = Environment.TickCount64;

    private TerminalConnection(Socket socket, Stream stream) => (_socket, _stream) = (socket, stream);

    /// <summary>When something came last, by the tick count.</summary>
    public long HeardAt => Volatile.Read(ref _heardAt);

    /// <summary>For how long a reader has waited for the next byte; zero while nobody reads.</summary>
    public TimeSpan SilentFor => Volatile.Read(ref _readingSince) is not 0 and var since
        ? TimeSpan.FromMilliseconds(Environment.TickCount64 - since)
        : TimeSpan.Zero;

    /// <exception cref="IOException">There is no connection.</exception>
    /// <exception cref="RushRefusedException">The key is not taken.</exception>
    /// <exception cref="RushImpostorException">The server does not have the key.</exception>
    public static async Task<TerminalConnection> OpenAsync(TerminalOptions options, CancellationToken stop)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stop);
        deadline.CancelAfter(options.ConnectMax);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        try
        {
            KeepAlive(socket);
            await socket.ConnectAsync(options.Host, options.Port, deadline.Token).ConfigureAwait(false);
            stream = new NetworkStream(socket, ownsSocket: false);
            var channel = ChannelOf((IPEndPoint)socket.LocalEndPoint!, (IPEndPoint)socket.RemoteEndPoint!);
            if (options.Tls) (stream, channel) = await SecureAsync(stream, options, deadline.Token).ConfigureAwait(false);
            var connection = new TerminalConnection(socket, stream);
            await connection.ProveAsync(options, channel, deadline.Token).ConfigureAwait(false);
            return connection;
        }
        catch (Exception e)
        {
            if (stream is not null) await stream.DisposeAsync().ConfigureAwait(false);
            socket.Dispose();
            if (e is SocketException or AuthenticationException || (e is OperationCanceledException && !stop.IsCancellationRequested))
                throw new IOException($"There is no connection to {options.Host}:{options.Port}: {e.Message}", e);
            throw;
        }
    }

    /// <summary>A command as it goes over the wire.</summary>
    /// <exception cref="ArgumentException">It is longer than a server takes, or a word is no text.</exception>
    public static byte[] Frame(params IReadOnlyList<string> words)
    {
        if (words.Count > WordsMax) throw new ArgumentException($"A command may have {WordsMax} words, this one has {words.Count}.");
        var length = HeaderLength(words.Count);
        foreach (var word in words)
        {
            var bytes = Strict.GetByteCount(word);
            if (bytes > WordBytesMax) throw new ArgumentException($"A text may have {WordBytesMax} bytes, this one has {bytes}.");
            length += HeaderLength(bytes) + bytes + 2;
        }

        if (length > CommandBytesMax) throw new ArgumentException($"A command may have {CommandBytesMax} bytes, this one has {length}.");

        var frame = new byte[length];
        var at = 0;
        Header((byte)'*', words.Count);
        foreach (var word in words)
        {
            Header((byte)'$', Strict.GetByteCount(word));
            at += Strict.GetBytes(word, frame.AsSpan(at));
            End();
        }

        return frame;

        void Header(byte kind, int count)
        {
            frame[at++] = kind;
            Utf8Formatter.TryFormat(count, frame.AsSpan(at), out var digits);
            at += digits;
            End();
        }

        void End()
        {
            frame[at++] = (byte)'\r';
            frame[at++] = (byte)'\n';
        }

        static int HeaderLength(int count) => (count < 10 ? 1 : count < 100 ? 2 : count < 1_000 ? 3 : 4) + 3;
    }

    public ValueTask SendAsync(ReadOnlyMemory<byte> frames, CancellationToken stop) => _stream.WriteAsync(frames, stop);

    /// <returns>A text, a number, null, an array of these (maps and pushes too), or a <see cref="TerminalFailure"/>.</returns>
    /// <exception cref="IOException">The connection ended, or what came is no reply.</exception>
    public async ValueTask<object?> ReadAsync(CancellationToken stop, int depth = 0)
    {
        if (depth > DepthMax) throw Nonsense();
        var length = await LineAsync(stop).ConfigureAwait(false);
        if (length == 0) throw Nonsense();
        var start = _at;
        _at += length + 2;
        switch (_buffer[start])
        {
            case (byte)'+': return Encoding.UTF8.GetString(_buffer, start + 1, length - 1);
            case (byte)'_': return null;
            case (byte)':' when TryNumber(start + 1, length - 1, out var number): return number;

            case (byte)'-': return Failure(Encoding.UTF8.GetString(_buffer, start + 1, length - 1));
            case (byte)'$' when _buffer.AsSpan(start + 1, length - 1).SequenceEqual("-1"u8): return null;
            case (byte)'$'
                when TryNumber(start + 1, length - 1, out var bytes) && bytes >= 0 && bytes <= (_isProved ? BulkMax : StrangersBulkMax):
                return await BulkAsync((int)bytes, stop).ConfigureAwait(false);

            case (byte)'*' or (byte)'>' or (byte)'%'
                when TryNumber(start + 1, length - 1, out var count) && count >= 0 && count <= (_isProved ? ItemsMax : StrangersItemsMax):
                var items = new object?[_buffer[start] == '%' ? 2 * count : count];
                for (var i = 0; i < items.Length; i++) items[i] = await ReadAsync(stop, depth + 1).ConfigureAwait(false);
                return items;

            default: throw Nonsense();
        }
    }

    public async Task<object?> AskAsync(CancellationToken stop, params string[] words)
    {
        await SendAsync(Frame(words), stop).ConfigureAwait(false);
        return await ReadAsync(stop).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync().ConfigureAwait(false);
        _socket.Dispose();
    }

    // A peer that lost its power says nothing for ever. This finds out in half a minute, also when nothing is asked.
    private static void KeepAlive(Socket socket)
    {
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 15);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
    }

    private static async Task<(Stream Stream, string Channel)> SecureAsync(Stream stream, TerminalOptions options, CancellationToken stop)
    {
        var isRejected = false;
        var tls = new SslStream(stream, leaveInnerStreamOpen: false, (sender, certificate, chain, errors) =>
        {
            isRejected = !(options.TlsValidation?.Invoke(sender, certificate, chain, errors) ?? errors == SslPolicyErrors.None);
            return !isRejected;
        });
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = options.TlsName ?? options.Host }, stop)
                .ConfigureAwait(false);
            return (tls, "tls:" + Convert.ToHexStringLower(SHA256.HashData(tls.RemoteCertificate!.GetRawCertData())));
        }
        catch (Exception e)
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            if (isRejected) throw new RushImpostorException($"The server's certificate is not trusted: {e.Message}", e);
            throw;
        }
    }

    private async Task ProveAsync(TerminalOptions options, string channel, CancellationToken stop)
    {
        var nonce = RandomNumberGenerator.GetHexString(64, lowercase: true);
        var challenged = await AskAsync(stop, "AUTH", "CHALLENGE", "client", options.KeyId, nonce).ConfigureAwait(false);
        ThrowWhereNoVerdict(challenged);
        if (challenged is not object?[] answer || answer is not [string { Length: 64 } serverNonce, string { Length: 64 } serverProof])
            throw new RushImpostorException("The server does not answer a challenge: it is no TicketRush server of this version.");

        var verifier = HMACSHA256.HashData(Encoding.UTF8.GetBytes(options.Key), "terminals"u8);
        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(serverProof), Encoding.ASCII.GetBytes(Proof("server"))))
        {
            throw new RushImpostorException(
                "The server did not prove that it has the key: the key is not known there (one that was made this moment may be known in a "
                + "second), addresses are translated on the way (use TLS), or somebody is in between.");
        }

        var proved = await AskAsync(stop, "AUTH", "PROOF", Proof("client")).ConfigureAwait(false);
        ThrowWhereNoVerdict(proved);
        if (proved is TerminalFailure failure) throw failure.Refused();
        _isProved = true;

        string Proof(string role) => Convert.ToHexStringLower(HMACSHA256.HashData(
            verifier, Encoding.UTF8.GetBytes($"ticketrush-terminals-1|{role}|{options.KeyId}|{nonce}|{serverNonce}|{channel}")));
    }

    private static void ThrowWhereNoVerdict(object? reply)
    {
        if (reply is TerminalFailure failure && RushCodes.IsNoVerdictOnKey(failure.Code))
            throw failure.Ended();
    }

    private static string ChannelOf(IPEndPoint client, IPEndPoint server)
    {
        return $"tcp:{Name(client)}>{Name(server)}";

        // An IPv4 address at an IPv6 socket is still that address at the other end; a scope is a machine's own.
        static string Name(IPEndPoint end) => new IPEndPoint(
            end.Address.IsIPv4MappedToIPv6 ? end.Address.MapToIPv4() : new(end.Address.GetAddressBytes()), end.Port).ToString();
    }

    private static TerminalFailure Failure(string line)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        return space < 0 ? new(line, "") : new(line[..space], line[(space + 1)..]);
    }

    private bool TryNumber(int start, int length, out long number) =>
        Utf8Parser.TryParse(_buffer.AsSpan(start, length), out number, out var used) && used == length;

    private static IOException Nonsense() => new("What came is no reply of this protocol.");

    /// <returns>The length of the line that begins where the reader stands.</returns>
    private async ValueTask<int> LineAsync(CancellationToken stop)
    {
        while (true)
        {
            var length = _buffer.AsSpan(_at, _end - _at).IndexOf("\r\n"u8);
            if (length >= 0) return length;
            if (_end - _at > LineMax) throw Nonsense();
            await FillAsync(stop).ConfigureAwait(false);
        }
    }

    private async ValueTask<string> BulkAsync(int length, CancellationToken stop)
    {
        while (_end - _at < length + 2) await FillAsync(stop).ConfigureAwait(false);
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
        Volatile.Write(ref _readingSince, Environment.TickCount64);
        var read = await _stream.ReadAsync(_buffer.AsMemory(_end), stop).ConfigureAwait(false);
        Volatile.Write(ref _readingSince, 0);
        Volatile.Write(ref _heardAt, Environment.TickCount64);
        if (read == 0) throw new EndOfStreamException("The server has ended the connection.");
        _end += read;
    }
}
