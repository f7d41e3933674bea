using BenchmarkDotNet.Attributes;
using TicketRush.Engine;
using TicketRush.Engine.Inventory;

namespace TicketRush.Benchmarks;

/// <summary>A train of 1,200 seats and 19 legs, so full: one more journey is found and taken, and given back.</summary>
[MemoryDiagnoser]
public class JourneyBenchmarks
{
    private const int Legs = 19, Ahead = 1 << 12;

    private readonly int[] _pairs = new int[Legs * Legs];
    private readonly int[] _seats = new int[8];
    private readonly (int From, int To)[] _asked = new (int, int)[Ahead];
    private readonly (int Seat, int From, int To)[] _sold = new (int, int, int)[Ahead];
    private JourneyPool _pool = null!;
    private int _next;

    [Params(0, 50, 90, 99)]
    public int Percent { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        var layout = SeatLayout.Of([.. Enumerable.Range(1, 15).Select(coach => new RowPlan($"{coach}", "1-16", "A,B,C,D,F", Aisles: "C"))]);
        _pool = new(layout, Legs);
        var (random, legs, count) = (new Random(1), 0, 0);
        for (var misses = 0; misses < 100_000 && legs < layout.Count * Legs * Percent / 100;)
        {
            var (from, to) = Journey(random);
            if (_pool.Find(new(1, from, to), _seats, out _) != Refusal.None)
            {
                misses++;
                continue;
            }

            _pool.Take(_seats[0], from, to);
            _sold[count++ & (Ahead - 1)] = (_seats[0], from, to);
            legs += to - from;
        }

        if (count == 0) _pool.Take(0, 0, 1);
        for (; count < Ahead; count++) _sold[count] = count == 0 ? (0, 0, 1) : _sold[count - 1];
        for (var i = 0; i < Ahead; i++) _asked[i] = Journey(random);
    }

    /// <summary>Found and taken, and given back where it was: together what one hold that lapses costs the inventory.</summary>
    [Benchmark]
    public int FindTakeAndReturn()
    {
        var (from, to) = _asked[_next++ & (Ahead - 1)];
        if (_pool.Find(new(1, from, to), _seats, out _) != Refusal.None) return -1;
        _pool.Take(_seats[0], from, to);
        _pool.Return(_seats[0], from, to);
        return _seats[0];
    }

    [Benchmark]
    public void ReturnAndTake()
    {
        var (seat, from, to) = _sold[_next++ & (Ahead - 1)];
        _pool.Return(seat, from, to);
        _pool.Take(seat, from, to);
    }

    [Benchmark]
    public int FindFour()
    {
        var (from, to) = _asked[_next++ & (Ahead - 1)];
        return (int)_pool.Find(new(4, from, to), _seats, out _);
    }

    [Benchmark]
    public void AvailabilityOfAllPairs() => _pool.Availability(_pairs);

    private static (int From, int To) Journey(Random random)
    {
        var from = random.Next(Legs);
        return (from, random.Next(from + 1, Legs + 1));
    }
}

/// <summary>A stadium of 60,000 seats, so full at random: the best of it for a party, and a seat by its name.</summary>
[MemoryDiagnoser]
public class SeatBenchmarks
{
    private const int Ahead = 1 << 12;

    private readonly int[] _seats = new int[8];
    private readonly int[] _named = new int[Ahead];
    private SeatMap _map = null!;
    private int _next;

    [Params(0, 50, 90, 99)]
    public int Percent { get; set; }

    [GlobalSetup]
    public void Fill()
    {
        var layout = SeatLayout.Of([.. Enumerable.Range(0, 60)
            .Select(i => new RowPlan($"{i}", "1-40", "1-25", X: i % 15 * 27 - 190, Y: 60 + i / 15 * 45))]);
        _map = new(layout, new(0, 0));
        var random = new Random(1);
        for (var sold = 0; sold < layout.Count / 100 * Percent;)
        {
            var seat = random.Next(layout.Count);
            if (!_map.IsFree(seat, 0, 1)) continue;
            _map.Take(seat, 0, 1);
            sold++;
        }

        for (var i = 0; i < Ahead; i++) _named[i] = random.Next(layout.Count);
    }

    /// <summary>The best four, taken and given back: the index is brought up to date for both.</summary>
    [Benchmark]
    public int BestFour()
    {
        if (_map.Find(new(4, 0, 1), _seats, out _) != Refusal.None) return -1;
        for (var i = 0; i < 4; i++) _map.Take(_seats[i], 0, 1);
        for (var i = 0; i < 4; i++) _map.Return(_seats[i], 0, 1);
        return _seats[0];
    }

    /// <summary>A named seat: taken when it is free, given back when it is not.</summary>
    [Benchmark]
    public void NamedSeat()
    {
        var seat = _named[_next++ & (Ahead - 1)];
        if (_map.IsFree(seat, 0, 1)) _map.Take(seat, 0, 1);
        else _map.Return(seat, 0, 1);
    }
}
