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

    /// <summary>The last sequence that others have yet to be told of; 0 for none.</summary>
    public long Untold;

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

/// <summary>The database's clock as this machine last saw it, carried on by the machine's own; it never runs back. For every thread.</summary>
internal sealed class PostgresClock
{
    private long _offset = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - Environment.TickCount64;
    private long _last;

    public long NowMs
    {
        get
        {
            var now = Environment.TickCount64 + Volatile.Read(ref _offset);
            for (var last = Volatile.Read(ref _last); ;)
            {
                if (now <= last) return last;
                var found = Interlocked.CompareExchange(ref _last, now, last);
                if (found == last) return now;
                last = found;
            }
        }
    }

    public void Observe(long databaseMs) => Volatile.Write(ref _offset, databaseMs - Environment.TickCount64);
}

/// <summary>
/// Tells other servers what this one has committed, and hears what they have. A notification is sent after the commit and in a statement of its
/// own: in the transaction it would take a lock that all of the database's commits wait for. It may be lost; every half second the tails are looked at too.
/// </summary>
internal sealed class PostgresWatch : IDisposable
{
    private const string Channel = "ticketrush";

    // What is committed within one is told of at once; nobody sees a difference, and a busy server sends a hundred a second.
    private static readonly TimeSpan TellEvery = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromMilliseconds(250);

    private readonly PostgresOptions _options;
    private readonly PostgresPool _pool;
    private readonly ConcurrentDictionary<int, SaleNews> _sales = new();
    private readonly AutoResetEvent _untold = new(false);
    private readonly Thread _hearing, _telling;
    private volatile Dictionary<string, long> _secrets = new(StringComparer.Ordinal);
    private volatile string[] _names = [];
    private long _namesAt;
    private volatile bool _stops;

    public PostgresWatch(PostgresOptions options, PostgresPool pool)
    {
        (_options, _pool) = (options, pool);
        _hearing = new(() => Run(Hear)) { IsBackground = true, Name = "postgres hearing" };
        _telling = new(() => Run(TellOthers)) { IsBackground = true, Name = "postgres telling" };
        _hearing.Start();
        _telling.Start();
    }

    public PostgresClock Clock { get; } = new();

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
        if (Interlocked.Exchange(ref news.Untold, sequence) == 0) _untold.Set();
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
        }
    }

    private void Hear(NpgsqlConnection connection)
    {
        connection.Notification += (_, news) => Parse(news.Payload);
        PostgresSession.Execute(connection, $"LISTEN {Channel}");
        using var tails = new NpgsqlCommand("SELECT id, tail_sequence, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, name FROM ticketrush.sale ORDER BY name", connection);
        using var secrets = new NpgsqlCommand("SELECT name, version FROM ticketrush.secret", connection);
        tails.Prepare();
        secrets.Prepare();
        while (!_stops)
        {
            var (asked, names) = (Stopwatch.GetTimestamp(), new List<string>());
            using (var reader = tails.ExecuteReader())
            {
                while (reader.Read())
                {
                    Clock.Observe(reader.GetInt64(2));
                    if (_sales.TryGetValue(reader.GetInt32(0), out var news)) news.Advance(reader.GetInt64(1));

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

            var since = Stopwatch.GetTimestamp();
            while (!_stops && _options.PollEvery - Stopwatch.GetElapsedTime(since) is { TotalMilliseconds: >= 1 } left) connection.Wait(left);
        }
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
                if (Interlocked.Exchange(ref news.Untold, 0) is not 0 and var sequence && text.Length < 7_000)
                    text.Append(CultureInfo.InvariantCulture, $"{sale}:{sequence} ");
            }

            if (text.Length == 0) continue;
            payload.TypedValue = text.ToString();
            command.ExecuteNonQuery();
            Thread.Sleep(TellEvery);
        }
    }

    // Whoever may connect may notify; what is no news of ours is passed over.
    private void Parse(ReadOnlySpan<char> payload)
    {
        foreach (var range in payload.Split(' '))
        {
            var part = payload[range];
            var colon = part.IndexOf(':');
            if (colon > 0 && int.TryParse(part[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var sale)
                && long.TryParse(part[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var sequence)
                && _sales.TryGetValue(sale, out var news))
                news.Advance(sequence);
        }
    }
}
