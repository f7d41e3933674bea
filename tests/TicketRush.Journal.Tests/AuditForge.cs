using TicketRush.Engine;
using TicketRush.Journal.Audit;
using TicketRush.Journal.Files;

namespace TicketRush.Journal.Tests;

/// <summary>
/// Writes journals that nobody decided: any entries in any order, sealed with right hashes. What is wrong with them, only an
/// auditor that knows the rules can say.
/// </summary>
internal sealed class AuditForge : IDisposable
{
    public const long T0 = 1_700_000_000_000;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("rush-audit");
    private readonly List<byte> _file;

    public Tail Tail;

    public AuditForge()
    {
        var header = FileHeader.Write("forged", T0);
        _file = [.. header];
        Tail = new(0, 0, ChainHash.Read(header), FileHeader.Size);
    }

    public string Path => System.IO.Path.Combine(_directory.FullName, "forged.rush");

    public static Plan ThePlan { get; } = new()
    {
        Name = "Forged", Venue = "", StartsAt = "", TimeZone = "UTC", Currency = "EUR", PaymentKind = PaymentKind.External,
        OpensAtMs = T0 + 10_000, ClosesAtMs = T0 + 1_000_000,
        Pools = [new("floor", 10, 2), new("box", 4, 0)],
        Tiers = [new("adult", "Adult", "floor", 100), new("child", "Child", "floor", 50), new("box", "Box", "box", 900)],
        Rules = new(HoldSeconds: 60, Extensions: 1, PerOrder: 4, PerBuyer: 5),
    };

    /// <summary>One batch, so many milliseconds after the sale was planned.</summary>
    public AuditForge At(long afterMs, params ReadOnlySpan<Entry> entries)
    {
        var batch = new BatchBuffer();
        foreach (var entry in entries) batch.Add(entry);
        _file.AddRange(batch.Seal(ref Tail, T0 + afterMs));
        return this;
    }

    /// <summary>Changes bytes of the last batch and gives it right hashes again.</summary>
    public void Reseal(Action<byte[]> change)
    {
        var length = (int)BitConverter.ToUInt32([.. _file], _file.Count - 512 + 72);
        Assert.Equal(512, length);
        var batch = _file.GetRange(_file.Count - length, length).ToArray();
        change(batch);
        BitConverter.TryWriteBytes(batch.AsSpan(100), BatchHeader.Crc32C(batch.AsSpan(32..100)));
        System.Security.Cryptography.SHA256.HashData(batch.AsSpan(32), batch);
        _file.RemoveRange(_file.Count - length, length);
        _file.AddRange(batch);
        Tail = Tail with { Hash = ChainHash.Read(batch) };
    }

    public void Save() => File.WriteAllBytes(Path, [.. _file]);

    public AuditResult Audit()
    {
        Save();
        using var auditor = new Auditor(Path);
        return auditor.Verify();
    }

    public static Entry Planned(Plan? plan = null) => new() { Kind = EntryKind.Planned, Plan = plan ?? ThePlan };

    public static Entry Named(ushort number, string name) => new() { Kind = EntryKind.KeyNamed, By = number, Name = name };

    public static Entry Office(EntryKind kind, ulong key = 0) => new() { Kind = kind, Key = new(key) };

    public static Entry Held(ulong hold, ulong buyer, long untilMs, params ReadOnlySpan<(int Tier, int Quantity, long Price)> lines) =>
        Placed(new() { Kind = EntryKind.Held, Hold = new(hold), Buyer = new(buyer), UntilMs = T0 + untilMs }, lines);

    public static Entry Purchased(ulong hold, ulong buyer, uint ticket, params ReadOnlySpan<(int Tier, int Quantity, long Price)> lines) =>
        Placed(new() { Kind = EntryKind.Purchased, Hold = new(hold), Buyer = new(buyer), Reference = new(hold + 1000),
            FirstTicket = ticket }, lines);

    public static Entry Extended(ulong hold, long untilMs, ulong key = 0) =>
        new() { Kind = EntryKind.Extended, Hold = new(hold), UntilMs = T0 + untilMs, Key = new(key) };

    public static Entry Paid(ulong hold, uint ticket, bool late = false, ulong reference = 0) =>
        new() { Kind = EntryKind.Paid, Hold = new(hold), Reference = new(reference == 0 ? hold + 1000 : reference), FirstTicket = ticket,
            Late = late };

    public static Entry Released(ulong hold) => new() { Kind = EntryKind.Released, Hold = new(hold) };

    public static Entry Expired(ulong hold) => new() { Kind = EntryKind.Expired, Hold = new(hold) };

    public static Entry Refunded(ulong hold, uint ticket, ulong tickets, long amount, ulong key = 0, bool resell = true) => new()
    {
        Kind = EntryKind.Refunded, Hold = new(hold), FirstTicket = ticket, Tickets = tickets, Amount = amount, Key = new(key),
            Resell = resell,
        Reason = "asked for",
    };

    public static Entry Refused(ulong hold, Refusal refusal, long amount, ulong reference = 7) =>
        new() { Kind = EntryKind.PaymentRefused, Hold = new(hold), Refusal = refusal, Amount = amount, Reference = new(reference) };

    public void Dispose() => _directory.Delete(true);

    private static Entry Placed(Entry entry, ReadOnlySpan<(int Tier, int Quantity, long Price)> lines)
    {
        foreach (var (tier, quantity, price) in lines) entry.Lines.Add((ushort)tier, (ushort)quantity, price);
        return entry;
    }
}
