namespace TicketRush.Cli.Tests.Faults;

// Goal: whatever a server was doing when it was killed, nothing that it acknowledged is lost, nothing is sold twice, and
// whoever was told nothing learns the truth by asking again with the same id.
// Method: a crowd buys; its server is killed at a random moment, again and again; a ledger outside keeps what was answered.
[Collection(nameof(FaultCollection))]
public sealed class KillTests(ITestOutputHelper output)
{
    private const string Small = "small";

    [Fact]
    [Trait("Statement", "S3")]
    public async Task A_server_that_is_killed_under_load_loses_nothing_and_sells_nothing_twice()
    {
        await using var place = await Place.MakeAsync();
        await place.AddSaleAsync(Small, capacity: 2_000);
        string? url = null;
        var crowd = new Crowd(place.Shop, place.Ledger, 12, _ => Volatile.Read(ref url), buyer => buyer % 4 == 0 ? Small : Place.Sale);
        var random = new Random(1);
        var kills = Storm.Of(200);
        for (var i = 0; i < kills; i++)
        {
            await using var server = await place.ServeAsync();
            Volatile.Write(ref url, server.Url);
            var enough = place.Ledger.Done + random.Next(1, 300);
            await Until.TrueAsync(() => place.Ledger.Done >= enough, $"{enough} orders are acknowledged");
            server.Kill();
            Volatile.Write(ref url, null);
            await server.WaitForExitAsync();
        }

        await crowd.StopAsync();
        output.WriteLine($"{kills} kills: {place.Ledger.Summary}; {place.Ledger.With(Fate.Unknown).Count()} still unknown");
        await place.SettleAndAuditAsync(Place.Sale, Small);
        Assert.Empty(place.Ledger.With(Fate.Unknown));

        await A_lost_batch_would_be_noticed(place);
    }

    // The negative control, on the journal that has just passed.
    private static async Task A_lost_batch_would_be_noticed(Place place)
    {
        var last = JournalFile.Read(place.JournalPath()).Batches[^1];
        Assert.Contains(place.Ledger.With(Fate.Done), wish => wish.Sale == Place.Sale && wish.Sequence >= last.FirstSequence);
        JournalFile.CutLastBatch(place.JournalPath());
        Assert.Contains(await Audit.FindAsync(place.Data, place.Ledger, Place.Sale), wrong =>
            wrong.EndsWith("is lost", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_acknowledgement_that_was_never_written_would_be_noticed()
    {
        await using var place = await Place.MakeAsync();
        var server = await place.ServeAsync();
        var wish = Place.NewWish();
        Assert.Equal(200, (await place.BuyAsync(server, wish))!.Status);
        await place.SettleAndAuditAsync();

        place.Ledger.Add(new(Place.Sale, "ann", 1) { Fate = Fate.Done, Sequence = wish.Sequence + 1, Hash = wish.Hash, Tickets = [2] });
        Assert.Contains(await Audit.FindAsync(place.Data, place.Ledger, Place.Sale), wrong =>
            wrong.EndsWith("is lost", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Statement", "S3")]
    public async Task A_server_that_is_told_to_end_answers_everything_it_has_decided()
    {
        await using var place = await Place.MakeAsync();
        for (var i = 0; i < Storm.Of(20); i++)
        {
            var server = await place.ServeAsync();
            string? url = server.Url;
            var crowd = new Crowd(place.Shop, place.Ledger, 12, _ => Volatile.Read(ref url));
            var enough = place.Ledger.Done + 200;
            await Until.TrueAsync(() => place.Ledger.Done >= enough, $"{enough} orders are acknowledged");
            server.Terminate();
            Assert.Equal(0, await server.WaitForExitAsync());
            Volatile.Write(ref url, null);
            await crowd.StopAsync();
        }

        // Who reached a closed door got no answer; but then nothing may stand in the journal for them either.
        var wrong = await Audit.FindAsync(place.Data, place.Ledger, Place.Sale);
        Assert.DoesNotContain(wrong, problem => !problem.EndsWith("was never given a definite answer", StringComparison.Ordinal));
        Assert.Empty(place.Ledger.Wrong);
        output.WriteLine(place.Ledger.Summary);
        await place.SettleAndAuditAsync();
    }
}
