using TicketRush.Engine.Inventory;

namespace TicketRush.Engine.Tests;

public class TicketBitsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(100)]
    [InlineData(1_000_000)]
    public void A_bit_is_read_where_it_was_set_and_nowhere_else(uint first)
    {
        var bits = new TicketBits();
        Assert.Equal(UInt128.Zero, bits.Read(first, 100));

        bits.Set(first, 0b1001);
        bits.Set(first + 99, 1);

        Assert.Equal((UInt128)0b1001 | UInt128.One << 99, bits.Read(first, 100));
        Assert.Equal((UInt128)0b1001, bits.Read(first, 99));
        Assert.Equal((UInt128)0b100, bits.Read(first + 1, 50));
        Assert.Equal((UInt128)0b1001 << 1, bits.Read(first - 1, 10));
        Assert.Equal(UInt128.Zero, bits.Read(first + 100, 100));
    }

    [Fact]
    public void Random_tickets_agree_with_a_set()
    {
        foreach (var seed in Seeds.Of(5))
        {
            var (random, bits, expected) = (new Random(seed), new TicketBits(), new HashSet<uint>());
            for (var i = 0; i < 500; i++)
            {
                var (first, count) = ((uint)random.Next(1, 5_000), random.Next(1, 101));
                var asked = new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64()) & (UInt128.One << count) - 1;
                bits.Set(first, asked);
                for (var j = 0; j < count; j++)
                {
                    if ((asked >> j & 1) != 0) expected.Add(first + (uint)j);
                }

                var read = bits.Read(first, count);
                for (var j = 0; j < count; j++)
                    Assert.True((read >> j & 1) != 0 == expected.Contains(first + (uint)j), $"Seed {seed}, step {i}, ticket {first + j}");
            }
        }
    }
}
