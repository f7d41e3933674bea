using TicketRush.Engine;

namespace TicketRush.Journal.Tests;

public sealed class SequencerFiguresTests
{
    [Fact]
    public void Counting_a_decision_allocates_nothing()
    {
        var figures = new SequencerFigures();
        for (var i = 0; i < 1_000; i++) figures.Decided(Outcome.Refused, Refusal.SoldOut);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100_000; i++) figures.Decided(i % 2 == 0 ? Outcome.Done : Outcome.Refused, Refusal.SoldOut);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal((50_000, 51_000), (figures.Answers(Outcome.Done), figures.Refused(Refusal.SoldOut)));
    }
}
