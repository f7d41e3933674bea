using System.Buffers.Binary;
using TicketRush.Engine;
using TicketRush.Journal.Files;

namespace TicketRush.Journal.Tests;

/// <summary>
/// A small journal, hurt in every place: whoever opens it is given the sale as it was or is told that it is damaged, and
/// never another sale.
/// </summary>
public sealed class DamageTests : IDisposable
{
    private const int ZerosBehind = 1024;

    // Where the turn file says that a batch is being written.
    private const int WritingAt = 320;

    private readonly ScratchDirectory _directory = new();

    // The journal, with some of the zeros that are allocated behind its end, and its turn file, which knows that end.
    private readonly byte[] _journal;
    private readonly byte[] _turn;
    private readonly Collector _sale = new();

    // Where each batch begins, and where the last one ends.
    private readonly List<int> _bounds = [FileHeader.Size];

    public DamageTests()
    {
        Assert.True(FileJournal.TryCreate(Path(), "spring", JournalSamples.Plan()));
        using (var journal = FileJournal.Open(Path()))
        {
            JournalContract.InTurn(journal, new(), () =>
            {
                JournalContract.Append(journal, JournalSamples.Released(1));
                JournalContract.Append(journal, Many(60, 100));
                JournalContract.Append(journal, JournalSamples.Released(2), JournalSamples.Released(3));
                JournalContract.Append(journal, Many(80, 200));
            });
            journal.Rewind();
            journal.Read(_sale);
        }

        foreach (var header in _sale.Headers) _bounds.Add(_bounds[^1] + header.Length);
        _journal = File.ReadAllBytes(Path()).AsSpan(0, End + ZerosBehind).ToArray();
        _turn = File.ReadAllBytes(TurnPath());
        Assert.Equal(5, _sale.Headers.Count);
        Assert.True(_sale.Headers[^1].Length >= 4 * BatchHeader.SectorSize);
        Assert.False(_journal.AsSpan(End).ContainsAnyExcept((byte)0));
    }

    private int End => _bounds[^1];

    [Fact]
    public void Every_flipped_byte_of_what_was_acknowledged_is_noticed() => Everywhere(_journal.Length, (at, path) =>
    {
        var read = Open(path, Flipped(at), _turn, out var refusal);
        if (at < End) Assert.True(refusal is not null, $"Byte {at} was flipped and nobody noticed.");
        Assert.True(refusal is not null || read.Headers.Count == _sale.Headers.Count, $"Byte {at} was flipped and the sale is shorter.");
        Assert.True(read.IsPrefixOf(_sale), $"Byte {at} was flipped and the sale is another.");
    });

    [Fact]
    public void Every_cut_into_what_was_acknowledged_is_noticed_and_named() => Everywhere(_journal.Length, (length, path) =>
    {
        var read = Open(path, _journal[..length], _turn, out var refusal);
        Assert.True(read.IsPrefixOf(_sale), $"Cut at {length}, the sale is another.");
        if (length >= End)
        {
            Assert.True(refusal is null && read.Headers.Count == _sale.Headers.Count, $"Cut at {length}, in the zeros: {refusal}");
        }
        else if (length < FileHeader.Size)
        {
            Assert.True(refusal is JournalRefusedException or JournalDamagedException, $"Cut at {length}: {refusal}");
        }
        else
        {
            var bad = BatchAt(length);
            var damage = Assert.IsType<JournalDamagedException>(refusal);
            Assert.Equal((_sale.Headers[bad].FirstSequence, (long)_bounds[bad]), (damage.Sequence, damage.Offset));
            Assert.Equal(bad, read.Headers.Count);
        }
    });

    // The turn file is never flushed: after a power cut there may be none, or one that knows nothing.
    [Fact]
    public void Without_a_durable_end_a_flipped_byte_of_a_whole_batch_is_damage_and_never_a_torn_end() => Everywhere(End, (at, path) =>
    {
        var read = Open(path, Flipped(at), turn: null, out var refusal);
        Assert.True(refusal is JournalDamagedException or JournalRefusedException, $"Byte {at} was flipped: {refusal}");
        Assert.True(read.IsPrefixOf(_sale), $"Byte {at} was flipped and the sale is another.");
        Assert.Equal(_journal.Length, new FileInfo(path).Length);
    });

    [Fact]
    public void Without_a_durable_end_every_cut_leaves_the_batches_before_it() => Everywhere(End, (length, path) =>
    {
        var read = Open(path, _journal[..length], turn: null, out var refusal);
        if (length < FileHeader.Size)
        {
            Assert.True(refusal is JournalRefusedException or JournalDamagedException, $"Cut at {length}: {refusal}");
            return;
        }

        Assert.True(refusal is null, $"Cut at {length}: {refusal}");
        Assert.Equal(BatchAt(length), read.Headers.Count);
        Assert.True(read.IsPrefixOf(_sale));

        // A batch may begin with a zero byte; alone, it cannot be told from space that was set aside, which is left.
        var end = (int)_bounds[BatchAt(length)];
        var isZero = !_journal.AsSpan(end, length - end).ContainsAnyExcept((byte)0);
        Assert.Equal(isZero ? length : end, new FileInfo(path).Length);
        if (length % 64 == 1) AssertGoesOn(path, read);
    });

    [Fact]
    public void Sectors_that_were_never_written_are_cut_off()
    {
        var (start, sectors) = (_bounds[4], _sale.Headers[4].Length / BatchHeader.SectorSize);
        Everywhere(1 << sectors, (subset, path) =>
        {
            var read = Open(path, WithoutSectors(_journal, start, sectors, subset), turn: null, out var refusal);
            Assert.True(refusal is null, $"Without the sectors {subset:b}: {refusal}");
            Assert.Equal(subset == 0 ? 5 : 4, read.Headers.Count);
            Assert.True(read.IsPrefixOf(_sale));
            AssertGoesOn(path, read);
        });
    }

    // One batch is flushed before the next is written, so what is torn has nothing behind it.
    [Fact]
    public void Sectors_that_are_missing_before_a_whole_batch_are_damage()
    {
        var (start, sectors) = (_bounds[2], _sale.Headers[2].Length / BatchHeader.SectorSize);
        Everywhere((1 << sectors) - 1, (less, path) =>
        {
            var read = Open(path, WithoutSectors(_journal, start, sectors, less + 1), turn: null, out var refusal);
            var damage = Assert.IsType<JournalDamagedException>(refusal);
            Assert.Equal((_sale.Headers[2].FirstSequence, (long)start), (damage.Sequence, damage.Offset));
            Assert.True(read.IsPrefixOf(_sale));
            Assert.Equal(_journal.Length, new FileInfo(path).Length);
        });
    }

    [Fact]
    public void Sectors_that_are_missing_from_what_was_acknowledged_are_damage()
    {
        var (start, sectors) = (_bounds[4], _sale.Headers[4].Length / BatchHeader.SectorSize);
        Everywhere((1 << sectors) - 1, (less, path) =>
        {
            Open(path, WithoutSectors(_journal, start, sectors, less + 1), _turn, out var refusal);
            Assert.Equal(_sale.Headers[4].FirstSequence, Assert.IsType<JournalDamagedException>(refusal).Sequence);
        });
    }

    [Fact]
    public void What_a_dead_writer_left_complete_is_flushed_before_it_is_given()
    {
        // Nothing says what was durable.
        File.Delete(TurnPath());
        var longAgo = DateTime.UnixEpoch.AddYears(40);
        File.SetLastWriteTimeUtc(Path(), longAgo);

        // Written again too: after a flush that failed, the pages count as clean and flushing them once more does nothing.
        var platform = new WatchedPlatform { BeforeFlush = () => Assert.NotEqual(longAgo, File.GetLastWriteTimeUtc(Path())) };
        var read = new Collector { Before = _ => Assert.Equal(1, platform.Flushes) };
        using (var journal = FileJournal.Open(Path(), platform))
        {
            journal.Read(read);
            Assert.Empty(read.Headers);
            journal.TakeTurn(read);
            journal.ReleaseTurn();
        }

        Assert.Equal(_sale.Headers, read.Headers);
    }

    [Fact]
    public void A_running_writer_flushes_what_another_died_over()
    {
        var platform = new WatchedPlatform();
        using var survivor = FileJournal.Open(Path(), platform);
        var read = new Collector();
        JournalContract.InTurn(survivor, read, () => { });
        Assert.Equal(0, platform.Flushes);

        WriteAndDie();
        var flushesBefore = -1;
        read.Before = _ => flushesBefore = platform.Flushes;
        survivor.Read(read);
        Assert.Equal(5, read.Headers.Count);
        JournalContract.InTurn(survivor, read, () => JournalContract.Append(survivor, JournalSamples.Released(5)));
        Assert.Equal(1, flushesBefore);
        Assert.Equal(6, read.Headers.Count);
        Assert.Equal(_sale.Headers[^1].LastSequence + 2, survivor.Tail.Sequence);

        // Once is enough: the flag is down again.
        var flushes = platform.Flushes;
        JournalContract.InTurn(survivor, read, () => { });
        Assert.Equal(flushes, platform.Flushes);
    }

    [Fact]
    public void What_cannot_be_flushed_is_not_given()
    {
        var platform = new WatchedPlatform();
        using var survivor = FileJournal.Open(Path(), platform);
        using var other = FileJournal.Open(Path());
        var read = new Collector();
        JournalContract.InTurn(survivor, read, () => { });
        WriteAndDie();

        platform.BeforeFlush = () => throw new IOException("broken");
        Assert.Throws<IOException>(() => survivor.TakeTurn(read));
        Assert.Equal(5, read.Headers.Count);
        other.Read(new Collector());
        Assert.Equal(_sale.Headers[^1].LastSequence, other.Tail.Sequence);

        // It comes back, and so does the turn.
        platform.BeforeFlush = () => { };
        JournalContract.InTurn(survivor, read, () => { });
        Assert.Equal(6, read.Headers.Count);
    }

    [Fact]
    public void Nobody_reads_a_batch_whose_flush_failed()
    {
        var platform = new WatchedPlatform();
        using var writer = FileJournal.Open(Path(), platform);
        using var reader = FileJournal.Open(Path());
        reader.Read(new Collector());
        var seen = new Collector();
        platform.BeforeFlush = () =>
        {
            reader.Read(seen);
            Assert.False(reader.HasNews);
            throw new IOException("broken");
        };

        Assert.Throws<IOException>(() => JournalContract.InTurn(writer, new(), () =>
            JournalContract.Append(writer, JournalSamples.Released(9))));
        reader.Read(seen);
        Assert.Empty(seen.Headers);

        // It was written whole, though, so the next turn flushes and gives it, to its writer too.
        platform.BeforeFlush = () => { };
        writer.Rewind();
        var again = new Collector();
        JournalContract.InTurn(writer, again, () => { });
        Assert.Equal(6, again.Headers.Count);
        Assert.True(_sale.IsPrefixOf(again));
        JournalContract.InTurn(reader, seen, () => { });
        Assert.Single(seen.Headers);
    }

    // That the flips above matter: without the hash, many of them sell other tickets.
    [Fact]
    public void A_reader_that_believes_headers_is_given_another_sale()
    {
        var fooled = 0;
        for (var at = FileHeader.Size; at < End; at++)
        {
            var read = ReadWithoutHashes(Flipped(at));
            if (read.Headers.Count == _sale.Headers.Count && !read.IsPrefixOf(_sale)) fooled++;
        }

        Assert.True(ReadWithoutHashes(_journal).IsPrefixOf(_sale));
        Assert.True(fooled > 1_000, $"{fooled} flips fooled it.");
    }

    // That the durable end matters: by the file alone, a last batch with a sector gone looks torn.
    [Fact]
    public void A_journal_that_forgot_its_durable_end_takes_missing_sectors_for_torn_ones()
    {
        var hurt = WithoutSectors(_journal, _bounds[4], _sale.Headers[4].Length / BatchHeader.SectorSize, 0b10);
        Open(Path(), hurt, turn: null, out var forgotten);
        Open(Path(), hurt, _turn, out var known);
        Assert.Null(forgotten);
        Assert.IsType<JournalDamagedException>(known);
    }

    public void Dispose() => _directory.Dispose();

    private string Path() => _directory.File("spring.rush");

    private string TurnPath() => _directory.File("spring.turn");

    /// <summary>Another writer appends a batch, and as it seems died after writing it and before flushing it.</summary>
    private void WriteAndDie()
    {
        using var writer = FileJournal.Open(Path());
        JournalContract.InTurn(writer, new(), () =>
        {
            var before = new byte[TurnFile.Size];
            using var turn = File.OpenHandle(TurnPath(), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            RandomAccess.Read(turn, before, 0);
            JournalContract.Append(writer, JournalSamples.Released(4));
            BinaryPrimitives.WriteInt64LittleEndian(before.AsSpan(WritingAt), writer.Tail.Sequence);
            RandomAccess.Write(turn, before, 0);
        });
    }

    /// <summary>Puts the files there, opens the journal and takes a turn.</summary>
    /// <param name="refusal">Why it could not be read whole; only what a journal may throw is caught.</param>
    /// <returns>What was given until then.</returns>
    private static Collector Open(string path, byte[] journal, byte[]? turn, out Exception? refusal)
    {
        Put(path, journal);
        var turnPath = System.IO.Path.ChangeExtension(path, ".turn");
        if (turn is null) File.Delete(turnPath);
        else Put(turnPath, turn);

        var read = new Collector();
        refusal = null;
        try
        {
            using var opened = FileJournal.Open(path);
            opened.TakeTurn(read);
            opened.ReleaseTurn();
        }
        catch (Exception e) when (e is JournalDamagedException or JournalRefusedException or NewerFormatException)
        {
            refusal = e;
        }

        return read;
    }

    // Over what is there: giving back and allocating the blocks thousands of times took most of the time.
    private static void Put(string path, byte[] bytes)
    {
        using var file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write);
        RandomAccess.Write(file, bytes, 0);
        RandomAccess.SetLength(file, bytes.Length);
    }

    /// <summary>The journal can be appended to, and read again with what it had and what it got.</summary>
    private static void AssertGoesOn(string path, Collector before)
    {
        using (var journal = FileJournal.Open(path))
            JournalContract.InTurn(journal, new(), () => JournalContract.Append(journal, Many(30, 900)));

        File.Delete(System.IO.Path.ChangeExtension(path, ".turn"));
        using var again = FileJournal.Open(path);
        var read = new Collector();
        JournalContract.InTurn(again, read, () => { });
        Assert.Equal(before.Headers.Count + 1, read.Headers.Count);
        Assert.True(before.IsPrefixOf(read));
        JournalContract.AssertUnbroken(read);
    }

    // Each worker has a directory of its own, for a journal has one turn file.
    private static void Everywhere(int count, Action<int, string> body) => Parallel.For(
        0, count, () => new ScratchDirectory(), (at, _, directory) =>
        {
            body(at, directory.File("spring.rush"));
            return directory;
        }, directory => directory.Dispose());

    private static Collector ReadWithoutHashes(byte[] journal)
    {
        var read = new Collector();
        for (var at = FileHeader.Size; BatchHeader.TryRead(journal.AsSpan(at), out var header); at += header.Length)
            read.OnBatch(header, journal.AsSpan(at + BatchHeader.Size, header.EntriesLength));
        return read;
    }

    private static byte[] WithoutSectors(byte[] journal, int start, int sectors, int subset)
    {
        var hurt = journal.ToArray();
        for (var i = 0; i < sectors; i++)
        {
            if ((subset & 1 << i) != 0) hurt.AsSpan(start + i * BatchHeader.SectorSize, BatchHeader.SectorSize).Clear();
        }

        return hurt;
    }

    private static Entry[] Many(int count, int from) =>
        [.. Enumerable.Range(from, count).Select(hold => JournalSamples.Released((UInt128)hold))];

    private byte[] Flipped(int at)
    {
        var hurt = _journal.ToArray();
        hurt[at] ^= (byte)(1 << at % 8);
        return hurt;
    }

    // The batch that the offset lies in, or begins with.
    private int BatchAt(int offset) => _bounds.FindLastIndex(bound => bound <= offset);
}
