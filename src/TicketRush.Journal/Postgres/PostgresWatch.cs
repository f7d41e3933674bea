using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Npgsql;
using TicketRush.Engine;

namespace TicketRush.Journal.Postgres;

/// <summary>How far a sale's journal is known to go, whoever wrote it. For every thread.</summary>
internal sealed class SaleNews(int sale)
{
    private long _sequence;

    public int Sale => sale;

    public long Sequence => Volatile.Read(ref _sequence);

    /// <summary>1 when others have yet to be told.</summary>
    public int Untold;

    public void Advance(long sequence)
    {
        for (var seen = Sequence; seen < sequence;)
        {
            var found = Interlocked.CompareExchange(ref _sequence, sequence, seen);
            if (found == seen) return;
            seen = found;
        }
    }
}

/// <summary>
/// Tells other servers what this one has committed, and hears what they have. A notification is sent after the commit and in a statement of
/// its own: in the transaction it would take a lock that all of the database's commits wait for. It may be lost; every half second the
/// tails are looked at too. And anybody who may connect may send one: it names sales, and how far they go is looked up.
/// </summary>
internal sealed class PostgresWatch : IDisposable
{
    private const string Channel = "ticketrush";

    // The database takes 7,999 bytes.
    private const int PayloadMax = 7_900;

    // What is committed within one is told of at once; nobody sees a difference, and a busy server sends a hundred a second.
    private static readonly TimeSpan TellEvery = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromMilliseconds(250);

    private readonly PostgresOptions _options;
    private readonly PostgresPool _pool;
    private readonly ConcurrentDictionary<int, SaleNews> _sales = new();
    private readonly AutoResetEvent _untold = new(false);
    private readonly HashSet<int> _named = [];
    private readonly Thread _hearing, _telling;
    private volatile Dictionary<string, long> _secrets = new(StringComparer.Ordinal);
    private volatile string[] _names = [];
    private long _namesAt;
    private ClockFile? _clockFile;
    private bool _isStepSaid;
    private volatile bool _stops;

    public PostgresWatch(PostgresOptions options, PostgresPool pool, PostgresClock clock)
    {
        (_options, _pool, Clock) = (options, pool, clock);
        _hearing = new(() => Run(Hear)) { IsBackground = true, Name = "postgres hearing" };
        _telling = new(() => Run(TellOthers)) { IsBackground = true, Name = "postgres telling" };
        _hearing.Start();
        _telling.Start();
    }

    public PostgresClock Clock { get; }

    public Warnings Warnings { get; } = new();

    /// <summary>Where sale time is kept for the next process; nowhere before it is set.</summary>
    public ClockFile? ClockFile
    {
        set => Volatile.Write(ref _clockFile, value);
    }

    /// <summary>Commits that were not answered cleanly, and how many of them were settled.</summary>
    public long Unsettled, Settled;

    /// <summary>The names of the sales, in order, as they were at <see cref="NamesAt"/> or later.</summary>
    public string[] Names => _names;

    /// <summary>A timestamp of the stopwatch; 0 before anything was seen.</summary>
    public long NamesAt => Volatile.Read(ref _namesAt);

    public SaleNews NewsOf(int sale) => _sales.GetOrAdd(sale, id => new(id));

    /// <summary>The version of a secret, as of half a second ago; 0 for none.</summary>
    public long VersionOf(string secret) => _secrets.GetValueOrDefault(secret);

    public void Saw(string secret, long version)
    {
        lock (_sales) _secrets = new(_secrets, StringComparer.Ordinal) { [secret] = version };
    }

    public void Tell(SaleNews news, long sequence)
    {
        news.Advance(sequence);
        if (Interlocked.Exchange(ref news.Untold, 1) == 0) _untold.Set();
    }

    public void Dispose()
    {
        _stops = true;
        _untold.Set();
        _hearing.Join(TimeSpan.FromSeconds(5));
        _telling.Join(TimeSpan.FromSeconds(5));
    }

    private void Run(Action<NpgsqlConnection> loop)
    {
        while (!_stops)
        {
            try
            {
                using var connection = PostgresSession.Connect(_options, "news");
                PostgresSession.Guarded(() =>
                {
                    loop(connection);
                    return true;
                });
            }
            catch (Exception e) when (e is IOException or JournalRefusedException)
            {
                // The turns say what is wrong with the database; here there is only to come back.
                Thread.Sleep(TryAgainAfter);
            }
            catch (Exception e)
            {
                // Whatever it is, it must not end the process, as it would from a thread: without news, turns find out all the same.
                Warnings.Once($"What other servers do is heard of late, for a defect: {e.GetType().Name} in {e.TargetSite?.Name}.");
                Thread.Sleep(TryAgainAfter);
            }
        }
    }

    private void Hear(NpgsqlConnection connection)
    {
        _named.Clear();
        connection.Notification += (_, news) => Parse(news.Payload);
        PostgresSession.Execute(connection, $"LISTEN {Channel}");
        const string TailSql = $"SELECT id, tail_sequence, {PostgresSession.NowSql}";
        using var tails = new NpgsqlCommand($"{TailSql}, name FROM ticketrush.sale ORDER BY name", connection);
        using var named = new NpgsqlCommand($"{TailSql} FROM ticketrush.sale WHERE id = ANY ($1)", connection);
        using var secrets = new NpgsqlCommand("SELECT name, version FROM ticketrush.secret", connection);
        var ids = new NpgsqlParameter<int[]>();
        named.Parameters.Add(ids);
        tails.Prepare();
        named.Prepare();
        secrets.Prepare();
        while (!_stops)
        {
            var (asked, names) = (Stopwatch.GetTimestamp(), new List<string>());
            var ticks = Clock.Ticks;
            using (var reader = tails.ExecuteReader())
            {
                while (reader.Read())
                {
                    SeeTail(reader, ticks);

                    // One that was moved away stays under a name that is none.
                    if (PlanCheck.IsId(reader.GetString(3))) names.Add(reader.GetString(3));
                }
            }

            _names = [.. names];
            Volatile.Write(ref _namesAt, asked);

            var versions = new Dictionary<string, long>(StringComparer.Ordinal);
            using (var reader = secrets.ExecuteReader())
            {
                while (reader.Read()) versions[reader.GetString(0)] = reader.GetInt64(1);
            }

            lock (_sales) _secrets = versions;
            _pool.Trim();
            KeepTime();

            var (since, toldAt) = (Stopwatch.GetTimestamp(), 0L);
            while (!_stops && _options.PollEvery - Stopwatch.GetElapsedTime(since) is { TotalMilliseconds: >= 1 } left)
            {
                // As seldom as others tell, whatever somebody sends.
                if (_named.Count > 0 && Stopwatch.GetElapsedTime(toldAt) is var passed)
                {
                    if (TellEvery - passed is { TotalMilliseconds: >= 1 } early)
                    {
                        connection.Wait(early < left ? early : left);
                        continue;
                    }

                    toldAt = Stopwatch.GetTimestamp();
                    ids.TypedValue = [.. _named];
                    _named.Clear();
                    ticks = Clock.Ticks;
                    using var reader = named.ExecuteReader();
                    while (reader.Read()) SeeTail(reader, ticks);
                    continue;
                }

                connection.Wait(left);
            }
        }
    }

    private void SeeTail(NpgsqlDataReader reader, long askedAt)
    {
        Clock.Observe(reader.GetInt64(2), askedAt);
        if (_sales.TryGetValue(reader.GetInt32(0), out var news)) news.Advance(reader.GetInt64(1));
    }

    private void KeepTime()
    {
        if (Volatile.Read(ref _clockFile) is not { } file) return;
        file.Keep(Clock);
        var (behind, isSaid) = (Clock.BehindMs, _isStepSaid);
        _isStepSaid = Math.Abs(behind) > PostgresClock.StepMs;
        if (!_isStepSaid || isSaid) return;
        var (seconds, hours) = (Math.Abs(behind) / 1000, Math.Abs(behind) * PostgresClock.SlewPart / 3_600_000.0);
        Warnings.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"The clock of {_options.Name} is {seconds} s {(behind > 0 ? "ahead of" : "behind")} sale time, which makes up for it in "
            + $"{hours:0.0} h. Put it right. A server that starts meanwhile with an empty state directory takes the step at once."));
    }

    private void TellOthers(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand($"SELECT pg_notify('{Channel}', $1)", connection);
        var payload = new NpgsqlParameter<string>();
        command.Parameters.Add(payload);
        command.Prepare();
        var text = new StringBuilder();
        while (!_stops)
        {
            _untold.WaitOne();
            text.Clear();
            foreach (var (sale, news) in _sales)
            {
                if (Volatile.Read(ref news.Untold) == 0) continue;
                if (text.Length > PayloadMax)
                {
                    // The rest goes with the next.
                    _untold.Set();
                    break;
                }

                Volatile.Write(ref news.Untold, 0);
                text.Append(CultureInfo.InvariantCulture, $"{sale} ");
            }

            if (text.Length == 0) continue;
            payload.TypedValue = text.ToString();
            command.ExecuteNonQuery();
            Thread.Sleep(TellEvery);
        }
    }

    // What is no sale that is open here is passed over.
    private void Parse(ReadOnlySpan<char> payload)
    {
        foreach (var range in payload.Split(' '))
        {
            if (int.TryParse(payload[range], NumberStyles.None, CultureInfo.InvariantCulture, out var sale) && _sales.ContainsKey(sale))
                _named.Add(sale);
        }
    }
}
