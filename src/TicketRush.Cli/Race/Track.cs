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
    private readonly string _scratch = Directory.CreateTempSubdirectory("rush-race-").FullName;
    private readonly string _file;
    private readonly Random _random = new();

    public Track(RaceOptions options, Commentary commentary)
    {
        (_options, _commentary) = (options, commentary);
        _crowd = new(options.Buyers, options.Workers);
        _file = options.File ?? Path.Combine(_scratch, options.Document.File);
    }

    /// <summary>The records of the last race, one for each buyer.</summary>
    public BuyerRecord[] Records() => [.. Enumerable.Range(0, _options.Buyers).Select(i => _crowd.Records[i])];

    public RaceRow Run(Strategy strategy)
    {
        _crowd.Fill(there => _commentary.Starting(there, _crowd.Members.Count));
        for (var i = 0; i < _options.Buyers; i++) _crowd.Records[i] = default;
        TicketFile.Replace(_file, _options.Key, _options.Tickets);
        _commentary.Begin(strategy);

        using var means = Means.For(strategy, this);
        var busy = _crowd.Members.Count;
        var killed = 0;
        var started = Stopwatch.GetTimestamp();
        if (means.Start is { } start)
        {
            for (var i = 0; i < busy; i++) _crowd.Members[i].Begin(means.RoundOf(i));
            start.Wait();
            started = Stopwatch.GetTimestamp();
            killed = Watch(_crowd.Members, _options.Kill);
        }
        else
        {
            // As in document 000: start one, wait until it has ended, start the next.
            for (var i = 0; i < busy; i++)
            {
                _crowd.Members[i].Begin(means.RoundOf(i));
                killed += Watch([_crowd.Members[i]], killed < _options.Kill && _random.Next(busy) <= _options.Kill ? 1 : 0);
            }
        }

        means.End();
        _commentary.End();
        return Count(strategy, means, started);
    }

    public void Dispose()
    {
        _crowd.Dispose();
        Directory.Delete(_scratch, recursive: true);
    }

    /// <summary>Waits until nobody of these is busy, and kills some of them at random moments meanwhile.</summary>
    /// <returns>How many processes were killed.</returns>
    private int Watch(IReadOnlyList<Crowd.Member> members, int kill)
    {
        var killed = 0;
        var answered = -1;
        var nextKill = Stopwatch.GetTimestamp() + KillPause();
        var (progressAt, followedAt) = (Stopwatch.GetTimestamp(), 0L);
        var followEvery = TimeSpan.FromMilliseconds(_options.IsTold ? 0 : 100);
        while (members.Any(member => member.IsBusy))
        {
            Thread.Sleep(members.Count == 1 ? 1 : 5);
            foreach (var member in members) member.Look();
            if (killed < kill && Stopwatch.GetTimestamp() >= nextKill && members.Where(member => member.IsBusy).ToArray() is { Length: > 0 } busy)
            {
                busy[_random.Next(busy.Length)].Kill();
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
            foreach (var member in members.Where(member => member.IsBusy)) member.Kill();
            foreach (var member in members) member.Look();
        }

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
        var seconds = records.Max(record => record.AnsweredAt) is > 0 and var last ? (last - started) / (double)Stopwatch.Frequency : 0;
        var waits = answered.Select(record => (record.AnsweredAt - record.LookedAt) * 1000.0 / Stopwatch.Frequency).Order().ToArray();
        var dead = _crowd.Members.Select((member, i) => (member, i)).Where(pair => !pair.member.Process.IsAlive)
            .SelectMany(pair => Enumerable.Range(_crowd.Share.First(pair.i), _crowd.Share.Count(pair.i))).Count(i => !records[i].IsOver);
        return new()
        {
            Strategy = strategy.Name(),
            Safe = strategy.IsSafe(),
            Told = told,
            Oversold = Math.Max(0, told - _options.Tickets),
            LostWrites = left is { } rest ? told - (_options.Tickets - rest) : 0,
            CrashedLookers = records.Count(record => record.State == BuyerState.LookCrashed),
            CrashedBuyers = records.Count(record => record.State == BuyerState.BuyCrashed),
            Killed = dead,
            Blocked = records.Count(record => !record.IsOver) - dead,
            Refused = records.Count(record => record.State == BuyerState.Refused),
            Seconds = seconds,
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

        private Means(Strategy strategy, Track track) => (_strategy, _track) = (strategy, track);

        /// <summary>Where all start together; null when they go one after another.</summary>
        public SharedBarrier? Start { get; private set; }

        public static Means For(Strategy strategy, Track track)
        {
            var means = new Means(strategy, track);
            var options = track._options;
            var members = track._crowd.Members.Count;
            if (strategy != Strategy.Join) means.Start = new(members + 1);
            switch (strategy)
            {
                case Strategy.Lock or Strategy.LockAtomic:
                    means._lock = new();
                    break;

                case Strategy.Queue:
                    means._wishes = new();
                    means._answers = [.. Enumerable.Range(0, members).Select(_ => new SharedQueue<int>())];
                    means._seller = new ChildProcess(Seller.Run, new Shop
                    {
                        File = track._file, Key = options.Key, DelayMs = options.DelayMs, Wishes = means._wishes, Answers = means._answers,
                        Share = track._crowd.Share,
                    }) { Name = "seller", Daemon = true };
                    means._seller.Start();
                    break;

                case Strategy.Journal or Strategy.Server:
                    means._data = Directory.CreateDirectory(Path.Combine(track._scratch, strategy.Name())).FullName;
                    Buying.MakeSale(means._data, options.Tickets);
                    if (strategy == Strategy.Server) means._server = Server.Start(means._data);
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
            Start = Start,
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
            _seller.Terminate();
            _seller.Join();
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

        public void Dispose()
        {
            _seller?.Dispose();
            _server?.Dispose();
            if (_data is not null) Directory.Delete(_data, recursive: true);
            Start?.Dispose();
            _lock?.Dispose();
            _wishes?.Dispose();
            foreach (var queue in _answers ?? []) queue.Dispose();
        }
    }
}
