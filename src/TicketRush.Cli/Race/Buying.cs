using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
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

    /// <summary>Gets ready to buy.</summary>
    public static async Task<Buying> StartAsync(Round round) => round.Strategy switch
    {
        Strategy.Journal => new ByJournal(round),
        Strategy.Server => await ByServer.ConnectAsync(round),
        Strategy.Queue => new ByQueue(round),
        _ => new ByFile(round),
    };

    /// <summary>What is left, by a look that waits for nobody.</summary>
    /// <exception cref="JsonException">The file was not whole at that moment.</exception>
    public abstract ValueTask<int> LookAsync();

    /// <exception cref="JsonException">The file was not whole at that moment.</exception>
    public abstract ValueTask<Answer> BuyAsync(int buyer);

    public virtual ValueTask DisposeAsync() => default;

    /// <summary>Makes and opens a sale that journal or server sell.</summary>
    public static void MakeSale(string data, int tickets, string sale = Sale)
    {
        var directory = new DataDirectory(data);
        directory.TryCreate(sale, new()
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
        var sequencer = new Sequencer(directory.Open(sale));
        var opened = sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } }).AsTask().GetAwaiter().GetResult();
        sequencer.DisposeAsync().AsTask().GetAwaiter().GetResult();
        if (opened != Outcome.Done) throw new IOException($"The sale of the race could not be opened: {opened}.");
    }

    private sealed class ByFile(Round round) : Buying
    {
        // Who waits for the lock in the same process: in the order in which they came, and asleep, for a thread each would be too many.
        private readonly SemaphoreSlim _line = new(1, 1);

        public override ValueTask<int> LookAsync() => new(TicketFile.Read(round.File, round.Key));

        public override async ValueTask<Answer> BuyAsync(int buyer)
        {
            // What the documents sleep, they sleep between reading and writing: the buyer is at the counter by then.
            var arrived = Stopwatch.GetTimestamp();
            switch (round.Strategy)
            {
                case Strategy.Lock or Strategy.LockAtomic:
                    await _line.WaitAsync();
                    try
                    {
                        using (await round.Lock!.EnterAsync()) return new(await TryTakeAsync(), arrived);
                    }
                    finally
                    {
                        _line.Release();
                    }

                case Strategy.OwnLock:
                    // Document 003 makes its lock inside the loop: everybody has a key, each to another door.
                    using (var own = new SharedLock())
                    using (own.Enter())
                        return new(await TryTakeAsync(), arrived);

                default:
                    return new(await TryTakeAsync(), arrived);
            }
        }

        public override ValueTask DisposeAsync()
        {
            _line.Dispose();
            return default;
        }

        private async ValueTask<bool> TryTakeAsync()
        {
            var left = TicketFile.Read(round.File, round.Key);
            if (round.DelayMs > 0) await Task.Delay(round.DelayMs);
            if (left <= 0) return false;
            if (round.Strategy == Strategy.LockAtomic) TicketFile.Replace(round.File, round.Key, left - 1);
            else TicketFile.WriteInPlace(round.File, round.Key, left - 1);
            return true;
        }
    }

    /// <summary>Each buyer puts its wish in the queue, and one who listens for all of the process tells each its answer.</summary>
    private sealed class ByQueue : Buying
    {
        private readonly Round _round;
        private readonly TaskCompletionSource<bool>[] _told;
        private readonly CancellationTokenSource _over = new();
        private readonly Thread _listener;

        public ByQueue(Round round)
        {
            _round = round;
            _told = new TaskCompletionSource<bool>[round.Count];
            _listener = new(Listen) { IsBackground = true };
            _listener.Start();
        }

        public override ValueTask<int> LookAsync() => new(TicketFile.Read(_round.File, _round.Key));

        public override async ValueTask<Answer> BuyAsync(int buyer)
        {
            var arrived = Stopwatch.GetTimestamp();
            var told = _told[buyer - _round.First] = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _round.Wishes!.Put(buyer);
            return new(await told.Task, arrived);
        }

        public override ValueTask DisposeAsync()
        {
            _over.Cancel();
            _listener.Join();
            _over.Dispose();
            return default;
        }

        private void Listen()
        {
            try
            {
                while (true)
                {
                    var answer = _round.Answers!.Get(cancellation: _over.Token);
                    _told[(answer >= 0 ? answer : ~answer) - _round.First].SetResult(answer >= 0);
                }
            }
            catch (OperationCanceledException)
            {
                // Everybody has been told.
            }
        }
    }

    private sealed class ByJournal : Buying
    {
        private readonly Round _round;
        private readonly Sales _sales;
        private readonly Sequencer _sequencer;

        // As many as buyers were ever on their way at once. A submission is a kilobyte: one for each buyer would be the collector's work.
        private readonly ConcurrentQueue<Submission> _spare = new();

        public ByJournal(Round round)
        {
            _round = round;
            _sales = new(new DataDirectory(round.Data!));
            _sequencer = _sales.Find(Sale)?.Sequencer
                ?? throw new InvalidOperationException($"The journal in {round.Data} cannot be opened.");
        }

        public override ValueTask<int> LookAsync() => new(_sequencer.Snapshot!.Pools[0].Free);

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        public override async ValueTask<Answer> BuyAsync(int buyer)
        {
            // The buyer's own way to the counter; at the counter itself nobody sleeps.
            if (_round.DelayMs > 0) await Task.Delay(_round.DelayMs);
            if (!_spare.TryDequeue(out var submission)) submission = new();
            Wish(ref submission.Command, buyer);
            var arrived = Stopwatch.GetTimestamp();
            while (true)
            {
                // Busy and unknown are no answers: asking again with the same id is asking once.
                var outcome = await _sequencer.SubmitAsync(submission);
                if (outcome is Outcome.Done or Outcome.Refused)
                {
                    var answer = new Answer(outcome == Outcome.Done, arrived, submission.Reply.Sequence);
                    _spare.Enqueue(submission);
                    return answer;
                }

                if (Stopwatch.GetElapsedTime(arrived) > Patience) throw new IOException($"The journal answered {outcome}.");
                if (outcome == Outcome.Unknown) submission = new() { Command = submission.Command };
                await Task.Delay(10);
            }
        }

        private void Wish(ref Command command, int buyer)
        {
            command = new()
            {
                Kind = CommandKind.Purchase,
                Hold = _sales.Identities.Hold(Ids.Next()),
                Buyer = _sales.Identities.Buyer($"buyer {buyer}"),
                Plan = _sequencer.Snapshot!.Plan,
            };
            command.Lines.TryAdd(0, 1);
        }

        public override ValueTask DisposeAsync() => _sales.DisposeAsync();
    }

    private sealed class ByServer(Round round, HttpClient http) : Buying
    {
        private const int ConnectionsMax = 100;

        public static async Task<ByServer> ConnectAsync(Round round)
        {
            // A process has some thousand buyers on their way, and a system some thousand connections for all of them.
            var handler = new SocketsHttpHandler { MaxConnectionsPerServer = ConnectionsMax };
            var http = new HttpClient(handler) { BaseAddress = new(round.Url!) };
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", round.OfficeKey);
            using var answer = await http.GetAsync($"/api/sales/{round.Sale}/availability");
            answer.EnsureSuccessStatusCode();
            return new(round, http);
        }

        public override async ValueTask<int> LookAsync()
        {
            using var body = JsonDocument.Parse(await http.GetByteArrayAsync($"/api/sales/{round.Sale}/availability"));
            return body.RootElement.GetProperty("tiers")[0].GetProperty("available").GetInt32();
        }

        public override async ValueTask<Answer> BuyAsync(int buyer)
        {
            if (round.DelayMs > 0) await Task.Delay(round.DelayMs);
            var path = $"/api/sales/{round.Sale}/orders/{Guid.NewGuid()}";
            var name = $"buyer {Environment.ProcessId} {buyer}";
            var wish = $$"""{"buyer":"{{name}}","items":[{"tier":"{{Tier}}","quantity":1}]}""";
            for (var arrived = Stopwatch.GetTimestamp(); ; await Task.Delay(10))
            {
                using var answer = await http.PutAsync(path, new StringContent(wish, null, "application/json"));
                using var body = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync());
                if (answer.IsSuccessStatusCode) return new(true, arrived, body.RootElement.GetProperty("sequence").GetInt64());
                var code = body.RootElement.TryGetProperty("code", out var stated) ? stated.GetString() : $"{(int)answer.StatusCode}";
                if (code == "SOLD_OUT") return new(false, arrived);

                // 503 and 504 are no answers: asking again with the same id is asking once.
                if ((int)answer.StatusCode is not (503 or 504) || Stopwatch.GetElapsedTime(arrived) > Patience)
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

/// <summary>What a buyer was told.</summary>
/// <param name="ArrivedAt">
/// When it stood at the counter with all that it needs, its own way there behind it: its place in the order of arrival.
/// </param>
/// <param name="Sequence">Its place in the order of service, where something says so; 0 otherwise.</param>
internal readonly record struct Answer(bool IsTold, long ArrivedAt, long Sequence = 0);
