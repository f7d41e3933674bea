using System.Runtime.InteropServices;

namespace TicketRush.Multiprocessing;

/// <summary>
/// What a queue keeps in shared memory; its ring follows. What producers write, what consumers write and what either reads lie on
/// cache lines of their own.
/// <para>
/// A position is how many 8-byte units were ever put before it (40 bits) and how many items (24 bits), in one word, so that one store
/// moves both. Both wrap around; no queue holds as much as either can count.
/// </para>
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
internal struct QueueState
{
    public const int Size = 320;

    [FieldOffset(0)] public int Codec;

    /// <summary>How many items there may be; 0 says only how many bytes.</summary>
    [FieldOffset(4)] public int MaxItems;

    /// <summary>Of the ring, in bytes; a power of two. Changed with both gates.</summary>
    [FieldOffset(8)] public long Capacity;

    [FieldOffset(64)] public uint PutGate;
    [FieldOffset(72)] public ulong Tail;

    /// <summary>Some earlier value of <see cref="Head"/>, so that not every put reads the consumers' line.</summary>
    [FieldOffset(80)] public ulong HeadSeen;

    [FieldOffset(128)] public uint GetGate;
    [FieldOffset(136)] public ulong Head;

    /// <summary>Some earlier value of <see cref="Tail"/>.</summary>
    [FieldOffset(144)] public ulong TailSeen;

    /// <summary>Of a joinable queue: how many entries of the table of leases are in use, how many of these were returned.</summary>
    [FieldOffset(152)] public int Leased;
    [FieldOffset(156)] public int Returned;
    [FieldOffset(160)] public int LeasesUsed;
    [FieldOffset(168)] public long Ticket;

    /// <summary>Wait words: for an item, for room, for everything to be done.</summary>
    [FieldOffset(192)] public uint Items;
    [FieldOffset(256)] public uint Room;
    [FieldOffset(260)] public uint Done;
}
