using TicketRush.Engine;
using TicketRush.Journal.Files;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

/// <summary>
/// The disk fails, at every point in turn. The goal: whoever was told yes keeps the place, whoever was told nothing certain
/// learns the truth by asking again, and no place is sold twice. The method: a scripted run, the n-th flush of which fails.
/// </summary>
public sealed class SequencerFaults
{
    private const int Capacity = 42, PerBatch = 5, Batches = 10;

    private static readonly SequencerOptions Soon = new() { RetryAfter = TimeSpan.FromMilliseconds(20) };

    public static TheoryData<int> EveryFlush => [.. Enumerable.Range(1, 9)];

    /// <summary>What became of the bytes whose flush failed.</summary>
    public enum Left
    {
        Whole,
        Torn,
        Nothing,
    }

    public static TheoryData<int, Left> EveryFlushAndRest
    {
        get
        {
            var data = new TheoryData<int, Left>();
            foreach (var left in Enum.GetValues<Left>())
            {
                for (var n = 1; n <= 9; n++) data.Add(n, left);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(EveryFlushAndRest))]
    public async Task Whatever_flush_fails_nothing_is_lost_and_nothing_is_sold_twice(int n, Left left)
    {
        var told = new List<SequencerStatus>();
        await using var rig = await OpenAsync(Soon with { OnStatus = status => { lock (told) told.Add(status); } }, Capacity);
        var failAt = rig.Platform.Flushes + n;
        var end = 0L;
        rig.Platform.OnFlush = flush =>
        {
            if (flush < failAt) end = EndOfBatches(rig.Path);
            if (flush != failAt) return;
            if (left != Left.Whole) Wipe(rig.Path, left == Left.Torn ? end + BatchHeader.SectorSize : end);
            throw FaultyPlatform.Failure();
        };
        end = EndOfBatches(rig.Path);

        var receipts = new Dictionary<int, (long, ChainHash)>();
        for (var batch = 0; batch < Batches; batch++)
        {
            var ids = Enumerable.Range(batch * PerBatch, PerBatch).ToArray();
            var outcomes = await AskTogetherAsync(rig, ids, receipts);
            if (batch != n - 1)
            {
                Assert.All(outcomes, outcome => Assert.True(outcome is Outcome.Done or Outcome.Refused));
                continue;
            }

            Assert.All(outcomes, outcome => Assert.Equal(Outcome.Unknown, outcome));

            // Told, not asked for: a wake-up that was pending may have mended it already.
            await rig.TickUntilAsync(() => rig.Sequencer.Status.Kind == SequencerStatusKind.Selling);
            outcomes = await AskTogetherAsync(rig, ids, receipts);
            Assert.All(outcomes, outcome => Assert.True(outcome is Outcome.Done or Outcome.Refused));
        }

        Assert.Equal([SequencerStatusKind.Failing, SequencerStatusKind.Selling], told.Select(status => status.Kind));
        Assert.Contains("injected", told[0].Reason);
        Assert.Equal(Capacity, receipts.Count);
        Assert.Equal(Capacity, receipts.Values.Select(receipt => receipt.Item1).Distinct().Count());
        var here = rig.Sequencer.Snapshot!;
        var again = rig.ReadAgain();
        Assert.Equal((here.Sequence, here.Hash, here.Orders), (again.Sequence, again.Hash, again.Orders));
        Assert.Equal(new PoolCount(Capacity, 0, 0, Capacity), again.Pools[0]);

        await using var fresh = new Sequencer(FileJournal.Open(rig.Path));
        foreach (var (id, receipt) in receipts)
        {
            var purchase = Purchase(id);
            Assert.Equal(Outcome.Done, await fresh.SubmitAsync(purchase));
            Assert.Equal(receipt, (purchase.Reply.Sequence, purchase.Hash));
        }
    }

    [Theory]
    [MemberData(nameof(EveryFlush))]
    public async Task A_batch_whose_flush_failed_is_written_again_before_the_flush_that_counts(int n)
    {
        await using var rig = await OpenAsync(Soon);
        var failAt = rig.Platform.Flushes + n;
        DateTime? atNextFlush = null;
        rig.Platform.OnFlush = flush =>
        {
            if (flush == failAt + 1) atNextFlush = File.GetLastWriteTimeUtc(rig.Path);
            if (flush != failAt) return;
            File.SetLastWriteTimeUtc(rig.Path, DateTime.UnixEpoch);
            throw FaultyPlatform.Failure();
        };

        for (var id = 0; id < n; id++) await rig.AskAsync(Purchase(id)).WaitAsync(Bound);
        await rig.TickUntilAsync(() => rig.Sequencer.Status.Kind == SequencerStatusKind.Selling);

        // The system may call pages clean that a failed flush has dropped: only what is written again is flushed again.
        Assert.True(atNextFlush > DateTime.UnixEpoch);
        var again = Purchase(n - 1);
        Assert.Equal(Outcome.Done, await rig.AskAsync(again).WaitAsync(Bound));
        Assert.Equal(2 + n, again.Reply.Sequence);
    }

    [Fact]
    public async Task A_part_of_a_batch_that_fails_makes_all_of_it_Unknown()
    {
        await using var rig = await OpenAsync(Soon with { BatchLength = 4096 });
        rig.Platform.FailAt(3);
        var ids = Enumerable.Range(0, 200).ToArray();
        Assert.All(await AskTogetherAsync(rig, ids, []), outcome => Assert.Equal(Outcome.Unknown, outcome));

        await rig.TickUntilAsync(() => rig.Sequencer.Status.Kind == SequencerStatusKind.Selling);
        var durable = rig.Sequencer.Snapshot!.Pools[0].Sold;
        Assert.InRange(durable, 1, 199);

        var receipts = new Dictionary<int, (long, ChainHash)>();
        Assert.All(await AskTogetherAsync(rig, ids, receipts), outcome => Assert.Equal(Outcome.Done, outcome));
        Assert.Equal(200, receipts.Values.Distinct().Count());
        Assert.Equal(200, rig.ReadAgain().Pools[0].Sold);
    }

    [Fact]
    public async Task A_disk_that_goes_on_failing_stops_the_sale_until_it_does_not()
    {
        await using var rig = await OpenAsync(Soon);
        Assert.Equal(Outcome.Done, await rig.AskAsync(Purchase(0)).WaitAsync(Bound));
        var shown = rig.Sequencer.Snapshot!.Sequence;
        rig.Platform.FailAlways();
        Assert.Equal(Outcome.Unknown, await rig.AskAsync(Purchase(1)).WaitAsync(Bound));

        var failed = rig.Platform.Flushes;
        await rig.TickUntilAsync(() => rig.Platform.Flushes >= failed + 3);
        Assert.Equal(SequencerStatusKind.Failing, rig.Sequencer.Status.Kind);
        Assert.Equal(Outcome.Stopped, await rig.AskAsync(Purchase(1)).WaitAsync(Bound));
        Assert.Equal(shown, rig.Sequencer.Snapshot.Sequence);

        rig.Platform.OnFlush = null;
        await rig.TickUntilAsync(() => rig.Sequencer.Status.Kind == SequencerStatusKind.Selling);
        Assert.Equal(Outcome.Done, await rig.AskAsync(Purchase(1)).WaitAsync(Bound));
        Assert.Equal(Outcome.Done, await rig.AskAsync(Purchase(2)).WaitAsync(Bound));
        Assert.Equal(3, rig.ReadAgain().Pools[0].Sold);
    }

    [Fact]
    public async Task Another_writer_makes_durable_what_a_failed_one_left_and_both_go_on()
    {
        await using var rig = await OpenAsync(Soon);
        rig.Platform.FailAlways();
        Assert.Equal(Outcome.Unknown, await rig.AskAsync(Purchase(0)).WaitAsync(Bound));

        await using var other = new Sequencer(FileJournal.Open(rig.Path));
        var there = Purchase(0);
        Assert.Equal(Outcome.Done, await other.SubmitAsync(there).AsTask().WaitAsync(Bound));

        rig.Platform.OnFlush = null;
        await rig.TickUntilAsync(() => rig.Sequencer.Status.Kind == SequencerStatusKind.Selling);
        var here = Purchase(0);
        Assert.Equal(Outcome.Done, await rig.AskAsync(here).WaitAsync(Bound));
        Assert.Equal((there.Reply.Sequence, there.Hash), (here.Reply.Sequence, here.Hash));
        Assert.Equal(1, rig.ReadAgain().Pools[0].Sold);
    }

    [Fact]
    public async Task A_defect_of_ours_stops_the_sale_for_good_and_says_so()
    {
        await using var rig = await OpenAsync(Soon);
        Assert.Equal(Outcome.Done, await rig.AskAsync(Purchase(0)).WaitAsync(Bound));
        var shown = rig.Sequencer.Snapshot!.Sequence;
        Forge(rig.Path);

        await rig.TickUntilAsync(() => rig.Sequencer.Status.Kind == SequencerStatusKind.Stopped);
        Assert.Contains("invariant", rig.Sequencer.Status.Reason);
        Assert.NotNull(rig.Sequencer.Status.Cause);
        for (var i = 0; i < 30; i++)
        {
            await Task.Delay(2);
            rig.Sequencer.Tick();
        }

        Assert.Equal(SequencerStatusKind.Stopped, rig.Sequencer.Status.Kind);
        Assert.Equal(Outcome.Stopped, await rig.AskAsync(Purchase(0)).WaitAsync(Bound));
        Assert.Equal(shown, rig.Sequencer.Snapshot.Sequence);
    }

    /// <summary>All in one batch: they arrive while somebody else has the turn.</summary>
    private static async Task<Outcome[]> AskTogetherAsync(SequencerRig rig, int[] ids, Dictionary<int, (long, ChainHash)> receipts)
    {
        var submissions = ids.Select(id => Purchase(id)).ToArray();
        Task<Outcome>[] answers;
        using (rig.HoldTurn()) answers = [.. submissions.Select(rig.AskAsync)];
        var outcomes = await Task.WhenAll(answers).WaitAsync(Bound);
        for (var i = 0; i < ids.Length; i++)
        {
            if (outcomes[i] == Outcome.Done) receipts.Add(ids[i], (submissions[i].Reply.Sequence, submissions[i].Hash));
        }

        return outcomes;
    }

    /// <summary>A batch that hashes as it should, of an entry that cannot have been decided: nobody ever held what it releases.</summary>
    private static void Forge(string path)
    {
        using var journal = FileJournal.Open(path);
        var reader = new Ignoring();
        journal.TakeTurn(reader);
        var batch = new BatchBuffer();
        batch.Add(new() { Kind = EntryKind.Released, Hold = new(Spread(999)) });
        journal.Append(batch, journal.NowMs);
        journal.ReleaseTurn();
    }

    private static long EndOfBatches(string path)
    {
        var bytes = ReadShared(path);
        var end = FileHeader.Size;
        while (end < bytes.Length && BatchHeader.TryRead(bytes.AsSpan(end), out var header)) end += header.Length;
        return end;
    }

    private static void Wipe(string path, long from)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        RandomAccess.Write(file, new byte[RandomAccess.GetLength(file) - from], from);
    }

    private static byte[] ReadShared(string path)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[RandomAccess.GetLength(file)];
        RandomAccess.Read(file, bytes, 0);
        return bytes;
    }

    private sealed class Ignoring : IBatchReader
    {
        public void OnBatch(in BatchHeader header, ReadOnlySpan<byte> entries) { }
    }
}
