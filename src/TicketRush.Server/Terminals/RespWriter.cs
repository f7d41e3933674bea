using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics;
using System.Text;

namespace TicketRush.Server.Terminals;

/// <summary>
/// Writes replies in the protocol's second or third version. They differ in three things: maps, pushes, and how nothing is
/// written. What was written is the output's when <see cref="Hand"/> was called. Not for several threads.
/// </summary>
internal sealed class RespWriter(IBufferWriter<byte> output)
{
    // A header, a number, a line end.
    private const int ShortMax = 24;

    private Memory<byte> _memory;
    private int _at;

    /// <summary>2 or 3.</summary>
    public int Version { get; set; } = 2;

    /// <summary>Gives what was written to the output, without flushing it.</summary>
    public void Hand()
    {
        if (_at > 0) output.Advance(_at);
        (_memory, _at) = (default, 0);
    }

    public void Array(int count) => Header((byte)'*', count);

    /// <summary>Names and values follow: in version 2 as an array of twice as many.</summary>
    public void Map(int count)
    {
        if (Version == 3) Header((byte)'%', count);
        else Header((byte)'*', 2 * count);
    }

    /// <summary>What nobody asked for at this moment.</summary>
    public void Push(int count) => Header(Version == 3 ? (byte)'>' : (byte)'*', count);

    /// <summary>Pushes that a watch has ended, and why.</summary>
    public void Ended(string sale, in TerminalError why)
    {
        Push(4);
        Bulk("unwatch"u8);
        Bulk(sale);
        Bulk(why.Code);
        Bulk(why.Detail);
    }

    public void Integer(long value) => Header((byte)':', value);

    public void Null() => Raw(Version == 3 ? "_\r\n"u8 : "$-1\r\n"u8);

    public void Simple(ReadOnlySpan<byte> text) => Line((byte)'+', text);

    public void Bulk(ReadOnlySpan<byte> bytes)
    {
        Header((byte)'$', bytes.Length);
        var span = Room(bytes.Length + 2);
        bytes.CopyTo(span);
        "\r\n"u8.CopyTo(span[bytes.Length..]);
        _at += bytes.Length + 2;
    }

    public void Bulk(string text)
    {
        var length = Encoding.UTF8.GetByteCount(text);
        Header((byte)'$', length);
        var span = Room(length + 2);
        Encoding.UTF8.GetBytes(text, span);
        "\r\n"u8.CopyTo(span[length..]);
        _at += length + 2;
    }

    /// <param name="code">A code of docs/PROTOCOL.md.</param>
    /// <param name="detail">For people; what would end the line is written as a space.</param>
    public void Error(string code, string detail)
    {
        var length = Encoding.UTF8.GetMaxByteCount(code.Length + detail.Length) + 4;
        var span = Room(length);
        span[0] = (byte)'-';
        var at = 1 + Encoding.ASCII.GetBytes(code, span[1..]);
        span[at++] = (byte)' ';
        var text = span.Slice(at, Encoding.UTF8.GetBytes(detail, span[at..]));
        foreach (ref var letter in text)
        {
            if (letter < ' ') letter = (byte)' ';
        }

        at += text.Length;
        "\r\n"u8.CopyTo(span[at..]);
        _at += at + 2;
    }

    /// <summary>Writes what is framed already.</summary>
    public void Raw(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        _at += bytes.Length;
    }

    private void Line(byte type, ReadOnlySpan<byte> text)
    {
        Debug.Assert(!text.ContainsAny((byte)'\r', (byte)'\n'));
        var span = Room(text.Length + 3);
        span[0] = type;
        text.CopyTo(span[1..]);
        "\r\n"u8.CopyTo(span[(text.Length + 1)..]);
        _at += text.Length + 3;
    }

    private void Header(byte type, long number)
    {
        var span = Room(ShortMax);
        span[0] = type;
        if ((ulong)number <= 9)
        {
            span[1] = (byte)('0' + number);
            (span[2], span[3]) = ((byte)'\r', (byte)'\n');
            _at += 4;
            return;
        }

        Utf8Formatter.TryFormat(number, span[1..], out var length);
        (span[length + 1], span[length + 2]) = ((byte)'\r', (byte)'\n');
        _at += length + 3;
    }

    private Span<byte> Room(int length)
    {
        if (_memory.Length - _at < length)
        {
            Hand();
            _memory = output.GetMemory(Math.Max(length, 512));
        }

        return _memory.Span[_at..];
    }
}
