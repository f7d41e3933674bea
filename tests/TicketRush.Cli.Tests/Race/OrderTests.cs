using TicketRush.Cli.Race;

namespace TicketRush.Cli.Tests.Race;

public sealed class OrderTests
{
    [Theory]
    [InlineData(new long[] { 1, 2, 3, 4 }, 0.0)]
    [InlineData(new long[] { 4, 3, 2, 1 }, 1.0)]
    [InlineData(new long[] { 2, 1, 4, 3 }, 2 / 6.0)]
    [InlineData(new long[] { 5, 5, 5 }, 0.0)]
    public void The_departure_is_the_share_of_pairs_served_the_other_way_round(long[] served, double departure) =>
        Assert.Equal(departure, Order.Departure(served.Select((at, i) => Told(i, at)))!.Value, 9);

    [Fact]
    public void A_sequence_counts_before_the_moment_of_the_answer() =>
        Assert.Equal(0.0, Order.Departure([Told(1, 20) with { Sequence = 1 }, Told(2, 10) with { Sequence = 2 }]));

    [Fact]
    public void Who_got_none_was_passed_over_by_whoever_came_later_and_got_one()
    {
        BuyerRecord None(long arrived, long answered) => Told(arrived, answered) with { State = BuyerState.Refused };

        // When they were told that they get none does not matter: first, last, or the other way round.
        Assert.Equal(0.0, Order.Departure([Told(1, 5), None(2, 0), None(3, 9), None(4, 1)]));
        Assert.Equal(1.0, Order.Departure([None(1, 0), None(2, 9), None(3, 1), Told(4, 5)]));
        Assert.Equal(1.0, Order.Departure([None(1, 9), None(2, 0), Told(3, 3), Told(4, 2)]));
        Assert.Equal(1 / 5.0, Order.Departure([Told(1, 1), None(2, 9), Told(3, 2), None(4, 9)])!.Value, 9);
    }

    [Fact]
    public void Without_a_pair_of_whom_somebody_got_one_there_is_no_order()
    {
        Assert.Null(Order.Departure([]));
        Assert.Null(Order.Departure([Told(1, 1)]));
        Assert.Null(Order.Departure([Told(1, 1) with { State = BuyerState.Refused }, Told(2, 2) with { State = BuyerState.Refused }]));
        Assert.Null(Order.Departure([Told(1, 1), Told(2, 2) with { State = BuyerState.LookCrashed }]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Counting_by_merging_agrees_with_counting_every_pair(int seed)
    {
        var random = new Random(seed);
        var served = Enumerable.Range(0, 300).Select(_ => (long)random.Next(200)).ToArray();
        var pairs = Enumerable.Range(0, 300).Sum(i => served.Skip(i + 1).Count(later => later < served[i]));
        Assert.Equal(pairs / (300 * 299 / 2.0), Order.Departure(served.Select((at, i) => Told(i, at)))!.Value, 9);
    }

    private static BuyerRecord Told(long arrived, long answered) =>
        new() { State = BuyerState.Told, ArrivedAt = arrived, AnsweredAt = answered };
}
