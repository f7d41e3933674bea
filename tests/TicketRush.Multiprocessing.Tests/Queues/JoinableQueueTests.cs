using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Queues;

/// <summary>Joinable queues: what was taken comes back when its worker dies.</summary>
public sealed class JoinableQueueTests : IDisposable
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(150);
    private readonly Kids _kids = new();

    [Fact]
    [Trait("Case", "47")]
    public void A_join_returns_when_four_workers_have_done_everything()
    {
        using var queue = new SharedJoinableQueue<int>();
        using var sum = new SharedValue<long>();
        Assert.True(queue.Join(TimeSpan.Zero));
        for (var i = 0; i < 4; i++) _kids.Start(QueueTargets.Work, queue, sum);
        for (var i = 1; i <= 2000; i++) queue.Put(i);
        Assert.True(queue.Join(Kids.Patience));
        Assert.Equal(2001 * 1000, sum.Value);
        queue.Put(1);
        Assert.True(queue.Join(Kids.Patience));
        Assert.Equal((2001 * 1000) + 1, sum.Value);
    }

    [Fact]
    [Trait("Case", "47")]
    public async Task A_join_waits_for_what_is_taken_and_not_done()
    {
        using var queue = new SharedJoinableQueue<int>();
        queue.Put(1);
        Assert.False(queue.Join(TimeSpan.Zero));
        queue.Get();
        Assert.True(queue.IsEmpty);
        Assert.False(queue.Join(Short));
        var join = queue.JoinAsync(Kids.Patience);
        queue.TaskDone();
        Assert.True(await join);
        var refused = Assert.Throws<InvalidOperationException>(queue.TaskDone);
        Assert.Contains("too many times", refused.Message, StringComparison.Ordinal);
        queue.Put(2);
        Assert.Equal(2, queue.Get());
        queue.TaskDone();
        Assert.True(queue.Join(TimeSpan.Zero));
    }

    [Fact]
    public void A_lease_is_done_or_given_back_once()
    {
        using var queue = new SharedJoinableQueue<int>();
        for (var i = 1; i <= 3; i++) queue.Put(i);
        var first = queue.GetLease();
        var second = queue.GetLease();
        second.Done();
        Assert.Throws<InvalidOperationException>(second.Done);
        Assert.Throws<InvalidOperationException>(second.Return);
        first.Return();
        Assert.Equal(2, queue.Count);
        var again = queue.GetLease();
        Assert.Equal(1, again.Item);
        Assert.Throws<InvalidOperationException>(first.Done);
        again.Done();
        queue.GetLease().Done();
        Assert.True(queue.Join(TimeSpan.Zero));
    }

    [Fact]
    [Trait("Case", "D9")]
    public async Task A_killed_worker_s_items_go_back_to_the_front()
    {
        using var queue = new SharedJoinableQueue<int>();
        using var ready = new SharedEvent();
        for (var i = 1; i <= 4; i++) queue.Put(i);
        var child = _kids.Start(QueueTargets.TakeAndStay, queue, 2, ready);
        Assert.True(ready.Wait(Kids.Patience));
        Assert.Equal(2, queue.Count);
        var join = queue.JoinAsync(Kids.Patience);
        child.Kill();
        Kids.Until(() => queue.Count == 4);
        for (var i = 1; i <= 4; i++) Assert.Equal(i, queue.Get(Kids.Patience));
        Assert.False(join.IsCompleted);
        for (var i = 1; i <= 4; i++) queue.TaskDone();
        Assert.True(await join);
    }

    [Fact]
    [Trait("Case", "D9")]
    public async Task A_worker_that_waits_gets_a_killed_worker_s_item()
    {
        using var queue = new SharedJoinableQueue<int>();
        using var ready = new SharedEvent();
        queue.Put(7);
        var child = _kids.Start(QueueTargets.TakeAndStay, queue, 1, ready);
        Assert.True(ready.Wait(Kids.Patience));
        var waiting = queue.GetAsync(Kids.Patience).AsTask();
        child.Kill();
        Assert.Equal(7, await waiting);
    }

    [Fact]
    [Trait("Case", "D14")]
    public void A_stopped_worker_keeps_its_item()
    {
        using var queue = new SharedJoinableQueue<int>();
        using var ready = new SharedEvent();
        queue.Put(7);
        var child = _kids.Start(QueueTargets.TakeAndStay, queue, 1, ready);
        Assert.True(ready.Wait(Kids.Patience));
        Kids.Stop(child.Pid!.Value);
        Assert.False(queue.TryGet(out _, TimeSpan.FromSeconds(1)));
        Assert.False(queue.Join(TimeSpan.Zero));
    }

    [Fact]
    [Trait("Storm", "true")]
    [Trait("Case", "D9")]
    public void In_a_storm_of_killed_workers_every_item_is_done()
    {
        const int Items = 100_000;
        using var queue = new SharedJoinableQueue<int>();
        using var times = new SharedArray<long>(Items);
        for (var i = 0; i < Items; i++) queue.Put(i);
        var rounds = Environment.GetEnvironmentVariable("RUSH_FULL") == "1" ? 200 : 10;
        for (var round = 0; round < rounds; round++)
        {
            using var child = _kids.Start(QueueTargets.CountEach, queue, times);
            var before = queue.Count;
            Kids.Until(() => queue.Count < before || queue.IsEmpty);
            child.Kill();
            child.Join();
            if (queue.IsEmpty)
                for (var i = 0; i < Items; i++) queue.Put(i);
        }

        _kids.Start(QueueTargets.CountEach, queue, times);
        Assert.True(queue.Join(Kids.Patience));
        Assert.DoesNotContain(0, times.AsSpan().ToArray());
    }

    public void Dispose() => _kids.Dispose();
}
