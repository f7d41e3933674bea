namespace TicketRush.Multiprocessing;

/// <summary>
/// A worker of a pool ended while it had a task: it was killed, or the task ended its process. Whether the task had any effect is not
/// known. The pool has another worker in its place.
/// </summary>
public sealed class WorkerLostException : Exception
{
    internal WorkerLostException(int pid, int? exitCode, string during)
        : base($"Worker {pid} {HowItEnded(exitCode)} {during}.") => (Pid, ExitCode) = (pid, exitCode);

    /// <summary>The worker's process id.</summary>
    public int Pid { get; }

    /// <summary>
    /// What it exited with, or the negative number of the signal that ended it, as <see cref="ChildProcess.ExitCode"/> says it.
    /// </summary>
    public int? ExitCode { get; }

    /// <summary>The number of the signal that ended it: 9 when it was killed. Null when it exited.</summary>
    public int? Signal => ExitCode is < 0 and var code ? -code : null;

    private static string HowItEnded(int? exitCode) => exitCode switch
    {
        null => "left the pool",
        < 0 => $"was ended by signal {-exitCode}",
        _ => $"exited with code {exitCode}",
    };
}
