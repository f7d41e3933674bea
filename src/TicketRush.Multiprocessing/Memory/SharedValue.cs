using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;

namespace TicketRush.Multiprocessing;

/// <summary>
/// One value that processes share. Reading and storing are one access each when it has 1, 2, 4 or 8 bytes; <c>value.Value++</c> is two, and
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
        // As a number: a struct of two fields would be read by two accesses.
        get => sizeof(T) switch
        {
            1 => Unsafe.BitCast<byte, T>(Volatile.Read(ref *Data)),
            2 => Unsafe.BitCast<short, T>(Volatile.Read(ref *(short*)Data)),
            4 => Unsafe.BitCast<int, T>(Volatile.Read(ref *(int*)Data)),
            8 => Unsafe.BitCast<long, T>(Load((long*)Data)),
            _ => Ref,
        };
        set
        {
            switch (sizeof(T))
            {
                case 1:
                    Volatile.Write(ref *Data, Unsafe.BitCast<T, byte>(value));
                    break;
                case 2:
                    Volatile.Write(ref *(short*)Data, Unsafe.BitCast<T, short>(value));
                    break;
                case 4:
                    Volatile.Write(ref *(int*)Data, Unsafe.BitCast<T, int>(value));
                    break;
                case 8:
                    Store((long*)Data, Unsafe.BitCast<T, long>(value));
                    break;
                default:
                    Ref = value;
                    break;
            }
        }
    }

    /// <summary>
    /// The value's place, for <see cref="Interlocked"/> and <see cref="Volatile"/>. Not to be used after
    /// <see cref="SharedObject.Dispose"/>.
    /// </summary>
    public ref T Ref => ref *(T*)Data;

    // Not inlined: the compiler would be free to read or write a struct's fields one by one.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long Load(long* place) => Volatile.Read(ref *place);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Store(long* place, long value) => Volatile.Write(ref *place, value);

    private static SharedRLock NotNull(SharedRLock sharedLock)
    {
        ArgumentNullException.ThrowIfNull(sharedLock);
        return sharedLock;
    }
}
