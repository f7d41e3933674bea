using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;
using TicketRush.Multiprocessing;

namespace TicketRush.Cli.Race;

/// <summary>
/// A process of buyers. Each looks at what is left, whenever it likes, then buys by the strategy. What becomes of each stands in its record
/// at once, so that nothing is lost with a process that is killed.
/// </summary>
internal static class Buyers
{
    /// <summary>How many may be on their way at once in one process, where the strategy lets them.</summary>
    private const int AtOnceMax = 1024;

    /// <summary>The target of the process: one round after another, until nobody asks any more.</summary>
    public static async Task RunAsync(Connection rounds, SharedArray<BuyerRecord> records)
    {
        while (true)
        {
            Round round;
            try
            {
                round = (await rounds.ReceiveAsync(RaceJson.Default.Round))!;
            }
            catch (EndOfStreamException)
            {
                return;
            }

            await using (var buying = await Buying.StartAsync(round))
            {
                round.Start?.Wait();
                await BuyAllAsync(round, records, buying);
            }

            await rounds.SendAsync(ReadOnlyMemory<byte>.Empty);
        }
    }

    private static async Task BuyAllAsync(Round round, SharedArray<BuyerRecord> records, Buying buying)
    {
        if (!round.Strategy.IsConcurrent())
        {
            for (var i = 0; i < round.Count; i++) await BuyAsync(round.First + i, records, buying);
            return;
        }

        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, Math.Min(round.Count, AtOnceMax)).Select(_ => Task.Run(async () =>
        {
            int i;
            while ((i = Interlocked.Increment(ref next)) < round.Count) await BuyAsync(round.First + i, records, buying);
        })));
    }

    private static async ValueTask BuyAsync(int buyer, SharedArray<BuyerRecord> records, Buying buying)
    {
        // Written back whole, its state last: whoever watches sees no state before what belongs to it.
        var record = new BuyerRecord { Pid = Environment.ProcessId };
        try
        {
            record.Saw = await buying.LookAsync();
            record.LookedAt = Stopwatch.GetTimestamp();
            Say(BuyerState.Looked);
        }
        catch (JsonException)
        {
            record.LookedAt = Stopwatch.GetTimestamp();
            Say(BuyerState.LookCrashed);
            return;
        }

        record.ArrivedAt = Stopwatch.GetTimestamp();
        Say(BuyerState.Buying);
        try
        {
            var (told, sequence) = await buying.BuyAsync(buyer);
            record.AnsweredAt = Stopwatch.GetTimestamp();
            record.Sequence = sequence;
            Say(told ? BuyerState.Told : BuyerState.Refused);
        }
        catch (Exception e) when (e is JsonException or IOException or HttpRequestException)
        {
            record.AnsweredAt = Stopwatch.GetTimestamp();
            Say(BuyerState.BuyCrashed);
        }

        void Say(BuyerState state)
        {
            records[buyer] = record;
            record.State = state;
            Volatile.Write(ref Unsafe.As<BuyerState, int>(ref records[buyer].State), (int)state);
        }
    }
}
