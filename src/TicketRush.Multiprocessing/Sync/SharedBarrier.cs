using System.Runtime.InteropServices;
using System.Text.Json.Serialization;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing;

/// <summary>
/// Makes a fixed number of parties, in whatever processes and threads, wait for each other, again and again. When one gives up, or ends
/// while it waits, the barrier breaks for all of them.
/// </summary>
[JsonConverter(typeof(SharedObjectConverter))]
public sealed unsafe class SharedBarrier : SharedObject
{
    private const uint BrokenBit = 1;
    private const int EntriesAt = 64;

    static SharedBarrier() => SharedObjectConverter.Register(static (reference, _) => new SharedBarrier(reference));

    /// <summary>Makes a barrier.</summary>
    /// <param name="parties">How many wait for each other; from 1 to 1,000,000.</param>
    /// <param name="action">See <see cref="Action"/>; it is this handle's.</param>
    /// <param name="timeout">How long a wait lasts that does not say so itself, in every process. None: for ever.</param>
    /// <exception cref="ArgumentOutOfRangeException">There cannot be that many parties.</exception>
    public SharedBarrier(int parties, Action? action = null, TimeSpan? timeout = null)
        : base(BlockKind.Barrier, Bytes(parties), Bytes(parties))
    {
        var state = State;
        (state->Parties, state->Phase, state->TimeoutTicks) = (parties, 1 << 1, (timeout ?? Timeout.InfiniteTimeSpan).Ticks);
        Action = action;
        Publish();
    }

    internal SharedBarrier(SharedReference reference)
        : base(BlockKind.Barrier, reference)
    {
    }

    /// <summary>
    /// Run once per pass, by the party that comes last, while the others still wait. A delegate does not travel, so every process that
    /// may come last sets it. When it throws the barrier breaks.
    /// </summary>
    public Action? Action { get; set; }

    /// <summary>How many wait for each other.</summary>
    public int Parties => State->Parties;

    /// <summary>How many wait at this moment.</summary>
    public int Waiting => IsBroken ? 0 : Volatile.Read(ref State->Count);

    /// <summary>Whether every wait fails until <see cref="Reset"/>.</summary>
    public bool IsBroken => (Volatile.Read(ref State->Phase) & BrokenBit) != 0;

    private Contained* State => (Contained*)Contents;

    /// <summary>Waits until all parties do.</summary>
    /// <param name="timeout">
    /// At most how long, on the monotonic clock; then the barrier breaks for all. None: what the barrier was made with.
    /// </param>
    /// <param name="cancellation">Ends the wait, within 40 ms, and breaks the barrier for all.</param>
    /// <returns>As the how-manieth the caller came in this pass, from 0: exactly one party gets 0.</returns>
    /// <exception cref="BrokenBarrierException">The barrier is broken, or was broken or reset during the wait.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public int Wait(TimeSpan? timeout = null, CancellationToken cancellation = default)
    {
        var state = State;
        cancellation.ThrowIfCancellationRequested();
        var deadline = Deadline.After(timeout ?? new TimeSpan(state->TimeoutTicks));

        uint phase;
        while (true)
        {
            EnterGate(state);
            phase = state->Phase;
            if ((phase & BrokenBit) != 0)
            {
                Gate.Leave(&state->Gate);
                throw new BrokenBarrierException("SharedBarrier.Wait: the barrier is broken; Reset makes it usable again.");
            }

            if (state->Count < state->Parties) break;

            // All parties are there and the action runs: this one is of the next pass, if there is one.
            Gate.Leave(&state->Gate);
            WaitForOthers(state, phase, deadline, cancellation, place: 0);
        }

        // The entry is what makes the caller an arrived party; the count follows from the entries.
        var place = state->Count;
        var entry = Entries(state) + place;
        entry->Phase = 0;
        entry->Owner = Me;
        Volatile.Write(ref entry->Phase, phase);
        state->Count = place + 1;
        var last = place + 1 == state->Parties;
        if (last && Action == null) Pass(state);
        Gate.Leave(&state->Gate);

        if (!last) return WaitForOthers(state, phase, deadline, cancellation, place);
        if (Action != null) RunAction(state, phase);
        Libc.Wake(&state->Phase, int.MaxValue);
        return place;
    }

    /// <summary>
    /// Breaks the barrier: whoever waits, and whoever comes until <see cref="Reset"/>, gets a <see cref="BrokenBarrierException"/>.
    /// </summary>
    public void Abort()
    {
        var state = State;
        EnterGate(state);
        var phase = state->Phase;
        Gate.Leave(&state->Gate);
        Break(state, phase);
    }

    /// <summary>Makes the barrier empty and whole. Whoever waits gets a <see cref="BrokenBarrierException"/>.</summary>
    public void Reset()
    {
        var state = State;
        EnterGate(state);
        if (state->Count > 0 || (state->Phase & BrokenBit) != 0)
        {
            // In this order: whoever dies between the two leaves a reset that the next to enter completes.
            Volatile.Write(ref state->LastReset, state->Phase | BrokenBit);
            Pass(state);
        }

        Gate.Leave(&state->Gate);
        Libc.Wake(&state->Phase, int.MaxValue);
    }

    internal static bool Clear(Arena arena, byte* contents)
    {
        var state = (Contained*)contents;
        var result = Gate.Enter(arena, &state->Gate, arena.Self.Word, Deadline.Now);
        if (result == LockResult.TimedOut) return false;
        if (result == LockResult.Abandoned) Repair(state);
        Gate.Leave(&state->Gate);

        // Whoever waits looks who of the arrived is alive before it sleeps again.
        Libc.Wake(&state->Phase, int.MaxValue);
        return true;
    }

    private int WaitForOthers(Contained* state, uint phase, Deadline deadline, CancellationToken cancellation, int place)
    {
        while (true)
        {
            var seen = Volatile.Read(ref state->Phase);
            if (seen != phase)
            {
                // The pass ended: by everybody's arrival, or by a reset of it or of a later one before this party looked.
                var reset = Volatile.Read(ref state->LastReset);
                if (seen == (phase | BrokenBit) || (reset != 0 && (int)((reset | BrokenBit) - (phase | BrokenBit)) >= 0)) throw Broken();
                return place;
            }

            if (cancellation.IsCancellationRequested)
            {
                if (Break(state, phase)) cancellation.ThrowIfCancellationRequested();
                continue;
            }

            var time = deadline.NextSleep();
            if (time <= 0 || DeadArrived(state, phase))
            {
                Break(state, phase);
                continue;
            }

            Libc.Sleep(&state->Phase, phase, time);
        }
    }

    private void RunAction(Contained* state, uint phase)
    {
        try
        {
            Action!();
        }
        catch
        {
            Break(state, phase);
            throw;
        }

        EnterGate(state);
        var passed = state->Phase == phase;
        if (passed) Pass(state);
        Gate.Leave(&state->Gate);
        if (!passed) throw Broken();
    }

    /// <returns>False when the phase had ended before.</returns>
    private bool Break(Contained* state, uint phase)
    {
        EnterGate(state);
        var same = state->Phase == phase;
        if (same) Volatile.Write(ref state->Phase, phase | BrokenBit);
        Gate.Leave(&state->Gate);
        if (same) Libc.Wake(&state->Phase, int.MaxValue);
        return same;
    }

    private bool DeadArrived(Contained* state, uint phase)
    {
        for (var i = 0; i < state->Parties; i++)
        {
            var entry = Entries(state) + i;
            if (Volatile.Read(ref entry->Phase) != phase) return false;
            if (!Arena.IsAlive(new(entry->Owner))) return true;
        }

        return false;
    }

    // In the gate. The store of the phase ends the pass; entries of an earlier phase mean nothing.
    private static void Pass(Contained* state)
    {
        state->Count = 0;
        var next = (state->Phase | BrokenBit) + 1;
        Volatile.Write(ref state->Phase, next == 0 ? 1 << 1 : next);
    }

    private void EnterGate(Contained* state)
    {
        if (Gate.Enter(Arena, &state->Gate, Me, Deadline.Never) == LockResult.Abandoned) Repair(state);
    }

    private static void Repair(Contained* state)
    {
        if (state->LastReset == (state->Phase | BrokenBit)) Pass(state);
        state->Count = 0;
        while (state->Count < state->Parties && Entries(state)[state->Count].Phase == state->Phase) state->Count++;
    }

    private static BrokenBarrierException Broken() =>
        new("SharedBarrier.Wait: the barrier broke during the wait: a party's time was up, or it ended, or it was aborted or reset.");

    private static Entry* Entries(Contained* state) => (Entry*)((byte*)state + EntriesAt);

    private static long Bytes(int parties)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(parties, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(parties, 1_000_000);
        return EntriesAt + ((long)parties * sizeof(Entry));
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Contained
    {
        public uint Gate;

        /// <summary>The number of the pass, from 1, times 2; and whether it is broken.</summary>
        public uint Phase;

        /// <summary>The last phase that a reset ended, with the broken bit; 0 when there was none.</summary>
        public uint LastReset;

        public int Parties, Count;
        public long TimeoutTicks;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public uint Owner, Phase;
    }
}
