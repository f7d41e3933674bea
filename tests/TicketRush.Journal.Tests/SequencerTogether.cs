using TicketRush.Engine;
using TicketRush.Journal.Files;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

/// <summary>Several writers of one journal, as several processes are: each with its own file, lock and memory.</summary>
public sealed class SequencerTogether
{
    private const int Capacity = 2_000;

    [Theory]
    [InlineData(2, 11)]
    [InlineData(2, 12)]
    [InlineData(3, 13)]
    [Trait("Storm", "true")]
    public async Task Crowds_at_several_sequencers_buy_exactly_what_there_is(int writers, int seed)
    {
        await using var rig = await OpenAsync(capacity: Capacity);
        var sequencers = new List<Sequencer> { rig.Sequencer };
        while (sequencers.Count < writers) sequencers.Add(new(FileJournal.Open(rig.Path)));
        try
        {
            var sold = await Task.WhenAll(sequencers.Select((sequencer, i) => SellOutAsync(sequencer, seed * 100 + i))).WaitAsync(Bound);
            var all = sold.SelectMany(receipts => receipts).ToArray();

            Assert.Equal(Capacity, all.Length);
            Assert.Equal(Capacity, all.Select(receipt => receipt.Sequence).Distinct().Count());
            Assert.Equal(Enumerable.Range(1, Capacity), all.Select(receipt => (int)receipt.Ticket).Order());

            // How even the shares are is the bench's to judge, on a machine that does nothing else; here nobody starves.
            Assert.All(sold, receipts => Assert.True(receipts.Count >= Capacity / 10 / writers,
                $"{receipts.Count} of {Capacity}: the turn is not fair."));

            var again = rig.ReadAgain();
            Assert.Equal(new PoolCount(Capacity, 0, 0, Capacity), again.Pools[0]);
            await TickUntilAsync(() => sequencers.All(sequencer => sequencer.Snapshot!.Sequence == again.Sequence), [.. sequencers]);
            foreach (var sequencer in sequencers)
            {
                var here = sequencer.Snapshot!;
                Assert.Equal((again.Hash, again.Orders, again.Pools[0]), (here.Hash, here.Orders, here.Pools[0]));
            }
        }
        finally
        {
            foreach (var sequencer in sequencers[1..]) await sequencer.DisposeAsync();
        }
    }

    [Fact]
    public async Task What_one_sells_the_other_shows_by_ticks_alone()
    {
        await using var rig = await OpenAsync();
        await using var other = new Sequencer(FileJournal.Open(rig.Path));
        for (var id = 0; id < 20; id++)
        {
            Assert.Equal(Outcome.Done, await rig.AskAsync(Purchase(id)).WaitAsync(Bound));
            var shown = TickUntilAsync(() => other.Snapshot!.Pools[0].Sold == id + 1, other);
            await shown.WaitAsync(TimeSpan.FromSeconds(2));
            Assert.Equal(rig.Sequencer.Snapshot!.Hash, other.Snapshot!.Hash);
        }

        Assert.Equal(default, other.Appended);
    }

    [Fact]
    public async Task One_id_at_two_sequencers_at_once_is_one_order()
    {
        await using var rig = await OpenAsync();
        await using var other = new Sequencer(FileJournal.Open(rig.Path));
        for (var id = 0; id < 200; id++)
        {
            var (here, there) = (Purchase(id), Purchase(id));
            using var start = new Barrier(2);
            var answers = await Task.WhenAll(AtOnceAsync(rig.Sequencer, here), AtOnceAsync(other, there)).WaitAsync(Bound);

            Assert.Equal([Outcome.Done, Outcome.Done], answers);
            Assert.Equal(
                (here.Reply.Sequence, here.Hash, here.TimeMs, here.Reply.FirstTicket, here.Reply.Amount),
                (there.Reply.Sequence, there.Hash, there.TimeMs, there.Reply.FirstTicket, there.Reply.Amount));

            Task<Outcome> AtOnceAsync(Sequencer sequencer, Submission submission) => Task.Run(async () =>
            {
                start.SignalAndWait();
                return await sequencer.SubmitAsync(submission);
            });
        }

        var again = rig.ReadAgain();
        Assert.Equal((200, 200), (again.Pools[0].Sold, again.Orders));
    }

    /// <summary>Eight callers, each of whom buys until nothing is left, and now and then asks again.</summary>
    private static async Task<List<(long Sequence, uint Ticket)>> SellOutAsync(Sequencer sequencer, int seed)
    {
        var receipts = new List<(long, uint)>();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(caller => Task.Run(async () =>
        {
            var random = new Random(seed * 10 + caller);
            var submission = new Submission();
            for (var i = 0; ; i++)
            {
                Fill(submission, (seed * 10 + caller) * 10_000 + i);
                var outcome = await sequencer.SubmitAsync(submission);
                if (outcome == Outcome.Refused)
                {
                    Assert.Equal(Refusal.SoldOut, submission.Reply.Refusal);
                    return;
                }

                Assert.Equal(Outcome.Done, outcome);
                var receipt = (submission.Reply.Sequence, submission.Reply.FirstTicket);
                lock (receipts) receipts.Add(receipt);
                if (random.Next(4) != 0) continue;

                Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(submission));
                Assert.Equal(receipt, (submission.Reply.Sequence, submission.Reply.FirstTicket));
            }
        })));
        return receipts;
    }
}
