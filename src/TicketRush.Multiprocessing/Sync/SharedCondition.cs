using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>
/// Lets processes and their threads wait, with a lock released meanwhile, until another notifies them. A notification is for those who
/// wait at that moment and goes to whoever has waited longest; given to one that died before it went on, it passes to the next.
/// </summary>
[JsonConverter(typeof(SharedObjectConverter))]
public sealed unsafe class SharedCondition : SharedObject
{
    /// <summary>How many may wait for one condition at once.</summary>
    public const int WaitersMax = 1000;

    private const uint Waiting = 0, Notified = 1;
    private const int EntriesAt = 64;
    private const long Bytes = EntriesAt + (WaitersMax * 16);

    private readonly ISharedLock _lock;
    private readonly bool _ownsLock;

    static SharedCondition() => SharedObjectConverter.Register(static (reference, _) => new SharedCondition(reference));

    /// <summary>Makes a condition with a recursive lock of its own.</summary>
    public SharedCondition()
        : this(new SharedRLock(), ownsLock: true)
    {
    }

    /// <summary>Makes a condition with that lock, which the caller disposes of.</summary>
    public SharedCondition(SharedRLock sharedLock)
        : this(sharedLock, ownsLock: false)
    {
    }

    /// <inheritdoc cref="SharedCondition(SharedRLock)"/>
    public SharedCondition(SharedLock sharedLock)
        : this(sharedLock, ownsLock: false)
    {
    }

    internal SharedCondition(SharedReference reference)
        : base(BlockKind.Condition, reference)
    {
        var state = State;
        try
        {
            _lock = ISharedLock.Attach((BlockKind)state->LockKind, new(state->LockAt, state->LockGeneration));
        }
        catch
        {
            Dispose();
            throw;
        }

        _ownsLock = true;
    }

    private SharedCondition(ISharedLock sharedLock, bool ownsLock)
        : base(BlockKind.Condition, Bytes, Bytes)
    {
        ArgumentNullException.ThrowIfNull(sharedLock);
        (_lock, _ownsLock) = (sharedLock, ownsLock);
        var state = State;
        var reference = sharedLock.Reference;
        (state->LockKind, state->LockAt, state->LockGeneration) = ((int)sharedLock.Kind, reference.At, reference.Generation);
        Publish();
    }

    private Contained* State => (Contained*)Contents;

    /// <summary>Acquires the condition's lock until the result is disposed of.</summary>
    /// <exception cref="TimeoutException">The time was up.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Scope Enter(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        var result = _lock switch
        {
            SharedRLock recursive => recursive.Acquire(timeout, cancellation),
            var plain => ((SharedLock)plain).Acquire(timeout, cancellation),
        };
        return new(_lock, LockScope.Check(result, timeout));
    }

    /// <summary>
    /// Releases the lock, every level of it, waits to be notified, and has the lock again when it returns or throws: for that it waits
    /// for as long as it takes.
    /// </summary>
    /// <param name="timeout">
    /// At most how long to wait to be notified, on the monotonic clock. None, or <see cref="Timeout.InfiniteTimeSpan"/>: for ever.
    /// </param>
    /// <param name="cancellation">Ends the wait; noticed within 40 ms.</param>
    /// <returns>False when the time was up.</returns>
    /// <exception cref="SynchronizationLockException">The caller does not have the lock.</exception>
    /// <exception cref="InvalidOperationException">As many as <see cref="WaitersMax"/> wait already.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public bool Wait(TimeSpan? timeout = null, CancellationToken cancellation = default) => Wait(out _, timeout, cancellation);

    /// <inheritdoc cref="Wait(TimeSpan?, CancellationToken)"/>
    /// <param name="abandoned">Whether a process ended with the lock, so that what it guards may be half changed.</param>
    /// <param name="timeout">As above.</param>
    /// <param name="cancellation">As above.</param>
    public bool Wait(out bool abandoned, TimeSpan? timeout = null, CancellationToken cancellation = default) =>
        Wait(out abandoned, Deadline.After(timeout), cancellation);

    /// <summary>Waits, as often as needed, until the predicate holds. It is asked with the lock.</summary>
    /// <returns>What the predicate said last: false when the time was up.</returns>
    /// <inheritdoc cref="Wait(TimeSpan?, CancellationToken)" path="/param|/exception"/>
    public bool WaitFor(Func<bool> predicate, TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(predicate);
        var deadline = Deadline.After(timeout);
        while (true)
        {
            if (predicate()) return true;
            if (!Wait(out _, deadline, cancellation) && deadline.HasPassed) return predicate();
        }
    }

    /// <summary>Wakes those who have waited longest; they go on when they get the lock. Nobody's answer is waited for.</summary>
    /// <param name="count">How many, at most.</param>
    /// <returns>How many there were.</returns>
    /// <exception cref="SynchronizationLockException">The caller does not have the lock.</exception>
    public int Notify(int count = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        RequireLock(nameof(Notify));
        var state = State;
        EnterGate(state);
        var notified = 0;
        while (notified < count && NotifyNext(Arena, state)) notified++;
        Gate.Leave(&state->Gate);
        return notified;
    }

    /// <summary>Wakes everyone who waits.</summary>
    /// <returns>How many there were.</returns>
    /// <exception cref="SynchronizationLockException">The caller does not have the lock.</exception>
    public int NotifyAll() => Notify(int.MaxValue);

    internal static bool Clear(Arena arena, byte* contents)
    {
        var state = (Contained*)contents;
        if (Gate.Enter(arena, &state->Gate, arena.Self.Word, Deadline.Now) == LockResult.TimedOut) return false;
        PassOn(arena, state);
        Gate.Leave(&state->Gate);
        return true;
    }

    private protected override void Disposing()
    {
        if (_ownsLock) _lock.Dispose();
    }

    private bool Wait(out bool abandoned, Deadline deadline, CancellationToken cancellation)
    {
        RequireLock(nameof(Wait));
        cancellation.ThrowIfCancellationRequested();
        var state = State;
        EnterGate(state);
        var entry = TakeEntry(state);
        Gate.Leave(&state->Gate);
        if (entry == null) throw new InvalidOperationException($"SharedCondition.Wait: {WaitersMax} wait already, and no more can.");

        var levels = _lock.ReleaseAll();
        while (Volatile.Read(ref entry->Word) == Waiting && !cancellation.IsCancellationRequested)
        {
            var time = deadline.NextSleep();
            if (time <= 0) break;
            Libc.Sleep(&entry->Word, Waiting, time);
            if (Volatile.Read(ref entry->Word) == Notified) break;
            if (Gate.Enter(Arena, &state->Gate, Me, Deadline.Now) == LockResult.TimedOut) continue;
            PassOn(Arena, state);
            Gate.Leave(&state->Gate);
        }

        abandoned = _lock.AcquireAgain(levels) == LockResult.Abandoned;

        // Whether it was notified is read where nobody can notify it any more: a notification is either counted or goes to another.
        EnterGate(state);
        var notified = entry->Word == Notified;
        Volatile.Write(ref entry->Owner, 0);
        Gate.Leave(&state->Gate);
        if (!notified) cancellation.ThrowIfCancellationRequested();
        return notified;
    }

    private void RequireLock(string call)
    {
        _ = Contents;
        if (!_lock.IsHeldByCaller)
            throw new SynchronizationLockException($"SharedCondition.{call}: the caller does not have the condition's lock.");
    }

    // An entry is changed by one store at a time, each of which leaves the table whole: there is nothing to repair in an abandoned gate.
    private void EnterGate(Contained* state) => Gate.Enter(Arena, &state->Gate, Me, Deadline.Never);

    private Entry* TakeEntry(Contained* state)
    {
        for (var i = 0; i < WaitersMax; i++)
        {
            var entry = Entries(state) + i;
            if (entry->Owner != 0) continue;
            if (i >= state->Used) state->Used = i + 1;
            entry->Ticket = ++state->Ticket;
            entry->Word = Waiting;
            Volatile.Write(ref entry->Owner, Me);
            return entry;
        }

        return null;
    }

    private static bool NotifyNext(Arena arena, Contained* state)
    {
        while (true)
        {
            Entry* next = null;
            for (var i = 0; i < state->Used; i++)
            {
                var entry = Entries(state) + i;
                if (entry->Owner != 0 && entry->Word == Waiting && (next == null || entry->Ticket < next->Ticket)) next = entry;
            }

            if (next == null) return false;
            if (!arena.IsAlive(new(next->Owner)))
            {
                next->Owner = 0;
                continue;
            }

            Volatile.Write(ref next->Word, Notified);
            Libc.Wake(&next->Word, 1);
            return true;
        }
    }

    // What was given to one that died before it went on goes to the next. Given first and taken afterwards: who dies in between has
    // woken one too many, which a waiter must expect, and not one too few.
    private static void PassOn(Arena arena, Contained* state)
    {
        for (var i = 0; i < state->Used; i++)
        {
            var entry = Entries(state) + i;
            if (entry->Owner == 0 || arena.IsAlive(new(entry->Owner))) continue;
            if (entry->Word == Notified) NotifyNext(arena, state);
            entry->Owner = 0;
        }
    }

    private static Entry* Entries(Contained* state) => (Entry*)((byte*)state + EntriesAt);

    [StructLayout(LayoutKind.Sequential)]
    private struct Contained
    {
        public uint Gate, LockGeneration;
        public int LockKind, Used;
        public long LockAt, Ticket;
    }

    /// <summary>One who waits; free while it has no owner, which is stored last.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public uint Owner, Word;
        public long Ticket;
    }

    /// <summary>The condition's lock, released at the end of a <c>using</c>.</summary>
    public readonly struct Scope : IDisposable
    {
        private readonly ISharedLock _taken;

        internal Scope(ISharedLock taken, bool abandoned) => (_taken, Abandoned) = (taken, abandoned);

        /// <summary>Whether the last holder ended without releasing the lock, so that what it guards may be half changed.</summary>
        public bool Abandoned { get; }

        /// <summary>Releases the lock once.</summary>
        public void Dispose() => _taken.Release();
    }
}
