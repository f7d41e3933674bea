namespace TicketRush.Engine.Inventory;

/// <summary>What a hold has beyond a number of places. Kept only in sales that have seats, journeys, passengers or a waitlist.</summary>
internal struct GivenRecord
{
    /// <summary>The entry that offered it its places, when it had to wait for them.</summary>
    public long OfferedSequence;

    /// <summary>What was given back for it, in minor units.</summary>
    public long Credit;

    /// <summary>Where its seats, and its passengers, stand in the lists of them.</summary>
    public int First;
    public int Queue;
    public int QueueAt;
    public ushort From, To;

    /// <summary>Whether it began as a wish on the waitlist.</summary>
    public bool Waited;

    /// <summary>How often the hold had been extended for which this one was exchanged: it counts on.</summary>
    public byte Inherited;
}

/// <summary>The hold's side table; see <see cref="GivenRecord"/>.</summary>
internal sealed class Given
{
    private readonly Rows<GivenRecord> _records = new();
    private readonly Rows<int> _seats = new();
    private readonly Rows<int> _passengers = new();

    public ref GivenRecord this[int hold] => ref _records[hold];

    public void Prefetch(int hold) => _records.Prefetch(hold);

    public ref GivenRecord Add(in Entry entry, int places)
    {
        ref var record = ref _records.Add();
        (record.First, record.From, record.To) = (_seats.Count, entry.From, entry.To);
        var seats = entry.Seats.AsSpan();
        for (var i = 0; i < places; i++) _seats.Add() = i < seats.Length ? seats[i] : PlacePool.NoSeat;
        return ref record;
    }

    public void AddPassenger(int passenger) => _passengers.Add() = passenger;

    public ref int SeatOf(in GivenRecord record, int place) => ref _seats[record.First + place];

    public int PassengerOf(in GivenRecord record, int place) => _passengers[record.First + place];
}

/// <summary>On which legs each passenger has a place already, or waits for one.</summary>
internal sealed class PassengerLegs(int legs)
{
    private readonly IdTable _ids = new();
    private readonly Rows<ulong> _masks = new();
    private readonly int _words = (legs + 63) / 64;

    public bool IsFree(ulong passenger, int from, int to)
    {
        var number = _ids.Find(passenger);
        if (number < 0) return true;
        for (var leg = from; leg < to; leg++)
        {
            if ((_masks[number * _words + (leg >> 6)] >> (leg & 63) & 1) != 0) return false;
        }

        return true;
    }

    public int NumberOf(ulong passenger)
    {
        var number = _ids.Find(passenger);
        if (number >= 0) return number;
        for (var i = 0; i < _words; i++) _masks.Add();
        return _ids.Add(passenger);
    }

    public ulong IdOf(int number) => (ulong)_ids[number];

    /// <summary>Takes free legs, or gives them back.</summary>
    public void Turn(int number, int from, int to)
    {
        for (var leg = from; leg < to; leg++) _masks[number * _words + (leg >> 6)] ^= 1UL << (leg & 63);
    }
}
