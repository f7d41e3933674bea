namespace TicketRush.Multiprocessing;

/// <summary>
/// The barrier was broken or reset while the caller waited, or had been broken before: some party gave up, aborted it, or ended.
/// </summary>
public sealed class BrokenBarrierException : Exception
{
    /// <summary>Says that a barrier is broken.</summary>
    public BrokenBarrierException()
        : this("The barrier is broken.")
    {
    }

    /// <summary>Says why a barrier is broken.</summary>
    public BrokenBarrierException(string message)
        : base(message)
    {
    }

    /// <summary>Says why a barrier is broken, and what caused it.</summary>
    public BrokenBarrierException(string message, Exception? inner)
        : base(message, inner)
    {
    }
}
