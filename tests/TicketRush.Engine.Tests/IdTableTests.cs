using TicketRush.Engine.Inventory;

namespace TicketRush.Engine.Tests;

public class IdTableTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1_000)]
    [InlineData(5_000_000)]
    public void Five_million_ids_are_numbered_in_order_and_found_again(int reserved)
    {
        const int Count = 5_000_000;
        var table = new IdTable();
        table.Reserve(reserved);

        for (var i = 0; i < Count; i++)
        {
            if (table.Add(Mixed(i)) != i) Assert.Fail($"Id {i} has another number.");
        }

        Assert.Equal(Count, table.Count);
        for (var i = 0; i < Count; i++)
        {
            if (table.Find(Mixed(i)) != i || table[i] != Mixed(i)) Assert.Fail($"Id {i} is found as {table.Find(Mixed(i))}.");
            if (table.Find(Mixed(i + Count)) != -1) Assert.Fail($"Id {i + Count} was never added.");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5_000)]
    public void While_it_grows_the_table_agrees_with_a_dictionary(int reserved)
    {
        foreach (var seed in Seeds.Of(10))
        {
            var (random, table, expected) = (new Random(seed), new IdTable(), new Dictionary<UInt128, int>());
            table.Reserve(reserved);
            for (var i = 0; i < 20_000; i++)
            {
                var id = new UInt128((ulong)random.Next(3), (ulong)random.Next(30_000));
                Assert.True(table.Find(id) == expected.GetValueOrDefault(id, -1), $"Seed {seed}, step {i}: {id}");
                if (expected.TryAdd(id, expected.Count)) Assert.Equal(expected[id], table.Add(id));
                table.Prefetch(id);
            }

            Assert.Equal(expected.Count, table.Count);
            Assert.All(expected, pair => Assert.Equal(pair.Value, table.Find(pair.Key)));
        }
    }

    [Fact]
    public void Ids_that_fall_into_one_segment_split_it_until_they_part()
    {
        // Ids whose product with the table's odd multiplier is i << 35: hashes 0, 8, 16, … share their upper bits.
        UInt128 inverse = 1;
        for (var i = 0; i < 6; i++) inverse = (ulong)(inverse * (2 - (UInt128)0x9E3779B97F4A7C15 * inverse));
        var table = new IdTable();
        for (var i = 0u; i < 3_000; i++) Assert.Equal((int)i, table.Add((ulong)(inverse * ((UInt128)i << 35))));

        for (var i = 0u; i < 3_000; i++) Assert.Equal((int)i, table.Find((ulong)(inverse * ((UInt128)i << 35))));
    }

    [Fact]
    public void Ids_that_differ_in_one_bit_are_two_ids()
    {
        var table = new IdTable();
        for (var bit = 0; bit < 128; bit++) Assert.Equal(bit, table.Add(UInt128.One << bit));
        for (var bit = 0; bit < 128; bit++) Assert.Equal(bit, table.Find(UInt128.One << bit));
        Assert.Equal(-1, table.Find(0));
        Assert.Equal(128, table.Add(0));
        Assert.Equal(128, table.Find(0));
    }

    // Every other id counts 1, 2, 3; the others are spread over all 128 bits, as keyed hashes are.
    private static UInt128 Mixed(int i) => (i & 1) == 0
        ? (UInt128)(uint)i
        : new UInt128((ulong)i * 0xD6E8FEB86659FD93, ulong.RotateLeft((ulong)i * 0xA0761D6478BD642F, 23));
}
