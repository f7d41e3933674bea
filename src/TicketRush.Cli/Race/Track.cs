using System.Diagnostics;
using System.Text.Json;
using TicketRush.Journal.Audit;
using TicketRush.Journal.Files;
using TicketRush.Multiprocessing;

namespace TicketRush.Cli.Race;

/// <summary>Runs one strategy after another over the same crowd, from the same number of tickets, and counts what came of each.</summary>
internal sealed class Track : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly RaceOptions _options;
    private readonly Commentary _commentary;
    private readonly Crowd _crowd;
    private readonly Scratch _scratch = new(Scratch.Disk);
    private readonly string _file;
    private readonly Random _random = new();

    public Track(RaceOptions options, Commentary commentary)
    {
        (_options, _commentary) = (options, commentary);
        _crowd = new(options.Buyers, options.Workers);
        _file = options.File ?? Path.Combine(_scratch.Directory, options.Document.File);
    }

    /// <summary>The records of the last race, one for each buyer.</summary>
    public BuyerRecord[] Records() => [.. Enumerable.Range(0, _options.Buyers).Select(i => _crowd.Records[i])];

    /// <exception cref="OperationCanceledException">Stopped.</exception>
    /// <exception cref="IOException">It could not be run.</exception>
    public RaceRow Run(Strategy strategy, CancellationToken stop)
    {
        try
        {
            return RunToTheEnd(strategy, stop);
        }
        catch
        {
            // There are no buyers any more, and one of them may have been killed while it wrote somebody's own file.
            TicketFile.Replace(_file, _options.Key, _options.Tickets);
            throw;
        }
        finally
        {
            // Of buyers that were killed while they made a file to put in the place of this one.
            TicketFile.Clear(_file);
        }
    }

    public void Dispose()
    {
        _crowd.Dispose();
        _scratch.Dispose();
    }

    private RaceRow RunToTheEnd(Strategy strategy, CancellationToken stop)
    {
        _crowd.Fill(there => _commentary.Starting(there, _crowd.Members.Count), stop);
        _crowd.Records.AsSpan().Clear();
        TicketFile.Replace(_file, _options.Key, _options.Tickets);
        _commentary.Begin(strategy);

        using var means = Means.For(strategy, this);
        try
        {
            var started = Race(means, stop);
            means.End();
            _commentary.End();
            return Count(strategy, means, started);
        }
        catch
        {
            // Nobody may still be at it when what they buy from is taken away.
            _crowd.End();
            throw;
        }
    }

    /// <returns>When it began.</returns>
    private long Race(Means means, CancellationToken stop)
    {
        var members = _crowd.Members;
        for (var i = 0; i < members.Count; i++) members[i].Begin(means.RoundOf(i));
        foreach (var start in means.Starts) WaitUntilReady(start, means.SellerProcess, stop);

        var started = Stopwatch.GetTimestamp();
        if (means.Starts is [var all])
        {
            all.Wait();
            Watch(members, _options.Kill, stop);
            return started;
        }

        // As in document 000: start one, wait until it has ended, start the next.
        var killed = 0;
        for (var i = 0; i < members.Count; i++)
        {
            means.Starts[i].Wait();
            killed += Watch([members[i]], killed < _options.Kill && _random.Next(members.Count) < _options.Kill ? 1 : 0, stop);
        }

        return started;
    }

    private void WaitUntilReady(SharedBarrier start, ChildProcess? seller, CancellationToken stop)
    {
        var all = _crowd.Members.Select(member => member.Process).Concat(seller is null ? [] : [seller]).ToArray();
        while (start.Waiting < start.Parties - 1)
        {
            stop.ThrowIfCancellationRequested();
            if (all.FirstOrDefault(process => !process.IsAlive) is { } gone)
                throw new IOException($"Process {gone.Name} ended with exit code {gone.ExitCode} before the race began.");
            Thread.Sleep(1);
        }
    }

    /// <summary>Waits until nobody of these is busy, and kills some of them at random moments meanwhile.</summary>
    /// <returns>How many processes were killed.</returns>
    private int Watch(IReadOnlyList<Crowd.Member> members, int kill, CancellationToken stop)
    {
        var killed = 0;
        var answered = -1;
        var nextKill = Stopwatch.GetTimestamp() + KillPause();
        var (progressAt, followedAt) = (Stopwatch.GetTimestamp(), 0L);
        var followEvery = TimeSpan.FromMilliseconds(_options.IsTold ? 0 : 100);
        while (members.Any(member => member.IsBusy))
        {
            Thread.Sleep(members.Count == 1 ? 1 : 5);
            stop.ThrowIfCancellationRequested();
            foreach (var member in members) member.Look();
            if (killed < kill && Stopwatch.GetTimestamp() >= nextKill
                && members.Where(member => member.IsBusy).ToArray() is { Length: > 0 } busy)
            {
                busy[_random.Next(busy.Length)].Kill(onPurpose: true);
                killed++;
                nextKill = Stopwatch.GetTimestamp() + KillPause();
            }

            // Looking at a hundred thousand records takes a processor that the race needs.
            if (Stopwatch.GetElapsedTime(followedAt) < followEvery) continue;
            followedAt = Stopwatch.GetTimestamp();
            var over = _commentary.Follow(_crowd.Records);
            if (over != answered) (answered, progressAt) = (over, Stopwatch.GetTimestamp());
            if (Stopwatch.GetElapsedTime(progressAt) < Patience + TimeSpan.FromMilliseconds(_options.DelayMs * 3)) continue;

            // Nobody has got an answer for a long time: whoever waits now waits for ever.
            foreach (var member in members.Where(member => member.IsBusy)) member.Kill(onPurpose: false);
            foreach (var member in members) member.Look();
        }

        stop.ThrowIfCancellationRequested();
        _commentary.Follow(_crowd.Records);
        return killed;
    }

    private long KillPause() => (long)(_random.NextDouble() * (_options.DelayMs + 2) / 1000 * Stopwatch.Frequency);

    private RaceRow Count(Strategy strategy, Means means, long started)
    {
        var records = Records();
        var answered = records.Where(record => record.IsAnswered).ToArray();
        var told = records.Count(record => record.State == BuyerState.Told);
        var left = means.Left();
        var seconds = (records.Max(record => Math.Max(record.LookedAt, record.AnsweredAt)) - started) / (double)Stopwatch.Frequency;
        var waits = answered.Select(record => (record.AnsweredAt - record.LookedAt) * 1000.0 / Stopwatch.Frequency).Order().ToArray();
        var killed = _crowd.Members.Index().Where(member => member.Item.WasKilled)
            .Sum(member => new ArraySegment<BuyerRecord>(records, _crowd.Share.First(member.Index), _crowd.Share.Count(member.Index))
                .Count(record => !record.IsOver));
        return new()
        {
            Strategy = strategy.Name(),
            Safe = strategy.IsSafe(),
            Told = told,
            Oversold = Math.Max(0, told - _options.Tickets),
            LostWrites = left is { } rest ? told - (_options.Tickets - rest) : null,
            CrashedLookers = records.Count(record => record.State == BuyerState.LookCrashed),
            CrashedBuyers = records.Count(record => record.State == BuyerState.BuyCrashed),
            Killed = killed,
            Blocked = records.Count(record => !record.IsOver) - killed,
            Refused = records.Count(record => record.State == BuyerState.Refused),
            Seconds = Math.Max(0, seconds),
            PerSecond = seconds > 0 ? answered.Length / seconds : 0,
            P50Ms = waits.Length > 0 ? waits[waits.Length / 2] : 0,
            P99Ms = waits.Length > 0 ? waits[Math.Min(waits.Length - 1, waits.Length * 99 / 100)] : 0,
            OutOfOrder = Order.Departure(records),
            Left = left,
        };
    }

    /// <summary>What a strategy needs beside the buyers: its lock, its seller, its journal, its server.</summary>
    private sealed class Means : IDisposable
    {
        private readonly Strategy _strategy;
        private readonly Track _track;
        private SharedLock? _lock;
        private SharedJoinableQueue<int>? _wishes;
        private SharedQueue<int>[]? _answers;
        private ChildProcess? _seller;
        private Server? _server;
        private string? _data;

        private Means(Strategy strategy, Track track)
        {
            (_strategy, _track) = (strategy, track);
            var members = track._crowd.Members;
            var others = strategy == Strategy.Queue ? 2 : 1;
            Starts = strategy == Strategy.Join ? [.. members.Select(_ => new SharedBarrier(2))] : [new(members.Count + others)];
        }

        /// <summary>Where all start together: one; or, when they go one after another, one for each process.</summary>
        public SharedBarrier[] Starts { get; }

        public ChildProcess? SellerProcess => _seller;

        public static Means For(Strategy strategy, Track track)
        {
            var means = new Means(strategy, track);
            var options = track._options;
            var members = track._crowd.Members.Count;
            switch (strategy)
            {
                case Strategy.Lock or Strategy.LockAtomic:
                    means._lock = new();
                    break;

                case Strategy.Queue:
                    means._wishes = new();
                    means._answers = [.. Enumerable.Range(0, members).Select(_ => new SharedQueue<int>())];
                    means._seller = new ChildProcess(Seller.RunAsync, new Shop
                    {
                        File = track._file, Key = options.Key, DelayMs = options.DelayMs, Wishes = means._wishes, Answers = means._answers,
                        Share = track._crowd.Share, Start = means.Starts[0],
                    }) { Name = "seller", Daemon = true };
                    means._seller.Start();
                    break;

                case Strategy.Journal or Strategy.Server:
                    means._data = Directory.CreateDirectory(Path.Combine(track._scratch.Directory, strategy.Name())).FullName;
                    Buying.MakeSale(means._data, options.Tickets);
                    if (strategy == Strategy.Journal) break;
                    Buying.MakeSale(means._data, members * Rehearsal.BuyersOfServer, Rehearsal.Plenty);
                    Buying.MakeSale(means._data, 0, Rehearsal.Nothing);
                    means._server = Server.Start(means._data);
                    break;
            }

            return means;
        }

        public Round RoundOf(int member) => new()
        {
            Strategy = _strategy,
            First = _track._crowd.Share.First(member),
            Count = _track._crowd.Share.Count(member),
            DelayMs = _track._options.DelayMs,
            File = _track._file,
            Key = _track._options.Key,
            Start = Starts[Starts.Length == 1 ? 0 : member],
            Lock = _lock,
            Wishes = _wishes,
            Answers = _answers?[member],
            Data = _data,
            Url = _server?.Url,
            OfficeKey = Server.OfficeKey,
        };

        public void End()
        {
            if (_seller is null) return;

            // What a killed buyer had asked for is still served, and nobody is told of it.
            _wishes!.Join(Patience);
            Dismiss();
        }

        /// <summary>What is left when all is over; null when the file is not whole any more.</summary>
        public int? Left()
        {
            if (!_strategy.UsesFile())
            {
                _server?.Dispose();
                using var auditor = new Auditor(new DataDirectory(_data!).JournalPath(Buying.Sale));
                var audit = auditor.Verify(default);
                if (audit.Verdict is not (AuditVerdict.Good or AuditVerdict.Torn))
                    throw new InvalidDataException($"The journal of the race does not pass its audit: {audit.Problems[0].What}");
                var left = (int)audit.Pools[0].Free;
                TicketFile.Replace(_track._file, _track._options.Key, left);
                return left;
            }

            try
            {
                return TicketFile.Read(_track._file, _track._options.Key);
            }
            catch (JsonException)
            {
                return null;
            }
        }

        private void Dismiss()
        {
            if (_seller is not { IsAlive: true }) return;
            _seller.Kill();
            _seller.Join();
        }

        public void Dispose()
        {
            Dismiss();
            _seller?.Dispose();
            _server?.Dispose();
            if (_data is not null) Directory.Delete(_data, recursive: true);
            foreach (var start in Starts) start.Dispose();
            _lock?.Dispose();
            _wishes?.Dispose();
            foreach (var queue in _answers ?? []) queue.Dispose();
        }
    }
}
