using System.Globalization;
using System.Net;
using TicketRush.Multiprocessing.Tests.Pools;
using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Managers;

/// <summary>Objects that a process of their own keeps.</summary>
public sealed class ManagerTests : IDisposable
{
    private readonly Manager _manager = Manager.Start();
    private readonly Kids _kids = new();

    [Fact]
    [Trait("Case", "72")]
    public void A_dictionary_does_what_a_dictionary_does()
    {
        var seats = _manager.Dictionary<string, int>();
        seats["A1"] = 1;
        seats.Add("A2", 2);
        Assert.Equal(2, seats["A2"]);
        Assert.False(seats.TryAdd("A2", 3));
        Assert.True(seats.TryUpdate("A2", 5, expected: 2));
        Assert.False(seats.TryUpdate("A2", 6, expected: 2));
        Assert.Equal(["A1=1", "A2=5"], seats.Select(seat => $"{seat.Key}={seat.Value}").Order());
        Assert.Equal((2, true, false), (seats.Count, seats.ContainsKey("A1"), seats.ContainsKey("A3")));
        Assert.True(seats.Remove("A1", out var removed));
        Assert.Equal(1, removed);
        Assert.False(seats.Remove("A1"));
        Assert.Throws<KeyNotFoundException>(() => seats["A1"]);
        Assert.Throws<ArgumentException>(() => seats.Add("A2", 1));
        seats.Clear();
        Assert.Empty(seats);
    }

    [Fact]
    [Trait("Case", "72")]
    public void A_list_does_what_a_list_does_and_its_errors_keep_their_type()
    {
        var list = _manager.List<Ticket>();
        list.AddRange(Enumerable.Range(0, 4).Select(i => new Ticket($"{i}", [$"A{i}"], i)));
        list.Insert(1, new Ticket("new", [], 0));
        list[0] = new Ticket("first", ["A0"], 5);
        list.RemoveAt(4);
        Assert.Equal(["first", "new", "1", "2"], list.Select(ticket => ticket.Holder));
        Assert.Equal(3, list.IndexOf(new Ticket("2", ["A2"], 2)));
        Assert.True(list.Remove(new Ticket("2", ["A2"], 2)));
        Assert.False(list.Remove(new Ticket("2", ["A2"], 2)));
        Assert.DoesNotContain(new Ticket("2", ["A2"], 2), list);

        var thrown = Assert.Throws<ArgumentOutOfRangeException>(() => list[7]);
        Assert.Contains("none at 7", thrown.Message, StringComparison.Ordinal);
        Assert.Contains("Sequence", Assert.IsType<RemoteException>(thrown.InnerException).Details, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => list.RemoveAt(-1));
        Assert.Equal(3, list.Count);
        list.Clear();
        Assert.Empty(list);
    }

    [Fact]
    [Trait("Case", "72")]
    public void Values_namespaces_and_events_are_kept()
    {
        var value = _manager.Value(5);
        Assert.True(value.TryExchange(6, expected: 5));
        Assert.False(value.TryExchange(7, expected: 5));
        Assert.Equal(6, value.Value);

        var names = _manager.Namespace();
        names.Set("price", 12.5m);
        names.Set("hall", "large");
        Assert.Equal((12.5m, "large"), (names.Get<decimal>("price"), names.Get<string>("hall")));
        Assert.Equal(["hall", "price"], names.Names.Order());
        Assert.True(names.Remove("hall"));
        Assert.Throws<KeyNotFoundException>(() => names.Get<string>("hall"));

        var begun = _manager.Event();
        Assert.False(begun.Wait(TimeSpan.FromMilliseconds(20)));
        var waiting = Task.Run(() => begun.Wait());
        begun.Set();
        Assert.True(waiting.Get());
        Assert.True(begun.IsSet);
        begun.Clear();
        Assert.False(begun.Wait(TimeSpan.Zero));
    }

    [Fact]
    [Trait("Case", "72")]
    public void A_queue_has_its_limits()
    {
        var queue = _manager.Queue<string>(2);
        queue.Put("a");
        Assert.True(queue.TryPut("b"));
        Assert.False(queue.TryPut("c"));
        Assert.True(queue.IsFull);
        Assert.Throws<QueueFullException>(() => queue.Put("c", TimeSpan.FromMilliseconds(20)));
        var waiting = Task.Run(() =>
        {
            queue.Put("c");
            return true;
        });
        Assert.Equal("a", queue.Get());
        Assert.True(waiting.Get());
        Assert.Equal(("b", "c"), (queue.Get(), queue.Get()));
        Assert.True(queue.IsEmpty);
        Assert.Throws<QueueEmptyException>(() => queue.Get(TimeSpan.FromMilliseconds(20)));
        Assert.False(queue.TryGet(out _));

        using var stop = new CancellationTokenSource();
        var cancelled = Task.Run(() => queue.Get(cancellation: stop.Token));
        stop.CancelAfter(50);
        Assert.ThrowsAny<OperationCanceledException>(() => cancelled.Get());
        queue.Put("d");
        Assert.Equal("d", queue.Get(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    [Trait("Case", "72")]
    public void A_lock_may_be_released_by_anybody_but_not_twice()
    {
        var gate = _manager.Lock();
        Assert.Equal(LockResult.Acquired, gate.Acquire());
        Assert.Equal(LockResult.TimedOut, gate.Acquire(TimeSpan.Zero));
        Assert.Equal(LockResult.TimedOut, gate.Acquire(TimeSpan.FromMilliseconds(20)));
        Task.Run(() =>
        {
            gate.Release();
            return true;
        }).Get();
        Assert.False(gate.IsTaken);
        Assert.Throws<SynchronizationLockException>(gate.Release);
    }

    [Fact]
    [Trait("Case", "72")]
    public void Several_processes_use_the_same_objects()
    {
        var (seats, sold, count, settings, gate) =
            (_manager.Dictionary<string, int>(), _manager.List<Ticket>(), _manager.Value(0), _manager.Namespace(), _manager.Lock());
        settings.Set("price", 9.5m);
        var sellers = Enumerable.Range(0, 3).Select(_ => _kids.Start(Users.Sell, seats, sold, count, settings, gate)).ToArray();
        foreach (var seller in sellers)
        {
            seller.Join();
            Assert.Equal(0, seller.ExitCode);
        }

        Assert.Equal(60, count.Value);
        Assert.Equal(60, seats.Count);
        Assert.Equal(sellers.Select(seller => seller.Pid!.Value).Order(), seats.Values.Distinct().Order());
        Assert.All(sold, ticket => Assert.Equal(9.5m, ticket.Price));
        Assert.Equal(60, sold.Count);
    }

    [Fact]
    [Trait("Case", "72")]
    public void Objects_hold_each_other()
    {
        var lists = _manager.List<ManagedList<int>>();
        lists.Add(_manager.List<int>());
        lists.Add(_manager.List<int>());
        lists[1].Add(1);
        _kids.Start(Users.AppendTo, lists, 5).Join();
        Assert.Equal(["5", "1 5"], lists.Select(list => string.Join(' ', list)));

        var byName = _manager.Dictionary<string, ManagedDictionary<string, int>>();
        byName["hall"] = _manager.Dictionary<string, int>();
        byName["hall"]["rows"] = 20;
        Assert.Equal(20, byName["hall"]["rows"]);
        Assert.Equal(byName["hall"], byName["hall"]);
    }

    [Fact]
    [Trait("Case", "72")]
    public void Two_processes_talk_by_queues_until_an_event()
    {
        var (requests, replies, stop) = (_manager.Queue<string>(), _manager.Queue<string>(), _manager.Event());
        var echo = _kids.Start(Users.Echo, requests, replies, stop);
        foreach (var text in (string[])["a", "票", ""])
        {
            requests.Put(text);
            Assert.Equal($"<{text}>", replies.Get(Kids.Patience));
        }

        stop.Set();
        echo.Join();
        Assert.Equal(0, echo.ExitCode);
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    [Trait("Case", "72")]
    public void Another_process_connects_with_address_and_key(bool isFile)
    {
        var name = isFile ? _kids.File("manager") : $"\0ticketrush-test-{Guid.NewGuid():N}";
        byte[] key = [1, 2, 3];
        using var manager = Manager.Start(name, key);
        var requests = manager.Queue<string>(name: "requests");
        _kids.Start(Users.PutRemotely, name, "010203", "hello").Join();
        Assert.Equal("hello", requests.Get(Kids.Patience));

        var refused = _kids.Start(Users.PutRemotely, name, "01020304", "not me");
        refused.Join();
        Assert.Equal(1, refused.ExitCode);
        Assert.True(requests.IsEmpty);
        Assert.Throws<InvalidOperationException>(() => manager.List<int>("requests"));
    }

    [Fact]
    [Trait("Case", "72")]
    public void A_manager_can_be_reached_over_a_network()
    {
        using var manager = Manager.Start(new IPEndPoint(IPAddress.Loopback, 0));
        Assert.NotEqual(0, ((IPEndPoint)manager.EndPoint).Port);
        manager.Value(1, "answer").Value = 42;
        Assert.Equal(42, Manager.Connect(manager.EndPoint).Value(0, "answer").Value);
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    [Trait("Case", "72")]
    public void A_manager_can_be_started_again_at_the_same_address(bool isFile)
    {
        var name = isFile ? _kids.File("manager") : $"\0ticketrush-test-{Guid.NewGuid():N}";
        ManagedList<int> old;
        using (var first = Manager.Start(name))
        {
            old = first.List<int>();
            old.Add(1);
            Assert.Throws<IOException>(() => Manager.Start(name));
        }

        Assert.Throws<ManagerLostException>(() => old.Count);
        Assert.False(File.Exists(name));
        using var second = Manager.Start(name);
        var list = second.List<int>();
        list.Add(2);
        Assert.Equal([2], list);
        Assert.Contains("no such object", Assert.Throws<InvalidOperationException>(() => old.Count).Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Case", "72")]
    [Trait("Case", "73")]
    public void A_killed_manager_is_an_error_for_its_users_and_leaves_its_address_to_the_next()
    {
        var name = _kids.File("manager");
        var manager = Manager.Start(name);
        var (list, queue) = (manager.List<int>(), manager.Queue<int>());
        var waiting = Task.Run(() => queue.Get());
        list.Add(1);
        Kids.Kill(manager.Pid!.Value);
        Assert.Throws<ManagerLostException>(() => waiting.Get());
        Assert.Throws<ManagerLostException>(() => list.Add(2));
        manager.Dispose();

        using var next = Manager.Start(name);
        Assert.Empty(next.List<int>());
    }

    [Fact]
    [Trait("Case", "73")]
    public void A_manager_outlives_an_interrupt_and_ends_with_its_owner()
    {
        var name = _kids.File("manager");
        var owner = _kids.Start(Users.HaveManager, name, _kids.File("pid"));
        var pid = int.Parse(_kids.Read("pid"), CultureInfo.InvariantCulture);
        var value = Manager.Connect(name).Value(1, "one");
        Kids.Interrupt(pid);
        value.Value = 5;
        Assert.Equal(5, value.Value);

        owner.Kill();
        owner.Join();
        Kids.Until(() => !Kids.IsRunning(pid), "The manager outlived its owner.");
        using var next = Manager.Start(name);
        Assert.Equal(7, next.Value(7, "one").Value);
    }

    [Fact]
    [Trait("Case", "73")]
    public void A_terminated_manager_takes_its_file_with_it()
    {
        var name = _kids.File("manager");
        using var manager = Manager.Start(name);
        Assert.True(File.Exists(name));
        Kids.Terminate(manager.Pid!.Value);
        Kids.Until(() => !Kids.IsRunning(manager.Pid!.Value));
        Assert.False(File.Exists(name));
    }

    [Fact]
    [Trait("Case", "D1")]
    public void The_lock_of_a_killed_user_is_granted_as_abandoned_and_that_of_a_stopped_one_is_not()
    {
        var gate = _manager.Lock();
        var holder = _kids.Start(Users.TakeAndStay, gate, _kids.File("taken"));
        _kids.Read("taken");
        Kids.Stop(holder.Pid!.Value);
        Assert.Equal(LockResult.TimedOut, gate.Acquire(TimeSpan.FromMilliseconds(200)));
        var waiting = Task.Run(() => gate.Acquire());
        holder.Kill();
        Assert.Equal(LockResult.Abandoned, waiting.Get());
        gate.Release();
        Assert.Equal(LockResult.Acquired, gate.Acquire());
    }

    [Fact]
    [Trait("Case", "72")]
    public void A_cancelled_call_does_not_take_the_lock_from_the_process_that_has_it()
    {
        var (gate, queue) = (_manager.Lock(), _manager.Queue<int>());
        Assert.Equal(LockResult.Acquired, gate.Acquire());
        for (var i = 0; i < 3; i++)
        {
            using var stop = new CancellationTokenSource(20);
            Assert.ThrowsAny<OperationCanceledException>(() => queue.Get(cancellation: stop.Token));

            // Until the manager has heard of it: another call at once may come in before.
            Thread.Sleep(200);
        }

        // Where it was taken away, the next would get it as abandoned.
        Assert.Equal(LockResult.TimedOut, gate.Acquire(TimeSpan.FromMilliseconds(300)));
        gate.Release();
        Assert.Equal(LockResult.Acquired, gate.Acquire(TimeSpan.Zero));
    }

    [Fact]
    [Trait("Case", "72")]
    public void What_is_too_long_for_one_message_is_refused_and_nothing_else_is_lost()
    {
        var (gate, list) = (_manager.Lock(), _manager.List<string>());
        gate.Acquire();
        var tooLong = Assert.Throws<ArgumentException>(() => list.Add(new('x', 65 << 20)));
        Assert.Contains("MaxMessageSize", tooLong.Message, StringComparison.Ordinal);
        Assert.Empty(list);
        for (var i = 0; i < 2; i++) list.Add(new('x', 33 << 20));
        var refused = Assert.Throws<InvalidOperationException>(() => list.ToArray());
        Assert.Contains("at most can be sent at once", refused.Message, StringComparison.Ordinal);
        Assert.Equal(2, list.Count);
        Assert.Equal(LockResult.TimedOut, gate.Acquire(TimeSpan.FromMilliseconds(100)));
    }

    [Fact]
    [Trait("Case", "D4")]
    public void An_item_that_went_to_a_killed_user_is_given_to_the_next()
    {
        var queue = _manager.Queue<string>();
        var taken = 0;
        for (var i = 0; taken < 3; i++)
        {
            Assert.NotEqual(20, i);
            var waiter = _kids.Start(Users.WaitFor, queue, _kids.File($"waits {i}"));
            _kids.Read($"waits {i}");
            Thread.Sleep(50);
            Kids.Stop(waiter.Pid!.Value);
            queue.Put($"{i}");

            // Taken for the stopped one, if it had come to ask: it cannot read it, and as soon as it never will, it is back.
            for (var tries = 0; tries < 100 && !queue.IsEmpty; tries++) Thread.Sleep(2);
            if (queue.IsEmpty) taken++;
            waiter.Kill();
            Assert.Equal($"{i}", queue.Get(Kids.Patience));
        }
    }

    [Fact]
    [Trait("Case", "72")]
    public void An_object_that_was_deleted_says_so()
    {
        var list = _manager.List<int>("short-lived");
        list.Add(1);
        list.Delete();
        list.Delete();
        Assert.Contains("deleted", Assert.Throws<InvalidOperationException>(() => list.Count).Message, StringComparison.Ordinal);
        Assert.Empty(_manager.List<int>("short-lived"));
    }

    public void Dispose()
    {
        _kids.Dispose();
        _manager.Dispose();
    }
}
