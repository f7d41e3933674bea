using Xunit.Sdk;

namespace TicketRush.Cli.Tests.Faults;

// Goal: an error of the disk is never turned into "sold out" or "failed"; callers are told that nobody knows, or that nothing was
// started; the sale goes on by itself; what was acknowledged is there after a restart.
// Method: errors are injected into the system calls of a server under load.
[Collection(nameof(FaultCollection))]
public sealed class DiskErrorTests(ITestOutputHelper output)
{
    // The first pwrite64 calls of a server may make room; the thirtieth of a few dozen orders, one by one, is a batch.
    private const int Batch = 30;

    [Theory]
    [Trait("Statement", "S27")]
    [Trait("Statement", "S3")]
    [InlineData("fdatasync", "error=EIO", "5", "OUTCOME_UNKNOWN")]
    [InlineData("fdatasync", "error=EIO", "5..12", "OUTCOME_UNKNOWN")]
    [InlineData("fdatasync", "error=EIO", "4+7", "OUTCOME_UNKNOWN")]
    [InlineData("pwrite64", "error=ENOSPC", "30", "OUTCOME_UNKNOWN")]
    [InlineData("pwrite64", "error=ENOSPC", "1..3", "OUTCOME_UNKNOWN")]
    [InlineData("pwrite64", "retval=0", "30+5", null)]
    public async Task An_error_of_the_disk_is_never_a_refusal_and_the_sale_goes_on(string call, string fault, string when, string? told)
    {
        Needs.Strace();
        await using var place = await Place.MakeAsync();
        var server = await place.ServeAsync(["-e", $"trace={call}", "-e", $"inject={call}:{fault}:when={when}"]);
        await using (new Crowd(place.Shop, place.Ledger, 6, _ => server.Url))
        {
            if (told is not null) await Until.TrueAsync(() => place.Ledger.Answered(told) > 0, $"{told} is answered");
            var enough = place.Ledger.Done + 200;
            await Until.TrueAsync(() => place.Ledger.Done >= enough, "the sale goes on by itself", 60);
        }

        output.WriteLine(place.Ledger.Summary);
        Assert.Empty(place.Ledger.With(Fate.Refused));
        Assert.All(place.Ledger.With(Fate.NotStarted), wish => Assert.Contains(wish.Code, new[] { "SALE_STOPPED", "DISK_FULL" }));
        server.Terminate();
        Assert.Equal(0, await server.WaitForExitAsync());

        // The control: the fault did happen.
        Assert.Contains(await server.ReadTraceAsync(), line => line.EndsWith("(INJECTED)", StringComparison.Ordinal));
        await place.SettleAndAuditAsync();
    }

    [Fact]
    public Task A_write_that_the_disk_swallowed_is_found_and_named_at_the_next_start() => FindSwallowedAsync(at: Batch);

    [Fact]
    public Task Control_a_write_that_was_not_swallowed_is_not_found() =>
        Assert.ThrowsAnyAsync<XunitException>(() => FindSwallowedAsync(at: 100 * Batch));

    private static async Task FindSwallowedAsync(int at)
    {
        Needs.Strace();
        await using var place = await Place.MakeAsync();
        await place.AddSaleAsync("other", 1_000);

        // The call says that 100 bytes were written and writes none; nobody can know before the file is read again.
        var server = await place.ServeAsync(["-e", "trace=pwrite64", "-e", $"inject=pwrite64:retval=100:when={at}"]);
        for (var i = 0; i < Batch; i++) Assert.Equal(200, (await place.BuyAsync(server, Place.NewWish()))!.Status);
        server.Terminate();
        Assert.Equal(0, await server.WaitForExitAsync());

        var next = await place.ServeAsync();
        var refused = (await place.BuyAsync(next, Place.NewWish()))!;
        Assert.Equal((503, "SALE_STOPPED"), (refused.Status, refused.Code));
        Assert.Contains("damaged", refused.Body.GetProperty("detail").GetString());
        await Until.TrueAsync(() => next.Said.Contains("is damaged at sequence", StringComparison.Ordinal), "the log names the sequence");
        Assert.Equal(200, (await place.BuyAsync(next, Place.NewWish("other")))!.Status);
        Assert.Empty(place.Ledger.Wrong);
    }

    [Fact]
    public async Task A_full_disk_pauses_the_sale_and_room_resumes_it_without_a_restart()
    {
        var cycles = Storm.Of(20);
        using var disk = SmallDisk.Mount(4096 + cycles * 2048);
        await using var place = await Place.MakeAsync(path: disk.Path);
        var server = await place.ServeAsync();
        var paid = Place.NewWish();
        Assert.Equal(200, (await place.BuyAsync(server, paid))!.Status);
        for (var i = 0; i < cycles; i++)
        {
            disk.Fill();
            var before = place.Ledger.Answered("DISK_FULL");
            await using var crowd = new Crowd(place.Shop, place.Ledger, 6, _ => server.Url);
            await Until.TrueAsync(() => place.Ledger.Answered("DISK_FULL") > before + 20, "the disk is full", 60);

            Assert.Equal(200, (await place.BuyAsync(server, paid))!.Status);
            Assert.Equal(200, (await place.Shop.GetAsync($"{server.Url}/api/sales/{Place.Sale}/orders/{paid.Id}")).Status);
            Assert.Equal(200, (await place.Shop.GetAsync($"{server.Url}/api/sales/{Place.Sale}/availability")).Status);

            disk.Free();
            var enough = place.Ledger.Done + 50;
            await Until.TrueAsync(() => place.Ledger.Done >= enough, "selling resumes by itself");
        }

        output.WriteLine($"{cycles} cycles: {place.Ledger.Summary}");
        Assert.Empty(place.Ledger.With(Fate.Refused));
        await place.SettleAndAuditAsync();
    }

    // Whatever the kernel has no room for behind a mapped file ends the process that touches it, unless it was asked before.
    [Fact]
    public async Task A_sale_that_the_disk_has_no_room_for_takes_no_other_down()
    {
        using var disk = SmallDisk.Mount(4096);
        await using var place = await Place.MakeAsync(path: disk.Path);
        var server = await place.ServeAsync();
        var plan = new { name = "Late", timeZone = "UTC", currency = "EUR", paymentKind = "none",
            tiers = new[] { new { id = "place", name = "Place", capacity = 1, price = 1 } } };
        disk.Fill(except: 8192); // The journal's two pages, and none for the turn file.
        Assert.InRange((await place.Shop.PutAsync($"{server.Url}/api/sales/late", plan)).Status, 500, 503);
        Assert.InRange((await place.Shop.PutAsync($"{server.Url}/api/sales/later", plan)).Status, 500, 503);
        Assert.False(server.HasExited);
        Assert.Empty(Directory.EnumerateFiles(disk.Path, ".*"));

        disk.Free();
        Assert.Equal(200, (await place.BuyAsync(server, Place.NewWish()))!.Status);
        await Until.TrueAsync(async () => (await place.Shop.PutAsync($"{server.Url}/api/sales/late", plan)).Status == 200,
            "the sale is made");
        await place.SettleAndAuditAsync();
    }
}
