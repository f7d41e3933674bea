namespace TicketRush.Multiprocessing;

/// <summary>How an attempt to acquire a lock ended.</summary>
public enum LockResult
{
    /// <summary>The time was up, or the lock was taken and the attempt was not to wait: the caller does not have the lock.</summary>
    TimedOut = 0,

    /// <summary>The caller has the lock.</summary>
    Acquired = 1,

    /// <summary>
    /// The caller has the lock, and the process that had it before ended without releasing it: what the lock guards may be half
    /// changed and should be checked.
    /// </summary>
    Abandoned = 2,
}
