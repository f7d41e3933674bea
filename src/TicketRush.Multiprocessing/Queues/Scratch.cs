using System.Buffers;

namespace TicketRush.Multiprocessing;

/// <summary>
/// A thread's buffers for an item on its way in or out. Taken while in use, for what reads and writes items may itself use a queue; not
/// kept when a large item has made them large.
/// </summary>
internal sealed class Scratch
{
    private const int KeepMax = 1 << 20;

    [ThreadStatic]
    private static Scratch? _spare;

    public byte[] Buffer = new byte[256];

    public ArrayBufferWriter<byte> Writer { get; } = new(256);

    public static Scratch Take()
    {
        var scratch = _spare ?? new();
        _spare = null;
        return scratch;
    }

    public void GiveBack()
    {
        if (Writer.Capacity > KeepMax || Buffer.Length > KeepMax) return;
        Writer.ResetWrittenCount();
        _spare = this;
    }
}
