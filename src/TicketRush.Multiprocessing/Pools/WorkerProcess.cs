using System.Net.Sockets;
using TicketRush.Multiprocessing.Native;

namespace TicketRush.Multiprocessing.Pools;

/// <summary>What became of a message to a worker.</summary>
internal enum Exchanged
{
    /// <summary>The worker replied.</summary>
    Replied,

    /// <summary>The worker ended, or could not be reached, and had not read it: it has not begun what it was to do.</summary>
    NotTaken,

    /// <summary>The worker ended, or could not be reached, after it had read it.</summary>
    Lost,
}

/// <summary>A pool's worker as the pool sees it.</summary>
internal sealed class WorkerProcess
{
    private static readonly TimeSpan EndMost = TimeSpan.FromSeconds(2);

    private readonly ChildProcess _process;
    private readonly Connection _connection;

    private WorkerProcess(ChildProcess process, Connection connection)
    {
        (_process, _connection, Pid) = (process, connection, process.Pid!.Value);
        Ended = AwaitEndAsync();
    }

    public int Pid { get; }

    /// <summary>Complete with the exit code when the process has ended.</summary>
    public Task<int?> Ended { get; }

    /// <summary>Why it never came to its work, if it was the program that kept it from it.</summary>
    public Exception? Misuse { get; private set; }

    public bool HasEnded => _process.HasEnded;

    public int TasksDone { get; set; }

    /// <exception cref="IOException">The system did not start it.</exception>
    public static WorkerProcess Start(WorkerStart? start, string name)
    {
        var (ours, theirs) = Descriptors.Pair(packets: false);
        using (theirs)
        {
            try
            {
                var process = start is null ? new ChildProcess(Worker.Work, theirs) : new(Worker.InitializeAndWork, theirs, start);
                (process.Name, process.Daemon) = (name, true);
                process.Start();
                return new(process, new Connection(ours) { MaxMessageSize = Array.MaxLength });
            }
            catch
            {
                ours.Dispose();
                throw;
            }
        }
    }

    /// <summary>Sends a message and waits for the reply.</summary>
    public Exchanged Exchange(ReadOnlySpan<byte> message, out byte[] reply)
    {
        reply = [];
        try
        {
            _connection.Send(message);
        }
        catch (Exception why) when (IsUnreachable(why))
        {
            // What was not sent whole was not begun.
            return Exchanged.NotTaken;
        }

        try
        {
            reply = _connection.Receive();
            return Exchanged.Replied;
        }
        catch (EndOfStreamException end)
        {
            // The kernel tells an end with something unread before it from one with nothing: it resets the connection.
            return end.InnerException is SocketException ? Exchanged.NotTaken : Exchanged.Lost;
        }
        catch (Exception why) when (IsUnreachable(why))
        {
            return Exchanged.Lost;
        }
    }

    // To wait takes a descriptor, and the system may have none. An exception that left the seat's thread would end the program.
    private static bool IsUnreachable(Exception why) => why is IOException or SocketException;

    /// <summary>After its connection has ended: waits for its own end, and makes sure of it.</summary>
    /// <returns>Its exit code; null when it had to be killed, having closed the connection and gone on.</returns>
    public int? AwaitEnd()
    {
        _connection.Dispose();
        if (Ended.Wait(EndMost)) return Ended.Result;
        Signal(Programs.Kill);
        Ended.Wait(EndMost);
        return null;
    }

    /// <summary>Lets it end in its own time: it has nothing more to do.</summary>
    public void Retire() => _connection.Dispose();

    public void Signal(int signal) => _process.Signal(signal);

    private async Task<int?> AwaitEndAsync()
    {
        try
        {
            await _process.JoinAsync().ConfigureAwait(false);
        }
        catch (InvalidOperationException why)
        {
            Misuse = why;
        }

        var exitCode = _process.ExitCode;
        _process.Dispose();
        return exitCode;
    }
}
