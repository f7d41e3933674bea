using TicketRush.Multiprocessing.Processes;
using TicketRush.Multiprocessing.Tests.Pools;

namespace TicketRush.Multiprocessing.Tests.Processes;

// Goal: whoever gives a shared object away may let go of it at once, for it lives until the receiver has its own.
// Method: a child takes a runtime's start to come to its arguments, so a handle that is disposed of behind Start is gone long before.
[Collection("Alone")]
public sealed class GivenTests : IDisposable
{
    private readonly Kids _kids = new();

    [Fact]
    public void A_child_gets_what_its_parent_has_let_go_of_meanwhile()
    {
        // What the first child brings with it stays.
        _kids.Start(Targets.Nothing).Join();
        var before = Arena.Current.CountHeld();
        ChildProcess child;
        using (var theEvent = new SharedEvent())
        using (var value = new SharedValue<int>(41))
        using (var condition = new SharedCondition())
        using (var queue = new SharedJoinableQueue<int>())
        using (var memory = new SharedMemory(100))
        {
            queue.Put(7);
            memory.AsSpan()[99] = 9;
            child = _kids.Start(GivenTargets.UseAll, theEvent, value, condition, queue, memory);
        }

        child.Join();
        Assert.Equal(0, child.ExitCode);
        Assert.Equal(before, Arena.Current.CountHeld());
        Assert.Empty(Directory.GetFiles("/dev/shm", "ticketrush-*"));
    }

    [Fact]
    public void It_is_kept_too_inside_another_argument_and_in_a_process_object()
    {
        ChildProcess child, other;
        using (var ready = new SharedEvent()) child = _kids.Start(GivenTargets.Use, new Given("inside", ready));
        using (var ready = new SharedEvent()) other = _kids.Start(new GivenProcess { Ready = ready });
        child.Join();
        other.Join();
        Assert.Equal((0, 0), (child.ExitCode, other.ExitCode));
    }

    [Fact]
    public void It_is_not_kept_for_a_child_that_died_before_it_had_it()
    {
        _kids.Start(Targets.Nothing).Join();
        var before = Arena.Current.CountHeld();
        ChildProcess child;
        using (var ready = new SharedEvent()) child = _kids.Start(GivenTargets.Use, new Given("never", ready));
        Assert.Equal(before + 1, Arena.Current.CountHeld());
        child.Kill();
        child.Join();
        Assert.Equal(before, Arena.Current.CountHeld());
    }

    [Fact]
    public void A_child_that_runs_keeps_nothing_of_its_parent_s()
    {
        using var going = new SharedEvent();
        var before = Arena.Current.CountHeld();
        using (var queue = new SharedQueue<int>()) _kids.Start(GivenTargets.LetGoAndStay, queue, going);
        Assert.True(going.Wait(Kids.Patience));
        Kids.Until(() => Arena.Current.CountHeld() == before);
    }

    [Fact]
    public void Disposed_of_before_the_start_it_is_refused_in_the_parent()
    {
        var ready = new SharedEvent();
        ready.Dispose();
        using var child = new ChildProcess(GivenTargets.Use, new Given("gone", ready));
        Assert.Throws<ObjectDisposedException>(child.Start);
        Assert.False(child.IsAlive);
    }

    [Theory]
    [InlineData("forgets a plain argument", "The argument ready of Wait cannot be had: The SharedEvent is gone")]
    [InlineData("forgets an argument", "The argument given of Use cannot be had: The SharedEvent is gone")]
    public void Control_were_it_not_kept_the_child_would_fail_and_say_which_argument_is_gone(string root, string why)
    {
        var (exitCode, output) = Kids.Finish(_kids.StartRoot(root));
        Assert.Equal(1, exitCode);
        Assert.Contains(why, output, StringComparison.Ordinal);
        Assert.Contains("Process forgotten (", output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_task_of_a_pool_is_given_is_kept_until_it_has_ended()
    {
        using var pool = new ProcessPool(1);
        pool.Apply(Tasks.Square, 1);
        var before = Arena.Current.CountHeld();
        Task<string> inside;
        Task<int> plain, failing;
        Task<int[]> map;
        IEnumerator<int> stream;

        // The worker is busy, so that none of these is on its way before the handle is gone.
        var busy = pool.ApplyAsync(Tasks.StayFor, 200);
        using (var gate = new SharedLock())
        {
            plain = pool.ApplyAsync(GivenTargets.Lock, gate);
            map = pool.MapAsync(GivenTargets.Lock, [gate, gate, gate], 1);
            inside = pool.ApplyAsync(GivenTargets.Name, new Given("in a record", null, gate));
            failing = pool.ApplyAsync(GivenTargets.LockAndThrow, gate);
            stream = pool.IMap(GivenTargets.Lock, [gate, gate]).GetEnumerator();
            Assert.True(stream.MoveNext());
        }

        Assert.Equal(200, busy.Get());
        Assert.Equal(1, plain.Get());
        Assert.Equal([1, 1, 1], map.Get());
        Assert.Equal("in a record", inside.Get());
        Assert.Throws<TimeoutException>(() => failing.Get());
        Assert.True(stream.MoveNext());
        Assert.Equal(1, stream.Current);
        stream.Dispose();
        Kids.Until(() => Arena.Current.CountHeld() == before, "Something is kept beyond its task.");
        pool.Close();
        using (var late = new SharedLock()) Assert.Throws<InvalidOperationException>(() => pool.Apply(GivenTargets.Lock, late));
        Assert.Equal(before, Arena.Current.CountHeld());
    }

    [Fact]
    public void What_an_initialiser_is_given_is_kept_as_long_as_workers_begin()
    {
        var before = Arena.Current.CountHeld();
        using (var pool = Begin())
        {
            // Every worker is another, and each has been initialised.
            Assert.Equal(6, pool.Map(Tasks.PidOf, Enumerable.Range(0, 6), 1).Distinct().Count());
            Assert.All(pool.Map(GivenTargets.TellGiven, Enumerable.Range(0, 3), 1), given => Assert.True(given));
        }

        Kids.Until(() => Arena.Current.CountHeld() == before, "Something is kept beyond the pool.");

        static ProcessPool Begin()
        {
            using var gate = new SharedLock();
            var (end, other) = Pipe.Create();
            using (end)
            using (other)
            {
                return new(1, new()
                {
                    Initializer = GivenTargets.Initialize, InitializerArguments = [gate, end], MaxTasksPerChild = 1,
                });
            }
        }
    }

    public void Dispose() => _kids.Dispose();
}

internal sealed record Given(string Name, SharedEvent? Ready, SharedLock? Gate = null);

internal sealed class GivenProcess : ChildProcess
{
    public SharedEvent? Ready { get; set; }

    public override void Run() => Ready!.Set();
}

/// <summary>What those do who were given something.</summary>
internal static class GivenTargets
{
    private static bool _isGiven;

    public static int UseAll(
        SharedEvent theEvent, SharedValue<int> value, SharedCondition condition, SharedJoinableQueue<int> queue, SharedMemory memory)
    {
        theEvent.Set();
        using (value.Lock.Enter()) value.Value++;
        using (condition.Enter()) condition.NotifyAll();
        var item = queue.Get(Kids.Patience);
        queue.TaskDone();
        return item == 7 && value.Value == 42 && memory.AsSpan()[99] == 9 ? 0 : 3;
    }

    public static void Use(Given given) => given.Ready!.Set();

    public static void Wait(SharedEvent ready) => ready.Wait(Kids.Patience);

    public static void LetGoAndStay(SharedQueue<int> queue, SharedEvent going)
    {
        queue.Dispose();
        going.Set();
        Kids.Sleep();
    }

    public static int Lock(SharedLock gate)
    {
        using (gate)
        using (gate.Enter()) return 1;
    }

    public static int LockAndThrow(SharedLock gate)
    {
        using (gate) throw new TimeoutException("not today");
    }

    public static string Name(Given given)
    {
        using (given.Gate) return given.Name;
    }

    public static void Initialize(SharedLock gate, Connection end)
    {
        using (gate.Enter()) _isGiven = end.Writable;
    }

    public static bool TellGiven(int ignored) => _isGiven;
}
