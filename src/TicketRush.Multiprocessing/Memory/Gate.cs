namespace TicketRush.Multiprocessing;

/// <summary>
/// The short lock inside an object that is more than one word. What it guards is changed so that one store takes effect and the rest
/// can be told from it; whoever finds the gate abandoned makes the rest right before going on.
/// </summary>
internal static unsafe class Gate
{
    // Nobody keeps a gate for longer than a few microseconds, unless it is stopped or starved. A call that is not to wait gives it
    // this long all the same, so that it fails for what it asks and not because another was inside.
    private const int GraceMs = 100;

    public static LockResult Enter(Arena arena, uint* gate, uint me, Deadline deadline) =>
        OwnerWord.TryTake(gate, me) ? LockResult.Acquired : OwnerWord.Take(arena, gate, me, deadline.AtLeast(GraceMs));

    /// <summary>Also a full fence: what was changed inside is seen by whoever is seen to sleep afterwards.</summary>
    public static void Leave(uint* gate) => OwnerWord.Release(gate);
}
