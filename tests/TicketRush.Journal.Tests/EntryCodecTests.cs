using System.Buffers.Binary;
using TicketRush.Engine;

namespace TicketRush.Journal.Tests;

public sealed class EntryCodecTests
{
    public static TheoryData<EntryKind> Kinds => [.. Enum.GetValues<EntryKind>().Where(kind => kind != EntryKind.None)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_entry_is_read_as_it_was_written(EntryKind kind)
    {
        var random = new Random((int)kind);
        for (var i = 0; i < 2_000; i++)
        {
            var entry = JournalSamples.Random(random, kind);
            var bytes = Encode(entry);
            var read = default(Entry);

            Assert.Equal(bytes.Length, EntryCodec.Decode(bytes, ref read));
            Assert.Equal(JournalSamples.Describe(entry), JournalSamples.Describe(read));
            Assert.Equal(entry.Plan, read.Plan);
            Assert.Equal(0, bytes.Length % 8);
        }
    }

    [Fact]
    public void A_plan_keeps_its_texts_and_its_missing_times()
    {
        var plan = JournalSamples.Plan("千里之行\u3000始于足下 👩🏽‍🎤 <\"\\/>") with { OpensAtMs = null, ClosesAtMs = long.MaxValue };
        var read = default(Entry);
        EntryCodec.Decode(Encode(new Entry { Kind = EntryKind.Planned, Plan = plan }), ref read);
        Assert.Equal(plan, read.Plan);
    }

    [Fact]
    public void A_missing_reason_is_read_as_an_empty_one()
    {
        var read = default(Entry);
        EntryCodec.Decode(Encode(new Entry { Kind = EntryKind.Refunded, Hold = new(1) }), ref read);
        Assert.Equal("", read.Reason);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_entry_that_is_cut_off_is_noticed(EntryKind kind)
    {
        var random = new Random((int)kind);
        for (var i = 0; i < 10; i++)
        {
            var bytes = Encode(JournalSamples.Random(random, kind));
            for (var length = 0; length < bytes.Length; length++)
            {
                var read = default(Entry);
                Assert.Throws<InvalidDataException>(() => EntryCodec.Decode(bytes.AsSpan(0, length), ref read));

                // Also when it claims to be no longer than what is left of it.
                if (length < EntryCodec.HeadSize || length % 8 != 0) continue;
                var shorter = bytes[..length];
                BinaryPrimitives.WriteInt32LittleEndian(shorter, length);
                Assert.Throws<InvalidDataException>(() => EntryCodec.Decode(shorter, ref read));
            }
        }
    }

    [Fact]
    public void A_kind_that_nobody_knows_was_written_by_a_newer_program()
    {
        var bytes = Encode(JournalSamples.Released(1));
        for (var kind = 0; kind <= byte.MaxValue; kind++)
        {
            if (kind != 0 && Enum.IsDefined((EntryKind)kind)) continue;
            bytes[4] = (byte)kind;
            var read = default(Entry);
            Assert.Throws<NewerFormatException>(() => EntryCodec.Decode(bytes, ref read));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(9)]
    public void An_entry_with_no_lines_or_too_many_is_noticed(byte lines)
    {
        var bytes = Encode(JournalSamples.Random(new Random(1), EntryKind.Held));
        bytes[3] = lines;
        var read = default(Entry);
        Assert.Throws<InvalidDataException>(() => EntryCodec.Decode(bytes, ref read));
    }

    [Fact]
    public void A_plan_that_is_no_plan_is_noticed()
    {
        var bytes = Encode(new Entry { Kind = EntryKind.Planned, Plan = JournalSamples.Plan() });
        bytes[16] = (byte)'[';
        var read = default(Entry);
        Assert.Throws<InvalidDataException>(() => EntryCodec.Decode(bytes, ref read));
    }

    // A torn batch is told from a damaged one by its sectors of zeros, so a whole one may have none.
    [Fact]
    public void No_batch_holds_a_sector_of_zeros()
    {
        var random = new Random(20_260_420);
        var buffer = new BatchBuffer();
        for (var i = 0; i < 20_000; i++)
        {
            buffer.Clear();
            for (var count = random.Next(1, 30); count > 0; count--) buffer.Add(JournalSamples.Random(random));
            AssertNoZeroSector(buffer);
        }
    }

    [Fact]
    public void Nor_does_one_whose_last_entry_ends_with_zeros_in_a_sector_of_its_own()
    {
        var buffer = new BatchBuffer();
        for (var i = 1; i <= 58; i++) buffer.Add(JournalSamples.Released((UInt128)i));
        Assert.Equal(3 * BatchHeader.SectorSize, buffer.Length);

        // A payment of nothing that was refused: its amount alone stands in the fourth sector.
        buffer.Add(new Entry { Kind = EntryKind.PaymentRefused, Hold = new(1), Reference = new(2), Refusal = Refusal.HoldExpired,
            Amount = 0 });
        Assert.Equal(4 * BatchHeader.SectorSize, buffer.Length);
        AssertNoZeroSector(buffer);
    }

    private static void AssertNoZeroSector(BatchBuffer buffer)
    {
        var tail = default(Tail);
        var batch = buffer.Seal(ref tail, 0);
        for (; !batch.IsEmpty; batch = batch[BatchHeader.SectorSize..])
            Assert.True(batch[..BatchHeader.SectorSize].ContainsAnyExcept((byte)0));
    }

    private static byte[] Encode(Entry entry)
    {
        var bytes = new byte[EntryCodec.LengthMax(entry)];
        return bytes[..EntryCodec.Encode(entry, bytes)];
    }
}
