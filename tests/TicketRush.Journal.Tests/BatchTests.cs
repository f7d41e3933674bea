using System.Buffers.Binary;

namespace TicketRush.Journal.Tests;

public sealed class BatchTests
{
    [Fact]
    public void Crc32C_is_the_one_that_everybody_means() => Assert.Equal(0xE3069283, BatchHeader.Crc32C("123456789"u8));

    [Theory]
    [InlineData(1)]
    [InlineData(60)]
    public void Every_flipped_bit_is_noticed(int entries)
    {
        var batch = Batch(entries);
        Assert.True(IsWhole(batch));

        for (var bit = 0; bit < batch.Length * 8; bit++)
        {
            batch[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.False(IsWhole(batch), $"Bit {bit} was flipped.");
            batch[bit / 8] ^= (byte)(1 << bit % 8);
        }
    }

    // The length must be believed before there is a hash to check: a wrong one would send the reader anywhere.
    [Fact]
    public void No_flipped_bit_behind_the_hash_leaves_a_header()
    {
        var batch = Batch(1);
        for (var bit = 32 * 8; bit < BatchHeader.Size * 8; bit++)
        {
            batch[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.False(BatchHeader.TryRead(batch, out _), $"Bit {bit} was flipped.");
            batch[bit / 8] ^= (byte)(1 << bit % 8);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    [InlineData(513)]
    [InlineData(-512)]
    [InlineData(BatchHeader.LengthMax + 512)]
    public void A_length_that_no_batch_has_is_not_believed_although_its_check_is_right(int length)
    {
        var batch = Batch(1);
        BinaryPrimitives.WriteInt32LittleEndian(batch.AsSpan(72), length);
        BinaryPrimitives.WriteUInt32LittleEndian(batch.AsSpan(100), BatchHeader.Crc32C(batch.AsSpan(32, 68)));
        Assert.False(BatchHeader.TryRead(batch, out _));
    }

    [Fact]
    public void A_header_that_is_cut_off_is_none()
    {
        var batch = Batch(1);
        for (var length = 0; length < BatchHeader.Size; length++) Assert.False(BatchHeader.TryRead(batch.AsSpan(0, length), out _));
        Assert.True(BatchHeader.TryRead(batch.AsSpan(0, BatchHeader.Size), out _));
    }

    [Fact]
    public void A_header_says_what_the_batch_was_sealed_with()
    {
        var buffer = JournalSamples.Batch(JournalSamples.Released(1), JournalSamples.Released(2), JournalSamples.Released(3));
        var tail = new Tail(41, 1_000, ChainHash.Read(new byte[32].Select((_, i) => (byte)i).ToArray()), 8_192);
        var before = tail;
        var batch = buffer.Seal(ref tail, 2_000).ToArray();

        Assert.True(BatchHeader.TryRead(batch, out var header));
        Assert.Equal(new BatchHeader(tail.Hash, before.Hash, 1, 512, 72, 42, 2_000, 3), header);
        Assert.Equal(new Tail(44, 2_000, header.Hash, 8_704), tail);
        Assert.Equal(tail.Sequence, header.LastSequence);
    }

    [Fact]
    public void A_buffer_that_is_used_again_leaves_nothing_of_the_batch_before()
    {
        var used = new BatchBuffer();
        for (var i = 0; i < 100; i++) used.Add(JournalSamples.Released(UInt128.MaxValue));
        Seal(used);
        used.Clear();
        used.Add(JournalSamples.Released(1));
        Assert.Equal(Seal(JournalSamples.Batch(JournalSamples.Released(1))), Seal(used));
    }

    [Fact]
    public void No_batch_gets_longer_than_was_foretold()
    {
        var random = new Random(8);
        var buffer = new BatchBuffer();
        for (var i = 0; i < 2_000; i++)
        {
            var entry = JournalSamples.Random(random);
            var foretold = buffer.LengthWith(entry);
            buffer.Add(entry);
            Assert.True(buffer.Length <= foretold);
        }

        Assert.True(IsWhole(Seal(buffer)));
    }

    private static bool IsWhole(byte[] batch) =>
        BatchHeader.TryRead(batch, out var header) && header.Length == batch.Length && header.Verifies(batch);

    private static byte[] Batch(int entries)
    {
        var buffer = new BatchBuffer();
        for (var i = 1; i <= entries; i++) buffer.Add(JournalSamples.Released((UInt128)i));
        return Seal(buffer);
    }

    private static byte[] Seal(BatchBuffer buffer)
    {
        var tail = default(Tail);
        return buffer.Seal(ref tail, 5).ToArray();
    }
}
