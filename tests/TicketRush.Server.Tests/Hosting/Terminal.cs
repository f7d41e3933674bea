using System.Globalization;
using System.Net.Sockets;
using System.Text;
using TicketRush.Server.Terminals;

namespace TicketRush.Server.Tests.Hosting;

/// <summary>An error that was answered.</summary>
internal sealed record RespError(string Code, string Detail);

/// <summary>What came without being asked for.</summary>
internal sealed record RespPush(object?[] Items);

/// <summary>A terminal that knows the protocol and nothing else: replies are texts, numbers, errors, arrays (maps too), null.</summary>
internal sealed class Terminal : IAsyncDisposable
{
    private readonly TcpClient _tcp = new();
    private Stream _stream = Stream.Null;
    private byte[] _buffer = new byte[64 * 1024];
    private int _at, _end;

    public static Task<Terminal> ConnectAsync(
        RunningServer server, string? key = RunningServer.Key, string id = "office", Func<Stream, Task<Stream>>? wrap = null) =>
        ConnectAsync(server.TerminalPort, key, id, wrap);

    public static async Task<Terminal> ConnectAsync(
        int port, string? key = RunningServer.Key, string id = "office", Func<Stream, Task<Stream>>? wrap = null)
    {
        var terminal = new Terminal();
        await terminal._tcp.ConnectAsync("127.0.0.1", port);
        terminal._tcp.NoDelay = true;
        terminal._stream = terminal._tcp.GetStream();
        if (wrap is not null) terminal._stream = await wrap(terminal._stream);
        if (key is not null) Assert.Equal("OK", await terminal.AskAsync("AUTH", id, key));
        return terminal;
    }

    public Socket Socket => _tcp.Client;

    public static byte[] Frame(params ReadOnlySpan<string> words)
    {
        var frame = new StringBuilder().Append(CultureInfo.InvariantCulture, $"*{words.Length}\r\n");
        foreach (var word in words) frame.Append(CultureInfo.InvariantCulture, $"${Encoding.UTF8.GetByteCount(word)}\r\n{word}\r\n");
        return Encoding.UTF8.GetBytes(frame.ToString());
    }

    public async Task<object?> AskAsync(params string[] words)
    {
        await SendAsync(Frame(words));
        return await ReadAsync();
    }

    /// <summary>A reply that must be an array.</summary>
    public async Task<object?[]> AskArrayAsync(params string[] words)
    {
        var reply = await AskAsync(words);
        return reply as object?[] ?? throw new InvalidOperationException($"{string.Join(' ', words)} was answered {reply}");
    }

    /// <summary>A reply that must be this error.</summary>
    public async Task<RespError> AskRefusedAsync(string code, params string[] words)
    {
        var reply = await AskAsync(words);
        var error = Assert.IsType<RespError>(reply);
        Assert.Equal(code, error.Code);
        Assert.NotEmpty(error.Detail);
        return error;
    }

    public async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        await _stream.WriteAsync(bytes);
        await _stream.FlushAsync();
    }

    public Task SendAsync(string text) => SendAsync(Encoding.UTF8.GetBytes(text));

    public async Task<object?> ReadAsync()
    {
        var line = await LineAsync();
        var rest = line[1..];
        switch (line[0])
        {
            case '+': return rest;
            case ':': return long.Parse(rest, CultureInfo.InvariantCulture);
            case '_': return null;
            case '-':
                var space = rest.IndexOf(' ', StringComparison.Ordinal);
                return new RespError(rest[..space], rest[(space + 1)..]);
            case '$' when rest == "-1": return null;
            case '$': return await BulkAsync(int.Parse(rest, CultureInfo.InvariantCulture));
            case '*' or '%' or '>':
                var items = new object?[int.Parse(rest, CultureInfo.InvariantCulture) * (line[0] == '%' ? 2 : 1)];
                for (var i = 0; i < items.Length; i++) items[i] = await ReadAsync();
                return line[0] == '>' ? new RespPush(items) : items;
            default: throw new InvalidDataException($"This is no reply: {line}");
        }
    }

    /// <summary>Whatever comes until the server ends the connection.</summary>
    public async Task<string> ReadToEndAsync()
    {
        var text = new StringBuilder();
        text.Append(Encoding.UTF8.GetString(_buffer, _at, _end - _at));
        _at = _end;
        try
        {
            while (await FillAsync())
            {
                text.Append(Encoding.UTF8.GetString(_buffer, _at, _end - _at));
                _at = _end;
            }
        }
        catch (IOException)
        {
            // Reset: ended all the same.
        }

        return text.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await _stream.DisposeAsync();
        _tcp.Dispose();
    }

    private async Task<string> LineAsync()
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

            if (!await FillAsync()) throw new EndOfStreamException("The server has ended the connection.");
        }
    }

    private async Task<string> BulkAsync(int length)
    {
        while (_end - _at < length + 2)
        {
            if (!await FillAsync()) throw new EndOfStreamException("The server has ended the connection.");
        }

        var text = Encoding.UTF8.GetString(_buffer, _at, length);
        Assert.Equal("\r\n"u8, _buffer.AsSpan(_at + length, 2));
        _at += length + 2;
        return text;
    }

    private async Task<bool> FillAsync()
    {
        if (_at == _end) (_at, _end) = (0, 0);
        else if (_at > 0) (_at, _end) = Move();
        if (_end == _buffer.Length) Array.Resize(ref _buffer, 2 * _buffer.Length);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var read = await _stream.ReadAsync(_buffer.AsMemory(_end), deadline.Token);
        _end += read;
        return read > 0;

        (int, int) Move()
        {
            _buffer.AsSpan(_at, _end - _at).CopyTo(_buffer);
            return (0, _end - _at);
        }
    }
}

/// <summary>A server with a terminals port.</summary>
public sealed class TerminalServer : IAsyncLifetime
{
    internal RunningServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await RunningServer.StartAsync(terminals: new());

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
