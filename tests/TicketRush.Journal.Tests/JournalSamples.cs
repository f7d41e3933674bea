using TicketRush.Engine;

namespace TicketRush.Journal.Tests;

/// <summary>Entries and batches to put into a journal, and what came out of one.</summary>
internal static class JournalSamples
{
    public static Plan Plan(string name = "谷雨 2026", int tiers = 2) => new()
    {
        Name = name,
        Venue = "国家大剧院 · 音乐厅",
        StartsAt = "2026-04-20 19:30",
        TimeZone = "Asia/Shanghai",
        Currency = "CNY",
        OpensAtMs = 1_776_000_000_000,
        ClosesAtMs = null,
        PaymentKind = PaymentKind.External,
        Pools = [new("hall", 2_000, 40)],
        Tiers = [.. Enumerable.Range(0, tiers).Select(i => new TierPlan($"tier-{i}", $"{i} 元票 \"池座\"", "hall", 18_000 + i))],
        Rules = new(HoldSeconds: 600, Extensions: 2, PerOrder: 6, PerBuyer: 6),
    };

    public static Entry Released(UInt128 hold) => new() { Kind = EntryKind.Released, Hold = new(hold) };

    public static Entry Random(Random random)
    {
        var kinds = Enum.GetValues<EntryKind>();
        return Random(random, kinds[random.Next(1, kinds.Length)]);
    }

    /// <summary>An entry of that kind, in which any field is as likely to be zero, or the greatest there is, as anything between.</summary>
    public static Entry Random(Random random, EntryKind kind)
    {
        var entry = new Entry { Kind = kind, By = (ushort)Wide(random) };
        if (kind is EntryKind.KeyNamed) return entry with { Name = Text(random, 40) };
        if (kind is EntryKind.Planned) return entry with { Plan = Plan(Text(random, 200), random.Next(1, 9)) };
        if (kind is EntryKind.Opened or EntryKind.Paused or EntryKind.Closed)
            return entry with { Key = new(Wide(random)), Content = (ulong)Wide(random) };

        if (kind is EntryKind.Numbered)
        {
            var numbers = Enumerable.Range(0, random.Next(2_000)).Select(_ => random.Next(3) == 0 ? 0 : random.Next()).ToArray();
            return entry with { Key = new(Wide(random)), Content = (ulong)Wide(random), Pool = (ushort)Wide(random), Numbers = numbers };
        }

        entry.Hold = new(Wide(random));
        if (kind is EntryKind.HeldPlaces or EntryKind.PurchasedPlaces or EntryKind.Exchanged or EntryKind.Waited) Places(random, ref entry);
        if (kind is EntryKind.Offered)
        {
            Places(random, ref entry);
            entry = new() { Kind = kind, Hold = entry.Hold, Seats = entry.Seats };
        }

        if (kind is EntryKind.Exchanged)
        {
            (entry.Of, entry.Tickets, entry.Amount, entry.UntilMs) = (new(Wide(random)), Wide(random), (long)(ulong)Wide(random),
                (long)(ulong)Wide(random));
            (entry.Reference, entry.FirstTicket) = (new(Wide(random)), (uint)Wide(random));
        }

        if (kind is EntryKind.HeldPlaces or EntryKind.Offered) entry.UntilMs = (long)(ulong)Wide(random);
        if (kind is EntryKind.PurchasedPlaces) (entry.Reference, entry.FirstTicket) = (new(Wide(random)), (uint)Wide(random));
        if (kind is EntryKind.Held or EntryKind.Purchased or EntryKind.HeldPlaces or EntryKind.PurchasedPlaces or EntryKind.Exchanged or EntryKind.Waited)
        {
            entry.Buyer = new(Wide(random));
            entry.Content = (ulong)Wide(random);
            for (var lines = random.Next(1, Lines.Max + 1); lines > 0; lines--)
                entry.Lines.Add((ushort)Wide(random), (ushort)((ushort)Wide(random) | 1), (long)(ulong)Wide(random) & long.MaxValue);
        }

        if (kind is EntryKind.Purchased or EntryKind.Paid or EntryKind.PaymentRefused) entry.Reference = new(Wide(random));
        if (kind is EntryKind.Extended or EntryKind.Refunded) (entry.Key, entry.Content) = (new(Wide(random)), (ulong)Wide(random));
        if (kind is EntryKind.Held or EntryKind.Extended) entry.UntilMs = (long)(ulong)Wide(random);
        if (kind is EntryKind.Purchased or EntryKind.Paid or EntryKind.Refunded) entry.FirstTicket = (uint)Wide(random);
        if (kind is EntryKind.PaymentRefused or EntryKind.Refunded) entry.Amount = (long)(ulong)Wide(random);
        if (kind is EntryKind.Paid) entry.Late = random.Next(2) == 0;
        if (kind is EntryKind.PaymentRefused) entry.Refusal = Enum.GetValues<Refusal>()[random.Next(Enum.GetValues<Refusal>().Length)];
        if (kind is EntryKind.Refunded)
            (entry.Tickets, entry.Resell, entry.Reason) = (Wide(random), random.Next(2) == 0, random.Next(3) == 0 ? "" : Text(random, 200));
        return entry;
    }

    /// <summary>Everything that an entry of its kind carries, as one text; two are equal when these are.</summary>
    public static string Describe(in Entry entry)
    {
        var lines = "";
        for (var i = 0; i < entry.Lines.Count; i++) lines += $" {entry.Lines[i].Tier}x{entry.Lines[i].Quantity}@{entry.Lines[i].Price}";
        return $"{entry.Kind} {entry.By} {entry.Name} {entry.Late} {entry.Resell} {entry.Refusal} {entry.Hold} {entry.Buyer} {entry.Reference} {entry.Key} "
            + $"{entry.Content} {entry.UntilMs} {entry.FirstTicket} {entry.Tickets} {entry.Amount}{lines} \"{entry.Reason}\" {entry.Of} {entry.Pool} "
            + $"{entry.From}-{entry.To} [{string.Join(' ', entry.Seats.AsSpan().ToArray())}] [{string.Join(
                ' ', entry.Passengers.AsSpan().ToArray())}] "
            + $"[{string.Join(' ', entry.Numbers ?? [])}]";
    }

    private static void Places(Random random, ref Entry entry)
    {
        (entry.From, entry.To) = ((ushort)Wide(random), (ushort)Wide(random));

        // Seats are written when one place has one; passengers are keyed hashes, and never zero.
        for (var seats = random.Next(PlanRules.PerOrderMax + 1); seats > 0; seats--)
            entry.Seats.Add(random.Next(3) == 0 && seats > 1 ? -1 : random.Next());
        for (var passengers = random.Next(PlanRules.PerOrderMax + 1); passengers > 0; passengers--)
            entry.Passengers.Add((ulong)Wide(random) | 1);
    }

    public static BatchBuffer Batch(params ReadOnlySpan<Entry> entries)
    {
        var batch = new BatchBuffer();
        foreach (ref readonly var entry in entries) batch.Add(entry);
        return batch;
    }

    private static UInt128 Wide(Random random) => random.Next(4) switch
    {
        0 => 0,
        1 => UInt128.MaxValue,
        _ => new((ulong)random.NextInt64(long.MinValue, long.MaxValue), (ulong)random.NextInt64(long.MinValue, long.MaxValue)),
    };

    private static string Text(Random random, int longest) =>
        string.Concat(Enumerable.Range(0, random.Next(1, longest / 2)).Select(_ => random.Next(5) switch
        {
            0 => ((char)random.Next(' ', '~')).ToString(),
            1 => "😀",
            _ => ((char)random.Next(0x4e00, 0x9fa5)).ToString(),
        }));
}

/// <summary>Keeps every batch that a journal gives.</summary>
internal sealed class Collector : IBatchReader
{
    public List<BatchHeader> Headers { get; } = [];

    public List<byte[]> Entries { get; } = [];

    /// <summary>Called before a batch is kept.</summary>
    public Action<BatchHeader> Before { get; set; } = _ => { };

    public void OnBatch(in BatchHeader header, ReadOnlySpan<byte> entries)
    {
        Before(header);
        Headers.Add(header);
        Entries.Add(entries.ToArray());
    }

    /// <summary>Whether these are the first of the other's batches, or all of them, byte by byte.</summary>
    public bool IsPrefixOf(Collector other) =>
        Headers.Count <= other.Headers.Count
        && Headers.Zip(other.Headers).All(pair => pair.First == pair.Second)
        && Entries.Zip(other.Entries).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));
}

/// <summary>A directory that goes away with the test.</summary>
internal sealed class ScratchDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("rush-journal-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
