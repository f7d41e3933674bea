using TicketRush.Cli.Race;

namespace TicketRush.Cli.Tests.Race;

public sealed class RaceRowTests
{
    [Theory]
    [InlineData(true, 0, 0, 0, 0, true)]
    [InlineData(true, 1, 0, 0, 0, false)]
    [InlineData(false, 1, 3, 0, 0, true)]
    [InlineData(true, 0, 1, 0, 0, false)]

    // Gone, and nobody told: right if somebody was killed who would have been, and wrong otherwise.
    [InlineData(true, 0, -1, 0, 0, false)]
    [InlineData(true, 0, -1, 1, 0, true)]
    [InlineData(true, 0, -1, 0, 1, true)]
    [InlineData(true, 0, -2, 1, 0, false)]

    // A file that says nothing any more.
    [InlineData(true, 0, null, 0, 0, false)]
    [InlineData(true, 0, null, 1, 0, true)]
    [InlineData(false, 0, null, 0, 0, true)]
    public void A_promise_is_kept_or_it_is_not(bool isSafe, int oversold, int? lost, int killed, int blocked, bool kept) =>
        Assert.Equal(kept, Row(isSafe, oversold, lost, killed, blocked).KeptItsPromise);

    [Fact]
    public void What_a_broken_file_does_not_say_is_not_zero()
    {
        var output = new StringWriter();
        RaceTable.Write([Row(false, 3, null, 0, 0)], output, hasColours: false);
        var row = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)[1];
        var cells = row.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["unlocked", "8", "3", "–", "0"], cells[..5]);
    }

    private static RaceRow Row(bool isSafe, int oversold, int? lost, int killed, int blocked) => new()
    {
        Strategy = isSafe ? "lock" : "unlocked", Safe = isSafe, Told = 5 + oversold, Oversold = oversold, LostWrites = lost,
        CrashedLookers = 0, CrashedBuyers = 0, Killed = killed, Blocked = blocked, Refused = 0, Seconds = 1, PerSecond = 1, P50Ms = 1,
        P99Ms = 1, OutOfOrder = null, Left = lost is null ? null : 0,
    };
}
