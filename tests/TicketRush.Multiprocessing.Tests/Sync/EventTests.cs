using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Sync;

/// <summary>Events between processes.</summary>
public sealed class EventTests : IDisposable
{
    private readonly Kids _kids = new();

    [Fact]
    [Trait("Case", "36")]
    public void An_event_lets_everyone_pass_from_when_it_is_set_until_it_is_cleared()
    {
        using var theEvent = new SharedEvent();
        Assert.False(theEvent.Wait(TimeSpan.Zero));
        Assert.False(theEvent.Wait(TimeSpan.FromMilliseconds(50)));
        theEvent.Set();
        theEvent.Set();
        Assert.True(theEvent.IsSet);
        Assert.True(theEvent.Wait(TimeSpan.Zero));
        Assert.True(theEvent.Wait());
        theEvent.Clear();
        Assert.False(theEvent.Wait(TimeSpan.Zero));
    }

    [Fact]
    [Trait("Case", "36")]
    public void Setting_it_wakes_waiters_in_another_process_also_when_it_is_cleared_at_once()
    {
        using var theEvent = new SharedEvent();
        using var ready = new SharedEvent();
        using var woken = new SharedValue<int>();
        var child = _kids.Start(SyncTargets.WaitForEvent, theEvent, ready, woken);
        Assert.True(ready.Wait(Kids.Patience));
        Thread.Sleep(200);
        theEvent.Set();
        theEvent.Clear();
        child.Join();
        Assert.Equal(1, woken.Value);
    }

    [Fact]
    public async Task An_asynchronous_wait_ends_when_it_is_set()
    {
        using var theEvent = new SharedEvent();
        var waits = Enumerable.Range(0, 10).Select(_ => theEvent.WaitAsync(Kids.Patience).AsTask()).ToArray();
        theEvent.Set();
        Assert.All(await Task.WhenAll(waits), Assert.True);
        theEvent.Clear();
        using var cancellation = new CancellationTokenSource(50);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => theEvent.WaitAsync(cancellation: cancellation.Token).AsTask());
    }

    [Fact]
    [Trait("Case", "D3")]
    public async Task A_waiter_that_was_killed_or_stopped_does_not_hold_up_who_sets_it()
    {
        using var theEvent = new SharedEvent();
        using var woken = new SharedValue<int>();
        ChildProcess Wait()
        {
            using var ready = new SharedEvent();
            var child = _kids.Start(SyncTargets.WaitForEvent, theEvent, ready, woken);
            Assert.True(ready.Wait(Kids.Patience));
            Thread.Sleep(50);
            return child;
        }

        var killed = Wait();
        Kids.Stop(Wait().Pid!.Value);
        var alive = Wait();
        killed.Kill();
        killed.Join();
        await Task.Run(theEvent.Set).WaitAsync(TimeSpan.FromSeconds(10));
        alive.Join();
        Assert.Equal(1, woken.Value);
    }

    public void Dispose() => _kids.Dispose();
}
