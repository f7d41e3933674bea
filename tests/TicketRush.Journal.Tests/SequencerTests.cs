using TicketRush.Engine;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

public sealed class SequencerTests
{
    [Fact]
    public async Task Nobody_is_answered_and_nothing_is_shown_before_the_flush()
    {
        await using var rig = await OpenAsync();
        var before = rig.Sequencer.Snapshot!.Sequence;
        var answers = new List<Task<Outcome>>();
        (int Answered, long Shown)? atFlush = null;
        rig.Platform.OnFlush = _ =>
        {
            // An answer that was sent too early needs a moment to arrive.
            Thread.Sleep(50);
            atFlush = (answers.Count(answer => answer.IsCompleted), rig.Sequencer.Snapshot!.Sequence);
        };

        using (rig.HoldTurn())
        {
            for (var id = 0; id < 100; id++) answers.Add(rig.AskAsync(Purchase(id)));
        }

        Assert.All(await Task.WhenAll(answers).WaitAsync(Bound), outcome => Assert.Equal(Outcome.Done, outcome));
        Assert.Equal((0, before), atFlush);
        Assert.Equal(before + 100, rig.Sequencer.Snapshot!.Sequence);
        Assert.Equal(100, rig.ReadAgain().Pools[0].Sold);
    }

    [Fact]
    public async Task A_caller_that_blocks_the_thread_it_is_answered_on_keeps_nobody_else_waiting()
    {
        await using var rig = await OpenAsync();
        using var release = new ManualResetEventSlim();
        var blocked = 0;
        var answers = new List<Task<Outcome>>();
        for (var round = 0; round < 3; round++)
        {
            using (rig.HoldTurn())
            {
                for (var id = round * 200; id < (round + 1) * 200; id++)
                {
                    // Some in each round, so that they stand in front of others of their chunk, and of the next rounds.
                    if (id % 100 == 7) _ = BlockAsync(Purchase(id));
                    else answers.Add(rig.AskAsync(Purchase(id)));
                }
            }

            await rig.TickUntilAsync(() => answers.All(answer => answer.IsCompleted));
        }

        Assert.All(answers, answer => Assert.Equal(Outcome.Done, answer.Result));
        await rig.TickUntilAsync(() => Volatile.Read(ref blocked) == 6);
        release.Set();
        await rig.TickUntilAsync(() => Volatile.Read(ref blocked) == 0);

        async Task BlockAsync(Submission submission)
        {
            Assert.Equal(Outcome.Done, await rig.Sequencer.SubmitAsync(submission));
            Interlocked.Increment(ref blocked);
            release.Wait();
            Interlocked.Decrement(ref blocked);
        }
    }

    [Fact]
    public async Task Whoever_comes_first_is_decided_first()
    {
        await using var rig = await OpenAsync();
        var batches = rig.Sequencer.Appended.Batches;
        var submissions = Enumerable.Range(0, 500).Select(id => Purchase(id)).ToArray();
        Task<Outcome>[] answers;
        using (rig.HoldTurn()) answers = [.. submissions.Select(rig.AskAsync)];

        await Task.WhenAll(answers).WaitAsync(Bound);
        var first = submissions[0].Reply.Sequence;
        Assert.Equal(Enumerable.Range(0, 500).Select(id => first + id), submissions.Select(submission => submission.Reply.Sequence));
        Assert.Equal(batches + 1, rig.Sequencer.Appended.Batches);
    }

    [Fact]
    public async Task The_last_place_goes_to_whoever_came_first()
    {
        await using var rig = await OpenAsync(capacity: 1);
        var submissions = Enumerable.Range(0, 50).Select(id => Purchase(id)).ToArray();
        Task<Outcome>[] answers;
        using (rig.HoldTurn()) answers = [.. submissions.Select(rig.AskAsync)];

        var outcomes = await Task.WhenAll(answers).WaitAsync(Bound);
        Assert.Equal(Outcome.Done, outcomes[0]);
        Assert.All(outcomes[1..], outcome => Assert.Equal(Outcome.Refused, outcome));
        Assert.All(submissions[1..], submission => Assert.Equal(Refusal.SoldOut, submission.Reply.Refusal));
    }

    [Fact]
    public async Task A_batch_longer_than_it_may_be_goes_out_in_parts()
    {
        await using var rig = await OpenAsync(new() { BatchLength = 4096 });
        var batches = rig.Sequencer.Appended.Batches;
        var submissions = Enumerable.Range(0, 200).Select(id => Purchase(id)).ToArray();
        Task<Outcome>[] answers;
        using (rig.HoldTurn()) answers = [.. submissions.Select(rig.AskAsync)];

        Assert.All(await Task.WhenAll(answers).WaitAsync(Bound), outcome => Assert.Equal(Outcome.Done, outcome));
        Assert.InRange(rig.Sequencer.Appended.Batches - batches, 4, 200);
        Assert.Equal(200, submissions.Select(submission => submission.Reply.Sequence).Distinct().Count());
        Assert.Equal(200, rig.ReadAgain().Pools[0].Sold);
    }

    [Fact]
    public async Task A_full_inbox_answers_Busy_at_once()
    {
        await using var rig = await OpenAsync(new() { InboxMax = 4 });
        Task<Outcome>[] waiting;
        using (rig.HoldTurn())
        {
            waiting = [.. Enumerable.Range(0, 4).Select(id => rig.AskAsync(Purchase(id)))];
            Assert.Equal(Outcome.Busy, await rig.AskAsync(Purchase(4)).WaitAsync(Bound));
            Assert.All(waiting, answer => Assert.False(answer.IsCompleted));
        }

        Assert.All(await Task.WhenAll(waiting).WaitAsync(Bound), outcome => Assert.Equal(Outcome.Done, outcome));
        Assert.Equal(4, rig.Sequencer.Snapshot!.Pools[0].Sold);
    }

    [Fact]
    public async Task A_purchase_that_waited_too_long_is_dropped_undecided()
    {
        await using var rig = await OpenAsync(new() { CommandAgeMax = TimeSpan.FromMilliseconds(50) });
        Task<Outcome> stale;
        using (rig.HoldTurn())
        {
            stale = rig.AskAsync(Purchase(0));
            await Task.Delay(100);
        }

        Assert.Equal(Outcome.Busy, await stale.WaitAsync(Bound));
        Assert.Equal(0, rig.ReadAgain().Pools[0].Sold);
    }

    [Fact]
    public async Task A_turn_that_does_not_come_is_told_and_nothing_is_stolen()
    {
        var told = new List<SequencerStatusKind>();
        await using var rig = await OpenAsync(new()
        {
            TurnWaitMax = TimeSpan.FromMilliseconds(100), OnStatus = status => { lock (told) told.Add(status.Kind); },
        });
        using (rig.HoldTurn())
        {
            var waiting = rig.AskAsync(Purchase(0));
            await rig.TickUntilAsync(() => waiting.IsCompleted);
            Assert.Equal(Outcome.Busy, await waiting);
            Assert.Equal(SequencerStatusKind.TurnTaken, rig.Sequencer.Status.Kind);
            Assert.Equal(Outcome.Busy, await rig.AskAsync(Purchase(1)).WaitAsync(Bound));
        }

        await rig.TickUntilAsync(() => rig.Sequencer.Status.Kind == SequencerStatusKind.Selling);
        Assert.Equal(Outcome.Done, await rig.AskAsync(Purchase(2)).WaitAsync(Bound));
        Assert.Equal(1, rig.ReadAgain().Pools[0].Sold);
        Assert.Equal([SequencerStatusKind.TurnTaken, SequencerStatusKind.Selling], told);
    }

    [Fact]
    public async Task A_slow_flush_is_Unknown_and_the_same_id_tells_the_truth_later()
    {
        await using var rig = await OpenAsync(new() { FlushWaitMax = TimeSpan.FromMilliseconds(100) });
        using var disk = new ManualResetEventSlim();
        rig.Platform.OnFlush = _ => disk.Wait(Bound);
        var slow = rig.AskAsync(Purchase(0));
        await rig.TickUntilAsync(() => slow.IsCompleted);
        Assert.Equal(Outcome.Unknown, await slow);

        var again = Purchase(0);
        var answer = rig.AskAsync(again);
        disk.Set();
        Assert.Equal(Outcome.Done, await answer.WaitAsync(Bound));
        Assert.Equal(3, again.Reply.Sequence); // Behind the plan and the opening: the first purchase, not a second.
        Assert.Equal(1, rig.ReadAgain().Pools[0].Sold);
    }

    [Fact]
    public async Task Questions_are_answered_in_order_and_write_nothing()
    {
        await using var rig = await OpenAsync();
        var (purchase, found, orders, unknown) = (Purchase(7), Find(7),
            new Submission { Command = new() { Kind = CommandKind.ListOrders } }, Find(8));
        Task<Outcome>[] answers;
        using (rig.HoldTurn()) answers = [.. new[] { purchase, found, orders, unknown }.Select(rig.AskAsync)];

        Assert.Equal([Outcome.Done, Outcome.Done, Outcome.Done, Outcome.Refused], await Task.WhenAll(answers).WaitAsync(Bound));
        Assert.Equal((HoldState.Paid, purchase.Reply.Sequence), (found.Reply.State, found.Reply.Sequence));
        Assert.Equal(Refusal.UnknownHold, unknown.Reply.Refusal);
        var order = Assert.Single(orders.Reply.Orders!);
        Assert.Equal((purchase.Reply.Sequence, purchase.TimeMs), (order.Sequence, order.TimeMs));

        var (appended, flushes) = (rig.Sequencer.Appended, rig.Platform.Flushes);
        Assert.Equal(Outcome.Done, await rig.AskAsync(Find(7)).WaitAsync(Bound));
        Assert.Equal((appended, flushes), (rig.Sequencer.Appended, rig.Platform.Flushes));
    }

    [Fact]
    public async Task Asking_again_gives_the_same_receipt_here_and_everywhere()
    {
        await using var rig = await OpenAsync();
        var first = Purchase(1);
        await rig.AskAsync(first).WaitAsync(Bound);
        for (var id = 2; id < 30; id++) await rig.AskAsync(Purchase(id)).WaitAsync(Bound);

        var again = Purchase(1);
        Assert.Equal(Outcome.Done, await rig.AskAsync(again).WaitAsync(Bound));
        Assert.Equal(Receipt(first), Receipt(again));

        await using var other = new Sequencer(Files.FileJournal.Open(rig.Path));
        var elsewhere = Purchase(1);
        Assert.Equal(Outcome.Done, await other.SubmitAsync(elsewhere).AsTask().WaitAsync(Bound));
        Assert.Equal(Receipt(first), Receipt(elsewhere));

        static (long, ChainHash, long, uint) Receipt(Submission of) => (of.Reply.Sequence, of.Hash, of.TimeMs, of.Reply.FirstTicket);
    }

    [Fact]
    public async Task A_hold_runs_out_in_a_quiet_sale_by_ticks_alone()
    {
        var clock = new TestClock();
        await using var rig = await OpenAsync(journal: new() { Clock = clock });
        Assert.Equal(Outcome.Done, await rig.AskAsync(Purchase(0, CommandKind.Hold)).WaitAsync(Bound));
        Assert.Equal(1, rig.Sequencer.Snapshot!.Pools[0].Held);

        for (var i = 0; i < 10; i++) rig.Sequencer.Tick();
        Assert.Equal(1, rig.Sequencer.Snapshot.Pools[0].Held);
        clock.Advance(TimeSpan.FromSeconds(602));
        await rig.TickUntilAsync(() => rig.Sequencer.Snapshot.Pools[0].Held == 0);
        Assert.Equal(long.MaxValue, rig.Sequencer.Snapshot.NextExpiryMs);
        Assert.Equal((1_000, 4), (rig.ReadAgain().Pools[0].Free, rig.ReadAgain().Sequence));
    }

    [Fact]
    public async Task Disposing_decides_what_was_taken()
    {
        await using var rig = await OpenAsync();
        Task<Outcome>[] answers;
        using (rig.HoldTurn()) answers = [.. Enumerable.Range(0, 100).Select(id => rig.AskAsync(Purchase(id)))];
        await rig.Sequencer.DisposeAsync();

        Assert.All(await Task.WhenAll(answers).WaitAsync(Bound), outcome => Assert.Equal(Outcome.Done, outcome));
        Assert.Equal(Outcome.Busy, await rig.AskAsync(Purchase(100)).WaitAsync(Bound));
        Assert.Equal(100, rig.ReadAgain().Pools[0].Sold);
    }

    [Fact]
    public async Task Disposing_does_not_wait_for_a_turn_forever()
    {
        await using var rig = await OpenAsync(new() { StopWaitMax = TimeSpan.FromMilliseconds(100) });
        using (rig.HoldTurn())
        {
            var waiting = rig.AskAsync(Purchase(0));
            await rig.Sequencer.DisposeAsync().AsTask().WaitAsync(Bound);
            Assert.Equal(Outcome.Busy, await waiting.WaitAsync(Bound));
        }

        Assert.Equal(0, rig.ReadAgain().Pools[0].Sold);
    }

    [Fact]
    public async Task Nobody_who_asks_while_it_is_disposed_of_waits_forever()
    {
        for (var round = 0; round < 100; round++)
        {
            await using var rig = await OpenAsync(journal: new() { Flush = false });
            var start = new Barrier(3);
            var callers = Enumerable.Range(0, 2).Select(caller => Task.Run(() =>
            {
                var answers = new List<Task<Outcome>>();
                start.SignalAndWait();
                for (var i = 0; i < 200; i++) answers.Add(rig.AskAsync(Purchase(caller * 1_000 + i)));
                return answers;
            })).ToArray();
            start.SignalAndWait();
            Thread.SpinWait(round * 200);
            await rig.Sequencer.DisposeAsync();

            var outcomes = await Task.WhenAll((await Task.WhenAll(callers)).SelectMany(answers => answers)).WaitAsync(Bound);
            Assert.All(outcomes, outcome => Assert.True(outcome is Outcome.Done or Outcome.Busy));
            Assert.Equal(outcomes.Count(outcome => outcome == Outcome.Done), rig.ReadAgain().Pools[0].Sold);
        }
    }

    [Fact]
    public async Task An_answered_submission_is_used_again()
    {
        await using var rig = await OpenAsync(new() { InboxMax = 1 }, capacity: 1);
        var submission = Purchase(0);
        using (rig.HoldTurn())
        {
            var waiting = rig.AskAsync(Purchase(1, CommandKind.Hold));
            Assert.Equal(Outcome.Busy, await rig.Sequencer.SubmitAsync(submission));
            Assert.False(waiting.IsCompleted);
        }

        // Answered or not, the hold came before this.
        await rig.TickUntilAsync(() => rig.Sequencer.Snapshot!.Pools[0].Held == 1);
        Assert.Equal(Outcome.Refused, await rig.Sequencer.SubmitAsync(submission));
        Assert.Equal(Refusal.SoldOut, submission.Reply.Refusal);

        Assert.Equal(Outcome.Done, await rig.AskAsync(new() { Command = new() { Kind = CommandKind.Release, Hold = new(Spread(1)) } }));
        Assert.Equal(Outcome.Done, await rig.Sequencer.SubmitAsync(submission));
        Assert.Equal((Refusal.None, HoldState.Paid), (submission.Reply.Refusal, submission.Reply.State));
    }

    private sealed class TestClock : TimeProvider
    {
        private long _ticks = TimeSpan.TicksPerDay;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Volatile.Read(ref _ticks);

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddYears(50).AddTicks(GetTimestamp());

        public void Advance(TimeSpan time) => Interlocked.Add(ref _ticks, time.Ticks);
    }
}
