using System.Diagnostics;
using System.Globalization;

namespace TicketRush.Cli.Tests.Faults;

// Goal: a wall clock that is set forward or back while a sale runs moves no hold's end.
// Method: a library between the server and the kernel shifts its wall clock, and nothing else, by an hour.
[Collection(nameof(FaultCollection))]
public sealed class ClockTests
{
    private const int HoldSeconds = 3;

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
            var before = Stopwatch.GetTimestamp();
            var (id, at, until) = await HoldAsync(place, server);
            await File.WriteAllTextAsync(shift, seconds.ToString("+0;-0", CultureInfo.InvariantCulture) + "\n");

            // The control: the process does see another wall clock. Its header is renewed once a second.
            await Until.TrueAsync(async () => IsShifted((await place.Shop.GetAsync(server.Url)).Date, seconds), "the wall clock is stepped", 10);
            Assert.Equal("held", await StateAsync(place, server, id, until));
            Assert.InRange(Stopwatch.GetElapsedTime(before).TotalSeconds, 0, HoldSeconds);

            // A hold made after the step ends as much later as it was made later. Ends are whole seconds.
            var between = Stopwatch.GetElapsedTime(before).TotalSeconds;
            var (_, nextAt, nextUntil) = await HoldAsync(place, server);
            Assert.InRange((nextAt - at).TotalSeconds - between, -0.5, 1);
            Assert.InRange((nextUntil - nextAt).TotalSeconds, HoldSeconds, HoldSeconds + 1);
            Assert.InRange((until - at).TotalSeconds, HoldSeconds, HoldSeconds + 1);

            await Until.TrueAsync(async () => await StateAsync(place, server, id, until) == "expired", "the hold runs out", 10);
            var lasted = Stopwatch.GetElapsedTime(before).TotalSeconds;
            Assert.InRange(lasted - (until - at).TotalSeconds, -0.05, 1.5);
        }

        await place.SettleAndAuditAsync();
    }

    private static bool IsShifted(DateTimeOffset? said, int seconds) =>
        said is { } date && Math.Abs((date - TimeProvider.System.GetUtcNow()).TotalSeconds - seconds) < 60;

    private static async Task<(Guid Id, DateTimeOffset At, DateTimeOffset Until)> HoldAsync(Place place, RushProcess server)
    {
        var id = Guid.NewGuid();
        var answer = await place.Shop.HoldAsync(id, Place.Sale, "ann", server.Url);
        Assert.Equal(200, answer.Status);
        return (id, answer.Body.GetProperty("at").GetDateTimeOffset(), answer.Body.GetProperty("expiresAt").GetDateTimeOffset());
    }

    private static async Task<string?> StateAsync(Place place, RushProcess server, Guid id, DateTimeOffset until)
    {
        var hold = (await place.Shop.GetAsync($"{server.Url}/api/sales/{Place.Sale}/holds/{id}")).Body;
        Assert.Equal(until, hold.GetProperty("expiresAt").GetDateTimeOffset());
        return hold.GetProperty("state").GetString();
    }
}
