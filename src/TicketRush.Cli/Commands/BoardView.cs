using TicketRush.Engine;
using TicketRush.Server.Board;

namespace TicketRush.Cli.Commands;

/// <summary>What a board has shown so far of one sale: puts parts together, leaves out what is older, counts what was lost.</summary>
internal sealed class BoardView
{
    private const int ServersMax = 16;

    // A server that says nothing for so long no longer counts: three heartbeats.
    private const long SilenceMs = 3_000;

    private readonly SortedDictionary<string, int> _tiers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (long Last, long At)> _servers = new(StringComparer.Ordinal);
    private long _sequence = -1;
    private string _state = "", _sale = "", _source = "";
    private bool _isNews;

    /// <summary>Datagrams between the last two that came from the server that sent the last.</summary>
    public long Lost { get; private set; }

    /// <summary>Whether the last ends a state that says something which the one before it did not.</summary>
    public bool HasChanged { get; private set; }

    /// <param name="datagram">What came.</param>
    /// <param name="sale">The sale that is looked at.</param>
    /// <param name="nowMs">When it came, by a clock that never jumps.</param>
    /// <returns>False for what is no datagram of this sale, or comes late or twice.</returns>
    public bool Take(BoardDatagram datagram, string sale, long nowMs)
    {
        if (datagram.Sale != sale) return false;

        // Each server counts for itself; one that began anew has another name.
        var isKnown = _servers.TryGetValue(datagram.Server, out var server);
        if (isKnown && datagram.N <= server.Last) return false;
        if (!isKnown && _servers.Count == ServersMax) _servers.Remove(_servers.MinBy(one => one.Value.At).Key);
        _servers[datagram.Server] = (datagram.N, nowMs);
        Lost = isKnown ? datagram.N - server.Last - 1 : 0;
        _isNews |= Lost > 0;

        // Of two servers that sell one sale, one may be a moment behind. One that is alone is believed: it may have been restored.
        if (datagram.Sequence < _sequence)
        {
            var isBehind = datagram.Server != _source && _servers.TryGetValue(_source, out var ahead) && nowMs - ahead.At < SilenceMs;
            if (!isBehind) _tiers.Clear();
            else
            {
                HasChanged = false;
                return true;
            }
        }

        _isNews |= datagram.Sequence != _sequence || datagram.State != _state;
        (_sale, _source, _sequence, _state) = (sale, datagram.Server, datagram.Sequence, datagram.State);
        foreach (var (tier, free) in datagram.Tiers)
        {
            if (_tiers.TryGetValue(tier, out var before) ? before == free : _tiers.Count == Plan.TiersMax) continue;
            (_tiers[tier], _isNews) = (free, true);
        }

        // A state in parts is shown once, with its last.
        HasChanged = _isNews && datagram.Part == datagram.Parts;
        if (HasChanged) _isNews = false;
        return true;
    }

    /// <summary>For a terminal: nothing in it that a terminal would obey, whoever sent it.</summary>
    public string Line() =>
        $"{_sale}  {Plain(_state),-9}  {_sequence,8}  {string.Join("  ", _tiers.Select(tier => $"{Plain(tier.Key)} {tier.Value}"))}";

    private static string Plain(string text) => string.Concat(text.Select(c => c is > ' ' and <= '~' ? c : '?'));
}
