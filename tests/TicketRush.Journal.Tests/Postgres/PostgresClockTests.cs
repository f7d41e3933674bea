using System.Globalization;
using TicketRush.Journal.Postgres;

namespace TicketRush.Journal.Tests;

/// <summary>Sale time goes on, whatever the database's clock does.</summary>
public sealed class PostgresClockTests
{
    private const long Day = 86_400_000;

    private long _ticks = 1_000_000;

    [Fact]
    public void The_first_time_seen_is_taken_whatever_this_machine_believes()
    {
        var clock = new PostgresClock(() => _ticks);
        Assert.True(clock.NowMs > Day);
        clock.Observe(Day, _ticks);
        Assert.Equal(Day, clock.NowMs);
        _ticks += 5;
        Assert.Equal(Day + 5, clock.NowMs);
    }

    [Fact]
    public void What_lies_within_an_answers_way_changes_nothing()
    {
        var clock = At(Day);
        var askedAt = _ticks;
        _ticks += 40;
        clock.Observe(Day + 20, askedAt);
        Assert.Equal(Day + 40, clock.NowMs);
    }

    [Fact]
    public void Small_differences_are_followed_and_it_never_runs_back()
    {
        var clock = At(Day);
        clock.Observe(Day + 300, _ticks);
        Assert.Equal(Day + 300, clock.NowMs);
        clock.Observe(Day + 100, _ticks);
        Assert.Equal(Day + 300, clock.NowMs);
        _ticks += 250;
        Assert.Equal(Day + 350, clock.NowMs);
    }

    /// <summary>A thread may stand still for a while between any two instructions.</summary>
    [Fact]
    public void In_a_step_who_stood_still_while_another_looked_brings_nothing_from_before()
    {
        using var mayGoOn = new ManualResetEventSlim();
        using var stands = new ManualResetEventSlim();
        Thread? slow = null;
        var clock = new PostgresClock(() =>
        {
            var ticks = _ticks;
            if (Thread.CurrentThread != slow) return ticks;
            stands.Set();
            mayGoOn.Wait(500);
            return ticks;
        });
        clock.Observe(Day, _ticks);
        clock.Observe(Day + 600_000, _ticks);

        Exception? failed = null;
        var askedAt = _ticks;
        slow = new(() => failed = Record.Exception(() => clock.Observe(Day + 600_000, askedAt)));
        slow.Start();
        stands.Wait();
        _ticks += 100;
        clock.Observe(Day + 600_100, _ticks);
        mayGoOn.Set();
        slow.Join();
        Assert.Null(failed);
        Assert.InRange(clock.NowMs, Day + 100, Day + 106);
    }

    [Theory]
    [InlineData(600_000)]
    [InlineData(-600_000)]
    public void A_step_is_made_up_for_slowly_and_wholly(long step)
    {
        var clock = At(Day);
        var start = _ticks;
        var last = clock.NowMs;
        for (; _ticks - start < 12_100_000; _ticks += 100)
        {
            clock.Observe(Day + step + (_ticks - start), _ticks);
            var now = clock.NowMs;
            Assert.InRange(now - last, 0, 100 + PostgresClock.StepMs);
            if (_ticks - start < 11_000_000) Assert.InRange(now - last, _ticks == start ? 0 : 94, 106);
            last = now;
        }

        _ticks -= 100;
        Assert.Equal(Day + step + (_ticks - start), clock.NowMs);
    }

    [Fact]
    public void After_a_time_without_the_database_a_step_is_no_larger()
    {
        var clock = At(Day);
        _ticks += 600_000;
        clock.Observe(Day + 1_200_000, _ticks);
        Assert.InRange(clock.NowMs, Day + 600_000, Day + 600_000 + PostgresClock.StepMs / PostgresClock.SlewPart);
    }

    [Fact]
    public void Who_goes_on_from_anothers_time_makes_up_for_a_step_as_it_does()
    {
        var clock = At(Day);
        var next = new PostgresClock(() => _ticks);
        next.Observe(Day + 600_000, _ticks);
        next.Seed(clock.Offset);
        Assert.Equal(clock.NowMs, next.NowMs);
        for (var i = 0; i < 100; i++)
        {
            _ticks += 100;
            foreach (var one in new[] { clock, next }) one.Observe(Day + 600_000 + (100 * (i + 1)), _ticks);
            Assert.Equal(clock.NowMs, next.NowMs);
        }

        Assert.InRange(clock.NowMs, Day + 10_000, Day + 10_600);
        Assert.Equal(clock.BehindMs, next.BehindMs);
        Assert.InRange(next.BehindMs, 599_000, 600_000);
    }

    /// <summary>Another boot's says nothing, nor that of a time since which the machine has slept.</summary>
    [Theory]
    [InlineData("", true)]
    [InlineData("boot", false)]
    [InlineData("slept", false)]
    [InlineData("torn", false)]
    [InlineData("database", false)]
    public void What_is_kept_is_of_this_boot_and_this_database(string changed, bool isUsed)
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("needs Linux");
        using var directory = new ScratchDirectory();
        var clock = new PostgresClock();
        clock.Observe(Day, clock.Ticks);
        ClockFile.Open(directory.Path, new("one"), clock).Keep(clock);
        var path = Assert.Single(Directory.GetFiles(directory.Path));
        var words = File.ReadAllText(path).Split(' ');
        if (changed == "boot") words[0] = Guid.NewGuid().ToString();
        if (changed == "slept") words[2] = $"{long.Parse(words[2], CultureInfo.InvariantCulture) - 60_000}\n";
        File.WriteAllText(path, changed == "torn" ? words[0] : string.Join(' ', words));

        var next = new PostgresClock();
        next.Observe(2 * Day, next.Ticks);
        ClockFile.Open(directory.Path, new(changed == "database" ? "two" : "one"), next);
        Assert.InRange(next.NowMs - (isUsed ? Day : 2 * Day), 0, 60_000);
    }

    private PostgresClock At(long timeMs)
    {
        var clock = new PostgresClock(() => _ticks);
        clock.Observe(timeMs, _ticks);
        return clock;
    }
}
