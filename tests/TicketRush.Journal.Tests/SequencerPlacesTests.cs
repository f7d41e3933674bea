using TicketRush.Engine;
using TicketRush.Journal.Audit;
using TicketRush.Journal.Files;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

/// <summary>
/// Goal: what a sale does by itself when places come back, it does in the batch that brought them back, on the disk, in every process
/// that opens the journal, and before anybody else is decided. Method: real files; a second process where it matters; the auditor.
/// </summary>
public sealed class SequencerPlacesTests
{
    private static Plan Train(long? numbersAt = null, int holdSeconds = 600) => Plan(1, holdSeconds) with
    {
        Stops = [new("a", "A"), new("b", "B"), new("c", "C")],
        Pools =
        [
            new("now", 2, 0) { Rows = [new("1", "1", "A-B")], Travel = Travel.SeatNow },
            new("later", 2, 0) { Rows = [new("2", "1", "A-B")], Travel = Travel.SeatLater, NumbersAtMs = numbersAt },
        ],
        Tiers = [new("now", "Now", "now", 0) { LegPrices = [10, 20] }, new("later", "Later", "later", 5)],
        Rules = new(holdSeconds, Extensions: 1, PerOrder: 2, PerBuyer: 6) { Waitlist = true },
    };

    private sealed class Rig : IAsyncDisposable
    {
        private readonly string _directory = Directory.CreateTempSubdirectory("rush-places-").FullName;
        private readonly List<Sequencer> _open = [];

        public string Path => System.IO.Path.Combine(_directory, "sale.rush");

        public static async Task<Rig> OpenAsync(Plan plan)
        {
            var rig = new Rig();
            FileJournal.TryCreate(rig.Path, "sale", plan);
            Assert.Equal(Outcome.Done,
                await rig.Process().SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } }).AsTask().WaitAsync(Bound));
            return rig;
        }

        public Sequencer First => _open[0];

        /// <summary>Another process on the same journal.</summary>
        public Sequencer Process(Func<IJournal, IJournal>? with = null)
        {
            IJournal journal = FileJournal.Open(Path);
            _open.Add(new(with?.Invoke(journal) ?? journal, new() { RetryAfter = TimeSpan.FromMilliseconds(20) }));
            return _open[^1];
        }

        /// <summary>As a process leaves it that dies between the two: the release is on the disk, the offer is not.</summary>
        public void ReleaseWithoutOffer(int id)
        {
            using var journal = FileJournal.Open(Path);
            journal.TakeTurn(new Nothing());
            var batch = new BatchBuffer();
            batch.Add(new Entry { Kind = EntryKind.Released, Hold = new(Spread(id)) });
            journal.Append(batch, journal.NowMs);
            journal.ReleaseTurn();
        }

        public Task<(Outcome Outcome, Reply Reply)> AskAsync(Command command, Sequencer? of = null) => SubmitAsync(of ?? First, command);

        public Task<(Outcome Outcome, Reply Reply)> HoldAsync(
            int id, int tier, int from, int to, CommandKind kind = CommandKind.Hold, int places = 1, Sequencer? of = null,
                int exchanged = 0)
        {
            var command = new Command
            {
                Kind = kind, Hold = new(Spread(id)), Of = new(Spread(exchanged)), Buyer = new(Spread(id) + 1), Plan = First.Snapshot!.Plan,
                    From = (ushort)from,
                To = (ushort)to, Reference = new(1),
            };
            command.Lines.TryAdd((ushort)tier, (ushort)places);
            return SubmitAsync(of ?? First, command);
        }

        public Task<(Outcome Outcome, Reply Reply)> FindAsync(int id, Sequencer? of = null) =>
            SubmitAsync(of ?? First, new() { Kind = CommandKind.FindHold, Hold = new(Spread(id)) });

        public string[] Kinds()
        {
            using var auditor = new Auditor(Path);
            var kinds = new List<string>();
            auditor.OnEntry = entry => kinds.Add(entry.Kind);
            var result = auditor.Verify();
            Assert.True(result.Verdict == AuditVerdict.Good, string.Join("; ", result.Problems));
            return [.. kinds];
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var sequencer in _open) await sequencer.DisposeAsync();
            Directory.Delete(_directory, recursive: true);
        }

        private static async Task<(Outcome, Reply)> SubmitAsync(Sequencer sequencer, Command command)
        {
            var submission = new Submission { Command = command };
            var outcome = await sequencer.SubmitAsync(submission).AsTask().WaitAsync(Bound);
            return (outcome, submission.Reply);
        }
    }

    [Fact]
    public async Task What_comes_back_is_offered_in_the_same_batch_and_before_who_asks_next()
    {
        await using var rig = await Rig.OpenAsync(Train());
        await rig.HoldAsync(1, 0, 0, 2, places: 2);
        Assert.Equal(Refusal.SoldOut, (await rig.HoldAsync(2, 0, 0, 1)).Reply.Refusal);
        var (outcome, reply) = await rig.HoldAsync(3, 0, 0, 1, CommandKind.Wait);
        Assert.Equal((Outcome.Done, HoldState.Waiting), (outcome, reply.State));
        var before = rig.First.Appended.Batches;

        // One turn takes both: the release, and somebody who wants the seat that it frees. Who waited has it.
        Task<(Outcome, Reply Reply)> release, rush;
        using (new HeldTurn(rig.Path))
        {
            release = rig.AskAsync(new() { Kind = CommandKind.Release, Hold = new(Spread(1)) });
            rush = rig.HoldAsync(4, 0, 0, 1, places: 2);
        }

        await release;
        Assert.Equal(Refusal.NotEnough, (await rush).Reply.Refusal);
        Assert.InRange(rig.First.Appended.Batches - before, 1, 2);
        (_, reply) = await rig.FindAsync(3);
        Assert.Equal((HoldState.Held, 0), (reply.State, reply.Given!.Seats.AsSpan()[0]));
        Assert.Equal(["Planned", "Opened", "HeldPlaces", "Waited", "Released", "Offered"], rig.Kinds());
    }

    [Fact]
    public async Task Another_process_offers_what_the_one_that_freed_it_did_not_live_to_offer()
    {
        await using var rig = await Rig.OpenAsync(Train());
        await rig.HoldAsync(1, 0, 0, 2, places: 2);
        await rig.HoldAsync(2, 0, 0, 2, CommandKind.Wait, places: 2);

        rig.ReleaseWithoutOffer(1);
        var other = rig.Process();
        await TickUntilAsync(() => other.Snapshot!.Waiting == 0, other);
        Assert.Equal(HoldState.Held, (await rig.FindAsync(2, other)).Reply.State);
        Assert.Equal(HoldState.Held, (await rig.FindAsync(2)).Reply.State);
        Assert.Equal("Offered", rig.Kinds()[^1]);
    }

    [Fact]
    public async Task With_no_room_for_an_offer_nobody_is_given_anything_and_everybody_is_told_what_was_decided()
    {
        await using var rig = await Rig.OpenAsync(Train());
        var first = (await rig.HoldAsync(1, 0, 0, 2, places: 2)).Reply;
        await rig.HoldAsync(2, 0, 0, 1, CommandKind.Wait);
        rig.ReleaseWithoutOffer(1);

        FullDisk disk = null!;
        var full = rig.Process(journal => disk = new(journal));
        Assert.Equal(Outcome.DiskFull, (await rig.HoldAsync(3, 0, 0, 2, of: full)).Outcome);
        Assert.Equal((Outcome.Done, HoldState.Released),
            (await rig.FindAsync(1, full)) is var (found, hold) ? (found, hold.State) : default);
        Assert.Equal((Outcome.Done, first.Sequence),
            (await rig.HoldAsync(1, 0, 0, 2, places: 2, of: full)) is var (again, told) ? (again, told.Sequence) : default);

        disk.IsFull = false;
        await TickUntilAsync(() => full.Snapshot!.Waiting == 0, full);
        Assert.Equal((Outcome.Done, HoldState.Held),
            (await rig.HoldAsync(3, 0, 0, 2, of: full)) is var (now, given) ? (now, given.State) : default);
        Assert.Equal(["Released", "Offered", "HeldPlaces"], rig.Kinds()[^3..]);
    }

    [Fact]
    public async Task What_runs_out_goes_to_who_waits_with_nobody_asking()
    {
        await using var rig = await Rig.OpenAsync(Train(holdSeconds: 1));
        await rig.HoldAsync(1, 0, 0, 2, places: 2);
        await rig.HoldAsync(2, 0, 1, 2, CommandKind.Wait);
        await TickUntilAsync(() => rig.First.Snapshot!.Waiting == 0, rig.First);
        Assert.Contains("Offered", rig.Kinds());
    }

    [Fact]
    public async Task Seats_get_their_numbers_at_their_time_with_nobody_asking_and_once()
    {
        var at = DateTimeOffset.UtcNow.AddSeconds(2).ToUnixTimeMilliseconds();
        await using var rig = await Rig.OpenAsync(Train(numbersAt: at));
        Assert.Equal(-1, (await rig.HoldAsync(1, 1, 0, 1, CommandKind.Purchase)).Reply.Given!.Seats.AsSpan()[0]);
        await rig.HoldAsync(2, 1, 1, 2, CommandKind.Purchase);
        var other = rig.Process();
        await TickUntilAsync(() => rig.First.Snapshot!.Views[1]!.SeatCount == 2, rig.First, other);
        await TickUntilAsync(() => other.Snapshot!.Views[1]!.SeatCount == 2, rig.First, other);
        Assert.Single(rig.Kinds(), kind => kind == "Numbered");

        // From now on a seat is given at once, by both; and asking for numbers again is refused.
        Assert.True((await rig.HoldAsync(3, 1, 0, 2, of: other)).Reply.Given!.Seats.AsSpan()[0] >= 0);
        Assert.Equal(Refusal.CannotNumber, (await rig.AskAsync(new() { Kind = CommandKind.Number, Pool = 1 })).Reply.Refusal);
        Assert.True((await rig.FindAsync(1)).Reply.Given!.Seats.AsSpan()[0] >= 0);
    }

    [Fact]
    public async Task An_exchange_is_one_entry_and_asking_again_elsewhere_gives_its_first_answer()
    {
        await using var rig = await Rig.OpenAsync(Train());
        await rig.HoldAsync(1, 0, 0, 2, CommandKind.Purchase, places: 2);
        await rig.HoldAsync(2, 0, 0, 1, CommandKind.Wait);

        // All seats are sold, and they are given for themselves: never without an owner, and nobody comes between.
        var (outcome, first) = await rig.HoldAsync(3, 0, 1, 2, CommandKind.Exchange, places: 2, exchanged: 1);
        Assert.Equal((Outcome.Done, HoldState.Paid, 60L), (outcome, first.State, first.Given!.Credit));
        var other = rig.Process();
        var again = (await rig.HoldAsync(3, 0, 1, 2, CommandKind.Exchange, places: 2, of: other, exchanged: 1)).Reply;
        Assert.Equal((first.Sequence, first.FirstTicket), (again.Sequence, again.FirstTicket));
        Assert.Equal(["Planned", "Opened", "PurchasedPlaces", "Waited", "Exchanged", "Offered"], rig.Kinds());
        Assert.Equal(HoldState.Held, (await rig.FindAsync(2, other)).Reply.State);
    }

    [Fact]
    public async Task An_order_is_exchanged_by_its_number_by_who_may_see_all()
    {
        await using var rig = await Rig.OpenAsync(Train());
        var bought = (await rig.HoldAsync(1, 0, 0, 1, CommandKind.Purchase)).Reply;
        var command = new Command
        {
            Kind = CommandKind.Exchange, Hold = new(Spread(2)), Order = bought.Sequence, Plan = rig.First.Snapshot!.Plan, From = 1, To = 2,
                Reference = new(1),
        };
        command.Lines.TryAdd(0, 1);
        Assert.Equal(Refusal.UnknownHold, (await rig.AskAsync(command with { Whose = Whose.Buyers, Buyer = new(Spread(1)
            + 1) })).Reply.Refusal);
        Assert.Equal(Refusal.UnknownHold, (await rig.AskAsync(command with { Order = bought.Sequence + 1 })).Reply.Refusal);
        var (outcome, reply) = await rig.AskAsync(command);
        Assert.Equal((Outcome.Done, HoldState.Paid, 10L), (outcome, reply.State, reply.Given!.Credit));
        Assert.Equal(reply.Sequence, (await rig.AskAsync(command)).Reply.Sequence);
        Assert.Equal(Refusal.IdReused, (await rig.AskAsync(command with { Order = 0, Of = new(Spread(1)) })).Reply.Refusal);
        rig.Kinds();
    }

    /// <summary>There is no room for an entry, until there is.</summary>
    private sealed class FullDisk(IJournal journal) : PassThroughJournal(journal)
    {
        private volatile bool _isFull = true;

        public bool IsFull
        {
            set => _isFull = value;
        }

        public override int Reserve(int length) => _isFull ? 0 : base.Reserve(length);
    }

    private sealed class Nothing : IBatchReader
    {
        public void OnBatch(in BatchHeader header, ReadOnlySpan<byte> entries) { }
    }

    private sealed class HeldTurn : IDisposable
    {
        private readonly FileJournal _journal;

        public HeldTurn(string path)
        {
            _journal = FileJournal.Open(path);
            _journal.TakeTurn(new Nothing());
        }

        public void Dispose()
        {
            _journal.ReleaseTurn();
            _journal.Dispose();
        }
    }
}
