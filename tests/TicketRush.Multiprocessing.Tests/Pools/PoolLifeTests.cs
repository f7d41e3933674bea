using System.Diagnostics;
using System.Globalization;
using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Pools;

/// <summary>How pools and their workers begin and end.</summary>
public sealed class PoolLifeTests : IDisposable
{
    private readonly Kids _kids = new();

    [Fact]
    [Trait("Case", "66")]
    public void A_worker_is_replaced_after_its_tasks_and_none_is_lost()
    {
        using var pool = new ProcessPool(2, new() { MaxTasksPerChild = 10 });
        var before = pool.WorkerIds;
        var tasks = Enumerable.Range(0, 100)
            .Select(i => (Square: pool.ApplyAsync(Tasks.Square, i), Pid: pool.ApplyAsync(Tasks.PidOf, i))).ToArray();
        Assert.Equal(Enumerable.Range(0, 100).Select(Tasks.Square), tasks.Select(task => task.Square.Get()));
        var byWorker = tasks.GroupBy(task => task.Pid.Get()).ToArray();
        Assert.All(byWorker, worker => Assert.InRange(worker.Count(), 0, 10));
        Assert.True(byWorker.Length >= 10);
        Kids.Until(() => !pool.WorkerIds.Intersect(before).Any());
    }

    [Fact]
    [Trait("Case", "66")]
    public void A_worker_for_each_task_ends_with_the_last_one()
    {
        using var pool = new ProcessPool(2, new() { MaxTasksPerChild = 1 });
        var tasks = Enumerable.Range(0, 6).Select(i => pool.ApplyAsync(Tasks.PidOf, i)).ToArray();
        pool.Close();
        Assert.True(pool.Join(Kids.Patience));
        Assert.Equal(6, tasks.Select(task => task.Get()).Distinct().Count());

        using var mapping = new ProcessPool(1, new() { MaxTasksPerChild = 1 });
        Assert.Equal(6, mapping.Map(Tasks.PidOf, Enumerable.Range(0, 6)).Distinct().Count());
    }

    [Fact]
    [Trait("Case", "66")]
    [Trait("Case", "67")]
    public void Numbers_that_make_no_sense_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProcessPool(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProcessPool(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProcessPool(1, new() { MaxTasksPerChild = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProcessPool(1, new() { MaxTasksPerChild = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProcessPool(1, new() { Retries = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ProcessPool(1, new() { Spares = -1 }));
    }

    [Fact]
    [Trait("Case", "67")]
    public void A_closed_pool_finishes_what_it_has_and_takes_no_more()
    {
        using var pool = new ProcessPool(2);
        Assert.Contains("open", Assert.Throws<InvalidOperationException>(pool.Join).Message, StringComparison.Ordinal);
        var running = pool.MapAsync(Tasks.SleepAndSquare, Enumerable.Range(0, 30), 1);
        using var stream = pool.IMap(Tasks.Square, Enumerable.Range(0, 100)).GetEnumerator();
        Assert.True(stream.MoveNext());
        pool.Close();
        pool.Close();
        var refused = Assert.Throws<InvalidOperationException>(() => pool.Apply(Tasks.Square, 1));
        Assert.Contains("closed", refused.Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => pool.IMap(Tasks.Square, [1]).ToArray());
        var last = 0;
        while (stream.MoveNext()) last = stream.Current;
        Assert.Equal(99 * 99, last);
        stream.Dispose();
        Assert.True(pool.Join(Kids.Patience));
        Assert.Equal(29 * 29, running.Get()[29]);
        Assert.Empty(pool.WorkerIds);
    }

    [Fact]
    [Trait("Case", "67")]
    public void Terminating_ends_ten_thousand_sleepers_at_once()
    {
        using var pool = new ProcessPool(2);
        var sleeps = pool.MapAsync(Tasks.StayFor, Enumerable.Repeat(60_000, 10_000), 1);
        var single = pool.ApplyAsync(Tasks.StayAndReturn, 1);
        var watch = Stopwatch.StartNew();
        pool.Terminate();
        pool.Join();
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(20));
        Assert.ThrowsAny<OperationCanceledException>(() => sleeps.Get());
        Assert.ThrowsAny<OperationCanceledException>(() => single.Get());
        Assert.Throws<ObjectDisposedException>(() => pool.Apply(Tasks.Square, 1));
        Assert.Empty(pool.WorkerIds);
    }

    [Fact]
    [Trait("Case", "67")]
    public void The_end_of_a_scope_ends_workers_spare_and_stopped_ones_too()
    {
        IReadOnlyList<int> workers;
        using (var pool = new ProcessPool(2, new() { WorkerName = "ScopeWorker" }))
        {
            pool.Map(Tasks.SleepAndSquare, Enumerable.Range(0, 20), 1);
            workers = pool.WorkerIds;
            Kids.Stop(workers[0]);
            _ = pool.MapAsync(Tasks.StayAndReturn, [1, 2]);
        }

        Assert.All(workers, pid => Assert.False(Kids.IsRunning(pid)));
        Assert.DoesNotContain(ChildProcess.ActiveChildren(), one => one.Name.StartsWith("ScopeWorker", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Case", "69")]
    public void What_the_initialiser_is_given_is_written_once()
    {
        var argument = new WornOut();
        var options = new ProcessPoolOptions
        {
            Initializer = Tasks.InitializeOnce, InitializerArguments = [argument], MaxTasksPerChild = 1,
        };
        using (var pool = new ProcessPool(2, options)) Assert.Equal(4, pool.Map(Tasks.PidOf, Enumerable.Range(0, 4), 1).Distinct().Count());
        Assert.Equal(1, argument.Written);
    }

    [Fact]
    [Trait("Case", "69")]
    public void The_initialiser_runs_once_in_every_worker_with_its_arguments()
    {
        var (first, second) = Pipe.Create();
        using (first)
        using (second)
        using (var pool = new ProcessPool(2, new()
        {
            Initializer = Tasks.Initialize, InitializerArguments = [_kids.File("initialised"), 5, first],
        }))
        {
            Assert.All(pool.Map(Tasks.TellInitialized, Enumerable.Range(0, 50), 1), told => Assert.Equal("1 5 True", told));
            Assert.Equal(2, pool.Map(Tasks.PidAfterPause, Enumerable.Range(0, 20), 1).Distinct().Count());

            // The spare has begun nothing.
            Assert.Equal(pool.WorkerIds.Order(), File.ReadAllLines(_kids.File("initialised")).Select(int.Parse).Order());
        }
    }

    [Fact]
    [Trait("Case", "69")]
    public void An_initialiser_has_to_be_one()
    {
        Assert.Throws<ArgumentException>(() => new ProcessPool(1, new() { Initializer = Dispose }));
        Assert.Throws<ArgumentException>(() => new ProcessPool(1, new() { Initializer = Tasks.Initialize, InitializerArguments = [1] }));
        Assert.Throws<ArgumentException>(() => new ProcessPool(1, new() { InitializerArguments = [1] }));
    }

    [Fact]
    [Trait("Case", "69")]
    public void A_failing_initialiser_breaks_the_pool_and_is_told()
    {
        using var pool = new ProcessPool(2, new() { Initializer = Tasks.InitializeBadly });
        var thrown = Assert.Throws<InvalidOperationException>(() => pool.Apply(Tasks.Square, 1));
        Assert.Contains("there is no map of the hall", thrown.Message, StringComparison.Ordinal);
        Assert.IsType<InvalidDataException>(thrown.InnerException!.InnerException);
        Assert.Throws<InvalidOperationException>(() => pool.Apply(Tasks.Square, 1));
    }

    [Fact]
    [Trait("Case", "69")]
    public void Workers_that_end_before_they_are_ready_break_the_pool_and_not_the_machine()
    {
        using var pool = new ProcessPool(2, new() { Initializer = Tasks.EndAtOnce });
        var thrown = Assert.Throws<InvalidOperationException>(() => pool.Apply(Tasks.Square, 1));
        Assert.Contains("exited with code 7", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Case", "D6")]
    public void A_worker_killed_with_a_task_in_hand_fails_that_task_only_and_is_replaced()
    {
        using var pool = new ProcessPool(2);
        var lost = pool.ApplyAsync(Tasks.StayOnce, _kids.File("stays"));
        var pid = int.Parse(_kids.Read("stays"), CultureInfo.InvariantCulture);
        var others = pool.MapAsync(Tasks.SleepAndSquare, Enumerable.Range(0, 30), 1);
        Kids.Kill(pid);

        var thrown = Assert.Throws<WorkerLostException>(() => lost.Get());
        Assert.Equal((pid, 9, -9), (thrown.Pid, thrown.Signal, thrown.ExitCode));
        Assert.Contains($"Worker {pid} was ended by signal 9 while it had the task", thrown.Message, StringComparison.Ordinal);
        Assert.Equal(29 * 29, others.Get()[29]);
        Kids.Until(() => pool.WorkerIds.All(Kids.IsRunning));
        Assert.DoesNotContain(pid, pool.WorkerIds);
    }

    public static TheoryData<string> Forms =>
        ["map", "map async", "starmap", "starmap of three", "imap", "imap unordered", "apply", "apply async", "apply without result"];

    [Theory]
    [MemberData(nameof(Forms))]
    [Trait("Case", "D6")]
    public void A_worker_killed_in_mid_task_is_an_error_and_never_a_hang_in_every_form(string form)
    {
        using var pool = new ProcessPool(2);
        var (path, results, errors) = (_kids.File("stays"), 0, new List<Exception>());
        void Note<T>(T result) => Interlocked.Increment(ref results);
        var task = Task.Factory.StartNew(
            () =>
            {
                switch (form)
                {
                    case "map":
                        pool.Map(Tasks.StayOnce, [path, "other", "other"], 1);
                        break;
                    case "map async":
                        pool.MapAsync(Tasks.StayOnce, [path], 1, Note, errors.Add).GetAwaiter().GetResult();
                        break;
                    case "starmap":
                        pool.StarMapAsync(Tasks.StayOnceOf, [(path, 1), ("other", 2)], 1, Note, errors.Add).GetAwaiter().GetResult();
                        break;
                    case "starmap of three":
                        pool.StarMap(Tasks.StayOnceOfThree, [(path, 1, 2.0)]);
                        break;
                    case "imap":
                        foreach (var _ in pool.IMap(Tasks.StayOnce, Enumerable.Repeat(path, 1))) { }
                        break;
                    case "imap unordered":
                        foreach (var _ in pool.IMapUnordered(Tasks.StayOnce, ["other", path, "other", "other"])) { }
                        break;
                    case "apply":
                        pool.Apply(Tasks.StayOnce, path);
                        break;
                    case "apply async":
                        pool.ApplyAsync(Tasks.StayOnce, path, Note, errors.Add).GetAwaiter().GetResult();
                        break;
                    default:
                        pool.ApplyAsync(Tasks.StayWithoutResult, path).GetAwaiter().GetResult();
                        break;
                }
            },
            TaskCreationOptions.LongRunning);
        var pid = int.Parse(_kids.Read("stays"), CultureInfo.InvariantCulture);
        Kids.Kill(pid);
        var lost = Assert.IsType<WorkerLostException>(
            Assert.Throws<AggregateException>(() => Assert.True(task.Wait(Kids.Patience), "It hangs.")).InnerException);
        Assert.Equal((pid, 9), (lost.Pid, lost.Signal));
        Assert.Equal(0, results);
        Assert.Equal(form is "map async" or "starmap" or "apply async" ? [lost] : [], errors);
        Assert.Equal(9, pool.ApplyAsync(Tasks.Square, 3).Get());
    }

    [Fact]
    [Trait("Case", "D6")]
    public void A_task_that_may_be_run_twice_is_run_again_when_its_worker_is_killed()
    {
        using var pool = new ProcessPool(2, new() { Retries = 1 });
        var task = pool.MapAsync(Tasks.StayOnce, [_kids.File("stays")]);
        Kids.Kill(int.Parse(_kids.Read("stays"), CultureInfo.InvariantCulture));
        Assert.Equal(["done the second time"], task.Get());

        var thrown = Assert.Throws<WorkerLostException>(() => pool.Apply(Tasks.Leave, 3));
        Assert.Equal((3, null), (thrown.ExitCode, thrown.Signal));
        Assert.Equal(4, pool.Apply(Tasks.Square, 2));
    }

    [Fact]
    [Trait("Case", "D6")]
    public void A_storm_of_kills_loses_no_task_without_saying_so()
    {
        using var pool = new ProcessPool(2, new() { Retries = 100 });
        var task = pool.MapAsync(Tasks.SleepAndSquare, Enumerable.Range(0, 300), 3);
        for (var kills = 0; kills < 10 && !task.IsCompleted; kills++)
        {
            Kids.Kill(pool.WorkerIds[kills % 2]);
            Thread.Sleep(60);
        }

        Assert.Equal(Enumerable.Range(0, 300).Select(Tasks.Square), task.Get());
    }

    [Fact]
    [Trait("Case", "D7")]
    public void An_idle_worker_that_is_killed_is_replaced()
    {
        using var pool = new ProcessPool(2);
        pool.Map(Tasks.SleepAndSquare, Enumerable.Range(0, 20), 1);
        var before = pool.WorkerIds;
        foreach (var pid in before) Kids.Kill(pid);
        Kids.Until(() => !pool.WorkerIds.Intersect(before).Any() && pool.WorkerIds.All(Kids.IsRunning));
        Assert.Equal(4, pool.ApplyAsync(Tasks.Square, 2).Get());
    }

    [Fact]
    [Trait("Case", "D7")]
    public void A_task_on_its_way_to_a_worker_that_was_killed_while_idle_is_run_by_another()
    {
        // At once, so that the worker is not known to be dead, or is not even dead yet: without a retry it must still be run.
        using var pool = new ProcessPool(1);
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(i * i, pool.Apply(Tasks.Square, i));
            var pid = pool.WorkerIds[0];
            Kids.Stop(pid);
            var task = pool.ApplyAsync(Tasks.Square, i + 1);
            if (i % 2 == 0) Thread.Sleep(5);
            Kids.Kill(pid);
            Assert.Equal((i + 1) * (i + 1), task.Get());
        }
    }

    [Fact]
    [Trait("Case", "D10")]
    public void Workers_die_with_a_killed_parent()
    {
        var parent = _kids.Start(PoolPrograms.HavePool, _kids.File("pids"));
        var pids = _kids.Read("pids").Split(' ').Select(int.Parse).ToArray();
        Assert.All(pids, pid => Assert.True(Kids.IsRunning(pid)));
        parent.Kill();
        parent.Join();
        Kids.Until(() => !pids.Any(Kids.IsRunning), "A worker outlived its parent.");
    }

    [Fact]
    [Trait("Case", "73")]
    public void Nothing_is_left_of_pools_whose_workers_were_killed()
    {
        _kids.Start(PoolPrograms.Storm, _kids.File("left"));
        Assert.Equal("0 children and 0 more descriptors", _kids.Read("left"));
    }

    [Fact]
    public void A_worker_may_be_ready_before_the_last_seat_is_made()
    {
        var program = _kids.Start(PoolPrograms.MapInLargePool);
        Assert.True(program.Join(Kids.Patience), "It hangs.");
        Assert.Equal(0, program.ExitCode);
    }

    [Fact]
    public void A_worker_cannot_have_a_pool_of_its_own()
    {
        using var pool = new ProcessPool(1);
        var thrown = Assert.Throws<InvalidOperationException>(() => pool.Apply(PoolPrograms.MapWithin));
        Assert.Contains("daemonic", thrown.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _kids.Dispose();
}
