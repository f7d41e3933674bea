using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace TicketRush.Multiprocessing;

/// <summary>
/// A queue between processes and their threads: first in, first out, each item to one consumer. An item is in the queue when
/// <see cref="Put(T, TimeSpan?, CancellationToken)"/> returns, so the counts are exact, errors surface where they are made, and a producer
/// may end at once. Whoever is killed at whatever moment has put, or taken, an item or has not: the queue goes on.
/// <para>
/// It is not made for big files: one item may have 16 MiB, and all that wait may have 64 MiB together; then the queue is full, also
/// when the number of items has no limit.
/// </para>
/// </summary>
/// <typeparam name="T">The items.</typeparam>
[JsonConverter(typeof(SharedObjectConverter))]
public unsafe class SharedQueue<T> : SharedObject
{
    /// <summary>How large one item may be, in bytes.</summary>
    public const int ItemBytesMax = Ring.ItemBytesMax;

    // About ten microseconds: longer than the other side takes for an item, shorter than to sleep and be woken.
    private const int SpinPause = 10;
    private static readonly int Spins = Environment.ProcessorCount > 1 ? 100 : 0;

    private readonly ItemCodec<T> _codec;
    private readonly int _fixed;

    static SharedQueue() => SharedObjectConverter.Register(static (reference, options) =>
        new SharedQueue<T>(BlockKind.Queue, reference, QueueState.Size, options));

    /// <summary>Makes an empty queue.</summary>
    /// <param name="maxSize">How many items there may be; 0 or less: no limit but that of the bytes.</param>
    /// <param name="codec">How items become bytes. Needed unless they are byte arrays, strings, or values without references.</param>
    /// <exception cref="ArgumentException">There is no codec, and none that goes without saying.</exception>
    /// <exception cref="OutOfMemoryException">There is no shared memory left.</exception>
    public SharedQueue(int maxSize = 0, ItemCodec<T>? codec = null)
        : this(BlockKind.Queue, maxSize, codec ?? ItemCodec<T>.Default, QueueState.Size) => Publish();

    private protected SharedQueue(BlockKind kind, int maxSize, ItemCodec<T> codec, long ringAt)
        : base(kind, Ring.Reserve(ringAt), Ring.InitialCommit(ringAt))
    {
        (_codec, _fixed) = (codec, codec.FixedBytes);
        Items = new(Arena, Contents, ringAt);
        Ring.Initialize(Contents, codec.Kind, Math.Max(maxSize, 0));
    }

    private protected SharedQueue(BlockKind kind, SharedReference reference, long ringAt, JsonSerializerOptions options)
        : base(kind, reference)
    {
        try
        {
            _codec = ItemCodec<T>.Attach((ItemCodecKind)((QueueState*)Contents)->Codec, options);
        }
        catch
        {
            Dispose();
            throw;
        }

        _fixed = _codec.FixedBytes;
        Items = new(Arena, Contents, ringAt);
    }

    /// <summary>How many items wait at this moment.</summary>
    /// <exception cref="QueueClosedException">This handle is closed.</exception>
    public int Count
    {
        get
        {
            _ = Contents;
            return Waiting;
        }
    }

    /// <summary>Whether no item waits at this moment.</summary>
    /// <exception cref="QueueClosedException">This handle is closed.</exception>
    public bool IsEmpty => Count == 0;

    /// <summary>Whether as many items wait as there may be.</summary>
    /// <exception cref="QueueClosedException">This handle is closed.</exception>
    public bool IsFull => Open.IsFull();

    /// <summary>How many items there may be; 0 when only the bytes are limited.</summary>
    /// <exception cref="QueueClosedException">This handle is closed.</exception>
    public int MaxSize => Open.State->MaxItems;

    private protected Ring Items { get; }

    private protected virtual int Waiting => Items.Count;

    private protected Ring Open
    {
        get
        {
            _ = Contents;
            return Items;
        }
    }

    /// <summary>Puts an item behind all others, waiting for room.</summary>
    /// <param name="item">It is written before anything else is done: one that does not serialise leaves the queue as it was.</param>
    /// <param name="timeout">
    /// At most how long to wait, on the monotonic clock. None, or <see cref="Timeout.InfiniteTimeSpan"/>: for ever. Zero, or less: not
    /// at all.
    /// </param>
    /// <param name="cancellation">Ends the wait; noticed within 40 ms.</param>
    /// <exception cref="QueueFullException">There was no room in time.</exception>
    /// <exception cref="QueueClosedException">This handle is closed.</exception>
    /// <exception cref="ArgumentException">The item has more than <see cref="ItemBytesMax"/> bytes.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; the item is not in the queue.</exception>
    public void Put(T item, TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        if (Put(item, Deadline.After(timeout), cancellation)) return;
        throw new QueueFullException(
            Items.IsFull()
                ? $"The queue has {MaxSize} items, which is as many as it may have."
                : $"The queue has {Count} items and no room for this one: all that wait may have {Ring.CapacityMax} bytes.");
    }

    /// <summary>Puts an item if there is room.</summary>
    /// <inheritdoc cref="Put(T, TimeSpan?, CancellationToken)" path="/exception[not(contains(@cref,'Full'))]"/>
    public bool TryPut(T item) => Put(item, Deadline.Now, default);

    /// <summary>Puts an item if there is room in time.</summary>
    /// <inheritdoc cref="Put(T, TimeSpan?, CancellationToken)" path="/exception[not(contains(@cref,'Full'))]"/>
    public bool TryPut(T item, TimeSpan timeout, CancellationToken cancellation = default) =>
        Put(item, Deadline.After(timeout), cancellation);

    /// <summary>
    /// As <see cref="Put(T, TimeSpan?, CancellationToken)"/>, waiting on a thread of the library's own, not one of the thread pool.
    /// </summary>
    public ValueTask PutAsync(T item, TimeSpan? timeout = null, CancellationToken cancellation = default) =>
        TryPut(item)
            ? default
            : new(WaitApart(() =>
            {
                Put(item, timeout, cancellation);
                return true;
            }));

    /// <summary>Takes the first item, waiting for one.</summary>
    /// <param name="timeout">
    /// At most how long, on the monotonic clock. None, or <see cref="Timeout.InfiniteTimeSpan"/>: for ever. Zero, or less: not at all.
    /// </param>
    /// <param name="cancellation">Ends the wait; noticed within 40 ms.</param>
    /// <exception cref="QueueEmptyException">There was no item in time.</exception>
    /// <exception cref="QueueClosedException">This handle is closed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; no item was taken.</exception>
    public T Get(TimeSpan? timeout = null, CancellationToken cancellation = default) =>
        TryGet(out var item, Deadline.After(timeout), cancellation)
            ? item
            : throw new QueueEmptyException($"There was no item in the queue within {timeout}.");

    /// <summary>Takes the first item if there is one.</summary>
    /// <exception cref="QueueClosedException">This handle is closed.</exception>
    public bool TryGet([MaybeNullWhen(false)] out T item) => TryGet(out item, Deadline.Now, default);

    /// <summary>Takes the first item if there is one in time.</summary>
    /// <inheritdoc cref="Get(TimeSpan?, CancellationToken)" path="/exception[not(contains(@cref,'Empty'))]"/>
    public bool TryGet([MaybeNullWhen(false)] out T item, TimeSpan timeout, CancellationToken cancellation = default) =>
        TryGet(out item, Deadline.After(timeout), cancellation);

    /// <summary>
    /// As <see cref="Get(TimeSpan?, CancellationToken)"/>, waiting on a thread of the library's own, not one of the thread pool.
    /// </summary>
    public ValueTask<T> GetAsync(TimeSpan? timeout = null, CancellationToken cancellation = default) =>
        TryGet(out var item) ? new(item) : new(WaitApart(() => Get(timeout, cancellation)));

    /// <summary>Lets the queue go in this process, which then neither puts nor takes; the others go on. Again is harmless.</summary>
    public void Close() => Dispose();

    private protected override void ThrowDisposed() =>
        throw new QueueClosedException(
            $"The {GetType().Name[..^2]} is closed: this process has let it go, and neither puts into it nor takes from it any more.");

    /// <summary>
    /// In the consumers' gate: takes an item if there is one. The bytes are copied to the target where they are as many as it is long,
    /// else to the buffer.
    /// </summary>
    private protected virtual bool TryTake(ref byte target, ref byte[] buffer, out int length, out bool madeRoom)
    {
        var bytes = Items.Front(out length, out var next);
        madeRoom = bytes != null;
        if (bytes == null) return false;
        CopyOut(bytes, length, ref target, ref buffer);
        Items.Advance(next);
        return true;
    }

    /// <summary>Before a consumer sleeps: looks for items that are not in the ring.</summary>
    private protected virtual bool LookElsewhere() => false;

    private protected void CopyOut(byte* bytes, int length, ref byte target, ref byte[] buffer)
    {
        if (_fixed >= 0)
        {
            if (length != _fixed)
                throw new InvalidOperationException($"The queue's item has {length} bytes and a {typeof(T)} has {_fixed}.");
            Unsafe.CopyBlockUnaligned(ref target, ref *bytes, (uint)length);
            return;
        }

        if (buffer.Length < length) buffer = GC.AllocateUninitializedArray<byte>(Math.Max(length, 256));
        new ReadOnlySpan<byte>(bytes, length).CopyTo(buffer);
    }

    private bool Put(T item, Deadline deadline, CancellationToken cancellation)
    {
        _ = Contents;
        cancellation.ThrowIfCancellationRequested();
        if (_fixed >= 0)
            return Put(MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<T, byte>(ref item), Unsafe.SizeOf<T>()), deadline, cancellation);

        var scratch = Scratch.Take();
        try
        {
            _codec.Write(item, scratch.Writer);
            if (scratch.Writer.WrittenCount > ItemBytesMax)
            {
                throw new ArgumentException(
                    $"The item has {scratch.Writer.WrittenCount} bytes, and an item of a queue may have {ItemBytesMax}: "
                    + "put a file's path, not the file.",
                    nameof(item));
            }

            return Put(scratch.Writer.WrittenSpan, deadline, cancellation);
        }
        finally
        {
            scratch.GiveBack();
        }
    }

    private bool Put(ReadOnlySpan<byte> bytes, Deadline deadline, CancellationToken cancellation)
    {
        var ring = Items;
        for (var round = 0; ; round++)
        {
            if (ring.TryPut(bytes, deadline) is not { } put) return false;
            if (put) return true;
            if (round == 0 && deadline.NextSleep() > 0)
            {
                var head = Volatile.Read(ref ring.State->Head);
                for (var spin = 0; spin < Spins && Volatile.Read(ref ring.State->Head) == head; spin++) Thread.SpinWait(SpinPause);
                continue;
            }

            cancellation.ThrowIfCancellationRequested();
            WaitWord.Announce(&ring.State->Room);
            if (ring.TryPut(bytes, deadline) is true) return true;
            var time = deadline.NextSleep();
            if (time <= 0) return false;
            WaitWord.Sleep(&ring.State->Room, time);
        }
    }

    private bool TryGet([MaybeNullWhen(false)] out T item, Deadline deadline, CancellationToken cancellation)
    {
        _ = Contents;
        cancellation.ThrowIfCancellationRequested();
        if (_fixed >= 0)
        {
            Unsafe.SkipInit(out T value);
            byte[] none = [];
            var taken = Take(ref Unsafe.As<T, byte>(ref value), ref none, out _, deadline, cancellation);
            item = taken ? value : default;
            return taken;
        }

        var scratch = Scratch.Take();
        try
        {
            byte unused = 0;
            if (!Take(ref unused, ref scratch.Buffer, out var length, deadline, cancellation))
            {
                item = default;
                return false;
            }

            // Outside the gate: what reads the item may be the user's own code.
            item = _codec.Read(scratch.Buffer.AsSpan(0, length));
            return true;
        }
        finally
        {
            scratch.GiveBack();
        }
    }

    private bool Take(ref byte target, ref byte[] buffer, out int length, Deadline deadline, CancellationToken cancellation)
    {
        var ring = Items;
        for (var round = 0; ; round++)
        {
            if (!ring.EnterGet(deadline)) break;
            bool taken, madeRoom = false;
            try
            {
                taken = TryTake(ref target, ref buffer, out length, out madeRoom);
            }
            finally
            {
                ring.LeaveGet(madeRoom);
            }

            if (taken) return true;
            if (round == 0 && deadline.NextSleep() > 0)
            {
                for (var spin = 0; spin < Spins && !ring.HasItem; spin++) Thread.SpinWait(SpinPause);
                continue;
            }

            cancellation.ThrowIfCancellationRequested();
            WaitWord.Announce(&ring.State->Items);
            if (ring.HasItem || LookElsewhere()) continue;
            var time = deadline.NextSleep();
            if (time <= 0) break;
            WaitWord.Sleep(&ring.State->Items, time);
        }

        length = 0;
        return false;
    }
}
