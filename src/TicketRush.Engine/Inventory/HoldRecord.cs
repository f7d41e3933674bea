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
    public byte LineCount;
    public HoldState State;
    public byte Extensions;
    public bool Late;
}
