using System.Text.Json.Serialization;

namespace TicketRush.Multiprocessing;

/// <summary>
/// One value that processes share. Reading and storing are one access each when it has at most 8 bytes; <c>value.Value++</c> is two, and
/// loses updates unless it is done with the lock.
/// </summary>
/// <typeparam name="T">A type without references.</typeparam>
[JsonConverter(typeof(SharedObjectConverter))]
public sealed unsafe class SharedValue<T> : SharedData
    where T : unmanaged
{
    static SharedValue() => SharedObjectConverter.Register(static (reference, _) => new SharedValue<T>(reference));

    /// <summary>Makes a value.</summary>
    /// <param name="value">What it is at first.</param>
    /// <param name="withLock">Whether it has a lock of its own.</param>
    public SharedValue(T value = default, bool withLock = true)
        : base(1, sizeof(T), withLock, null) => Value = value;

    /// <summary>Makes a value that goes with a lock of the caller's.</summary>
    /// <param name="value">What it is at first.</param>
    /// <param name="sharedLock">Its lock, which the caller disposes of.</param>
    public SharedValue(T value, SharedRLock sharedLock)
        : base(1, sizeof(T), true, NotNull(sharedLock)) => Value = value;

    private SharedValue(SharedReference reference)
        : base(reference, sizeof(T))
    {
    }

    /// <summary>The value.</summary>
    public T Value
    {
        get => Ref;
        set => Ref = value;
    }

    /// <summary>
    /// The value's place, for <see cref="Interlocked"/> and <see cref="Volatile"/>. Not to be used after
    /// <see cref="SharedObject.Dispose"/>.
    /// </summary>
    public ref T Ref => ref *(T*)Data;

    private static SharedRLock NotNull(SharedRLock sharedLock)
    {
        ArgumentNullException.ThrowIfNull(sharedLock);
        return sharedLock;
    }
}
