using System.Numerics;
using System.Runtime.CompilerServices;

namespace TicketRush.Engine.Inventory;

/// <summary>
/// Which holds run out when: one bucket per second, for as many seconds as a hold can last. Holds end on whole seconds, so
/// all of a bucket end together and nothing is ever sorted. A hold stays in its bucket when it is paid, released or extended
/// and is looked at once more when the second comes: adding is O(1), taking is O(1) on average, nothing is allocated.
/// Source: the hashed timing wheel of Varghese and Lauck, 1987.
/// </summary>
internal sealed class ExpiryRing(Rows<HoldRecord> holds)
{
    private int[] _heads = new int[2];

    // Everything before this second has been taken.
    private long _cursor = long.MaxValue;

    // What NextSecond last found; looked for again only when the cursor has passed it.
    private long _next = long.MaxValue;

    // Holds met in the cursor's bucket that end a whole ring later.
    private int _parked;

    /// <summary>Sets the longest time that a hold can last; called while there are none.</summary>
    public void Span(int seconds) => _heads = new int[BitOperations.RoundUpToPowerOf2((uint)seconds + 2)];

    public void Add(int number, uint untilSeconds)
    {
        Push(ref _heads[untilSeconds & (_heads.Length - 1)], number);
        _cursor = Math.Min(_cursor, untilSeconds);
        _next = Math.Min(_next, untilSeconds);
    }

    /// <summary>The next hold that is still held and has run out by now, or -1. Each is given once.</summary>
    public int Take(long nowSeconds)
    {
        // A longer silence than the ring is long: each bucket is visited once.
        if (_cursor <= nowSeconds - _heads.Length)
        {
            Unpark();
            _cursor = nowSeconds - _heads.Length + 1;
        }

        for (; _cursor <= nowSeconds; _cursor++)
        {
            ref var head = ref _heads[_cursor & (_heads.Length - 1)];
            while (head != 0)
            {
                var number = head - 1;
                ref var hold = ref holds[number];
                head = hold.NextDue;
                if (hold.State != HoldState.Held) continue;
                if (hold.UntilSeconds <= nowSeconds) return number;

                ref var later = ref _heads[hold.UntilSeconds & (_heads.Length - 1)];
                Push(ref Unsafe.AreSame(ref later, ref head) ? ref _parked : ref later, number);
            }

            (head, _parked) = (_parked, 0);
        }

        return -1;
    }

    /// <summary>The first second at which something may run out, or <see cref="long.MaxValue"/>.</summary>
    public long NextSecond()
    {
        // A bucket that was left half taken is looked at again at once, and then knows when its parked holds end.
        if (_parked != 0) return _cursor;
        if (_next >= _cursor) return _next;

        for (_next = _cursor; _next < _cursor + _heads.Length; _next++)
        {
            if (_heads[_next & (_heads.Length - 1)] != 0) return _next;
        }

        return _next = long.MaxValue;
    }

    // A bucket that was left half taken keeps what was parked from it; else it would come back in another second's bucket.
    private void Unpark()
    {
        while (_parked != 0)
        {
            var number = _parked - 1;
            _parked = holds[number].NextDue;
            Push(ref _heads[_cursor & (_heads.Length - 1)], number);
        }
    }

    private void Push(ref int head, int number)
    {
        holds[number].NextDue = head;
        head = number + 1;
    }
}
