using System.Text.Json;
using TicketRush.Cli.Commands;

namespace TicketRush.Cli.Tests;

/// <summary>What <c>rush board</c> makes of datagrams that are lost, late, doubled, or another's.</summary>
public sealed class BoardViewTests
{
    private readonly BoardView _view = new();

    [Fact]
    public void Gaps_are_counted_and_repetitions_are_no_news()
    {
        Assert.True(Take(7, 3, """{"floor":10}"""));
        Assert.Equal((0L, true), (_view.Lost, _view.HasChanged));
        Assert.True(Take(8, 3, """{"floor":10}"""));
        Assert.Equal((0L, false), (_view.Lost, _view.HasChanged));
        Assert.True(Take(11, 5, """{"floor":8}"""));
        Assert.Equal((2L, true), (_view.Lost, _view.HasChanged));
        Assert.Contains("floor 8", _view.Line(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_comes_late_or_twice_is_left_out_and_a_server_that_began_anew_is_believed()
    {
        Assert.True(Take(500, 30, """{"floor":10}"""));
        Assert.False(Take(500, 30, """{"floor":10}"""));
        Assert.False(Take(499, 29, """{"floor":11}"""));
        Assert.True(Take(1, 31, """{"floor":9}"""));
        Assert.Equal(0, _view.Lost);
    }

    [Fact]
    public void Parts_are_put_together_and_what_is_not_of_the_sale_is_passed_over()
    {
        Assert.True(Take(1, 3, """{"a":1}"""));
        Assert.True(Take(2, 3, """{"b":2}"""));
        Assert.Contains("a 1  b 2", _view.Line(), StringComparison.Ordinal);
        Assert.False(_view.Take(JsonDocument.Parse("""{"sale":"other","n":3,"sequence":4,"state":"open","tiers":{}}""").RootElement, "spring"));
        Assert.False(_view.Take(JsonDocument.Parse("""{"sale":"spring"}""").RootElement, "spring"));
    }

    private bool Take(long n, long sequence, string tiers) => _view.Take(
        JsonDocument.Parse($$"""{"sale":"spring","n":{{n}},"sequence":{{sequence}},"state":"open","at":1,"part":1,"parts":1,"tiers":{{tiers}}}""").RootElement, "spring");
}
