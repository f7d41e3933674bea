using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using TicketRush.Server.Upgrades;
using Command = System.CommandLine.Command;

namespace TicketRush.Cli.Commands;

/// <summary><c>rush upgrade</c>: servers give their place to what is installed now, one after the other.</summary>
internal static partial class UpgradeCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(150);

    public static Command Create()
    {
        var data = Shared.Data();
        var command = new Command("upgrade", """
            Upgrades the running servers of a data directory, in mid-sale: each starts its own command line once more, by then perhaps a
            newer program, gives it its listening sockets, answers what it was asked, and ends. No connection over TCP is refused and no
            request lost; a server that listens on a Unix socket cannot be upgraded. One whose successor does not become ready goes on as it
            was. SIGUSR2 to a server does the same.

            Example: rush upgrade --data /var/lib/ticketrush
            """) { data };
        command.SetAction((parsed, stop) => RunAsync(parsed.GetRequiredValue(data), stop));
        return command;
    }

    private static async Task<int> RunAsync(string data, CancellationToken stop)
    {
        if (!OperatingSystem.IsLinux()) return Shared.Fail("Listening sockets can be passed on Linux only.");
        var servers = Registration.Find(data);
        if (servers.Count == 0) return Shared.Fail($"No server runs on {data}.");
        foreach (var (server, _, before) in servers)
        {
            var since = Stopwatch.GetTimestamp();
            if (Send(server, Upgrade.Signal) != 0)
                return Shared.Fail($"The server {server} cannot be signalled: {Marshal.GetLastPInvokeErrorMessage()}.");
            while (true)
            {
                await Task.Delay(50, stop);
                var now = Registration.Find(data);
                var successor = now.FirstOrDefault(one => one.Predecessor == server).Process;
                var old = now.FirstOrDefault(one => one.Process == server);
                if (old.Process == server && old.Failure is { } failure && failure != before)
                    return Shared.Fail($"The server {server} goes on. {failure.Split('\n')[^1]}");
                if (successor != 0 && old.Process == 0)
                {
                    Console.WriteLine($"{server} gave its place to {successor} in {Stopwatch.GetElapsedTime(since).TotalSeconds:0.0} s.");
                    break;
                }

                if (successor == 0 && old.Process == 0)
                    return Shared.Fail($"The server {server} has ended, and no other took its place.");
                if (Stopwatch.GetElapsedTime(since) > Patience)
                    return Shared.Fail($"The server {server} has not given its place to another.");
            }
        }

        return 0;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Send(int process, int signal);
}
