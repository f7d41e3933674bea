namespace TicketRush.Multiprocessing;

/// <summary>What is to be done to a shared object for a process that ended, and when nobody holds the object any more.</summary>
internal static unsafe class Clearing
{
    /// <summary>
    /// Wakes whoever waits for what the dead process held, and takes back what it had. May run again from the start.
    /// </summary>
    /// <returns>False when a stopped process was in the way; the next attempt may do it.</returns>
    public static bool Clear(Arena arena, BlockKind kind, byte* contents, Owner dead)
    {
        switch (kind)
        {
            case BlockKind.Lock:
            case BlockKind.RecursiveLock:
                SharedLock.Clear(contents, dead);
                return true;
            case BlockKind.Semaphore:
                return SharedSemaphore.Clear(arena, contents, dead);
            case BlockKind.Event:
                SharedEvent.Awaken(contents);
                return true;
            case BlockKind.Condition:
                return SharedCondition.Clear(arena, contents);
            case BlockKind.Barrier:
                return SharedBarrier.Clear(arena, contents);
            case BlockKind.JoinableQueue:
                return Leases.Clear(arena, contents, dead) && Ring.Clear(arena, (QueueState*)contents);
            case BlockKind.Queue:
                return Ring.Clear(arena, (QueueState*)contents);
            default:
                return true;
        }
    }

    /// <summary>In the heap's lock, for the last time.</summary>
    public static void Free(BlockKind kind, byte* contents)
    {
        if (kind == BlockKind.NamedMemory) SharedMemory.Remove(contents);
    }
}
