namespace TicketRush.Multiprocessing;

/// <summary>An item that was taken from a joinable queue, and what becomes of it.</summary>
/// <typeparam name="T">The items.</typeparam>
public readonly struct QueueLease<T>
{
    private readonly SharedJoinableQueue<T> _queue;
    private readonly LeaseId _lease;

    internal QueueLease(SharedJoinableQueue<T> queue, LeaseId lease, T item) => (_queue, _lease, Item) = (queue, lease, item);

    /// <summary>The item.</summary>
    public T Item { get; }

    /// <summary>Says that just this item is done.</summary>
    /// <exception cref="InvalidOperationException">That was said before, or the item was given back.</exception>
    public void Done() => _queue.End(_lease, done: true, nameof(Done));

    /// <summary>Gives the item back, in front of all others.</summary>
    /// <exception cref="InvalidOperationException">The item is done, or was given back before.</exception>
    public void Return() => _queue.End(_lease, done: false, nameof(Return));
}
