namespace TicketRush.Engine.Inventory;

/// <summary>
/// Who waits for what, in order of arrival. Those who wait for the same places, journey and number are one queue: if its head does
/// not fit, none of them does. So who comes first among those who fit is found among the heads, whatever the number that waits.
/// </summary>
internal sealed class Waitlist
{
    // A queue is a list that only grows, of hold numbers plus one; who has left is 0, and what stands before Head is served or gone.
    private sealed class Queue(int pool, int from, int to, int places)
    {
        public readonly Rows<int> Holds = new();
        public readonly int Pool = pool, From = from, To = to, Places = places;
        public int Head, Waiting;
        public int InUse = -1;
    }

    private readonly Dictionary<(int Pool, int From, int To, int Places), int> _numbers = [];
    private readonly List<Queue> _queues = [];

    // The queues of each pool in which somebody waits, in no order.
    private readonly List<int>[] _waiting = new List<int>[Plan.PoolsMax];

    public int Count { get; private set; }

    /// <summary>Adds a hold behind all that wait for the same.</summary>
    /// <returns>Its queue, and its place there.</returns>
    public (int Queue, int At) Add(int hold, int pool, int from, int to, int places)
    {
        if (!_numbers.TryGetValue((pool, from, to, places), out var number))
        {
            number = _queues.Count;
            _queues.Add(new(pool, from, to, places));
            _numbers.Add((pool, from, to, places), number);
        }

        var queue = _queues[number];
        if (queue.Waiting++ == 0)
        {
            var waiting = _waiting[pool] ??= [];
            queue.InUse = waiting.Count;
            waiting.Add(number);
        }

        Count++;
        queue.Holds.Add() = hold + 1;
        return (number, queue.Holds.Count - 1);
    }

    /// <summary>Takes a hold out, wherever it stands: it was served, or it left.</summary>
    /// <returns>The first that waits for the same now; -1 when nobody does.</returns>
    public int Remove(int number, int at)
    {
        var queue = _queues[number];
        queue.Holds[at] = 0;
        Count--;
        while (queue.Head < queue.Holds.Count && queue.Holds[queue.Head] == 0) queue.Head++;
        if (--queue.Waiting > 0) return queue.Holds[queue.Head] - 1;

        var waiting = _waiting[queue.Pool];
        var last = waiting[^1];
        waiting[queue.InUse] = last;
        _queues[last].InUse = queue.InUse;
        waiting.RemoveAt(waiting.Count - 1);
        return -1;
    }

    /// <summary>The first to have come of those who wait for places of a pool and fit; -1 when nobody does.</summary>
    /// <param name="pool">Whose places may be free.</param>
    /// <param name="places">The pool's places; null when they are only counted.</param>
    /// <param name="free">How many are free, when they are only counted.</param>
    /// <param name="best">A hold that is known to fit, from another pool; or -1.</param>
    public int FirstThatFits(int pool, PlacePool? places, int free, int best)
    {
        if (_waiting[pool] is not { } waiting) return best;
        foreach (var number in waiting)
        {
            var queue = _queues[number];

            // Holds are numbered as they come, and a wish becomes a hold of that number when it comes.
            var first = queue.Holds[queue.Head] - 1;
            if (best >= 0 && first > best) continue;
            if (places is null ? free >= queue.Places : places.Fits(queue.Places, queue.From, queue.To)) best = first;
        }

        return best;
    }

    /// <summary>
    /// How many that came before wait for the same, and for other places of the same pool on a leg of this journey; at the most.
    /// </summary>
    public (int Same, int Elsewhere) Ahead(int number, int at, int hold)
    {
        var mine = _queues[number];
        var elsewhere = 0;
        foreach (var other in _waiting[mine.Pool])
        {
            var queue = _queues[other];
            if (other != number && queue.From < mine.To && mine.From < queue.To)
                elsewhere += Math.Min(CameBefore(queue, hold), queue.Waiting);
        }

        return (Math.Min(at - mine.Head, mine.Waiting - 1), elsewhere);
    }

    private static int CameBefore(Queue queue, int hold)
    {
        var (from, to) = (queue.Head, queue.Holds.Count);
        while (from < to)
        {
            // Who left is 0 and says nothing; a long stretch of them is counted as if it had come before: what is told is "at the most".
            var middle = from + (to - from) / 2;
            var at = middle;
            while (at < to && at - middle < 64 && queue.Holds[at] == 0) at++;
            if (at == to || queue.Holds[at] == 0) from = at;
            else if (queue.Holds[at] - 1 < hold) from = at + 1;
            else to = middle;
        }

        return from - queue.Head;
    }
}
