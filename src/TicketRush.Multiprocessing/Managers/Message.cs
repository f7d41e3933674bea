using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using TicketRush.Multiprocessing.Pools;

namespace TicketRush.Multiprocessing.Managers;

/// <summary>What an object of a manager can be asked to do. Numbers travel, so that they are never given another meaning.</summary>
internal enum Operation : byte
{
    Create = 1,
    Delete = 2,

    Get = 10,
    Set = 11,
    Add = 12,
    Remove = 13,
    Count = 14,
    Clear = 15,
    Items = 16,
    Exchange = 17,
    Insert = 18,
    Find = 19,

    Acquire = 30,
    Release = 31,
    IsTaken = 32,
    Put = 33,
    Take = 34,
    Raise = 35,
    Lower = 36,
    Wait = 37,
}

/// <summary>The kinds of objects that a manager keeps.</summary>
internal enum ServedKind
{
    Store = 1,
    Sequence = 2,
    Mutex = 3,
    Fifo = 4,
    Flag = 5,
}

/// <summary>
/// One request to a manager's server, and its reply.
/// <code>
/// request:  object: int64 | operation: byte | its arguments
/// reply:    0 | results          or          1 | type | message | details, of what was thrown
/// </code>
/// A number is an int32 or int64, a value its length and its JSON; the server does not look into values. All little-endian.
/// </summary>
internal sealed class Message
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public ReadOnlyMemory<byte> Written => _bytes.WrittenMemory;

    public static Message Request(long target, Operation operation) => new Message().Add(target).Add((byte)operation);

    public static Message Reply() => new Message().Add(false);

    public static Message Reply(Exception failure) =>
        new Message().Add(true).Add(failure.GetType().FullName!).Add(failure.Message).Add(failure.ToString());

    public Message Add(byte value)
    {
        _bytes.Write([value]);
        return this;
    }

    public Message Add(bool value) => Add(value ? (byte)1 : (byte)0);

    public Message Add(int value)
    {
        Framed.Write(_bytes, value);
        return this;
    }

    public Message Add(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_bytes.GetSpan(sizeof(long)), value);
        _bytes.Advance(sizeof(long));
        return this;
    }

    public Message Add(ReadOnlySpan<byte> value)
    {
        Framed.WriteBytes(_bytes, value);
        return this;
    }

    public Message Add(string value) => Add(Encoding.UTF8.GetBytes(value));

    /// <summary>At most how long; less than 0 is for ever.</summary>
    public Message Add(TimeSpan? timeout) =>
        Add(timeout is not { } time || time == Timeout.InfiniteTimeSpan ? -1 : Math.Max(0, time.Ticks));
}

/// <summary>Reads what <see cref="Message"/> wrote.</summary>
internal ref struct MessageReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _left = bytes;

    public byte Byte()
    {
        var value = _left[0];
        _left = _left[1..];
        return value;
    }

    public bool Bool() => Byte() != 0;

    public int Int() => Framed.Read(ref _left);

    public long Long()
    {
        var value = BinaryPrimitives.ReadInt64LittleEndian(_left);
        _left = _left[sizeof(long)..];
        return value;
    }

    public byte[] Value()
    {
        if (!Framed.TryReadBytes(ref _left, out var bytes)) throw new InvalidDataException("A value is missing.");
        return bytes.ToArray();
    }

    public string Text() => Encoding.UTF8.GetString(Value());

    public TimeSpan Time() => Long() is >= 0 and var ticks ? TimeSpan.FromTicks(ticks) : Timeout.InfiniteTimeSpan;
}
