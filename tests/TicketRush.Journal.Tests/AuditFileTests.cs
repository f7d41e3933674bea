using TicketRush.Engine;
using TicketRush.Journal.Audit;
using TicketRush.Journal.Files;

namespace TicketRush.Journal.Tests;

// Goal: what is damaged, torn, missing or good is told apart by the bytes alone, also while somebody sells.
// Method: journals that the sequencer wrote, then flipped, cut, swapped, and read while it writes.
public sealed class AuditFileTests : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("rush-audit");

    private static readonly Plan ThePlan = new()
    {
        Name = "Audited", Venue = "Hall", StartsAt = "", TimeZone = "UTC", Currency = "EUR", PaymentKind = PaymentKind.External,
        Pools = [new("floor", 60, 5), new("box", 20, 0)],
        Tiers = [new("adult", "Adult", "floor", 1000), new("child", "Child", "floor", 500), new("box", "Box", "box", 9000)],
        Rules = new(HoldSeconds: 30, Extensions: 2, PerOrder: 4, PerBuyer: 8),
    };

    private string FilePath => Path.Combine(_directory.FullName, "a.rush");

    private string TurnPath => Path.Combine(_directory.FullName, "a.turn");

    public void Dispose() => _directory.Delete(true);

    [Fact]
    public async Task A_good_journal_is_good_and_its_counts_are_those_of_the_sale()
    {
        await using var sequencer = Create();
        Assert.Equal(Outcome.Done, await Ask(sequencer, Purchase(1, 1, (0, 2), (1, 1))));
        Assert.Equal(Outcome.Done, await Ask(sequencer, Place(2, 2, (2, 3))));

        var result = Audit();

        Assert.Equal(AuditVerdict.Good, result.Verdict);
        Assert.Equal([new("floor", 60, 5, 0, 3), new("box", 20, 0, 3, 0)], result.Pools);
        Assert.Equal(("open", 4L, 4L, 4L, 1L, 3L),
            (result.State, result.Sequences, result.DurableSequence, result.Batches, result.Orders, result.Tickets));
        Assert.Equal(sequencer.Snapshot!.Hash.ToString(), result.Hash);
    }

    // The same seed makes the same requests; how they fall into batches differs from run to run and may not matter.
    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(5), InlineData(8)]
    public async Task The_auditor_and_the_sale_agree_after_a_random_crowd(int seed)
    {
        var clock = new StepClock();
        await using var sequencer = Create(clock);
        var random = new Random(seed);
        uint[]? tickets = null;
        for (var round = 0; round < 60; round++)
        {
            var asked = new List<Task>();
            for (var i = 0; i < 25; i++)
            {
                ulong hold = (ulong)random.Next(1, 500), buyer = (ulong)random.Next(1, 40), reference = (ulong)random.Next(1, 4);
                var tier = random.Next(3);
                Command command = random.Next(10) switch
                {
                    < 4 => Place(hold, buyer, (tier, random.Next(1, 5))),
                    4 => Purchase(hold, buyer, (tier, random.Next(1, 3))),
                    5 => new() { Kind = CommandKind.Extend, Hold = new(hold), Key = new((ulong)random.Next(1, 5000) + 1_000_000) },
                    6 or 7 => new() { Kind = CommandKind.Pay, Hold = new(hold), Reference = new(reference) },
                    8 => new() { Kind = CommandKind.Release, Hold = new(hold) },
                    _ => new()
                    {
                        Kind = CommandKind.Refund, Hold = new(hold), Key = new((ulong)random.Next(1, 5000) + 2_000_000),
                            Resell = random.Next(2) == 0,
                        Tickets = tickets, Reason = "seeded",
                    },
                };
                asked.Add(Ask(sequencer, command).AsTask());
            }

            await Task.WhenAll(asked);
            clock.Advance(TimeSpan.FromMilliseconds(random.Next(9_000)));
            if (round == 30) await Ask(sequencer, new() { Kind = CommandKind.Pause, Key = new(9_000_000) });
            if (round == 31) await Ask(sequencer, new() { Kind = CommandKind.Open, Key = new(9_000_001) });
        }

        await Ask(sequencer, new() { Kind = CommandKind.Release, Hold = new(99_999) });
        var sale = sequencer.Snapshot!;
        var result = Audit();

        Assert.Equal([], result.Problems);
        Assert.Equal(AuditVerdict.Good, result.Verdict);
        Assert.Equal(
            sale.Pools.Select(pool => ((long)pool.Capacity, (long)pool.Blocked, (long)pool.Held, (long)pool.Sold)),
            result.Pools.Select(pool => (pool.Capacity, pool.Blocked, pool.Held, pool.Sold)));
        Assert.Equal(((long)sale.Owed.Payments, sale.Owed.Amount), (result.OwedPayments, result.OwedAmount));
        Assert.Equal((sale.Orders, sale.Sequence, sale.State.ToString().ToLowerInvariant()), ((int)result.Orders, result.Sequences, result.State));
        Assert.True(result is { RefundedTickets: > 0, OwedPayments: > 0, Orders: > 0 }, "The crowd did too little.");
    }

    [Fact]
    public async Task A_journal_is_good_at_every_moment_while_somebody_sells_from_it()
    {
        await using var sequencer = Create(plan: ThePlan with { Pools = [new("floor", Plan.CapacityMax, 0), new("box", 0, 0)] });
        using var stop = new CancellationTokenSource();
        var sellers = Enumerable.Range(0, 8).Select(seller => Task.Run(async () =>
        {
            for (ulong i = 1; !stop.IsCancellationRequested; i++)
            {
                var id = i * 8 + (ulong)seller;
                Assert.Equal(Outcome.Done, await Ask(sequencer, Purchase(id, id, (0, 1))));
            }
        })).ToArray();

        long last = 0;
        for (var i = 0; i < 20 || (last < 2_000 && i < 20_000); i++)
        {
            var atLeast = sequencer.Snapshot!.Sequence;
            var result = Audit();
            Assert.Equal([], result.Problems);
            Assert.Equal(AuditVerdict.Good, result.Verdict);
            Assert.InRange(result.Sequences, Math.Max(atLeast, last), long.MaxValue);
            last = result.Sequences;
        }

        await stop.CancelAsync();
        await Task.WhenAll(sellers);
        Assert.True(last > 100, $"Only {last} entries were sold meanwhile.");
    }

    [Fact]
    public async Task A_flipped_bit_is_damage_at_the_first_sequence_of_its_batch()
    {
        var starts = await SellThenClose(6);
        var whole = File.ReadAllBytes(FilePath);
        for (var batch = 0; batch < starts.Count - 1; batch++)
        {
            foreach (var at in new[] { 0, 33, 64, 72, 80, 96, 100, 104, 130, 500 })
            {
                var bytes = (byte[])whole.Clone();
                bytes[starts[batch].Offset + at] ^= 0x10;
                File.WriteAllBytes(FilePath, bytes);

                var result = Audit();

                Assert.Equal(AuditVerdict.Damaged, result.Verdict);
                Assert.Equal(starts[batch].Sequence + 1, result.Problems[0].Sequence);
            }
        }
    }

    [Fact]
    public async Task A_flipped_bit_in_the_header_of_the_file_is_damage()
    {
        await SellThenClose(1);
        Flip(FilePath, 4000);
        var result = Audit();
        Assert.Equal((AuditVerdict.Damaged, 1L), (result.Verdict, result.Problems[0].Sequence));
    }

    [Fact]
    public async Task Every_cut_behind_the_durable_end_is_torn_and_a_cut_between_batches_is_good()
    {
        var starts = await SellThenClose(3);
        File.Delete(TurnPath); // As after a power cut: nobody knows any more how far it was durable.
        var whole = File.ReadAllBytes(FilePath);
        var (from, to) = ((int)starts[^2].Offset, (int)starts[^1].Offset);
        for (var length = from; length <= to; length += 8)
        {
            File.WriteAllBytes(FilePath, whole[..length]);
            var result = Audit();
            var expected = length == from || length == to ? AuditVerdict.Good : AuditVerdict.Torn;
            Assert.True(expected == result.Verdict, $"{length - from}: {result.Verdict}");
        }
    }

    [Fact]
    public async Task A_cut_before_the_durable_end_is_damage_for_acknowledged_entries_are_missing()
    {
        var starts = await SellThenClose(3);
        var whole = File.ReadAllBytes(FilePath);
        foreach (var length in new[] { starts[^2].Offset, starts[^2].Offset + 100, starts[0].Offset })
        {
            File.WriteAllBytes(FilePath, whole[..(int)length]);
            var result = Audit();
            Assert.Equal(AuditVerdict.Damaged, result.Verdict);
            Assert.Equal(result.Sequences + 1, result.Problems[0].Sequence);
            Assert.Contains("acknowledged", result.Problems[0].What);
        }
    }

    [Fact]
    public void A_batch_that_lacks_a_sector_is_torn_unless_a_whole_batch_follows()
    {
        using var forge = new AuditForge();
        forge.At(0, AuditForge.Planned()).At(0, AuditForge.Office(EntryKind.Opened));
        var holds = Enumerable.Range(1, 10).Select(i => AuditForge.Purchased((ulong)i << 60 | 0xabcdef, (ulong)i, 1, (0, 1, 100)))
            .ToArray();
        var start = forge.Tail.Offset;
        forge.At(20_000, holds[0], holds[1], holds[2], holds[3], holds[4], holds[5]).Save();

        var whole = File.ReadAllBytes(forge.Path);
        foreach (var sector in new[] { 0, 1 })
        {
            var bytes = (byte[])whole.Clone();
            bytes.AsSpan((int)start + sector * 512, 512).Clear();
            File.WriteAllBytes(forge.Path, bytes);
            Assert.Equal(AuditVerdict.Torn, AuditOf(forge.Path).Verdict);
        }

        forge.At(20_000, holds[6]).Save();
        whole = File.ReadAllBytes(forge.Path);
        whole.AsSpan((int)start, 512).Clear();
        File.WriteAllBytes(forge.Path, whole);
        var result = AuditOf(forge.Path);
        Assert.Equal((AuditVerdict.Damaged, 3L), (result.Verdict, result.Problems[0].Sequence));
        Assert.Contains("a whole batch follows", result.Problems[0].What);
    }

    [Fact]
    public async Task Free_space_behind_the_end_is_good_and_bytes_in_it_are_not()
    {
        var starts = await SellThenClose(1);
        Assert.True(new FileInfo(FilePath).Length > starts[^1].Offset, "Nothing was preallocated.");
        Assert.Equal(AuditVerdict.Good, Audit().Verdict);

        Flip(FilePath, starts[^1].Offset + 1024);
        Assert.Equal(AuditVerdict.Torn, Audit().Verdict);

        Flip(FilePath, starts[^1].Offset);
        Assert.Equal(AuditVerdict.Damaged, Audit().Verdict);
    }

    [Fact]
    public async Task Another_past_than_the_acknowledged_one_is_damage()
    {
        using var forge = new AuditForge();
        forge.At(0, AuditForge.Planned()).At(0, AuditForge.Office(EntryKind.Opened)).Save();
        await using (new Sequencer(FileJournal.Open(forge.Path))) { }
        Assert.Equal(AuditVerdict.Good, AuditOf(forge.Path).Verdict);

        // Right hashes, the same journal, the same length: only the durable end knows better.
        forge.Reseal(batch => batch[120] = 1);
        forge.Save();
        var result = AuditOf(forge.Path);
        Assert.Equal(AuditVerdict.Damaged, result.Verdict);
        Assert.Contains("another journal's past", result.Problems[0].What);
    }

    [Fact]
    public async Task The_turn_file_of_another_journal_is_left_out_of_account_and_said_so()
    {
        await SellThenClose(1);
        Flip(TurnPath, 20);
        var result = Audit();
        Assert.Equal(AuditVerdict.Good, result.Verdict);
        Assert.Null(result.DurableSequence);
        Assert.Contains("another journal", Assert.Single(result.Notes));
    }

    [Theory, InlineData(0), InlineData(10), InlineData(5000)]
    public void What_is_no_journal_is_refused_and_not_called_damaged(int length)
    {
        File.WriteAllBytes(FilePath, [.. Enumerable.Repeat((byte)'x', length)]);
        Assert.Throws<JournalRefusedException>(() => new Auditor(FilePath));
    }

    [Fact]
    public async Task Following_gives_every_entry_once_and_in_order()
    {
        await using var sequencer = Create();
        using var auditor = new Auditor(FilePath);
        var seen = new List<AuditedEntry>();
        auditor.OnEntry = seen.Add;
        auditor.Follow();
        for (ulong i = 1; i <= 20; i++)
        {
            await Ask(sequencer, Purchase(i, i, (0, 1)));
            Assert.True(auditor.Follow());
            Assert.False(auditor.Follow());
        }

        Assert.Equal(Enumerable.Range(1, 22).Select(i => (long)i), seen.Select(entry => entry.Sequence));
        Assert.Equal((20u, "adult", 22L), (seen[^1].FirstTicket!.Value, seen[^1].Lines[0].Tier, seen[^1].Placed));
    }

    private Sequencer Create(TimeProvider? clock = null, Plan? plan = null)
    {
        var options = new FileJournalOptions { Flush = false, Clock = clock ?? TimeProvider.System };
        Assert.True(FileJournal.TryCreate(FilePath, "a", plan ?? ThePlan, options));
        var sequencer = new Sequencer(FileJournal.Open(FilePath, options));
        Assert.Equal(Outcome.Done, sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } }).AsTask().Result);
        return sequencer;
    }

    /// <summary>Every batch, and behind them the end.</summary>
    private async Task<List<(long Sequence, long Offset)>> SellThenClose(int batches)
    {
        var starts = new List<(long, long)>();
        await using var sequencer = Create();
        for (ulong i = 1; i <= (ulong)batches; i++)
        {
            var before = Audit();
            starts.Add((before.Sequences, before.Length));
            await Ask(sequencer, Purchase(i << 56 | 0x0fed_cba9, i, (0, 1)));
        }

        var end = Audit();
        starts.Add((end.Sequences, end.Length));
        return starts;
    }

    private static void Flip(string path, long at)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[at] ^= 0x10;
        File.WriteAllBytes(path, bytes);
    }

    private AuditResult Audit() => AuditOf(FilePath);

    private static AuditResult AuditOf(string path)
    {
        using var auditor = new Auditor(path);
        return auditor.Verify();
    }

    private static ValueTask<Outcome> Ask(Sequencer sequencer, Command command)
    {
        command.Plan ??= sequencer.Snapshot!.Plan;
        return sequencer.SubmitAsync(new() { Command = command });
    }

    private static Command Place(ulong hold, ulong buyer, params ReadOnlySpan<(int Tier, int Quantity)> lines)
    {
        var command = new Command { Kind = CommandKind.Hold, Hold = new(hold), Buyer = new(buyer) };
        foreach (var (tier, quantity) in lines) command.Lines.TryAdd((ushort)tier, (ushort)quantity);
        return command;
    }

    private static Command Purchase(ulong hold, ulong buyer, params ReadOnlySpan<(int Tier, int Quantity)> lines) =>
        Place(hold, buyer, lines) with { Kind = CommandKind.Purchase, Reference = new(hold) };

    private sealed class StepClock : TimeProvider
    {
        private long _ticks = TimeSpan.FromHours(1).Ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Volatile.Read(ref _ticks);

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddYears(50).AddTicks(Volatile.Read(ref _ticks));

        public void Advance(TimeSpan by) => Interlocked.Add(ref _ticks, by.Ticks);
    }
}
