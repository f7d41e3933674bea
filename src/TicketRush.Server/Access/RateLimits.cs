using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace TicketRush.Server.Access;

/// <summary>
/// Who asks too often: by session and by network. A bucket holds a minute's worth and fills steadily. Bounded in memory: what
/// is full again is forgotten, and when too many are not, new ones share one bucket. For every thread.
/// </summary>
public sealed class RateLimits(BuyerLimits limits, TimeProvider time)
{
    private readonly Table _sessions = new(limits.SessionPerMinute, limits.RememberedMax, time);
    private readonly Table _networks = new(limits.NetworkPerMinute, limits.RememberedMax, time);
    private readonly Table _newSessions = new(limits.NewSessionsPerMinute, limits.RememberedMax, time);
    private readonly Table _wrongKeys = new(limits.WrongKeysPerMinute, limits.RememberedMax, time);

    /// <summary>Sessions and networks that are remembered at the moment.</summary>
    public int Remembered => _sessions.Count + _networks.Count + _newSessions.Count + _wrongKeys.Count;

    /// <summary>Counts a request of somebody without a key.</summary>
    /// <param name="retryAfter">Seconds until it would be served, when it is not.</param>
    public bool TryRequest(HttpContext http, out int retryAfter)
    {
        // The session first: what one buyer asks in vain must not use up what its neighbours may ask.
        if (Caller.Of(http) is { Kind: CallerKind.Buyer } buyer && !_sessions.TryTake(buyer.Session, out retryAfter)) return false;
        return _networks.TryTake(NetworkOf(http.Connection.RemoteIpAddress), out retryAfter);
    }

    public bool TryNewSession(HttpContext http) => _newSessions.TryTake(NetworkOf(http.Connection.RemoteIpAddress), out _);

    public bool TryWrongKey(HttpContext http, out int retryAfter) => TryWrongKey(http.Connection.RemoteIpAddress, out retryAfter);

    public bool TryWrongKey(IPAddress? address, out int retryAfter) => _wrongKeys.TryTake(NetworkOf(address), out retryAfter);

    /// <summary>What counts as one network: an IPv4 address, or the 64 bits of an IPv6 address that one customer is given.</summary>
    public static UInt128 NetworkOf(IPAddress? address)
    {
        if (address is null) return 0;
        Span<byte> bytes = stackalloc byte[16];
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        address.TryWriteBytes(bytes, out var length);
        if (address.AddressFamily == AddressFamily.InterNetworkV6) bytes[8..].Clear();
        return BinaryPrimitives.ReadUInt128BigEndian(bytes) | (UInt128)(uint)length;
    }

    /// <summary>Buckets by key. Each is one number: when it would be full again.</summary>
    internal sealed class Table(int perMinute, int max, TimeProvider time)
    {
        private const long MinuteTicks = TimeSpan.TicksPerMinute;

        private readonly Dictionary<UInt128, long> _fullAt = [];
        private readonly Lock _gate = new();
        private readonly long _cost = MinuteTicks / perMinute;
        private readonly long _start = time.GetTimestamp();
        private long _sweptAt = long.MinValue / 2;
        private long _othersFullAt;

        public int Count
        {
            get
            {
                lock (_gate) return _fullAt.Count;
            }
        }

        public bool TryTake(UInt128 key, out int retryAfter)
        {
            var now = time.GetElapsedTime(_start).Ticks;
            lock (_gate)
            {
                if (!_fullAt.TryGetValue(key, out var fullAt) && _fullAt.Count >= max && !Sweep(now))
                    return TryTake(ref _othersFullAt, now, out retryAfter);
                if (!TryTake(ref fullAt, now, out retryAfter)) return false;
                _fullAt[key] = fullAt;
                return true;
            }
        }

        private bool TryTake(ref long fullAt, long now, out int retryAfter)
        {
            var next = Math.Max(fullAt, now) + _cost;
            var tooMuch = next - now - MinuteTicks;
            retryAfter = tooMuch <= 0 ? 0 : (int)((tooMuch + TimeSpan.TicksPerSecond - 1) / TimeSpan.TicksPerSecond);
            if (tooMuch > 0) return false;
            fullAt = next;
            return true;
        }

        /// <summary>Forgets who has been quiet; once a second at the most, for it looks at everybody.</summary>
        private bool Sweep(long now)
        {
            if (now - _sweptAt < TimeSpan.TicksPerSecond) return false;
            _sweptAt = now;
            foreach (var (key, fullAt) in _fullAt)
            {
                if (fullAt <= now) _fullAt.Remove(key);
            }

            return _fullAt.Count < max;
        }
    }
}
