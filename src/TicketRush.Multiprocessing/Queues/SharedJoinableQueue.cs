using System.Text.Json;
using System.Text.Json.Serialization;

namespace TicketRush.Multiprocessing;

/// <summary>
/// A queue whose items are leased to the process that takes them until it says that they are done. When the process ends before that,
/// its items go back to the front of the queue; so an item is worked on at least once, and
/// <see cref="Join(TimeSpan?, CancellationToken)"/> returns only when every
/// one was done.
/// </summary>
/// <typeparam name="T">The items.</typeparam>
[JsonConverter(typeof(SharedObjectConverter))]
public sealed unsafe class SharedJoinableQueue<T> : SharedQueue<T>
{
    private const int RingAt = QueueState.Size + Leases.Bytes;

    [ThreadStatic]
    private static LeaseId _last;

    private readonly Leases _leases;

    static SharedJoinableQueue() =>
        SharedObjectConverter.Register(static (reference, options) => new SharedJoinableQueue<T>(reference, options));

    /// <inheritdoc cref="SharedQueue{T}(int, ItemCodec{T})"/>
    public SharedJoinableQueue(int maxSize = 0, ItemCodec<T>? codec = null)
        : base(BlockKind.JoinableQueue, maxSize, codec ?? ItemCodec<T>.Default, RingAt)
    {
        _leases = new(Arena, Items);
        Publish();
    }

    private SharedJoinableQueue(SharedReference reference, JsonSerializerOptions options)
        : base(BlockKind.JoinableQueue, reference, RingAt, options) => _leases = new(Arena, Items);

    /// <summary>How many items may be taken and not done at once.</summary>
    public static int LeasesMax => Leases.Max;

    /// <summary>Takes an item, as <see cref="SharedQueue{T}.Get"/> does, with a handle to say that just this one is done.</summary>
    /// <inheritdoc cref="SharedQueue{T}.Get" path="/param|/exception"/>
    public QueueLease<T> GetLease(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        var item = Get(timeout, cancellation);
        return new(this, _last, item);
    }

    /// <summary>Says that an item that this process took is done: the one that it took first, of those that are not done yet.</summary>
    /// <exception cref="InvalidOperationException">This process has taken none that is not done: TaskDone was called too many
    /// times.</exception>
    /// <exception cref="QueueClosedException">This handle is closed.</exception>
    public void TaskDone() => End(null, done: true, nameof(TaskDone));

    /// <summary>Waits until every item that was put is done. At once when none ever was.</summary>
    /// <param name="timeout">
    /// At most how long, on the monotonic clock. None, or <see cref="Timeout.InfiniteTimeSpan"/>: for ever. Zero, or less: not at all.
    /// </param>
    /// <param name="cancellation">Ends the wait; noticed within 40 ms.</param>
    /// <returns>False when the time was up.</returns>
    /// <exception cref="QueueClosedException">This handle is closed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public bool Join(TimeSpan? timeout = null, CancellationToken cancellation = default) => Join(Deadline.After(timeout), cancellation);

    /// <summary>
    /// As <see cref="Join(TimeSpan?, CancellationToken)"/>, on a thread of the library's own, not one of the thread pool.
    /// </summary>
    public Task<bool> JoinAsync(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        var deadline = Deadline.After(timeout);
        return WaiterThreads.Run(() => Join(deadline, cancellation));
    }

    internal void End(LeaseId? lease, bool done, string call)
    {
        var ring = Open;
        Enter(Deadline.Never);
        var ended = _leases.End(lease, done);
        var allDone = _leases.AllDone;
        ring.LeaveGet(madeRoom: false);
        if (!ended)
        {
            throw new InvalidOperationException(lease == null
                ? $"SharedJoinableQueue.{call} was called too many times: this process has taken no item that is not done."
                : $"QueueLease.{call}: the item is done or was given back before.");
        }

        if (!done) WaitWord.Signal(&ring.State->Items, 1);
        if (allDone) WaitWord.Signal(&ring.State->Done, int.MaxValue);
    }

    private protected override int Waiting => Items.Count + _leases.Returned;

    private protected override bool TryTake(ref byte target, ref byte[] buffer, out int length, out bool madeRoom)
    {
        var bytes = _leases.Take(out length, out var next, out _last);
        madeRoom = next != 0 && bytes != null;
        if (bytes == null) return false;
        CopyOut(bytes, length, ref target, ref buffer);
        return true;
    }

    private protected override void Repair() => _leases.Repair();

    private protected override bool LookElsewhere()
    {
        if (_leases.Returned > 0) return true;
        if (!_leases.AnyDead() || !Enter(Deadline.Now)) return false;
        _leases.ReturnDead();
        Items.LeaveGet(madeRoom: false);
        return _leases.Returned > 0;
    }

    private bool Join(Deadline deadline, CancellationToken cancellation)
    {
        var ring = Open;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            WaitWord.Announce(&ring.State->Done);
            if (!Enter(deadline)) return false;
            var done = _leases.AllDone;
            var returned = done ? 0 : _leases.ReturnDead();
            ring.LeaveGet(madeRoom: false);
            if (done) return true;
            WaitWord.Signal(&ring.State->Items, returned);
            var time = deadline.NextSleep();
            if (time <= 0) return false;
            WaitWord.Sleep(&ring.State->Done, time);
        }
    }

    private bool Enter(Deadline deadline)
    {
        var result = Items.EnterGet(deadline);
        if (result == LockResult.Abandoned) _leases.Repair();
        return result != LockResult.TimedOut;
    }
}
