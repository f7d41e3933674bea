using System.Diagnostics;

namespace TicketRush.Multiprocessing.Tests.Processes;

public sealed class ProcessTests
{
    [Fact]
    public void Smoke()
    {
        for (var i = 0; i < 5; i++)
        {
            var start = Stopwatch.GetTimestamp();
            using var p = new ChildProcess(static () => 0);
            p.Start();
            var started = Stopwatch.GetElapsedTime(start);
            p.Join();
            Console.WriteLine($"{p.ExitCode} {started.TotalMilliseconds} {Stopwatch.GetElapsedTime(start).TotalMilliseconds}");
            Assert.Equal(0, p.ExitCode);
        }
    }

    [Fact]
    public void Smoke2()
    {
        var path = Path.GetTempFileName();
        using var p = new ChildProcess(Say, path, 3) { Named = { ["order"] = new Order(5, ["A1"]) } };
        p.Start();
        p.Join();
        Assert.Equal("3 5A1", File.ReadAllText(path));
        using var q = new Greeter { Path = path };
        q.Start();
        q.Join();
        Assert.Equal($"{q.Name} {q.Pid} {q.Pid}", File.ReadAllText(path));
        using var r = new ChildProcess(Fail);
        r.Start();
        r.Join();
        Assert.Equal(1, r.ExitCode);
    }

    private static void Fail() => throw new InvalidDataException("no");

    private static void Say(string path, long n, Order order) => File.WriteAllText(path, $"{n} {order.Id}{order.Seats[0]}");
}
