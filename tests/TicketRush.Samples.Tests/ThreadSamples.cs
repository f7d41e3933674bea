using System.Globalization;
using System.Text.RegularExpressions;

namespace TicketRush.Samples.Tests;

public sealed partial class ThreadSamples
{
    [Sample("threads")]
    public async Task Foreground_threads_are_waited_for_and_background_threads_are_not()
    {
        var said = await Transcript.OfAsync("threads");
        said.HasInOrder("made: seller, alive False", "  seller: opening", "joined: seller, alive False, sold 3");
        said.HasInOrder("started: printer, alive True", "joined: printer, alive False, printed 1");
        said.Has("  printer: opening", "  clock: running, background True", "  cleaner: running, background False");
        said.HasInOrder("main: the last line", "  cleaner: done");
        said.HasNot("  clock: done");
    }

    [Sample("countdown")]
    public async Task A_hundred_threads_count_down_to_99_without_a_lock_and_to_0_with_it() =>
        (await Transcript.OfAsync("countdown")).Is(
            """
            without a lock: n = 99
            with the lock: n = 0
            with one indivisible step: n = 0
            """);

    [Sample("four-ways-of-waiting")]
    public async Task Who_blocks_does_no_work_and_who_is_told_does_not_look()
    {
        var said = await Transcript.OfAsync("four-ways-of-waiting");
        Assert.Equal(5, said.Lines.Count);
        var rows = said.Lines.Skip(1).Select(line => Row().Match(line)).ToDictionary(row => row.Groups["way"].Value, row => (
            Waited: Number(row, "waited"), Looked: Number(row, "looked"), Worked: Number(row, "worked")));

        Assert.All(rows.Values, row => Assert.True(row.Waited >= 150, $"It was over before the answer: {row}"));
        Assert.Equal((1, 0), (rows["synchronous, blocking"].Looked, rows["synchronous, blocking"].Worked));
        Assert.Equal((0, 0), (rows["asynchronous, blocking"].Looked, rows["asynchronous, blocking"].Worked));
        Assert.True(rows["synchronous, non-blocking"].Worked > 0);
        Assert.Equal(rows["synchronous, non-blocking"].Worked + 1, rows["synchronous, non-blocking"].Looked);
        Assert.True(rows["asynchronous, non-blocking"].Worked > 0);
        Assert.Equal(0, rows["asynchronous, non-blocking"].Looked);
    }

    private static int Number(Match row, string column) => int.Parse(row.Groups[column].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<way>[a-z]+, [a-z-]+) +(?<waited>\d+) ms +(?<looked>\d+) +(?<worked>\d+)$")]
    private static partial Regex Row();
}
