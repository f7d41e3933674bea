using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using TicketRush.Engine;

namespace TicketRush.Journal;

/// <summary>
/// Entries as bytes. Every entry starts on a multiple of 8 and with the same 8 bytes; docs/JOURNAL.md has the rest by kind.
/// <code>
///   0 length, 3 bytes | 3 lines, or the refusal | 4 kind | 5 flags | 6 by, 2 bytes | 8 ...
/// </code>
/// No entry holds 512 zero bytes in a row (the long ones are text without a zero byte), and what fills a batch's last sector
/// is not zero: a sector of zeros was never written.
/// </summary>
internal static class EntryCodec
{
    public const int HeadSize = 8;
    private const int LineSize = 16;
    private const byte LateFlag = 1, ResellFlag = 2;

    /// <summary>The most bytes that any entry without a text takes.</summary>
    public const int ShortMax = HeadSize + 72 + Lines.Max * LineSize;

    /// <summary>Not less than what encoding the entry will take.</summary>
    public static int LengthMax(in Entry entry) => entry.Kind switch
    {
        EntryKind.Planned => ShortMax + PlanText(entry.Plan!).Length,
        EntryKind.Refunded => ShortMax + Encoding.UTF8.GetMaxByteCount(entry.Reason?.Length ?? 0),
        EntryKind.KeyNamed => ShortMax + Encoding.UTF8.GetMaxByteCount(entry.Name?.Length ?? 0),
        EntryKind.HeldPlaces or EntryKind.PurchasedPlaces or EntryKind.Exchanged or EntryKind.Waited or EntryKind.Offered =>
            HeadSize + 136 + entry.Lines.Count * LineSize + 16 + 4 * entry.Seats.Count + 8 * entry.Passengers.Count,
        EntryKind.Numbered => ShortMax + 4 * entry.Numbers!.Length,
        _ => ShortMax,
    };

    public static int Encode(in Entry entry, Span<byte> target)
    {
        var to = new Writer(target) { At = HeadSize };
        var detail = 0;
        switch (entry.Kind)
        {
            case EntryKind.Purchased:
                to.Put(entry.Hold.Value);
                to.Put(entry.Buyer.Value);
                to.Put(entry.Content);
                to.Put(entry.Reference.Value);
                to.Put(entry.FirstTicket);
                detail = PutLines(entry, ref to);
                break;
            case EntryKind.Held:
                to.Put(entry.Hold.Value);
                to.Put(entry.Buyer.Value);
                to.Put(entry.Content);
                to.Put((ulong)entry.UntilMs);
                detail = PutLines(entry, ref to);
                break;
            case EntryKind.Extended:
                to.Put(entry.Hold.Value);
                to.Put(entry.Key.Value);
                to.Put(entry.Content);
                to.Put((ulong)entry.UntilMs);
                break;
            case EntryKind.Paid:
                to.Put(entry.Hold.Value);
                to.Put(entry.Reference.Value);
                to.Put(entry.FirstTicket);
                break;
            case EntryKind.PaymentRefused:
                to.Put(entry.Hold.Value);
                to.Put(entry.Reference.Value);
                to.Put((ulong)entry.Amount);
                detail = (byte)entry.Refusal;
                break;
            case EntryKind.Released or EntryKind.Expired:
                to.Put(entry.Hold.Value);
                break;
            case EntryKind.Refunded:
                to.Put(entry.Hold.Value);
                to.Put(entry.Key.Value);
                to.Put(entry.Content);
                to.Put(entry.Tickets);
                to.Put((ulong)entry.Amount);
                to.Put(entry.FirstTicket);
                to.PutText(Encoding.UTF8.GetBytes(entry.Reason ?? ""));
                break;
            case EntryKind.Planned:
                to.PutText(PlanText(entry.Plan!));
                break;
            case EntryKind.Opened or EntryKind.Paused or EntryKind.Closed:
                to.Put(entry.Key.Value);
                to.Put(entry.Content);
                break;
            case EntryKind.KeyNamed:
                to.PutText(Encoding.UTF8.GetBytes(entry.Name ?? ""));
                break;
            case EntryKind.PurchasedPlaces:
                to.Put(entry.Hold.Value);
                to.Put(entry.Buyer.Value);
                to.Put(entry.Content);
                to.Put(entry.Reference.Value);
                to.Put(entry.FirstTicket);
                detail = PutLines(entry, ref to);
                PutPlaces(entry.From, entry.To, entry.Seats.AsSpan(), entry.Passengers.AsSpan(), ref to);
                break;
            case EntryKind.HeldPlaces:
                to.Put(entry.Hold.Value);
                to.Put(entry.Buyer.Value);
                to.Put(entry.Content);
                to.Put((ulong)entry.UntilMs);
                detail = PutLines(entry, ref to);
                PutPlaces(entry.From, entry.To, entry.Seats.AsSpan(), entry.Passengers.AsSpan(), ref to);
                break;
            case EntryKind.Exchanged:
                to.Put(entry.Hold.Value);
                to.Put(entry.Of.Value);
                to.Put(entry.Buyer.Value);
                to.Put(entry.Content);
                to.Put(entry.Reference.Value);
                to.Put(entry.Tickets);
                to.Put((ulong)entry.Amount);
                to.Put((ulong)entry.UntilMs);
                to.Put(entry.FirstTicket);
                detail = PutLines(entry, ref to);
                PutPlaces(entry.From, entry.To, entry.Seats.AsSpan(), entry.Passengers.AsSpan(), ref to);
                break;
            case EntryKind.Waited:
                to.Put(entry.Hold.Value);
                to.Put(entry.Buyer.Value);
                to.Put(entry.Content);
                detail = PutLines(entry, ref to);
                PutPlaces(entry.From, entry.To, entry.Seats.AsSpan(), entry.Passengers.AsSpan(), ref to);
                break;
            case EntryKind.Left:
                to.Put(entry.Hold.Value);
                break;
            case EntryKind.Offered:
                to.Put(entry.Hold.Value);
                to.Put((ulong)entry.UntilMs);
                PutPlaces(0, 0, entry.Seats.AsSpan(), [], ref to);
                break;
            case EntryKind.Numbered:
                to.Put(entry.Key.Value);
                to.Put(entry.Content);
                to.Put(entry.Pool);
                to.Put((uint)entry.Numbers!.Length);
                to.PutSeats(entry.Numbers);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(entry), entry.Kind, "Not an entry.");
        }

        BinaryPrimitives.WriteInt32LittleEndian(target, to.At | detail << 24);
        target[4] = (byte)entry.Kind;
        target[5] = (byte)((entry.Kind == EntryKind.Paid && entry.Late ? LateFlag : 0)
            | (entry.Kind == EntryKind.Refunded && entry.Resell ? ResellFlag : 0));
        BinaryPrimitives.WriteUInt16LittleEndian(target[6..], entry.By);
        return to.At;
    }

    /// <summary>Reads one entry, and how long it is.</summary>
    /// <exception cref="NewerFormatException">The kind is none that this program knows.</exception>
    /// <exception cref="InvalidDataException">The bytes are no entry, although their hash is right: whoever wrote them was
    /// broken.</exception>
    public static int Decode(ReadOnlySpan<byte> source, ref Entry entry)
    {
        if (source.Length < HeadSize) throw new InvalidDataException("The batch has fewer entries than it says.");
        var from = new Reader(source[..HeadSize]);
        var head = from.Take32();
        var (length, detail) = ((int)(head & 0xff_ffff), (byte)(head >> 24));
        if (length < HeadSize || length > source.Length || length % 8 != 0)
            throw new InvalidDataException($"An entry is {length} bytes long.");

        entry.Kind = (EntryKind)source[4];
        entry.Late = (source[5] & LateFlag) != 0;
        entry.Resell = (source[5] & ResellFlag) != 0;
        entry.By = BinaryPrimitives.ReadUInt16LittleEndian(source[6..]);
        from = new Reader(source[HeadSize..length]);
        switch (entry.Kind)
        {
            case EntryKind.Purchased:
                entry.Hold = new(from.Take128());
                entry.Buyer = new(from.Take128());
                entry.Content = from.Take64();
                entry.Reference = new(from.Take128());
                entry.FirstTicket = from.TakePadded32();
                TakeLines(detail, ref from, ref entry);
                break;
            case EntryKind.Held:
                entry.Hold = new(from.Take128());
                entry.Buyer = new(from.Take128());
                entry.Content = from.Take64();
                entry.UntilMs = (long)from.Take64();
                TakeLines(detail, ref from, ref entry);
                break;
            case EntryKind.Extended:
                entry.Hold = new(from.Take128());
                entry.Key = new(from.Take128());
                entry.Content = from.Take64();
                entry.UntilMs = (long)from.Take64();
                break;
            case EntryKind.Paid:
                entry.Hold = new(from.Take128());
                entry.Reference = new(from.Take128());
                entry.FirstTicket = from.TakePadded32();
                break;
            case EntryKind.PaymentRefused:
                entry.Hold = new(from.Take128());
                entry.Reference = new(from.Take128());
                entry.Amount = (long)from.Take64();
                entry.Refusal = (Refusal)detail;
                break;
            case EntryKind.Released or EntryKind.Expired:
                entry.Hold = new(from.Take128());
                break;
            case EntryKind.Refunded:
                entry.Hold = new(from.Take128());
                entry.Key = new(from.Take128());
                entry.Content = from.Take64();
                entry.Tickets = from.Take128();
                entry.Amount = (long)from.Take64();
                entry.FirstTicket = from.TakePadded32();
                entry.Reason = Encoding.UTF8.GetString(from.TakeText());
                break;
            case EntryKind.Planned:
                entry.Plan = ReadPlan(from.TakeText());
                break;
            case EntryKind.Opened or EntryKind.Paused or EntryKind.Closed:
                entry.Key = new(from.Take128());
                entry.Content = from.Take64();
                break;
            case EntryKind.KeyNamed:
                entry.Name = Encoding.UTF8.GetString(from.TakeText());
                break;
            case EntryKind.PurchasedPlaces:
                entry.Hold = new(from.Take128());
                entry.Buyer = new(from.Take128());
                entry.Content = from.Take64();
                entry.Reference = new(from.Take128());
                entry.FirstTicket = from.TakePadded32();
                TakeLines(detail, ref from, ref entry);
                TakePlaces(ref from, ref entry);
                break;
            case EntryKind.HeldPlaces:
                entry.Hold = new(from.Take128());
                entry.Buyer = new(from.Take128());
                entry.Content = from.Take64();
                entry.UntilMs = (long)from.Take64();
                TakeLines(detail, ref from, ref entry);
                TakePlaces(ref from, ref entry);
                break;
            case EntryKind.Exchanged:
                entry.Hold = new(from.Take128());
                entry.Of = new(from.Take128());
                entry.Buyer = new(from.Take128());
                entry.Content = from.Take64();
                entry.Reference = new(from.Take128());
                entry.Tickets = from.Take128();
                entry.Amount = (long)from.Take64();
                entry.UntilMs = (long)from.Take64();
                entry.FirstTicket = from.TakePadded32();
                TakeLines(detail, ref from, ref entry);
                TakePlaces(ref from, ref entry);
                break;
            case EntryKind.Waited:
                entry.Hold = new(from.Take128());
                entry.Buyer = new(from.Take128());
                entry.Content = from.Take64();
                TakeLines(detail, ref from, ref entry);
                TakePlaces(ref from, ref entry);
                break;
            case EntryKind.Left:
                entry.Hold = new(from.Take128());
                break;
            case EntryKind.Offered:
                entry.Hold = new(from.Take128());
                entry.UntilMs = (long)from.Take64();
                TakePlaces(ref from, ref entry);
                break;
            case EntryKind.Numbered:
                entry.Key = new(from.Take128());
                entry.Content = from.Take64();
                entry.Pool = (ushort)from.TakePadded32();
                entry.Numbers = new int[from.TakeCount()];
                from.TakeSeats(entry.Numbers);
                break;
            default:
                throw new NewerFormatException($"An entry of kind {source[4]} was written by a newer TicketRush.");
        }

        return length;
    }

    private static int PutLines(in Entry entry, ref Writer to)
    {
        for (var i = 0; i < entry.Lines.Count; i++)
        {
            var (price, tier, quantity) = entry.Lines[i];
            to.Put((ulong)price);
            to.Put((uint)(tier | quantity << 16));
        }

        return entry.Lines.Count;
    }

    private static void TakeLines(int count, ref Reader from, ref Entry entry)
    {
        if (count is 0 or > Lines.Max) throw new InvalidDataException($"An entry has {count} lines.");
        entry.Lines.Clear();
        for (; count > 0; count--)
        {
            var price = (long)from.Take64();
            var packed = from.TakePadded32();
            entry.Lines.Add((ushort)packed, (ushort)(packed >> 16), price);
        }
    }

    // Where no place has a seat, none is written.
    private static void PutPlaces(ushort from, ushort until, scoped ReadOnlySpan<int> seats, scoped ReadOnlySpan<ulong> passengers,
        ref Writer to)
    {
        if (!seats.ContainsAnyExcept(-1)) seats = [];
        to.Put(from | (ulong)until << 16 | (ulong)seats.Length << 32 | (ulong)passengers.Length << 48);
        to.PutSeats(seats);
        foreach (var passenger in passengers) to.Put(passenger);
    }

    private static void TakePlaces(ref Reader from, ref Entry entry)
    {
        var packed = from.Take64();
        var (seats, passengers) = ((int)(packed >> 32 & 0xffff), (int)(packed >> 48));
        if (seats > PlanRules.PerOrderMax || passengers > PlanRules.PerOrderMax)
            throw new InvalidDataException($"An entry has {seats} seats and {passengers} passengers.");
        (entry.From, entry.To) = ((ushort)packed, (ushort)(packed >> 16));
        entry.Seats.Clear();
        entry.Passengers.Clear();
        Span<int> taken = stackalloc int[PlanRules.PerOrderMax];
        from.TakeSeats(taken[..seats]);
        foreach (var seat in taken[..seats]) entry.Seats.Add(seat);
        for (; passengers > 0; passengers--) entry.Passengers.Add(from.Take64());
    }

    private static byte[] PlanText(Plan plan) => JsonSerializer.SerializeToUtf8Bytes(plan, PlanJson.Default.Plan);

    private static Plan ReadPlan(ReadOnlySpan<byte> text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, PlanJson.Default.Plan)!;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("A plan in the journal is no plan: " + e.Message, e);
        }
    }

    // Every field starts on a multiple of 8, so that an entry is a multiple of 8 long whatever is in it.
    private ref struct Writer(Span<byte> target)
    {
        private readonly Span<byte> _target = target;
        public int At;

        public void Put(UInt128 value)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(_target[At..], value);
            At += 16;
        }

        public void Put(ulong value)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(_target[At..], value);
            At += 8;
        }

        public void Put(uint value) => Put((ulong)value);

        public void PutSeats(scoped ReadOnlySpan<int> seats)
        {
            foreach (var seat in seats)
            {
                // One more than the seat, so that many a first seat is no sector of zeros; 0 is none.
                BinaryPrimitives.WriteInt32LittleEndian(_target[At..], seat + 1);
                At += 4;
            }

            if (seats.Length % 2 == 0) return;
            _target.Slice(At, 4).Clear();
            At += 4;
        }

        public void PutText(ReadOnlySpan<byte> text)
        {
            Put((uint)text.Length);
            text.CopyTo(_target[At..]);
            var padded = (text.Length + 7) & ~7;
            _target[(At + text.Length)..(At + padded)].Clear();
            At += padded;
        }
    }

    private ref struct Reader(ReadOnlySpan<byte> source)
    {
        private ReadOnlySpan<byte> _rest = source;

        public UInt128 Take128() => BinaryPrimitives.ReadUInt128LittleEndian(Take(16));

        public ulong Take64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

        public uint Take32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

        public uint TakePadded32() => (uint)Take64();

        /// <summary>How many seats follow; never more than there are bytes for.</summary>
        public int TakeCount()
        {
            var count = TakePadded32();
            return count <= _rest.Length / 4 ? (int)count : throw new InvalidDataException($"An entry has {count} seats.");
        }

        public void TakeSeats(scoped Span<int> seats)
        {
            foreach (ref var seat in seats) seat = (int)Take32() - 1;
            if (seats.Length % 2 != 0) Take32();
        }

        public ReadOnlySpan<byte> TakeText()
        {
            var length = (int)TakePadded32();
            if (length < 0 || length > _rest.Length) throw new InvalidDataException($"A text in an entry is {length} bytes long.");
            return Take((length + 7) & ~7)[..length];
        }

        private ReadOnlySpan<byte> Take(int count)
        {
            if (count > _rest.Length) throw new InvalidDataException("An entry ends before its last field.");
            var taken = _rest[..count];
            _rest = _rest[count..];
            return taken;
        }
    }
}

/// <summary>The plan as it stands in the journal: the engine's own names and units, every member written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, RespectNullableAnnotations = true,
    IgnoreReadOnlyProperties = true)]
[JsonSerializable(typeof(Plan))]
internal sealed partial class PlanJson : JsonSerializerContext;
