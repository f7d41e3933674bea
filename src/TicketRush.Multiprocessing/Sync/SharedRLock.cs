using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>
/// A recursive lock between processes and their threads: the thread that has it may acquire it again, and has it until it has released
/// it as often. Only that thread may release it. When its process ends the next to acquire it is told so by
/// <see cref="LockResult.Abandoned"/>. It belongs to a thread, so it must not be kept across an <c>await</c>.
/// </summary>
[JsonConverter(typeof(SharedObjectConverter))]
public sealed unsafe class SharedRLock : SharedObject, ISharedLock
{
    private readonly uint _me;

    static SharedRLock() => SharedObjectConverter.Register(static (reference, _) => new SharedRLock(reference));

    /// <summary>Makes a lock that nobody has.</summary>
    /// <exception cref="PlatformNotSupportedException">Says what this system lacks.</exception>
    /// <exception cref="OutOfMemoryException">There is no shared memory left.</exception>
    public SharedRLock()
        : base(BlockKind.RecursiveLock, 64, 64)
    {
        _me = Me;
        Publish();
    }

    internal SharedRLock(SharedReference reference)
        : base(BlockKind.RecursiveLock, reference) => _me = Me;

    /// <summary>Whether the calling thread has it.</summary>
    public bool IsHeldByCurrentThread
    {
        // Only this thread ever stores its number there while the word is this process's, and it takes it away before it releases.
        get
        {
            var state = State;
            return (Volatile.Read(ref state->Word) & ~OwnerWord.Sleepers) == _me
                && Volatile.Read(ref state->Thread) == Environment.CurrentManagedThreadId;
        }
    }

    BlockKind ISharedLock.Kind => Kind;

    SharedReference ISharedLock.Reference => Reference;

    bool ISharedLock.IsHeldByCaller => IsHeldByCurrentThread;

    private Contained* State => (Contained*)Contents;

    /// <summary>Waits for the lock and takes it, or takes it once more.</summary>
    /// <inheritdoc cref="SharedLock.Acquire" path="/param|/exception"/>
    public LockResult Acquire(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        var state = State;
        if (IsHeldByCurrentThread)
        {
            state->Count = checked(state->Count + 1);
            return LockResult.Acquired;
        }

        var result = OwnerWord.TryTake(&state->Word, _me)
            ? LockResult.Acquired
            : OwnerWord.Take(Arena, &state->Word, _me, Deadline.After(timeout), cancellation);
        if (result == LockResult.TimedOut) return result;

        // The count first: a dead holder's thread number may be ours.
        state->Count = 1;
        Volatile.Write(ref state->Thread, Environment.CurrentManagedThreadId);
        return result;
    }

    /// <summary>Takes the lock if no other thread has it, or the process that had it ended.</summary>
    public bool TryAcquire() => TryAcquire(out _);

    /// <inheritdoc cref="TryAcquire()"/>
    /// <param name="abandoned">Whether the last holder ended without releasing it.</param>
    public bool TryAcquire(out bool abandoned)
    {
        var result = Acquire(TimeSpan.Zero);
        abandoned = result == LockResult.Abandoned;
        return result != LockResult.TimedOut;
    }

    /// <summary>Undoes one acquire; the last gives the lock to the next who waits.</summary>
    /// <exception cref="SynchronizationLockException">The calling thread does not have it.</exception>
    public void Release()
    {
        var state = State;
        if (!IsHeldByCurrentThread)
            throw new SynchronizationLockException("SharedRLock.Release: the calling thread does not have the lock.");
        if (--state->Count > 0) return;
        Volatile.Write(ref state->Thread, 0);
        OwnerWord.Release(&state->Word);
    }

    /// <summary>Acquires the lock until the result is disposed of: <c>using (sharedLock.Enter()) { … }</c>.</summary>
    /// <inheritdoc cref="SharedLock.Acquire" path="/param|/exception"/>
    /// <exception cref="TimeoutException">The time was up.</exception>
    public Scope Enter(TimeSpan? timeout = null, CancellationToken cancellation = default) =>
        new(this, LockScope.Check(Acquire(timeout, cancellation), timeout));

    object? ISharedLock.ReleaseAll()
    {
        var levels = State->Count;
        State->Count = 1;
        Release();
        return levels;
    }

    LockResult ISharedLock.AcquireAgain(object? levels)
    {
        var result = Acquire();
        State->Count = (int)levels!;
        return result;
    }

    internal static void Clear(byte* contents, Owner dead) => SharedLock.Clear(contents, dead);

    [StructLayout(LayoutKind.Sequential)]
    private struct Contained
    {
        public uint Word;
        public int Thread, Count;
    }

    /// <summary>A lock that is released at the end of a <c>using</c>.</summary>
    public readonly struct Scope : IDisposable
    {
        private readonly SharedRLock _taken;

        internal Scope(SharedRLock taken, bool abandoned) => (_taken, Abandoned) = (taken, abandoned);

        /// <summary>Whether the last holder ended without releasing the lock, so that what it guards may be half changed.</summary>
        public bool Abandoned { get; }

        /// <summary>Releases the lock once.</summary>
        public void Dispose() => _taken.Release();
    }
}
