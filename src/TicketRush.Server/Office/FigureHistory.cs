using System.Collections.Concurrent;
using TicketRush.Engine;
using TicketRush.Journal;
using TicketRush.Server.Api;
using TicketRush.Server.Live;

namespace TicketRush.Server.Office;

/// <summary>Looks once a second at what every sale has counted, so that a dashboard can show what happened lately.</summary>
internal sealed class FigureHistory(Sales sales, LiveUpdates live) : BackgroundService
{
    /// <summary>Seconds that are kept.</summary>
    public const int Length = 60;

    private readonly ConcurrentDictionary<string, History> _histories = new(StringComparer.Ordinal);

    public FiguresView Of(OpenSale sale)
    {
        var history = _histories.GetValueOrDefault(sale.Name);
        if (sale.Sequencer is not { } sequencer) return new([], [], null, null, null, null, null, live.Count);

        var figures = sequencer.Figures;
        var refused = Enum.GetValues<Refusal>().Select(refusal => (Code: Problems.Code(refusal), Count: figures.Refused(refusal)))
            .Where(one => one.Count > 0).OrderByDescending(one => one.Count).Take(8).ToArray();
        var (batches, entries) = sequencer.Appended;
        return new(
            history?.PerSecond() ?? new int[Length], refused, figures.Flushes == 0 ? null : figures.FlushTime.TotalMilliseconds / figures.Flushes,
            history?.WorstFlushMs, sequencer.InboxDepth, batches == 0 ? null : (double)entries / batches,
            figures.Turns == 0 ? null : figures.TurnWait.TotalMilliseconds / figures.Turns, live.Count);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                foreach (var sale in sales.Opened())
                {
                    if (sale.Sequencer?.Snapshot is { } snapshot) _histories.GetOrAdd(sale.Name, static _ => new()).Add(snapshot.Orders, sale.Sequencer.Figures);
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private sealed class History
    {
        private readonly int[] _perSecond = new int[Length];
        private readonly double[] _flushMs = new double[Length];
        private readonly Lock _gate = new();
        private int _next;
        private int _before = -1;

        /// <summary>The longest of the flushes that were looked at in the seconds that are kept.</summary>
        public double? WorstFlushMs
        {
            get
            {
                lock (_gate) return _flushMs.Max() is > 0 and var worst ? worst : null;
            }
        }

        public void Add(int orders, SequencerFigures figures)
        {
            lock (_gate)
            {
                _perSecond[_next] = _before < 0 ? 0 : Math.Max(0, orders - _before);
                _flushMs[_next] = figures.LastFlush.TotalMilliseconds;
                (_before, _next) = (orders, (_next + 1) % Length);
            }
        }

        public int[] PerSecond()
        {
            lock (_gate) return [.. _perSecond.AsSpan(_next), .. _perSecond.AsSpan(0, _next)];
        }
    }
}
