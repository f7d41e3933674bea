using System.Diagnostics;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Files;

namespace TicketRush.Load;

/// <summary>What a crowd got: per second, how long each waited, and how large the batches were.</summary>
internal sealed record CrowdResult(double PerSecond, double P50, double P99, double P999, double Batch, long Done);

/// <summary>Many callers, each of whom buys one ticket after another for a new buyer, as fast as the answers come.</summary>
internal static class Crowd
{
    public static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);

    public static Plan Plan(int capacity) => new()
    {
        Name = "Load", Venue = "", StartsAt = "", TimeZone = "UTC", Currency = "EUR", PaymentKind = PaymentKind.None,
        Pools = [new("floor", capacity, 0)],
        Tiers = [new("standing", "Standing", "floor", 100)],
        Rules = new(HoldSeconds: 600, Extensions: 1, PerOrder: 6, PerBuyer: 6),
    };

    /// <summary>A new sale, open, in a file of its own.</summary>
    public static async Task<Sequencer> OpenAsync(string directory, int capacity, bool flush = true)
    {
        var path = Path.Combine(directory, $"{Guid.NewGuid():N}.rush");
        FileJournal.TryCreate(path, "load", Plan(capacity));
        var sequencer = new Sequencer(FileJournal.Open(path, new FileJournalOptions { Flush = flush }));
        await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } });
        return sequencer;
    }

    /// <summary>Lets the crowd buy; what happens in the warm-up is not counted.</summary>
    public static async Task<CrowdResult> BuyAsync(Sequencer sequencer, int callers, TimeSpan time, Outcome expected = Outcome.Done,
        ulong seed = 0, TimeSpan? warmUp = null)
    {
        var counting = new Counting();
        var random = seed == 0 ? new Random() : new Random((int)seed);
        var first = sequencer.Appended.Entries;
        var crowd = Enumerable.Range(0, callers).Select(_ => (ulong)random.NextInt64()).ToArray()
            .Select(ids => Task.Run(() => CallAsync(sequencer, ids, counting, expected))).ToArray();

        await Task.Delay(warmUp ?? WarmUp);
        var before = sequencer.Appended;
        var start = Stopwatch.GetTimestamp();
        counting.Counts = true;
        var all = Task.WhenAll(crowd);
        if (await Task.WhenAny(Task.Delay(time), all) == all) await all; // Whoever got what nobody expected says so.
        counting.Counts = false;
        var elapsed = Stopwatch.GetElapsedTime(start).TotalSeconds;
        var after = sequencer.Appended;
        counting.Ends = true;
        await all;
        if (expected == Outcome.Done && sequencer.Appended.Entries - first != counting.Asked)
            throw new InvalidOperationException("Some purchases were repeats of others: the figure would be of something else.");

        var batches = Math.Max(after.Batches - before.Batches, 1);
        return new(
            counting.Total / elapsed, counting.Percentile(0.5), counting.Percentile(0.99), counting.Percentile(0.999),
            (after.Entries - before.Entries) / (double)batches, counting.Total);
    }

    private static async Task CallAsync(Sequencer sequencer, ulong state, Counting counting, Outcome expected)
    {
        var submission = new Submission();
        while (!counting.Ends)
        {
            submission.Command.Kind = CommandKind.Purchase;
            submission.Command.Hold = new(new(Next(ref state), Next(ref state)));
            submission.Command.Buyer = new(new(Next(ref state), Next(ref state)));
            submission.Command.Plan = sequencer.Snapshot!.Plan;
            submission.Command.Lines = default;
            submission.Command.Lines.TryAdd(0, 1);

            var start = Stopwatch.GetTimestamp();
            var outcome = await sequencer.SubmitAsync(submission);
            if (outcome != expected || (outcome == Outcome.Refused && submission.Reply.Refusal != Refusal.SoldOut))
                throw new InvalidOperationException($"{outcome} {submission.Reply.Refusal}: {sequencer.Status}");
            Interlocked.Increment(ref counting.Asked);
            if (counting.Counts) counting.Add(Stopwatch.GetTimestamp() - start);
        }
    }

    // SplitMix64 (Steele, Lea and Flood, 2014): ids as evenly spread as the keyed hashes that real ones are.
    private static ulong Next(ref ulong state)
    {
        var z = state += 0x9E3779B97F4A7C15;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }

    /// <summary>Waiting times in steps of a microsecond.</summary>
    private sealed class Counting
    {
        private readonly int[] _micros = new int[1_000_000];

        public volatile bool Counts, Ends;
        public long Asked;

        public long Total => _micros.Sum(count => (long)count);

        public void Add(long ticks) =>
            Interlocked.Increment(ref _micros[Math.Min(ticks * 1_000_000 / Stopwatch.Frequency, _micros.Length - 1)]);

        public double Percentile(double share)
        {
            var left = (long)(Total * share);
            for (var micros = 0; micros < _micros.Length; micros++)
            {
                if ((left -= _micros[micros]) < 0) return micros / 1000.0;
            }

            return _micros.Length / 1000.0;
        }
    }
}
