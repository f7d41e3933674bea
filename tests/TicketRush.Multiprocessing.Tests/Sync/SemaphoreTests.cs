using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Sync;

/// <summary>Semaphores, and the permits of processes that die.</summary>
public sealed class SemaphoreTests : IDisposable
{
    private readonly Kids _kids = new();

    [Fact]
    [Trait("Case", "25")]
    public void A_semaphore_counts_down_and_may_rise_above_its_start()
    {
        using var semaphore = new SharedSemaphore(2);
        Assert.Equal(2, semaphore.Value);
        Assert.True(semaphore.Acquire());
        Assert.Equal(1, semaphore.Value);
        Assert.True(semaphore.TryAcquire());
        Assert.Equal(0, semaphore.Value);
        Assert.False(semaphore.TryAcquire());
        Assert.False(semaphore.Acquire(TimeSpan.FromMilliseconds(50)));
        semaphore.Release(4);
        Assert.Equal(4, semaphore.Value);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Case", "26")]
    public void A_bounded_semaphore_refuses_a_release_too_many(bool recoverPermits)
    {
        using var semaphore = new SharedBoundedSemaphore(2, recoverPermits);
        Assert.Throws<SemaphoreFullException>(() => semaphore.Release());
        Assert.Equal(2, semaphore.Value);
        Assert.True(semaphore.Acquire());
        Assert.Throws<SemaphoreFullException>(() => semaphore.Release(2));
        Assert.Equal(1, semaphore.Value);
        semaphore.Release();
        Assert.Equal(2, semaphore.Value);
    }

    [Fact]
    [Trait("Case", "26")]
    public void Of_threads_that_race_to_release_one_too_many_exactly_one_is_refused()
    {
        for (var round = 0; round < 200; round++)
        {
            using var semaphore = new SharedBoundedSemaphore(4);
            for (var i = 0; i < 3; i++) semaphore.Acquire();
            var refused = 0;
            Parallel.For(0, 4, _ =>
            {
                try
                {
                    semaphore.Release();
                }
                catch (SemaphoreFullException)
                {
                    Interlocked.Increment(ref refused);
                }
            });
            Assert.Equal((1, 4), (refused, semaphore.Value));
        }
    }

    [Fact]
    [Trait("Case", "28")]
    public void A_negative_start_is_refused_and_a_scope_gives_the_permit_back()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new SharedSemaphore(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new SharedBoundedSemaphore(-1));
        using var semaphore = new SharedSemaphore(1);
        using (semaphore.Enter()) Assert.Equal(0, semaphore.Value);
        Assert.Equal(1, semaphore.Value);
    }

    [Fact]
    public async Task Every_release_lets_one_more_waiter_go_on()
    {
        using var semaphore = new SharedSemaphore(0);
        var went = 0;
        var waiters = Enumerable.Range(0, 6).Select(_ => Task.Factory.StartNew(
            () =>
            {
                if (semaphore.Acquire(Kids.Patience)) Interlocked.Increment(ref went);
            },
            TaskCreationOptions.LongRunning)).ToArray();
        semaphore.Release(2);
        Kids.Until(() => Volatile.Read(ref went) == 2);
        Assert.Equal(0, semaphore.Value);
        semaphore.Release();
        Kids.Until(() => Volatile.Read(ref went) == 3);
        semaphore.Release(3);
        await Task.WhenAll(waiters).WaitAsync(Kids.Patience);
        Assert.Equal(0, semaphore.Value);
    }

    [Fact]
    public async Task A_dead_process_s_permits_come_back_where_they_stand_for_a_resource()
    {
        using var semaphore = new SharedBoundedSemaphore(3);
        using var ready = new SharedEvent();
        var child = _kids.Start(SyncTargets.HoldBoundedPermits, semaphore, 2, ready);
        Assert.True(ready.Wait(Kids.Patience));
        Assert.True(semaphore.Acquire());
        Assert.False(semaphore.TryAcquire());

        var waiting = Task.Factory.StartNew(() => semaphore.Acquire(Kids.Patience), TaskCreationOptions.LongRunning);
        child.Kill();
        Assert.True(await waiting.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal(1, semaphore.Value);
        semaphore.Release(2);
        Assert.Throws<SemaphoreFullException>(() => semaphore.Release());
    }

    [Fact]
    public void A_dead_process_s_permits_are_gone_where_they_are_signals()
    {
        using var semaphore = new SharedSemaphore(1);
        using var ready = new SharedEvent();
        var child = _kids.Start(SyncTargets.HoldPermits, semaphore, 1, ready);
        Assert.True(ready.Wait(Kids.Patience));
        child.Kill();
        child.Join();
        Assert.False(semaphore.Acquire(TimeSpan.FromMilliseconds(200)));
        semaphore.Release();
        Assert.True(semaphore.TryAcquire());
    }

    public void Dispose() => _kids.Dispose();
}
