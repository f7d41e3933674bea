using TicketRush.Journal.Audit;
using TicketRush.Journal.Files;
using TicketRush.Journal.Postgres;

namespace TicketRush.Journal;

/// <summary>Where a sale is: a file in a data directory, or a row of a database.</summary>
/// <param name="Store">The directory or the database.</param>
/// <param name="Sale">Its name there.</param>
public sealed record SalePlace(ISaleStore Store, string Sale)
{
    internal Auditor Audit(PostgresOptions? database) => Store is DataDirectory directory
        ? new(directory.JournalPath(Sale))
        : Auditor.OfPostgres(database!, Sale);
}

/// <summary>
/// Copies a sale from one store to another, byte for byte, and holds what arrived against what was sent with the auditor, which shares no code
/// with this. The hash chain goes on there as if nothing had happened, and receipts stay good.
/// </summary>
public static class SaleCopy
{
    public const string AsideExtension = ".moved";

    /// <param name="from">The sale; not open for sale, or what it sells meanwhile would be sold in one place only.</param>
    /// <param name="to">Where to; there must be none of that name.</param>
    /// <param name="database">The database that one of them, or both, are in; null when neither is.</param>
    /// <param name="move">Sets the original aside, so that only the copy can be sold from.</param>
    /// <returns>The account of what arrived.</returns>
    /// <exception cref="JournalRefusedException">It cannot be copied as things are; nothing was changed.</exception>
    /// <exception cref="JournalDamagedException">It is damaged.</exception>
    /// <exception cref="IOException">It could not be written.</exception>
    public static AuditResult Run(SalePlace from, SalePlace to, PostgresOptions? database, bool move)
    {
        if (from.Sale != to.Sale) throw new JournalRefusedException($"A sale keeps its name, which stands in its journal: {from.Sale}, not {to.Sale}.");
        if (!from.Store.Has(from.Sale)) throw new JournalRefusedException($"There is no sale {from.Sale} in {from.Store.Name}.");
        if (to.Store.Has(to.Sale)) throw new JournalRefusedException($"There is a sale {to.Sale} in {to.Store.Name} already.");
        ShareKeys(from.Store, to.Store);

        using var auditor = from.Audit(database);
        var sent = auditor.Verify();
        if (sent.Verdict == AuditVerdict.Damaged) throw new JournalDamagedException($"{from.Sale} in {from.Store.Name} is damaged: `rush verify` says where.", sent.Problems[0].Sequence, 0);
        if (sent.State == "Open") throw new JournalRefusedException($"{from.Sale} is open. Pause or close it first, so that nothing is sold while it moves.");

        var tail = new Tail(sent.Sequences, sent.LastTimeMs, ChainHash.Read(Convert.FromHexString(sent.Hash)), sent.Length);
        if (!Write(auditor.Source, tail, to)) throw new JournalRefusedException($"There is a sale {to.Sale} in {to.Store.Name} already.");
        try
        {
            using var arrival = to.Audit(database);
            var arrived = arrival.Verify();
            if (arrived.Verdict != AuditVerdict.Good || (arrived.Sequences, arrived.Hash, arrived.Length) != (sent.Sequences, sent.Hash, sent.Length))
                throw new IOException($"What arrived in {to.Store.Name} is not what was sent: sequence {arrived.Sequences} of {sent.Sequences}, hash {arrived.Hash}.");
            if (move ? !TrySetAside(from, tail) : HasGoneOn(from, tail))
                throw new IOException($"{from.Sale} went on while it was copied, by a payment or a hold that ran out. Try again.");
            return arrived;
        }
        catch
        {
            // A copy that lacks something must not be there to be sold from.
            if (to.Store is PostgresStore store) store.Remove(to.Sale);
            else File.Delete(((DataDirectory)to.Store).JournalPath(to.Sale));
            throw;
        }
    }

    /// <summary>Holds and orders are found by hashes of their ids: under other keys nobody would ever find his again.</summary>
    private static void ShareKeys(ISaleStore from, ISaleStore to)
    {
        var (here, there) = (IdentityKeys.Open(from.Secrets), IdentityKeys.Open(to.Secrets));
        if (here == there) return;
        if (to.Sales().Any())
        {
            throw new JournalRefusedException(
                $"{to.Name} has sales under other identity keys than {from.Name}: holds and orders would not be found by their ids there. "
                + "A sale can only move to a store that has none, or that got its keys by an earlier copy from here.");
        }

        to.Secrets.Change(IdentityKeys.SecretName, _ => here.Text);
    }

    private static bool Write(AuditSource source, Tail tail, SalePlace to)
    {
        var header = source.At(0, FileHeader.Size).ToArray();
        if (to.Store is PostgresStore store) return store.TryAdd(to.Sale, header, tail, Batches(source, tail));

        var path = ((DataDirectory)to.Store).JournalPath(to.Sale);
        var temporary = $"{path}.{Guid.NewGuid():N}";
        try
        {
            using (var file = File.OpenHandle(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                RandomAccess.Write(file, header, 0);
                var offset = (long)FileHeader.Size;
                foreach (var (_, batch) in Batches(source, tail))
                {
                    RandomAccess.Write(file, batch.Span, offset);
                    offset += batch.Length;
                }

                Platform.Current.FlushData(file);
            }
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }

        if (!Platform.Current.TryPublish(temporary, path)) return false;
        Platform.Current.FlushDirectory(Path.GetDirectoryName(path)!);
        return true;
    }

    private static IEnumerable<(long First, ReadOnlyMemory<byte> Batch)> Batches(AuditSource source, Tail tail)
    {
        for (var offset = (long)FileHeader.Size; offset < tail.Offset;)
        {
            if (!BatchHeader.TryRead(source.At(offset, BatchHeader.SectorSize), out var header)) throw new IOException($"The batch at byte {offset} cannot be read any more.");
            yield return (header.FirstSequence, source.At(offset, header.Length).ToArray());
            offset += header.Length;
        }
    }

    private static bool HasGoneOn(SalePlace place, Tail tail)
    {
        using var journal = place.Store.Open(place.Sale);
        journal.TakeTurn(Nobody.Instance);
        journal.ReleaseTurn();
        return journal.Tail.Sequence != tail.Sequence;
    }

    private static bool TrySetAside(SalePlace place, Tail tail)
    {
        if (place.Store is PostgresStore store) return store.TrySetAside(place.Sale, tail);

        // In a turn, so that nobody is in the middle of one; whoever has it open sees at the next that the file is gone, and stops.
        var directory = (DataDirectory)place.Store;
        using var journal = directory.Open(place.Sale);
        journal.TakeTurn(Nobody.Instance);
        try
        {
            if (journal.Tail.Sequence != tail.Sequence) return false;
            File.Move(directory.JournalPath(place.Sale), directory.JournalPath(place.Sale) + AsideExtension);
            Platform.Current.FlushDirectory(directory.Path);
            return true;
        }
        finally
        {
            journal.ReleaseTurn();
        }
    }

    private sealed class Nobody : IBatchReader
    {
        public static readonly Nobody Instance = new();

        public void OnBatch(in BatchHeader header, ReadOnlySpan<byte> entries)
        {
            // The auditor has read it.
        }
    }
}
