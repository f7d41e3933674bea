namespace TicketRush.Multiprocessing;

/// <summary>
/// A task of a pool ran to its end, and what it returned cannot be written: <see cref="Exception.InnerException"/> says why.
/// </summary>
public sealed class ResultNotSerializedException : Exception
{
    internal ResultNotSerializedException(Exception why)
        : base($"The result of the task cannot be sent to the process that asked for it: {why.Message}", why)
    {
    }
}
