using System.Security.Cryptography;
using TicketRush.Journal;
using TicketRush.Server.Access;

namespace TicketRush.Server.Terminals;

/// <summary>What all connections of the terminals port share.</summary>
internal sealed class TerminalServices(
    Sales sales, ISaleStore store, KeyRing keys, RateLimits rates, TerminalLimits limits, TurnedAway turnedAway, TimeProvider time)
{
    // For keys that are not there: whoever asks for one is answered as if it were.
    private readonly byte[] _noKey = RandomNumberGenerator.GetBytes(32);
    private long _lastConnection;
    private readonly Dictionary<string, int> _watches = new(StringComparer.Ordinal);
    private int _allWatches;
    private long _watchedHolds;

    public Sales Sales => sales;

    public ISaleStore Store => store;

    public KeyRing Keys => keys;

    public RateLimits Rates => rates;

    public TerminalLimits Limits => limits;

    public TurnedAway TurnedAway => turnedAway;

    public TimeProvider Time => time;

    public Door Door { get; } = new(limits);

    public TerminalAsking Asking { get; } = new(sales.Identities);

    public long StartedAt { get; } = Environment.TickCount64;

    public ReadOnlySpan<byte> NoKey => _noKey;

    public long NextConnection() => Interlocked.Increment(ref _lastConnection);

    /// <param name="name">The name of the key with which is watched.</param>
    public bool TryBeginWatch(string name)
    {
        lock (_watches)
        {
            var there = _watches.GetValueOrDefault(name);
            if (_allWatches >= limits.Watches || there >= limits.WatchesPerKey) return false;
            _watches[name] = there + 1;
            _allWatches++;
            return true;
        }
    }

    public void EndWatch(string name)
    {
        lock (_watches)
        {
            _allWatches--;
            if (--_watches[name] == 0) _watches.Remove(name);
        }
    }

    /// <summary>Whether there is room for so many more holds in what all watches remember.</summary>
    public bool TryRememberHolds(int count)
    {
        if (Interlocked.Add(ref _watchedHolds, count) <= limits.WatchedHolds) return true;
        ForgetHolds(count);
        return false;
    }

    public void ForgetHolds(int count) => Interlocked.Add(ref _watchedHolds, -count);
}
