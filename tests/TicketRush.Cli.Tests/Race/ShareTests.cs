using TicketRush.Cli.Race;

namespace TicketRush.Cli.Tests.Race;

public sealed class ShareTests
{
    [Fact]
    public void Every_buyer_is_in_one_process_and_no_process_has_two_more_than_another()
    {
        for (var buyers = 1; buyers <= 60; buyers++)
        {
            for (var processes = 1; processes <= buyers; processes++)
            {
                var share = new Share(buyers, processes);
                var all = Enumerable.Range(0, processes).ToArray();
                Assert.Equal(Enumerable.Range(0, buyers), all.SelectMany(i => Enumerable.Range(share.First(i), share.Count(i))));
                Assert.InRange(all.Max(share.Count) - all.Min(share.Count), 0, 1);
                Assert.All(all, i => Assert.All(Enumerable.Range(share.First(i), share.Count(i)), buyer =>
                    Assert.Equal(i, share.Of(buyer))));
            }
        }
    }
}
