using System.Diagnostics;
using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Sync;

/// <summary>Barriers, and all the ways in which they break.</summary>
public sealed class BarrierTests : IDisposable
{
    private const int Parties = 5;
    private readonly Kids _kids = new();

    [Theory]
    [InlineData(10)]
    [InlineData(1000)]
    [Trait("Case", "37")]
    public void Processes_go_in_lockstep(int passes)
    {
        using var barrier = new SharedBarrier(3);
        using var positions = new SharedArray<long>(3);
        var children = Enumerable.Range(0, 3).Select(me => _kids.Start(SyncTargets.Lockstep, barrier, positions, me, passes)).ToArray();
        foreach (var child in children)
        {
            child.Join();
            Assert.Equal(0, child.ExitCode);
        }
    }

    [Fact]
    [Trait("Case", "37")]
    public void In_every_pass_each_party_gets_another_index_and_the_action_runs_once()
    {
        var actions = 0;
        using var barrier = new SharedBarrier(Parties, () => actions++);
        for (var pass = 1; pass <= 100; pass++)
        {
            Assert.Equal([0, 1, 2, 3, 4], Run(Parties, barrier, () => barrier.Wait(Kids.Patience)).Select(one => (int)one).Order());
            Assert.Equal(pass, actions);
        }

        Assert.Equal(0, barrier.Waiting);
    }

    [Fact]
    [Trait("Case", "38")]
    public void An_abort_frees_the_others_and_a_reset_makes_the_barrier_usable()
    {
        using var barrier = new SharedBarrier(Parties);
        var waits = Start(Parties - 1, () => barrier.Wait(Kids.Patience));
        Kids.Until(() => barrier.Waiting == Parties - 1);
        barrier.Abort();
        Assert.All(Finish(waits), one => Assert.IsType<BrokenBarrierException>(one));
        Assert.True(barrier.IsBroken);
        Assert.Throws<BrokenBarrierException>(() => barrier.Wait());

        barrier.Reset();
        Assert.False(barrier.IsBroken);
        Assert.Equal(Parties, Run(Parties, barrier, () => barrier.Wait(Kids.Patience)).Distinct().Count());
    }

    [Fact]
    [Trait("Case", "38")]
    public void A_reset_frees_who_waits()
    {
        using var barrier = new SharedBarrier(Parties);
        var waits = Start(Parties - 1, () => barrier.Wait(Kids.Patience));
        Kids.Until(() => barrier.Waiting == Parties - 1);
        barrier.Reset();
        Assert.All(Finish(waits), one => Assert.IsType<BrokenBarrierException>(one));
        Assert.False(barrier.IsBroken);
        Assert.Equal(Parties, Run(Parties, barrier, () => barrier.Wait(Kids.Patience)).Distinct().Count());
    }

    [Fact]
    [Trait("Case", "38")]
    public void An_action_that_throws_breaks_the_barrier()
    {
        using var barrier = new SharedBarrier(2, () => throw new InvalidDataException());
        var results = Run(2, barrier, () => barrier.Wait(Kids.Patience));
        Assert.Single(results, one => one is InvalidDataException);
        Assert.Single(results, one => one is BrokenBarrierException);
        Assert.True(barrier.IsBroken);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Case", "39")]
    public void One_party_s_time_is_the_time_of_all(bool byDefault)
    {
        using var barrier = new SharedBarrier(Parties, timeout: byDefault ? TimeSpan.FromMilliseconds(200) : null);
        var patient = Start(Parties - 2, () => barrier.Wait(Kids.Patience));
        Kids.Until(() => barrier.Waiting == Parties - 2);
        Assert.Throws<BrokenBarrierException>(() => barrier.Wait(byDefault ? null : TimeSpan.FromMilliseconds(200)));
        Assert.All(Finish(patient), one => Assert.IsType<BrokenBarrierException>(one));
        Assert.True(barrier.IsBroken);
    }

    [Fact]
    [Trait("Case", "39")]
    public void A_barrier_for_one_never_waits()
    {
        using var barrier = new SharedBarrier(1);
        for (var i = 0; i < 10; i++) Assert.Equal(0, barrier.Wait(TimeSpan.Zero));
    }

    [Fact]
    [Trait("Case", "D5")]
    public void A_party_that_is_killed_while_it_waits_breaks_the_barrier()
    {
        using var barrier = new SharedBarrier(3);
        var child = _kids.Start(SyncTargets.WaitAtBarrier, barrier);
        Kids.Until(() => barrier.Waiting == 1);
        var waits = Start(1, () => barrier.Wait(Kids.Patience));
        Kids.Until(() => barrier.Waiting == 2);
        var clock = Stopwatch.StartNew();
        child.Kill();
        Assert.All(Finish(waits), one => Assert.IsType<BrokenBarrierException>(one));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"It took {clock.Elapsed}.");

        // Who comes only now is told so too, and does not wait.
        Assert.Throws<BrokenBarrierException>(() => barrier.Wait(TimeSpan.FromSeconds(1)));
    }

    [Fact]
    [Trait("Case", "D5")]
    public void A_party_that_died_waiting_is_noticed_by_who_comes_later()
    {
        using var barrier = new SharedBarrier(3);
        var child = _kids.Start(SyncTargets.WaitAtBarrier, barrier);
        Kids.Until(() => barrier.Waiting == 1);
        child.Kill();
        child.Join();
        Assert.Throws<BrokenBarrierException>(() => barrier.Wait(Kids.Patience));
    }

    public void Dispose() => _kids.Dispose();

    private static Task<object>[] Start(int count, Func<int> wait) =>
        [.. Enumerable.Range(0, count).Select(_ => Task.Factory.StartNew<object>(
            () =>
            {
                try
                {
                    return wait();
                }
                catch (Exception failure)
                {
                    return failure;
                }
            },
            TaskCreationOptions.LongRunning))];

    private static object[] Finish(Task<object>[] waits)
    {
        Assert.True(Task.WaitAll(waits, Kids.Patience));
        return [.. waits.Select(wait => wait.Result)];
    }

    private static object[] Run(int count, SharedBarrier barrier, Func<int> wait)
    {
        Assert.False(barrier.IsBroken);
        return Finish(Start(count, wait));
    }
}
