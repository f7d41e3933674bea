using System.Globalization;
using System.Text;
using System.Text.Json;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Api;

namespace TicketRush.Server.Live;

/// <summary>Something that is watched, written once for all its viewers. Only the loop touches it.</summary>
internal abstract class Channel
{
    /// <summary>What somebody has seen who has seen nothing.</summary>
    public const long NothingSeen = -1;

    /// <summary>A viewer hears at most ten times a second.</summary>
    private const int MessageEveryMs = 100;

    public int Viewers { get; set; }

    public long WrittenAt { get; private set; }

    /// <summary>Nothing has happened since the newest news were written.</summary>
    public bool IsCurrent { get; private set; }

    /// <summary>Grows with the news; below zero before there are any.</summary>
    public long Newest { get; protected set; } = NothingSeen;

    public void Look(long nowMs)
    {
        IsCurrent = IsSeen();
        if (IsCurrent || (WrittenAt > 0 && nowMs - WrittenAt < MessageEveryMs)) return;
        See();
        (WrittenAt, IsCurrent) = (nowMs, true);
    }

    /// <summary>What is sent to who has seen this and nothing later. Never changed once it was given.</summary>
    public abstract byte[] NewsSince(long seen);

    /// <summary>Whether what there is now was seen.</summary>
    protected abstract bool IsSeen();

    protected abstract void See();
}

/// <summary>What is free in a sale, by tier and pool: the newest snapshot, whole.</summary>
internal sealed class SaleChannel(OpenSale sale) : Channel
{
    private SaleSnapshot? _snapshot;
    private string? _state;
    private byte[] _news = [];

    public override byte[] NewsSince(long seen) => _news;

    // The state can change without an entry, when an opening or closing time comes.
    protected override bool IsSeen() => sale.Sequencer!.Snapshot == _snapshot && SaleEndpoints.StateOf(sale) == _state;

    protected override void See()
    {
        var (snapshot, state) = (sale.Sequencer!.Snapshot!, SaleEndpoints.StateOf(sale));
        (_snapshot, _state) = (snapshot, state);
        var json = SaleEndpoints.WriteAvailability(sale.Name, state, snapshot);
        _news = [.. Encoding.ASCII.GetBytes($"id: {snapshot.Sequence}\nevent: availability\ndata: "), .. json, .. "\n\n"u8];
        Newest++;
    }
}

/// <summary>
/// Which seats of a pool are free, one bit each. Who knows them as of a sequence since which this channel has looked on is told only
/// the bytes that have changed, as they are now: news that are missed or come twice do no harm. Everybody else is told all.
/// </summary>
internal sealed class SeatsChannel(OpenSale sale, int pool, int from, int to) : Channel
{
    // What viewers say that they have seen is theirs to say, and no reason to keep more than this.
    private const int WrittenMax = 64;

    private SaleSnapshot? _snapshot;
    private PoolView? _view;
    private byte[] _free = [];

    // For each byte, the sequence at which it was last seen to differ.
    private long[] _changedAt = [];

    // From this sequence on all changes are known.
    private long _knownSince;

    // Most viewers have seen the same: what they are told is written once.
    private readonly Dictionary<long, byte[]> _written = [];

    public override byte[] NewsSince(long seen)
    {
        if (seen < _knownSince) seen = NothingSeen;
        if (_written.TryGetValue(seen, out var news)) return news;
        news = Write(seen);
        if (_written.Count < WrittenMax) _written.Add(seen, news);
        return news;
    }

    protected override bool IsSeen() => sale.Sequencer!.Snapshot == _snapshot;

    protected override void See()
    {
        var snapshot = sale.Sequencer!.Snapshot!;
        _snapshot = snapshot;
        var view = pool < snapshot.Views.Length ? snapshot.Views[pool] : null;
        if (view == _view && _view is not null) return;
        _view = view;

        // A draft's plan may have lost the journey that somebody watches.
        var free = view is null || to > view.Legs ? [] : view.FreeSeats(from, to);
        if (free.Length != _free.Length || snapshot.Sequence < Newest || Newest == NothingSeen)
        {
            (_free, _changedAt, _knownSince, Newest) = (free, new long[free.Length], snapshot.Sequence, snapshot.Sequence);
            _written.Clear();
            return;
        }

        var changed = false;
        for (var at = 0; at < free.Length; at++)
        {
            if (free[at] == _free[at]) continue;
            (_changedAt[at], changed) = (snapshot.Sequence, true);
        }

        if (!changed) return;
        (_free, Newest) = (free, snapshot.Sequence);
        _written.Clear();
    }

    private byte[] Write(long seen)
    {
        using var buffer = new MemoryStream();
        var count = 0;
        foreach (var at in _changedAt) count += at > seen ? 1 : 0;

        // Written out, a byte takes about seven times what it takes in the whole.
        var isWhole = seen == NothingSeen || count * 7 > _free.Length * 4 / 3;
        buffer.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"id: {Newest}\nevent: {(isWhole ? "seats" : "changed")}\ndata: ")));
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("sequence", Newest);
            if (isWhole)
            {
                json.WriteBase64String("free", _free);
            }
            else
            {
                json.WriteNumber("since", seen);
                json.WriteStartArray("bytes");
                for (var at = 0; at < _changedAt.Length; at++)
                {
                    if (_changedAt[at] <= seen) continue;
                    json.WriteStartArray();
                    json.WriteNumberValue(at);
                    json.WriteNumberValue(_free[at]);
                    json.WriteEndArray();
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        buffer.Write("\n\n"u8);
        return buffer.ToArray();
    }
}
