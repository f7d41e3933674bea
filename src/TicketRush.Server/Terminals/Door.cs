using System.Net;
using TicketRush.Server.Access;

namespace TicketRush.Server.Terminals;

/// <summary>
/// Who may come in: so many connections at once, and few of them strangers, in all and from one network. Asked before a byte is read and
/// before any TLS, so that turning somebody away costs next to nothing. For every thread.
/// </summary>
internal sealed class Door(TerminalLimits limits)
{
    private readonly Dictionary<UInt128, int> _strangers = [];
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

    private void Know(UInt128 network)
    {
        lock (_gate)
        {
            _strangersInside--;
            if (--_strangers[network] is var left && left == 0) _strangers.Remove(network);
        }
    }

    private void Leave()
    {
        lock (_gate) _inside--;
    }

    /// <summary>One connection inside. Leaves when disposed.</summary>
    internal sealed class Guest(Door door, UInt128 network) : IDisposable
    {
        private int _known, _gone;

        /// <summary>It has proved who it is: it is no stranger any more.</summary>
        public void BecomeKnown()
        {
            if (Interlocked.Exchange(ref _known, 1) == 0) door.Know(network);
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _gone, 1) != 0) return;
            BecomeKnown();
            door.Leave();
        }
    }
}
