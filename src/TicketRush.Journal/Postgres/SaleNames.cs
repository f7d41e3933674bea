using System.Data;
using System.Diagnostics;
using System.Net.Sockets;
using Npgsql;

namespace TicketRush.Journal.Postgres;

/// <summary>
/// Which sales there are, without asking for it: strangers make up names faster than a database answers. The answer is what the watch saw
/// last, with what this process has changed since. A name in neither may have been made through another server a moment ago, so some are
/// looked up, on one connection that stays; and none while the database is away, for nobody is to wait for that. Who asks then is
/// not told that there is none: the next moment may know. For every thread.
/// </summary>
internal sealed class SaleNames : IDisposable
{
    /// <summary>Names that are looked up in a second at the most.</summary>
    public const int LookupsMax = 50;

    // So many at once, and the others one by one: no second has more than the bound.
    private const int LookupsAtOnce = 10, LookupEveryMs = 1_000 / (LookupsMax - LookupsAtOnce);

    // A database that answers does so in a hundredth of it.
    private static readonly TimeSpan LookupMax = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan FailedMax = TimeSpan.FromSeconds(1);

    private readonly PostgresOptions _options;
    private readonly PostgresWatch _watch;
    private readonly Func<string[]> _ask;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _looking = new(1);
    private readonly Dictionary<string, (bool IsThere, long At)> _since = new(StringComparer.Ordinal);
    private (string[] Names, long At) _asked = ([], 0);
    private NpgsqlConnection? _connection;
    private long _nextMs, _failedAt;
    private bool _isDisposed;

    /// <param name="ask">Asks the database for all names, and throws when it cannot be reached.</param>
    public SaleNames(PostgresOptions options, PostgresWatch watch, Func<string[]> ask)
    {
        (_options, _watch, _ask) = (options, watch, ask);

        // The first lookup is not to pay for it: it takes longer than anybody waits.
        _ = Task.Run(ConnectAsync);
    }

    /// <summary>All names, in order.</summary>
    /// <exception cref="IOException">The database cannot be reached, and never was.</exception>
    public IReadOnlyList<string> All()
    {
        var names = Seen();
        lock (_gate)
        {
            if (_since.Count == 0) return names;
            var added = _since.Where(one => one.Value.IsThere).Select(one => one.Key);
            return [.. names.Where(name => !_since.ContainsKey(name)).Concat(added).Order(StringComparer.Ordinal)];
        }
    }

    /// <summary>Whether there is a sale of that name; half a second old at the most, or as old as the database is away.</summary>
    /// <exception cref="NotKnownNowException">It is not among those seen, and could not be looked up.</exception>
    /// <exception cref="IOException">The database cannot be reached, and never was.</exception>
    public bool Has(string sale)
    {
        var since = Stopwatch.GetTimestamp();
        var names = Seen();
        lock (_gate)
        {
            if (_since.TryGetValue(sale, out var own)) return own.IsThere;
            if (Array.BinarySearch(names, sale, StringComparer.Ordinal) >= 0) return true;
            if (_asked.At >= since) return false;
            if (IsAway || !TryTake()) throw new NotKnownNowException(sale);
        }

        var looking = Task.Run(() => LookUpAsync(sale));
        if (looking.Wait(LookupMax)) return looking.Result ?? throw new NotKnownNowException(sale);

        // What it finds yet is known from then on.
        Fail();
        throw new NotKnownNowException(sale);
    }

    /// <summary>This process has seen to it that there is, or is no more, a sale of that name.</summary>
    public void Note(string sale, bool isThere) => Note(sale, isThere, Stopwatch.GetTimestamp());

    public void Dispose()
    {
        if (!_looking.Wait(TimeSpan.FromSeconds(5))) return;
        _isDisposed = true;
        _connection?.Dispose();
        _looking.Release();
    }

    // Not seen lately; or it was not there when somebody looked since, a moment ago.
    private bool IsAway => _watch.NamesAt is not 0 and var at
        && (Stopwatch.GetElapsedTime(at) > 3 * _options.PollEvery
            || (Volatile.Read(ref _failedAt) is var failed && at < failed && Stopwatch.GetElapsedTime(failed) < FailedMax));

    private void Fail() => Volatile.Write(ref _failedAt, Stopwatch.GetTimestamp());

    private void Note(string sale, bool isThere, long at)
    {
        lock (_gate) _since[sale] = (isThere, at);
    }

    private string[] Seen()
    {
        // The time first: the names are then of that time or later.
        var (at, names) = (_watch.NamesAt, _watch.Names);
        if (at == 0)
        {
            lock (_gate)
            {
                if (_asked.At != 0) return _asked.Names;
            }

            at = Stopwatch.GetTimestamp();
            names = _ask();
        }

        lock (_gate)
        {
            if (at > _asked.At)
            {
                _asked = (names, at);
                foreach (var (sale, own) in _since)
                {
                    if (own.At < at) _since.Remove(sale);
                }
            }

            return _asked.Names;
        }
    }

    private bool TryTake()
    {
        var now = Environment.TickCount64;
        var next = Math.Max(_nextMs, now) + LookupEveryMs;
        if (next - now > LookupsAtOnce * LookupEveryMs) return false;
        _nextMs = next;
        return true;
    }

    private async Task ConnectAsync()
    {
        await _looking.WaitAsync();
        try
        {
            if (!_isDisposed) Connect();
        }
        catch (Exception e) when (IsFailure(e))
        {
            // The lookups try again.
        }
        finally
        {
            _looking.Release();
        }
    }

    private NpgsqlConnection Connect()
    {
        if (_connection is { State: ConnectionState.Open } open) return open;
        _connection?.Dispose();
        return _connection = PostgresSession.Connect(_options, "names");
    }

    private static bool IsFailure(Exception e) => e is IOException or NpgsqlException or SocketException or TimeoutException
        or InvalidOperationException or JournalRefusedException;

    /// <returns>Null when it could not be looked up.</returns>
    private async Task<bool?> LookUpAsync(string sale)
    {
        var since = Stopwatch.GetTimestamp();
        await _looking.WaitAsync();
        try
        {
            // Who waited behind one that failed need not fail too.
            if (_isDisposed || Volatile.Read(ref _failedAt) > since) return null;
            var connection = Connect();
            var at = Stopwatch.GetTimestamp();
            await using var command = new NpgsqlCommand("SELECT 1 FROM ticketrush.sale WHERE name = $1", connection);
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = sale });
            var isThere = await command.ExecuteScalarAsync() is not null;
            if (isThere) Note(sale, true, at);
            return isThere;
        }
        catch (Exception e) when (IsFailure(e))
        {
            Fail();
            _connection?.Dispose();
            _connection = null;
            return null;
        }
        finally
        {
            _looking.Release();
        }
    }
}
