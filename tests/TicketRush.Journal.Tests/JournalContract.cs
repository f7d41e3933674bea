using TicketRush.Engine;
using TicketRush.Journal.Files;
using TicketRush.Journal.Memory;

namespace TicketRush.Journal.Tests;

/// <summary>What the sequencer relies on, whatever the journal is kept in.</summary>
public abstract class JournalContract
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>Opens the one journal of this test once more.</summary>
    protected abstract IJournal Open();

    [Fact]
    public void An_appended_batch_survives_reopening()
    {
        var written = new Collector();
        Tail tail;
        using (var journal = Open())
        {
            tail = InTurn(journal, written, () =>
            {
                Append(journal, JournalSamples.Released(1), JournalSamples.Released(2));
                Append(journal, JournalSamples.Random(new Random(1), EntryKind.Refunded));
            });
        }

        var random = JournalSamples.Random(new Random(1), EntryKind.Refunded);
        using var again = Open();
        var read = new Collector();
        again.TakeTurn(read);
        again.ReleaseTurn();

        Assert.Equal(tail, again.Tail);
        Assert.Equal(tail.Hash, read.Headers[^1].Hash);
        Assert.Equal(tail.TimeMs, read.Headers[^1].TimeMs);
        Assert.Equal(tail.Sequence, read.Headers[^1].LastSequence);
        Assert.Equal(2, read.Headers[^2].Count);
        Assert.Equal(read.Headers[^2].LastSequence + 1, read.Headers[^1].FirstSequence);
        Assert.Equal(Encoded(JournalSamples.Released(1)).Concat(Encoded(JournalSamples.Released(2))), read.Entries[^2]);
        Assert.Equal(Encoded(random), read.Entries[^1]);
        AssertUnbroken(read);
    }

    [Fact]
    public async Task Writers_take_turns_and_read_each_others_entries_in_order()
    {
        const int Writers = 4, Batches = 200;
        var seen = Enumerable.Range(0, Writers).Select(_ => new Collector()).ToArray();
        var journals = seen.Select(_ => Open()).ToArray();
        var writers = Enumerable.Range(0, Writers).Select(writer => Task.Factory.StartNew(
            () =>
            {
                for (var i = 0; i < Batches; i++)
                {
                    InTurn(journals[writer], seen[writer], () =>
                        Append(journals[writer], JournalSamples.Released(new((ulong)writer, (ulong)i))));

                    // A writer is not given its own batches, so it starts over now and then to see the whole.
                    if (i % 50 == 49) (seen[writer], _) = (new(), Rewind(journals[writer]));
                }
            },
            TaskCreationOptions.LongRunning)).ToArray();
        await Task.WhenAll(writers);

        var all = new Collector();
        using (var fresh = Open())
        {
            fresh.TakeTurn(all);
            fresh.ReleaseTurn();
        }

        for (var writer = 0; writer < Writers; writer++)
        {
            journals[writer].Read(seen[writer]);
            Assert.Equal(all.Headers, seen[writer].Headers);
            Assert.True(seen[writer].IsPrefixOf(all));
            journals[writer].Dispose();
        }

        AssertUnbroken(all);
        var holds = all.Entries.SelectMany(Decoded).Where(entry => entry.Kind == EntryKind.Released).Select(entry => entry.Hold.Value)
            .ToList();
        Assert.Equal(Writers * Batches, holds.Count);
        for (var writer = 0; writer < Writers; writer++)
        {
            var own = holds.Where(hold => (ulong)(hold >> 64) == (ulong)writer).Select(hold => (int)hold);
            Assert.Equal(Enumerable.Range(0, Batches), own);
        }
    }

    [Fact]
    public void A_writer_is_given_what_the_others_wrote_before_its_turn_begins()
    {
        using var first = Open();
        using var second = Open();
        var seen = new Collector();
        InTurn(second, seen, () => { });
        var before = seen.Headers.Count;

        var tail = InTurn(first, new(), () => Append(first, JournalSamples.Released(7)));
        second.TakeTurn(seen);
        second.ReleaseTurn();

        Assert.Equal(before + 1, seen.Headers.Count);
        Assert.Equal(tail, second.Tail);
    }

    [Fact]
    public void There_is_news_until_it_is_read()
    {
        using var writer = Open();
        using var reader = Open();
        InTurn(reader, new(), () => { });
        Assert.False(reader.HasNews);

        InTurn(writer, new(), () =>
        {
            Assert.False(reader.HasNews);
            Append(writer, JournalSamples.Released(1));

            // A journal on another machine hears of it a moment later.
            Assert.True(SpinWait.SpinUntil(() => reader.HasNews, Patience));
        });

        Assert.False(writer.HasNews);
        reader.Read(new Collector());
        Assert.False(reader.HasNews);
    }

    [Fact]
    public void Reading_needs_no_turn_and_gives_each_batch_once()
    {
        using var writer = Open();
        using var reader = Open();
        InTurn(reader, new(), () => { });
        var seen = new Collector();

        InTurn(writer, new(), () =>
        {
            reader.Read(seen);
            Assert.Empty(seen.Headers);
            Append(writer, JournalSamples.Released(1));
            reader.Read(seen);
            reader.Read(seen);
        });

        Assert.Single(seen.Headers);
        Assert.Equal(writer.Tail, reader.Tail);
    }

    [Fact]
    public void Rewinding_starts_over()
    {
        using var journal = Open();
        var tail = InTurn(journal, new(), () =>
        {
            Append(journal, JournalSamples.Released(1));
            Append(journal, JournalSamples.Released(2));
        });
        var first = new Collector();
        journal.Rewind();
        Assert.Equal(0, journal.Tail.Sequence);
        Assert.True(journal.HasNews);
        journal.Read(first);
        var second = new Collector();
        journal.Rewind();
        journal.Read(second);

        Assert.Equal(1, first.Headers[0].FirstSequence);
        Assert.Equal(first.Headers, second.Headers);
        Assert.Equal(tail, journal.Tail);
    }

    [Fact]
    public async Task A_turn_waits_while_another_has_it()
    {
        using var first = Open();
        using var second = Open();
        first.TakeTurn(new Collector());
        var waiting = Task.Run(() => second.TakeTurn(new Collector()));
        await Assert.ThrowsAsync<TimeoutException>(() => waiting.WaitAsync(TimeSpan.FromMilliseconds(150)));

        first.ReleaseTurn();
        await waiting.WaitAsync(Patience);
        second.ReleaseTurn();
    }

    [Fact]
    public async Task A_reader_that_throws_leaves_the_turn_free()
    {
        using var writer = Open();
        InTurn(writer, new(), () => Append(writer, JournalSamples.Released(1)));
        using var broken = Open();
        var reader = new Collector { Before = _ => throw new InvalidOperationException("broken") };
        Assert.Throws<InvalidOperationException>(() => broken.TakeTurn(reader));

        await Task.Run(() => InTurn(writer, new(), () => Append(writer, JournalSamples.Released(2)))).WaitAsync(Patience);

        // It missed nothing: the batch at which it threw is given again.
        reader.Before = _ => { };
        InTurn(broken, reader, () => { });
        AssertUnbroken(reader);
        Assert.Equal(writer.Tail, broken.Tail);
    }

    [Fact]
    public void Time_is_never_before_the_last_entry()
    {
        using var writer = Open();
        using var other = Open();
        var laterMs = writer.NowMs + 3_600_000;
        InTurn(writer, new(), () => writer.Append(JournalSamples.Batch(JournalSamples.Released(1)), laterMs));
        Assert.True(writer.NowMs >= laterMs);

        InTurn(other, new(), () => Assert.True(other.NowMs >= laterMs));
        using var third = Open();
        InTurn(third, new(), () => Assert.True(third.NowMs >= laterMs));
    }

    internal static Tail InTurn(IJournal journal, Collector reader, Action action)
    {
        journal.TakeTurn(reader);
        try
        {
            action();
            return journal.Tail;
        }
        finally
        {
            journal.ReleaseTurn();
        }
    }

    internal static void Append(IJournal journal, params ReadOnlySpan<Entry> entries)
    {
        var batch = JournalSamples.Batch(entries);
        Assert.True(journal.Reserve(batch.Length) >= batch.Length);
        journal.Append(batch, journal.NowMs);
    }

    internal static void AssertUnbroken(Collector read)
    {
        Assert.Equal(1, read.Headers[0].FirstSequence);
        for (var i = 1; i < read.Headers.Count; i++)
        {
            Assert.Equal(read.Headers[i - 1].Hash, read.Headers[i].Previous);
            Assert.Equal(read.Headers[i - 1].LastSequence + 1, read.Headers[i].FirstSequence);
            Assert.True(read.Headers[i].TimeMs >= read.Headers[i - 1].TimeMs);
        }
    }

    private static bool Rewind(IJournal journal)
    {
        journal.Rewind();
        return true;
    }

    private static byte[] Encoded(Entry entry)
    {
        var bytes = new byte[EntryCodec.LengthMax(entry)];
        return bytes[..EntryCodec.Encode(entry, bytes)];
    }

    private static List<Entry> Decoded(byte[] entries)
    {
        var decoded = new List<Entry>();
        for (var at = 0; at < entries.Length;)
        {
            var entry = default(Entry);
            at += EntryCodec.Decode(entries.AsSpan(at), ref entry);
            decoded.Add(entry);
        }

        return decoded;
    }
}

public sealed class MemoryJournalTests : JournalContract
{
    private readonly MemoryStore _store = new();

    protected override IJournal Open() => _store.Open();
}

public class FileJournalTests : JournalContract, IDisposable
{
    private readonly ScratchDirectory _directory = new();

    public FileJournalTests() => Assert.True(FileJournal.TryCreate(JournalPath, "spring", JournalSamples.Plan()));

    protected string JournalPath => _directory.File("spring.rush");

    protected override IJournal Open() => FileJournal.Open(JournalPath);

    [Fact]
    public void The_first_entry_is_the_plan()
    {
        using var journal = Open();
        var read = new Collector();
        journal.TakeTurn(read);
        journal.ReleaseTurn();
        var entry = default(Entry);
        EntryCodec.Decode(Assert.Single(read.Entries), ref entry);
        Assert.Equal(JournalSamples.Plan(), entry.Plan);
    }

    public void Dispose()
    {
        _directory.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>The same on what stands in for Linux elsewhere.</summary>
public sealed class PortableFileJournalTests : FileJournalTests
{
    protected override IJournal Open() => FileJournal.Open(JournalPath, new Platform.PortablePlatform());
}
