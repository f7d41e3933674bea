namespace TicketRush.Multiprocessing;

/// <summary>There was no room in the queue within the time given.</summary>
public sealed class QueueFullException : Exception
{
    /// <summary>Says that a queue is full.</summary>
    public QueueFullException()
        : this("The queue is full.")
    {
    }

    /// <summary>Says why a queue is full.</summary>
    public QueueFullException(string message)
        : base(message)
    {
    }

    /// <summary>Says why a queue is full, and what caused it.</summary>
    public QueueFullException(string message, Exception? inner)
        : base(message, inner)
    {
    }
}

/// <summary>There was no item in the queue within the time given.</summary>
public sealed class QueueEmptyException : Exception
{
    /// <summary>Says that a queue is empty.</summary>
    public QueueEmptyException()
        : this("The queue is empty.")
    {
    }

    /// <summary>Says why a queue is empty.</summary>
    public QueueEmptyException(string message)
        : base(message)
    {
    }

    /// <summary>Says why a queue is empty, and what caused it.</summary>
    public QueueEmptyException(string message, Exception? inner)
        : base(message, inner)
    {
    }
}

/// <summary>This process has closed its handle on the queue.</summary>
public sealed class QueueClosedException : InvalidOperationException
{
    /// <summary>Says that a queue is closed.</summary>
    public QueueClosedException()
        : this("The queue is closed.")
    {
    }

    /// <summary>Says which queue is closed.</summary>
    public QueueClosedException(string message)
        : base(message)
    {
    }

    /// <summary>Says which queue is closed, and what caused it.</summary>
    public QueueClosedException(string message, Exception? inner)
        : base(message, inner)
    {
    }
}
