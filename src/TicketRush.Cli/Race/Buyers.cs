using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.Json;
using TicketRush.Multiprocessing;

namespace TicketRush.Cli.Race;

/// <summary>
/// A process of buyers. Each looks at what is left, whenever it likes, then buys by the strategy. What becomes of each stands in its record
/// at once, so that nothing is lost with a process that is killed.
/// </summary>
internal static class Buyers
{
    /// <summary>How many are on their way at once in one process; whoever is through makes room for the next.</summary>
    private const int AtOnceMax = 2048;

    /// <summary>The target of the process: one round after another, until nobody asks any more.</summary>
    public static async Task RunAsync(Connection rounds, SharedArray<BuyerRecord> records)
    {
        // Ctrl-C comes to every process of the terminal; who started these ends them.
        using var interrupts = PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = true);
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

            await RehearseAsync(round);
            await using (var buying = await Buying.StartAsync(round))
            {
                round.Start?.Wait();
                await BuyAllAsync(round, records, buying);
            }

            await rounds.SendAsync(ReadOnlyMemory<byte>.Empty);
        }
    }

    /// <summary>
    /// Buys what is nobody's. Whatever a process compiles when it does a thing first, it has compiled when this is over: the race is
    /// between buyers, and nobody compiles anything while it holds the turn that others wait for.
    /// </summary>
    public static async Task RehearseAsync(Round round)
    {
        using var rehearsal = Rehearsal.Of(round);
        await Task.WhenAll(rehearsal.Rounds.Select(async part =>
        {
            using var records = new SharedArray<BuyerRecord>(part.Count);
            await using var buying = await Buying.StartAsync(part);
            await BuyAllAsync(part, records, buying);
        }));
    }

    private static async Task BuyAllAsync(Round round, SharedArray<BuyerRecord> records, Buying buying)
    {
        if (round.Strategy == Strategy.Join)
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

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
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
        catch (Exception e) when (IsCrash(e))
        {
            record.LookedAt = Stopwatch.GetTimestamp();
            Say(BuyerState.LookCrashed);
            return;
        }

        try
        {
            var answer = await buying.BuyAsync(buyer);
            record.AnsweredAt = Stopwatch.GetTimestamp();
            (record.ArrivedAt, record.Sequence) = (answer.ArrivedAt, answer.Sequence);
            Say(answer.IsTold ? BuyerState.Told : BuyerState.Refused);
        }
        catch (Exception e) when (IsCrash(e))
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

    /// <summary>
    /// Whether it is half a file, no file, or nobody there who answers: the end of one buyer, not of the others in its process.
    /// </summary>
    private static bool IsCrash(Exception e) =>
        e is JsonException or IOException or UnauthorizedAccessException or HttpRequestException or OperationCanceledException;
}
