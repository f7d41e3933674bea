namespace TicketRush.Engine.Inventory;

/// <summary>Every hold of a sale, by number, and the prices at which their places were decided.</summary>
internal sealed class Holds
{
    // A tier at a price. Offers are few (one more for each price change), so a hold's line is 4 bytes.
    private readonly record struct Offer(ushort Tier, long Price);

    private readonly IdTable _ids = new();
    private readonly Rows<HoldRecord> _records = new();
    private readonly Rows<uint> _lines = new();
    private readonly List<Offer> _offers = [];

    // A hall has a few offers, which are looked through; a train one for each journey and class, which are looked up.
    private const int FewOffers = 8;
    private readonly Dictionary<Offer, int> _offerNumbers = [];

    public Holds() => Due = new(_records);

    public int Count => _records.Count;
    public int OfferCount => _offers.Count;
    public ExpiryRing Due { get; }

    public ref HoldRecord this[int number] => ref _records[number];

    public void Reserve(int count) => _ids.Reserve(count);

    public int Find(HoldId id) => _ids.Find(id.Value);

    public HoldId IdOf(int number) => new(_ids[number]);

    public void Prefetch(HoldId id) => _ids.Prefetch(id.Value);

    /// <summary>Asks for the memory of a hold whose number is known.</summary>
    public void Prefetch(int number)
    {
        _ids.PrefetchId(number);
        _records.Prefetch(number);
    }

    public ref HoldRecord Add(in Entry entry, out int number)
    {
        number = _ids.Add(entry.Hold.Value);
        ref var record = ref _records.Add();
        record.LineCount = (byte)entry.Lines.Count;
        if (entry.Lines.Count == 1)
        {
            record.Line = Pack(entry.Lines[0]);
            return ref record;
        }

        record.Line = (uint)_lines.Count;
        for (var i = 0; i < entry.Lines.Count; i++) _lines.Add() = Pack(entry.Lines[i]);
        return ref record;
    }

    /// <summary>Appends the record's lines, with the prices at which they were decided.</summary>
    public void ReadLines(in HoldRecord record, ref PricedLines lines)
    {
        for (var i = 0; i < record.LineCount; i++)
        {
            var packed = record.LineCount == 1 ? record.Line : _lines[(int)record.Line + i];
            var offer = _offers[(int)(packed >> 16)];
            lines.Add(offer.Tier, (ushort)packed, offer.Price);
        }
    }

    public int PlacesOf(in HoldRecord record)
    {
        var places = 0;
        for (var i = 0; i < record.LineCount; i++) places += (ushort)(record.LineCount == 1 ? record.Line : _lines[(int)record.Line + i]);
        return places;
    }

    /// <summary>How many offers there would be if every price of a plan were sold at.</summary>
    public int OfferCountWith(Plan plan)
    {
        var more = new HashSet<Offer>();
        for (ushort tier = 0; tier < plan.Tiers.Length; tier++)
        {
            foreach (var price in plan.PricesOf(tier)) more.Add(new(tier, price));
        }

        more.ExceptWith(_offers);
        return _offers.Count + more.Count;
    }

    private uint Pack(in PricedLine line)
    {
        var offer = new Offer(line.Tier, line.Price);

        // The newest first: nearly every hold is decided at a price that is still good.
        var index = _offers.Count <= FewOffers ? _offers.LastIndexOf(offer) : _offerNumbers.GetValueOrDefault(offer, -1);
        if (index < 0)
        {
            index = _offers.Count;
            _offers.Add(offer);
            _offerNumbers.Add(offer, index);
        }

        return (uint)index << 16 | line.Quantity;
    }
}
