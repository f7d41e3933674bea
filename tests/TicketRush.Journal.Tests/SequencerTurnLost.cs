using TicketRush.Engine;
using TicketRush.Journal.Files;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

/// <summary>
/// A batch that is known never to have been written is not "unknown": who waits for it is told that nothing has happened.
/// </summary>
public sealed class SequencerTurnLost : IDisposable
{
    private readonly ScratchDirectory _directory = new();

    [Fact]
    public async Task Whoever_decided_in_a_turn_that_was_lost_is_told_to_ask_again()
    {
        var path = _directory.File("sale.rush");
        FileJournal.TryCreate(path, "sale", Plan(10));
        var journal = new LosesTurns(FileJournal.Open(path));
        await using var sequencer = new Sequencer(journal, new() { RetryAfter = TimeSpan.FromMilliseconds(20) });
        await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } });

        journal.Loses = true;
        var lost = Purchase(1);
        Assert.Equal(Outcome.Busy, await sequencer.SubmitAsync(lost).AsTask().WaitAsync(Bound));
        Assert.Equal(0, lost.Reply.Sequence);
        Assert.Equal(1, sequencer.Figures.Answers(Outcome.Busy));
        Assert.Equal(0, sequencer.Figures.Answers(Outcome.Unknown));

        await TickUntilAsync(() => sequencer.Status.Kind == SequencerStatusKind.Selling, sequencer);
        Assert.Equal(0, sequencer.Snapshot!.Orders);
        Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(1)).AsTask().WaitAsync(Bound));
    }

    /// <summary>A database that is away would otherwise have every server read every busy journal from its start when it is back.</summary>
    [Fact]
    public async Task A_turn_that_does_not_come_costs_no_second_reading_of_the_journal()
    {
        var path = _directory.File("sale.rush");
        FileJournal.TryCreate(path, "sale", Plan(10));
        var journal = new LosesTurns(FileJournal.Open(path));
        await using var sequencer = new Sequencer(journal, new() { RetryAfter = TimeSpan.FromMilliseconds(20) });
        await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } });

        journal.IsAway = true;
        Assert.Equal(Outcome.Stopped, await sequencer.SubmitAsync(Purchase(1)).AsTask().WaitAsync(Bound));
        await TickUntilAsync(() => sequencer.Status.Kind == SequencerStatusKind.Selling, sequencer);
        Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(1)).AsTask().WaitAsync(Bound));
        Assert.Equal(0, journal.Rewound);

        // The control: what was decided and not written is thrown away.
        journal.Loses = true;
        Assert.Equal(Outcome.Busy, await sequencer.SubmitAsync(Purchase(2)).AsTask().WaitAsync(Bound));
        await TickUntilAsync(() => sequencer.Status.Kind == SequencerStatusKind.Selling, sequencer);
        Assert.Equal(1, journal.Rewound);
        Assert.Equal(1, sequencer.Snapshot!.Orders);
    }

    public void Dispose() => _directory.Dispose();

    private sealed class LosesTurns(IJournal journal) : PassThroughJournal(journal)
    {
        private volatile bool _loses, _isAway;

        public bool Loses
        {
            set => _loses = value;
        }

        public bool IsAway
        {
            set => _isAway = value;
        }

        public int Rewound { get; private set; }

        public override void TakeTurn(IBatchReader reader)
        {
            if (_isAway)
            {
                _isAway = false;
                throw new IOException("It is away.");
            }

            base.TakeTurn(reader);
        }

        public override void Rewind()
        {
            Rewound++;
            base.Rewind();
        }

        public override void Append(BatchBuffer batch, long timeMs)
        {
            if (_loses)
            {
                _loses = false;
                throw new TurnLostException("Another has it.");
            }

            base.Append(batch, timeMs);
        }
    }
}
