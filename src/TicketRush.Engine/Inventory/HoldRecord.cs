using System.Runtime.InteropServices;

namespace TicketRush.Engine.Inventory;

/// <summary>What is remembered of one hold for as long as the sale lives. 56 bytes; its id stands in the id table.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HoldRecord
{
    public ulong Content;

    // Half of the hashed reference: enough to know a payment again, for nobody can aim at it without the key.
    public ulong Reference;
    public long PlacedSequence;

    /// <summary>The entry that paid, released or expired it; 0 while it is held.</summary>
    public long EndSequence;

    public uint UntilSeconds;
    public int Buyer;
    public uint FirstTicket;

    /// <summary>The next hold of the same second in the expiry ring, plus one.</summary>
    public int NextDue;

    /// <summary>With one line, its offer and quantity (16 bits each); with more, where they start in the list of lines.</summary>
    public uint Line;

    /// <summary>The number of the key that placed it; 0 for a buyer in a browser.</summary>
    public ushort By;

    // Lines (1 to 8) and extensions (to 10) in half a byte each; the state, and whether it was paid late.
    private byte _counts;
    private byte _state;

    public byte LineCount
    {
        readonly get => (byte)(_counts & 15);
        set => _counts = (byte)(_counts & 0xf0 | value);
    }

    public byte Extensions
    {
        readonly get => (byte)(_counts >> 4);
        set => _counts = (byte)(_counts & 15 | value << 4);
    }

    public HoldState State
    {
        readonly get => (HoldState)(_state & 7);
        set => _state = (byte)(_state & 8 | (byte)value);
    }

    public bool Late
    {
        readonly get => (_state & 8) != 0;
        set => _state = (byte)(_state & 7 | (value ? 8 : 0));
    }
}
