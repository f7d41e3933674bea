namespace TicketRush.Client;

/// <summary>One connection that watches one sale, until it ends or the server is out of reach.</summary>
internal sealed class TerminalPushes : IAsyncDisposable
{
    private static readonly byte[] Ping = TerminalConnection.Frame("PING");

    private readonly TerminalConnection _connection;
    private readonly CancellationTokenSource _alive;
    private readonly CancellationToken _stop;
    private readonly Task _guarding;

    private TerminalPushes(TerminalConnection connection, TimeSpan silenceMax, CancellationToken stop)
    {
        (_connection, _alive, _stop) = (connection, CancellationTokenSource.CreateLinkedTokenSource(stop), stop);
        _guarding = GuardAsync(silenceMax);
    }

    /// <exception cref="IOException">There is no connection.</exception>
    /// <exception cref="RushRefusedException">The key is not taken, or the sale cannot be watched.</exception>
    /// <exception cref="RushImpostorException">The server does not have the key.</exception>
    public static async Task<TerminalPushes> BeginAsync(TerminalOptions options, byte[] watch, CancellationToken stop)
    {
        var connection = await TerminalConnection.OpenAsync(options, stop).ConfigureAwait(false);
        try
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stop);
            deadline.CancelAfter(options.ConnectMax);

            // In version 3 replies stand between the pushes, and can be told from them.
            if (await connection.AskAsync(deadline.Token, "HELLO", "3").ConfigureAwait(false) is TerminalFailure old) throw old.Refused();
            await connection.SendAsync(watch, deadline.Token).ConfigureAwait(false);
            if (await connection.ReadAsync(deadline.Token).ConfigureAwait(false) is TerminalFailure failure) throw failure.Refused();
            return new(connection, options.Retry.AnswerMax, stop);
        }
        catch (Exception e)
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            if (e is OperationCanceledException && !stop.IsCancellationRequested) throw new IOException("The server says nothing.", e);
            throw;
        }
    }

    /// <returns>Null when the connection has ended.</returns>
    /// <exception cref="RushUnknownException">An entry came that cannot be read here.</exception>
    public async ValueTask<TerminalEntry?> NextAsync()
    {
        while (true)
        {
            try
            {
                var reply = await _connection.ReadAsync(_alive.Token).ConfigureAwait(false);
                if (reply is TerminalFailure) return null;
                if (reply is object?[] push && push is ["entry", ..]) return TerminalReplies.Entry(push);

                // The answer to a PING, or something newer.
            }
            catch (IOException)
            {
                return null;
            }
            catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
            {
                return null;
            }
            catch (FormatException e)
            {
                throw new RushUnknownException("An entry came that cannot be read here: the server is of another version.", e);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _alive.CancelAsync().ConfigureAwait(false);
        await _guarding.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _connection.DisposeAsync().ConfigureAwait(false);
        _alive.Dispose();
    }

    /// <summary>In a quiet sale nothing comes, and from a dead server nothing either. The one answers a PING.</summary>
    private async Task GuardAsync(TimeSpan silenceMax)
    {
        using var timer = new PeriodicTimer(silenceMax / 8);
        var hasPinged = false;
        while (await timer.WaitForNextTickAsync(_alive.Token).ConfigureAwait(false))
        {
            // A caller that takes its time between two entries is not the server's silence: nobody reads meanwhile.
            var silent = _connection.SilentFor;
            if (silent >= silenceMax) await _alive.CancelAsync().ConfigureAwait(false);
            else if (silent < silenceMax / 2) hasPinged = false;
            else if (!hasPinged)
            {
                hasPinged = true;

                // Not waited for: where nothing is taken any more either, the silence goes on.
                _ = PingAsync();
            }
        }
    }

    private async Task PingAsync()
    {
        try
        {
            await _connection.SendAsync(Ping, _alive.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The reader finds out.
        }
    }
}
