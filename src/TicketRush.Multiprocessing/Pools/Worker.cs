using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>
/// A pool's worker, in its own process: chunks of tasks come in, one reply goes out for each.
/// <code>
/// pool → worker:  nothing, to begin; from then on chunks:  number of tasks | length of target | target | arguments of each
/// worker → pool:  nothing, when it is ready, or a failure;  for each chunk:  results | failure, if one is missing | number of results
/// </code>
/// The end of the connection is the end of the work.
/// </summary>
internal static class Worker
{
    public static void Work(SafeFileHandle socket) => Run(socket, null);

    // Apart, for the start is JSON, whose first use takes a process longer than anything else that it does here.
    public static void InitializeAndWork(SafeFileHandle socket, WorkerStart start) => Run(socket, start);

    private static void Run(SafeFileHandle socket, WorkerStart? start)
    {
        // Ctrl-C on a terminal goes to everybody on it. What becomes of the workers is the pool's to say; they do not outlive it.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => context.Cancel = true);
        using var connection = new Connection(socket) { MaxMessageSize = Array.MaxLength };
        try
        {
            connection.Receive();
            if (!TryInitialize(start, connection)) return;
            Serve(connection);
        }
        catch (IOException)
        {
            // Closed by the pool, which has no more to do for this worker, or gone with it.
        }
    }

    private static bool TryInitialize(WorkerStart? start, Connection connection)
    {
        var reply = new ArrayBufferWriter<byte>();
        var failed = false;
        try
        {
            start?.Initialize();
        }
        catch (Exception failure)
        {
            failed = true;
            Failure.Write(reply, failure);
        }

        connection.Send(reply.WrittenSpan);
        return !failed;
    }

    private static void Serve(Connection connection)
    {
        const int keptMost = 1 << 20;
        var runners = new Dictionary<(Guid, int), Runner>();
        var reply = new ArrayBufferWriter<byte>();
        while (true)
        {
            Run(connection.Receive(), runners, reply);
            connection.Send(reply.WrittenSpan);
            if (reply.Capacity > keptMost) reply = new();
            else reply.ResetWrittenCount();
        }
    }

    private static void Run(ReadOnlySpan<byte> chunk, Dictionary<(Guid, int), Runner> runners, ArrayBufferWriter<byte> reply)
    {
        try
        {
            var count = Framed.Read(ref chunk);
            Framed.TryReadBytes(ref chunk, out var target);
            var identity = CallTargets.Identity(target);
            if (!runners.TryGetValue(identity, out var runner)) runners.Add(identity, runner = Runner.For(CallTargets.Find(target)));
            runner.Run(count, chunk, reply);
        }
        catch (Exception failure)
        {
            // The reply has no room for the results, or there is no such target any more.
            reply.ResetWrittenCount();
            Failure.Write(reply, failure);
            Framed.Write(reply, 0);
        }
    }
}
