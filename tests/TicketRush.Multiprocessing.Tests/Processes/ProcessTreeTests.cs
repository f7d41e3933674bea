using System.Globalization;

namespace TicketRush.Multiprocessing.Tests.Processes;

/// <summary>What becomes of a tree of processes, and what its members get from one another.</summary>
public sealed class ProcessTreeTests : IDisposable
{
    private readonly Kids _kids = new();

    [Fact]
    [Trait("Case", "7")]
    public void A_program_that_ends_terminates_its_daemons_and_waits_for_the_others()
    {
        var root = _kids.StartRoot("ends in order", Here());
        var (exitCode, output) = Kids.Finish(root);

        Assert.Equal((3, ""), (exitCode, output));
        Assert.True(File.Exists(_kids.File("daemon was asked")), "The daemon was not asked to end.");
        Assert.True(File.Exists(_kids.File("worker finished")), "The program did not wait for its child.");
        Assert.False(Kids.IsRunning(PidFrom("daemon")));
        Assert.False(Kids.IsRunning(PidFrom("worker")));
    }

    [Fact]
    [Trait("Case", "7")]
    public void A_program_that_is_terminated_ends_its_daemons_in_order_and_leaves_the_others()
    {
        var root = _kids.StartRoot("waits", Here());
        _kids.Read("ready");
        Kids.Terminate(root.Id);
        try
        {
            // Its output does not end here: the worker has it too.
            Assert.True(root.WaitForExit(Kids.Patience));
            Assert.Equal(128 + 15, root.ExitCode);
            Assert.True(File.Exists(_kids.File("daemon was asked")), "The daemon was killed and not asked.");
            Assert.False(Kids.IsRunning(PidFrom("daemon")));
            Assert.True(Kids.IsRunning(PidFrom("worker")));
        }
        finally
        {
            Kids.Kill(PidFrom("worker"));
        }
    }

    [Fact]
    [Trait("Case", "7")]
    public void A_program_that_handles_termination_itself_keeps_its_daemons_until_its_end()
    {
        var root = _kids.StartRoot("handles termination itself", Here());
        _kids.Read("ready");
        Kids.Terminate(root.Id);

        Assert.Equal((5, ""), Kids.Finish(root));
        Assert.Equal("True", _kids.Read("while shutting down"));
        Assert.True(File.Exists(_kids.File("daemon was asked")));
    }

    [Fact]
    [Trait("Case", "D10")]
    public void Daemons_die_with_a_parent_that_is_killed_and_the_others_go_on()
    {
        var root = _kids.StartRoot("waits", Here());
        _kids.Read("ready");
        var (daemon, worker) = (PidFrom("daemon"), PidFrom("worker"));
        Kids.Kill(root.Id);
        try
        {
            Kids.Until(() => !Kids.IsRunning(daemon), "The daemon lives on.");
            Assert.False(File.Exists(_kids.File("daemon was asked")));
            Assert.True(Kids.IsRunning(worker));
        }
        finally
        {
            Kids.Kill(worker);
        }
    }

    [Fact]
    [Trait("Case", "D10")]
    public void A_daemon_whose_parent_is_killed_while_it_starts_does_not_outlive_it()
    {
        for (var i = 0; i < 10; i++)
        {
            var path = _kids.File("ready" + i);
            var middle = _kids.Start(static string (string path) =>
            {
                var daemon = new ChildProcess(Kids.Sleep) { Daemon = true };
                daemon.Start();
                Kids.Say(path, daemon.Pid!.Value.ToString(CultureInfo.InvariantCulture));
                Kids.Sleep();
                return "";
            }, path);
            var daemon = int.Parse(_kids.Read("ready" + i), CultureInfo.InvariantCulture);
            Thread.Sleep(i * 6);
            middle.Kill();
            middle.Join();
            Kids.Until(() => !Kids.IsRunning(daemon), $"The daemon that was {i * 6} ms old lives on.");
        }
    }

    [Fact]
    [Trait("Case", "10")]
    public void A_child_that_throws_says_so_on_standard_error_with_its_stack_and_exits_with_1()
    {
        var (exitCode, output) = Kids.Finish(_kids.StartRoot("throws"));
        Assert.Equal(1, exitCode);
        Assert.Contains("Process thrower (", output, StringComparison.Ordinal);
        Assert.Contains("System.IO.InvalidDataException: seat 12 is not a seat", output, StringComparison.Ordinal);
        Assert.Contains("Targets.Throw()", output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Case", "14")]
    public void A_root_has_no_parent_and_a_child_sees_its_parent_die()
    {
        Assert.Null(CurrentProcess.Parent);
        Assert.False(CurrentProcess.IsDaemon);

        var middle = _kids.Start(new ChildProcess(Targets.HaveWatcher, _kids.File("watcher")) { Name = "middle" });
        Assert.Equal($"middle {middle.Pid} True False", _kids.Read("watcher"));
        middle.Kill();
        Assert.Equal("True False", _kids.Read("watcher after"));
    }

    [Fact]
    [Trait("Case", "15")]
    public void Many_children_run_at_once_and_each_end_is_seen()
    {
        const int Count = 20;
        var workers = Enumerable.Range(0, Count).Select(i => _kids.Start(Targets.Return, i)).ToList();
        foreach (var worker in workers) worker.Join();
        Assert.Equal(Enumerable.Range(0, Count), workers.Select(one => one.ExitCode!.Value));

        var sleepers = Enumerable.Range(0, Count).Select(_ => _kids.Start(Kids.Sleep)).ToList();
        foreach (var sleeper in sleepers) sleeper.Terminate();
        foreach (var sleeper in sleepers) sleeper.Join();
        Assert.All(sleepers, one => Assert.Equal(-15, one.ExitCode));
    }

    [Fact]
    [Trait("Case", "15")]
    [Trait("Storm", "true")]
    public void After_a_hundred_children_and_a_hundred_killed_ones_no_descriptor_is_left()
    {
        // In a program of its own: other tests open descriptors too.
        var (exitCode, output) = Kids.Finish(_kids.StartRoot("storm"));
        Assert.Equal("100 ended by -15, 100 ended by -9, 0 descriptors and 0 children left\n", output);
        Assert.Equal(0, exitCode);
    }

    [Fact]
    [Trait("Case", "16")]
    public void A_tree_reports_itself_depth_first()
    {
        _kids.Start(Targets.Descend, _kids.File("tree"), 2, "r").Join();
        Assert.Equal(["r", "r0", "r00", "r01", "r1", "r10", "r11"], File.ReadAllLines(_kids.File("tree")));
    }

    [Fact]
    [Trait("Case", "17")]
    public void A_child_waits_for_its_foreground_threads_and_runs_what_runs_at_exit()
    {
        var child = _kids.Start(Targets.LeaveThreads, _kids.File("thread"));
        child.Join();
        Assert.Equal(0, child.ExitCode);
        Assert.True(File.Exists(_kids.File("thread foreground")));
        Assert.True(File.Exists(_kids.File("thread at exit")));
        Assert.False(File.Exists(_kids.File("thread background")));
    }

    [Fact]
    [Trait("Case", "18")]
    public void A_child_gets_nothing_of_its_siblings_and_nothing_that_happens_to_be_open()
    {
        // As a native library may have it: without close-on-exec.
        using var file = File.OpenHandle(_kids.File("open"), FileMode.Create, FileAccess.ReadWrite);
        using var stray = Kids.Inheritable(file);
        var counts = new List<int>();
        for (var i = 0; i < 3; i++)
        {
            _kids.Start(Targets.TellDescriptors, _kids.File("fds" + i));
            var open = _kids.Read("fds" + i).Split('\n');
            counts.Add(open.Length);
            Assert.DoesNotContain(open, one => one.EndsWith(_kids.File("open"), StringComparison.Ordinal));
        }

        // Give or take what the runtime opens when it likes.
        Assert.InRange(counts[2] - counts[0], -2, 2);
    }

    [Fact]
    [Trait("Case", "19")]
    public void A_child_s_standard_input_is_the_null_device()
    {
        _kids.Start(Targets.TellInput, _kids.File("input")).Join();
        Assert.Equal("/dev/null -1", _kids.Read("input"));
    }

    [Theory]
    [InlineData(">&-")]
    [InlineData("2>&-")]
    [InlineData("<&- >&- 2>&-")]
    [InlineData(">/dev/full 2>/dev/full")]
    [Trait("Case", "19")]
    public void Closed_or_broken_standard_streams_do_not_keep_children_from_starting_or_ending(string redirection)
    {
        var path = _kids.File("told");
        var command = string.Join(' ', Kids.RootCommand("hands over", path, _kids.File("exit code")).Select(part => $"'{part}'"));
        var shell = _kids.StartProgram("/bin/sh", "-c", $"exec {command} {redirection}");
        Assert.Equal(0, Kids.Finish(shell).ExitCode);
        Assert.Equal("1 ", _kids.Read("told"));
        Assert.Equal("0", _kids.Read("exit code"));
    }

    [Fact]
    [Trait("Case", "20")]
    public void Without_the_entry_call_a_start_is_refused_and_no_process_comes_of_it()
    {
        var (exitCode, output) = Kids.Finish(_kids.StartRoot("forgets the entry", _kids.File("starts")));
        Assert.Equal(20, exitCode);
        Assert.Contains("refused: This program has not called ProcessEntry.Run.", output, StringComparison.Ordinal);
        Assert.Single(File.ReadAllLines(_kids.File("starts")));
    }

    [Fact]
    [Trait("Case", "20")]
    public void A_child_that_runs_the_program_instead_of_its_target_starts_no_further_one()
    {
        var (exitCode, output) = Kids.Finish(_kids.StartRoot("enters only as root", _kids.File("starts")));
        Assert.Equal(20, exitCode);
        Assert.Contains(
            "refused: Join: process ChildProcess-1: its program ended with exit code 20 and never came to ProcessEntry.Run",
            output, StringComparison.Ordinal);
        Assert.Equal(2, File.ReadAllLines(_kids.File("starts")).Length);
    }

    [Fact]
    [Trait("Case", "20")]
    public void A_child_that_ends_before_the_entry_call_is_not_a_success()
    {
        var (exitCode, output) = Kids.Finish(_kids.StartRoot("ends before the entry"));
        Assert.Equal(20, exitCode);
        Assert.Contains("the target did not run", output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Case", "7")]
    public void Children_that_never_began_and_that_nobody_joined_are_told_of_at_the_end_and_are_no_crash()
    {
        var (exitCode, output) = Kids.Finish(_kids.StartRoot("does not wait for what never began", _kids.File("end")));
        Assert.Equal(7, exitCode);
        Assert.Contains("process first: its program ended", output, StringComparison.Ordinal);
        Assert.Contains("process second: its program ended", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled", output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_entry_call_as_a_statement_ends_the_child_where_it_stands()
    {
        Assert.Equal((0, ""), Kids.Finish(_kids.StartRoot("enters by statement", _kids.File("told"))));
        Assert.Equal("7 A1", _kids.Read("told"));
    }

    [Fact]
    public void The_end_of_the_thread_that_started_a_daemon_is_not_the_end_of_the_daemon()
    {
        ChildProcess? child = null;
        var thread = new Thread(() => child = _kids.Start(new ChildProcess(Targets.HandleTermination, Here(), "daemon") { Daemon = true }));
        thread.Start();
        thread.Join();
        _kids.Read("daemon");
        Assert.False(child!.Join(TimeSpan.FromMilliseconds(300)));
    }

    [Fact]
    public async Task A_child_s_end_is_seen_by_all_who_wait_for_it()
    {
        var child = _kids.Start(Kids.Sleep);
        var waiting = Enumerable.Range(0, 8).Select(_ => Task.Factory.StartNew(child.Join, TaskCreationOptions.LongRunning)).ToArray();
        child.Kill();
        await Task.WhenAll(waiting).WaitAsync(Kids.Patience);
    }

    [Fact]
    [Trait("Case", "68")]
    public void Where_descriptors_run_out_nothing_is_started_half()
    {
        // Now and then it is the runtime that needs the one that is not there, for a thread of its own, and it ends the program: that says
        // nothing of what is started here.
        (int, string) finished;
        var tries = 0;
        do finished = Kids.Finish(_kids.StartRoot("runs out of descriptors"));
        while (finished == (134, "Out of memory.\n") && ++tries < 5);
        Assert.Equal((0, "some started, some refused, 0 left\n"), finished);
    }

    public void Dispose() => _kids.Dispose();

    private string Here() => Path.GetDirectoryName(_kids.File("x"))!;

    private int PidFrom(string name) => int.Parse(_kids.Read(name), CultureInfo.InvariantCulture);
}
