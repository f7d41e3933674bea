using TicketRush.Engine;
using TicketRush.Journal.Audit;
using TicketRush.Journal.Files;
using TicketRush.Journal.Postgres;
using TicketRush.Testing;
using static TicketRush.Journal.Tests.SequencerRig;

namespace TicketRush.Journal.Tests;

public sealed class SaleCopyTests(PostgresFixture fixture) : IDisposable
{
    private const string Sale = "spring";

    private readonly PostgresPlace _place = new(fixture.Server);
    private readonly ScratchDirectory _here = new();

    [Fact]
    public async Task A_sale_moves_to_the_database_and_back_and_goes_on_as_if_nothing_had_happened()
    {
        var (directory, store) = (new DataDirectory(_here.Path), _place.OpenStore());
        directory.TryCreate(Sale, Plan(100));
        var hash = await SellAsync(directory, first: 0, count: 30);
        var original = await File.ReadAllBytesAsync(directory.JournalPath(Sale), TestContext.Current.CancellationToken);

        var arrived = SaleCopy.Run(new(directory, Sale), new(store, Sale), Options, move: true);
        Assert.Equal((AuditVerdict.Good, hash.ToString()), (arrived.Verdict, arrived.Hash));
        Assert.False(directory.Has(Sale));
        Assert.Equal(IdentityKeys.Open(directory.Secrets), IdentityKeys.Open(store.Secrets));

        // A server that starts now has the keys that came with it.
        store = _place.OpenStore();
        hash = await SellAsync(store, first: 30, count: 30);
        using var elsewhere = new ScratchDirectory();
        var back = new DataDirectory(elsewhere.Path);
        arrived = SaleCopy.Run(new(store, Sale), new(back, Sale), Options, move: true);
        Assert.Equal((AuditVerdict.Good, hash.ToString(), 60), (arrived.Verdict, arrived.Hash, arrived.Orders));
        Assert.False(store.Has(Sale));
        Assert.Empty(store.Sales());

        // Byte for byte what it was, and more behind it.
        var copied = await File.ReadAllBytesAsync(back.JournalPath(Sale), TestContext.Current.CancellationToken);
        Assert.Equal(original.AsSpan(0, FileHeader.Size), copied.AsSpan(0, FileHeader.Size));
        await SellAsync(new DataDirectory(elsewhere.Path), first: 60, count: 10);
    }

    [Fact]
    public async Task While_it_moves_it_is_never_in_both_and_what_it_sells_meanwhile_stays_sold()
    {
        var (directory, store) = (new DataDirectory(_here.Path), _place.OpenStore());
        directory.TryCreate(Sale, Plan(100));
        await SellAsync(directory, 0, 5, close: false);
        await ChangeAsync(directory, CommandKind.Pause);

        // It takes a while to arrive, and goes on in the middle of that.
        Execute("""
            CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.2); RETURN NEW; END';
            CREATE TRIGGER slow BEFORE INSERT ON ticketrush.journal FOR EACH ROW EXECUTE FUNCTION slowly()
            """);
        var moving = Task.Run(() => SaleCopy.Run(new(directory, Sale), new(store, Sale), Options, move: true));
        var wasInBoth = false;
        await LookAsync(() => Ask("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") > 0);
        await ChangeAsync(directory, CommandKind.Close);
        await LookAsync(() => moving.IsCompleted);
        await Assert.ThrowsAsync<IOException>(() => moving);
        Assert.False(wasInBoth, "It could be sold from in both.");
        Assert.True(directory.Has(Sale));
        Assert.Equal((0, 0), (Ask("SELECT count(*) FROM ticketrush.sale"), Ask("SELECT count(*) FROM ticketrush.journal")));

        // Nobody disturbs it now.
        moving = Task.Run(() => SaleCopy.Run(new(directory, Sale), new(store, Sale), Options, move: true));
        await LookAsync(() => moving.IsCompleted);
        Assert.Equal(AuditVerdict.Good, (await moving).Verdict);
        Assert.False(wasInBoth, "It could be sold from in both.");
        Assert.False(directory.Has(Sale));
        Assert.True(store.Has(Sale));

        async Task LookAsync(Func<bool> isSo)
        {
            // First there, then here: what goes away here before it comes there is in neither, and never in both.
            for (var end = Environment.TickCount64 + 20_000; !isSo() && Environment.TickCount64 < end; await Task.Delay(1))
                wasInBoth |= Ask($"SELECT count(*) FROM ticketrush.sale WHERE name = '{Sale}'") > 0 && directory.Has(Sale);
        }
    }

    [Fact]
    public async Task When_its_name_is_taken_while_it_moves_it_stays_where_it_was()
    {
        var (directory, store) = (new DataDirectory(_here.Path), _place.OpenStore());
        directory.TryCreate(Sale, Plan(100));
        await SellAsync(directory, 0, 5);
        store.Secrets.Change(IdentityKeys.SecretName, _ => IdentityKeys.Open(directory.Secrets).Text);

        // Somebody makes a sale of that name when the other has just arrived.
        Execute("""
            CREATE FUNCTION taken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.name <> 'spring' THEN
                    INSERT INTO ticketrush.sale (name, header, tail_sequence, tail_time, tail_hash, tail_offset)
                    VALUES ('spring', '', 0, 0, '', 0);
                END IF;
                RETURN NEW; END $$;
            CREATE TRIGGER taken AFTER INSERT ON ticketrush.sale FOR EACH ROW EXECUTE FUNCTION taken()
            """);
        Assert.Throws<JournalRefusedException>(() => SaleCopy.Run(new(directory, Sale), new(store, Sale), Options, move: true));
        Assert.Equal([directory.JournalPath(Sale)], Directory.GetFiles(_here.Path, "*.rush*"));
        Assert.Equal((1, 0), (Ask("SELECT count(*) FROM ticketrush.sale"), Ask("SELECT count(*) FROM ticketrush.journal")));
        await SellAsync(directory, 0, 5);
    }

    /// <summary>What takes as long as the sale is long has no time limit: the limit of other statements is 5 s.</summary>
    [Fact]
    [Trait("Storm", "true")]
    public void A_long_sale_that_arrived_can_be_removed_however_long_that_takes()
    {
        var store = _place.OpenStore();
        Execute("""
            CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(6); RETURN NULL; END';
            CREATE TRIGGER slow BEFORE UPDATE OR DELETE ON ticketrush.journal FOR EACH STATEMENT EXECUTE FUNCTION slowly()
            """);
        store.TryCreate("another", Plan(1));
        store.Remove("another");
        Assert.Equal(0, Ask("SELECT count(*) FROM ticketrush.sale WHERE name = 'another'"));
    }

    [Fact]
    public async Task What_is_no_name_of_a_sale_is_not_moved()
    {
        var (directory, store) = (new DataDirectory(_here.Path), _place.OpenStore());
        directory.TryCreate(Sale, Plan(100));
        await SellAsync(directory, 0, 1);
        const string Odd = "Spring_'1'";
        File.Move(directory.JournalPath(Sale), directory.JournalPath(Odd));
        Assert.Throws<JournalRefusedException>(() => SaleCopy.Run(new(directory, Odd), new(store, Odd), Options, move: true));
        Assert.True(directory.Has(Odd));
    }

    /// <summary>Its ids are hashed under the keys that came with it: who has the old ones would find none, and sell the same id
    /// again.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_server_that_has_the_keys_of_before_does_not_sell_what_arrives(bool toDatabase)
    {
        using var elsewhere = new ScratchDirectory();
        ISaleStore from = toDatabase ? new DataDirectory(elsewhere.Path) : _place.OpenStore();
        Func<ISaleStore> open = toDatabase ? () => _place.OpenStore() : () => new DataDirectory(_here.Path);
        var (running, mover) = (open(), open());
        from.TryCreate(Sale, Plan(100));
        await SellAsync(from, 0, 5);
        SaleCopy.Run(new(from, Sale), new(mover, Sale), Options, move: true);

        for (var end = Environment.TickCount64 + 20_000; !running.Has(Sale); await Task.Delay(10))
            Assert.True(Environment.TickCount64 < end);
        var refused = Assert.Throws<JournalRefusedException>(() => running.Open(Sale));
        Assert.Contains("Start this server again", refused.Message, StringComparison.Ordinal);
        using var started = open().Open(Sale);
        started.TakeTurn(new Collector());
        started.ReleaseTurn();
        Assert.True(started.Tail.Sequence > 5);

        // And what it would make itself from now on is as little found.
        Assert.True(running.TryCreate("another", Plan(1)));
        Assert.Throws<JournalRefusedException>(() => running.Open("another"));
    }

    [Fact]
    public async Task An_open_sale_is_not_copied()
    {
        var (directory, store) = (new DataDirectory(_here.Path), _place.OpenStore());
        directory.TryCreate(Sale, Plan(100));
        await SellAsync(directory, 0, 1, close: false);

        Assert.Throws<JournalRefusedException>(() => SaleCopy.Run(new(directory, Sale), new(store, Sale), Options, move: true));
        Assert.True(directory.Has(Sale));
        Assert.False(store.Has(Sale));
    }

    [Fact]
    public async Task Nothing_is_copied_to_where_its_ids_would_not_be_found()
    {
        var (directory, store) = (new DataDirectory(_here.Path), _place.OpenStore());
        directory.TryCreate(Sale, Plan(100));
        await SellAsync(directory, 0, 1);
        store.TryCreate("another", Plan(1));

        Assert.Throws<JournalRefusedException>(() => SaleCopy.Run(new(directory, Sale), new(store, Sale), Options, move: false));
        Assert.False(store.Has(Sale));
    }

    /// <summary>It may get its name again: under other keys its ids would be found by nobody, and sold once more.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_was_set_aside_keeps_the_keys_that_it_was_sold_under(bool inDatabase)
    {
        using var elsewhere = new ScratchDirectory();
        using var third = new ScratchDirectory();
        var directory = new DataDirectory(_here.Path);
        ISaleStore store = inDatabase ? _place.OpenStore() : directory;
        store.TryCreate(Sale, Plan(100));
        await SellAsync(store, 0, 5);
        SaleCopy.Run(new(store, Sale), new(new DataDirectory(elsewhere.Path), Sale), Options, move: true);
        Assert.Empty(inDatabase ? _place.OpenStore().Sales() : directory.Sales());

        var keys = IdentityKeys.Open(store.Secrets);
        var other = new DataDirectory(third.Path);
        other.TryCreate("autumn", Plan(1));
        var refused = Assert.Throws<JournalRefusedException>(
            () => SaleCopy.Run(new(other, "autumn"), new(store, "autumn"), Options, move: false));
        Assert.Contains("set aside", refused.Message, StringComparison.Ordinal);
        Assert.Equal(keys, IdentityKeys.Open(store.Secrets));
        Assert.False(store.Has("autumn"));
    }

    [Fact]
    public async Task Who_has_a_sale_open_that_is_moved_away_stops_selling_it()
    {
        var store = _place.OpenStore();
        store.TryCreate(Sale, Plan(100));
        await SellAsync(store, 0, 1);
        await using var seller = new Sequencer(store.Open(Sale));
        SaleCopy.Run(new(store, Sale), new(new DataDirectory(_here.Path), Sale), Options, move: true);

        Assert.Equal(Outcome.Stopped, await seller.SubmitAsync(Find(0)).AsTask().WaitAsync(Bound));
        Assert.Equal(SequencerStatusKind.Stopped, seller.Status.Kind);
    }

    [Fact]
    public async Task When_its_name_is_taken_where_it_goes_it_is_sold_from_again_where_it_was()
    {
        var (here, there) = (_place.OpenStore(), _place.OpenStore());
        here.TryCreate(Sale, Plan(100));
        await SellAsync(here, 0, 5);
        await using var sales = new Sales(there);
        var sold = sales.Find(Sale)!;
        var original = sold.Sequencer!;
        var id = Ask($"SELECT id::bigint FROM ticketrush.sale WHERE name = '{Sale}'");

        // Somebody makes a sale of that name when the original has just been set aside, and a server takes a turn at it then.
        var (directory, taken) = (new DataDirectory(_here.Path), false);
        var to = new SalePlace(directory, Sale)
        {
            Platform = new FaultyPlatform
            {
                OnPublish = () =>
                {
                    Assert.False(directory.Has(Sale));
                    taken = directory.TryCreate(Sale, Plan(1));
                    Assert.Equal(Outcome.Stopped, original.SubmitAsync(Find(0)).AsTask().WaitAsync(Bound).Result);
                },
            },
        };
        Assert.Throws<JournalRefusedException>(() => SaleCopy.Run(new(here, Sale), to, Options, move: true));
        Assert.True(taken);
        Assert.Equal(id, Ask($"SELECT id::bigint FROM ticketrush.sale WHERE name = '{Sale}'"));
        Assert.True(sold.IsGone);

        // Whoever has the sale has the new sequencer in it.
        await UntilAsync(() => sales.Find(Sale)?.Sequencer != original);
        Assert.Same(sold, sales.Find(Sale));
        Assert.Equal(Outcome.Done, await sold.Sequencer!.SubmitAsync(Find(0)).AsTask().WaitAsync(Bound));
        Assert.Equal(
            Outcome.Done,
            await sold.Sequencer!.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } }).AsTask().WaitAsync(Bound));
        Assert.Equal(Outcome.Done, await sold.Sequencer.SubmitAsync(Purchase(7)).AsTask().WaitAsync(Bound));
    }

    [Fact]
    public async Task A_sale_that_is_moved_away_and_back_is_sold_from_again_and_an_older_copy_of_it_is_not()
    {
        var store = _place.OpenStore();
        store.TryCreate(Sale, Plan(100));
        await SellAsync(store, 0, 5);
        await using var sales = new Sales(store);
        var first = sales.Find(Sale)!.Sequencer!;
        var directory = new DataDirectory(_here.Path);
        SaleCopy.Run(new(store, Sale), new(directory, Sale), Options, move: true);
        Assert.Equal(Outcome.Stopped, await first.SubmitAsync(Find(0)).AsTask().WaitAsync(Bound));
        Assert.Same(first, sales.Find(Sale)!.Sequencer);

        SaleCopy.Run(new(new DataDirectory(_here.Path), Sale), new(store, Sale), Options, move: true);
        await UntilAsync(() => sales.Find(Sale)!.Sequencer != first);
        Assert.Equal(Outcome.Done, await sales.Find(Sale)!.Sequencer!.SubmitAsync(Find(0)).AsTask().WaitAsync(Bound));

        // In a directory nothing else remembers how far it went.
        using var elsewhere = new ScratchDirectory();
        var files = new DataDirectory(elsewhere.Path);
        files.TryCreate(Sale, Plan(100));
        await using var ofFiles = new Sales(files);
        var seller = ofFiles.Find(Sale)!.Sequencer!;
        var early = await File.ReadAllBytesAsync(files.JournalPath(Sale), TestContext.Current.CancellationToken);
        Assert.Equal(Outcome.Done, await seller.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } }));
        File.Move(files.JournalPath(Sale), files.JournalPath(Sale) + ".moved");
        Assert.Equal(Outcome.Stopped, await seller.SubmitAsync(Purchase(1)).AsTask().WaitAsync(Bound));
        await File.WriteAllBytesAsync(files.JournalPath(Sale), early, TestContext.Current.CancellationToken);
        for (var end = Environment.TickCount64 + 1_000; Environment.TickCount64 < end; await Task.Delay(20))
            Assert.Same(seller, ofFiles.Find(Sale)!.Sequencer);
        File.Move(files.JournalPath(Sale) + ".moved", files.JournalPath(Sale), overwrite: true);
        await UntilAsync(() => ofFiles.Find(Sale)!.Sequencer != seller);
        Assert.Equal(Outcome.Done, await ofFiles.Find(Sale)!.Sequencer!.SubmitAsync(Purchase(1)).AsTask().WaitAsync(Bound));
    }

    /// <summary>However long it took until then: when it is asked again, it is there.</summary>
    [Fact]
    public async Task A_sale_is_set_aside_though_the_answer_to_that_never_comes()
    {
        _place.OpenStore().TryCreate(Sale, Plan(100));
        await SellAsync(_place.OpenStore(), 0, 5);
        using var proxy = new CommitProxy(fixture.Server.Port);
        var store = OpenBehind(proxy, options => options with { ReconnectMax = TimeSpan.FromMilliseconds(300) });
        Slow(milliseconds: 600);
        Tail tail;
        using (var journal = store.Open(Sale))
        {
            journal.Read(new Collector());
            tail = journal.Tail;
        }

        proxy.Next = CommitFate.AnswerIsCut;
        var aside = store.TrySetAside(Sale, tail);
        Assert.Equal(1, proxy.Lost);
        Assert.NotNull(aside);
        Assert.Equal(1, Ask($"SELECT count(*) FROM ticketrush.sale WHERE name = '{aside}'"));
        Assert.Equal(0, Ask($"SELECT count(*) FROM ticketrush.sale WHERE name = '{Sale}'"));
    }

    [Fact]
    public async Task What_arrived_stays_when_nobody_can_tell_whether_the_original_was_set_aside()
    {
        _place.OpenStore().TryCreate(Sale, Plan(100));
        await SellAsync(_place.OpenStore(), 0, 5);
        using var proxy = new CommitProxy(fixture.Server.Port);
        var store = OpenBehind(proxy, options => options with
        {
            ReconnectMax = TimeSpan.FromMilliseconds(300), SetAsideSettleMax = TimeSpan.FromMilliseconds(600),
        });
        Slow(milliseconds: 600);
        var directory = new DataDirectory(_here.Path);
        var moving = Task.Run(() => SaleCopy.Run(new(store, Sale), new(directory, Sale), Options, move: true));
        await UntilAsync(() => Ask("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") > 0 || moving.IsCompleted);
        proxy.Next = CommitFate.AnswerIsCut;
        await UntilAsync(() => proxy.Lost > 0 || moving.IsCompleted);
        proxy.Dispose();

        var unknown = await Assert.ThrowsAsync<IOException>(() => moving);
        var arrived = Assert.Single(Directory.GetFiles(_here.Path, "*.arriving.*"));
        var aside = (string)fixture.Server.Ask("SELECT name FROM ticketrush.sale", Database)!;
        Assert.StartsWith($"{Sale}.moved.", aside, StringComparison.Ordinal);
        Assert.Contains(aside, unknown.Message, StringComparison.Ordinal);
        Assert.Contains(Path.GetFileNameWithoutExtension(arrived), unknown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_arrived_stays_when_a_directory_cannot_keep_that_the_original_was_set_aside()
    {
        var (directory, store) = (new DataDirectory(_here.Path), _place.OpenStore());
        directory.TryCreate(Sale, Plan(100));
        await SellAsync(directory, 0, 5);
        var from = new SalePlace(directory, Sale) { Platform = new FaultyPlatform { FailsDirectories = true } };
        var unknown = Assert.Throws<IOException>(() => SaleCopy.Run(from, new(store, Sale), Options, move: true));
        Assert.True(File.Exists(directory.JournalPath(Sale) + ".moved"));
        var arrived = (string)fixture.Server.Ask("SELECT name FROM ticketrush.sale", Database)!;
        Assert.StartsWith($"{Sale}.arriving.", arrived, StringComparison.Ordinal);
        Assert.Contains(arrived, unknown.Message, StringComparison.Ordinal);
        Assert.Contains($"{Sale}.rush.moved", unknown.Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _place.Dispose();
        _here.Dispose();
    }

    private PostgresOptions Options => new() { Connection = _place.Connection };

    private string Database => new Npgsql.NpgsqlConnectionStringBuilder(_place.Connection).Database!;

    private void Execute(string sql) => fixture.Server.Execute(sql, Database);

    private long Ask(string sql) => (long)fixture.Server.Ask(sql, Database)!;

    private PostgresStore OpenBehind(CommitProxy proxy, Func<PostgresOptions, PostgresOptions> change) => _place.OpenStore(
        change, new Npgsql.NpgsqlConnectionStringBuilder(_place.Connection) { Port = proxy.Port }.ConnectionString);

    /// <summary>Every change of a sale's row but that of a turn takes so long.</summary>
    private void Slow(int milliseconds) => Execute($"""
        CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep({milliseconds} / 1000.0); RETURN NEW; END';
        CREATE TRIGGER slow BEFORE INSERT OR UPDATE OF name ON ticketrush.sale FOR EACH ROW EXECUTE FUNCTION slowly()
        """);

    private static async Task UntilAsync(Func<bool> isSo)
    {
        for (var start = Environment.TickCount64; !isSo(); await Task.Delay(5))
            Assert.True(Environment.TickCount64 - start < 20_000, "It did not come to be so in time.");
    }

    private static async Task ChangeAsync(ISaleStore store, CommandKind kind)
    {
        await using var sequencer = new Sequencer(store.Open(Sale));
        Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(new() { Command = new() { Kind = kind } }).AsTask().WaitAsync(Bound));
    }

    private static async Task<ChainHash> SellAsync(ISaleStore store, int first, int count, bool close = true)
    {
        await using var sequencer = new Sequencer(store.Open(Sale));
        await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Open } });
        for (var id = first; id < first + count; id++) Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Purchase(id)));
        if (first > 0) Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(Find(0)));
        if (close) Assert.Equal(Outcome.Done, await sequencer.SubmitAsync(new() { Command = new() { Kind = CommandKind.Close } }));
        return sequencer.Snapshot!.Hash;
    }
}
