using TicketRush.Engine;
using TicketRush.Journal.Audit;
using TicketRush.Journal.Files;
using TicketRush.Journal.Postgres;

namespace TicketRush.Journal;

/// <summary>Where a sale is: a file in a data directory, or a row of a database.</summary>
/// <param name="Store">The directory or the database.</param>
/// <param name="Sale">Its name there.</param>
public sealed record SalePlace(ISaleStore Store, string Sale)
{
    internal Platform Platform { get; init; } = Platform.Current;

    internal string Path => ((DataDirectory)Store).JournalPath(Sale);

    internal Auditor Audit(PostgresOptions? database) => Store is DataDirectory ? new(Path) : Auditor.OfPostgres(database!, Sale);

    /// <summary>As it is now, whatever the store remembers.</summary>
    internal bool IsThere => Store is PostgresStore store ? store.HasNow(Sale) : Store.Has(Sale);

    /// <summary>
    /// Whether the store has any other journal: one that was set aside, too, or that is arriving. It may get its name again, and its ids are
    /// hashed under the keys that the store has now.
    /// </summary>
    internal bool HasOthers => Store is PostgresStore store ? store.HasOthersThan(Sale) : ((DataDirectory)Store).HasOthersThan(Sale);
}

/// <summary>
/// Copies a sale from one store to another, byte for byte, and holds what arrived against what was sent with the auditor, which shares no
/// code with this. The hash chain goes on there as if nothing had happened, and receipts stay good.
/// <para>
/// It arrives under a name that no sale can have, and gets its own when everything else is done, and the original set aside if that was
/// asked for: there is no moment in which both can be sold from, and what can be sold from is never deleted.
/// </para>
/// </summary>
public static class SaleCopy
{
    internal const string AsideExtension = ".moved", ArrivingExtension = ".arriving";

    /// <param name="from">The sale; not open for sale, or what it sells meanwhile would be sold in one place only.</param>
    /// <param name="to">Where to; there must be none of that name.</param>
    /// <param name="database">The database that one of them, or both, are in; null when neither is.</param>
    /// <param name="move">Sets the original aside, so that only the copy can be sold from.</param>
    /// <returns>The account of what arrived.</returns>
    /// <exception cref="JournalRefusedException">It cannot be copied as things are; nothing was changed.</exception>
    /// <exception cref="JournalDamagedException">It is damaged.</exception>
    /// <exception cref="IOException">It could not be read or written.</exception>
    public static AuditResult Run(SalePlace from, SalePlace to, PostgresOptions? database, bool move)
    {
        foreach (var sale in new[] { from.Sale, to.Sale })
        {
            if (!PlanCheck.IsId(sale)) throw new JournalRefusedException($"\"{sale}\" names no sale: 1 to 63 of a-z, 0-9 and -.");
        }

        if (from.Sale != to.Sale)
            throw new JournalRefusedException($"A sale keeps its name, which stands in its journal: {from.Sale}, not {to.Sale}.");
        if (!from.IsThere) throw new JournalRefusedException($"There is no sale {from.Sale} in {from.Store.Name}.");
        if (to.IsThere) throw Taken(to);
        var keys = IdentityKeys.Open(from.Store.Secrets);
        if (IdentityKeys.Open(to.Store.Secrets) != keys && to.HasOthers) throw OtherKeys(from, to);

        using var auditor = from.Audit(database);
        var sent = auditor.Verify();
        if (sent.Verdict == AuditVerdict.Damaged)
        {
            throw new JournalDamagedException(
                $"{from.Sale} in {from.Store.Name} is damaged: `rush verify` says where.", sent.Problems[0].Sequence, 0);
        }

        if (sent.State == "open")
            throw new JournalRefusedException($"{from.Sale} is open. Pause or close it first, so that nothing is sold while it moves.");

        var tail = new Tail(sent.Sequences, sent.LastTimeMs, ChainHash.Read(Convert.FromHexString(sent.Hash)), sent.Length);
        var header = auditor.Source.At(0, FileHeader.Size).ToArray();
        var arriving = to with { Sale = $"{to.Sale}{ArrivingExtension}.{Guid.NewGuid():N}" };
        AuditResult arrived;
        string? aside = null;
        try
        {
            Write(auditor.Source, header, tail, arriving);
            using (var arrival = arriving.Audit(database)) arrived = arrival.Verify();
            if (arrived.Verdict != AuditVerdict.Good
                || (arrived.Sequences, arrived.Hash, arrived.Length) != (sent.Sequences, sent.Hash, sent.Length))
            {
                throw new IOException($"What arrived in {to.Store.Name} is not what was sent: sequence {arrived.Sequences} of "
                    + $"{sent.Sequences}, hash {arrived.Hash}.");
            }

            ShareKeys(keys, from, arriving);
            if (move ? (aside = TrySetAside(from, tail)) is null : HasGoneOn(from, tail))
                throw new IOException($"{from.Sale} went on while it was copied, by a payment or a hold that ran out. Try again.");
        }
        catch (AsideUnknownException e)
        {
            throw new IOException(
                $"Nobody can tell whether {from.Sale} was set aside: look in {from.Store.Name} when it can be reached. If it is there as "
                + $"{e.Aside}, give that its name again, by hand, or what arrived in {to.Store.Name} as {arriving.Sale}; one of them only, "
                + $"and remove what arrived if it is not that. {e.Message}",
                e);
        }
        catch
        {
            TryRemove(arriving);
            throw;
        }

        Publish(arriving, to, header, keys, from, aside);
        return arrived;
    }

    private static JournalRefusedException Taken(SalePlace to) => new($"There is a sale {to.Sale} in {to.Store.Name} already.");

    private static JournalRefusedException OtherKeys(SalePlace from, SalePlace to) => new(
        $"{to.Store.Name} has sales, or some that were set aside, under other identity keys than {from.Store.Name}: holds and orders would "
        + "not be found by their ids there. A sale can only move to a store that has none, or that got its keys by an earlier copy from "
        + "here.");

    /// <summary>
    /// Holds and orders are found by hashes of their ids: under other keys nobody would ever find his again. The keys go first and the sale
    /// gets its name after them, so that a server which has the old ones finds that out when it opens the sale.
    /// </summary>
    private static void ShareKeys(IdentityKeys keys, SalePlace from, SalePlace arriving) => arriving.Store.Secrets.Change(
        IdentityKeys.SecretName, there => there == keys.Text ? null : arriving.HasOthers ? throw OtherKeys(from, arriving) : keys.Text);

    private static void Write(AuditSource source, byte[] header, Tail tail, SalePlace arriving)
    {
        if (arriving.Store is PostgresStore store)
        {
            store.TryAdd(arriving.Sale, header, tail, Batches(source, tail));
            return;
        }

        using var file = File.OpenHandle(arriving.Path, FileMode.CreateNew, FileAccess.Write);
        RandomAccess.Write(file, header, 0);
        var offset = (long)FileHeader.Size;
        foreach (var (_, batch) in Batches(source, tail))
        {
            RandomAccess.Write(file, batch.Span, offset);
            offset += batch.Length;
        }

        Platform.Current.FlushData(file);
    }

    /// <summary>Gives what has arrived its name. When that cannot be, because another took it meanwhile, the original gets its own
    /// back.</summary>
    private static void Publish(SalePlace arriving, SalePlace to, byte[] header, IdentityKeys keys, SalePlace from, string? aside)
    {
        bool isPublished;
        try
        {
            isPublished = to.Store is PostgresStore store
                ? store.TryPublish(arriving.Sale, to.Sale, header, keys)
                : to.Platform.TryPublish(arriving.Path, to.Path);
            if (isPublished && to.Store is DataDirectory directory) to.Platform.FlushDirectory(directory.Path);
        }
        catch (Exception e) when (IsUnreachable(e))
        {
            var original = aside is null ? "" : $", and in {from.Store.Name} as {aside}: give one of them its name again, by hand";
            throw new IOException(
                $"Nobody can tell whether {to.Sale} is in {to.Store.Name} now: look there when it can be reached. If it is not, it is "
                + $"there as {arriving.Sale}{original}. {e.Message}",
                e);
        }

        if (isPublished) return;
        TryRemove(arriving);
        try
        {
            if (aside is not null && !TryPutBack(from, aside, header, keys))
            {
                throw new IOException($"There is another sale {to.Sale} in {to.Store.Name} by now, and one in {from.Store.Name}. What was "
                    + $"to be moved is in {from.Store.Name} as {aside}.");
            }
        }
        catch (Exception e) when (IsUnreachable(e))
        {
            throw new IOException(
                $"{to.Sale} could not get its name in {to.Store.Name}, and nobody can tell whether it has it again in {from.Store.Name}: "
                + $"look there when it can be reached. If it has not, it is there as {aside}; give it its name by hand. {e.Message}",
                e);
        }

        throw to.IsThere ? Taken(to) : OtherKeys(from, to);
    }

    private static bool IsUnreachable(Exception e) =>
        e is IOException or UnauthorizedAccessException or JournalRefusedException or InvalidDataException;

    private static IEnumerable<(long First, ReadOnlyMemory<byte> Batch)> Batches(AuditSource source, Tail tail)
    {
        for (var offset = (long)FileHeader.Size; offset < tail.Offset;)
        {
            if (!BatchHeader.TryRead(source.At(offset, BatchHeader.SectorSize), out var header))
                throw new IOException($"The batch at byte {offset} cannot be read any more.");
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

    /// <returns>The name that it has now; null when it has gone on.</returns>
    private static string? TrySetAside(SalePlace place, Tail tail)
    {
        if (place.Store is PostgresStore store) return store.TrySetAside(place.Sale, tail);

        // In a turn, so that nobody is in the middle of one; whoever has it open sees at the next that the file is gone, and stops.
        var directory = (DataDirectory)place.Store;
        string? moved = null;
        try
        {
            using var journal = directory.Open(place.Sale);
            journal.TakeTurn(Nobody.Instance);
            try
            {
                if (journal.Tail.Sequence != tail.Sequence) return null;
                var aside = place.Path + AsideExtension;
                for (var time = 2; File.Exists(aside); time++) aside = $"{place.Path}{AsideExtension}.{time}";
                File.Move(place.Path, aside);
                moved = Path.GetFileName(aside);
                place.Platform.FlushDirectory(directory.Path);
            }
            finally
            {
                journal.ReleaseTurn();
            }
        }
        catch (Exception e) when (moved is not null && IsUnreachable(e))
        {
            // Which of its names it has after a crash is not known.
            throw new AsideUnknownException(moved, e);
        }

        return moved;
    }

    private static bool TryPutBack(SalePlace place, string aside, byte[] header, IdentityKeys keys)
    {
        if (place.Store is PostgresStore store) return store.TryPublish(aside, place.Sale, header, keys);
        var directory = ((DataDirectory)place.Store).Path;
        if (File.Exists(place.Path)) return false;
        File.Move(Path.Combine(directory, aside), place.Path);
        place.Platform.FlushDirectory(directory);
        return true;
    }

    private static void TryRemove(SalePlace arriving)
    {
        try
        {
            if (arriving.Store is PostgresStore store) store.Remove(arriving.Sale);
            else File.Delete(arriving.Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Under its name nobody can sell from it; what went wrong before is what is said.
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
