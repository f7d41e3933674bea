using TicketRush.Cli.Race;
using TicketRush.Multiprocessing;

namespace TicketRush.Cli.Tests.Race;

public sealed class ScreenTests
{
    [Theory]
    [InlineData(true, null, null, true, true)]
    [InlineData(true, "xterm-256color", "", true, true)]
    [InlineData(true, "xterm-256color", "1", true, false)]
    [InlineData(true, "dumb", null, false, false)]
    [InlineData(false, "xterm-256color", null, false, false)]
    public void Colours_are_for_terminals_that_show_them_to_people_who_want_them(
        bool isTerminal, string? term, string? noColour, bool canMove, bool hasColours)
    {
        var screen = Screen.Of(isTerminal, name => name switch { "TERM" => term, "NO_COLOR" => noColour, _ => null });
        Assert.Equal(new(canMove, hasColours), screen);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_line_for_each_buyer_is_coloured_only_where_that_is_wanted(bool hasColours)
    {
        using var records = Sold(2);
        var output = new StringWriter();
        var commentary = new Commentary(Options(buyers: 2), output, new(IsTerminal: true, hasColours));
        commentary.Begin(Strategy.Unlocked);
        Assert.Equal(2, commentary.Follow(records));
        Assert.Contains("buyer 0 (7) looks: 1 left", output.ToString());
        Assert.Contains("buyer 1 (7) has one   ← number 2 of 1", output.ToString());
        Assert.Equal(hasColours, output.ToString().Contains("\e[31m", StringComparison.Ordinal));
        Assert.Equal(hasColours, output.ToString().Contains("\e[32m", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_big_crowd_has_a_bar_where_a_line_can_be_written_over(bool isTerminal)
    {
        using var records = Sold(300);
        var output = new StringWriter();
        var commentary = new Commentary(Options(buyers: 600), output, new(isTerminal, HasColours: false));
        commentary.Begin(Strategy.Lock);
        Assert.Equal(300, commentary.Follow(records));
        var bar = $"[{new string('█', 20)}{new string('░', 20)}] 300 of 600";
        Assert.Equal(isTerminal, output.ToString().Contains(bar, StringComparison.Ordinal));
        Assert.DoesNotContain("has one", output.ToString());
    }

    private static SharedArray<BuyerRecord> Sold(int count)
    {
        var records = new SharedArray<BuyerRecord>(Math.Max(count, 600));
        for (var i = 0; i < count; i++)
            records[i] = new() { State = BuyerState.Told, Pid = 7, Saw = 1, LookedAt = 10 + i, ArrivedAt = 10 + i, AnsweredAt = 1000 + i };
        return records;
    }

    private static RaceOptions Options(int buyers) => new()
    {
        Document = Document.Own, Buyers = buyers, Tickets = 1, DelayMs = 0, Workers = 1, Strategies = [], Key = "count",
    };
}
