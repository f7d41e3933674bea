using System.Diagnostics.Metrics;
using TicketRush.Engine;

namespace TicketRush.Journal;

/// <summary>
/// The sales path as <see cref="System.Diagnostics.Metrics"/>. What happens for every decision is only counted, and read when
/// somebody collects; what happens once a batch is a histogram. A sale's name is its only tag of ours: never an id or a buyer.
/// </summary>
internal sealed class SalesMeter : IDisposable
{
    public const string Name = "TicketRush.Sales";

    private static readonly (Outcome Outcome, KeyValuePair<string, object?> Tag)[] Outcomes =
    [
        .. Enum.GetValues<Outcome>().Where(outcome => outcome != Outcome.None)
            .Select(outcome => (outcome, new KeyValuePair<string, object?>("outcome", outcome.ToString()))),
    ];

    private static readonly (Refusal Refusal, KeyValuePair<string, object?> Tag)[] Refusals =
    [
        .. Enum.GetValues<Refusal>().Where(refusal => refusal != Refusal.None)
            .Select(refusal => (refusal, new KeyValuePair<string, object?>("code", refusal.ToString()))),
    ];

    private readonly Func<ICollection<OpenSale>> _sales;
    private readonly Meter _meter = new(Name);
    private readonly Histogram<int> _entries;
    private readonly Histogram<double> _flushes, _turns;

    public SalesMeter(Func<ICollection<OpenSale>> sales)
    {
        _sales = sales;
        double[] seconds = [0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5];
        int[] counts = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000];
        _entries = _meter.CreateHistogram<int>(
            "ticketrush.batch.entries", "{entry}", "Entries of a batch.", null, new() { HistogramBucketBoundaries = counts });
        _flushes = _meter.CreateHistogram<double>(
            "ticketrush.flush.duration", "s", "Writing and flushing a batch.", null, new() { HistogramBucketBoundaries = seconds });
        _turns = _meter.CreateHistogram<double>(
            "ticketrush.turn.wait", "s", "Waiting for the turn.", null, new() { HistogramBucketBoundaries = seconds });
        _meter.CreateObservableCounter("ticketrush.decisions", Decisions, "{command}", "Commands that were answered, by outcome.");
        _meter.CreateObservableCounter("ticketrush.refusals", RefusalCounts, "{command}", "Commands that a sale refused, by code.");
        _meter.CreateObservableGauge("ticketrush.inbox.depth", Depths, "{command}", "Commands that wait for the next batch.");
        _meter.CreateObservableGauge("ticketrush.places", Places, "{place}", "Places of a pool, by state.");
    }

    public SaleMetrics Of(string sale) => new(_entries, _flushes, _turns, new("sale", sale));

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<long>> Decisions()
    {
        foreach (var (name, sequencer) in Open())
        {
            foreach (var (outcome, tag) in Outcomes) yield return new(sequencer.Figures.Answers(outcome), new("sale", name), tag);
        }
    }

    private IEnumerable<Measurement<long>> RefusalCounts()
    {
        foreach (var (name, sequencer) in Open())
        {
            foreach (var (refusal, tag) in Refusals)
            {
                // A code that never came is left out: 25 zeros for each of a thousand sales would tell nobody anything.
                if (sequencer.Figures.Refused(refusal) is > 0 and var count) yield return new(count, new("sale", name), tag);
            }
        }
    }

    private IEnumerable<Measurement<int>> Depths() =>
        Open().Select(sale => new Measurement<int>(sale.Sequencer.InboxDepth, new KeyValuePair<string, object?>("sale", sale.Name)));

    private IEnumerable<(string Name, Sequencer Sequencer)> Open()
    {
        foreach (var sale in _sales())
        {
            if (sale.Sequencer is { } sequencer) yield return (sale.Name, sequencer);
        }
    }

    private IEnumerable<Measurement<int>> Places()
    {
        foreach (var (name, sequencer) in Open())
        {
            if (sequencer.Snapshot is not { } snapshot) continue;
            for (var i = 0; i < snapshot.Pools.Length; i++)
            {
                var count = snapshot.Pools[i];
                foreach (var (state, places) in new[] { ("free", count.Free), ("held", count.Held), ("sold", count.Sold),
                    ("blocked", count.Blocked) })
                    yield return new(places, new("sale", name), new("pool", snapshot.Plan.Pools[i].Id), new("state", state));
            }
        }
    }
}

/// <summary>The histograms of one sale.</summary>
internal sealed class SaleMetrics(Histogram<int> entries, Histogram<double> flushes, Histogram<double> turns,
    KeyValuePair<string, object?> sale)
{
    public void Batch(int count, TimeSpan took)
    {
        entries.Record(count, sale);
        flushes.Record(took.TotalSeconds, sale);
    }

    public void Turn(TimeSpan waited) => turns.Record(waited.TotalSeconds, sale);
}
