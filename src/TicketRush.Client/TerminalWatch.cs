using System.Globalization;
using System.Runtime.CompilerServices;

namespace TicketRush.Client;

/// <summary>The entries of a sale, across as many connections as it takes.</summary>
internal static class TerminalWatch
{
    /// <exception cref="RushException">The sale cannot be watched, or the server is another one.</exception>
    public static async IAsyncEnumerable<TerminalEntry> RunAsync(
        TerminalOptions options, string sale, long after, [EnumeratorCancellation] CancellationToken stop)
    {
        long? lostAt = null;
        for (var tries = 0; ; tries++)
        {
            var watch = TerminalConnection.Frame("WATCH", sale, "AFTER", after.ToString(CultureInfo.InvariantCulture));
            TerminalPushes? pushes = null;
            try
            {
                pushes = await TerminalPushes.BeginAsync(options, watch, stop).ConfigureAwait(false);
            }
            catch (IOException)
            {
                // Again, after a pause.
            }
            catch (RushRefusedException e) when (MayPass(e.Code, lostAt, options.Retry))
            {
                // The same.
            }

            if (pushes is not null)
            {
                await using (pushes.ConfigureAwait(false))
                {
                    while (await pushes.NextAsync().ConfigureAwait(false) is { } entry)
                    {
                        // Only what came shows that this server serves: one that takes the watch and ends it is not asked in a loop.
                        (after, tries) = (entry.Sequence, 0);
                        yield return entry;
                    }
                }

                lostAt = Environment.TickCount64;
            }

            await Task.Delay(options.Retry.PauseAfter(tries), stop).ConfigureAwait(false);
        }
    }

    /// <summary>Whether a refusal may be over at the next try. <paramref name="lostAt"/> is when the watch lost its last connection, by
    /// the tick count; null before it had one.</summary>
    private static bool MayPass(string code, long? lostAt, RushRetry retry)
    {
        if (RushCodes.IsWorthAnotherTry(code)) return true;
        if (lostAt is not { } since) return false;

        // The server may not have noticed yet that the last connection is gone, which still has its place among the watches. And another
        // server of the sale may be a moment behind the one that the last entry came from, or not have opened it yet.
        return code == "TOO_MANY_WATCHES"
            || (code is "INVALID_REQUEST" or "UNKNOWN_SALE" && Environment.TickCount64 - since < retry.For.TotalMilliseconds);
    }
}
