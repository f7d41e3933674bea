using System.Buffers.Binary;
using System.Security.Cryptography;
using TicketRush.Journal.Files;

namespace TicketRush.Journal.Tests;

/// <summary>Files that are not, or no longer, the journal of this sale; how a journal is made; and what time it is there.</summary>
public sealed class FileJournalRefusals : IDisposable
{
    private const long HourMs = 3_600_000;

    private readonly ScratchDirectory _directory = new();

    private string Path => _directory.File("spring.rush");

    private string TurnPath => _directory.File("spring.turn");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_file_that_was_replaced_under_a_running_sale_is_refused(bool byItsOwnCopy)
    {
        Create();
        Create("summer.rush");
        using var journal = FileJournal.Open(Path);
        JournalContract.InTurn(journal, new(), () => JournalContract.Append(journal, JournalSamples.Released(1)));

        var before = File.ReadAllBytes(Path);
        if (byItsOwnCopy) File.Copy(Path, _directory.File("summer.rush"), overwrite: true);
        File.Move(_directory.File("summer.rush"), Path, overwrite: true);
        var there = File.ReadAllBytes(Path);
        Assert.Equal(byItsOwnCopy, before.AsSpan().SequenceEqual(there));

        Assert.Throws<JournalRefusedException>(() => journal.TakeTurn(new Collector()));
        Assert.Equal(there, File.ReadAllBytes(Path));
    }

    [Fact]
    public void A_file_that_was_taken_away_is_refused_until_it_is_back()
    {
        Create();
        using var journal = FileJournal.Open(Path);
        File.Move(Path, _directory.File("elsewhere"));
        Assert.Throws<JournalGoneException>(() => journal.TakeTurn(new Collector()));
        Assert.Throws<JournalGoneException>(() => journal.TakeTurn(new Collector()));

        File.Move(_directory.File("elsewhere"), Path);
        JournalContract.InTurn(journal, new(), () => JournalContract.Append(journal, JournalSamples.Released(1)));
    }

    [Fact]
    public void The_turn_file_of_another_journal_is_refused()
    {
        Create();
        Create("summer.rush");
        FileJournal.Open(Path).Dispose();
        var turn = File.ReadAllBytes(TurnPath);
        File.Move(_directory.File("summer.rush"), Path, overwrite: true);

        var refused = Assert.Throws<JournalRefusedException>(() => FileJournal.Open(Path));
        Assert.Contains("another journal", refused.Message);
        Assert.Equal(turn, File.ReadAllBytes(TurnPath));

        // As the message says.
        File.Delete(TurnPath);
        FileJournal.Open(Path).Dispose();
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 'x')]
    [InlineData(39, 'x')]
    [InlineData(40, 'x')]
    [InlineData(100, 0)]
    [InlineData(100_000, 'x')]
    [InlineData(100_000, 0)]
    public void What_is_no_journal_is_refused_and_left_alone(int length, char content)
    {
        var bytes = new byte[length];
        bytes.AsSpan().Fill((byte)content);
        File.WriteAllBytes(Path, bytes);

        Assert.Throws<JournalRefusedException>(() => FileJournal.Open(Path));
        Assert.Equal(bytes, File.ReadAllBytes(Path));
        Assert.False(File.Exists(TurnPath));
    }

    [Fact]
    public void A_journal_that_is_not_there_is_not_made()
    {
        Assert.Throws<FileNotFoundException>(() => FileJournal.Open(Path));
        Assert.Empty(Directory.EnumerateFiles(_directory.Path));
    }

    [Fact]
    public void A_file_of_a_newer_format_is_not_damaged()
    {
        Create();
        var bytes = File.ReadAllBytes(Path);
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(40), 2);
        SHA256.HashData(bytes.AsSpan(32, FileHeader.Size - 32), bytes);
        File.WriteAllBytes(Path, bytes);

        Assert.Throws<NewerFormatException>(() => FileJournal.Open(Path));
        Assert.Equal(bytes, File.ReadAllBytes(Path));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_batch_of_a_newer_format_is_not_damaged(bool durable)
    {
        Create();
        using (var journal = FileJournal.Open(Path))
            JournalContract.InTurn(journal, new(), () => JournalContract.Append(journal, JournalSamples.Released(1)));

        // The second batch, with everything that may change changed: only hashes, magic, format, length and check keep their places.
        var bytes = File.ReadAllBytes(Path);
        Assert.True(BatchHeader.TryRead(bytes.AsSpan(FileHeader.Size), out var plan));
        var batch = bytes.AsSpan(FileHeader.Size + plan.Length, BatchHeader.SectorSize);
        BinaryPrimitives.WriteUInt16LittleEndian(batch[68..], 2);
        batch[76..100].Fill(0xee);
        batch[104..].Fill(0xee);
        BinaryPrimitives.WriteUInt32LittleEndian(batch[100..], BatchHeader.Crc32C(batch[32..100]));
        SHA256.HashData(batch[32..], batch);
        File.WriteAllBytes(Path, bytes);
        if (!durable) File.Delete(TurnPath);

        var read = new Collector();
        using var again = FileJournal.Open(Path);
        Assert.Throws<NewerFormatException>(() => again.TakeTurn(read));
        Assert.True(read.Headers.Count <= 1);
        Assert.Equal(bytes, File.ReadAllBytes(Path));
    }

    [Fact]
    public async Task Of_many_that_make_one_journal_at_once_one_does()
    {
        for (var round = 0; round < 20; round++)
        {
            var path = _directory.File($"round-{round}.rush");
            using var start = new Barrier(8);
            var made = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Factory.StartNew(
                () =>
                {
                    start.SignalAndWait();
                    return FileJournal.TryCreate(path, "spring", JournalSamples.Plan($"plan {i}"));
                },
                TaskCreationOptions.LongRunning)));

            Assert.Single(made, true);
            Assert.Equal($"plan {Array.IndexOf(made, true)}", PlanName(path));
        }

        Assert.All(Directory.EnumerateFiles(_directory.Path), file => Assert.StartsWith("round-", System.IO.Path.GetFileName(file)));
    }

    [Fact]
    public void Who_comes_second_leaves_the_first_plan()
    {
        Assert.True(FileJournal.TryCreate(Path, "spring", JournalSamples.Plan("first")));
        var bytes = File.ReadAllBytes(Path);
        Assert.False(FileJournal.TryCreate(Path, "spring", JournalSamples.Plan("second")));

        Assert.Equal(bytes, File.ReadAllBytes(Path));
        Assert.Equal([Path], Directory.EnumerateFiles(_directory.Path));
        Assert.Equal("first", PlanName(Path));
    }

    [Fact]
    public void A_journal_may_be_disposed_twice_and_is_gone_afterwards()
    {
        Create();
        var journal = FileJournal.Open(Path);
        journal.Dispose();
        journal.Dispose();
        Assert.ThrowsAny<Exception>(() => journal.HasNews);
    }

    [Fact]
    public void Sale_time_begins_with_the_wall_clock_and_follows_the_monotonic_one()
    {
        var clock = new ManualTime();
        Create(clock: clock);
        using var journal = Open(clock);
        var startMs = clock.WallMs;
        Assert.InRange(journal.NowMs, startMs - 1, startMs + 1);

        var nowMs = journal.NowMs;
        clock.WallMs += HourMs;
        Assert.Equal(nowMs, journal.NowMs);
        clock.WallMs -= 2 * HourMs;
        Assert.Equal(nowMs, journal.NowMs);
        JournalContract.InTurn(journal, new(), () => Assert.InRange(journal.NowMs, nowMs, nowMs + 1));

        clock.Pass(1_500);
        Assert.InRange(journal.NowMs, nowMs + 1_499, nowMs + 1_501);
    }

    [Theory]
    [InlineData(HourMs)]
    [InlineData(-HourMs)]
    public void Who_opens_it_second_has_the_time_of_the_first(long stepMs)
    {
        var clock = new ManualTime();
        Create(clock: clock);
        using var first = Open(clock);
        clock.WallMs += stepMs;
        clock.Pass(10_000);
        using var second = Open(clock);
        Assert.Equal(first.NowMs, second.NowMs);

        clock.Pass(5_000);
        Assert.Equal(first.NowMs, second.NowMs);

        // Also when the first has gone.
        var nowMs = first.NowMs;
        first.Dispose();
        JournalContract.InTurn(second, new(), () => Assert.Equal(nowMs, second.NowMs));
        using var third = Open(clock);
        Assert.Equal(nowMs, third.NowMs);
    }

    [Fact]
    public void Who_opens_it_alone_with_the_wall_clock_set_back_goes_on_from_the_last_entry()
    {
        var clock = new ManualTime();
        Create(clock: clock);
        Tail tail;
        using (var journal = Open(clock))
        {
            clock.Pass(60_000);
            tail = JournalContract.InTurn(journal, new(), () => JournalContract.Append(journal, JournalSamples.Released(1)));
        }

        clock.WallMs -= HourMs;
        foreach (var forgotten in new[] { false, true })
        {
            // Without a turn file the last entry is known only after the first turn.
            if (forgotten) File.Delete(TurnPath);
            using var journal = Open(clock);
            JournalContract.InTurn(journal, new(), () => Assert.InRange(journal.NowMs, tail.TimeMs, tail.TimeMs + 1));

            // It does not stand still until the wall clock has come so far.
            var nowMs = journal.NowMs;
            clock.Pass(2_000);
            Assert.InRange(journal.NowMs, nowMs + 1_999, nowMs + 2_001);
            using var second = Open(clock);
            Assert.InRange(second.NowMs, nowMs + 1_999, nowMs + 2_001);
        }
    }

    [Fact]
    public void Who_opens_it_alone_later_takes_the_wall_clock()
    {
        var clock = new ManualTime();
        Create(clock: clock);
        Open(clock).Dispose();
        clock.WallMs += HourMs;
        using var journal = Open(clock);
        Assert.InRange(journal.NowMs, clock.WallMs - 1, clock.WallMs + 1);
    }

    public void Dispose() => _directory.Dispose();

    private static string PlanName(string path)
    {
        using var journal = FileJournal.Open(path);
        var read = new Collector();
        JournalContract.InTurn(journal, read, () => { });
        var entry = default(Engine.Entry);
        EntryCodec.Decode(Assert.Single(read.Entries), ref entry);
        return entry.Plan!.Name;
    }

    private void Create(string name = "spring.rush", TimeProvider? clock = null) =>
        Assert.True(FileJournal.TryCreate(_directory.File(name), "spring", JournalSamples.Plan(),
            new() { Clock = clock ?? TimeProvider.System }));

    private FileJournal Open(ManualTime clock) => FileJournal.Open(Path, new FileJournalOptions { Clock = clock });

    /// <summary>A clock that stands until it is moved, and whose wall can be set without time passing.</summary>
    private sealed class ManualTime : TimeProvider
    {
        private long _elapsedMs = 123_456_789;

        public long WallMs { get; set; } = 1_776_000_000_000;

        public override long TimestampFrequency => 1_000_000_000;

        public void Pass(long ms)
        {
            _elapsedMs += ms;
            WallMs += ms;
        }

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(WallMs);

        public override long GetTimestamp() => _elapsedMs * 1_000_000;
    }
}
