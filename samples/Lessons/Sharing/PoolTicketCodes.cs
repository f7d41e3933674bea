using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>A pool: a few processes that stay, and any amount of work. Here two workers give a thousand tickets their codes.</summary>
internal static class PoolTicketCodes
{
    private const int Tickets = 1_000;

    public static async Task Run()
    {
        using var pool = new ProcessPool(2);

        // In whichever order the workers are done, the results are in the order of the inputs.
        var codes = pool.Map(Code, Enumerable.Range(1, Tickets));
        Console.WriteLine($"map: {codes.Length} codes, all different {codes.Distinct().Count() == Tickets}");
        Console.WriteLine($"the same as here: {codes.SequenceEqual(Enumerable.Range(1, Tickets).Select(Code))}");
        Console.WriteLine($"not done here: {pool.Apply(WhoAmI) != CurrentProcess.Pid}");

        // Result by result, as they are asked for: for more inputs than memory holds, or a first answer before the last question.
        foreach (var (index, code) in pool.IMap(Code, Enumerable.Range(1, 3)).Index())
            Console.WriteLine($"imap: ticket {index + 1} has {(code == codes[index] ? "the code that it had" : "another code")}");

        // Without waiting; and somebody is told.
        var pending = pool.ApplyAsync(Label, "ann", 7, callback: label => Console.WriteLine($"callback: {label}"));
        Console.WriteLine($"awaited: {await pending}");

        // What a task throws is thrown here, with its own type.
        try
        {
            pool.Apply(Code, 0);
        }
        catch (ArgumentOutOfRangeException wrong)
        {
            Console.WriteLine($"refused: {wrong.GetType().Name}, thrown in a worker {wrong.InnerException is RemoteException}");
        }

        // A worker that is killed fails the task that it had in hand. In Python one would wait for that for ever.
        try
        {
            await pool.ApplyAsync(KillThisWorker);
        }
        catch (WorkerLostException lost)
        {
            Console.WriteLine($"lost: a worker, by signal {lost.Signal}");
        }

        Console.WriteLine($"and on it goes: {pool.Apply(Label, "bob", 8)}");

        // Nothing new comes in, what is there is finished, and then the workers go.
        pool.Close();
        pool.Join();
        Console.WriteLine($"closed: {ChildProcess.ActiveChildren().Count} processes left");
    }

    private static string Code(int ticket)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(ticket, 1);
        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes($"spring concert, ticket {ticket}")))[..12];
    }

    private static string Label(string buyer, int ticket) => $"ticket {ticket} for {buyer}";

    private static int WhoAmI() => CurrentProcess.Pid;

    private static void KillThisWorker() => Process.GetCurrentProcess().Kill();
}
