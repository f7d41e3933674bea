using System.Security.Cryptography;
using TicketRush.Multiprocessing;

namespace Lessons;

/// <summary>The life of a process: made, started, joined; and what its parent can ask of it at each point.</summary>
internal static class ProcessLifeCycle
{
    public static void Run()
    {
        Console.WriteLine($"parent: {CurrentProcess.Name}, process {CurrentProcess.Pid}, key {Fingerprint()}");

        using var seller = new ChildProcess(Sell) { Name = "seller" };
        Tell("made", seller);

        // Returns at once. From here on two programs run, and nothing but Join puts one behind the other.
        seller.Start();
        Tell("started", seller);

        seller.Join();
        Tell("joined", seller);

        // Run is what the child calls. Called here it is an ordinary method: its work is done in this process, and nothing is to be joined.
        using var helper = new ChildProcess(Sell) { Name = "helper" };
        helper.Run();
        try
        {
            helper.Join();
        }
        catch (InvalidOperationException refused)
        {
            Console.WriteLine($"parent: {refused.Message}");
        }
    }

    /// <summary>An int that the method returns is the exit code, as from Main. 0 says that all went well.</summary>
    private static int Sell()
    {
        Console.WriteLine($"  selling in {CurrentProcess.Name}, process {CurrentProcess.Pid}, key {Fingerprint()}");
        if (CurrentProcess.Parent is { } parent) Console.WriteLine($"  child of {parent.Name}, process {parent.Pid}");
        return 3;
    }

    private static void Tell(string when, ChildProcess process)
    {
        var (id, exitCode) = (process.Pid?.ToString() ?? "none", process.ExitCode?.ToString() ?? "none");
        Console.WriteLine($"{when}: {process.Name}, process {id}, alive {process.IsAlive}, exit code {exitCode}");
    }

    // 32 random bytes that the whole tree of processes shares, and nobody else: with it they prove to each other who they are.
    // A secret is not for printing, so what is compared here is its hash.
    private static string Fingerprint() => Convert.ToHexString(SHA256.HashData(CurrentProcess.AuthKey))[..8];
}
