using System.Diagnostics;
using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Sync;

/// <summary>Conditions, whose waiters are threads of this process and other processes, dead ones too.</summary>
public sealed class ConditionTests : IDisposable
{
    private readonly Kids _kids = new();
    private readonly SharedCondition _condition = new();
    private readonly SharedValue<int> _entered = new();
    private readonly SharedValue<int> _woken = new();

    [Fact]
    [Trait("Case", "30")]
    public void Waiting_and_notifying_need_the_lock()
    {
        Assert.Throws<SynchronizationLockException>(() => _condition.Wait());
        Assert.Throws<SynchronizationLockException>(() => _condition.Notify());
        Assert.Throws<SynchronizationLockException>(() => _condition.NotifyAll());
        using var plain = new SharedLock();
        using var other = new SharedCondition(plain);
        Assert.Throws<SynchronizationLockException>(() => other.Notify());
        plain.Acquire();
        Assert.Equal(0, other.Notify());
    }

    [Fact]
    [Trait("Case", "31")]
    public void One_notification_wakes_one_of_a_process_and_a_thread_and_another_the_other()
    {
        var child = WaitInProcess();
        var thread = WaitInThread();
        Entered(2);
        Assert.Equal(1, Notify(1));
        Woken(1);
        Thread.Sleep(100);
        Assert.Equal(1, _woken.Value);
        Assert.Equal(1, Notify(1));
        Woken(2);
        child.Join();
        thread.Join();
    }

    [Fact]
    [Trait("Case", "32")]
    public void Waiters_whose_time_is_up_leave_nothing_behind()
    {
        var early = Enumerable.Range(0, 3).Select(_ => WaitInThread(50)).ToArray();
        var processes = Enumerable.Range(0, 3).Select(_ => WaitInProcess(50)).ToArray();
        foreach (var one in early) one.Join();
        foreach (var one in processes) one.Join();
        Assert.Equal((6, 0), (_entered.Value, _woken.Value));
        Assert.Equal(0, Notify(int.MaxValue));

        for (var i = 0; i < 3; i++)
        {
            WaitInThread();
            WaitInProcess();
        }

        Entered(12);
        Assert.Equal(6, Notify(int.MaxValue));
        Woken(6);
    }

    [Fact]
    [Trait("Case", "33")]
    public void A_number_of_waiters_is_woken_and_a_notification_for_nobody_is_not_remembered()
    {
        for (var i = 0; i < 3; i++)
        {
            WaitInThread();
            WaitInProcess();
        }

        Entered(6);
        Assert.Equal(2, Notify(2));
        Woken(2);
        Assert.Equal(4, Notify(4));
        Woken(6);
        Assert.Equal(0, Notify(3));
        using (_condition.Enter()) Assert.False(_condition.Wait(TimeSpan.FromMilliseconds(100)));
    }

    [Fact]
    [Trait("Case", "34")]
    public void A_wait_has_every_level_of_the_lock_again_whether_it_was_notified_or_not()
    {
        using var recursive = new SharedRLock();
        using var condition = new SharedCondition(recursive);
        recursive.Acquire();
        recursive.Acquire();
        Assert.False(condition.Wait(TimeSpan.Zero));
        Assert.False(condition.Wait(TimeSpan.FromMilliseconds(50)));
        Assert.True(recursive.IsHeldByCurrentThread);

        var notifier = new Thread(() =>
        {
            recursive.Acquire();
            condition.Notify();
            recursive.Release();
        });
        notifier.Start();
        Assert.True(condition.Wait(Kids.Patience));
        notifier.Join();
        recursive.Release();
        Assert.True(recursive.IsHeldByCurrentThread);
        recursive.Release();
        Assert.False(recursive.IsHeldByCurrentThread);
    }

    [Fact]
    [Trait("Case", "35")]
    public void Waiting_for_a_predicate_gives_what_it_says_and_is_not_cut_short_by_notifications()
    {
        using var stop = new SharedEvent();
        var notifier = new Thread(() =>
        {
            while (!stop.Wait(TimeSpan.FromMilliseconds(10))) Notify(1);
        });
        notifier.Start();
        var clock = Stopwatch.StartNew();
        using (_condition.Enter()) Assert.False(_condition.WaitFor(() => false, TimeSpan.FromMilliseconds(300)));
        Assert.True(clock.ElapsedMilliseconds >= 300, $"It took {clock.Elapsed}.");
        var asked = 0;
        using (_condition.Enter()) Assert.True(_condition.WaitFor(() => ++asked > 3, Kids.Patience));
        stop.Set();
        notifier.Join();
    }

    [Fact]
    [Trait("Case", "D2")]
    public void A_waiter_that_was_killed_holds_up_no_notification_and_gets_none()
    {
        var dead = WaitInProcess();
        Entered(1);
        dead.Kill();
        dead.Join();
        WaitInThread();
        Entered(2);
        Assert.Equal(1, Notify(1));
        Woken(1);
        Assert.Equal(0, Notify(int.MaxValue));
    }

    [Fact]
    [Trait("Case", "D2")]
    public void A_notification_given_to_one_that_dies_before_it_goes_on_passes_to_the_next()
    {
        var dead = WaitInProcess();
        Entered(1);
        Kids.Stop(dead.Pid!.Value);
        WaitInThread();
        Entered(2);

        // The first in line is stopped, which is alive: the notification is its own. It dies without having gone on.
        Assert.Equal(1, Notify(1));
        Thread.Sleep(100);
        Assert.Equal(0, _woken.Value);
        dead.Kill();
        Woken(1);
        Assert.Equal(0, Notify(int.MaxValue));
    }

    public void Dispose()
    {
        _kids.Dispose();
        _condition.Dispose();
        _entered.Dispose();
        _woken.Dispose();
    }

    private ChildProcess WaitInProcess(int milliseconds = 60_000) =>
        _kids.Start(SyncTargets.WaitForCondition, _condition, _entered, _woken, milliseconds);

    private Thread WaitInThread(int milliseconds = 60_000)
    {
        var thread = new Thread(() => SyncTargets.WaitForCondition(_condition, _entered, _woken, milliseconds)) { IsBackground = true };
        thread.Start();
        return thread;
    }

    // Who says so with the lock, and then waits, has released it only as a waiter.
    private void Entered(int count) => Kids.Until(() =>
    {
        using (_condition.Enter()) return _entered.Value == count;
    });

    private void Woken(int count) => Kids.Until(() =>
    {
        using (_condition.Enter()) return _woken.Value == count;
    });

    private int Notify(int count)
    {
        using (_condition.Enter()) return _condition.Notify(count);
    }
}
