using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Serialization;
using TicketRush.Multiprocessing.Native;
using TicketRush.Multiprocessing.Processes;

namespace TicketRush.Multiprocessing.Tests.Processes;

/// <summary>What the children of these tests do.</summary>
internal static class Targets
{
    public static void Nothing()
    {
    }

    public static int Return(int code) => code;

    public static async Task<int> ReturnLater(int code)
    {
        await Task.Delay(20);
        return code;
    }

    public static void Exit(int? code, string? message)
    {
        if (message is not null) ProcessEntry.Exit(message);
        if (code is { } number) ProcessEntry.Exit(number);
        ProcessEntry.Exit();
    }

    public static void Throw() => throw new InvalidDataException("seat 12 is not a seat");

    public static void Tell(string path, Order order) =>
        Kids.Say(path, $"{order.Id} {string.Join(',', order.Seats)}");

    public static void TellSelf(string path, int first, string second = "default", double third = 0.5)
    {
        var (key, parent) = (Convert.ToHexString(CurrentProcess.AuthKey), CurrentProcess.Parent!);
        Kids.Say(path, string.Create(
            CultureInfo.InvariantCulture,
            $"{CurrentProcess.Name}|{Environment.ProcessId}|{key}|{first}|{second}|{third}|{parent.Pid}|{parent.Name}"));
    }

    public static void TellChildName(string path, string childPath)
    {
        using var first = new ChildProcess(Nothing);
        using var second = new Greeter { Path = childPath };
        second.Start();
        second.Join();
        Kids.Say(path, $"{first.Name} {second.Name}");
    }

    public static void TellDaemonRules(string path)
    {
        using var child = new ChildProcess(Nothing);
        var inherited = child.Daemon;
        child.Daemon = false;
        try
        {
            child.Start();
        }
        catch (InvalidOperationException refused)
        {
            Kids.Say(path, $"{CurrentProcess.IsDaemon} {inherited} {refused.Message}");
        }
    }

    /// <summary>Writes its pid, then stays; asked to end, it says so and ends.</summary>
    public static void HandleTermination(string directory, string name)
    {
        using var asked = new ManualResetEventSlim();
        using var registration = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            asked.Set();
        });
        Kids.Say(Path.Combine(directory, name), $"{Environment.ProcessId}");
        asked.Wait();
        Kids.Say(Path.Combine(directory, name + " was asked"), "");
    }

    public static void Finish(string directory, string name)
    {
        Kids.Say(Path.Combine(directory, name), $"{Environment.ProcessId}");
        Thread.Sleep(500);
        Kids.Say(Path.Combine(directory, name + " finished"), "");
    }

    public static void AwaitFile(string path)
    {
        while (!File.Exists(path)) Thread.Sleep(2);
    }

    /// <summary>Has a daemon and another child, of which it leaves the pids, then stays.</summary>
    public static void HaveChildren(string path)
    {
        var daemon = new ChildProcess(Kids.Sleep) { Daemon = true };
        var other = new ChildProcess(Kids.Sleep);
        daemon.Start();
        other.Start();
        Kids.Say(path, $"{daemon.Pid} {other.Pid}");
        Kids.Sleep();
    }

    /// <summary>Starts one that watches its parent, this process, then stays.</summary>
    public static void HaveWatcher(string path)
    {
        var watcher = new ChildProcess(WatchParent, path) { Name = "watcher" };
        watcher.Start();
        Kids.Sleep();
    }

    public static void WatchParent(string path)
    {
        var parent = CurrentProcess.Parent!;
        Kids.Say(path, $"{parent.Name} {parent.Pid} {parent.IsAlive} {parent.Join(TimeSpan.FromMilliseconds(10))}");
        var ended = parent.Join(TimeSpan.FromSeconds(30)) && parent.Sentinel.WaitOne(TimeSpan.FromSeconds(30));
        Kids.Say(path + " after", $"{ended} {parent.IsAlive}");
    }

    public static void Descend(string path, int depth, string id)
    {
        Kids.AddLine(path, id);
        for (var i = 0; depth > 0 && i < 2; i++)
        {
            using var child = new ChildProcess(Descend, path, depth - 1, id + i);
            child.Start();
            child.Join();
        }
    }

    public static void LeaveThreads(string path)
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Kids.Say(path + " at exit", "");
        new Thread(() =>
        {
            Thread.Sleep(300);
            Kids.Say(path + " foreground", "");
        }).Start();
        new Thread(() =>
        {
            Thread.Sleep(60_000);
            Kids.Say(path + " background", "");
        })
        { IsBackground = true }.Start();
    }

    public static void TellDescriptors(string path)
    {
        var numbers = Directory.EnumerateFileSystemEntries("/proc/self/fd")
            .Select(one => $"{Path.GetFileName(one)}={File.ResolveLinkTarget(one, false)}");
        Kids.Say(path, string.Join('\n', numbers));
        Kids.Sleep();
    }

    public static void TellInput(string path) =>
        Kids.Say(path, $"{File.ResolveLinkTarget("/proc/self/fd/0", false)} {Console.In.Read()}");

    public static void Print()
    {
        Console.WriteLine("child's output");
        Console.Error.WriteLine("child's errors");
    }

    public static void SendInTurn(SharedLock turn, Connection connection)
    {
        turn.Acquire();
        connection.Send("in turn"u8);
        turn.Release();
    }

    public static void Hold(SharedLock turn, string path)
    {
        turn.Acquire();
        Kids.Say(path, "");
        Kids.Sleep();
    }

    /// <summary>Many threads ask the one thread to watch something, while that is called back and asks too.</summary>
    public static int WatchFromWithin()
    {
        var (ours, theirs) = Descriptors.Pair(packets: true);
        using var done = new ManualResetEventSlim();
        var asked = 0;
        Starter.Watch(ours, () =>
        {
            for (var i = 0; i < 8; i++)
            {
                new Thread(() =>
                {
                    for (var j = 0; j < 1000; j++, Interlocked.Increment(ref asked)) Starter.Watch(ours, () => { });
                }) { IsBackground = true }.Start();
            }

            // Until they wait for this thread to hear them.
            for (var before = -1; before != Volatile.Read(ref asked); Thread.Sleep(200)) before = Volatile.Read(ref asked);
            Starter.Watch(ours, done.Set);
        });
        Descriptors.Send(theirs, [1], []);
        return done.Wait(TimeSpan.FromSeconds(30)) ? 0 : 1;
    }

    public static void Serve(Socket client)
    {
        using (client)
        {
            var buffer = new byte[100];
            int count;
            while ((count = client.Receive(buffer)) > 0)
                client.Send(Encoding.UTF8.GetBytes($"{Environment.ProcessId}:{Encoding.UTF8.GetString(buffer, 0, count)}"));
        }
    }

    public static async Task ServeAsync(Hello hello)
    {
        using (hello.Client)
        {
            var buffer = new byte[100];
            int count;
            while ((count = await hello.Client.ReceiveAsync(buffer)) > 0)
                await hello.Client.SendAsync(Encoding.UTF8.GetBytes($"{hello.Greeting}:{Encoding.UTF8.GetString(buffer, 0, count)}"));
        }
    }
}

internal sealed record Order(int Id, string[] Seats);

internal sealed record Hello(string Greeting, Socket Client);

internal sealed class Greeter : ChildProcess
{
    public required string Path { get; init; }

    public override void Run() => Kids.Say(Path, $"{Name} {Pid} {CurrentProcess.Pid} {IsAlive} {CurrentProcess.Name}");
}

/// <summary>An actor: it does what comes through its pipe, until that ends.</summary>
internal sealed class Upper : ChildProcess
{
    private Socket? _ours;

    public Socket? Theirs { get; set; }

    [JsonIgnore]
    public int Sent { get; private set; }

    public static Upper Begin(Socket ours, Socket theirs)
    {
        var actor = new Upper { Theirs = theirs, _ours = ours };
        actor.Start();
        theirs.Dispose();
        return actor;
    }

    public string Ask(string text)
    {
        Sent++;
        _ours!.Send(Encoding.UTF8.GetBytes(text));
        var buffer = new byte[100];
        return Encoding.UTF8.GetString(buffer, 0, _ours.Receive(buffer));
    }

    public void End() => _ours!.Dispose();

    public override void Run()
    {
        var buffer = new byte[100];
        int count;
        while ((count = Theirs!.Receive(buffer)) > 0)
            Theirs.Send(Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(buffer, 0, count).ToUpperInvariant()));
    }
}
