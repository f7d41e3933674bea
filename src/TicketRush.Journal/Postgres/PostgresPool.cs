using System.Diagnostics;

namespace TicketRush.Journal.Postgres;

/// <summary>
/// The connections on which a process takes its turns: as many as are needed at once, up to a bound; a turn has one to itself from its lock to
/// its commit. Beyond the bound, who comes waits. For every thread.
/// </summary>
internal sealed class PostgresPool : IDisposable
{
    private static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(60);

    private readonly Stack<PostgresSession> _free = new();
    private readonly SemaphoreSlim _room;
    private readonly Lock _gate = new();
    private readonly int _most;
    private bool _isDisposed;

    public PostgresPool(PostgresOptions options)
        : this(options, options.SessionsMax) => ForWatches = new(options, options.WatchSessionsMax);

    private PostgresPool(PostgresOptions options, int most) => (Options, _most, _room) = (options, most, new(most));

    public PostgresOptions Options { get; }

    /// <summary>Those on which watches read, which have long to read and may wait; null in itself.</summary>
    public PostgresPool? ForWatches { get; }

    /// <exception cref="IOException">The database cannot be reached, or all connections are busy for too long.</exception>
    public PostgresSession Rent()
    {
        if (!_room.Wait(Options.ReconnectMax)) throw new IOException($"All {_most} connections to {Options.Name} are busy.");
        try
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_isDisposed, this);
                if (_free.TryPop(out var session)) return session;
            }

            return PostgresSession.Open(Options);
        }
        catch
        {
            _room.Release();
            throw;
        }
    }

    /// <summary>Takes back a connection that is in no transaction.</summary>
    public void Return(PostgresSession session)
    {
        session.UsedAt = Stopwatch.GetTimestamp();
        lock (_gate)
        {
            if (_isDisposed) session.Dispose();
            else _free.Push(session);
        }

        _room.Release();
    }

    /// <summary>Ends a connection of which nobody knows what state it is in; and those that lay idle, which are probably no better.</summary>
    public void Discard(PostgresSession session)
    {
        session.Dispose();
        _room.Release();
        Close(_ => true);
    }

    /// <summary>Closes what nobody has used for a while.</summary>
    public void Trim()
    {
        Close(session => Stopwatch.GetElapsedTime(session.UsedAt) > IdleMax);
        ForWatches?.Trim();
    }

    public void Dispose()
    {
        lock (_gate) _isDisposed = true;
        Close(_ => true);
        ForWatches?.Dispose();
    }

    private void Close(Func<PostgresSession, bool> which)
    {
        PostgresSession[] closed;
        lock (_gate)
        {
            closed = [.. _free.Where(which)];
            if (closed.Length == 0) return;
            var kept = _free.Except(closed).Reverse().ToArray();
            _free.Clear();
            foreach (var session in kept) _free.Push(session);
        }

        foreach (var session in closed) session.Dispose();
    }
}
