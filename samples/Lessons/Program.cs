using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>One program for all lessons: README.md says what each shows. Every other file here is one lesson, complete in itself.</summary>
internal static class Program
{
    private static readonly Lesson[] Lessons =
    [
        new("process-life-cycle", ProcessLifeCycle.Run),
        new("process-arguments", ProcessArguments.Run),
        new("process-subclass", ProcessSubclass.Run),
        new("is-alive-and-terminate", IsAliveAndTerminate.Run),
        new("data-isolation", DataIsolation.Run),
        new("daemons", Daemons.Run),
        new("lock-orders-printing", LockOrdersPrinting.Run),
        new("semaphore-ticket-windows", SemaphoreTicketWindows.Run),
        new("event-sale-opens", EventSaleOpens.Run),
        new("pipe-box-office", PipeBoxOffice.Run),
        new("manager-seat-map", ManagerSeatMap.Run),
        new("pool-ticket-codes", PoolTicketCodes.Run),
        new("queue-limits", QueueLimits.Run),
        new("queue-between-processes", QueueBetweenProcesses.Run),
        new("producers-and-consumers", ProducersAndConsumers.Run),
        new("joinable-queue", JoinableQueue.Run),
        new("threads", Threads.Run),
        new("countdown", Countdown.Run),
        new("four-ways-of-waiting", FourWaysOfWaiting.Run),
        new("udp-chat", UdpChat.Run),
        new("non-blocking-sockets", NonBlockingSockets.Run),
        new("socket-as-file", SocketAsFile.Run),
        new("client-authentication", ClientAuthentication.Run),
        new("tcp-process-per-client", TcpProcessPerClient.Run),
        new("tcp-handler-class", TcpHandlerClass.Run),
    ];

    /// <summary>
    /// A child process is this program, started again. This call is where it turns off to its own work, so it comes first and nothing
    /// stands before it: what <c>if __name__ == '__main__'</c> does in Python. The contexts say what can travel to a child, beside numbers
    /// and strings: the compiler writes the code for it, and no type is looked up by its name at run time.
    /// </summary>
    public static Task<int> Main(string[] args) => ProcessEntry.RunAsync(
        () => RunAsync(args),
        ProcessArgumentsJson.Default,
        ProcessSubclassJson.Default,
        DataIsolationJson.Default,
        PipeBoxOfficeJson.Default,
        ManagerSeatMapJson.Default,
        QueueLimitsJson.Default,
        QueueBetweenProcessesJson.Default,
        ProducersAndConsumersJson.Default,
        JoinableQueueJson.Default);

    private static async Task<int> RunAsync(string[] args)
    {
        if (args is ["--list"])
        {
            foreach (var lesson in Lessons) Console.WriteLine(lesson.Name);
            return 0;
        }

        if (args is [var name] && Lessons.FirstOrDefault(lesson => lesson.Name == name) is { } chosen)
        {
            await chosen.RunAsync();
            return 0;
        }

        Console.Error.WriteLine($"Which lesson? One of: {string.Join(", ", Lessons.Select(lesson => lesson.Name))}.");
        return 2;
    }

    private sealed record Lesson(string Name, Func<Task> RunAsync)
    {
        public Lesson(string name, Action run)
            : this(name, () =>
            {
                run();
                return Task.CompletedTask;
            })
        {
        }
    }
}
