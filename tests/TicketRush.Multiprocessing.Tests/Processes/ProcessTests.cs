using System.Diagnostics;
using System.Globalization;

namespace TicketRush.Multiprocessing.Tests.Processes;

/// <summary>The life of one child, as its parent sees it.</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly Kids _kids = new();

    [Fact]
    [Trait("Case", "1")]
    public void A_process_is_nothing_before_its_start_then_alive_then_ended()
    {
        using var child = new ChildProcess(Kids.Sleep);
        Assert.False(child.IsAlive);
        Assert.Null(child.ExitCode);
        Assert.Null(child.Pid);
        Assert.DoesNotContain(child, ChildProcess.ActiveChildren());

        _kids.Start(child);
        Assert.True(child.IsAlive);
        Assert.Null(child.ExitCode);
        Assert.True(Kids.IsRunning(child.Pid!.Value));
        Assert.Contains(child, ChildProcess.ActiveChildren());

        child.Kill();
        child.Join();
        Assert.False(child.IsAlive);
        Assert.DoesNotContain(child, ChildProcess.ActiveChildren());

        var other = _kids.Start(Targets.Nothing);
        other.Join();
        Assert.Equal(0, other.ExitCode);
    }

    [Fact]
    [Trait("Case", "2")]
    public void Arguments_by_position_and_by_name_the_name_and_the_key_arrive()
    {
        var child = new ChildProcess(Targets.TellSelf, _kids.File("self"), 42) { Name = "the teller", Named = { ["third"] = 2 } };
        _kids.Start(child).Join();

        Assert.Equal(0, child.ExitCode);
        Assert.Equal(
            $"the teller|{child.Pid}|{Convert.ToHexString(CurrentProcess.AuthKey)}|42|default|2|{Environment.ProcessId}|MainProcess",
            _kids.Read("self"));
    }

    [Fact]
    [Trait("Case", "2")]
    public void A_child_can_be_given_a_key_of_its_own()
    {
        var child = new ChildProcess(Targets.TellSelf, _kids.File("self"), 42) { AuthKey = [1, 2, 3] };
        _kids.Start(child).Join();

        Assert.Contains("|010203|", _kids.Read("self"), StringComparison.Ordinal);
        Assert.NotEqual([1, 2, 3], CurrentProcess.AuthKey);
    }

    [Fact]
    [Trait("Case", "2")]
    public void A_record_is_an_argument_when_a_context_knows_it()
    {
        _kids.Start(Targets.Tell, _kids.File("order"), new Order(3, ["A1", "A2"])).Join();
        Assert.Equal("3 A1,A2", _kids.Read("order"));
    }

    [Fact]
    [Trait("Case", "2")]
    public void A_long_argument_does_not_hold_up_the_start()
    {
        // More than a socket takes before the child reads.
        var seats = Enumerable.Range(0, 400_000).Select(one => one.ToString(CultureInfo.InvariantCulture)).ToArray();
        var child = _kids.Start(Targets.Tell, _kids.File("order"), new Order(3, seats));
        child.Join();
        Assert.Equal(0, child.ExitCode);
        Assert.Equal("3 " + string.Join(',', seats), _kids.Read("order"));
    }

    [Fact]
    [Trait("Case", "2")]
    public void Arguments_that_do_not_fit_are_refused_by_name_and_nothing_is_started()
    {
        var path = _kids.File("never");
        Refused(new ChildProcess(Targets.Tell, path), "order is missing");
        Refused(new ChildProcess(Targets.Tell, path, 5), "order is a Order, and a Int32 was given");
        Refused(new ChildProcess(Targets.Return, (object?)null), "code is a Int32 and cannot be null");
        Refused(new ChildProcess(Targets.Return, 1L << 40), "code is a Int32, and a Int64 was given");
        Refused(new ChildProcess(Targets.Return, 1) { Named = { ["code"] = 2 } }, "code is given twice");
        Refused(new ChildProcess(Targets.Return, 1) { Named = { ["cod"] = 2 } }, "no parameter named cod");
        Assert.Throws<ArgumentException>(() => new ChildProcess(Targets.Return, 1, 2));

        static void Refused(ChildProcess child, string why)
        {
            Assert.Contains(why, Assert.Throws<ArgumentException>(child.Start).Message, StringComparison.Ordinal);
            Assert.Null(child.Pid);
            Assert.DoesNotContain(child, ChildProcess.ActiveChildren());
        }
    }

    [Fact]
    [Trait("Case", "2")]
    public void A_type_that_no_context_knows_is_refused_and_the_message_says_what_to_add()
    {
        static void Take(Stopwatch watch) => watch.Stop();
        var child = new ChildProcess(Take, new Stopwatch());
        var refused = Assert.Throws<NotSupportedException>(child.Start);
        Assert.Contains("[JsonSerializable(typeof(Stopwatch))]", refused.Message, StringComparison.Ordinal);
        Assert.Null(child.Pid);
    }

    [Fact]
    [Trait("Case", "2")]
    public void A_target_that_holds_on_to_this_process_is_refused()
    {
        var captured = 5;
        Refused(() => captured++, "captures");
        Refused(Dispose, "instance");
        Refused(Array.Empty<int>, "generic");

        static void Refused(Delegate target, string why) =>
            Assert.Contains(why, Assert.Throws<ArgumentException>(() => new ChildProcess(target)).Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Case", "3")]
    public void A_name_is_the_type_with_a_number_after_that_of_the_parent()
    {
        var parent = _kids.Start(Targets.TellChildName, _kids.File("names"), _kids.File("greeting"));
        parent.Join();

        var number = parent.Name["ChildProcess-".Length..];
        Assert.True(int.TryParse(number, out _), parent.Name);
        Assert.Equal($"ChildProcess-{number}:1 Greeter-{number}:2", _kids.Read("names"));
        Assert.StartsWith($"Greeter-{number}:2 ", _kids.Read("greeting"), StringComparison.Ordinal);

        using var next = new ChildProcess(Targets.Nothing) { Name = "other" };
        Assert.Equal("other", next.Name);
        Assert.Throws<ArgumentException>(() => next.Name = "");
    }

    [Fact]
    [Trait("Case", "4")]
    public void Calls_out_of_order_are_refused_and_change_nothing()
    {
        var child = new ChildProcess(Kids.Sleep) { Name = "sleeper" };
        Assert.Equal("Join: process sleeper: it has not been started.", Assert.Throws<InvalidOperationException>(child.Join).Message);
        Assert.Throws<InvalidOperationException>(child.Terminate);
        Assert.Throws<InvalidOperationException>(child.Kill);

        _kids.Start(child);
        var pid = child.Pid;
        var again = Assert.Throws<InvalidOperationException>(child.Start);
        Assert.StartsWith("Start: process sleeper: ", again.Message, StringComparison.Ordinal);
        var late = Assert.Throws<InvalidOperationException>(() => child.Daemon = true);
        Assert.StartsWith("Daemon: process sleeper: ", late.Message, StringComparison.Ordinal);
        Assert.True(child.IsAlive);
        Assert.Equal(pid, child.Pid);
    }

    [Fact]
    [Trait("Case", "5")]
    [Trait("Case", "6")]
    public void A_daemon_makes_daemons_unless_told_otherwise_and_may_start_none_of_them()
    {
        var child = _kids.Start(new ChildProcess(Targets.TellDaemonRules, _kids.File("rules")) { Daemon = true });
        child.Join();
        Assert.StartsWith("True True Start: ", _kids.Read("rules"), StringComparison.Ordinal);
        Assert.EndsWith("daemonic processes are not allowed to have children.", _kids.Read("rules"), StringComparison.Ordinal);

        using var ours = new ChildProcess(Targets.Nothing);
        Assert.False(ours.Daemon);
    }

    [Fact]
    [Trait("Case", "8")]
    public void A_join_without_time_only_looks()
    {
        var child = _kids.Start(Kids.Sleep);
        Assert.False(child.Join(TimeSpan.Zero));
        Assert.False(child.Join(TimeSpan.FromSeconds(-1)));
        Assert.False(child.Join(TimeSpan.FromMilliseconds(30)));
        Assert.True(child.IsAlive);
        Assert.Null(child.ExitCode);
    }

    [Fact]
    [Trait("Case", "8")]
    public async Task A_join_can_be_cancelled_and_leaves_the_process_alone()
    {
        var child = _kids.Start(Kids.Sleep);
        using var soon = new CancellationTokenSource(30);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => child.JoinAsync(soon.Token));
        Assert.True(child.IsAlive);

        child.Kill();
        await child.JoinAsync(TestContext.Current.CancellationToken);
        Assert.Equal(-9, child.ExitCode);
    }

    [Theory]
    [InlineData(false, -15)]
    [InlineData(true, -9)]
    [Trait("Case", "9")]
    public void A_signal_that_ends_it_is_a_negative_exit_code(bool kill, int exitCode)
    {
        var child = _kids.Start(Targets.HaveChildren, _kids.File("ready"));
        var pids = _kids.Read("ready").Split(' ').Select(int.Parse).ToArray();
        try
        {
            if (kill) child.Kill(); else child.Terminate();
            child.Join();
            child.Join();
            Assert.Equal(exitCode, child.ExitCode);

            // To signal what has ended is nothing.
            child.Terminate();
            child.Kill();
            Assert.Equal(exitCode, child.ExitCode);

            Kids.Until(() => !Kids.IsRunning(pids[0]), "Its daemon lives on.");
            Assert.True(Kids.IsRunning(pids[1]), "Its other child, which should go on, is gone.");
        }
        finally
        {
            Kids.Kill(pids[1]);
        }
    }

    [Fact]
    [Trait("Case", "9")]
    public void A_child_that_is_killed_before_it_has_begun_was_killed_and_no_more()
    {
        for (var i = 0; i < 20; i++)
        {
            var child = _kids.Start(Targets.Nothing);
            Thread.Sleep(i * 2);
            child.Kill();
            child.Join();
            Assert.True(child.ExitCode is -9 or 0, $"{child.ExitCode}");
        }
    }

    [Theory]
    [InlineData(137)]
    [InlineData(143)]
    [InlineData(255)]
    [Trait("Case", "9")]
    public void An_exit_code_that_a_shell_uses_for_signals_stays_an_exit_code(int code)
    {
        var child = _kids.Start(Targets.Exit, code, null);
        child.Join();
        Assert.Equal(code, child.ExitCode);
    }

    [Fact]
    [Trait("Case", "D14")]
    public void A_stopped_child_is_alive_until_it_is_killed()
    {
        var child = _kids.Start(Targets.HaveChildren, _kids.File("ready"));
        var pids = _kids.Read("ready").Split(' ').Select(int.Parse).ToArray();
        Kids.Stop(child.Pid!.Value);
        Assert.False(child.Join(TimeSpan.FromMilliseconds(300)));
        Assert.True(child.IsAlive);
        Assert.True(Kids.IsRunning(pids[0]), "A stopped parent's daemon died.");

        child.Kill();
        child.Join();
        Assert.Equal(-9, child.ExitCode);
        Kids.Until(() => !Kids.IsRunning(pids[0]));
        Kids.Kill(pids[1]);
    }

    [Theory]
    [InlineData(null, null, 0)]
    [InlineData(7, null, 7)]
    [InlineData(-9, null, 247)]
    [InlineData(null, "no seats left", 1)]
    [Trait("Case", "11")]
    public void A_child_exits_with_what_it_says(int? code, string? message, int expected)
    {
        var child = _kids.Start(Targets.Exit, code, message);
        child.Join();
        Assert.Equal(expected, child.ExitCode);
    }

    [Fact]
    [Trait("Case", "11")]
    public void A_target_s_int_is_the_exit_code_also_when_it_comes_later()
    {
        var (now, later) = (_kids.Start(Targets.Return, 4), _kids.Start(Targets.ReturnLater, 5));
        now.Join();
        later.Join();
        Assert.Equal((4, 5), (now.ExitCode, later.ExitCode));
    }

    [Fact]
    [Trait("Case", "12")]
    public void A_sentinel_is_waited_for_together_with_others()
    {
        using var unstarted = new ChildProcess(Targets.Nothing);
        Assert.Throws<InvalidOperationException>(() => unstarted.Sentinel);

        var (first, second) = (_kids.Start(Kids.Sleep), _kids.Start(Kids.Sleep));
        using var other = new ManualResetEvent(false);
        WaitHandle[] all = [other, first.Sentinel, second.Sentinel];
        Assert.Equal(WaitHandle.WaitTimeout, WaitHandle.WaitAny(all, 50));

        second.Kill();
        Assert.Equal(2, WaitHandle.WaitAny(all, Kids.Patience));
        Assert.False(second.IsAlive);
        Assert.Equal(-9, second.ExitCode);
        Assert.True(first.IsAlive);
    }

    [Fact]
    [Trait("Case", "13")]
    public void Close_is_for_what_has_ended_and_afterwards_every_member_says_closed()
    {
        var child = new ChildProcess(Kids.Sleep);
        child.Start();
        Assert.Contains("still running", Assert.Throws<InvalidOperationException>(child.Close).Message, StringComparison.Ordinal);
        child.Kill();
        child.Join();
        child.Close();
        child.Close();

        Action[] members =
        [
            child.Start, child.Join, child.Terminate, child.Kill, () => _ = child.IsAlive, () => _ = child.ExitCode, () => _ = child.Pid,
            () => _ = child.Name, () => _ = child.Daemon, () => _ = child.Sentinel, () => _ = child.AuthKey, () => child.Name = "x",
        ];
        foreach (var member in members)
            Assert.Contains("closed", Assert.Throws<ObjectDisposedException>(member).Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Case", "13")]
    public void Disposing_of_the_object_of_a_running_process_leaves_it_running()
    {
        var child = _kids.Start(Kids.Sleep);
        child.Dispose();
        Assert.True(child.IsAlive);
    }

    [Fact]
    [Trait("Case", "21")]
    public void A_subclass_knows_itself_in_the_child_and_called_directly_stays_here()
    {
        using var child = new Greeter { Path = _kids.File("greeting"), Name = "greeter" };
        child.Run();
        Assert.Equal($"greeter  {Environment.ProcessId} False MainProcess", _kids.Read("greeting"));
        File.Delete(_kids.File("greeting"));

        _kids.Start(child).Join();
        Assert.Equal($"greeter {child.Pid} {child.Pid} True greeter", _kids.Read("greeting"));

        using var plain = new ChildProcess(Targets.Tell, _kids.File("direct"), new Order(1, [])) { Name = "here" };
        plain.Run();
        Assert.Equal("1 ", _kids.Read("direct"));
        Assert.Null(plain.Pid);
    }

    public void Dispose() => _kids.Dispose();
}
