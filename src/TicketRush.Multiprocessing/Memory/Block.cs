using System.Runtime.InteropServices;

namespace TicketRush.Multiprocessing;

/// <summary>
/// The head of every block of an arena; what is stored in it follows. The blocks lie one behind the other from the first to the
/// arena's end of use and never change size, so they can be walked at any time, whatever died half-way.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal unsafe struct Block
{
    public const int Size = 192;

    /// <summary>Head and contents.</summary>
    [FieldOffset(0)] public long Length;

    [FieldOffset(8)] public int SizeClass;

    /// <summary>A <see cref="BlockKind"/>; storing it is what takes a block into use and what frees it.</summary>
    [FieldOffset(12)] public int Kind;

    /// <summary>Another at each use, so that a reference to what was freed is noticed.</summary>
    [FieldOffset(16)] public uint Generation;

    /// <summary>Not zero once the contents are initialised.</summary>
    [FieldOffset(20)] public int IsReady;

    /// <summary>The next free block of the same size, or 0. Means nothing in a block that is not free.</summary>
    [FieldOffset(24)] public long NextFree;

    /// <summary>Of a part: the block it belongs to. A part has no holders of its own.</summary>
    [FieldOffset(32)] public long Parent;

    /// <summary>One bit for each process slot that holds the block.</summary>
    [FieldOffset(64)] public fixed ulong Holders[Owner.SlotCount / 64];

    public readonly bool IsHeld
    {
        get
        {
            for (var i = 0; i < Owner.SlotCount / 64; i++)
                if (Holders[i] != 0) return true;
            return false;
        }
    }

    public readonly bool IsHeldBy(int slot) => (Holders[slot / 64] & (1ul << (slot % 64))) != 0;

    public readonly bool IsHeldOnlyBy(int slot)
    {
        for (var i = 0; i < Owner.SlotCount / 64; i++)
            if (Holders[i] != (i == slot / 64 ? 1ul << (slot % 64) : 0)) return false;
        return true;
    }

    public void AddHolder(int slot) => Holders[slot / 64] |= 1ul << (slot % 64);

    public void RemoveHolder(int slot) => Holders[slot / 64] &= ~(1ul << (slot % 64));
}
