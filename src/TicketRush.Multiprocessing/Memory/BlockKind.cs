namespace TicketRush.Multiprocessing;

/// <summary>What a block of an arena is used as.</summary>
internal enum BlockKind
{
    Free = 0,
    Lock = 1,
    RecursiveLock = 2,
    Semaphore = 3,
    Event = 4,
    Condition = 5,
    Barrier = 6,
    Queue = 7,
    JoinableQueue = 8,
    Value = 9,
    NamedMemory = 10,

    /// <summary>Memory of another block, with which it is freed.</summary>
    Part = 11,
}
