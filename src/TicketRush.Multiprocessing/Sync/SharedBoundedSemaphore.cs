using System.Text.Json.Serialization;

namespace TicketRush.Multiprocessing;

/// <summary>
/// A semaphore that never has more permits than at its start: a release too many is an error, exactly, whoever races with whom. The
/// permits of a process that ends come back, unless it is asked to lose them.
/// </summary>
[JsonConverter(typeof(SharedObjectConverter))]
public sealed class SharedBoundedSemaphore : SharedSemaphore
{
    static SharedBoundedSemaphore() => SharedObjectConverter.Register(static (reference, _) => new SharedBoundedSemaphore(reference));

    /// <summary>Makes a semaphore.</summary>
    /// <param name="value">How many permits there are at first, and at most; not negative.</param>
    /// <param name="recoverPermits">Whether the permits of a process that ends come back.</param>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public SharedBoundedSemaphore(int value, bool recoverPermits = true)
        : base(value, value, recoverPermits)
    {
    }

    internal SharedBoundedSemaphore(SharedReference reference)
        : base(reference)
    {
    }
}
