using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Journal.Files;
using TicketRush.Multiprocessing;

namespace TicketRush.Cli.Race;

/// <summary>One strategy, in a process of buyers.</summary>
internal abstract class Buying : IAsyncDisposable
{
    public const string Sale = "race", Tier = "seat";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Gets ready to buy. Whatever a process compiles when it does a thing first, it has compiled when this is over: the race is between
    /// buyers.
    /// </summary>
    public static async Task<Buying> StartAsync(Round round)
    {
        switch (round.Strategy)
        {
            case Strategy.Journal:
                await ByJournal.WarmUpAsync(round);
                return new ByJournal(round);

            case Strategy.Server:
                return await ByServer.ConnectAsync(round);

            default:
                var own = $"{round.File}.{Environment.ProcessId}";
                TicketFile.WriteInPlace(own, round.Key, 1);
                TicketFile.Replace(own, round.Key, TicketFile.Read(own, round.Key));
                File.Delete(own);
                return round.Strategy == Strategy.Queue ? new ByQueue(round) : new ByFile(round);
        }
    }

    /// <summary>What is left, by a look that waits for nobody.</summary>
    /// <exception cref="JsonException">The file was not whole at that moment.</exception>
    public abstract ValueTask<int> LookAsync();

    /// <returns>Whether the buyer is told that it has one; and where that stands in the order of service, if something says so.</returns>
    /// <exception cref="JsonException">The file was not whole at that moment.</exception>
    public abstract ValueTask<(bool Told, long Sequence)> BuyAsync(int buyer);

    public virtual ValueTask DisposeAsync() => default;

    /// <summary>Makes and opens the sale that journal and server sell.</summary>
    public static void MakeSale(string data, int tickets)
    {
        var directory = new DataDirectory(data);
        directory.TryCreate(Sale, new()
        {
            Name = "Race",
            Venue = "",
            StartsAt = "",
            TimeZone = "UTC",
            Currency = "CNY",
            PaymentKind = PaymentKind.None,
            Pools = [new("floor", tickets, 0)],
            Tiers = [new(Tier, "Seat", "floor", 0)],
            Rules = new(HoldSeconds: 600, Extensions: 0, PerOrder: 1, PerBuyer: 1),
        });
        var sequencer = new Sequencer(directory.Open(Sale));
        var opened = sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } }).AsTask().GetAwaiter().GetResult();
        sequencer.DisposeAsync().AsTask().GetAwaiter().GetResult();
        if (opened != Outcome.Done) throw new IOException($"The sale of the race could not be opened: {opened}.");
    }

    private sealed class ByFile(Round round) : Buying
    {
        public override ValueTask<int> LookAsync() => new(TicketFile.Read(round.File, round.Key));

        public override async ValueTask<(bool, long)> BuyAsync(int buyer)
        {
            switch (round.Strategy)
            {
                case Strategy.Lock or Strategy.LockAtomic:
                    using (round.Lock!.Enter()) return (TryTake(), 0);

                case Strategy.OwnLock:
                    // Document 003 makes its lock inside the loop: everybody has a key, each to another door.
                    using (var own = new SharedLock())
                    using (own.Enter())
                        return (await TryTakeAsync(), 0);

                case Strategy.Join:
                    return (TryTake(), 0);

                default:
                    return (await TryTakeAsync(), 0);
            }
        }

        private bool TryTake()
        {
            var left = TicketFile.Read(round.File, round.Key);
            if (round.DelayMs > 0) Thread.Sleep(round.DelayMs);
            return TryWrite(left);
        }

        private async ValueTask<bool> TryTakeAsync()
        {
            var left = TicketFile.Read(round.File, round.Key);
            if (round.DelayMs > 0) await Task.Delay(round.DelayMs);
            return TryWrite(left);
        }

        private bool TryWrite(int left)
        {
            if (left <= 0) return false;
            if (round.Strategy == Strategy.LockAtomic) TicketFile.Replace(round.File, round.Key, left - 1);
            else TicketFile.WriteInPlace(round.File, round.Key, left - 1);
            return true;
        }
    }

    /// <summary>Buyers one after another: each puts its wish in the queue and waits for the answer.</summary>
    private sealed class ByQueue(Round round) : Buying
    {
        public override ValueTask<int> LookAsync() => new(TicketFile.Read(round.File, round.Key));

        public override ValueTask<(bool, long)> BuyAsync(int buyer)
        {
            round.Wishes!.Put(buyer);
            int answer;
            do answer = round.Answers!.Get();
            while (answer != buyer && answer != ~buyer);
            return new((answer >= 0, 0));
        }
    }

    private sealed class ByJournal : Buying
    {
        private const int WarmUpTickets = 10_000, ManyBuyers = 1_000;

        private static readonly TimeSpan WarmUpTime = TimeSpan.FromSeconds(3);

        private readonly Round _round;
        private readonly Sales _sales;
        private readonly Sequencer _sequencer;

        public ByJournal(Round round)
        {
            _round = round;
            _sales = new(new DataDirectory(round.Data!));
            _sequencer = _sales.Find(Sale)?.Sequencer ?? throw new InvalidOperationException($"The journal in {round.Data} cannot be opened.");
        }

        public override ValueTask<int> LookAsync() => new(_sequencer.Snapshot!.Pools[0].Free);

        public override async ValueTask<(bool, long)> BuyAsync(int buyer)
        {
            // The buyer's own way to the counter; at the counter itself nobody sleeps.
            if (_round.DelayMs > 0) await Task.Delay(_round.DelayMs);
            var submission = new Submission
            {
                Command = new()
                {
                    Kind = CommandKind.Purchase,
                    Hold = _sales.Identities.Hold(Guid.NewGuid().ToByteArray(bigEndian: true)),
                    Buyer = _sales.Identities.Buyer($"buyer {buyer}"),
                    Plan = _sequencer.Snapshot!.Plan,
                },
            };
            submission.Command.Lines.TryAdd(0, 1);
            for (var since = Stopwatch.GetTimestamp(); ; await Task.Delay(10))
            {
                // Busy and unknown are no answers: asking again with the same id is asking once.
                var outcome = await _sequencer.SubmitAsync(submission);
                if (outcome == Outcome.Done) return (true, submission.Reply.Sequence);
                if (outcome == Outcome.Refused) return (false, 0);
                if (Stopwatch.GetElapsedTime(since) > Patience) throw new IOException($"The journal answered {outcome}.");
                if (outcome == Outcome.Unknown) submission = new() { Command = submission.Command };
            }
        }

        /// <summary>
        /// Buys for a moment in a sale of this process alone, so that nobody compiles anything while it holds the turn that others wait for. Two do, for
        /// each must also catch up with what another decided.
        /// </summary>
        public static async Task WarmUpAsync(Round round)
        {
            var data = Directory.CreateDirectory(Path.Combine(round.Data!, $"warm-{Environment.ProcessId}"));
            MakeSale(data.FullName, WarmUpTickets);
            var alone = round with { Data = data.FullName, DelayMs = 0 };
            await using (ByJournal one = new(alone), other = new(alone))
            {
                // For a few buyers it is enough that everything is compiled at all. Thousands would share the processors with the runtime, which compiles
                // anew, and better, what is used much.
                var next = 0;
                var since = Stopwatch.GetTimestamp();
                do
                {
                    var enough = next + (round.Count < ManyBuyers ? 4 : 1_000);
                    await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(async () =>
                    {
                        int i;
                        while ((i = Interlocked.Increment(ref next)) <= enough) await (i % 2 == 0 ? one : other).BuyAsync(i);
                    })));
                    await Task.Delay(20);
                }
                while (round.Count >= ManyBuyers && Stopwatch.GetElapsedTime(since) < WarmUpTime);
            }

            data.Delete(recursive: true);
        }

        public override ValueTask DisposeAsync() => _sales.DisposeAsync();
    }

    private sealed class ByServer(Round round, HttpClient http) : Buying
    {
        public static async Task<ByServer> ConnectAsync(Round round)
        {
            var http = new HttpClient { BaseAddress = new(round.Url!) };
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", round.OfficeKey);
            using var answer = await http.GetAsync($"/api/sales/{Sale}/availability");
            answer.EnsureSuccessStatusCode();
            return new(round, http);
        }

        public override async ValueTask<int> LookAsync()
        {
            using var body = JsonDocument.Parse(await http.GetByteArrayAsync($"/api/sales/{Sale}/availability"));
            return body.RootElement.GetProperty("tiers")[0].GetProperty("available").GetInt32();
        }

        public override async ValueTask<(bool, long)> BuyAsync(int buyer)
        {
            if (round.DelayMs > 0) await Task.Delay(round.DelayMs);
            var path = $"/api/sales/{Sale}/orders/{Guid.NewGuid()}";
            var wish = $$"""{"buyer":"buyer {{buyer}}","items":[{"tier":"{{Tier}}","quantity":1}]}""";
            for (var since = Stopwatch.GetTimestamp(); ; await Task.Delay(10))
            {
                using var answer = await http.PutAsync(path, new StringContent(wish, null, "application/json"));
                using var body = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync());
                if (answer.IsSuccessStatusCode) return (true, body.RootElement.GetProperty("sequence").GetInt64());
                var code = body.RootElement.GetProperty("code").GetString();
                if (code == "SOLD_OUT") return (false, 0);

                // 503 and 504 are no answers: asking again with the same id is asking once.
                if ((int)answer.StatusCode is not (503 or 504) || Stopwatch.GetElapsedTime(since) > Patience)
                    throw new IOException($"The server answered {code}.");
            }
        }

        public override ValueTask DisposeAsync()
        {
            http.Dispose();
            return default;
        }
    }
}

/// <summary>The one seller of the queue strategy: nobody else touches the file.</summary>
internal static class Seller
{
    public static void Run(Shop shop)
    {
        while (true)
        {
            var buyer = shop.Wishes.Get();
            var left = TicketFile.Read(shop.File, shop.Key);
            if (shop.DelayMs > 0) Thread.Sleep(shop.DelayMs);
            if (left > 0) TicketFile.Replace(shop.File, shop.Key, left - 1);
            shop.Answers[Math.Min(buyer / shop.BuyersEach, shop.Answers.Length - 1)].Put(left > 0 ? buyer : ~buyer);
            shop.Wishes.TaskDone();
        }
    }
}
