using System.Diagnostics;
using System.Globalization;

namespace TicketRush.Cli.Tests.Faults;

// Goal: a wall clock that is set forward or back while a sale runs moves no hold's end.
// Method: a library between the server and the kernel shifts its wall clock, and nothing else, by an hour.
[Collection(nameof(FaultCollection))]
public sealed class ClockTests
{
    // Long enough to see the step before it runs out: the header that shows it comes once a second.
    private const int HoldSeconds = 5;

    [Fact]
    public async Task A_stepped_wall_clock_moves_no_holds_end()
    {
        var library = Needs.FakeTime();
        await using var place = await Place.MakeAsync(holdSeconds: HoldSeconds);
        var shift = Path.Combine(place.Data, "shift");
        await File.WriteAllTextAsync(shift, "+0\n");
        var server = await place.ServeAsync(environment: new Dictionary<string, string>
        {
            ["LD_PRELOAD"] = library,
            ["FAKETIME_TIMESTAMP_FILE"] = shift,
            ["FAKETIME_NO_CACHE"] = "1",
            ["DONT_FAKE_MONOTONIC"] = "1",
        });

        foreach (var seconds in new[] { 3600, -3600 })
        {
            var first = await HoldAsync(place, server);
            await File.WriteAllTextAsync(shift, seconds.ToString("+0;-0", CultureInfo.InvariantCulture) + "\n");

            // The control: the process does see another wall clock.
            await Until.TrueAsync(async () => IsShifted((await place.Shop.GetAsync(server.Url)).Date, seconds),
                "the wall clock is stepped", 10);
            Assert.Equal("held", await StateAsync(place, server, first));

            // As much sale time has passed between two holds as real time, and each lasts what the plan says, to a whole second.
            var next = await HoldAsync(place, server);
            Assert.InRange(
                (next.At - first.At).TotalSeconds,
                Stopwatch.GetElapsedTime(first.Answered, next.Asked).TotalSeconds - 0.05,
                Stopwatch.GetElapsedTime(first.Asked, next.Answered).TotalSeconds + 0.05);
            Assert.All([first, next], hold => Assert.InRange((hold.Until - hold.At).TotalSeconds, HoldSeconds, HoldSeconds + 1));

            await Until.TrueAsync(async () => await StateAsync(place, server, first) == "expired", "the hold runs out", 10);
            var lasts = (first.Until - first.At).TotalSeconds;
            Assert.True(Stopwatch.GetElapsedTime(first.Asked).TotalSeconds > lasts - 0.05, "The hold ran out too early.");
            Assert.True(Stopwatch.GetElapsedTime(first.Answered).TotalSeconds < lasts + 1.5, "The hold ran out too late.");
        }

        await place.SettleAndAuditAsync();
    }

    private static bool IsShifted(DateTimeOffset? said, int seconds) =>
        said is { } date && Math.Abs((date - TimeProvider.System.GetUtcNow()).TotalSeconds - seconds) < 60;

    private static async Task<Hold> HoldAsync(Place place, RushProcess server)
    {
        var (id, asked) = (Guid.NewGuid(), Stopwatch.GetTimestamp());
        var answer = await place.Shop.HoldAsync(id, Place.Sale, "ann", server.Url);
        Assert.Equal(200, answer.Status);
        return new(id, asked, Stopwatch.GetTimestamp(), answer.Body.GetProperty("at").GetDateTimeOffset(),
            answer.Body.GetProperty("expiresAt").GetDateTimeOffset());
    }

    private static async Task<string?> StateAsync(Place place, RushProcess server, Hold hold)
    {
        var shown = (await place.Shop.GetAsync($"{server.Url}/api/sales/{Place.Sale}/holds/{hold.Id}")).Body;
        Assert.Equal(hold.Until, shown.GetProperty("expiresAt").GetDateTimeOffset());
        return shown.GetProperty("state").GetString();
    }

    private sealed record Hold(Guid Id, long Asked, long Answered, DateTimeOffset At, DateTimeOffset Until);
}
