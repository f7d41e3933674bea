using System.Runtime.InteropServices;
using System.Text.Json.Serialization;

namespace TicketRush.Multiprocessing;

/// <summary>
/// A count of permits that processes and their threads take and give back. Any of them may release, also what it never acquired, so
/// that the count may rise above its start.
/// </summary>
[JsonConverter(typeof(SharedObjectConverter))]
public unsafe class SharedSemaphore : SharedObject
{
    private const int LedgerAt = 64;
    private static readonly int Spins = Environment.ProcessorCount > 1 ? 200 : 0;

    static SharedSemaphore() => SharedObjectConverter.Register(static (reference, _) => new SharedSemaphore(reference));

    /// <summary>Makes a semaphore.</summary>
    /// <param name="value">How many permits there are at first; not negative.</param>
    /// <param name="recoverPermits">
    /// Whether the permits of a process that ends come back. Right where a permit stands for a resource that ends with its user; wrong
    /// where one process acquires what others release, as a signal.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public SharedSemaphore(int value, bool recoverPermits = false)
        : this(value, int.MaxValue, recoverPermits)
    {
    }

    private protected SharedSemaphore(int value, int most, bool recoverPermits)
        : base(BlockKind.Semaphore, Bytes(value, recoverPermits), Bytes(value, recoverPermits))
    {
        var state = State;
        (state->Value, state->Total, state->Most, state->Recovers) = (value, value, most, recoverPermits ? 1 : 0);
        Publish();
    }

    internal SharedSemaphore(SharedReference reference)
        : base(BlockKind.Semaphore, reference)
    {
    }

    /// <summary>How many permits are free at this moment.</summary>
    public int Value => Volatile.Read(ref State->Value);

    private Contained* State => (Contained*)Contents;

    /// <summary>Waits for a permit and takes it.</summary>
    /// <param name="timeout">
    /// At most how long, on the monotonic clock. None, or <see cref="Timeout.InfiniteTimeSpan"/>: for ever. Zero, or less: not at all.
    /// </param>
    /// <param name="cancellation">Ends the wait; noticed within 40 ms.</param>
    /// <returns>False when the time was up.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; no permit was taken.</exception>
    public bool Acquire(TimeSpan? timeout = null, CancellationToken cancellation = default) => Take(Deadline.After(timeout), cancellation);

    /// <summary>As <see cref="Acquire"/>, waiting on a thread of the library's own, not one of the thread pool.</summary>
    public ValueTask<bool> AcquireAsync(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        var deadline = Deadline.After(timeout);
        return State->Value > 0 && TryAcquire() ? new(true) : new(WaiterThreads.Run(() => Take(deadline, cancellation)));
    }

    /// <summary>Takes a permit if there is one.</summary>
    public bool TryAcquire() => Take(Deadline.Now, default);

    /// <summary>Gives permits back and wakes as many who wait.</summary>
    /// <param name="count">How many; at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The count is less than 1.</exception>
    /// <exception cref="SemaphoreFullException">There would be more permits than there may be; the count is what it was.</exception>
    public void Release(int count = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var state = State;
        Enter(state, Deadline.Never);
        var fits = state->Value <= state->Most - count;
        if (fits)
        {
            if (state->Recovers != 0) Return(state, count);
            state->Value += count;
        }

        Gate.Leave(&state->Gate);
        if (!fits)
        {
            throw new SemaphoreFullException(
                $"{GetType().Name}.Release: {count} more would be more permits than {state->Most}, which is as many as there may be.");
        }

        WaitWord.Signal(&state->Sleepers, count);
    }

    /// <summary>Takes a permit until the result is disposed of: <c>using (semaphore.Enter()) { … }</c>.</summary>
    /// <inheritdoc cref="Acquire" path="/param|/exception"/>
    /// <exception cref="TimeoutException">The time was up.</exception>
    public Scope Enter(TimeSpan? timeout = null, CancellationToken cancellation = default) =>
        Acquire(timeout, cancellation) ? new(this) : throw new TimeoutException($"There was no permit within {timeout}.");

    internal static bool Clear(Arena arena, byte* contents, Owner dead)
    {
        var state = (Contained*)contents;
        var result = Gate.Enter(arena, &state->Gate, arena.Self.Word, Deadline.Now);
        if (result == LockResult.TimedOut) return false;
        if (result == LockResult.Abandoned) Repair(arena, state);
        var back = state->Recovers != 0 ? Reclaim(arena, state, dead.Slot) : 0;
        Gate.Leave(&state->Gate);

        // One more, in case the dead one had been woken and died before it took what it was woken for.
        WaitWord.Signal(&state->Sleepers, back + 1);
        return true;
    }

    private bool Take(Deadline deadline, CancellationToken cancellation)
    {
        var state = State;
        for (var round = 0; ; round++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (Volatile.Read(ref state->Value) > 0 || round == 0)
            {
                if (!Enter(state, deadline)) return false;
                var took = state->Value > 0;
                if (took)
                {
                    // With a ledger this first store is what takes the permit, and the value follows from it.
                    if (state->Recovers != 0) Ledger(state)[Arena.Self.Slot]++;
                    state->Value--;
                }

                Gate.Leave(&state->Gate);
                if (took) return true;
            }

            if (round == 0 && deadline.NextSleep() > 0)
                for (var spin = 0; spin < Spins && Volatile.Read(ref state->Value) <= 0; spin++) Thread.SpinWait(8);
            else if (state->Recovers != 0 && ReclaimFromDead(state)) continue;

            WaitWord.Announce(&state->Sleepers);
            if (Volatile.Read(ref state->Value) > 0) continue;
            var time = deadline.NextSleep();
            if (time <= 0) return false;
            WaitWord.Sleep(&state->Sleepers, time);
        }
    }

    private bool Enter(Contained* state, Deadline deadline)
    {
        var result = Gate.Enter(Arena, &state->Gate, Me, deadline);
        if (result == LockResult.Abandoned) Repair(Arena, state);
        return result != LockResult.TimedOut;
    }

    // Without a ledger the value is the only thing that changes, by one store.
    private static void Repair(Arena arena, Contained* state)
    {
        if (state->Recovers == 0) return;
        var taken = 0;
        for (var i = 0; i < arena.Slots.Used; i++) taken += Ledger(state)[i];
        state->Value = state->Total - taken;
    }

    // Before the value rises: first from what the caller took, then from what others did, and what nobody took is new.
    private void Return(Contained* state, int count)
    {
        var ledger = Ledger(state);
        var own = Math.Min(count, ledger[Arena.Self.Slot]);
        ledger[Arena.Self.Slot] -= own;
        count -= own;
        for (var i = 0; count > 0 && i < Arena.Slots.Used; i++)
        {
            var others = Math.Min(count, ledger[i]);
            ledger[i] -= others;
            count -= others;
        }

        state->Total += count;
    }

    private bool ReclaimFromDead(Contained* state)
    {
        var back = 0;
        foreach (var owner in Arena.Slots.All())
        {
            if (Volatile.Read(ref Ledger(state)[owner.Slot]) == 0 || Arena.IsAlive(owner) || !Enter(state, Deadline.Now)) continue;

            // Asked again inside: meanwhile another may have cleared up after it, and the slot have a new owner with permits.
            if (!Arena.IsAlive(owner) && Arena.Slots.IsOccupiedBy(owner)) back += Reclaim(Arena, state, owner.Slot);
            Gate.Leave(&state->Gate);
        }

        WaitWord.Signal(&state->Sleepers, back);
        return back > 0;
    }

    private static int Reclaim(Arena arena, Contained* state, int slot)
    {
        var back = Ledger(state)[slot];
        Ledger(state)[slot] = 0;
        Repair(arena, state);
        return back;
    }

    private static int* Ledger(Contained* state) => (int*)((byte*)state + LedgerAt);

    private static long Bytes(int value, bool recoverPermits)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        return LedgerAt + (recoverPermits ? Owner.SlotCount * sizeof(int) : 0);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Contained
    {
        public uint Gate, Sleepers;
        public int Value;

        /// <summary>With a ledger: what is free and what is taken, together.</summary>
        public int Total;
        public int Most, Recovers;
    }

    /// <summary>A permit that is given back at the end of a <c>using</c>.</summary>
    public readonly struct Scope : IDisposable
    {
        private readonly SharedSemaphore _taken;

        internal Scope(SharedSemaphore taken) => _taken = taken;

        /// <summary>Gives the permit back.</summary>
        public void Dispose() => _taken.Release();
    }
}
