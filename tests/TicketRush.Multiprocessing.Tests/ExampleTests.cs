using System.Net;
using System.Text.RegularExpressions;

namespace TicketRush.Multiprocessing.Tests;

/// <summary>
/// The examples of docs/MULTIPROCESSING.md and of the package's README, line for line, so that they compile and do what they say.
/// </summary>
public sealed partial class ExampleTests
{
    [Fact]
    public void A_process()
    {
        using var worker = new ChildProcess(Count, 1_000) { Name = "counter", Daemon = true };
        worker.Start();
        if (!worker.Join(TimeSpan.FromSeconds(30))) worker.Kill();
        Console.WriteLine(worker.ExitCode); // 0; -9 had it been killed

        Assert.Equal(0, worker.ExitCode);
    }

    [Fact]
    public void A_lock_and_a_value()
    {
        using var guard = new SharedLock();
        using var sold = new SharedValue<int>(withLock: false);
        using var seller = new ChildProcess(Sell, guard, sold, 1_000);
        seller.Start();
        Sell(guard, sold, 1_000);
        seller.Join();
        Console.WriteLine(sold.Value); // 2000

        Assert.Equal(2_000, sold.Value);
    }

    [Fact]
    public void A_queue()
    {
        using var orders = new SharedQueue<int>(maxSize: 100);
        using var producer = new ChildProcess(Produce, orders, 1_000);
        producer.Start();
        for (var i = 0; i < 1_000; i++) Console.Write(orders.Get(TimeSpan.FromSeconds(30)) == i ? "" : "out of order");
        Console.WriteLine(orders.TryGet(out _)); // False

        Assert.True(orders.IsEmpty);
    }

    [Fact]
    public void A_joinable_queue()
    {
        using var orders = new SharedJoinableQueue<string>();
        using var worker = new ChildProcess(Work, orders) { Daemon = true };
        worker.Start();
        foreach (var buyer in (string[])["ann", "bob", "eve"]) orders.Put(buyer);
        Console.WriteLine(orders.Join(TimeSpan.FromSeconds(30))); // True: each one was done, by whoever lived to do it

        Assert.True(orders.IsEmpty);
        worker.Kill();
        worker.Join();
    }

    [Fact]
    public void A_pipe()
    {
        var (mine, other) = Pipe.Create();
        using var echo = new ChildProcess(Echo, other);
        echo.Start();
        other.Dispose(); // The child has its own copy; without this one its end would never be seen.
        mine.Send("ann"u8);
        Console.WriteLine(mine.Receive().Length); // 3
        mine.Dispose();
        echo.Join();

        Assert.Equal(0, echo.ExitCode);
    }

    [Fact]
    public async Task A_listener()
    {
        var options = new ListenerOptions { AuthKey = "secret"u8.ToArray() };
        using var listener = new Listener(new IPEndPoint(IPAddress.Loopback, 0), options);
        var accepted = listener.AcceptAsync();
        using var client = Client.Connect(listener.EndPoint, options);
        using var server = await accepted;
        client.Send("ann"u8);

        Assert.Equal("ann"u8, server.Receive());
    }

    [Fact]
    public void A_pool()
    {
        using var pool = new ProcessPool(2, new() { Retries = 1 });
        var squares = pool.Map(Square, Enumerable.Range(0, 1_000));
        Console.WriteLine(squares[^1]); // 998001

        Assert.Equal(998_001, squares[^1]);
    }

    [Fact]
    public void A_manager()
    {
        using var manager = Manager.Start();
        var tickets = manager.Dictionary<string, int>();
        using var seller = new ChildProcess(SellTo, tickets, "ann");
        seller.Start();
        seller.Join();
        Console.WriteLine(tickets["ann"]); // 1

        Assert.Equal(1, tickets["ann"]);
    }

    [Theory]
    [InlineData("docs/MULTIPROCESSING.md")]
    [InlineData("src/TicketRush.Multiprocessing/README.md")]
    public void The_examples_in_the_documents_are_these(string document)
    {
        var root = ConformanceTests.Root();
        var here = Lines(File.ReadAllText(Path.Combine(root, "tests", "TicketRush.Multiprocessing.Tests", "ExampleTests.cs")));
        var examples = Examples().Matches(File.ReadAllText(Path.Combine(root, document)));
        Assert.NotEmpty(examples);
        Assert.All(examples, example => Assert.Contains(Lines(example.Groups[1].Value), here, StringComparison.Ordinal));

        // However deep they stand.
        static string Lines(string code) => string.Join('\n', code.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0));
    }

    private static void Count(int to)
    {
        for (var i = 0; i < to; i++) Thread.SpinWait(10);
    }

    private static void Sell(SharedLock guard, SharedValue<int> sold, int count)
    {
        for (var i = 0; i < count; i++)
        {
            using var scope = guard.Enter();
            if (scope.Abandoned) Console.Error.WriteLine("The last holder died in here: what it left is to be checked.");
            sold.Value++;
        }
    }

    private static void Produce(SharedQueue<int> orders, int count)
    {
        for (var i = 0; i < count; i++) orders.Put(i);
    }

    private static void Work(SharedJoinableQueue<string> orders)
    {
        while (true)
        {
            var buyer = orders.Get();
            Console.WriteLine($"a ticket for {buyer}");
            orders.TaskDone(); // Killed before this line, it gives the order back to the queue.
        }
    }

    private static void Echo(Connection end)
    {
        try
        {
            while (true) end.Send(end.Receive());
        }
        catch (EndOfStreamException)
        {
            // The other end is closed, or its process has ended.
        }
    }

    private static void SellTo(ManagedDictionary<string, int> tickets, string buyer) => tickets[buyer] = 1;

    private static int Square(int number) => number * number;

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Examples();
}
