using System.Text;
using TicketRush.Cli.Commands;
using TicketRush.Engine;
using TicketRush.Server.Board;

namespace TicketRush.Cli.Tests;

/// <summary>What <c>rush board</c> makes of datagrams that are lost, late, doubled, another's, or of several servers.</summary>
public sealed class BoardViewTests
{
    private readonly BoardView _view = new();
    private long _now;

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
    public void What_comes_late_or_twice_is_left_out()
    {
        Assert.True(Take(500, 30, """{"floor":10}"""));
        Assert.False(Take(500, 30, """{"floor":10}"""));
        Assert.False(Take(499, 29, """{"floor":11}"""));
        Assert.False(Take(1, 31, """{"floor":9}"""));
        Assert.Contains("floor 10", _view.Line(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(60)]
    [InlineData(500)]
    public void A_server_that_began_anew_is_believed_at_once(long before)
    {
        Assert.True(Take(before, 30, """{"floor":10}"""));
        Assert.True(Take(1, 31, """{"floor":9}""", server: "b"));
        Assert.Equal((0L, true), (_view.Lost, _view.HasChanged));
        Assert.Contains("floor 9", _view.Line(), StringComparison.Ordinal);
    }

    [Fact]
    public void Two_servers_that_send_by_turns_have_lost_nothing_and_the_one_behind_is_not_shown()
    {
        for (var i = 0; i < 10; i++)
        {
            Assert.True(Take(100 + i, 30 + i, $$"""{"floor":{{100 - i}}}"""));
            Assert.Equal(0, _view.Lost);
            Assert.True(Take(1 + i, 30 + i - 1, $$"""{"floor":{{100 - i + 1}}}""", server: "b"));
            Assert.Equal((0L, false), (_view.Lost, _view.HasChanged));
            Assert.Contains($"floor {100 - i}", _view.Line(), StringComparison.Ordinal);
        }

        // And what the one that is behind lost is counted all the same.
        Assert.True(Take(15, 38, """{"floor":92}""", server: "b"));
        Assert.Equal(4, _view.Lost);
    }

    [Fact]
    public void A_sale_that_was_restored_to_an_earlier_state_is_shown_when_nobody_says_otherwise_any_more()
    {
        Assert.True(Take(1, 30, """{"floor":10,"old":1}"""));
        Assert.True(Take(1, 20, """{"floor":50}""", server: "b"));
        Assert.Contains("floor 10", _view.Line(), StringComparison.Ordinal);
        _now += 5_000;
        Assert.True(Take(2, 20, """{"floor":50}""", server: "b"));
        Assert.True(_view.HasChanged);
        Assert.EndsWith("floor 50", _view.Line(), StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_are_put_together_and_shown_with_the_last()
    {
        Assert.True(Take(1, 3, """{"a":1}""", part: 1, parts: 2));
        Assert.False(_view.HasChanged);
        Assert.True(Take(2, 3, """{"b":2}""", part: 2, parts: 2));
        Assert.True(_view.HasChanged);
        Assert.Contains("a 1  b 2", _view.Line(), StringComparison.Ordinal);

        // A change in the second part alone is one too.
        Assert.True(Take(3, 4, """{"a":1}""", part: 1, parts: 2));
        Assert.True(Take(4, 4, """{"b":1}""", part: 2, parts: 2));
        Assert.True(_view.HasChanged);
    }

    [Fact]
    public void What_is_not_of_the_sale_is_passed_over_and_strangers_fill_nothing()
    {
        Assert.True(Take(1, 3, """{"a":1}"""));
        Assert.False(_view.Take(Read(2, 4, "{}", "a") with { Sale = "other" }, "spring", _now));

        // Anybody can send to a group, under any name.
        for (var i = 0; i < 1_000; i++) Take(1, 3, $$"""{"t{{i}}":1}""", server: $"s{i}");
        Assert.Equal(Plan.TiersMax, _view.Line().Split("  ", StringSplitOptions.RemoveEmptyEntries).Count(word => word.EndsWith(" 1")));
    }

    [Fact]
    public void A_terminal_is_given_nothing_that_it_obeys()
    {
        Assert.True(Take(1, 3, """{"flo\u001b[31mor\u009b\u202e余":1}""", state: "\\u0007open"));
        Assert.All(_view.Line(), c => Assert.InRange(c, ' ', '~'));
    }

    [Theory]
    [InlineData("""{"sale":5}""")]
    [InlineData("""{"sale":"spring"}""")]
    [InlineData("""[]""")]
    [InlineData("")]
    [InlineData("\0\u0001")]
    [InlineData("""{"sale":"spring","server":"a","n":1.5,"sequence":1,"state":"open","at":1,"part":1,"parts":1,"tiers":{}}""")]
    [InlineData("""{"sale":"spring","server":"a","n":0,"sequence":1,"state":"open","at":1,"part":1,"parts":1,"tiers":{}}""")]
    [InlineData("""{"sale":"spring","server":"a","n":1,"sequence":1,"state":"open","at":1,"part":2,"parts":1,"tiers":{}}""")]
    [InlineData("""{"sale":"spring","server":"a","n":1,"sequence":1,"state":5,"at":1,"part":1,"parts":1,"tiers":{}}""")]
    [InlineData("""{"sale":"spring","server":"a","n":1,"sequence":1,"state":"open","at":1,"part":1,"parts":1,"tiers":{"a":"b"}}""")]
    [InlineData("""{"sale":"spring","server":"a","n":1,"sequence":1,"state":"open","at":1,"part":1,"parts":1,"tiers":{"a":9e99}}""")]
    [InlineData("""{"sale":"spring","server":null,"n":1,"sequence":1,"state":"open","at":1,"part":1,"parts":1,"tiers":{}}""")]
    [InlineData("""{"sale":"spring","server":"a","n":1,"sequence":1,"state":"\ud800","at":1,"part":1,"parts":1,"tiers":{}}""")]
    public void What_is_no_state_is_none(string text) =>
        Assert.False(BoardDatagrams.TryReadState(Encoding.UTF8.GetBytes(text), out _));

    private bool Take(
        long n, long sequence, string tiers, string server = "a", int part = 1, int parts = 1, string state = "open") =>
        _view.Take(Read(n, sequence, tiers, server, part, parts, state), "spring", _now += 10);

    private static BoardDatagram Read(
        long n, long sequence, string tiers, string server, int part = 1, int parts = 1, string state = "open")
    {
        var text = $$"""
            {"sale":"spring","server":"{{server}}","n":{{n}},"sequence":{{sequence}},"state":"{{state}}","at":1,"part":{{part}},
             "parts":{{parts}},"tiers":{{tiers}},"more":[1]}
            """;
        Assert.True(BoardDatagrams.TryReadState(Encoding.UTF8.GetBytes(text), out var datagram), text);
        return datagram;
    }
}
