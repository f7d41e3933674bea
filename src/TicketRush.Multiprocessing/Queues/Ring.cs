using System.Runtime.CompilerServices;

namespace TicketRush.Multiprocessing;

/// <summary>
/// The ring of a queue: items one behind the other, each a word with its length and its bytes, rounded up to 8. One that would not fit
/// before the ring's end lies at its start, behind a word that says so.
/// <para>
/// An item is written behind the tail, where nobody reads, then the tail is stored; it is copied out, then the head is stored. Whoever
/// dies before the store has done nothing, and after it everything: an abandoned gate needs no repair. Producers have one gate and
/// consumers another, so a producer and a consumer never wait for each other.
/// </para>
/// </summary>
internal sealed unsafe class Ring
{
    /// <summary>As far as a ring grows, in bytes of items that wait, and how large one item may be.</summary>
    public const long CapacityMax = 64L << 20;
    public const int ItemBytesMax = 16 << 20;

    private const long CapacityMin = 64 * 1024;
    private const int CountBits = 24, HeadBytes = 8;
    private const ulong CountMask = (1ul << CountBits) - 1, UnitsMask = (1ul << (64 - CountBits)) - 1;
    private const uint SkipMark = uint.MaxValue;

    private readonly Arena _arena;
    private readonly QueueState* _state;
    private readonly byte* _ring;
    private readonly uint _me;

    public Ring(Arena arena, byte* contents, long ringAt)
    {
        _arena = arena;
        _state = (QueueState*)contents;
        _ring = contents + ringAt;
        _me = arena.Self.Word;
    }

    public QueueState* State => _state;

    /// <summary>
    /// Makes right what else the consumers' gate guards, when that is found abandoned, by whomever: a ring that grows enters it too.
    /// </summary>
    public Action? Repair { get; set; }

    public int Count
    {
        get
        {
            // Between two equal heads the tail that was read was the tail: the difference is what there was at that moment.
            for (var head = Volatile.Read(ref _state->Head); ;)
            {
                var tail = Volatile.Read(ref _state->Tail);
                var again = Volatile.Read(ref _state->Head);
                if (again == head) return CountBetween(head, tail);
                head = again;
            }
        }
    }

    public bool HasItem
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref _state->Tail) != Volatile.Read(ref _state->Head);
    }

    public static void Initialize(byte* contents, ItemCodecKind codec, int maxItems)
    {
        var state = (QueueState*)contents;
        (state->Codec, state->MaxItems, state->Capacity) = ((int)codec, maxItems, CapacityMin);
    }

    public static long Reserve(long ringAt) => ringAt + CapacityMax;

    public static long InitialCommit(long ringAt) => ringAt + CapacityMin;

    /// <returns>Null when another was inside until the deadline; false when there is no room.</returns>
    /// <exception cref="OutOfMemoryException">The ring had to grow, and there is no memory; nothing was put.</exception>
    public bool? TryPut(ReadOnlySpan<byte> item, Deadline deadline)
    {
        var state = _state;
        if (Gate.Enter(_arena, &state->PutGate, _me, deadline) == LockResult.TimedOut) return null;
        try
        {
            var tail = state->Tail;
            var bytes = HeadBytes + (((long)item.Length + 7) & ~7L);
            if (!Fits(tail, state->HeadSeen, bytes, state->Capacity))
            {
                state->HeadSeen = Volatile.Read(ref state->Head);
                if (IsFull(tail, state->HeadSeen)) return false;
                if (!Fits(tail, state->HeadSeen, bytes, state->Capacity) && !TryGrow(tail, bytes, deadline)) return false;
            }

            var capacity = state->Capacity;
            var units = tail >> CountBits;
            var offset = (long)(units * 8) & (capacity - 1);
            if (capacity - offset < bytes)
            {
                // With how far it is: the end that a reader sees may be that of a larger ring.
                *(ulong*)(_ring + offset) = SkipMark | ((ulong)(capacity - offset) << 32);
                units += (ulong)(capacity - offset) / 8;
                offset = 0;
            }

            *(uint*)(_ring + offset) = (uint)item.Length;
            item.CopyTo(new(_ring + offset + HeadBytes, item.Length));
            Volatile.Write(ref state->Tail, Position(units + (ulong)(bytes / 8), tail + 1));
        }
        finally
        {
            Gate.Leave(&state->PutGate);
        }

        WaitWord.Signal(&state->Items, 1);
        return true;
    }

    /// <summary>In the consumers' gate.</summary>
    /// <param name="length">Of the first item, in bytes.</param>
    /// <param name="next">The head behind it.</param>
    /// <returns>Its bytes, which stay as long as the head does; null when there is none.</returns>
    public byte* Front(out int length, out ulong next)
    {
        var state = _state;
        var head = state->Head;
        (length, next) = (0, head);
        if (head == state->TailSeen)
        {
            state->TailSeen = Volatile.Read(ref state->Tail);
            if (head == state->TailSeen) return null;
        }

        var capacity = state->Capacity;
        var units = head >> CountBits;
        var offset = (long)(units * 8) & (capacity - 1);
        if (*(uint*)(_ring + offset) == SkipMark)
        {
            units += *(uint*)(_ring + offset + 4) / 8;
            offset = (long)(units * 8) & (capacity - 1);
        }

        length = *(int*)(_ring + offset);
        next = Position(units + (ulong)((HeadBytes + (((long)length + 7) & ~7L)) / 8), head + 1);
        return _ring + offset + HeadBytes;
    }

    /// <summary>In the consumers' gate: takes the first item out, once its bytes were copied.</summary>
    public void Advance(ulong next) => Volatile.Write(ref _state->Head, next);

    /// <returns>False when another was inside until the deadline.</returns>
    public bool EnterGet(Deadline deadline)
    {
        var result = Gate.Enter(_arena, &_state->GetGate, _me, deadline);
        if (result == LockResult.Abandoned) Repair?.Invoke();
        return result != LockResult.TimedOut;
    }

    /// <summary>Leaves the consumers' gate, and tells producers when room was made.</summary>
    public void LeaveGet(bool madeRoom)
    {
        Gate.Leave(&_state->GetGate);
        if (madeRoom) WaitWord.Signal(&_state->Room, 1);
    }

    public bool IsFull() => _state->MaxItems > 0 && Count >= _state->MaxItems;

    /// <summary>Wakes who waits for what a process that ended may have been about to tell, or was told and did not come to use.</summary>
    public static bool Clear(Arena arena, QueueState* state)
    {
        if (Gate.Enter(arena, &state->PutGate, arena.Self.Word, Deadline.Now) == LockResult.TimedOut) return false;
        Gate.Leave(&state->PutGate);
        WaitWord.Signal(&state->Items, int.MaxValue);
        WaitWord.Signal(&state->Room, int.MaxValue);
        return true;
    }

    private static int CountBetween(ulong head, ulong tail) => (int)((tail - head) & CountMask);

    private static ulong Position(ulong units, ulong count) => (units << CountBits) | (count & CountMask);

    private static long BytesBetween(ulong head, ulong tail) => (long)(((tail >> CountBits) - (head >> CountBits)) & UnitsMask) * 8;

    private bool IsFull(ulong tail, ulong head) => _state->MaxItems > 0 && CountBetween(head, tail) >= _state->MaxItems;

    private bool Fits(ulong tail, ulong head, long bytes, long capacity)
    {
        if (IsFull(tail, head)) return false;
        var before = capacity - ((long)((tail >> CountBits) * 8) & (capacity - 1));
        return BytesBetween(head, tail) + bytes + (before < bytes ? before : 0) <= capacity;
    }

    // In the producers' gate. The items stay where they are, but for those that the larger ring has in its new part: they are copied
    // there, where nobody looks before the capacity is stored. Whoever dies before that store leaves the old ring as it was.
    private bool TryGrow(ulong tail, long bytes, Deadline deadline)
    {
        var state = _state;
        var old = state->Capacity;
        var capacity = old;
        do
        {
            capacity *= 2;
            if (capacity > CapacityMax) return false;
        }
        while (!Fits(tail, state->HeadSeen, bytes, capacity));

        _arena.Commit((byte*)state, _ring - (byte*)state + old, capacity - old);
        if (!EnterGet(deadline)) return false;
        var from = (long)(state->Head >> CountBits) * 8;
        var to = from + BytesBetween(state->Head, tail);
        while (from < to)
        {
            var offset = from & (old - 1);
            var run = Math.Min(to - from, old - offset);
            var target = from & (capacity - 1);
            if (target != offset) Buffer.MemoryCopy(_ring + offset, _ring + target, run, run);
            from += run;
        }

        Volatile.Write(ref state->Capacity, capacity);
        Gate.Leave(&state->GetGate);
        return true;
    }
}
