using System.Diagnostics;
using TicketRush.Engine;
using TicketRush.Journal.Files;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

public sealed class SalesTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("rush-sales-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_sale_is_made_once_and_found_by_its_name()
    {
        await using var sales = new Sales(new DataDirectory(_directory));
        Assert.Null(sales.Find("concert"));
        Assert.Empty(sales.All());

        Assert.True(sales.TryCreate("concert", Plan(10)));
        Assert.False(sales.TryCreate("concert", Plan(20)));
        Assert.True(sales.TryCreate("another", Plan(20)));

        var concert = sales.Find("concert")!;
        Assert.Same(concert, sales.Find("concert"));
        Assert.Equal(10, concert.Sequencer!.Snapshot!.Pools[0].Capacity);
        Assert.Equal(["another", "concert"], sales.All().Select(sale => sale.Name));
    }

    [Theory]
    [InlineData("../concert")]
    [InlineData("")]
    [InlineData("a/b")]
    public async Task A_name_that_is_none_finds_nothing(string name)
    {
        await using var sales = new Sales(new DataDirectory(_directory));
        sales.TryCreate("concert", Plan(10));
        Assert.Null(sales.Find(name));
    }

    [Fact]
    public async Task What_another_process_makes_is_found_and_sold_from_by_both()
    {
        await using var here = new Sales(new DataDirectory(_directory));
        await using var there = new Sales(new DataDirectory(_directory));
        Assert.True(there.TryCreate("concert", Plan(10)));
        Assert.False(here.TryCreate("concert", Plan(10)));
        Assert.Equal("concert", Assert.Single(here.All()).Name);

        var (mine, theirs) = (here.Find("concert")!.Sequencer!, there.Find("concert")!.Sequencer!);
        Assert.Equal(Outcome.Done, await mine.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } }));
        Assert.Equal(Outcome.Done, await theirs.SubmitAsync(Purchase(0)));
        await UntilAsync(() => mine.Snapshot!.Pools[0].Sold == 1); // By the watch alone.
    }

    [Fact]
    [Trait("Storm", "true")]
    public async Task A_damaged_sale_is_told_while_the_others_sell_and_opens_again_when_repaired()
    {
        var data = new DataDirectory(_directory);
        data.TryCreate("good", Plan(10));
        data.TryCreate("bad", Plan(10));

        // With another batch behind it, it cannot be what a power cut left of the last one.
        await using (var sales = new Sales(data))
            Assert.Equal(Outcome.Done, await sales.Find("bad")!.Sequencer!.SubmitAsync(
                new() { Command = new() { Kind = CommandKind.Open } }));
        var whole = File.ReadAllBytes(data.JournalPath("bad"));
        var damaged = whole.ToArray();
        damaged[FileHeader.Size + 200] ^= 1;
        File.WriteAllBytes(data.JournalPath("bad"), damaged);

        var told = new List<(string, SequencerStatusKind)>();
        await using var again = new Sales(data, (name, status) => { lock (told) told.Add((name, status.Kind)); });
        Assert.Equal(["bad", "good"], again.All().Select(sale => sale.Name));
        var bad = again.Find("bad")!;
        Assert.Null(bad.Sequencer);
        Assert.IsType<JournalDamagedException>(bad.Error);
        Assert.Equal(SequencerStatusKind.Stopped, bad.Status.Kind);
        Assert.Contains("damaged", bad.Status.Reason);
        Assert.Equal([("bad", SequencerStatusKind.Stopped)], told);

        var good = again.Find("good")!.Sequencer!;
        Assert.Equal(Outcome.Done, await good.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } }));
        Assert.Equal(Outcome.Done, await good.SubmitAsync(Purchase(0)));
        Assert.Equal(damaged, File.ReadAllBytes(data.JournalPath("bad")));

        File.WriteAllBytes(data.JournalPath("bad"), whole);
        await UntilAsync(() => again.Find("bad")!.Sequencer is not null);
        Assert.Equal(Outcome.Done, await again.Find("bad")!.Sequencer!.SubmitAsync(Purchase(0)));
    }

    /// <summary>A store that is away is waited for by the one who tries again, and by nobody else.</summary>
    [Fact]
    [Trait("Storm", "true")]
    public async Task Who_asks_for_a_sale_that_another_is_opening_again_is_told_how_it_stands()
    {
        using var store = new SlowStore();
        await using var sales = new Sales(store);
        Assert.IsType<IOException>(sales.Find("concert")!.Error);
        store.IsSlow = true;
        var first = Task.Run(async () =>
        {
            while (!store.IsOpening)
            {
                sales.Find("concert");
                await Task.Delay(20);
            }
        });
        await UntilAsync(() => store.IsOpening);
        Assert.IsType<IOException>((await Task.Run(() => sales.Find("concert")).WaitAsync(Bound))!.Error);
        Assert.False(first.IsCompleted);
        store.LetGo();
        await first;
    }

    [Fact]
    public async Task Keys_are_made_once_kept_and_their_owners_only()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => new DataDirectory(_directory))));
        var keys = Path.Combine(_directory, "identity.keys");
        var text = File.ReadAllText(keys);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(keys));

        Assert.Single(made.Append(new DataDirectory(_directory)).Select(data => data.Identities.Buyer("Ada")).Distinct());
        Assert.NotEqual(made[0].Identities.Buyer("Ada").Value, made[0].Identities.Key([], "Ada").Value);
        Assert.Equal(text, File.ReadAllText(keys));
        Assert.Equal([keys], Directory.GetFiles(_directory));
    }

    [Fact]
    public async Task Disposing_under_load_answers_everybody()
    {
        var sales = new Sales(new DataDirectory(_directory));
        sales.TryCreate("concert", Plan(10_000));
        var sequencer = sales.Find("concert")!.Sequencer!;
        await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } });
        var answers = Enumerable.Range(0, 1_000).Select(id => sequencer.SubmitAsync(Purchase(id)).AsTask()).ToArray();
        await sales.DisposeAsync();

        Assert.All(await Task.WhenAll(answers).WaitAsync(Bound), outcome => Assert.Equal(Outcome.Done, outcome));
        Assert.Equal(1_000, Read(Path.Combine(_directory, "concert.rush")).Pools[0].Sold);
    }

    private sealed class SlowStore : ISaleStore
    {
        private readonly ManualResetEventSlim _go = new();

        public bool IsSlow { get; set; }

        public volatile bool IsOpening;

        public string Name => "slow";

        public Identities Identities => new(1, 2);

        public ISecrets Secrets => throw new NotSupportedException();

        public void LetGo() => _go.Set();

        public IEnumerable<string> Sales() => ["concert"];

        public bool Has(string sale) => true;

        public bool TryCreate(string sale, Plan plan, string? by = null) => false;

        public IJournal Open(string sale)
        {
            if (IsSlow)
            {
                IsOpening = true;
                _go.Wait();
            }

            throw new IOException("It is away.");
        }

        public void Dispose() => _go.Dispose();
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        for (var start = Stopwatch.GetTimestamp(); !isSo(); await Task.Delay(10))
            Assert.True(Stopwatch.GetElapsedTime(start) < Bound, "It did not come to be so in time.");
    }
}
