using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace TicketRush.Engine.Inventory;

/// <summary>
/// Gives every 128-bit id a number, 0, 1, 2, …, and finds the number of an id it has seen. Never forgets.
/// <para>
/// Extendible hashing (Fagin et al., 1979): a directory of small open-addressing segments. A full segment splits in two, and
/// that is all that ever moves at once, so growth costs microseconds at any size; one table that doubled would stall the
/// sale. A slot keeps 32 bits of the id's hash, from which directory, slot and tag are all taken: a split touches no id.
/// <code>
///   hash, 32 bits   | directory index: the top _depth bits | ... | first slot: the low 10 bits |
///   slot, 64 bits   | hash 32 | number + 1, 32 |            zero: free
/// </code>
/// </para>
/// </summary>
internal sealed class IdTable
{
    private const int SlotBits = 10;
    private const int SlotCount = 1 << SlotBits;

    // At 80 % full a miss probes 13 slots on average, about two cache lines; fuller saves little and costs much.
    private const int SplitAt = SlotCount * 8 / 10;

    // Behind the slots stands how many are in use and by how many hash bits the segment is chosen.
    private const int UsedAt = SlotCount;
    private const int DepthAt = SlotCount + 1;

    // Segments that are made in advance at the most: room for 3.3 million ids in 34 MB.
    private const int ReservedDepthMax = 12;

    private readonly Rows<UInt128> _ids = new();
    private ulong[][] _directory = [NewSegment(depth: 0)];
    private int _depth;

    public int Count => _ids.Count;

    public UInt128 this[int number] => _ids[number];

    /// <summary>Makes the segments for so many ids in advance, as far as is reasonable. Only while there are none.</summary>
    public void Reserve(int count)
    {
        var segments = BitOperations.RoundUpToPowerOf2((uint)count / (SplitAt / 2) + 1);
        _depth = Math.Min(BitOperations.Log2(segments), ReservedDepthMax);
        _directory = new ulong[1 << _depth][];
        for (var i = 0; i < _directory.Length; i++) _directory[i] = NewSegment(_depth);
    }

    /// <returns>The id's number, or -1 when it has none.</returns>
    public int Find(UInt128 id)
    {
        var hash = HashOf(id);
        ref var slots = ref MemoryMarshal.GetArrayDataReference(SegmentOf(hash));
        for (var at = hash & (SlotCount - 1); ; at = (at + 1) & (SlotCount - 1))
        {
            var slot = Unsafe.Add(ref slots, at);
            if (slot == 0) return -1;
            if (slot >> 32 == hash && _ids[NumberIn(slot)] == id) return NumberIn(slot);
        }
    }

    /// <summary>Numbers an id that <see cref="Find"/> does not find.</summary>
    public int Add(UInt128 id)
    {
        var number = _ids.Count;
        _ids.Add() = id;

        var hash = HashOf(id);
        var segment = SegmentOf(hash);
        Place(segment, hash, (ulong)hash << 32 | (uint)(number + 1));
        if (++segment[UsedAt] >= SplitAt) Split(segment, hash);
        return number;
    }

    /// <summary>Asks for the cache lines that finding or adding this id will touch, so that a batch waits for them all at once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void Prefetch(UInt128 id)
    {
        if (!Sse.IsSupported) return;
        var hash = HashOf(id);
        ref var slots = ref MemoryMarshal.GetArrayDataReference(SegmentOf(hash));
        Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.Add(ref slots, hash & (SlotCount - 1))));
        Sse.Prefetch0(Unsafe.AsPointer(ref Unsafe.Add(ref slots, UsedAt)));
    }

    /// <summary>Asks for the cache line of an id whose number is known.</summary>
    public void PrefetchId(int number) => _ids.Prefetch(number);

    private static int NumberIn(ulong slot) => (int)(uint)slot - 1;

    // Ids are keyed hashes already; the multiplications only spread the ids of tests, which count 1, 2, 3.
    private static uint HashOf(UInt128 id) =>
        (uint)(((ulong)id * 0x9E3779B97F4A7C15 + (ulong)(id >> 64) * 0xC2B2AE3D27D4EB4F) >> 32);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong[] SegmentOf(uint hash) =>
        Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_directory), (nint)((ulong)hash >> (32 - _depth)));

    private static ulong[] NewSegment(int depth)
    {
        var segment = GC.AllocateUninitializedArray<ulong>(SlotCount + 2, pinned: true);

        // Written now, so that its pages are there when the rush comes: the first thing done to a fresh one is a lookup, and
        // a page that is read before it is written costs two faults.
        segment.AsSpan().Clear();
        segment[DepthAt] = (ulong)depth;
        return segment;
    }

    private static void Place(ulong[] segment, uint hash, ulong slot)
    {
        var at = hash & (SlotCount - 1);
        while (segment[at] != 0) at = (at + 1) & (SlotCount - 1);
        segment[at] = slot;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Split(ulong[] full, uint hash)
    {
        var depth = (int)full[DepthAt] + 1;

        // Beyond 2^22 segments the directory's bits would meet the slot's; the sequence space ends long before (2^31 ids).
        if (depth > 32 - SlotBits) throw new InvalidOperationException("The table of ids is full: 3,400,000,000 is the most.");
        if (depth > _depth) DoubleDirectory();

        Span<ulong> slots = stackalloc ulong[SlotCount];
        full.AsSpan(0, SlotCount).CopyTo(slots);
        full.AsSpan().Clear();
        full[DepthAt] = (ulong)depth;
        var (zero, one) = (full, NewSegment(depth));
        foreach (var slot in slots)
        {
            if (slot == 0) continue;
            var slotHash = (uint)(slot >> 32);
            var half = (slotHash >> (32 - depth) & 1) == 0 ? zero : one;
            Place(half, slotHash, slot);
            half[UsedAt]++;
        }

        // The full segment stood in 2^(_depth - depth + 1) neighbouring places of the directory; each half takes its share.
        var share = 1 << (_depth - depth);
        var first = (int)((ulong)hash >> (32 - depth + 1)) * 2 * share;
        _directory.AsSpan(first, share).Fill(zero);
        _directory.AsSpan(first + share, share).Fill(one);
    }

    private void DoubleDirectory()
    {
        var doubled = new ulong[_directory.Length * 2][];
        for (var i = 0; i < doubled.Length; i++) doubled[i] = _directory[i >> 1];
        _directory = doubled;
        _depth++;
    }
}
