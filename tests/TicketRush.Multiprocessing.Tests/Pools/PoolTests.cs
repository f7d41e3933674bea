using System.Globalization;
using TicketRush.Multiprocessing.Tests.Processes;

namespace TicketRush.Multiprocessing.Tests.Pools;

/// <summary>What goes into a pool and what comes out of it.</summary>
public sealed class PoolTests : IDisposable
{
    private readonly ProcessPool _pool = new(2);
    private readonly Kids _kids = new();

    [Theory]
    [InlineData(null), InlineData(1), InlineData(3), InlineData(1000)]
    [Trait("Case", "61")]
    public void Map_gives_every_result_in_the_order_of_the_inputs(int? chunkSize)
    {
        var numbers = Enumerable.Range(0, 200).ToArray();
        Assert.Equal(numbers.Select(Tasks.Square), _pool.Map(Tasks.Square, numbers, chunkSize));
        Assert.Equal(numbers.Select(Tasks.Square), _pool.Map(Tasks.SleepAndSquare, numbers, chunkSize));
    }

    [Fact]
    [Trait("Case", "61")]
    public void Text_bytes_and_records_are_tasks_as_numbers_are()
    {
        Assert.Equal(["<a>", "nothing", "<>", "<票>"], _pool.Map(Tasks.Describe, new[] { "a", null, "", "票" }));
        Assert.Equal([[3, 2, 1], []], _pool.Map(Tasks.Reverse, new byte[][] { [1, 2, 3], [] }));
        var upgraded = _pool.Map(Tasks.Upgrade, Enumerable.Range(0, 50).Select(i => new Ticket($"holder {i}", [$"A{i}"], i)));
        Assert.Equal(
            Enumerable.Range(0, 50).Select(i => $"holder {i}: A{i},extra for {i * 2}"),
            upgraded.Select(ticket => $"{ticket.Holder}: {string.Join(',', ticket.Seats)} for {ticket.Price}"));
    }

    [Fact]
    [Trait("Case", "61")]
    public async Task Starmap_spreads_each_input_over_the_parameters()
    {
        Assert.Equal([2.5, 10, 22.5], _pool.StarMap(Tasks.Scale, [(1, 2.5), (4, 2.5), (9, 2.5)]));
        (string, int, Ticket?)[] inputs = [("a", 1, new Ticket("me", [], 0)), ("b", 2, null)];
        Assert.Equal(["a/1/me", "b/2/"], await _pool.StarMapAsync(Tasks.Join, inputs, chunkSize: 2));
    }

    [Fact]
    [Trait("Case", "61")]
    public async Task Apply_runs_one_task_in_another_process()
    {
        Assert.NotEqual(Environment.ProcessId, _pool.Apply(Tasks.Pid));
        Assert.Equal(49, _pool.Apply(Tasks.Square, 7));
        Assert.Equal(5.0, _pool.Apply(Tasks.Scale, 2, 2.5));
        Assert.Equal("x/5/", await _pool.ApplyAsync(Tasks.Join, "x", 5, (Ticket?)null));
        Assert.Equal(121, await _pool.ApplyAsync(static (int number) => number * 11, 11));

        await _pool.ApplyAsync(Tasks.Append, _kids.File("notes"), "written");
        Assert.Equal("written", File.ReadAllText(_kids.File("notes")));
    }

    [Fact]
    [Trait("Case", "61")]
    public void Chunks_are_so_large_that_each_worker_gets_four()
    {
        Assert.Equal(12_500, ProcessPool.AutomaticChunkSize(100_000, 2, null));
        Assert.Equal(2, ProcessPool.AutomaticChunkSize(9, 2, null));
        Assert.Equal(1, ProcessPool.AutomaticChunkSize(1, 64, null));
        Assert.Equal(10, ProcessPool.AutomaticChunkSize(100_000, 2, 10));
        Assert.Equal(1, ProcessPool.AutomaticChunkSize(int.MaxValue, int.MaxValue, null));
    }

    [Fact]
    [Trait("Case", "61")]
    public void What_is_shared_goes_to_a_worker_as_an_argument()
    {
        using var gate = new SharedLock();
        Assert.Equal([20, 20, 20, 20], _pool.StarMap(Tasks.CountIn, Enumerable.Repeat((20, gate, _kids.File("count")), 4)));
        Assert.Equal("80", File.ReadAllText(_kids.File("count")));
    }

    [Fact]
    [Trait("Case", "61")]
    public void A_target_that_cannot_run_elsewhere_is_refused_and_the_pool_goes_on()
    {
        var factor = 3;
        Func<string, object> wide = Tasks.Describe;
        Refused<ArgumentException>("captures", () => _pool.Map(number => number * factor, [1]));
        Refused<ArgumentException>("returns a task", () => _pool.IMap(Targets.ReturnLater, [1]));
        Refused<ArgumentException>("exactly", () => _pool.Map(wide, ["a"]));
        Refused<NotSupportedException>(
            "[JsonSerializable(typeof(CultureInfo))]",
            () => _pool.Map(static (CultureInfo culture) => culture.LCID, [CultureInfo.InvariantCulture]));
        Assert.Equal(4, _pool.Apply(Tasks.Square, 2));

        static void Refused<TException>(string why, Func<object> call)
            where TException : Exception => Assert.Contains(why, Assert.Throws<TException>(call).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1), InlineData(7), InlineData(1000)]
    [Trait("Case", "62")]
    public void Imap_is_ordered_and_its_sister_is_not_and_both_are_complete(int chunkSize)
    {
        var numbers = Enumerable.Range(0, 100).ToArray();
        var squares = numbers.Select(Tasks.Square).ToArray();
        Assert.Equal(squares, _pool.IMap(Tasks.SleepAndSquare, numbers, chunkSize));
        Assert.Equal(squares, _pool.IMapUnordered(Tasks.SleepAndSquare, numbers, chunkSize).Order());
    }

    [Fact]
    [Trait("Case", "62")]
    public void Nothing_to_do_is_done_at_once()
    {
        Assert.Empty(_pool.Map(Tasks.Square, Array.Empty<int>()));
        Assert.Empty(_pool.IMap(Tasks.Square, Array.Empty<int>()));
        Assert.Empty(_pool.IMapUnordered(Tasks.Square, Array.Empty<int>()));
        Assert.Throws<ArgumentOutOfRangeException>(() => _pool.IMap(Tasks.Square, [1], chunkSize: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => _pool.IMapUnordered(Tasks.Square, [1], chunkSize: -1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _pool.Map(Tasks.Square, [1], chunkSize: 0));
    }

    [Fact]
    [Trait("Case", "62")]
    public void Imap_reads_an_endless_input_no_further_than_it_needs()
    {
        var read = 0;
        IEnumerable<int> Endless()
        {
            while (true) yield return read++;
        }

        Assert.Equal([0, 1, 4, 9, 16], _pool.IMap(Tasks.Square, Endless()).Take(5));
        Assert.InRange(read, 5, 5 + (2 * 16));
        Assert.Equal(4, _pool.Apply(Tasks.Square, 2));
    }

    [Theory]
    [InlineData(1, 7), InlineData(2, 6), InlineData(5, 5)]
    [Trait("Case", "63")]
    public void Imap_gives_the_whole_chunks_before_the_input_failed(int chunkSize, int results)
    {
        foreach (var isOrdered in (bool[])[true, false])
        {
            var seen = new List<int>();
            Assert.Throws<InvalidDataException>(() =>
            {
                var squares = isOrdered
                    ? _pool.IMap(Tasks.Square, Failing(), chunkSize)
                    : _pool.IMapUnordered(Tasks.Square, Failing(), chunkSize);
                foreach (var square in squares) seen.Add(square);
            });
            Assert.Equal(Enumerable.Range(0, results).Select(Tasks.Square), seen.Order());
        }

        Assert.Throws<InvalidDataException>(() => _pool.Map(Tasks.Square, Failing()));
        Assert.Equal(4, _pool.Apply(Tasks.Square, 2));

        static IEnumerable<int> Failing()
        {
            for (var i = 0; i < 7; i++) yield return i;
            throw new InvalidDataException("no seventh seat");
        }
    }

    [Fact]
    [Trait("Case", "64")]
    public async Task Waiting_for_a_result_can_time_out_and_the_result_still_comes()
    {
        var slow = _pool.ApplyAsync(Tasks.StayFor, 300);
        await Assert.ThrowsAsync<TimeoutException>(() => slow.WaitAsync(TimeSpan.FromMilliseconds(10)));
        Assert.Equal(300, await slow);
    }

    [Fact]
    [Trait("Case", "64")]
    public async Task A_callback_is_called_once_before_the_task_is_complete()
    {
        var (results, errors) = (new List<object>(), new List<Exception>());
        Assert.Equal(16, await _pool.ApplyAsync(Tasks.Square, 4, result => results.Add(result), errors.Add));
        var squares = await _pool.MapAsync(Tasks.Square, [1, 2], chunkSize: 1, result => results.Add(result.Length), errors.Add);
        Assert.Equal(4, squares[1]);
        Assert.Equal("16 2", string.Join(' ', results));
        Assert.Empty(errors);

        await Assert.ThrowsAsync<SoldOutException>(() => _pool.ApplyAsync(Tasks.Refuse, 3, result => results.Add(result), errors.Add));
        await Assert.ThrowsAsync<SoldOutException>(
            () => _pool.MapAsync(Tasks.Refuse, [1, 2, 3], 1, result => results.Add(result), errors.Add));
        Assert.Equal(2, results.Count);
        Assert.Equal(["seat 3 is sold", "seat 3 is sold"], errors.Select(error => error.Message));

        await Assert.ThrowsAsync<NotImplementedException>(
            () => _pool.ApplyAsync(Tasks.Square, 4, _ => throw new NotImplementedException()));
        Assert.Equal(4, _pool.Apply(Tasks.Square, 2));
    }

    [Fact]
    [Trait("Case", "65")]
    public void A_task_s_exception_keeps_its_type_and_its_message_and_brings_its_stack_as_the_cause()
    {
        var thrown = Assert.Throws<SoldOutException>(() => _pool.Apply(Tasks.Refuse, 3));
        Assert.Equal("seat 3 is sold", thrown.Message);
        var cause = Assert.IsType<RemoteException>(thrown.InnerException);
        Assert.Equal(typeof(SoldOutException).FullName, cause.TypeName);
        Assert.Contains($"{nameof(Tasks)}.{nameof(Tasks.Refuse)}", cause.Details, StringComparison.Ordinal);
        Assert.Contains($"{nameof(Tasks)}.{nameof(Tasks.Refuse)}", thrown.ToString(), StringComparison.Ordinal);

        Assert.Equal("not today", Assert.Throws<TimeoutException>(() => _pool.Apply(Tasks.RefuseAndNote, _kids.File("noted"))).Message);
    }

    [Fact]
    [Trait("Case", "65")]
    public void An_exception_that_cannot_be_made_from_its_message_is_a_remote_one()
    {
        var thrown = Assert.Throws<RemoteException>(() => _pool.Apply(Tasks.RefuseOddly, 3));
        Assert.Equal("3 is odd", thrown.Message);
        Assert.Equal(typeof(OddException).FullName, thrown.TypeName);
    }

    [Fact]
    [Trait("Case", "65")]
    public void A_result_that_cannot_be_written_is_an_error_and_costs_no_worker()
    {
        _pool.Map(Tasks.Square, Enumerable.Range(0, 100), 1);
        var workers = _pool.WorkerIds.Order().ToArray();
        for (var i = 0; i < 20; i++)
        {
            var thrown = Assert.Throws<ResultNotSerializedException>(() => _pool.Apply(Tasks.Tie, i));
            Assert.IsType<System.Text.Json.JsonException>(thrown.InnerException);
        }

        Assert.Equal(workers, _pool.WorkerIds.Order());
        Assert.Equal(4, _pool.Apply(Tasks.Square, 2));
    }

    [Theory]
    [InlineData(1), InlineData(null), InlineData(100)]
    [Trait("Case", "68")]
    public void An_early_error_waits_for_all_the_others(int? chunkSize)
    {
        var path = _kids.File("runs");
        var thrown = Assert.Throws<TimeoutException>(() => _pool.Map(Tasks.RefuseAndNote, Enumerable.Repeat(path, 20), chunkSize));
        Assert.Equal("not today", thrown.Message);
        Assert.Equal(20, File.ReadAllLines(path).Length);
    }

    [Fact]
    [Trait("Case", "68")]
    public void Large_errors_are_as_good_as_small_ones()
    {
        var thrown = Assert.Throws<InvalidDataException>(() => _pool.Map(Tasks.RefuseAtLength, Enumerable.Range(0, 40), 1));
        Assert.Equal((1 << 20) + 1, thrown.Message.Length);
        Assert.EndsWith("0", thrown.Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _pool.Dispose();
        _kids.Dispose();
    }
}
