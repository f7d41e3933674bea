namespace TicketRush.Engine;

/// <summary>What everybody may see of a pool's seats and legs, as they were at one sequence. Immutable.</summary>
public sealed class PoolView
{
    private readonly ulong[] _bits;
    private readonly int[] _pairs;
    private readonly int _legWords;

    internal PoolView(long version, int seatCount, int legs, int legWords, ulong[] bits, int[] pairs)
    {
        (Version, SeatCount, Legs) = (version, seatCount, legs);
        (_legWords, _bits, _pairs) = (legWords, bits, pairs);
    }

    /// <summary>Seats with numbers; 0 where there are none, or none yet.</summary>
    public int SeatCount { get; }

    public int Legs { get; }

    /// <summary>Changes whenever a place is taken or given back.</summary>
    internal long Version { get; }

    /// <summary>
    /// Places that are free on all legs of a journey and given to everybody: not those for wheelchairs and who comes along.
    /// </summary>
    public int FreeFor(int from, int to) => _pairs[from * Legs + to - 1];

    public bool IsFree(int seat, int from, int to)
    {
        if (_legWords == 0) return (_bits[seat >> 6] >> (seat & 63) & 1) != 0;
        for (var word = from >> 6; word <= (to - 1) >> 6; word++)
        {
            var legs = ulong.MaxValue << Math.Max(from - word * 64, 0) & ulong.MaxValue >> (64 - Math.Min(to - word * 64, 64));
            if ((_bits[seat * _legWords + word] & legs) != 0) return false;
        }

        return true;
    }

    /// <summary>One bit for each seat, the lowest first: whether it is free on all these legs.</summary>
    public byte[] FreeSeats(int from, int to)
    {
        var bytes = new byte[(SeatCount + 7) / 8];
        if (_legWords == 0)
        {
            // As they stand, a byte at a time, in any order of bytes that a machine may have.
            for (var at = 0; at < bytes.Length; at++) bytes[at] = (byte)(_bits[at >> 3] >> ((at & 7) * 8));
            return bytes;
        }

        for (var seat = 0; seat < SeatCount; seat++)
        {
            if (IsFree(seat, from, to)) bytes[seat >> 3] |= (byte)(1 << (seat & 7));
        }

        return bytes;
    }
}
