using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Pools;

internal static class Patient
{
    /// <summary>Waits for a result, but not for ever.</summary>
    public static T Get<T>(this Task<T> task) => task.WaitAsync(Kids.Patience).GetAwaiter().GetResult();
}
