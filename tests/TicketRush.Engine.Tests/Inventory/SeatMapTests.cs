using TicketRush.Engine.Inventory;

namespace TicketRush.Engine.Tests.Inventory;

/// <summary>
/// Goal: the map finds what a child would find who looks at every seat, under the same rules, whatever was taken and given back
/// before. Method: seeded scripts of takes, returns and wishes on small halls of every shape, against lists that are searched whole.
/// </summary>
public class SeatMapTests
{
    [Fact]
    public void Best_seats_are_those_of_the_obvious_search()
    {
        foreach (var seed in Seeds.Of(60)) new Run(seed).Play(400);
    }

    [Theory]
    [InlineData("1-10", "", 2, "5 6")]
    [InlineData("1-10", "5 6", 2, "3 4")] // 3 4 and 7 8 are as near; the lower wins, and neither leaves a single one
    [InlineData("1-10", "4 5 6", 2, "7 8")] // 2 3 would leave 1
    [InlineData("1-5", "", 4, "1 2 3 4")] // one is left over whatever is chosen
    [InlineData("1-7", "4", 2, "2 3")] // 1-3 and 5-7 leave a single one either way: the nearest, then the lowest
    [InlineData("1-3", "", 3, "1 2 3")]
    public void On_one_bench(string seats, string taken, int places, string expected)
    {
        var layout = SeatLayout.Of([new("", "1", seats)]);
        var map = new SeatMap(layout, new(0, 0));
        foreach (var seat in Numbers(taken)) map.Take(seat - 1, 0, 1);
        Span<int> found = stackalloc int[places];
        Assert.Equal(Refusal.None, map.Find(new(places, 0, 1), found, out _));
        Assert.Equal(Numbers(expected).Select(seat => seat - 1), found.ToArray());
    }

    [Fact]
    public void Rules_relax_in_their_order()
    {
        // Two rows of four; the party of four takes a whole row, the next of three leaves one, the next must sit on two rows.
        var layout = SeatLayout.Of([new("", "1-3", "1-4")]);
        var map = new SeatMap(layout, new(0, 0));
        Assert.Equal([0, 1, 2, 3], Take(map, 4));
        Assert.Equal([4, 5, 6], Take(map, 3));
        Assert.Equal([8, 9, 10], Take(map, 3));
        Assert.Equal([7, 11], Take(map, 2)); // one behind the other
        Assert.Empty(Take(map, 1));

        foreach (var seat in (int[])[0, 2, 9, 11]) map.Return(seat, 0, 1);
        Span<int> found = stackalloc int[4];
        Assert.Equal(Refusal.NotTogether, map.Find(new(4, 0, 1), found, out var allowed));
        Assert.Equal(1, allowed);
        Assert.Equal(Refusal.None, map.Find(new(4, 0, 1, Apart: true), found, out _));
        Assert.Equal([0, 2, 9, 11], found.ToArray().Order());
        Assert.Equal(Refusal.PartyTooLarge, map.Find(new(5, 0, 1), new int[5], out _));
        Assert.Equal(Refusal.NotEnough, map.Find(new(5, 0, 1, Apart: true), new int[5], out _));
    }

    [Fact]
    public void A_party_larger_than_any_bench_is_refused_and_may_sit_apart()
    {
        var map = new SeatMap(SeatLayout.Of([new("", "1-2", "1-6", Aisles: "3")]), new(0, 0));
        var found = new int[4];
        Assert.Equal(Refusal.PartyTooLarge, map.Find(new(4, 0, 1), found, out var allowed));
        Assert.Equal(3, allowed);
        Assert.Equal(Refusal.None, map.Find(new(4, 0, 1, Apart: true), found, out _));
    }

    [Fact]
    public void Wheelchair_places_go_only_to_those_who_ask()
    {
        var map = new SeatMap(SeatLayout.Of([new("", "1", "1-8", Wheelchair: "1,2", Companion: "3"), new("", "2", "1-8")]), new(0, 0));
        Assert.Equal(13, map.FreeFor(0, 1));
        var found = new int[13];
        Assert.Equal(Refusal.None, map.Find(new(13, 0, 1, Apart: true), found, out _));
        Assert.DoesNotContain(found, seat => seat < 3);
        Assert.Equal(Refusal.None, map.Find(new(2, 0, 1, Wheelchair: 1), found, out _));
        Assert.Equal([1, 2], found[..2]);
        Assert.Equal(Refusal.None, map.Find(new(2, 0, 1, Wheelchair: 2), found, out _));
        Assert.Equal([0, 1], found[..2]);
        Assert.Equal(Refusal.NotEnough, map.Find(new(3, 0, 1, Wheelchair: 3), found, out var allowed));
        Assert.Equal(2, allowed);
    }

    [Theory]
    [InlineData("1-6", "", "2", true)]
    [InlineData("1-6", "", "3", false)]
    [InlineData("1-6", "", "1 3", true)]
    [InlineData("1-6", "", "1 2", false)]
    [InlineData("1-3", "", "1 2", false)] // of three, two: one is left whatever is chosen
    [InlineData("1-3", "", "2", true)]
    [InlineData("1-6", "3", "1", false)] // of two, one
    [InlineData("1-6", "2", "3", false)] // the single 1 was there before
    [InlineData("1-6", "2", "4", true)]
    public void A_single_seat_left_over(string seats, string taken, string named, bool leaves)
    {
        var map = new SeatMap(SeatLayout.Of([new("", "1", seats)]), new(0, 0));
        foreach (var seat in Numbers(taken)) map.Take(seat - 1, 0, 1);
        Assert.Equal(leaves, map.LeavesSingle([.. Numbers(named).Select(seat => seat - 1)]));
    }

    private static IEnumerable<int> Numbers(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse);

    private static int[] Take(SeatMap map, int places)
    {
        var seats = new int[places];
        if (map.Find(new(places, 0, 1), seats, out _) != Refusal.None) return [];
        foreach (var seat in seats) map.Take(seat, 0, 1);
        return seats;
    }

    private sealed class Run
    {
        private readonly int _seed;
        private readonly Random _random;
        private readonly SeatLayout _layout;
        private readonly FocusPlan _focus;
        private readonly SeatMap _map;
        private readonly bool[] _free;

        public Run(int seed)
        {
            _seed = seed;
            _random = new(seed);
            RowPlan[] rows =
            [
                .. Enumerable.Range(0, _random.Next(1, 4)).Select(i => new RowPlan(
                    $"s{i}", $"1-{_random.Next(1, 5)}", $"1-{_random.Next(1, 15)}", Aisles: _random.Next(2) == 0 ? "" : "1,4,9",
                    Wheelchair: _random.Next(3) == 0 ? "2" : "", X: _random.Next(-9, 9), Y: _random.Next(-9, 9), Turn: _random.Next(4))),
            ];
            rows = [.. rows.Select(row => row with { Aisles = string.Join(',', row.Aisles.Split(',').Where(a => Has(row, a))),
                Wheelchair = Has(row, row.Wheelchair) ? row.Wheelchair : "" })];
            _layout = SeatLayout.Of(rows);
            _focus = new(_random.Next(-5, 5), _random.Next(-5, 5));
            _map = new(_layout, _focus);
            _free = [.. Enumerable.Repeat(true, _layout.Count)];
        }

        public void Play(int steps)
        {
            // Mostly taking, then mostly giving back, over and over: all levels of fullness are passed.
            for (var step = 0; step < steps; step++)
            {
                var places = _random.Next(10) == 0 ? _random.Next(1, 14) : _random.Next(1, 6);
                var (expected, found) = (Search(places), new int[places]);
                var refusal = _map.Find(new(places, 0, 1), found, out _);
                Assert.True(
                    expected is null ? refusal != Refusal.None : refusal == Refusal.None && expected.SequenceEqual(found),
                    $"Seed {_seed}, step {step}: {places} places, {refusal} {string.Join(' ', found)}, expected {string.Join(
                        ' ', expected ?? [])}");
                Assert.Equal(expected is not null, _map.Fits(places, 0, 1));
                Assert.Equal(Ordinary().Count(seat => _free[seat]), _map.FreeFor(0, 1));
                if (expected is not null && _random.Next(4) != 0) Set(found, free: false);
                if (_random.Next(100) < (step / 50 % 2 == 0 ? 15 : 95))
                    Set([.. Enumerable.Range(0, _free.Length).Where(seat => !_free[seat]).OrderBy(_ => _random.Next())
                        .Take(_random.Next(1, 5))], free: true);
                for (var seat = 0; seat < _free.Length; seat++) Assert.Equal(_free[seat], _map.IsFree(seat, 0, 1));
            }
        }

        private void Set(int[] seats, bool free)
        {
            foreach (var seat in seats)
            {
                _free[seat] = free;
                if (free) _map.Return(seat, 0, 1);
                else _map.Take(seat, 0, 1);
            }
        }

        private IEnumerable<int> Ordinary() => Enumerable.Range(0, _free.Length).Where(seat => _layout.KindOf(seat) == SeatKind.Ordinary);

        private int[]? Search(int places)
        {
            var windows = Windows(places).ToArray();
            var strict = windows.Where(seats => !LeavesOne(seats)).ToArray();
            if (strict.Length > 0) return strict.OrderBy(Cost).ThenBy(seats => seats[0]).First();
            if (windows.Length > 0) return windows.OrderBy(Cost).ThenBy(seats => seats[0]).First();
            if (places > _layout.AllBenches.Max(Longest)) return null;

            var two =
                from front in Enumerable.Range(1, Math.Max(0, places - 1))
                let back = places - front
                from a in Windows(front)
                from b in Windows(back)
                let bench = _layout.AllBenches[BenchOf(a[0])]
                where bench.Behind == BenchOf(b[0])
                let columnsA = a.Select(seat => seat - bench.First)
                let columnsB = b.Select(seat => seat - _layout.AllBenches[bench.Behind].First)
                where columnsA.Intersect(columnsB).Any()
                orderby 2 * Math.Abs(front - back) + (front < back ? 1 : 0), Cost(a) + Cost(b), a[0], b[0]
                select a.Concat(b).ToArray();
            return two.FirstOrDefault();
        }

        private IEnumerable<int[]> Windows(int places)
        {
            for (var seat = 0; seat + places <= _free.Length; seat++)
            {
                var seats = Enumerable.Range(seat, places).ToArray();
                if (seats.All(s => _free[s] && _layout.KindOf(s) == SeatKind.Ordinary && BenchOf(s) == BenchOf(seat))) yield return seats;
            }
        }

        private bool LeavesOne(int[] seats) => IsSingle(seats[0] - 1, -1, seats) || IsSingle(seats[^1] + 1, 1, seats);

        private bool IsSingle(int seat, int step, int[] seats) => IsOpen(seat, seats[0]) && !IsOpen(seat + step, seats[0]);

        private bool IsOpen(int seat, int beside) =>
            seat >= 0 && seat < _free.Length && _free[seat] && _layout.KindOf(seat) == SeatKind.Ordinary
                && BenchOf(seat) == BenchOf(beside);

        private long Cost(int[] seats)
        {
            var ((x, y), (toX, toY)) = (_layout.PlaceOf(seats[0]), _layout.PlaceOf(seats[^1]));
            long dx = x + toX - 4 * _focus.X, dy = y + toY - 4 * _focus.Y;
            return dx * dx + dy * dy;
        }

        private static int Longest(Bench bench) => Convert.ToString((long)bench.Ordinary, 2).Split('0').Max(stretch => stretch.Length);

        private int BenchOf(int seat) => _layout.AllBenches.TakeWhile(bench => bench.First <= seat).Count() - 1;

        private static bool Has(RowPlan row, string label) => label.Length > 0 && int.Parse(label) <= int.Parse(row.Seats[2..]);
    }
}
