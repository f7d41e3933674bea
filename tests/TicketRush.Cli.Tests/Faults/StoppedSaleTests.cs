namespace TicketRush.Cli.Tests.Faults;

// Goal: a journal that this program must not go on with stops its sale and no other, is named, and is left as it is.
// Method: the files are changed by hand, under a running server or before it starts.
[Collection(nameof(FaultCollection))]
public sealed class StoppedSaleTests
{
    private const string Other = "other";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_batch_in_a_newer_format_stops_the_sale_and_is_not_touched(bool isPublished)
    {
        await using var place = await MakeAsync();
        var server = await place.ServeAsync();
        Assert.Equal(200, (await place.BuyAsync(server, Place.NewWish()))!.Status);

        JournalFile.AppendNewer(place.JournalPath(), isPublished);
        var file = await File.ReadAllBytesAsync(place.JournalPath());
        await AssertStoppedAsync(place, server, "newer version");
        await Until.TrueAsync(() => server.Said.Contains("in format 2", StringComparison.Ordinal), "the log says which format");
        Assert.Equal(file, await File.ReadAllBytesAsync(place.JournalPath()));

        server.Terminate();
        Assert.Equal(0, await server.WaitForExitAsync());
        await AssertStoppedAsync(place, await place.ServeAsync(), "newer version");
        Assert.Equal(file, await File.ReadAllBytesAsync(place.JournalPath()));
    }

    [Fact]
    public async Task A_journal_that_is_replaced_under_a_running_server_stops_its_sale()
    {
        await using var place = await MakeAsync();
        var copy = await File.ReadAllBytesAsync(place.JournalPath());
        var server = await place.ServeAsync();
        Assert.Equal(200, (await place.BuyAsync(server, Place.NewWish()))!.Status);

        // An older copy of the very same journal, as somebody would restore it.
        await File.WriteAllBytesAsync(place.JournalPath() + ".copy", copy);
        File.Move(place.JournalPath() + ".copy", place.JournalPath(), overwrite: true);
        await AssertStoppedAsync(place, server, "replaced");
        await Until.TrueAsync(() => server.Said.Contains("was replaced or taken away", StringComparison.Ordinal), "the log says so");
        Assert.Equal(copy, await File.ReadAllBytesAsync(place.JournalPath()));
    }

    [Fact]
    public async Task A_damaged_byte_before_the_durable_end_stops_that_sale_at_the_next_start()
    {
        await using var place = await MakeAsync();
        var server = await place.ServeAsync();
        for (var i = 0; i < 5; i++) Assert.Equal(200, (await place.BuyAsync(server, Place.NewWish()))!.Status);
        server.Terminate();
        Assert.Equal(0, await server.WaitForExitAsync());

        var bad = JournalFile.Read(place.JournalPath()).Batches[^2];
        JournalFile.FlipByte(place.JournalPath(), bad.Offset + 120);
        var next = await place.ServeAsync();
        await AssertStoppedAsync(place, next, "damaged");
        Assert.Contains($"is damaged at sequence {bad.FirstSequence} (byte {bad.Offset})", next.Said);
    }

    private static async Task<Place> MakeAsync()
    {
        var place = await Place.MakeAsync();
        await place.AddSaleAsync(Other, 1_000);
        return place;
    }

    private static async Task AssertStoppedAsync(Place place, RushProcess server, string reason)
    {
        var refused = (await place.BuyAsync(server, Place.NewWish()))!;
        Assert.Equal((503, "SALE_STOPPED"), (refused.Status, refused.Code));
        Assert.Contains(reason, refused.Body.GetProperty("detail").GetString());

        var shown = (await place.Shop.GetAsync($"{server.Url}/api/sales/{Place.Sale}")).Body;
        Assert.Equal("stopped", shown.GetProperty("state").GetString());
        Assert.Contains(reason, shown.GetProperty("reason").GetString());
        var health = await place.Shop.GetAsync($"{server.Url}/health/ready");
        Assert.Equal(200, health.Status);
        Assert.Equal([Place.Sale], health.Body.GetProperty("stopped").EnumerateArray().Select(sale => sale.GetString()));

        Assert.Equal(200, (await place.BuyAsync(server, Place.NewWish(Other)))!.Status);
        Assert.Empty(place.Ledger.Wrong);
    }
}
