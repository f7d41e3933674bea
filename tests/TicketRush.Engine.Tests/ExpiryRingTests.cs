using TicketRush.Engine.Inventory;

namespace TicketRush.Engine.Tests;

public class ExpiryRingTests
{
    /// <summary>
    /// Goal: whatever the order of adding, extending, ending, waiting and bounded taking, a hold is taken once, never before
    /// its second, and by the time that nothing more is given, all that are due have been.
    /// Method: a seeded crowd against a list that is searched from end to end.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    public void The_ring_agrees_with_a_list(int span)
    {
        foreach (var seed in Seeds.Of(200))
        {
            var (random, holds) = (new Random(seed), new Rows<HoldRecord>());
            var (ring, due, now) = (new ExpiryRing(holds), new Dictionary<int, long>(), (long)random.Next(1, 5_000));
            ring.Span(span);
            for (var step = 0; step < 400; step++)
            {
                switch (random.Next(6))
                {
                    case 0 or 1:
                        var number = holds.Count;
                        due[number] = now + random.Next(1, span + 1);
                        ref var hold = ref holds.Add();
                        (hold.State, hold.UntilSeconds) = (HoldState.Held, (uint)due[number]);
                        ring.Add(number, hold.UntilSeconds);
                        break;
                    case 2 when due.Count > 0:
                        var ended = due.Keys.ElementAt(random.Next(due.Count));
                        holds[ended].State = random.Next(2) == 0 ? HoldState.Paid : HoldState.Released;
                        due.Remove(ended);
                        break;
                    case 3 when due.Count > 0:
                        // Only what still lives is extended, and never beyond the span.
                        var extended = due.Keys.ElementAt(random.Next(due.Count));
                        if (due[extended] <= now) break;
                        due[extended] = Math.Min(due[extended] + random.Next(1, span + 1), now + span);
                        holds[extended].UntilSeconds = (uint)due[extended];
                        break;
                    case 4:
                        now += random.Next(10) == 0 ? random.Next(span * 5) : random.Next(3);
                        break;
                    default:
                        var bound = random.Next(3) == 0 ? int.MaxValue : random.Next(1, 4);
                        Take(bound, $"Seed {seed}, span {span}, step {step}, second {now}");
                        break;
                }

                var (first, told) = (due.Count == 0 ? long.MaxValue : due.Values.Min(), ring.NextSecond());
                Assert.True(told <= Math.Max(first, now), $"Seed {seed}, span {span}, step {step}: {first} is due, {told} was told.");
            }

            void Take(int bound, string where)
            {
                for (; bound > 0; bound--)
                {
                    var number = ring.Take(now);
                    if (number < 0)
                    {
                        Assert.True(due.Values.All(second => second > now), $"{where}: a hold was forgotten.");
                        return;
                    }

                    Assert.True(due.Remove(number, out var second) && second <= now, $"{where}: {number} was taken, due at {second}.");
                    holds[number].State = HoldState.Expired;
                }
            }
        }
    }

    // The ring of one second has four buckets, so seconds 10 and 14 share one.
    [Theory]
    [InlineData(14)]
    [InlineData(18)]
    [InlineData(1_000)]
    public void A_bucket_left_half_taken_forgets_nobody(long later)
    {
        var holds = new Rows<HoldRecord>();
        var ring = new ExpiryRing(holds);
        ring.Span(1);
        foreach (var second in (uint[])[10, 14])
        {
            (holds.Add().State, holds[holds.Count - 1].UntilSeconds) = (HoldState.Held, second);
            ring.Add(holds.Count - 1, second);
        }

        Assert.Equal(0, ring.Take(13));
        Assert.InRange(ring.NextSecond(), 0, 14);

        Assert.Equal(1, ring.Take(later));
        Assert.Equal(-1, ring.Take(later));
        Assert.Equal(long.MaxValue, ring.NextSecond());
    }

    [Fact]
    public void An_empty_ring_gives_nothing_and_waits_for_nothing()
    {
        var ring = new ExpiryRing(new());
        Assert.Equal(-1, ring.Take(long.MaxValue / 1000));
        Assert.Equal(long.MaxValue, ring.NextSecond());
    }
}
