namespace TicketRush.Samples.Tests;

public sealed class ProcessSamples
{
    [Sample("process-life-cycle")]
    public async Task A_process_is_made_started_and_joined_and_run_alone_starts_nothing()
    {
        var said = await Transcript.OfAsync("process-life-cycle");
        said.Has(
            "made: seller, process none, alive False, exit code none",
            "started: seller, process *, alive True, exit code none",
            "joined: seller, process *, alive False, exit code 3");
        said.HasInOrder(
            "parent: MainProcess, process *, key *",
            "made: *",
            "  selling in seller, process *, key *",
            "  child of MainProcess, process *",
            "joined: *",
            "  selling in MainProcess, process *, key *",
            "parent: Join: process helper: it has not been started.");

        var parent = Assert.Single(said.Stars("  child of MainProcess, process *"));
        Assert.Single(said.Stars($"parent: MainProcess, process {parent}, key *"));
        Assert.Single(said.Stars($"  selling in MainProcess, process {parent}, key *"));
        var child = Assert.Single(said.Stars("joined: seller, process *, alive False, exit code 3"));
        Assert.NotEqual(parent, child);

        // Parent and child have the same key, and another run has another.
        var key = Assert.Single(said.Stars($"parent: MainProcess, process {parent}, key *"));
        said.Has($"  selling in seller, process {child}, key {key}");
        (await Transcript.OfAsync("process-life-cycle")).HasNot($"*{key}");
    }

    [Sample("process-arguments")]
    public async Task Arguments_come_by_position_by_name_by_default_and_as_a_record()
    {
        var said = await Transcript.OfAsync("process-arguments");
        said.Has(
            "  by position: 2 x standing for ann",
            "  by name: 3 x balcony for bob",
            "  by default: 1 x standing for cy",
            "  all three: 4 x box for dee",
            "  a record: 5 to eve",
            "refused: Sell has no parameter named row.");
        Assert.Equal(5, said.Count("*: exit code 0"));
        Assert.Equal(11, said.Lines.Count);
    }

    [Sample("process-subclass")]
    public async Task A_process_as_a_class_takes_its_properties_along_and_changes_only_its_copy()
    {
        var said = await Transcript.OfAsync("process-subclass");
        var main = Assert.Single(said.Stars("main: process *"));
        said.Has(
            "  Streamer-1, process *: chatting with wu, who has ticket 123",
            "  Streamer-2, process *: chatting with yuan, who has ticket 456",
            "  the third, process *: chatting with ne, who has ticket 789");
        said.HasInOrder(
            "main: Streamer-1 told 0 here",
            "main: Streamer-2 told 0 here",
            "main: the third told 0 here",
            $"  MainProcess, process {main}: chatting with wu, who has ticket 123",
            "main: Streamer-1 told 1 here");
    }

    [Sample("is-alive-and-terminate")]
    public async Task A_terminated_process_ends_by_its_signal_and_its_lock_is_granted_as_abandoned() =>
        (await Transcript.OfAsync("is-alive-and-terminate")).Is(
            """
            inside: alive True, the till is taken True
            terminated: maybe alive, maybe not: *
            joined: alive False, exit code -15
            the till: Abandoned
            once more: Acquired
            killed: alive False, exit code -9
            """);

    [Sample("data-isolation")]
    public async Task Children_have_copies_of_their_own()
    {
        var said = await Transcript.OfAsync("data-isolation");
        Assert.Equal(4, said.Count("  ChildProcess-?: n = 99"));
        said.HasInOrder("parent: n = 50, shared = 100", "parent: n = 50, shared = 96");
    }

    [Sample("daemons")]
    public async Task Daemons_end_with_the_main_process_and_others_are_waited_for()
    {
        var said = await Transcript.OfAsync("daemons");
        said.HasInOrder(
            "main: Daemon: process clock: it has been started, and is a daemon from the start or never.",
            "main: the last line, with 2 children running",
            "  seller: done");
        said.HasInOrder(
            "  clock: running, daemon True",
            "  clock: *daemonic processes are not allowed to have children.",
            "main: the last line, with 2 children running");
        said.HasInOrder("  seller: running, daemon False", "main: the last line, with 2 children running");
        said.HasNot("  clock: done");
    }
}
