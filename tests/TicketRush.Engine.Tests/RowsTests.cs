using TicketRush.Engine.Inventory;

namespace TicketRush.Engine.Tests;

public class RowsTests
{
    [Fact]
    public void Rows_begin_as_zero_and_keep_what_is_written()
    {
        var rows = new Rows<long>();
        for (var i = 0; i < 100_000; i++)
        {
            ref var row = ref rows.Add();
            Assert.Equal(0, row);
            row = i;
        }

        Assert.Equal(100_000, rows.Count);
        for (var i = 0; i < 100_000; i++) Assert.Equal(i, rows[i]);
    }

    [Fact]
    public void A_row_never_moves()
    {
        var rows = new Rows<int>();
        ref var first = ref rows.Add();
        for (var i = 0; i < 5_000; i++) rows.Add();

        first = 7;

        Assert.Equal(7, rows[0]);
    }
}
