namespace TicketRush.Samples.Tests;

public sealed class QueueSamples
{
    [Sample("queue-limits")]
    public async Task A_queue_is_full_at_its_limit_empty_at_nothing_and_not_for_files()
    {
        var said = await Transcript.OfAsync("queue-limits");
        said.HasInOrder(
            "put 1: 1 of 5",
            "put 2: 2 of 5",
            "put 3: 3 of 5",
            "put 4: 4 of 5",
            "put 5: 5 of 5",
            "full True, try to put 6: False",
            "put 6: The queue has 5 items, which is as many as it may have.",
            "  consumer got 1",
            "got 2",
            "got 3",
            "got 4",
            "got 5",
            "got 6",
            "empty True, try to get: False",
            "get: There was no item in the queue within 00:00:00.1000000.",
            "put a big file: The item has 16777217 bytes, and an item of a queue may have 16777216: *");
        said.Has("put 6: there was room when somebody had taken one");
    }

    [Sample("queue-between-processes")]
    public async Task What_one_process_puts_another_gets()
    {
        var said = await Transcript.OfAsync("queue-between-processes");
        said.HasInOrder("  teller: puts a line", "  listener: got \"row 7 is free\"", "main: 0 left in the queue");
        said.Has("main: both are started");
    }

    [Sample("producers-and-consumers")]
    public async Task Everything_cooked_is_eaten_once_and_everybody_goes_home()
    {
        var said = await Transcript.OfAsync("producers-and-consumers");
        EverythingIsEaten(said);
        Assert.Equal("main: 6 cooked, 6 eaten, 0 left", said.Lines[^1]);
        Assert.Equal(13, said.Lines.Count);
    }

    [Sample("joinable-queue")]
    public async Task Producers_wait_until_all_is_done_and_what_a_killed_consumer_had_is_done_by_another()
    {
        var said = await Transcript.OfAsync("joinable-queue");
        EverythingIsEaten(said);
        said.HasInOrder("  he has taken the soup", "main: he is gone, and 1 dish is back on the counter", "  * has eaten soup");
        Assert.Equal("main: all is eaten True, guests at the table 2", said.Lines[^2]);
        Assert.StartsWith("main: SharedJoinableQueue.TaskDone was called too many times", said.Lines[^1], StringComparison.Ordinal);
        Assert.Equal(17, said.Lines.Count);
    }

    private static void EverythingIsEaten(Transcript said)
    {
        foreach (var dish in new[] { "pork bones", "pickled fish", "pig's feet" })
        {
            for (var number = 1; number <= 2; number++)
                said.HasInOrder($"  * has cooked {dish} {number}", $"  * has eaten {dish} {number}");
        }
    }
}
