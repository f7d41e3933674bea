using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace TicketRush.Journal.Audit;

/// <summary>The kinds of docs/JOURNAL.md. Written down a second time on purpose: the auditor shares no code with the writer.</summary>
internal enum AuditKind : byte
{
    Planned = 1,
    Opened = 2,
    Paused = 3,
    Closed = 4,
    Held = 5,
    Extended = 6,
    Paid = 7,
    Released = 8,
    Expired = 9,
    Refunded = 10,
    PaymentRefused = 11,
    Purchased = 12,
    KeyNamed = 13,
    HeldPlaces = 20,
    PurchasedPlaces = 21,
    Exchanged = 22,
    Waited = 23,
    Left = 24,
    Offered = 25,
    Numbered = 26,
}

internal readonly record struct AuditLine(long Price, ushort Tier, ushort Quantity);

[InlineArray(8)]
internal struct AuditLines
{
    private AuditLine _first;
}

/// <summary>One entry, read by docs/JOURNAL.md. Only the members that its kind has are set.</summary>
internal ref struct AuditEntry
{
    public AuditKind Kind;
    public bool Late, Resell;
    public byte Refusal;
    public ushort By;
    public UInt128 Hold, Of, Buyer, Reference, Key, Tickets;
    public int From, To;
    public uint Pool;

    /// <summary>By ticket; -1 for none. Empty when no place has one. Of Numbered: all its numbers.</summary>
    public int[] Seats = [];
    public ulong[] Passengers = [];
    public long UntilMs, Amount;
    public uint FirstTicket;
    public int LineCount;
    public AuditLines Lines;

    /// <summary>The plan, the reason or the name, UTF-8.</summary>
    public ReadOnlySpan<byte> Text;

    public readonly int Places
    {
        get
        {
            var places = 0;
            for (var i = 0; i < LineCount; i++) places += Lines[i].Quantity;
            return places;
        }
    }

    private const int LinesMax = 8;
    private const int PlacesMax = 100;

    public AuditEntry()
    {
    }

    public readonly bool HasLines =>
        Kind is AuditKind.Held or AuditKind.Purchased or AuditKind.HeldPlaces or AuditKind.PurchasedPlaces or AuditKind.Exchanged or AuditKind.Waited;

    /// <summary>Reads the entry that begins the bytes.</summary>
    /// <param name="bytes">What is left of the batch's entries.</param>
    /// <param name="length">How long the entry is; 0 when that cannot be told.</param>
    /// <returns>What is wrong with its bytes, or null.</returns>
    /// <exception cref="NewerFormatException">The kind is none of format 1.</exception>
    public static string? Read(ReadOnlySpan<byte> bytes, out AuditEntry entry, out int length)
    {
        entry = new();
        length = 0;
        if (bytes.Length < 8) return "the batch's entries end before its count says so";
        var said = BinaryPrimitives.ReadUInt32LittleEndian(bytes) & 0xff_ffff;
        if (said < 8 || said > bytes.Length || said % 8 != 0) return $"an entry says that it is {said} bytes long";

        length = (int)said;
        var (kind, flags, detail) = (bytes[4], bytes[5], bytes[3]);
        if (kind != 0 && !Enum.IsDefined((AuditKind)kind))
            throw new NewerFormatException($"An entry of kind {kind} was written by a newer TicketRush.");
        if (kind == 0) return "an entry of kind 0 is none";

        entry.Kind = (AuditKind)kind;
        entry.Late = (flags & 1) != 0;
        entry.Resell = (flags & 2) != 0;
        entry.By = BinaryPrimitives.ReadUInt16LittleEndian(bytes[6..]);

        var flagsAllowed = entry.Kind switch { AuditKind.Paid => 1, AuditKind.Refunded => 2, _ => 0 };
        if ((flags & ~flagsAllowed) != 0) return $"an entry {entry.Kind} has flags {flags}";
        if (entry.HasLines ? detail is 0 or > LinesMax : detail != 0 && entry.Kind != AuditKind.PaymentRefused)
            return entry.HasLines ? $"an entry {entry.Kind} has {detail} lines" : $"an entry {entry.Kind} has {detail} where zero belongs";
        if (entry.HasLines) entry.LineCount = detail;
        else entry.Refusal = detail;

        var from = new Fields(bytes[8..length]);
        switch (entry.Kind)
        {
            case AuditKind.Held or AuditKind.Purchased or AuditKind.HeldPlaces or AuditKind.PurchasedPlaces or AuditKind.Exchanged or AuditKind.Waited:
                entry.Hold = from.Id();
                if (entry.Kind == AuditKind.Exchanged) entry.Of = from.Id();
                entry.Buyer = from.Id();
                from.Number(); // The content hash: it names what was asked, and no rule of the sale depends on it.
                if (entry.Kind is AuditKind.Held or AuditKind.HeldPlaces)
                {
                    entry.UntilMs = from.Number();
                }
                else if (entry.Kind == AuditKind.Exchanged)
                {
                    entry.Reference = from.Id();
                    entry.Tickets = from.Id();
                    entry.Amount = from.Number();
                    entry.UntilMs = from.Number();
                    entry.FirstTicket = from.Small();
                }
                else if (entry.Kind != AuditKind.Waited)
                {
                    entry.Reference = from.Id();
                    entry.FirstTicket = from.Small();
                }

                for (var i = 0; i < detail; i++)
                {
                    var price = from.Number();
                    var packed = from.Small();
                    entry.Lines[i] = new(price, (ushort)packed, (ushort)(packed >> 16));
                }

                if (entry.Kind is not (AuditKind.Held or AuditKind.Purchased))
                    (entry.From, entry.To, entry.Seats, entry.Passengers) = from.Places(PlacesMax);
                break;
            case AuditKind.Offered:
                entry.Hold = from.Id();
                entry.UntilMs = from.Number();
                (entry.From, entry.To, entry.Seats, entry.Passengers) = from.Places(PlacesMax);
                if (entry.From != 0 || entry.To != 0 || entry.Passengers.Length > 0) return "an offer names a journey or passengers";
                break;
            case AuditKind.Numbered:
                entry.Key = from.Id();
                from.Number();
                entry.Pool = from.Small();
                entry.Seats = from.Seats(from.Small());
                break;
            case AuditKind.Extended:
                entry.Hold = from.Id();
                entry.Key = from.Id();
                from.Number();
                entry.UntilMs = from.Number();
                break;
            case AuditKind.Paid:
                entry.Hold = from.Id();
                entry.Reference = from.Id();
                entry.FirstTicket = from.Small();
                break;
            case AuditKind.PaymentRefused:
                entry.Hold = from.Id();
                entry.Reference = from.Id();
                entry.Amount = from.Number();
                break;
            case AuditKind.Released or AuditKind.Expired or AuditKind.Left:
                entry.Hold = from.Id();
                break;
            case AuditKind.Refunded:
                entry.Hold = from.Id();
                entry.Key = from.Id();
                from.Number();
                entry.Tickets = from.Id();
                entry.Amount = from.Number();
                entry.FirstTicket = from.Small();
                entry.Text = from.Text();
                break;
            case AuditKind.Planned or AuditKind.KeyNamed:
                entry.Text = from.Text();
                break;
            default:
                entry.Key = from.Id();
                from.Number();
                break;
        }

        return from.IsDone ? null : $"an entry {entry.Kind} is {length} bytes long, or has bytes set where zeros belong";
    }

    // Never reads outside: a field that is not there is zero, and the entry is not done.
    private ref struct Fields(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> _rest = bytes;
        private bool _failed;

        public readonly bool IsDone => !_failed && _rest.IsEmpty;

        public UInt128 Id() => Take(16) is { IsEmpty: false } taken ? BinaryPrimitives.ReadUInt128LittleEndian(taken) : 0;

        public long Number() => Take(8) is { IsEmpty: false } taken ? BinaryPrimitives.ReadInt64LittleEndian(taken) : 0;

        public uint Small()
        {
            var wide = Number();
            _failed |= wide is < 0 or > uint.MaxValue;
            return (uint)wide;
        }

        /// <summary>Seats as they are written: one more than the seat, 0 for none, and zeros to a multiple of 8.</summary>
        public int[] Seats(uint count)
        {
            if (count > _rest.Length / 4)
            {
                _failed = true;
                return [];
            }

            var seats = new int[count];
            var bytes = Take((int)(count * 4 + 7 & ~7u));
            for (var i = 0; i < seats.Length; i++)
            {
                var seat = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(i * 4)..]);
                _failed |= seat > int.MaxValue;
                seats[i] = (int)seat - 1;
            }

            _failed |= bytes[(seats.Length * 4)..].ContainsAnyExcept((byte)0);
            return seats;
        }

        public (int From, int To, int[] Seats, ulong[] Passengers) Places(int most)
        {
            var packed = (ulong)Number();
            var (seats, passengers) = ((uint)(packed >> 32 & 0xffff), (uint)(packed >> 48));
            _failed |= seats > most || passengers > most;
            if (_failed) return (0, 0, [], []);

            var (named, who) = (Seats(seats), new ulong[passengers]);
            foreach (ref var passenger in who.AsSpan()) passenger = (ulong)Number();
            return ((int)(packed & 0xffff), (int)(packed >> 16 & 0xffff), named, who);
        }

        public ReadOnlySpan<byte> Text()
        {
            var length = Small();
            if (length > _rest.Length)
            {
                _failed = true;
                return default;
            }

            var padded = Take((int)(length + 7 & ~7u));
            if (padded.IsEmpty) return default;
            _failed |= padded[(int)length..].ContainsAnyExcept((byte)0) || !System.Text.Unicode.Utf8.IsValid(padded[..(int)length]);
            return padded[..(int)length];
        }

        private ReadOnlySpan<byte> Take(int count)
        {
            if (count > _rest.Length)
            {
                _failed = true;
                return default;
            }

            var taken = _rest[..count];
            _rest = _rest[count..];
            return taken;
        }
    }
}
