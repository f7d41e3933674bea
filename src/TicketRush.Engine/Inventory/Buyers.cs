namespace TicketRush.Engine.Inventory;

/// <summary>How many places each buyer has: live holds plus unrefunded tickets, over all orders.</summary>
internal sealed class Buyers
{
    private readonly IdTable _ids = new();
    private readonly Rows<int> _places = new();

    public int Count => _ids.Count;

    public BuyerId IdOf(int number) => new(_ids[number]);

    public ref int this[int number] => ref _places[number];

    public void Reserve(int count) => _ids.Reserve(count);

    public int Find(BuyerId buyer) => _ids.Find(buyer.Value);

    public int PlacesOf(BuyerId buyer)
    {
        var number = _ids.Find(buyer.Value);
        return number < 0 ? 0 : _places[number];
    }

    public int NumberOf(BuyerId buyer)
    {
        var number = _ids.Find(buyer.Value);
        if (number >= 0) return number;
        _places.Add();
        return _ids.Add(buyer.Value);
    }

    public void Prefetch(BuyerId buyer) => _ids.Prefetch(buyer.Value);
}
