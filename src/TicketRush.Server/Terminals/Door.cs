using System.Net;
using TicketRush.Server.Access;

namespace TicketRush.Server.Terminals;

/// <summary>
/// Who may come in: so many connections at once, and few of them strangers, in all and from one network. Asked before a byte is read and
/// before any TLS, so that turning somebody away costs next to nothing. And how many of them one key may have, so that a shop whose program
/// runs wild leaves room for the others. For every thread.
/// </summary>
internal sealed class Door(TerminalLimits limits)
{
    private readonly Dictionary<UInt128, int> _strangers = [];
    private readonly Dictionary<string, int> _known = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private int _inside, _strangersInside;

    public int Inside
    {
        get
        {
            lock (_gate) return _inside;
        }
    }

    public int Strangers
    {
        get
        {
            lock (_gate) return _strangersInside;
        }
    }

    /// <returns>Null with the reason when there is no room.</returns>
    public Guest? TryEnter(IPAddress? address, out string reason)
    {
        var network = RateLimits.NetworkOf(address);
        lock (_gate)
        {
            var here = _strangers.GetValueOrDefault(network);
            reason = _inside >= limits.Connections ? "As many are connected as can be served."
                : _strangersInside >= limits.Strangers ? "As many connections as may be have not said who they are."
                : here >= limits.StrangersPerNetwork ? "As many connections of your network as may be have not said who they are."
                : "";
            if (reason.Length > 0) return null;
            _inside++;
            _strangersInside++;
            _strangers[network] = here + 1;
        }

        return new(this, network);
    }

    private bool TryKnow(Guest guest, string name)
    {
        lock (_gate)
        {
            if (guest.Name == name) return true;
            var there = _known.GetValueOrDefault(name);
            if (guest.HasLeft || there >= limits.ConnectionsPerKey) return false;
            Forget(guest);
            _known[name] = there + 1;
            guest.Name = name;
            return true;
        }
    }

    private void Leave(Guest guest)
    {
        lock (_gate)
        {
            if (guest.HasLeft) return;
            guest.HasLeft = true;
            Forget(guest);
            _inside--;
        }
    }

    /// <summary>It is no longer counted as what it was, a stranger or somebody.</summary>
    private void Forget(Guest guest)
    {
        if (guest.Name is { } name) CountDown(_known, name);
        else
        {
            _strangersInside--;
            CountDown(_strangers, guest.Network);
        }
    }

    // What counts nobody is not kept: names and networks come and go.
    private static void CountDown<T>(Dictionary<T, int> counts, T key)
        where T : notnull
    {
        if (--counts[key] == 0) counts.Remove(key);
    }

    /// <summary>One connection inside. Leaves when disposed.</summary>
    internal sealed class Guest(Door door, UInt128 network) : IDisposable
    {
        public UInt128 Network => network;

        /// <summary>Who it has proved to be; the door's to change.</summary>
        public string? Name { get; set; }

        public bool HasLeft { get; set; }

        /// <summary>It has proved that it has a key of that name, and is no stranger any more.</summary>
        /// <returns>False when as many connections with keys of that name are inside as may be; it stays who it was.</returns>
        public bool TryBecomeKnown(string name) => door.TryKnow(this, name);

        public void Dispose() => door.Leave(this);
    }
}
