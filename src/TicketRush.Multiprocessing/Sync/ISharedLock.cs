namespace TicketRush.Multiprocessing;

/// <summary>What a condition needs of its lock.</summary>
internal interface ISharedLock : IDisposable
{
    BlockKind Kind { get; }

    SharedReference Reference { get; }

    /// <summary>Of a plain lock: whether the caller's process has it. Of a recursive one: whether the caller's thread does.</summary>
    bool IsHeldByCaller { get; }

    void Release();

    /// <returns>What <see cref="AcquireAgain"/> needs to bring back every level of a recursive lock.</returns>
    object? ReleaseAll();

    /// <summary>Waits for as long as it takes.</summary>
    LockResult AcquireAgain(object? levels);

    public static ISharedLock Attach(BlockKind kind, SharedReference reference) =>
        kind == BlockKind.Lock ? new SharedLock(reference) : new SharedRLock(reference);
}

/// <summary>What the scopes of the locks have in common.</summary>
internal static class LockScope
{
    public static bool Check(LockResult result, TimeSpan? timeout) =>
        result == LockResult.TimedOut
            ? throw new TimeoutException($"The lock was not free within {timeout}.")
            : result == LockResult.Abandoned;

    public static async ValueTask<SharedLock.Scope> EnterAsync(SharedLock sharedLock, TimeSpan? timeout, CancellationToken cancellation) =>
        new(sharedLock, Check(await sharedLock.AcquireAsync(timeout, cancellation).ConfigureAwait(false), timeout));
}
