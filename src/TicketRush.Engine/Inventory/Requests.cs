namespace TicketRush.Engine.Inventory;

/// <summary>What a request with an idempotency key was, and what it was told.</summary>
internal struct RequestRecord
{
    public ulong Content;
    public long Sequence;
    public long UntilMs;
    public UInt128 Tickets;
    public long Amount;
    public int Hold;
    public SaleState SaleState;
}

internal sealed class Requests
{
    private readonly IdTable _keys = new();
    private readonly Rows<RequestRecord> _records = new();

    public int Count => _records.Count;

    public ref RequestRecord this[int number] => ref _records[number];

    public int Find(RequestKey key) => key.IsNone ? -1 : _keys.Find(key.Value);

    public ref RequestRecord Add(RequestKey key)
    {
        _keys.Add(key.Value);
        return ref _records.Add();
    }
}
