using System.Text.Json.Serialization;

namespace TicketRush.Multiprocessing;

/// <summary>An array of fixed length that processes share.</summary>
/// <typeparam name="T">A type without references.</typeparam>
[JsonConverter(typeof(SharedObjectConverter))]
public sealed unsafe class SharedArray<T> : SharedData
    where T : unmanaged
{
    static SharedArray() => SharedObjectConverter.Register(static (reference, _) => new SharedArray<T>(reference));

    /// <summary>Makes an array of zeros.</summary>
    /// <param name="length">How many elements; not negative.</param>
    /// <param name="withLock">Whether it has a lock of its own.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative.</exception>
    /// <exception cref="OutOfMemoryException">There is not that much shared memory.</exception>
    public SharedArray(int length, bool withLock = true)
        : base(Checked(length), sizeof(T), withLock, null)
    {
    }

    /// <summary>Makes an array with these elements.</summary>
    public SharedArray(ReadOnlySpan<T> elements, bool withLock = true)
        : this(elements.Length, withLock) => elements.CopyTo(AsSpan());

    private SharedArray(SharedReference reference)
        : base(reference, sizeof(T))
    {
    }

    /// <summary>How many elements there are.</summary>
    public int Length => (int)ItemCount;

    /// <summary>An element's place.</summary>
    /// <exception cref="IndexOutOfRangeException">There is no such element.</exception>
    public ref T this[int index] => ref AsSpan()[index];

    /// <summary>The elements, also for slices. Not to be used after <see cref="SharedObject.Dispose"/>.</summary>
    public Span<T> AsSpan() => new(Data, Length);

    private static int Checked(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return length;
    }
}
