using System.Diagnostics;
using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Queues;

/// <summary>Queues, with producers and consumers that are killed at any moment.</summary>
public sealed class QueueTests : IDisposable
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(150);
    private readonly Kids _kids = new();

    [Fact]
    [Trait("Case", "40")]
    public async Task A_full_queue_refuses_in_every_form()
    {
        using var queue = new SharedQueue<int>(6);
        queue.Put(1);
        queue.Put(2, Short);
        queue.Put(3, cancellation: new CancellationToken(false));
        Assert.True(queue.TryPut(4));
        Assert.True(queue.TryPut(5, Short));
        Assert.False(queue.IsFull);
        await queue.PutAsync(6);
        Assert.True(queue.IsFull);

        Assert.False(queue.TryPut(7));
        Assert.Throws<QueueFullException>(() => queue.Put(7, TimeSpan.Zero));
        Assert.Throws<QueueFullException>(() => queue.Put(7, TimeSpan.FromSeconds(-1)));
        var clock = Stopwatch.StartNew();
        Assert.Throws<QueueFullException>(() => queue.Put(7, Short));
        Assert.True(clock.Elapsed >= Short, $"It took {clock.Elapsed}.");
        Assert.Equal([1, 2, 3, 4, 5, 6], Drain(queue));
    }

    [Fact]
    [Trait("Case", "41")]
    public async Task An_empty_queue_refuses_in_every_form()
    {
        using var queue = new SharedQueue<int>();
        Assert.False(queue.TryGet(out _));
        Assert.Throws<QueueEmptyException>(() => queue.Get(TimeSpan.Zero));
        var clock = Stopwatch.StartNew();
        Assert.Throws<QueueEmptyException>(() => queue.Get(Short));
        Assert.False(queue.TryGet(out _, Short));
        Assert.True(clock.Elapsed >= 2 * Short, $"It took {clock.Elapsed}.");
        using var cancellation = new CancellationTokenSource(Short);
        Assert.ThrowsAny<OperationCanceledException>(() => queue.Get(cancellation: cancellation.Token));
        var waiting = queue.GetAsync(Kids.Patience).AsTask();
        queue.Put(5);
        Assert.Equal(5, await waiting);
    }

    [Fact]
    [Trait("Case", "42")]
    public void What_one_process_puts_comes_out_in_its_order()
    {
        using var queue = new SharedQueue<int>();
        for (var i = 0; i < 10; i++) queue.Put(i);
        var child = _kids.Start(QueueTargets.PutRange, queue, 10, 100_000);
        for (var i = 0; i < 100_010; i++) Assert.Equal(i, queue.Get(Kids.Patience));
        child.Join();
        Assert.True(queue.IsEmpty);
    }

    [Fact]
    [Trait("Case", "43")]
    public void The_count_is_exact()
    {
        using var queue = new SharedQueue<string>();
        Assert.Equal(0, queue.Count);
        queue.Put("one");
        Assert.Equal(1, queue.Count);
        queue.Put("two");
        Assert.Equal(2, queue.Count);
        Assert.Equal("one", queue.Get());
        Assert.Equal(1, queue.Count);
        Assert.Equal("two", queue.Get());
        Assert.Equal(0, queue.Count);
        Assert.Equal(0, new SharedQueue<int>(-3).MaxSize);
    }

    [Fact]
    [Trait("Case", "44")]
    public void An_item_that_does_not_serialise_leaves_the_queue_as_it_was()
    {
        using var queue = new SharedQueue<Ticket>(1, ItemCodec.Json(SyncJson.Default.Ticket));
        Assert.Throws<InvalidDataException>(() => queue.Put(new(-1, "nowhere")));
        Assert.True(queue.IsEmpty);
        _kids.Start(QueueTargets.PutTicket, queue, 7).Join();
        Assert.Equal(new(7, "S7"), queue.Get());
    }

    [Fact]
    [Trait("Case", "44")]
    public void An_item_that_is_too_large_is_refused_with_the_limit()
    {
        using var queue = new SharedQueue<byte[]>();
        var refused = Assert.Throws<ArgumentException>(() => queue.Put(new byte[SharedQueue<byte[]>.ItemBytesMax + 1]));
        Assert.Contains($"{SharedQueue<byte[]>.ItemBytesMax}", refused.Message, StringComparison.Ordinal);
        queue.Put(new byte[SharedQueue<byte[]>.ItemBytesMax]);
        Assert.Equal(SharedQueue<byte[]>.ItemBytesMax, queue.Get().Length);
        Assert.Throws<ArgumentException>(() => new SharedQueue<Ticket>());
    }

    [Fact]
    [Trait("Case", "45")]
    public void A_closed_queue_neither_puts_nor_gets()
    {
        var queue = new SharedQueue<int>();
        queue.Put(1);
        queue.Close();
        queue.Close();
        Assert.Throws<QueueClosedException>(() => queue.Put(2));
        Assert.Throws<QueueClosedException>(() => queue.TryPut(2));
        Assert.Throws<QueueClosedException>(() => queue.Get());
        Assert.Throws<QueueClosedException>(() => queue.TryGet(out _));
        Assert.Throws<QueueClosedException>(() => queue.Count);
    }

    [Fact]
    [Trait("Case", "46")]
    [Trait("Case", "D8")]
    public void A_child_that_puts_much_and_returns_at_once_delivers_everything()
    {
        using var queue = new SharedQueue<byte[]>();
        var child = _kids.Start(QueueTargets.PutBlocks, queue, 20_000);
        Assert.True(child.Join(Kids.Patience));
        Assert.Equal(20_000, queue.Count);
        for (var i = 0; i < 20_000; i++) Assert.Equal(1024, queue.Get(TimeSpan.Zero).Length);
        Assert.True(queue.IsEmpty);
    }

    [Fact]
    [Trait("Case", "48")]
    public void A_simple_queue_goes_both_ways_and_closes_twice()
    {
        var questions = new SharedSimpleQueue<string>();
        using var answers = new SharedSimpleQueue<string>();
        questions.Put("is it you?");
        _kids.Start(QueueTargets.Answer, questions, answers).Join();
        Assert.Equal("False", answers.Get(Kids.Patience));
        Assert.Equal("IS IT YOU?", answers.Get(Kids.Patience));
        Assert.True(questions.IsEmpty);
        questions.Close();
        questions.Close();
        Assert.Throws<QueueClosedException>(() => questions.IsEmpty);
    }

    [Fact]
    [Trait("Case", "D11")]
    public void A_queue_is_not_empty_right_after_a_put()
    {
        using var queue = new SharedQueue<int>();
        for (var i = 0; i < 10_000; i++)
        {
            queue.Put(i);
            Assert.False(queue.IsEmpty);
            Assert.True(queue.TryGet(out var item));
            Assert.Equal(i, item);
            Assert.True(queue.IsEmpty);
        }
    }

    [Fact]
    [Trait("Case", "D4")]
    public void A_consumer_killed_while_it_waits_takes_nothing_with_it()
    {
        using var queue = new SharedQueue<int>();
        using var ready = new SharedEvent();
        var child = _kids.Start(QueueTargets.Swallow, queue, ready);
        Assert.True(ready.Wait(Kids.Patience));
        Thread.Sleep(100);
        child.Kill();
        child.Join();
        queue.Put(42);
        Assert.Equal(42, queue.Get(Kids.Patience));
    }

    [Fact]
    [Trait("Case", "D14")]
    public void A_stopped_consumer_is_not_in_the_way_of_another()
    {
        using var queue = new SharedQueue<int>();
        using var ready = new SharedEvent();
        var child = _kids.Start(QueueTargets.GetAndStay, queue, ready);
        Assert.True(ready.Wait(Kids.Patience));
        Thread.Sleep(100);
        Kids.Stop(child.Pid!.Value);
        for (var i = 0; i < 100; i++)
        {
            queue.Put(i);
            Assert.Equal(i, queue.Get(Kids.Patience));
        }
    }

    [Fact]
    [Trait("Storm", "true")]
    [Trait("Case", "D4")]
    public void In_a_storm_of_killed_producers_and_consumers_no_item_is_torn_doubled_or_out_of_order()
    {
        using var queue = new SharedQueue<int>(5000);
        var last = new Dictionary<int, int>();
        var rounds = Environment.GetEnvironmentVariable("RUSH_FULL") == "1" ? 200 : 20;
        long got = 0;
        for (var round = 0; round < rounds; round++)
        {
            using var ready = new SharedEvent();
            var producer = _kids.Start(QueueTargets.PutForever, queue, round);
            var consumer = _kids.Start(QueueTargets.Swallow, queue, ready);
            Assert.True(ready.Wait(Kids.Patience));
            var until = Stopwatch.StartNew();
            while (until.ElapsedMilliseconds < 5 + (round % 7)) Take(Kids.Patience);
            if (round % 2 == 0)
            {
                producer.Kill();
                consumer.Kill();
            }
            else
            {
                consumer.Kill();
                producer.Kill();
            }

            producer.Join();
            consumer.Join();
            while (Take(TimeSpan.Zero)) { }
            Assert.True(queue.IsEmpty);
            producer.Dispose();
            consumer.Dispose();
        }

        // Everything works as at first: no gate is held, no count is off.
        for (var i = 0; i < 5000; i++) Assert.True(queue.TryPut(i));
        Assert.False(queue.TryPut(0));
        Assert.Equal(Enumerable.Range(0, 5000), Drain(queue));
        TestContext.Current.TestOutputHelper?.WriteLine($"{got} items in {rounds} rounds");

        bool Take(TimeSpan timeout)
        {
            if (!queue.TryGet(out var item, timeout)) return false;
            var (producer, number) = (item >> 22, item & ((1 << 22) - 1));
            var before = last.GetValueOrDefault(producer, -1);
            Assert.True(number > before, $"{number} of producer {producer} came after {before}.");
            last[producer] = number;
            got++;
            return true;
        }
    }

    [Fact]
    public void Several_processes_consume_each_item_once()
    {
        using var queue = new SharedQueue<int>(100);
        using var sum = new SharedValue<long>();
        var children = Enumerable.Range(0, 3).Select(_ => _kids.Start(QueueTargets.Sum, queue, sum)).ToArray();
        long expected = 0;
        for (var i = 0; i < 30_000; i++)
        {
            queue.Put(i);
            expected += i;
        }

        foreach (var _ in children) queue.Put(-1);
        foreach (var child in children) Assert.True(child.Join(Kids.Patience));
        Assert.Equal(expected, sum.Value);
    }

    // Goal: a ring that wraps, skips and grows loses and moves nothing. Method: items of random sizes against a plain queue.
    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6)]
    public void Items_of_all_sizes_come_out_as_they_went_in(int seed)
    {
        var random = new Random(seed);
        using var queue = new SharedQueue<byte[]>();
        var model = new Queue<byte[]>();
        for (var step = 0; step < 20_000; step++)
        {
            // Long runs of puts, then of gets, so that the ring grows while it is wrapped.
            if (random.Next(100) < (step / 1000 % 2 == 0 ? 70 : 35))
            {
                var item = new byte[random.Next(20) switch { 0 => random.Next(30_000), 1 => 0, _ => random.Next(300) }];
                random.NextBytes(item);
                queue.Put(item, TimeSpan.Zero);
                model.Enqueue(item);
            }
            else
            {
                Assert.Equal(model.TryDequeue(out var expected), queue.TryGet(out var item));
                Assert.True(expected.AsSpan().SequenceEqual(item));
            }

            Assert.Equal(model.Count, queue.Count);
        }

        while (model.TryDequeue(out var expected)) Assert.True(expected.AsSpan().SequenceEqual(queue.Get(TimeSpan.Zero)));
    }

    [Fact]
    public void A_queue_without_a_number_is_full_when_its_bytes_are()
    {
        using var queue = new SharedQueue<byte[]>();
        var block = new byte[1 << 20];
        var count = 0;
        while (queue.TryPut(block)) count++;
        Assert.Equal(63, count);
        Assert.Throws<QueueFullException>(() => queue.Put(block, Short));
        queue.Get();
        Assert.True(queue.TryPut(block));
    }

    [Fact]
    public void Text_and_records_and_structures_are_items()
    {
        using var text = new SharedQueue<string>();
        text.Put("座位 12 – ok");
        Assert.Equal("座位 12 – ok", text.Get());
        using var structures = new SharedQueue<(int Row, double Price)>(codec: ItemCodec.Unmanaged<(int, double)>());
        structures.Put((3, 9.5));
        Assert.Equal((3, 9.5), structures.Get());
        Assert.Throws<ArgumentNullException>(() => text.Put(null!));
    }

    [Fact]
    public void Putting_and_getting_values_allocates_nothing()
    {
        using var queue = new SharedQueue<long>();
        using var theLock = new SharedLock();
        long Run()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
            {
                queue.Put(i);
                queue.Get();
                using (theLock.Enter()) { }
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Run();
        Assert.Equal(0, Run());
    }

    public void Dispose() => _kids.Dispose();

    private static List<int> Drain(SharedQueue<int> queue)
    {
        var items = new List<int>();
        while (queue.TryGet(out var item)) items.Add(item);
        return items;
    }
}
