using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Audit;
using TicketRush.Journal.Files;
using TicketRush.Journal.Postgres;

namespace TicketRush.Cli.Tests.Faults;

/// <summary>
/// Holds journals against what buyers were told. Reads them twice: with the product's own reader, and byte by byte with one
/// that shares no code with it.
/// </summary>
internal static class Audit
{
    private const int Chunk = 1_000;

    /// <summary>Everything that is not as it must be; empty when all is well. No server may be running.</summary>
    public static async Task<List<string>> FindAsync(string data, Ledger ledger, params string[] sales)
    {
        List<string> wrong = [.. ledger.Wrong];
        var directory = new DataDirectory(data);
        foreach (var sale in sales)
        {
            await CheckOrdersAsync(directory, sale, [.. ledger.Wishes.Where(wish => wish.Sale == sale)], wrong);
            CheckChain(directory, sale, wrong);
        }

        return wrong;
    }

    /// <summary>
    /// The same of sales in a database, whose batches an auditor that shares no code with the product's reader goes through.
    /// </summary>
    public static async Task<List<string>> FindAsync(ISaleStore store, PostgresOptions database, Ledger ledger, params string[] sales)
    {
        List<string> wrong = [.. ledger.Wrong];
        foreach (var sale in sales)
        {
            await CheckOrdersAsync(store, sale, [.. ledger.Wishes.Where(wish => wish.Sale == sale)], wrong);
            using var auditor = Auditor.OfPostgres(database, sale);
            var result = auditor.Verify();
            if (result.Verdict != AuditVerdict.Good) wrong.Add($"{sale}: {result.Verdict}, {string.Join("; ", result.Problems)}");
        }

        return wrong;
    }

    private static async Task CheckOrdersAsync(ISaleStore directory, string sale, List<Wish> wishes, List<string> wrong)
    {
        await using var sequencer = new Sequencer(directory.Open(sale));
        var (orders, places) = (0, 0);
        var taken = new Dictionary<uint, Guid>();
        foreach (var chunk in wishes.Chunk(Chunk))
        {
            var asked = Array.ConvertAll(chunk, wish => Find(directory.Identities, wish));
            var outcomes = Array.ConvertAll(asked, submission => sequencer.SubmitAsync(submission).AsTask());
            for (var i = 0; i < chunk.Length; i++)
            {
                var outcome = await outcomes[i];
                Check(chunk[i], outcome, asked[i], wrong);
                if (outcome != Outcome.Done) continue;

                (orders, places) = (orders + 1, places + asked[i].Reply.Lines.Places);
                for (var ticket = 0; ticket < asked[i].Reply.Lines.Places; ticket++)
                {
                    if (!taken.TryAdd(asked[i].Reply.FirstTicket + (uint)ticket, chunk[i].Id))
                        wrong.Add($"ticket {asked[i].Reply.FirstTicket + (uint)ticket} of {sale} was sold twice");
                }
            }
        }

        var snapshot = sequencer.Snapshot!;
        var pool = snapshot.Pools[0];
        if (pool.Sold > snapshot.Plan.Pools[0].Capacity) wrong.Add($"{sale} is oversold: {pool.Sold} of {snapshot.Plan.Pools[0].Capacity}");
        if (pool.Sold != places || snapshot.Orders != orders)
            wrong.Add($"{sale} has {snapshot.Orders} orders and {pool.Sold} places sold; buyers asked for {orders} of them, with {places} places");
    }

    private static Submission Find(Identities identities, Wish wish)
    {
        Span<byte> id = stackalloc byte[16];
        wish.Id.TryWriteBytes(id, bigEndian: true, out _);
        return new() { Command = new() { Kind = CommandKind.FindOrder, Hold = identities.Hold(id) } };
    }

    private static void Check(Wish wish, Outcome outcome, Submission found, List<string> wrong)
    {
        var isThere = outcome == Outcome.Done;
        if (!isThere && (outcome != Outcome.Refused || found.Reply.Refusal != Refusal.UnknownOrder))
            wrong.Add($"{wish.Id} cannot be looked up: {outcome} {found.Reply.Refusal}");

        switch (wish.Fate)
        {
            case Fate.Done when !isThere:
                wrong.Add($"{wish.Id} was acknowledged as sequence {wish.Sequence} and is lost");
                break;
            case Fate.Done:
                var tickets = Enumerable.Range(0, found.Reply.Lines.Places).Select(i => found.Reply.FirstTicket + (uint)i);
                if (found.Reply.Sequence != wish.Sequence || found.Hash.ToString() != wish.Hash || !tickets.SequenceEqual(wish.Tickets))
                    wrong.Add($"{wish.Id} was acknowledged as sequence {wish.Sequence} and is {found.Reply.Sequence}, with other tickets or another hash");
                break;
            case Fate.Unknown or Fate.None:
                wrong.Add($"{wish.Id} was never given a definite answer{(isThere ? ", and was sold" : "")}");
                break;
            case Fate.Refused or Fate.NotStarted when isThere:
                wrong.Add($"{wish.Id} was told {wish.Code} and stands in the journal as sequence {found.Reply.Sequence}");
                break;
        }
    }

    private static void CheckChain(DataDirectory directory, string sale, List<string> wrong)
    {
        var (batches, problem) = JournalFile.Read(directory.JournalPath(sale));
        if (problem is not null) wrong.Add($"{sale}: {problem}");

        var reader = new Counting();
        using var journal = directory.Open(sale);
        journal.Read(reader);
        if (reader.Gap is { } gap) wrong.Add($"{sale}: {gap}");
        if (reader.Batches != batches.Count || reader.Last != batches[^1].LastSequence || journal.Tail.Hash.ToString() != batches[^1].Hash)
            wrong.Add($"{sale}: the product reads {reader.Batches} batches to sequence {reader.Last}, the file has {batches.Count} to {batches[^1].LastSequence}");
    }

    private sealed class Counting : IBatchReader
    {
        public int Batches { get; private set; }
        public long Last { get; private set; }
        public string? Gap { get; private set; }

        public void OnBatch(in BatchHeader header, ReadOnlySpan<byte> entries)
        {
            if (header.FirstSequence != Last + 1) Gap ??= $"sequence {header.FirstSequence} follows {Last}";

            var count = 0;
            for (; entries.Length > 0; count++) entries = entries[(BitConverter.ToInt32(entries) & 0xff_ffff)..];
            if (count != header.Count) Gap ??= $"the batch at sequence {header.FirstSequence} says {header.Count} entries and has {count}";
            Last += count;
            Batches++;
        }
    }
}
