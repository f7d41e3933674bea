using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;
using TicketRush.Multiprocessing.Managers;

namespace TicketRush.Multiprocessing;

/// <summary>
/// A lock in a manager's process, for processes that do not share memory; among those of one tree <see cref="SharedLock"/> is far faster.
/// Whoever has it may release it, and so may anybody else. When the last connection of a process that has it ends, the next to acquire it
/// gets it as abandoned.
/// </summary>
[JsonConverter(typeof(ManagedObjectConverter))]
public sealed class ManagedLock : ManagedObject
{
    internal ManagedLock(ManagedReference reference)
        : base(reference)
    {
    }

    /// <summary>Whether anybody has it at this moment.</summary>
    public bool IsTaken => Send(Operation.IsTaken).Bool();

    /// <summary>Waits for the lock and takes it.</summary>
    /// <param name="timeout">
    /// At most how long. None, or <see cref="Timeout.InfiniteTimeSpan"/>: for ever. Zero, or less: not at all.
    /// </param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">Cancelled; the lock was not taken.</exception>
    public LockResult Acquire(TimeSpan? timeout = null, CancellationToken cancellation = default) =>
        (LockResult)Send(Ask(Operation.Acquire).Add(timeout), cancellation).Int();

    /// <summary>Lets the next have it.</summary>
    /// <exception cref="SynchronizationLockException">Nobody has it.</exception>
    public void Release() => Send(Operation.Release);

    /// <summary>Acquires the lock until the result is disposed of: <c>using (managedLock.Enter()) { … }</c>.</summary>
    /// <inheritdoc cref="Acquire" path="/param|/exception"/>
    /// <exception cref="TimeoutException">The time was up.</exception>
    public Scope Enter(TimeSpan? timeout = null, CancellationToken cancellation = default) => Acquire(timeout, cancellation) switch
    {
        LockResult.TimedOut => throw new TimeoutException($"The lock was not to be had within {timeout}."),
        var result => new(this, result == LockResult.Abandoned),
    };

    /// <summary>A lock that is released at the end of a <c>using</c>.</summary>
    public readonly struct Scope : IDisposable
    {
        private readonly ManagedLock _taken;

        internal Scope(ManagedLock taken, bool abandoned) => (_taken, Abandoned) = (taken, abandoned);

        /// <summary>Whether the last holder ended without releasing the lock, so that what it guards may be half changed.</summary>
        public bool Abandoned { get; }

        /// <summary>Releases the lock.</summary>
        public void Dispose() => _taken.Release();
    }
}

/// <summary>
/// A queue in a manager's process, for processes that do not share memory; among those of one tree <see cref="SharedQueue{T}"/> is far
/// faster. An item whose taker ends before it has read it goes back to the front.
/// </summary>
[JsonConverter(typeof(ManagedObjectConverter))]
public sealed class ManagedQueue<T> : ManagedObject
{
    private readonly ManagedJson<T> _items = new("The queue's item");

    internal ManagedQueue(ManagedReference reference)
        : base(reference)
    {
    }

    /// <summary>How many items wait at this moment.</summary>
    public int Count => Send(Operation.Count).Int();

    /// <summary>Whether no item waits at this moment.</summary>
    public bool IsEmpty => Count == 0;

    /// <summary>Whether as many items wait as there may be.</summary>
    public bool IsFull
    {
        get
        {
            var reply = Send(Operation.Count);
            var (count, most) = (reply.Int(), reply.Int());
            return most > 0 && count >= most;
        }
    }

    /// <summary>Puts an item behind all others, waiting for room.</summary>
    /// <param name="item">What to put.</param>
    /// <param name="timeout">
    /// At most how long. None, or <see cref="Timeout.InfiniteTimeSpan"/>: for ever. Zero, or less: not at all.
    /// </param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="QueueFullException">There was no room in time.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; whether the item is in the queue is not known.</exception>
    public void Put(T item, TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        if (!Put(_items.Write(item), timeout, cancellation))
            throw new QueueFullException($"ManagedQueue.Put: there was no room in the queue within {timeout}.");
    }

    /// <summary>Puts an item if there is room.</summary>
    public bool TryPut(T item) => Put(_items.Write(item), TimeSpan.Zero, default);

    /// <summary>Puts an item if there is room in time.</summary>
    public bool TryPut(T item, TimeSpan timeout) => Put(_items.Write(item), timeout, default);

    /// <summary>Takes the first item, waiting for one.</summary>
    /// <param name="timeout">
    /// At most how long. None, or <see cref="Timeout.InfiniteTimeSpan"/>: for ever. Zero, or less: not at all.
    /// </param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="QueueEmptyException">There was no item in time.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; no item was taken.</exception>
    public T Get(TimeSpan? timeout = null, CancellationToken cancellation = default) =>
        TryGet(out var item, timeout, cancellation) ? item
            : throw new QueueEmptyException($"ManagedQueue.Get: there was no item in the queue within {timeout}.");

    /// <summary>Takes the first item if there is one.</summary>
    public bool TryGet([MaybeNullWhen(false)] out T item) => TryGet(out item, TimeSpan.Zero, default);

    /// <summary>Takes the first item if there is one in time.</summary>
    public bool TryGet([MaybeNullWhen(false)] out T item, TimeSpan timeout) => TryGet(out item, timeout, default);

    private bool Put(byte[] item, TimeSpan? timeout, CancellationToken cancellation) =>
        Send(Ask(Operation.Put).Add(timeout).Add(item), cancellation).Bool();

    private bool TryGet([MaybeNullWhen(false)] out T item, TimeSpan? timeout, CancellationToken cancellation)
    {
        var reply = Send(Ask(Operation.Take).Add(timeout), cancellation);
        var found = reply.Bool();
        item = found ? _items.Read(reply.Value()) : default;
        return found;
    }
}

/// <summary>
/// An event in a manager's process, for processes that do not share memory; among those of one tree <see cref="SharedEvent"/> is far
/// faster.
/// </summary>
[JsonConverter(typeof(ManagedObjectConverter))]
public sealed class ManagedEvent : ManagedObject
{
    internal ManagedEvent(ManagedReference reference)
        : base(reference)
    {
    }

    /// <summary>Whether it is set at this moment.</summary>
    public bool IsSet => Send(Operation.Get).Bool();

    /// <summary>Sets it; everybody who waits goes on.</summary>
    public void Set() => Send(Operation.Raise);

    /// <summary>Lets those who wait from now on wait until it is set again.</summary>
    public void Clear() => Send(Operation.Lower);

    /// <summary>Waits until it is set.</summary>
    /// <param name="timeout">
    /// At most how long. None, or <see cref="Timeout.InfiniteTimeSpan"/>: for ever. Zero, or less: not at all.
    /// </param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>False when the time was up.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public bool Wait(TimeSpan? timeout = null, CancellationToken cancellation = default) =>
        Send(Ask(Operation.Wait).Add(timeout), cancellation).Bool();
}
