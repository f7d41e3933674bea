using System.Text.Json.Serialization;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>
/// A lock between processes and their threads. Whoever has it may release it, and so may any other thread or process. It is not
/// recursive: a second acquire waits, also on the same thread.
/// <para>
/// When the process that has it ends without releasing it, however it ends, the next to acquire it is told so by
/// <see cref="LockResult.Abandoned"/>. The lock of a process that is merely stopped is never taken away.
/// </para>
/// </summary>
[JsonConverter(typeof(SharedObjectConverter))]
public sealed unsafe class SharedLock : SharedObject, ISharedLock
{
    private readonly uint _me;

    static SharedLock() => SharedObjectConverter.Register(static (reference, _) => new SharedLock(reference));

    /// <summary>Makes a lock that nobody has.</summary>
    /// <exception cref="PlatformNotSupportedException">Says what this system lacks.</exception>
    /// <exception cref="OutOfMemoryException">There is no shared memory left.</exception>
    public SharedLock()
        : base(BlockKind.Lock, 64, 64)
    {
        _me = Me;
        Publish();
    }

    internal SharedLock(SharedReference reference)
        : base(BlockKind.Lock, reference) => _me = Me;

    /// <summary>Whether anybody has it at this moment.</summary>
    public bool IsTaken => Volatile.Read(ref *Word) != 0;

    BlockKind ISharedLock.Kind => Kind;

    SharedReference ISharedLock.Reference => Reference;

    bool ISharedLock.IsHeldByCaller => (Volatile.Read(ref *Word) & ~OwnerWord.Sleepers) == _me;

    private uint* Word => (uint*)Contents;

    /// <summary>Waits for the lock and takes it.</summary>
    /// <param name="timeout">
    /// At most how long, on the monotonic clock. None, or <see cref="Timeout.InfiniteTimeSpan"/>: for ever. Zero, or less: not at all.
    /// </param>
    /// <param name="cancellation">Ends the wait; noticed within 40 ms.</param>
    /// <exception cref="OperationCanceledException">Cancelled; the caller does not have the lock.</exception>
    public LockResult Acquire(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        var word = Word;
        return OwnerWord.TryTake(word, _me) ? LockResult.Acquired : OwnerWord.Take(Arena, word, _me, Deadline.After(timeout), cancellation);
    }

    /// <summary>As <see cref="Acquire"/>, waiting on a thread of the library's own, not one of the thread pool.</summary>
    public ValueTask<LockResult> AcquireAsync(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        if (OwnerWord.TryTake(Word, _me)) return new(LockResult.Acquired);
        var deadline = Deadline.After(timeout);
        return new(WaitApart(() => OwnerWord.Take(Arena, Word, _me, deadline, cancellation)));
    }

    /// <summary>Takes the lock if nobody has it, or who had it ended.</summary>
    public bool TryAcquire() => TryAcquire(out _);

    /// <inheritdoc cref="TryAcquire()"/>
    /// <param name="abandoned">Whether the last holder ended without releasing it.</param>
    public bool TryAcquire(out bool abandoned)
    {
        var result = Acquire(TimeSpan.Zero);
        abandoned = result == LockResult.Abandoned;
        return result != LockResult.TimedOut;
    }

    /// <summary>Gives the lock to the next who waits, whoever took it.</summary>
    /// <exception cref="SynchronizationLockException">Nobody had it.</exception>
    public void Release()
    {
        if (!OwnerWord.Release(Word)) throw new SynchronizationLockException("SharedLock.Release: nobody has the lock.");
    }

    /// <summary>Acquires the lock until the result is disposed of: <c>using (sharedLock.Enter()) { … }</c>.</summary>
    /// <inheritdoc cref="Acquire" path="/param|/exception"/>
    /// <exception cref="TimeoutException">The time was up.</exception>
    public Scope Enter(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        var word = Word;
        return OwnerWord.TryTake(word, _me) ? new(this, false) : new(this, LockScope.Check(Acquire(timeout, cancellation), timeout));
    }

    /// <summary>As <see cref="Enter"/>, waiting on a thread of the library's own.</summary>
    public ValueTask<Scope> EnterAsync(TimeSpan? timeout = null, CancellationToken cancellation = default) =>
        LockScope.EnterAsync(this, timeout, cancellation);

    object? ISharedLock.ReleaseAll()
    {
        Release();
        return null;
    }

    LockResult ISharedLock.AcquireAgain(object? levels) => Acquire();

    internal static void Clear(byte* contents, Owner dead)
    {
        if ((Volatile.Read(ref *(uint*)contents) & ~OwnerWord.Sleepers) == dead.Word) Libc.Wake((uint*)contents, int.MaxValue);
    }

    /// <summary>A lock that is released at the end of a <c>using</c>.</summary>
    public readonly struct Scope : IDisposable
    {
        private readonly SharedLock _taken;

        internal Scope(SharedLock taken, bool abandoned) => (_taken, Abandoned) = (taken, abandoned);

        /// <summary>Whether the last holder ended without releasing the lock, so that what it guards may be half changed.</summary>
        public bool Abandoned { get; }

        /// <summary>Releases the lock.</summary>
        public void Dispose() => _taken.Release();
    }
}
